"""Moving magnetizations n̂(x, t): resonance, spiral, wall; and the energy currents that any motion drives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcalo import units
from hpcalo.kubo.tables import HeatCurrents
from hpcalo.typing import RealArray


@dataclass(frozen=True)
class Motion:
    """Prescribed motion in SI.

    Cone angle (rad), angular frequency (rad/s), wavelength, wall width, film thickness (m), velocity (m/s), thermal
    conductivity (W/(m K)).
    """

    cone: float
    angular_frequency: float
    wavelength: float
    wall_width: float
    velocity: float
    thickness: float
    conductivity: float

    @staticmethod
    def of(given: HeatCurrents, thickness: float) -> Motion:
        """From the units of the input. thickness: of the model's cell in Å, where the input gives none."""
        nm = 10.0 * units.ANGSTROM
        film = given.film_thickness if given.film_thickness is not None else 1e9 * thickness * units.ANGSTROM
        return Motion(
            np.deg2rad(given.cone_angle),
            2.0 * np.pi * given.frequency * 1e9,
            given.wavelength * nm,
            given.wall_width * nm,
            given.velocity,
            film * nm,
            given.thermal_conductivity,
        )


def rotation_rate(n: RealArray, dn_dt: RealArray) -> RealArray:
    """n̂ × ∂n̂/∂t, any leading axes, last axis the three components; 1/s."""
    return np.asarray(np.cross(n, dn_dt), dtype=np.float64)


def current(coefficient: RealArray, n: RealArray, dn_dt: RealArray) -> RealArray:
    """J_i = −Σ_j X_ij [n̂ × ∂n̂/∂t]_j: heat current for X = β̃ (30), DMI energy current for X = D (7).

    coefficient: (directions, 3) J/m² (or with leading axes equal to those of n). n, dn_dt: (…, 3). Returns (…,
    directions) W/m².
    """
    return -np.einsum("...ij,...j->...i", coefficient, rotation_rate(n, dn_dt))


def spiral(x: RealArray, t: float, q: float, velocity: float) -> tuple[RealArray, RealArray]:
    """n̂ and ∂n̂/∂t of the moving cycloid n̂ = (sin q(x−wt), 0, cos q(x−wt)): (…, 3) each.

    (62) of the paper prints sin(qx − wt).
    """
    phase = q * (x - velocity * t)
    zero = np.zeros_like(phase)
    n = np.stack([np.sin(phase), zero, np.cos(phase)], axis=-1)
    rate = -q * velocity
    return n, rate * np.stack([np.cos(phase), zero, -np.sin(phase)], axis=-1)


def neel_wall(x: RealArray, t: float, width: float, velocity: float) -> tuple[RealArray, RealArray]:
    """n̂ and ∂n̂/∂t of a moving Néel wall θ = 2 arctan exp((x−wt)/Δ), n̂ = (sin θ, 0, cos θ)."""
    s = (x - velocity * t) / width
    sech = 1.0 / np.cosh(s)
    zero = np.zeros_like(s)
    n = np.stack([sech, zero, -np.tanh(s)], axis=-1)
    rate = -velocity / width * sech  # ∂θ/∂t, since ∂θ/∂x = sin θ/Δ
    return n, rate[..., None] * np.stack([-np.tanh(s), zero, -sech], axis=-1)


def fmr(cone: float, angular_frequency: float, time: RealArray) -> tuple[RealArray, RealArray]:
    """n̂ and ∂n̂/∂t of small precession about +z: n̂ = (θ cos ωt, θ sin ωt, 1) to first order in θ."""
    c, s = np.cos(angular_frequency * time), np.sin(angular_frequency * time)
    n = np.stack([cone * c, cone * s, np.ones_like(c)], axis=-1)
    rate = cone * angular_frequency
    return n, rate * np.stack([-s, c, np.zeros_like(c)], axis=-1)


def largest_during_fmr(coefficient: RealArray, cone: float, angular_frequency: float) -> RealArray:
    """The largest |J_i| during the precession `fmr`, W/m²: (…, directions, 3) J/m² → (…, directions).

    n̂ × ∂n̂/∂t = ωθ (−cos ωt, −sin ωt, θ) is a constant and one harmonic, so J_i = J_0 + a cos ωt + b sin ωt reaches
    |J_0| + √(a² + b²).
    """
    rate = angular_frequency * cone
    constant = rate * cone * coefficient[..., 2]
    return np.asarray(np.abs(constant) + rate * np.hypot(coefficient[..., 0], coefficient[..., 1]), dtype=np.float64)
