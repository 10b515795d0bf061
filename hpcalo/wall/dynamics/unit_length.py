"""|M| = 1 after every time step."""

from __future__ import annotations

import numpy as np

from hpcalo.errors import ConvergenceError
from hpcalo.typing import RealArray
from hpcalo.wall.dynamics.nonfinite import where_not_finite
from hpcalo.wall.grid import Mesh
from hpcalo.wall.petsc import PETSc


def normalized(m: RealArray, mesh: Mesh | None = None, first: int = 0, t: float = 0.0) -> RealArray:
    """M / |M|, (n, 3).

    Raises ConvergenceError where M is not finite or has vanished. With a mesh, the number of the first node and the
    time in fs, the message says where.
    """
    size = np.linalg.norm(m, axis=1, keepdims=True)
    good = np.isfinite(size) & (size >= 0.5)
    if not good.all():
        where = "" if mesh is None else where_not_finite(mesh, "it", np.where(good, size, np.nan)[:, 0], first, t)
        where = where.removeprefix("it is not finite").partition(";")[0]
        raise ConvergenceError(
            f"magnetization: |M| left [0.5, inf){where}: the time step is unstable; lower time.tolerance"
        )
    return m / size


def project(ts: PETSc.TS, mesh: Mesh, first: int, count: int) -> None:
    """Normalizes M after a step: the first 3 `count` numbers of the solution of TS.

    They belong to the `count` nodes from number `first` on.

    PETSc takes a changed solution for a discontinuity and restarts multistep methods at first order. The change here is
    of the size of the step's own error. BDF and the error estimate of Crank-Nicolson, which look back over two steps,
    must not notice it. Runge-Kutta methods must: they would reuse the rate of the last stage.
    """
    vector = ts.getSolution()
    state = vector.stateGet()
    m = vector.array_r[: 3 * count].reshape(-1, 3)
    vector.array[: 3 * count] = normalized(m, mesh, first, ts.getTime()).reshape(-1)
    if ts.getType() in {PETSc.TS.Type.BDF, PETSc.TS.Type.CN, PETSc.TS.Type.THETA}:
        vector.stateSet(state)
