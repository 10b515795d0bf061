"""The texture at rest: motion down the gradient of the magnetic energy to a minimum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hpcalo.errors import ConvergenceError
from hpcalo.typing import RealArray
from hpcalo.wall.coefficients import Coefficients
from hpcalo.wall.config import Time, WallInput
from hpcalo.wall.dynamics.quasi_static import QuasiStatic
from hpcalo.wall.dynamics.state import State
from hpcalo.wall.dynamics.unit_length import normalized
from hpcalo.wall.grid import Mesh
from hpcalo.wall.magnetism.magnetics import Magnetics
from hpcalo.wall.magnetism.stability import lowest_curvature

RELAXED = 1e-9
"""Largest |dM/dt| in 1/fs that counts as at rest: a wall of 5 nm at 5 mm/s."""
SEGMENTS = 200
"""Segments of 0.02 ns after which a texture that still moves has failed to relax."""
FLAT = 1e-6
"""Curvature, relative to the torque on a turned spin, that counts as none: a wall that can be shifted or turned."""
PUSH = 0.05
"""Largest angle in radian by which a texture on a saddle is turned off it."""
DAMPED = 1000.0
"""Gilbert damping that leaves a thousandth of the precession: a wall that turns is not carried along the wire."""
SADDLES = 10
"""Saddles that a relaxation may meet."""


def relaxed(settings: WallInput, mesh: Mesh, coefficients: Coefficients | None, m: RealArray) -> RealArray:
    """M (n, 3) at a minimum of the energy without drive and applied field, from M (n, 3). Collective.

    The whole wire has the temperature of its middle: where M_s, A, K or D vary along it, a wall moves by itself.
    Where the motion ends on a saddle, as a wall of the wrong chirality does that starts exactly there, it is pushed off
    along the direction in which the energy falls fastest. Raises ConvergenceError.
    """
    static = coefficients and coefficients.without("damping")
    magnet = settings.magnet
    strong = magnet.model_copy(update={"damping": DAMPED, "gyromagnetic_ratio": DAMPED * magnet.gyromagnetic_ratio})
    quiet = Magnetics(mesh, strong, (), np.full(mesh.n, settings.drive.temperature), static)
    stepper = QuasiStatic(mesh, quiet, None, Time(tolerance=1e-9, end=1.0, output_every=1.0))
    segments = SEGMENTS
    for _ in range(SADDLES):
        m, used = _at_rest(stepper, m, segments)
        segments -= used
        curvature, mode = lowest_curvature(mesh, quiet, m)
        if curvature > -FLAT:
            return m
        m = normalized(m + PUSH * mode, mesh, mesh.first)
    raise ConvergenceError(f"texture.relax: the texture has left {SADDLES} saddles of the energy and ends on another")


def _at_rest(stepper: QuasiStatic, m: RealArray, segments: int) -> tuple[RealArray, int]:
    """M at rest, and the segments that it took. Collective. Raises ConvergenceError."""
    state = State(m=m, t=0.0, dt=10.0)
    rate = np.inf
    for used in range(1, segments + 1):
        state = stepper.segment(replace(state, t=0.0), 2e4)
        rate = stepper.mesh.max(float(np.abs(stepper.rate(0.0, state.m)).max()))
        if rate < RELAXED:
            return state.m, used
    raise ConvergenceError(
        f"texture.relax: not at rest after {SEGMENTS * 0.02:g} ns: |dM/dt| is {rate:.1e} 1/fs, the limit is "
        f"{RELAXED:g}; the texture is unstable or changes slowly: try another angle or width, or relax = false"
    )
