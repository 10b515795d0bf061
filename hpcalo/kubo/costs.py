"""What it costs to compute a run, or the points of a scan, within little time: k-points, memory, seconds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hpcalo.hamiltonian.kgrid import KGrid
from hpcalo.hamiltonian.kmesh import block_size, mesh_size, uniform_mesh
from hpcalo.hamiltonian.loading import load_model
from hpcalo.hamiltonian.symmetry import identity
from hpcalo.hamiltonian.types import Model
from hpcalo.kubo.config import KuboInput, KuboSection
from hpcalo.kubo.foresight import Ahead, foresee
from hpcalo.kubo.memory import bytes_of_cells, memory_per_rank
from hpcalo.kubo.prepare import prepare, remarks
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.found import SAMPLES, Symmetry
from hpcalo.kubo.sums.parts import bytes_of_sums
from hpcalo.kubo.sums.plan import expected_operations, size_of
from hpcalo.kubo.sums.request import Request
from hpcalo.kubo.sums.symmetry_check import SymmetryCheck, symmetries_of
from hpcalo.kubo.target.meshes import CENTRED, first_grid
from hpcalo.kubo.target.planner import MOST_PASSES
from hpcalo.kubo.target.refined import refines_cells
from hpcalo.parallel.packing import Packing
from hpcalo.typing import RealArray

LONGEST = 1.2
"""Seconds of processor time that everything may take, about, besides reading models."""
TIMED = 0.3
"""Of it for the time of a k-point."""
DIVISIONS = 32
"""Largest divisions of the mesh whose first points are timed."""


@dataclass(frozen=True)
class Cost:
    """What one run costs.

    model: in words. memory: bytes a rank. seconds_per_k: of one k-point on one rank. foreseen: what a look ahead says
    of the accuracy, or of what the target takes; "" for nothing. known: whether `points` are those of the run, and not
    of a first mesh only. most: whether they are its budget, so that it may take less. time_max: its budget of seconds,
    infinite where there is none.
    """

    model: str
    points: int
    size: int
    directions: int
    sums: float
    memory: float
    seconds_per_k: float
    notes: tuple[str, ...]
    remarks: tuple[str, ...]
    foreseen: str = ""
    target: bool = False
    known: bool = True
    most: bool = False
    time_max: float = math.inf

    @property
    def blocks(self) -> int:
        """Blocks of k-points."""
        return -(-self.points // self.size)

    @property
    def block_seconds(self) -> float:
        """Of one block on one rank."""
        return self.seconds_per_k * min(self.size, self.points) * self.directions

    def seconds(self, ranks: int) -> float:
        """Of all blocks on so many ranks, or the budget if it is shorter; infinite where it is not known."""
        return min(self.block_seconds * -(-self.blocks // ranks) if self.known else math.inf, self.time_max)

    @property
    def at_most(self) -> str:
        """Before a number that the run may stay below."""
        return "at most " if self.most else ""


class Costs:
    """Costs of runs; models are read, and blocks timed, once for all runs that share them.

    When the time is used up, a run is taken to cost per k-point what the last one did. start: seconds before the first
    k-point of a run.
    """

    def __init__(self) -> None:
        self._begin = time.process_time()
        self._models: dict[str, Model] = {}
        self._looks: dict[str, _Look] = {}
        self._last: tuple[Cost, _Look] | None = None
        self.start = 0.0

    @property
    def left(self) -> float:
        """Seconds."""
        return LONGEST - (time.process_time() - self._begin)

    def of(self, settings: KuboInput, share: float = 1.0, *, alone: bool = True) -> Cost:
        """The cost of one run; the accuracy of a grid only if it is alone.

        share: of the time that is left, for this run. Raises InputError, ModelError and ConvergenceError as the run
        would.
        """
        section, name = settings.kubo, settings.model.model_dump_json()
        if name not in self._models:
            begin = time.process_time()
            self._models = {name: load_model(settings.model)}  # one at a time: they may be large
            self.start = time.process_time() - begin
            self._begin += self.start
        model = self._models[name]
        reference, n_hat, request = prepare(section, model)
        target, alike = section.k.target is not None, name + section.model_copy(update={"k": None}).model_dump_json()
        if self._last and self.left <= 0.0:
            return _like(*self._last, section, model, len(n_hat))
        grid = _mesh(section, model)
        if alike not in self._looks:
            solver = next(solvers(model, n_hat, request.need(), spin_matrices=section.spin_matrices))
            self._looks[alike] = _Look(solver, request, grid, share * self.left)
        look = self._looks[alike]
        passes = len(n_hat) * (MOST_PASSES if target else 1)
        size, notes = size_of(look.solver, request, grid, look.symmetry, passes)
        foreseen = None
        if (target or alone) and self.left > 0.0:
            foreseen = foresee(
                Ahead(section, model, request, reference, n_hat, look.seconds, share * self.left, look.symmetry)
            )
        known = not target or (foreseen is not None and foreseen.points is not None)
        most = foreseen.most if foreseen else target and section.k.points_max is not None
        points = size.count
        if target and foreseen is not None and foreseen.points is not None:
            points = math.ceil(foreseen.points / len(n_hat))
        elif target and section.k.points_max is not None:
            points, known = -(-section.k.points_max // len(n_hat)), True
        memory = memory_per_rank(model, look.solver, request)
        memory += bytes_of_sums(size.division, Packing(request.shapes()).size, passes)
        if target and refines_cells(request, section.k):
            memory += bytes_of_cells(points * len(n_hat), look.solver, request)
        cost = Cost(
            f"{model.name or '(unnamed)'}: {look.solver.size} states, {len(model.R)} cells R, "
            f"volume {model.crystal.volume:.3f} Å^3",
            points,
            block_size(look.solver.size),
            len(n_hat),
            8.0 * Packing(request.shapes()).size,
            memory,
            (foreseen.seconds if foreseen else None) or look.seconds,
            tuple(notes),
            tuple(remarks(section, model, n_hat, request)),
            foreseen.text if foreseen else "",
            target,
            known,
            most or (target and not known and section.k.time_max is not None),
            section.k.time_max or math.inf,
        )
        self._last = cost, look
        return cost


class _Look:
    """What a model and a request take: symmetry, and seconds of a k-point. Raises ConvergenceError.

    Where the sums that check the symmetry take longer than `left` seconds, the crystal's is taken to hold.
    """

    def __init__(self, solver: StateSolver, request: Request, grid: KGrid, left: float) -> None:
        self.solver = solver
        begin = time.process_time()
        self.seconds = seconds_per_k(solver, request, grid)
        expected = expected_operations(solver, request, grid)
        check = SymmetryCheck(solver, expected, request, grid.largest_violation)
        each = _seconds(lambda: check.sums(0, 0))
        sums = sum(check.tasks(number) for number in range(check.rounds - 1)) + 2 * SAMPLES * (len(expected) > 1)
        if each * sums > left - (time.process_time() - begin):
            sums = len(expected)
            self.symmetry = Symmetry(sums, expected, (0.0,) * sums, expected=sums > 1)
        else:
            self.symmetry = symmetries_of(solver, expected, request, grid.largest_violation)


def _like(cost: Cost, look: _Look, section: KuboSection, model: Model, directions: int) -> Cost:
    """The cost of another run with the symmetry and the time per k-point of this one."""
    grid, most = _mesh(section, model), section.k.points_max
    target = section.k.target is not None
    points = mesh_size(grid.divisions, grid.shift, look.symmetry.operations).count
    if target and most is not None:
        points = -(-most // directions)
    return replace(
        cost,
        points=points,
        directions=directions,
        target=target,
        known=not target or most is not None,
        most=target and (most is not None or section.k.time_max is not None),
        time_max=section.k.time_max or math.inf,
    )


def seconds_per_k(solver: StateSolver, request: Request, grid: KGrid) -> float:
    """Processor time of a k-point on this machine, from a small block. Raises ConvergenceError."""
    n1, n2, n3 = (min(n, DIVISIONS) for n in grid.divisions)
    points = uniform_mesh((n1, n2, n3), grid.shift, (identity(),), solver.order).points[: block_size(solver.size)]
    one = _seconds(lambda: _sum(solver, points[:1], request))  # with what is prepared once
    count = min(max(round(TIMED / one), 1), len(points), 64)
    return _seconds(lambda: _sum(solver, points[:count], request)) / count


def _sum(solver: StateSolver, points: RealArray, request: Request) -> None:
    sum_block(solver, points, np.full(len(points), 1.0 / len(points)), request, slice(None))


def _seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return max(time.process_time() - begin, 1e-6)


def _mesh(section: KuboSection, model: Model) -> KGrid:
    """The grid of the input, or one like the first of its target."""
    if section.k.target is None:
        return section.k
    return section.k.mesh(section.k.grid or first_grid(model.crystal, CENTRED.multiple), section.k.shift)
