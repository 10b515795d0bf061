"""FGMRES for the Newton steps of the time-dependent mode: the same bits on any number of ranks.

PETSc's Krylov methods add the inner products rank by rank: the last bit depends on the partition, and with it
everything that follows. Here they are added node by node in the order of the wire. The rest is PETSc's: the method is a
KSP of type python (`-hpcalo_wall_newton_ksp_type fgmres` takes PETSc's own).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.petsc import PETSc

Dot = Callable[[RealArray, RealArray], float]
Finish = Callable[[RealArray, RealArray], RealArray]
BREAKDOWN = 1e-14
"""A new direction this much smaller than the residual is rounding error: the method has nothing left to do."""


class Fgmres:
    """Flexible GMRES with modified Gram-Schmidt, restarted every `restart` steps: context of a KSP of type python.

    dot: inner product of two of this rank's parts, the same number on all ranks and for every partition. finish:
    puts into x what is known exactly of the solution for a right-hand side b, (b, x) -> x.
    """

    def __init__(self, dot: Dot, restart: int = 30, finish: Finish | None = None) -> None:
        self.dot, self.restart, self.finish = dot, restart, finish

    def solve(self, ksp: PETSc.KSP, b: PETSc.Vec, x: PETSc.Vec) -> None:
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
                if ksp_reason or height <= BREAKDOWN * size:
                    break
                basis.append(new / height)
            for factor, direction in zip(factors, images, strict=True):
                solution += factor * direction
            if not ksp_reason and height <= BREAKDOWN * size:
                break
        x.array[:] = solution if self.finish is None else self.finish(b.array_r, solution)

    @staticmethod
    def _test(ksp: PETSc.KSP, its: int, norm: float) -> int:
        ksp.setIterationNumber(its)
        ksp.setResidualNorm(norm)
        ksp.monitor(its, norm)
        reason = int(ksp.callConvergenceTest(its, norm))
        ksp.setConvergedReason(reason)
        return reason
