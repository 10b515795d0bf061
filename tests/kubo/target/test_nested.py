"""A finer mesh that takes over the sums of a coarser one has the same sums as one that computes all its points."""

from __future__ import annotations

import numpy as np
import pytest

from hpcalo.hamiltonian.builtin import builtin_model
from hpcalo.hamiltonian.kgrid import KGrid
from hpcalo.kubo.states.operators import VELOCITY
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.sums.request import Request, Sums
from hpcalo.kubo.target.meshes import CENTRED, GENERIC, HALF, periodic_shift
from hpcalo.kubo.target.nested import refined
from hpcalo.kubo.target.planner import Directions, Planner
from hpcalo.parallel.single import single

PAIR = (VELOCITY, VELOCITY)


def planner(name: str, directions=((0.0, 0.0, 1.0),)) -> Planner:
    model = builtin_model(name)
    none = np.zeros(0)
    request = Request(model.crystal, np.linspace(-2.0, 2.0, 3), np.array([0.2]), none, none, Sums((PAIR,), (PAIR,)))
    n_hat = np.array(directions)
    return Planner(
        single(),
        request,
        KGrid(target="1 %"),
        Directions(lambda: solvers(model, n_hat, request.need()), [str(n) for n in directions]),
    )


@pytest.mark.parametrize("name", ["chain", "rashba", "ferromagnet"])
@pytest.mark.parametrize("kind", [CENTRED, HALF, GENERIC], ids=lambda kind: kind.name)
def test_takes_over_the_coarser_sums(name, kind):
    """The whole and every class that the estimate of errors uses; fewer points are computed."""
    plan = planner(name)
    divisions = plan.along(kind.multiple * (1 if name == "ferromagnet" else 2))
    coarse = plan.make(plan.plan(divisions, periodic_shift(kind.shift, plan.crystal.periodic)), None)
    factors = plan.along(kind.factor)
    grid, shift, offset = refined(coarse.grid, coarse.shift, factors)
    nested, whole = plan.plan(grid, shift, coarse, (factors, offset)), plan.plan(grid, shift)
    assert all(known is not None for known in nested.known)
    assert nested.points < whole.points
    assert sum(len(task.mesh.points) for task in (*nested.new, *coarse.tasks)) == whole.points
    a, b = plan.make(nested, coarse), plan.make(whole, None)
    np.testing.assert_allclose(a.tables[0], b.tables[0], rtol=0, atol=1e-13 * np.abs(b.tables[0]).max())
