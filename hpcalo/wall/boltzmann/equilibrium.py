"""Local equilibrium of the two spin bands and the closed-form bulk transport that follows from it.

docs/theory/wall.md, "The consistent model". p = p_x is kept, p_perp is integrated out:

    N_s(p; T, mu) = 2 pi m k T / (2 pi hbar)^3 ln{1 + exp[(mu + s J/2 - p^2/2m)/kT]},   s = +1 (up), -1 (down)

in 1/(nm^3 eV fs/nm). Up means parallel to M in the moment convention: the up band lies lower and is the fuller one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from hpcalo.errors import InputError
from hpcalo.typing import RealArray
from hpcalo.wall.config import Electrons
from hpcalo.wall.units import CURRENT_IN_SI, HBAR, K_B, M_E, VOLT_PER_METRE


@dataclass(frozen=True)
class Carriers:
    """Conduction-electron parameters in engine units (energies eV, times fs, `mass` eV fs^2/nm^2).

    `bands` multiplies the carrier density: so many equal pairs of bands. It scales currents, torques and conductivity.
    """

    fermi_energy: float
    exchange: float
    mass: float
    tau: float
    tau_sf: float
    bands: float = 1.0

    @property
    def fermi_momentum(self) -> float:
        """sqrt(2 m E_F), eV fs/nm."""
        return float(np.sqrt(2.0 * self.mass * self.fermi_energy))

    @property
    def fermi_velocity(self) -> float:
        """Velocity at the Fermi momentum (nm/fs)."""
        return self.fermi_momentum / self.mass

    @property
    def mean_free_path(self) -> float:
        """v_F tau, nm."""
        return self.fermi_velocity * self.tau

    @property
    def precession(self) -> float:
        """J/hbar, 1/fs."""
        return self.exchange / HBAR

    @property
    def xi(self) -> float:
        """J tau_sf / hbar: precession angle within one spin-flip time."""
        return self.precession * self.tau_sf


def momentum_grid(carriers: Carriers, points: int, cutoff: float) -> RealArray:
    """Cell centres (j + 1/2) dp, shape (points,), up to cutoff times the Fermi momentum; eV fs/nm."""
    return np.asarray((np.arange(points) + 0.5) * (cutoff * carriers.fermi_momentum / points), dtype=np.float64)


def _bands(c: Carriers, p: RealArray, temperature: RealArray | float) -> tuple[RealArray, RealArray, RealArray]:
    """kT with the shape of T plus a p axis; z_s = (mu + sJ/2 - p^2/2m)/kT, spins first; the prefactor of N_s."""
    t = np.asarray(temperature, dtype=float)
    if np.any(t <= 0.0):
        raise InputError(f"temperature: {float(t.min()):.6g} K on the wire; it must be positive everywhere")
    kt = K_B * t[..., None]
    spin = np.array([0.5, -0.5]).reshape((2,) + (1,) * kt.ndim) * c.exchange
    z = (c.fermi_energy + spin - p**2 / (2.0 * c.mass)) / kt
    prefactor = c.bands * 2.0 * np.pi * c.mass * kt / (2.0 * np.pi * HBAR) ** 3
    return kt, z, prefactor


def occupation(c: Carriers, p: RealArray, temperature: RealArray | float) -> RealArray:
    """N_up, N_down: shape (2, *T.shape, *p.shape), 1/(nm^3 eV fs/nm)."""
    _, z, prefactor = _bands(c, p, temperature)
    return prefactor * np.logaddexp(0.0, z)


def occupation_mu(c: Carriers, p: RealArray, temperature: RealArray | float) -> RealArray:
    """dN_s/dmu, shape (2, *T.shape, *p.shape)."""
    kt, z, prefactor = _bands(c, p, temperature)
    return prefactor / kt * expit(z)


def occupation_temperature(c: Carriers, p: RealArray, temperature: RealArray | float) -> RealArray:
    """dN_s/dT at fixed mu, shape (2, *T.shape, *p.shape): (N - z kT dN/dmu)/T."""
    kt, z, prefactor = _bands(c, p, temperature)
    return prefactor * (np.logaddexp(0.0, z) - z * expit(z)) * (K_B / kt)


def occupation_momentum(c: Carriers, p: RealArray, temperature: RealArray | float) -> RealArray:
    """dN_s/dp = -(p/m) dN_s/dmu, shape (2, *T.shape, *p.shape)."""
    return -(p / c.mass) * occupation_mu(c, p, temperature)


def weights(c: Carriers, p: RealArray, temperature: RealArray | float) -> RealArray:
    """w_s = d_mu N_s / integral of d_mu N_s over all p (both signs), normalized on the mesh itself: shape as N_s.

    Because the sum over the mesh itself normalizes them, the collision term conserves charge to round-off.
    """
    d_mu = occupation_mu(c, p, temperature)
    dp = p[1] - p[0]
    return d_mu / (2.0 * dp * d_mu.sum(axis=-1, keepdims=True))


@dataclass(frozen=True)
class Bulk:
    """Bulk transport of a uniform magnet: sums over a given momentum mesh.

    Charge flows are particle flows times -2e, since F is half the sum over both spins.
    """

    density: float
    """n = 2 int F0, electrons per nm^3"""
    polarization: float
    """int g0 / int F0: equals j_s/j of the electric drive (constant tau)"""
    conductivity: float
    """S/m"""
    charge_per_gradient: float
    """charge current density (A/m^2) per K/nm at E = 0"""
    spin_per_field: float
    """j_s = int v G (1/(nm^2 fs)) per V/nm"""
    spin_per_gradient: float
    """j_s per K/nm at E = 0"""

    @property
    def charge_per_field(self) -> float:
        """Charge current density (A/m^2) per V/m without a temperature gradient: the conductivity."""
        return self.conductivity

    @property
    def seebeck(self) -> float:
        """S in uV/K: E = S dT/dx in open circuit (mu fixed); 1 (V/m)/(K/nm) is 1e-3 uV/K."""
        return -self.charge_per_gradient / self.charge_per_field * 1e-3


def bulk(c: Carriers, p: RealArray, temperature: float) -> Bulk:
    """Closed forms of uniform transport, summed on the momentum mesh (docs/theory/wall.md).

    deviation = tau S with the sources S_F = -v kappa dN/dT avg + eE dN/dp avg; the force term acts on F0's derivative.
    """
    dp = p[1] - p[0]
    v = p / c.mass
    n = occupation(c, p, temperature)
    d_t = occupation_temperature(c, p, temperature)
    d_p = occupation_momentum(c, p, temperature)
    full, diff = n.mean(axis=0), (n[0] - n[1]) / 2.0
    two = 2.0 * dp
    flow_e = c.tau * two * float(np.sum(v * d_p.mean(axis=0)))
    flow_k = -c.tau * two * float(np.sum(v * v * d_t.mean(axis=0)))
    to_si = -2.0 * CURRENT_IN_SI
    return Bulk(
        density=2.0 * two * float(full.sum()),
        polarization=float(diff.sum() / full.sum()),
        conductivity=to_si * flow_e * VOLT_PER_METRE,
        charge_per_gradient=to_si * flow_k,
        spin_per_field=c.tau * two * float(np.sum(v * (d_p[0] - d_p[1]) / 2.0)),
        spin_per_gradient=-c.tau * two * float(np.sum(v * v * (d_t[0] - d_t[1]) / 2.0)),
    )


def carriers_from(electrons: Electrons, points: int, cutoff: float, temperature: float) -> Carriers:
    """The carriers of an input; `bands` is chosen such that a given conductivity is met on the momentum mesh."""
    base = Carriers(
        fermi_energy=electrons.fermi_energy,
        exchange=electrons.exchange_splitting,
        mass=electrons.mass * M_E,
        tau=electrons.relaxation_time,
        tau_sf=electrons.spin_flip_time,
    )
    if electrons.conductivity is None:
        return base
    own = bulk(base, momentum_grid(base, points, cutoff), temperature).conductivity
    return replace(base, bands=electrons.conductivity / own)
