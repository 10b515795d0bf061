"""One pass over k for one direction of the magnetization: its mesh, its symmetry, its blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.cosets import Division, divide
from hpcalo.hamiltonian.kgrid import KGrid
from hpcalo.hamiltonian.kmesh import KMesh, MeshSize, block_size, mesh_size, operations_of_grid, uniform_mesh
from hpcalo.hamiltonian.symmetry import Operation, candidates, identity
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.sums.found import Symmetry
from hpcalo.kubo.sums.parts import LARGEST_SUMS, bytes_of_sums
from hpcalo.kubo.sums.request import Request
from hpcalo.kubo.sums.symmetry_check import SymmetryCheck
from hpcalo.parallel.guard import on_root, together
from hpcalo.parallel.packing import Packing

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


@dataclass(frozen=True)
class Pass:
    """What all ranks agree on before they start.

    symmetry: the operations that hold, of which those of the mesh made its wedge. notes: in words, the size of the mesh
    and its symmetry, then what the program leaves out and why.
    """

    solver: StateSolver
    mesh: KMesh
    request: Request
    symmetry: Symmetry
    notes: tuple[str, ...]

    @property
    def blocks(self) -> list[slice]:
        """Blocks of k-points, the same for any number of ranks."""
        return self.mesh.blocks(block_size(self.solver.size))

    def fingerprint(self) -> str:
        """Distinguishes passes whose sums must not be mixed. Serial."""
        digest = hashlib.sha256(repr(sorted(self.request.shapes().items())).encode())
        axes = (self.request.energies, self.request.count_edges, self.request.gammas, self.request.mu, self.request.kt)
        for array in (self.solver.n_hat, self.mesh.points, self.mesh.weights, self.mesh.labels, *axes):
            digest.update(np.ascontiguousarray(array, dtype=float).tobytes())
        return digest.hexdigest()


def plan(
    solver: StateSolver,
    request: Request,
    grid: KGrid,
    comm: Intracomm,
    passes: int = 1,
    symmetry: Symmetry | None = None,
) -> Pass:
    """Mesh and symmetry of one direction, decided on rank 0 so that all ranks have the same. Collective.

    passes: passes of the run, whose sums are kept together. symmetry: of this direction, where it is known. Raises
    InputError for a grid that does not suit the model, ModelError where a required symmetry is broken; on all ranks.
    """
    found = symmetry or _found(solver, request, grid, comm)
    mesh = on_root(comm, lambda: _mesh(solver, request, grid, found, passes))
    return Pass(solver, mesh, request, found, notes_on(grid, mesh, found))


def _found(solver: StateSolver, request: Request, grid: KGrid, comm: Intracomm) -> Symmetry:
    """The symmetry of one direction. Collective."""
    expected = on_root(comm, lambda: expected_operations(solver, request, grid))
    check = SymmetryCheck(solver, expected, request, grid.largest_violation)
    for number in range(check.rounds):
        _one_round(check, number, comm)
    return on_root(comm, check.result)


def _one_round(check: SymmetryCheck, number: int, comm: Intracomm) -> None:
    """Shares out the sums of a round, each to one rank; rank 0 compares. Collective."""
    tasks, packing = check.tasks(number), Packing(check.shapes)
    rows, every = np.zeros((2, tasks, packing.size))
    with together(comm):
        for i in range(comm.rank, tasks, comm.size):
            rows[i] = packing.pack(check.sums(number, i))
    comm.Reduce(rows, every, root=0)
    with together(comm):
        if comm.rank == 0:
            check.settle(number, [packing.unpack(row) for row in every])
    check.state = on_root(comm, lambda: check.state)


def expected_operations(solver: StateSolver, request: Request, grid: KGrid) -> tuple[Operation, ...]:
    """Those of the crystal, with its disorder, that may be used. Raises InputError for a grid that does not suit."""
    for c, repeats in enumerate(solver.crystal.periodic):
        if not repeats and grid.divisions[c] != 1:
            raise InputError(
                f"kubo.k.grid: {list(grid.divisions)}: the model is not periodic along vector {c + 1}; use 1 there"
            )
    if grid.symmetry == "off":
        return (identity(),)
    every = candidates(solver.crystal, solver.n_hat, exchanging=True)
    disorder = request.scattering
    return every if disorder is None else tuple(op for op in every if disorder.keeps(op, solver.crystal))


def size_of(
    solver: StateSolver, request: Request, grid: KGrid, symmetry: Symmetry, passes: int = 1
) -> tuple[MeshSize, tuple[str, ...]]:
    """How large the mesh of a pass is, and the notes on it and its symmetry. Serial. Raises ModelError."""
    _require(grid, symmetry)
    division = _division(solver, request, grid, passes)
    size = mesh_size(grid.divisions, grid.shift, symmetry.operations, division)
    return size, notes_on(grid, size, symmetry)


def _mesh(solver: StateSolver, request: Request, grid: KGrid, symmetry: Symmetry, passes: int) -> KMesh:
    _require(grid, symmetry)
    division = _division(solver, request, grid, passes)
    return uniform_mesh(grid.divisions, grid.shift, symmetry.operations, solver.order, division)


def _require(grid: KGrid, symmetry: Symmetry) -> None:
    if grid.symmetry == "require" and symmetry.broken:
        raise ModelError(
            f"kubo.k.symmetry: the crystal has {symmetry.crystal} operations, the Hamiltonian only "
            f"{len(symmetry.operations)} of them to a relative {grid.largest_violation:g}; use 'auto' or 'off', or "
            f"raise kubo.k.tolerance (the least broken of the others: {min(b[1] for b in symmetry.broken):.2g})"
        )


def _division(solver: StateSolver, request: Request, grid: KGrid, passes: int) -> Division:
    """The parts of the mesh from which the error is estimated: as many as fit into memory.

    Related by symmetry are points that the crystal without its magnetization would map onto each other, or that time
    reversal would: weak spin-orbit coupling makes their sums too much alike to tell of the error.
    """
    plain = replace(solver.crystal, moments=np.zeros_like(solver.crystal.moments))
    of_magnet = candidates(solver.crystal, solver.n_hat, exchanging=True)
    images = [op.k_matrix for op in (*of_magnet, *candidates(plain, solver.n_hat))]
    division = divide(grid.divisions, grid.shift, [*images, -np.eye(3)], solver.crystal.periodic)
    size = Packing(request.shapes()).size
    while division.levels and bytes_of_sums(division, size, passes) > LARGEST_SUMS:
        division = division.coarser()
    return division


def notes_on(grid: KGrid, mesh: KMesh | MeshSize, symmetry: Symmetry) -> tuple[str, ...]:
    """Size of the mesh and of its symmetry; which operations are not used, and why."""
    found, used = len(symmetry.operations), len(mesh.operations)
    first = with_operations(f"{mesh.count} of {mesh.full} k-points", used, symmetry)
    notes = [f"{first}, {mesh.division.describe()}", *on_broken(grid, symmetry)]
    if used < found:
        centred = len(operations_of_grid(symmetry.operations, mesh.grid, (0.0, 0.0, 0.0)))
        why = f"; with shift = [0, 0, 0]: {centred}" if centred > used else ""
        notes.append(
            f"the mesh {mesh.grid[0]} × {mesh.grid[1]} × {mesh.grid[2]} with shift "
            f"[{', '.join(f'{s:g}' for s in mesh.shift)}] is mapped onto itself by {used} of {found} operations{why}; "
            f"the results are made symmetric with all {found}"
        )
    return tuple(notes)


def with_operations(points: str, used: int, symmetry: Symmetry) -> str:
    """Words for points, and how many operations are used."""
    if symmetry.crystal > 1:
        points += f", {used} of {symmetry.crystal} symmetry operations"
    if symmetry.expected:
        points += " (of the crystal; the run sees whether the Hamiltonian keeps them)"
    elif len(symmetry.operations) > 1:
        points += f" (kept by the Hamiltonian to {symmetry.worst:.1e})"
    return points


def on_broken(grid: KGrid, symmetry: Symmetry) -> list[str]:
    """A note where the Hamiltonian breaks operations."""
    if not symmetry.broken:
        return []
    return [
        f"the Hamiltonian breaks {len(symmetry.broken)} of the crystal's {symmetry.crystal} symmetry operations by "
        f"more than {grid.largest_violation:.1e}: {_listed(symmetry.broken)}; they are not used "
        "(hpcalo convert --symmetrize mends such a model)"
    ]


def _listed(broken: Sequence[tuple[Operation, float, str]]) -> str:
    """The first operations with their deviations."""
    shown = [f"{op.label} ({gap:.1e} in {name.split(':')[-1]})" for op, gap, name in broken[:3]]
    return ", ".join(shown) + (f" and {len(broken) - 3} more" if len(broken) > 3 else "")
