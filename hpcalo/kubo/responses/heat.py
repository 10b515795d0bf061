"""Heat and DMI energy currents of moving magnetization, from β̃ and D: FMR cone, moving spiral, moving wall, any n̂(x,
t).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcalo import units
from hpcalo.kubo.responses.axes import Field, RunAxes
from hpcalo.kubo.responses.torque import inverse_parts, spiralization
from hpcalo.typing import RealArray


@dataclass(frozen=True)
class Motion:
    """Prescribed motion in SI: cone angle (rad), angular frequency (rad/s), wavelength, wall width, film thickness (m),
    velocity (m/s), thermal conductivity (W/(m K))."""

    cone: float
    angular_frequency: float
    wavelength: float
    wall_width: float
    velocity: float
    thickness: float
    conductivity: float


def turning(n: RealArray, dn_dt: RealArray) -> RealArray:
    """n̂ × ∂n̂/∂t, any leading axes, last axis the three components; 1/s."""
    return np.asarray(np.cross(n, dn_dt), dtype=np.float64)


def current(coefficient: RealArray, n: RealArray, dn_dt: RealArray) -> RealArray:
    """J_i = −Σ_j X_ij [n̂ × ∂n̂/∂t]_j: heat current for X = β̃ (30), DMI energy current for X = D (7).

    coefficient: (directions, 3) J/m² (or with leading axes equal to those of n). n, dn_dt: (…, 3). Returns (…,
    directions) W/m².
    """
    return -np.einsum("...ij,...j->...i", coefficient, turning(n, dn_dt))


def spiral(x: RealArray, t: float, q: float, velocity: float) -> tuple[RealArray, RealArray]:
    """n̂ and ∂n̂/∂t of the moving cycloid n̂ = (sin q(x−wt), 0, cos q(x−wt)): (…, 3) each. ((62) of the paper prints
    sin(qx − wt).)
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


def heat_currents(run: RunAxes, motion: Motion) -> list[Field]:
    """Local heat currents (W/m²) driven by the prescribed motions, for every Γ, μ, T of the run, with β̃ and D at its
    first n̂.

    fmr: amplitude of J_x over a period (60); the temperature gradient that carries it away through the film. spiral:
    J_x of the moving cycloid (63), n̂ × ∂n̂/∂t = −w q ê_y, so J_x = +β̃_xy w q; its DMI energy current by (7). wall:
    the same at the centre of a Néel wall. The coefficients are those at n̂ = run.n_hat[0]; their dependence on the
    local direction is left out.
    """
    even, odd = inverse_parts(run)
    tilde = np.moveaxis((even + odd)[0], (1, 2), (-2, -1))  # (G, M, T, current, torque)
    dmi = next(f.values for f in spiralization(run) if f.name == "spiralization")
    D = np.moveaxis(dmi[0], (0, 1), (-2, -1))
    times = np.linspace(0.0, 2.0 * np.pi / motion.angular_frequency, 73)
    n, dn = fmr(motion.cone, motion.angular_frequency, times)
    precession = current(tilde[..., None, :, :], n, dn)[..., 0]
    n_s, dn_s = spiral(np.zeros(()), 0.0, 2.0 * np.pi / motion.wavelength, motion.velocity)
    n_w, dn_w = neel_wall(np.zeros(()), 0.0, motion.wall_width, motion.velocity)
    amplitude = np.abs(precession).max(axis=-1)
    dims = ("gamma", "mu", "temperature")
    note = {"note": "with the coefficients at the first n̂ of the run, at every place"}
    return [
        Field(
            "heat_current_fmr",
            dims,
            amplitude,
            "W/m^2",
            "largest heat current J_x during ferromagnetic resonance",
            "(60)",
            attrs=note,
        ),
        Field(
            "heat_current_fmr_per_width",
            dims,
            amplitude * motion.thickness,
            "W/m",
            "the same through the film's thickness",
            "(60)",
            attrs=note,
        ),
        Field(
            "temperature_gradient_fmr",
            dims,
            amplitude / motion.conductivity,
            "K/m",
            "temperature gradient that carries the same heat current",
            "J/κ",
            attrs=note,
        ),
        Field(
            "heat_current_spiral",
            dims,
            current(tilde, n_s, dn_s)[..., 0],
            "W/m^2",
            "heat current J_x of a moving cycloid",
            "(63)",
            attrs=note,
        ),
        Field(
            "heat_current_wall",
            dims,
            current(tilde, n_w, dn_w)[..., 0],
            "W/m^2",
            "heat current J_x at the centre of a moving Néel wall",
            "(30)",
            attrs=note,
        ),
        Field(
            "dmi_current_spiral",
            dims[1:],
            current(D, n_s, dn_s)[..., 0],
            "W/m^2",
            "DMI energy current J_x of a moving cycloid",
            "(7)",
            attrs=note,
        ),
        Field(
            "dmi_current_wall",
            dims[1:],
            current(D, n_w, dn_w)[..., 0],
            "W/m^2",
            "DMI energy current J_x at the centre of a moving wall",
            "(7)",
            attrs=note,
        ),
    ]


def motion_from(
    cone_deg: float,
    frequency_ghz: float,
    wavelength_nm: float,
    wall_nm: float,
    velocity: float,
    thickness_nm: float,
    conductivity: float,
) -> Motion:
    """Motion in SI from the units of the input."""
    nm = 10.0 * units.ANGSTROM
    return Motion(
        np.deg2rad(cone_deg),
        2.0 * np.pi * frequency_ghz * 1e9,
        wavelength_nm * nm,
        wall_nm * nm,
        velocity,
        thickness_nm * nm,
        conductivity,
    )
