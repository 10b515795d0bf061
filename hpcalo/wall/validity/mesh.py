"""Checks of the mesh against the texture, and of the wire against the wall."""

from __future__ import annotations

import numpy as np

from hpcalo.errors import InputError
from hpcalo.wall.boltzmann import equilibrium as eq
from hpcalo.wall.config import WallInput
from hpcalo.wall.grid import RESERVOIR_DISTANCE
from hpcalo.wall.magnetism.texture import wall_parameter
from hpcalo.wall.validity.common import carriers, electrons_matter

CELLS_PER_WALL = (2.0, 4.0)  # nodes per wall parameter D: error below, warning below
LARGEST_ANGLE = 0.5  # between neighbouring spins, radian
BETA = 0.02  # relative error of the nonadiabaticity by the spacing: warning above


def texture(s: WallInput) -> list[str]:
    """A wall, half-circle or spiral that the mesh resolves and the wire holds."""
    dx = s.wire.length / (s.wire.cells - 1)
    if s.texture.kind == "wall":
        return _tanh_wall(s, wall_parameter(s.magnet, s.texture), dx)
    if s.texture.kind in {"half-circle", "spiral"}:
        _rotation(s, dx)
    return []


def _tanh_wall(s: WallInput, d: float, dx: float) -> list[str]:
    warnings = []
    length = s.wire.length
    if 2.0 * d > length:
        raise InputError(f"wire.length: the wall (2 D = {2 * d:.4g} nm) is wider than the wire ({length:g} nm)")
    per_wall = d / dx
    if per_wall < CELLS_PER_WALL[0]:
        need = int(np.ceil(CELLS_PER_WALL[0] * length / d)) + 1
        raise InputError(
            f"wire.cells: dx = {dx:.3g} nm is too coarse for D = {d:.3g} nm; at least {need} cells are needed"
        )
    if per_wall < CELLS_PER_WALL[1]:
        need = int(np.ceil(CELLS_PER_WALL[1] * length / d)) + 1
        warnings.append(
            f"wire.cells: only {per_wall:.1f} cells per wall parameter; {need} cells give {CELLS_PER_WALL[1]:g}"
        )
    centre = 0.5 * length if s.texture.centre is None else s.texture.centre
    room = min(centre, length - centre)
    if room < 0.0:
        raise InputError(f"texture.centre: {centre:g} nm is outside the wire of {length:g} nm")
    if room < RESERVOIR_DISTANCE * d:
        warnings.append(
            f"wire.length: the reservoirs are {room / d:.1f} D from the wall; {2 * RESERVOIR_DISTANCE * d:.4g} nm keep "
            f"them {RESERVOIR_DISTANCE:g} D away"
        )
    return warnings


def _rotation(s: WallInput, dx: float) -> None:
    if s.texture.width is None and s.texture.kind == "spiral":
        raise InputError("texture.width: a spiral needs its period")
    full = s.texture.width or wall_parameter(s.magnet, s.texture)
    if s.texture.kind == "half-circle" and full > s.wire.length:
        raise InputError(f"texture.width: the wall of {full:g} nm is wider than the wire of {s.wire.length:g} nm")
    angle = (np.pi if s.texture.kind == "half-circle" else 2 * np.pi) * dx / full
    if angle > LARGEST_ANGLE:
        need = int(np.ceil(s.wire.length / (LARGEST_ANGLE * dx / angle))) + 1
        raise InputError(f"wire.cells: neighbouring spins differ by {angle:.2f} rad; at least {need} cells are needed")


def beta_error(c: eq.Carriers, d: float, dx: float) -> float:
    """Relative error of the nonadiabaticity beta of a wall with parameter d on a mesh of spacing dx (nm), about.

    Second order in dx. The transverse length of D_s hbar/J, damped by the precession within tau, with
    D_s = tau v_F^2/3, is compared with the wall; nearly half-metallic bands add a part with the spin-flip length of
    D_s tau_sf. The forms are those of the spin balance; 0.15 and 5e-4 were fitted to beta on meshes of d/4, d/8, d/16,
    with d = 1 ... 20 nm, tau = 1 ... 19 fs, J = 0.02 ... 0.2 eV, xi = 1.6 ... 1600: of 116 errors above 0.4 %, nine in
    ten are within a factor of 2.
    """
    rotation = c.precession * c.tau
    damped = 1.0 + rotation**2
    diffusion = c.tau * c.fermi_velocity**2 / 3.0
    across = diffusion / c.precession / damped
    along = diffusion * c.tau_sf * rotation / damped
    polarization = min(1.0, c.exchange / (2.0 * c.fermi_energy))
    slope = 0.15 * across + 5e-4 * polarization**4 * along
    return slope * dx**2 / d**4 / (1.0 / c.xi + across / (3.0 * d**2))


def nonadiabaticity(s: WallInput) -> list[str]:
    """The error of beta by the spacing."""
    c = carriers(s)
    if not electrons_matter(s) or s.texture.kind != "wall" or c.exchange == 0.0:
        return []
    d = wall_parameter(s.magnet, s.texture)
    error = beta_error(c, d, s.wire.length / (s.wire.cells - 1))
    if error <= BETA:
        return []
    need = int(np.ceil((s.wire.cells - 1) * np.sqrt(error / BETA) * (1.0 + 1e-9))) + 1
    return [
        f"wire.cells: the spacing makes an error of about {error:.1%} of the nonadiabaticity beta (transverse "
        f"length against D = {d:.3g} nm); {need} cells give {BETA:.1%}"
    ]
