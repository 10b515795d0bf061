"""Block-tridiagonal matrices of the magnetic unknowns: 3 x 3 blocks for nearest neighbours, whole on every rank."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from hpcalo.errors import ConvergenceError
from hpcalo.parallel.world import alone
from hpcalo.typing import RealArray
from hpcalo.wall.petsc import PETSc


class BlockTridiagonal:
    """LU by the banded solver of LAPACK."""

    def __init__(self, blocks: RealArray) -> None:
        """blocks: (cells, 3 [offset + 1], 3, 3). Raises ConvergenceError if the matrix is singular."""
        n = blocks.shape[0]
        band = np.zeros((16, 3 * n))  # dgbtrf: kl + (kl + ku + 1) rows, kl = ku = 5
        for offset in (-1, 0, 1):
            rows = np.arange(max(0, -offset), min(n, n - offset))
            for r in range(3):
                for c in range(3):
                    i, j = 3 * rows + r, 3 * (rows + offset) + c
                    band[10 + i - j, j] = blocks[rows, offset + 1, r, c]
        self.lu, self.pivots, info = lapack.dgbtrf(band, 5, 5)
        if info != 0:
            raise ConvergenceError(f"magnetic block of the Newton step: LAPACK dgbtrf returned {info} (singular)")

    def solve(self, right: RealArray) -> RealArray:
        """(cells, 3) for the right-hand side (cells, 3). Raises ConvergenceError."""
        x, info = lapack.dgbtrs(self.lu, 5, 5, right.reshape(-1), self.pivots)
        if info != 0:
            raise ConvergenceError(f"magnetic block of the Newton step: LAPACK dgbtrs returned {info}")
        return np.asarray(x.reshape(-1, 3), dtype=np.float64)


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
    """Sparse LU (MUMPS), the default for the small magnetic systems."""
    ksp.setType(PETSc.KSP.Type.PREONLY)
    pc = ksp.getPC()
    pc.setType(PETSc.PC.Type.LU)
    pc.setFactorSolverType(PETSc.Mat.SolverType.MUMPS)
