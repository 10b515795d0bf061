"""One rank fails anywhere, or a number is not finite: all ranks end within seconds, with one line that says where."""

from __future__ import annotations

import pytest
from inputs import RASHBA
from program import one_complaint

PROGRAM = """
import sys
import numpy as np
from mpi4py import MPI
where, rank = sys.argv[1], int(sys.argv[2])
mine = MPI.COMM_WORLD.rank == rank
from hpcalo.kubo import run as kubo
from hpcalo.kubo.sums import passes as kubo_pass, plan as kubo_plan
from hpcalo.io import checkpoint
import h5py
from importlib import import_module

def broken(module, name, call=1, error=None):
    real, left = getattr(module, name), [call]
    def fail(*arguments, **options):
        left[0] -= 1
        if mine and left[0] == 0:
            raise error or RuntimeError("broken on purpose")
        return real(*arguments, **options)
    setattr(module, name, fail)

def nan(module, name, call, value):
    real, left = getattr(module, name), [call]
    def spoil(*arguments, **options):
        answer = real(*arguments, **options)
        left[0] -= 1
        if mine and left[0] == 0:
            next(iter(answer.values())).flat[3] = value
        return answer
    setattr(module, name, spoil)

if where == "input": broken(import_module("hpcalo.app.verbs.run"), "load_input")
if where == "model": broken(kubo, "load_model")
if where == "plan": broken(kubo_plan, "uniform_mesh")
failed = np.linalg.LinAlgError("Eigenvalues did not converge")
if where == "solver": broken(import_module("hpcalo.kubo.states.wannier"), "eigh", 2, failed)
if where == "loop": broken(kubo_pass, "sum_block", 2)
if where == "memory": broken(kubo_pass, "sum_block", 2, MemoryError())
if where == "checkpoint": broken(checkpoint, "write", 2)
if where == "collect": broken(kubo, "responses")
if where == "writer": broken(h5py.Group, "create_dataset")
if where == "rename": broken(__import__("hpcalo.io.files").io.files, "seal", 3)
if where == "nan": nan(kubo_pass, "sum_block", 2, np.nan)
if where == "inf": nan(kubo_pass, "sum_block", 2, -np.inf)
if where == "huge": nan(kubo_pass, "sum_block", 2, 1e300)
if where == "field":
    real = kubo.spread
    def spoil(fields, comm):
        fields[0].data.flat[0] = np.nan
        return real(fields, comm)
    kubo.spread = spoil
from hpcalo.parallel.rounds import Rounds
if where in ("checkpoint", "rename"): Rounds.meeting = lambda self: (True, False)
from hpcalo.__main__ import main
main(["run", "r.toml", "-q", "-o", "a.h5"])
"""
PURPOSE = "broken on purpose"
CASES = [
    ("input", 0, 70, PURPOSE),
    ("plan", 0, 70, PURPOSE),
    ("solver", 2, 4, "]: Eigenvalues did not converge"),
    ("loop", 1, 70, PURPOSE),
    ("memory", 2, 8, "out of memory"),
    ("checkpoint", 0, 70, PURPOSE),
    ("collect", 1, 70, PURPOSE),
    ("writer", 0, 70, PURPOSE),
    ("nan", 1, 4, "k-points ["),
    ("huge", 0, 4, "k-points ["),
    ("field", 0, 4, "values are not finite, the first at "),
]


@pytest.mark.parametrize(("where", "rank", "code", "words"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_all_end_with_one_line(launch, tmp_path, where, rank, code, words):
    text = RASHBA.format(quantities='"torkance", "conductivity"', energies="", side="40")
    (tmp_path / "r.toml").write_text(text)
    result = launch(3, "-c", PROGRAM, where, str(rank))
    one_complaint(result, code, words)
    assert not (tmp_path / "a.h5").exists()
    assert not list(tmp_path.glob("*.part-*"))
