"""Block-tridiagonal matrices of the magnetic unknowns: 3 x 3 blocks for nearest neighbours, whole on every rank."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from hpcalo.errors import ConvergenceError
from hpcalo.parallel.world import alone
from hpcalo.typing import IntArray, RealArray
from hpcalo.wall.petsc import PETSc

WIDTH = 5
"""Diagonals above and below the main one that the blocks reach."""


class Band:
    """LU of a matrix within the band of the blocks, by LAPACK with row exchanges."""

    def __init__(self, rows: IntArray, columns: IntArray, values: RealArray, size: int) -> None:
        """rows, columns, values: the entries. Raises ConvergenceError if the matrix is singular."""
        band = np.zeros((3 * WIDTH + 1, size), order="F")  # dgbtrf: kl + (kl + ku + 1) rows
        band[2 * WIDTH + rows - columns, columns] = values
        self.lu, self.pivots, info = lapack.dgbtrf(band, WIDTH, WIDTH, overwrite_ab=True)
        if info != 0:
            raise ConvergenceError(f"magnetic block of the Newton step: LAPACK dgbtrf returned {info} (singular)")

    def solve(self, right: RealArray) -> RealArray:
        """x for a right-hand side (size,). Raises ConvergenceError."""
        x, info = lapack.dgbtrs(self.lu, WIDTH, WIDTH, right, self.pivots)
        if info != 0:
            raise ConvergenceError(f"magnetic block of the Newton step: LAPACK dgbtrs returned {info}")
        return np.asarray(x, dtype=np.float64)


class BlockTridiagonal:
    """LU of the blocks (cells, 3 [offset + 1], 3, 3). Raises ConvergenceError if the matrix is singular."""

    def __init__(self, blocks: RealArray) -> None:
        cells = blocks.shape[0]
        row, offset, r, c = np.indices(blocks.shape)
        neighbour = row + offset - 1
        inside = (neighbour >= 0) & (neighbour < cells)
        self._band = Band((3 * row + r)[inside], (3 * neighbour + c)[inside], blocks[inside], 3 * cells)

    def solve(self, right: RealArray) -> RealArray:
        """(cells, 3) for the right-hand side (cells, 3). Raises ConvergenceError."""
        return self._band.solve(right.reshape(-1)).reshape(-1, 3)


class BandPreconditioner:
    """PETSc's PC that solves with a `tridiagonal_matrix` exactly, in less time than a sparse LU."""

    def setUp(self, pc: PETSc.PC) -> None:
        """Factors the matrix. One that is singular solves nothing: PETSc meets nan and tries a smaller step."""
        _, matrix = pc.getOperators()
        starts, columns, values = matrix.getValuesCSR()
        rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        try:
            self._band: Band | None = Band(rows, columns, values, len(starts) - 1)
        except ConvergenceError:
            self._band = None

    def apply(self, _pc: PETSc.PC, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """y = matrix^-1 x."""
        y.array[:] = np.nan if self._band is None else self._band.solve(x.array_r)


def tridiagonal_matrix(cells: int) -> PETSc.Mat:
    """An AIJ matrix of PETSc with room for the blocks."""
    matrix = PETSc.Mat().createAIJ((3 * cells, 3 * cells), bsize=3, nnz=9, comm=alone())
    matrix.setUp()
    return matrix


def fill_tridiagonal(matrix: PETSc.Mat, blocks: RealArray) -> None:
    """Sets the blocks (cells, 3 [offset + 1], 3, 3) and assembles."""
    cells = blocks.shape[0]
    offset = np.arange(9) // 3 - 1
    neighbour = np.arange(cells)[:, None] + offset[None, :]
    inside = (neighbour >= 0) & (neighbour < cells)
    columns = np.repeat((3 * neighbour + np.arange(9)[None, :] % 3)[:, None, :], 3, axis=1)
    values = blocks.transpose(0, 2, 1, 3).reshape(cells, 3, 9)
    entries = np.repeat(inside[:, None, :], 3, axis=1)
    starts = np.concatenate([[0], np.cumsum(entries.sum(axis=2).reshape(-1))]).astype(np.int32)
    matrix.setValuesIJV(starts, columns[entries].astype(np.int32), values[entries])
    matrix.assemble()


def set_direct_solver(ksp: PETSc.KSP) -> None:
    """The banded LU, the default for the small magnetic systems."""
    ksp.setType(PETSc.KSP.Type.PREONLY)
    pc = ksp.getPC()
    pc.setType(PETSc.PC.Type.PYTHON)
    pc.setPythonContext(BandPreconditioner())
