"""The steady solve has the same bits on any number of ranks: e, o, flux, iterations, for both formulations."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

pytestmark = [pytest.mark.mpi, pytest.mark.ranks(2, 3, 4)]

CASES = {
    "even": {},
    "even, odd momenta": {"points": 13, "cells": 47},
    "even, long mean free path": {"tau": 20.0, "cells": 40},
    "moments": {"force": False},
    "moments, long mean free path": {"force": False, "tau": 200.0, "points": 9},
    "even without force": {"force": False, "solver": {"formulation": "even"}},
    "fewest nodes": {"cells": 5, "length": 5.0, "points": 3},
}


@pytest.mark.parametrize("shift", [0.0, 0.37])
@pytest.mark.parametrize("name", CASES)
def test_bits_do_not_depend_on_ranks(comm, wire, name, shift):
    options = {"cells": 61, "points": 12, **CASES[name]}
    results = []
    for group in (MPI.COMM_SELF, comm):
        w = wire(comm=group, **options)
        w.steady.update(w.ghost, shift)
        source = w.kinetic.source(-8e-6, 3.0)
        e, o = w.steady.solve(source)
        count = w.steady.last_iterations
        again, _ = w.steady.solve(2.0 * source, guess=e)
        gathered = [w.mesh.gather(f) for f in (e, o[: w.mesh.n], w.kinetic.flux(o)[: w.mesh.n], again)]
        results.append((gathered, count, w.steady.last_iterations))
    (alone, *counts), (spread, *others) = results
    assert counts == others
    assert counts[0] > 0
    for a, b in zip(alone, spread, strict=True):
        assert np.array_equal(a, b)


def test_petsc_methods_agree(comm, wire):
    """PETSc's own flexible GMRES solves the same system, to the tolerance but not to the bit."""
    from hpcalo.wall.solvers.options import SolverOptions  # noqa: PLC0415  (PETSc starts with the first import)

    results = []
    for options in ({}, {"ksp_type": "fgmres"}, {"ksp_type": "bcgs"}):
        w = wire(comm=comm, cells=41, points=10, solver={"tolerance": 1e-12, "options": SolverOptions(options)})
        results.append(w.solve(-8e-6, 1.0)[0])
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], atol=1e-9 * np.abs(results[0]).max())
