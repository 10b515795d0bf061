"""Inputs with one to three values changed are taken or refused in one line, by `check` and, if small, by `run`.

Always the same ones; `tests/bench/soak_inputs.py` tries as many others as one likes.
"""

from __future__ import annotations

import random
import sys
import tomllib
from contextlib import suppress
from pathlib import Path

import tomli_w
from inputs import SMALL
from limits import processor_time
from places import REPOSITORY

from hpcalo import app
from hpcalo.app.inputs import estimate_of, load_input
from hpcalo.errors import HpcaloError
from hpcalo.parallel.world import alone

sys.path.insert(0, str(REPOSITORY / "tests/bench"))
from soak_inputs import inputs, mutated_input

CHECKED, RUN = 500, 60
SECONDS = 4.0  # of the processor, for one; two are allowed for an estimate


def is_taken(use) -> bool:
    """Whether the program goes through with it; any other end than that and a refusal is a failure of the test."""
    with processor_time(SECONDS), suppress(HpcaloError):
        use()
        return True
    return False


def test_check(tmp_path, capsys):
    case = inputs(tmp_path)
    taken = 0
    for seed in range(CHECKED):
        taken += is_taken(case(random.Random(seed)))
        capsys.readouterr()
    assert 10 < taken < CHECKED - 10, taken


def test_run(tmp_path, capsys, monkeypatch):
    """What is estimated to take a moment is run."""
    monkeypatch.chdir(tmp_path)
    path = Path("case.toml")
    finished = 0

    def use():
        nonlocal finished
        name, settings = load_input(path)
        work = estimate_of(name, settings, path)
        if work.task_seconds is not None and work.tasks * work.task_seconds < 0.2 and work.memory(1) < 2**30:
            app.run(alone(), path, output=tmp_path / "case.h5", force=True, quiet=True)
            finished += 1

    tables = [tomllib.loads(SMALL.format(side=2))]
    for seed in range(RUN):
        path.write_text(tomli_w.dumps(mutated_input(random.Random(seed), tables)), encoding="utf-8")
        is_taken(use)
        capsys.readouterr()
    assert finished > 3, finished
