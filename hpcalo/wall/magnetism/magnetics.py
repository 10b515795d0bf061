"""The magnet's share of the LLG: effective field, rate, derivative, energies and powers (docs/theory/wall.md).

The terms are one class each (`hpcalo.wall.magnetism.terms`). The kernel evaluates the standard ones together; what
another term or torque contributes is added to its result. Fields A/m, energies J per m^2 of cross-section, times fs; M
dimensionless with |M| = 1. Easy axis z, hard axis y, wire along x.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.units import MU_0
from hpcalo.wall.coefficients import Coefficients
from hpcalo.wall.config import Magnet
from hpcalo.wall.grid import Mesh
from hpcalo.wall.kernels import _wall
from hpcalo.wall.magnetism.terms.applied_field import AppliedField, Zeeman
from hpcalo.wall.magnetism.terms.demagnetization import Demagnetization
from hpcalo.wall.magnetism.terms.dmi import Dmi
from hpcalo.wall.magnetism.terms.easy_axis import EasyAxis
from hpcalo.wall.magnetism.terms.exchange import Exchange
from hpcalo.wall.magnetism.terms.hard_axis import HardAxis
from hpcalo.wall.magnetism.terms.medium import Medium, reduced_magnetization
from hpcalo.wall.magnetism.terms.registry import FURTHER
from hpcalo.wall.magnetism.terms.spin_orbit import SpinOrbit
from hpcalo.wall.magnetism.terms.term import Term
from hpcalo.wall.units import FS, NM


@dataclass(frozen=True)
class Energies:
    """J/m^2 of the whole wire by the names of the terms; uniaxial energy is counted from the easy direction."""

    parts: Mapping[str, float]

    @property
    def total(self) -> float:
        return sum(self.parts.values())

    def __getitem__(self, name: str) -> float:
        return self.parts[name]


class Magnetics:
    """LLG coefficients on the own nodes; `update` must be called again when the window or the temperature moves.

    `coefficients` of an electronic structure replace the magnet's M_s, DMI and damping where they hold them.
    `spin_orbit`: spin-orbit torques that act on the wall.
    """

    def __init__(
        self,
        mesh: Mesh,
        magnet: Magnet,
        zeeman: Sequence[Zeeman],
        temperature: RealArray,
        coefficients: Coefficients | None = None,
        *,
        gradient: RealArray | None = None,
        spin_orbit: SpinOrbit | None = None,
    ) -> None:
        self.mesh, self.magnet, self.coefficients = mesh, magnet, coefficients
        self.gamma = magnet.gyromagnetic_ratio * FS  # m/(A fs)
        self.exchange, self.easy, self.hard = Exchange(magnet), EasyAxis(magnet), HardAxis(magnet)
        self.demagnetization, self.dmi, self.applied = Demagnetization(magnet), Dmi(magnet), AppliedField(zeeman)
        self.spin_orbit = spin_orbit
        further = [term(magnet) for term in FURTHER]
        self.further: list[Term] = [term for term in further if term.active]
        self.standard: list[Term] = [
            self.exchange, self.easy, self.hard, self.demagnetization, self.dmi, self.applied,
        ]  # fmt: skip
        self.update(temperature, 0.0, gradient)

    @property
    def terms(self) -> list[Term]:
        """All terms that act, in the order of a result's energies, torques last."""
        return [*self.standard, *self.further, *([self.spin_orbit] if self.spin_orbit is not None else [])]

    def update(self, temperature: RealArray, origin: float, gradient: RealArray | None = None) -> None:
        """Coefficients at T (K) and dT/dx (K/m, default 0) of the own nodes; `origin` of the window in nm. Collective.

        Raises InputError where the wire is hotter than the Curie temperature.
        """
        magnet, c = self.magnet, self.coefficients
        self.origin = origin
        reduced = reduced_magnetization(magnet.thermal, temperature)
        by_law = magnet.saturation_magnetization * reduced
        self.ms = c.saturation(temperature) if c is not None and c.has("moment") else by_law
        self.inverse_ms = 1.0 / self.ms
        self.varying_damping = c is not None and c.has("damping")
        self.alpha: RealArray = np.full(self.mesh.n, magnet.damping)
        if c is not None and self.varying_damping:
            self.alpha = c.at("damping", temperature)
        self.medium = Medium(
            mesh=self.mesh,
            temperature=temperature,
            gradient=np.zeros(self.mesh.n) if gradient is None else gradient,
            origin=origin,
            law=magnet.thermal,
            reduced=reduced,
            relative=by_law / magnet.saturation_magnetization,
            ms=self.ms,
            coefficients=c,
        )
        for term in self.terms:
            term.update(self.medium)

    def field(self, m_ghost: RealArray, t: float) -> RealArray:
        """Effective field H (n, 3) in A/m for M (n + 2, 3) at time t (fs)."""
        h = np.empty((self.mesh.n, 3))
        outside = self.applied.field(m_ghost, t)  # a new array, to which the kernel's terms are added
        if self.spin_orbit is not None:
            outside += self.spin_orbit.field(m_ghost, t)
        if self.dmi.tensor is not None:  # the kernel knows D_i and D_b alone
            outside += self.dmi.tensor_field(m_ghost)
        _wall.llg_field(
            m_ghost, exchange=self.exchange.coupling, dmi_i=self.dmi.faces_i, dmi_b=self.dmi.faces_b,
            inverse_ms=self.inverse_ms, easy=self.easy.strength, hard=self.hard.strength,
            demag=self.demagnetization.slope, zeeman=outside, h=h,
        )  # fmt: skip
        for term in self.further:
            h += term.field(m_ghost, t)
        return h

    def rate(self, m_ghost: RealArray, t: float, spin: RealArray, torque_scale: RealArray) -> RealArray:
        """dM/dt (n, 3) in 1/fs for spin accumulation dm (n, 3) in 1/nm^3 and scale (g mu_B/M_s) J/hbar (n,).

        (1 + alpha^2) dM/dt = T + alpha M x T,  T = -gamma M x H - scale M x dm.
        """
        out = np.empty((self.mesh.n, 3))
        m = np.ascontiguousarray(m_ghost[1:-1])
        damping = 0.0 if self.varying_damping else self.magnet.damping
        _wall.llg_rate(m, self.field(m_ghost, t), spin, torque_scale, out, self.gamma, damping)
        if self.varying_damping:  # out is T: the kernel knows one alpha for all nodes
            a = self.alpha[:, None]
            out = np.ascontiguousarray((out + a * np.cross(m, out)) / (1.0 + a**2))
        return out

    def jacobian(self, m_ghost: RealArray, t: float, spin: RealArray, torque_scale: RealArray) -> RealArray:
        """d rate / dM at fixed spin accumulation: (n, 3 [left, own, right node], 3, 3) in 1/fs."""
        m = m_ghost[1:-1]
        h = self.field(m_ghost, t)
        p = np.asarray(self.gamma * h + torque_scale[:, None] * spin, dtype=np.float64)
        torque = np.asarray(-np.cross(m, p), dtype=np.float64)
        stencil = np.zeros((self.mesh.n, 3, 3, 3))
        for term in self.terms:
            term.add_jacobian(m_ghost, t, stencil)
        m_cross = cross_matrix(m)
        a = self.alpha[:, None, None]
        gilbert = (np.eye(3) + a * m_cross) / (1.0 + a**2)
        out = np.einsum("iab,ibc,idce->idae", gilbert, -self.gamma * m_cross, stencil)
        out[:, 1] += gilbert @ cross_matrix(p) - a * cross_matrix(torque) / (1.0 + a**2)
        return out

    def energies(self, m_ghost: RealArray, t: float) -> Energies:
        """Energy of each term. Collective."""
        parts = {term.name: term.energy(m_ghost, t) for term in self.terms if term.has_energy}
        values = self.mesh.totals(np.stack(list(parts.values()), axis=1))
        return Energies({name: float(value) for name, value in zip(parts, values, strict=True)})

    def powers(self, m: RealArray, rate: RealArray, torque: RealArray) -> tuple[float, float]:
        """Power of damping (<= 0) and of a torque in W/m^2.

        dE/dt = (mu0 M_s/gamma) int [-alpha |dM/dt|^2 + dM/dt.(M x torque)] plus the powers of the terms. Rate and
        torque (n, 3) in 1/fs. Collective.
        """
        scale = MU_0 * self.ms / self.magnet.gyromagnetic_ratio * self.mesh.dx * NM / FS**2
        damping = -self.alpha * scale * np.sum(rate**2, axis=1)
        spin = scale * np.sum(rate * np.cross(m, torque), axis=1)
        sums = self.mesh.totals(np.stack([damping, spin], axis=1))
        return float(sums[0]), float(sums[1])

    def term_powers(self, m: RealArray, rate: RealArray, t: float) -> dict[str, float]:
        """Power in W/m^2 of each term that can bring one in, by its name; M and dM/dt (n, 3). Collective."""
        found = {term.name: term.power(m, rate, t) for term in self.terms}
        return {name: self.mesh.total(power) for name, power in found.items() if power is not None}


def cross_matrix(a: RealArray) -> RealArray:
    """Matrices (n, 3, 3) of a x for a (n, 3)."""
    out = np.zeros((a.shape[0], 3, 3))
    out[:, 0, 1], out[:, 0, 2], out[:, 1, 2] = -a[:, 2], a[:, 1], -a[:, 0]
    out[:, 1, 0], out[:, 2, 0], out[:, 2, 1] = a[:, 2], -a[:, 1], a[:, 0]
    return out
