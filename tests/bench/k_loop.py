"""The sum over k of an input as a run plans it: what the programs begin with that benches start under mpirun."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hpcalo.config.reader import apply_overrides, read_toml, validate
from hpcalo.hamiltonian.loading import load_model
from hpcalo.kubo.config import KuboInput
from hpcalo.kubo.prepare import prepare
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.sums.plan import Pass, plan

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


def planned(comm: Intracomm, source: Path, overrides: list[str]) -> Pass:
    """The first pass of the run of this input, shared by these ranks."""
    settings = validate(KuboInput, apply_overrides(read_toml(source), overrides), str(source), source.parent)
    model = load_model(settings.model)
    _, n_hat, request = prepare(settings.kubo, model)
    return plan(next(solvers(model, n_hat, request.need())), request, settings.kubo.k, comm)


def environment() -> dict[str, str]:
    """That of this process (without what MPI adds to it behind Python's back), for programs that import this module."""
    folders = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
