"""Linear algebra of the coupled mode's Newton steps whose result does not depend on how the wire is cut into ranks.

PETSc's Krylov methods add each rank's part of an inner product: the last bit depends on the partition, and with it
everything that follows. Here inner products are added node by node in the order of the wire; the rest is PETSc's: the
method is a KSP of type python (`-hpcalo_wall_newton_ksp_type fgmres` takes PETSc's own).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from hpcalo.errors import ConvergenceError

Array = NDArray[np.float64]
Dot = Callable[[Array, Array], float]
Close = Callable[[Array, Array], Array]


class Fgmres:
    """Flexible GMRES with modified Gram-Schmidt, restarted every `restart` steps: context of a KSP of type python.

    `dot`: inner product of two of this rank's parts, the same number on all ranks and for every partition. `close`:
    what is known exactly of the x for a right-hand side b is put into x, (b, x) -> x.
    """

    def __init__(self, dot: Dot, restart: int = 30, close: Close | None = None) -> None:
        self.dot, self.restart, self.close = dot, restart, close

    def solve(self, ksp: Any, b: Any, x: Any) -> None:
        """x with A x = b, from x = 0; PETSc's convergence test decides. Collective."""
        operator, _ = ksp.getOperators()
        pc = ksp.getPC()
        x.set(0.0)
        solution, residual = np.zeros(b.getLocalSize()), np.array(b.array_r)
        source, image = b.duplicate(), b.duplicate()
        its, ksp_reason = 0, 0
        size = np.sqrt(self.dot(residual, residual))
        ksp_reason = self._test(ksp, its, size)
        while not ksp_reason:
            if its:
                source.array[:] = solution
                operator.mult(source, image)
                residual = b.array_r - image.array_r
                size = np.sqrt(self.dot(residual, residual))
            basis, images = [residual / size], []
            hessenberg = np.zeros((self.restart + 1, self.restart))
            right = np.zeros(self.restart + 1)
            right[0] = size
            for column in range(self.restart):
                source.array[:] = basis[-1]
                pc.apply(source, image)
                images.append(np.array(image.array_r))
                source.array[:] = images[-1]
                operator.mult(source, image)
                new = np.array(image.array_r)
                for row, old in enumerate(basis):
                    hessenberg[row, column] = self.dot(new, old)
                    new -= hessenberg[row, column] * old
                height = np.sqrt(self.dot(new, new))
                hessenberg[column + 1, column] = height
                part = hessenberg[: column + 2, : column + 1]
                factors, *_ = np.linalg.lstsq(part, right[: column + 2], rcond=None)
                its += 1
                ksp_reason = self._test(ksp, its, float(np.linalg.norm(right[: column + 2] - part @ factors)))
                if ksp_reason or height <= 1e-14 * size:
                    break
                basis.append(new / height)
            for factor, direction in zip(factors, images, strict=True):
                solution += factor * direction
            if not ksp_reason and height <= 1e-14 * size:
                break
        x.array[:] = solution if self.close is None else self.close(b.array_r, solution)

    @staticmethod
    def _test(ksp: Any, its: int, norm: float) -> int:
        ksp.setIterationNumber(its)
        ksp.setResidualNorm(norm)
        ksp.monitor(its, norm)
        reason = int(ksp.callConvergenceTest(its, norm))
        ksp.setConvergedReason(reason)
        return reason


class BlockTridiagonal:
    """LU of a matrix with 3 x 3 blocks for nearest neighbours, whole on every rank (LAPACK's banded LU)."""

    def __init__(self, blocks: Array) -> None:
        """`blocks` (cells, 3 [offset + 1], 3, 3)."""
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

    def solve(self, right: Array) -> Array:
        """(cells, 3) for the right-hand side (cells, 3)."""
        x, info = lapack.dgbtrs(self.lu, 5, 5, right.reshape(-1), self.pivots)
        if info != 0:
            raise ConvergenceError(f"magnetic block of the Newton step: LAPACK dgbtrs returned {info}")
        return np.asarray(x.reshape(-1, 3), dtype=np.float64)
