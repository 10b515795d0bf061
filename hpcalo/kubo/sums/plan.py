"""One pass over k for one direction of the magnetization: its mesh, its symmetry, its blocks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.cosets import Division, divide
from hpcalo.hamiltonian.kgrid import KGrid
from hpcalo.hamiltonian.kmesh import KMesh, block_size, uniform_mesh
from hpcalo.hamiltonian.symmetry import Operation, candidates, identity
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.sums.parts import LARGEST_SUMS, bytes_of_sums
from hpcalo.kubo.sums.request import Request
from hpcalo.kubo.sums.symmetry import SymmetryCheck, symmetries_of
from hpcalo.parallel.guard import on_root, together
from hpcalo.parallel.packing import Packing

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


@dataclass(frozen=True)
class Pass:
    """What all ranks agree on before they start. note: the size of the mesh and of its symmetry in words."""

    solver: StateSolver
    mesh: KMesh
    request: Request
    note: str

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


def plan(solver: StateSolver, request: Request, grid: KGrid, comm: Intracomm, passes: int = 1) -> Pass:
    """Mesh and symmetry of one direction, decided on rank 0 so that all ranks have the same. Collective.

    passes: passes of the run, whose sums are kept together. Raises InputError for a grid that does not suit the model,
    ModelError where a required symmetry is broken; on all ranks.
    """
    expected = on_root(comm, lambda: _crystal_operations(solver, grid))
    check = SymmetryCheck(solver, expected, request, grid.tolerance)
    for number in range(check.rounds):
        _one_round(check, number, comm)
    mesh = on_root(comm, lambda: _mesh(solver, request, grid, expected, check.result()[0], passes))
    note = f"{len(mesh.points)} of {mesh.full} k-points"
    if len(expected) > 1:
        note += f", {len(mesh.operations)} of {len(expected)} symmetry operations"
    if len(mesh.operations) > 1:
        note += f" (kept by the Hamiltonian to {check.worst:.1e})"
    note += f", {mesh.division.describe()}"
    return Pass(solver, mesh, request, note)


def _one_round(check: SymmetryCheck, number: int, comm: Intracomm) -> None:
    """Shares out the points of a round, each to one rank; rank 0 compares. Collective."""
    points, packing = check.points(number), Packing(check.shapes)
    rows, every = np.zeros((2, len(points), packing.size))
    with together(comm):
        for i in range(comm.rank, len(points), comm.size):
            rows[i] = packing.pack(check.sums(points[i]))
    comm.Reduce(rows, every, root=0)
    check.operations, check.worst = on_root(comm, lambda: check.settle(number, [packing.unpack(row) for row in every]))


def wedge(solver: StateSolver, request: Request, grid: KGrid, passes: int = 1) -> tuple[KMesh, int]:
    """The mesh, and the number of operations of the crystal. Serial, without MPI. Raises InputError, ModelError."""
    expected = _crystal_operations(solver, grid)
    found, _ = symmetries_of(solver, expected, request, grid.tolerance)
    return _mesh(solver, request, grid, expected, found, passes), len(expected)


def _crystal_operations(solver: StateSolver, grid: KGrid) -> tuple[Operation, ...]:
    for c, repeats in enumerate(solver.crystal.periodic):
        if not repeats and grid.grid[c] != 1:
            raise InputError(
                f"kubo.k.grid: {list(grid.grid)}: the model is not periodic along vector {c + 1}; use 1 there"
            )
    return (identity(),) if grid.symmetry == "off" else candidates(solver.crystal, solver.n_hat)


def _mesh(
    solver: StateSolver,
    request: Request,
    grid: KGrid,
    expected: tuple[Operation, ...],
    found: tuple[Operation, ...],
    passes: int,
) -> KMesh:
    if grid.symmetry == "require" and len(found) < len(expected):
        raise ModelError(
            f"kubo.k.symmetry: the crystal has {len(expected)} operations, the Hamiltonian only {len(found)} "
            f"of them to a relative {grid.tolerance:g}; use 'auto' or 'off', or raise kubo.k.tolerance"
        )
    return uniform_mesh(grid.grid, grid.shift, found, solver.order, _division(solver, request, grid, passes))


def _division(solver: StateSolver, request: Request, grid: KGrid, passes: int) -> Division:
    """The parts of the mesh from which the error is estimated: as many as fit into memory.

    Related by symmetry are points that the crystal without its magnetization would map onto each other, or that time
    reversal would: weak spin-orbit coupling makes their sums too much alike to tell of the error.
    """
    plain = replace(solver.crystal, moments=np.zeros_like(solver.crystal.moments))
    images = [op.k_matrix for op in (*candidates(solver.crystal, solver.n_hat), *candidates(plain, solver.n_hat))]
    division = divide(grid.grid, grid.shift, [*images, -np.eye(3)], solver.crystal.periodic)
    size = Packing(request.shapes()).size
    while division.levels and bytes_of_sums(division, size, passes) > LARGEST_SUMS:
        division = division.coarser()
    return division
