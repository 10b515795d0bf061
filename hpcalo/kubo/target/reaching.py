"""The sums of a run to the accuracy that its input asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from hpcalo.hamiltonian.kgrid import KGrid
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.sums.checkpoints import PassCheckpoints
from hpcalo.kubo.sums.request import Request
from hpcalo.kubo.target.budget import Budget
from hpcalo.kubo.target.driver import Evaluate, reach
from hpcalo.kubo.target.meshes import mesh_strategies
from hpcalo.kubo.target.planner import Directions, Planner
from hpcalo.kubo.target.refined import CellStrategy, PointValues, refines_cells
from hpcalo.kubo.target.strategy import Outcome, Strategy
from hpcalo.parallel.progress import tell

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


def sum_to_target(
    make: Callable[[], Iterator[StateSolver]],
    labels: Sequence[str],
    request: Request,
    grid: KGrid,
    evaluate: Evaluate,
    comm: Intracomm,
    *,
    checkpoints: PassCheckpoints | None = None,
    points: int = 0,
    cells: PointValues | None = None,
    quiet: bool = True,
) -> Outcome:
    """Sums of all directions of the magnetization, refined until they reach the target. Collective.

    They are refined until every value that `evaluate` finds is as accurate as `grid.target` asks, or the budget of
    `grid` is used.

    make: a new round of solvers, labels: their directions in words. points: computed before, for another target of the
    same run; they count. cells: what single points give for the numbers with a target; where it is known,
    cells of a bulk crystal's zone are refined too. Raises what a pass raises, and InputError where not even the first
    level is allowed.
    """
    directions = Directions(make, labels)
    planner = Planner(comm, request, grid, directions, checkpoints, quiet=quiet)
    strategies: list[Strategy] = [*mesh_strategies(planner)]
    if cells is not None and refines_cells(request, grid):
        strategies.append(CellStrategy(planner, directions, cells, comm, checkpoints, quiet=quiet))
    budget = Budget(
        comm,
        grid.points_max,
        grid.time_max,
        clock=lambda: checkpoints.seconds if checkpoints else 0.0,
        replayed=lambda: bool(checkpoints and checkpoints.is_known()),
        used=points,
    )
    return reach(strategies, evaluate, budget, lambda text: tell(comm, text, quiet=quiet))
