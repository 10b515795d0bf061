"""Checks of the conduction electrons: bands, collisions, momentum mesh, cost of the solver."""

from __future__ import annotations

import numpy as np

from hpcalo.errors import InputError
from hpcalo.wall.config import WallInput
from hpcalo.wall.units import K_B
from hpcalo.wall.validity.common import carriers, electrons_matter, end_temperatures

TAIL = 1e-3  # occupation at the momentum cutoff that is still allowed
QUADRATURE = (0.1, 1e-3)  # relative error of midpoint sums over the Fermi edge: error above, warning above
THERMAL, THERMAL_OPEN = 50, 16
"""Largest ratios to it of the error of thermal torques: measured from 100 to 150 K, 16 to 20 points against 96."""
LONG_PATH = 20.0  # tau (fs) beyond which the iterative solver is known to be slow with the force term


def half_metal(s: WallInput) -> list[str]:
    """An empty minority band."""
    e = s.electrons
    if e.exchange_splitting > 2.0 * e.fermi_energy:
        return [
            f"electrons.exchange_splitting: J_ex = {e.exchange_splitting:g} eV > 2 E_F = {2 * e.fermi_energy:g} eV: "
            "the minority band is empty (half metal)"
        ]
    return []


def relaxation_times(s: WallInput) -> list[str]:
    """Every collision relaxes the momentum, those that flip the spin too: 1/tau_sf is a part of 1/tau."""
    if s.wall.model == "consistent" and not electrons_matter(s):
        return []
    tau, flip = s.electrons.relaxation_time, s.electrons.spin_flip_time
    if flip < tau:
        raise InputError(
            f"electrons.spin_flip_time: {flip:g} fs is shorter than relaxation_time = {tau:g} fs: scattering that "
            "conserves the spin would have the negative rate 1/tau - 1/tau_sf"
        )
    return []


def momentum(s: WallInput) -> list[str]:
    """Occupied states beyond the cutoff, and the Fermi edge on the momentum mesh."""
    if not electrons_matter(s):
        return []
    c, t = carriers(s), end_temperatures(s)
    coldest, hottest = float(t.min()), float(t.max())
    cutoff = s.momentum.cutoff * c.fermi_momentum
    above = (cutoff**2 / (2 * c.mass) - c.fermi_energy - c.exchange / 2) / (K_B * hottest)
    if above < -np.log(TAIL):
        energy = c.fermi_energy + c.exchange / 2 - np.log(TAIL) * K_B * hottest
        need = np.sqrt(2 * c.mass * energy) / c.fermi_momentum
        raise InputError(
            f"momentum.cutoff: {s.momentum.cutoff:g} cuts occupied states off at {hottest:.4g} K; "
            f"at least {need:.3f} is needed"
        )
    ratio = K_B * coldest * c.mass / (c.fermi_momentum * cutoff)  # times `points`
    error = edge_error(s, coldest, s.momentum.points)
    need = [int(np.ceil(-np.log(limit / 2.0) / (2.0 * np.pi**2 * ratio))) for limit in QUADRATURE]
    if error > QUADRATURE[0]:
        raise InputError(
            f"momentum.points: {s.momentum.points} do not resolve the Fermi edge at {coldest:.4g} K; "
            f"at least {need[0]} are needed"
        )
    if error > QUADRATURE[1]:
        return [
            f"momentum.points: quadrature error about {error:.1%} at {coldest:.4g} K{_more_if_thermal(s)}; "
            f"{need[1]} points give {QUADRATURE[1]:.1%}"
        ]
    return []


def _more_if_thermal(s: WallInput) -> str:
    """What drives by kappa, of second order in kT/E_F, is a small part of the sums, with their whole error."""
    if not s.drive.gradient:
        return ""
    return f", up to {THERMAL_OPEN if s.drive.circuit == 'open' else THERMAL} times that in thermal torques"


def edge_error(s: WallInput, coldest: float, points: int) -> float:
    """What the midpoint rule with so many points misses of the Fermi edge of width kT at `coldest` (K): relative."""
    c = carriers(s)
    step = s.momentum.cutoff * c.fermi_momentum / points
    return float(2.0 * np.exp(-2.0 * np.pi**2 * K_B * coldest * c.mass / (c.fermi_momentum * step)))


def long_path(s: WallInput) -> list[str]:
    """Many iterations of the solver."""
    e = s.electrons
    if not (e.force and e.relaxation_time > LONG_PATH and s.solver.method == "krylov"):
        return []
    return [
        f"electrons.relaxation_time: mean free path {carriers(s).mean_free_path:.3g} nm with the force term: the "
        "iterative solver needs about one iteration per fs of relaxation time; solver.method = 'direct' needs none"
    ]
