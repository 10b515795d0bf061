"""Magnetic energy, effective field and LLG rate of the wire (docs/theory/wall.md).

The field is the exact gradient of the discrete energy, so energy falls monotonically without drive and the boundary
conditions of exchange and DMI at the wire's ends come out by themselves. Fields A/m, energies J per m^2 cross-section,
times fs; M dimensionless with |M| = 1. Easy axis z, hard axis y, wire along x.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import InputError
from hpcalo.units import MU_0
from hpcalo.wall.coefficients import Coefficients
from hpcalo.wall.config import Magnet, Zeeman
from hpcalo.wall.grid import Mesh
from hpcalo.wall.kernels import _wall
from hpcalo.wall.magnetism.spin_orbit_torque import SpinOrbitTorque
from hpcalo.wall.units import FS, NM, NS_IN_FS

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Energies:
    """J/m^2 of the whole wire; uniaxial energy counted from the easy direction. A result has `energy_NAME` of each."""

    exchange: float
    uniaxial: float
    hard_axis: float
    demagnetization: float
    dmi: float
    zeeman: float

    @property
    def total(self) -> float:
        return sum(asdict(self).values())


def _law(magnet: Magnet, temperature: Array) -> tuple[Array, Array, Array]:
    """M_s, A and K at the given temperatures."""
    one = np.ones_like(temperature)
    if magnet.thermal is None:
        return magnet.saturation_magnetization * one, magnet.exchange_stiffness * one, magnet.anisotropy * one
    law = magnet.thermal
    hottest = float(temperature.max())
    if hottest >= law.curie_temperature:
        raise InputError(
            f"magnet.thermal.curie_temperature: {law.curie_temperature:g} K is reached on the wire ({hottest:.1f} K)"
        )
    m = 1.0 - (temperature / law.curie_temperature) ** 1.5
    return (
        magnet.saturation_magnetization * m,
        magnet.exchange_stiffness * m**law.stiffness_exponent,
        magnet.anisotropy * m**law.anisotropy_exponent,
    )


class Magnetics:
    """LLG coefficients on the own nodes; `place` must be called again when the window or the temperature moves.

    `coefficients` of an electronic structure take the place of the magnet's M_s, DMI and damping where they hold them.
    `spin_orbit`: its torques as effective fields, if the wall feels them (set by the caller, placed after `place`).
    """

    def __init__(
        self,
        mesh: Mesh,
        magnet: Magnet,
        zeeman: tuple[Zeeman, ...],
        temperature: Array,
        coefficients: Coefficients | None = None,
    ) -> None:
        self.mesh, self.magnet, self.sources = mesh, magnet, zeeman
        self.coefficients = coefficients
        self.spin_orbit: SpinOrbitTorque | None = None
        self.gamma = magnet.gyromagnetic_ratio * FS  # m/(A fs)
        self.place(temperature, 0.0)

    def place(self, temperature: Array, origin: float) -> None:
        """Material constants at the temperatures (K) of the own nodes; `origin` of the window in nm. Collective."""
        mesh, magnet = self.mesh, self.magnet
        self.origin = origin
        ms, stiffness, uniaxial = _law(magnet, temperature)
        dx = mesh.dx * NM
        c = self.coefficients
        relative = ms / magnet.saturation_magnetization
        self.alpha: Array = c.at("damping", temperature) if c and c.has("damping") else np.full(mesh.n, magnet.damping)
        self.interfacial: Array = magnet.interfacial_dmi * relative
        if c is not None:
            ms = c.saturation(temperature) if c.has("moment") else ms
            self.interfacial = c.interfacial_dmi(temperature) if c.has("spiralization") else self.interfacial
        self.bulk: Array = magnet.bulk_dmi * relative
        ghost = mesh.with_ghosts(np.stack([stiffness, self.interfacial, self.bulk], axis=1))
        self.stiffness = mesh.faces(ghost[:, 0])
        inside = np.ones(mesh.n + 1)
        if mesh.at_left:
            inside[0] = 0.0
        if mesh.at_right:
            inside[-1] = 0.0
        self.inside = inside
        self.ms = ms
        self.uniaxial = uniaxial
        self.exchange = inside * 2.0 * self.stiffness / (MU_0 * dx**2)
        self.dmi_i = inside * mesh.faces(ghost[:, 1]) / (MU_0 * dx)
        self.dmi_b = inside * mesh.faces(ghost[:, 2]) / (MU_0 * dx)
        self.inverse_ms = 1.0 / ms
        self.easy = 2.0 * uniaxial / MU_0
        self.hard = np.full(mesh.n, 2.0 * magnet.hard_anisotropy / MU_0)
        self.demag = np.ascontiguousarray(-ms[:, None] * np.array(magnet.demagnetization))

    def zeeman(self, t: float) -> Array:
        """Applied field at time t (fs) on the own nodes, (n, 3) A/m."""
        return self._applied([wave for wave, _ in map(partial(_wave, t=t), self.sources)])

    def zeeman_rate(self, t: float) -> Array:
        """Time derivative of the applied field at fixed places of the wire, (n, 3) A/(m fs)."""
        return self._applied([rate for _, rate in map(partial(_wave, t=t), self.sources)])

    def _applied(self, strengths: list[float]) -> Array:
        h = np.zeros((self.mesh.n, 3))
        if not self.sources:
            return h
        x = self.mesh.x + self.origin
        for s, strength in zip(self.sources, strengths, strict=True):
            shape = np.exp(-((x - s.centre) ** 2) / (2.0 * s.width**2)) if s.width else np.ones_like(x)
            h += strength * shape[:, None] * np.array(s.field)
        return h

    def field(self, m_ghost: Array, t: float) -> Array:
        """Effective field H (n, 3) in A/m."""
        h = np.empty((self.mesh.n, 3))
        outside = self.zeeman(t)  # and with it every field that the kernel does not know
        if self.spin_orbit is not None:
            outside += self.spin_orbit.field(m_ghost[1:-1])
        _wall.llg_field(
            m_ghost, self.exchange, self.dmi_i, self.dmi_b, self.inverse_ms, self.easy, self.hard, self.demag,
            outside, h,
        )  # fmt: skip
        return h

    def rate(self, m_ghost: Array, t: float, spin: Array, torque_scale: Array) -> Array:
        """dM/dt (n, 3) in 1/fs for spin accumulation dm (n, 3) in 1/nm^3 and scale (g mu_B/M_s) J/hbar (n,).

        (1 + alpha^2) dM/dt = T + alpha M x T,  T = -gamma M x H - scale M x dm.
        """
        out = np.empty((self.mesh.n, 3))
        m = np.ascontiguousarray(m_ghost[1:-1])
        varies = self.coefficients is not None and self.coefficients.has("damping")
        damping = 0.0 if varies else self.magnet.damping
        _wall.llg_rate(m, self.field(m_ghost, t), spin, torque_scale, out, self.gamma, damping)
        if varies:  # out is T: the kernel knows one alpha for all nodes
            a = self.alpha[:, None]
            out = np.ascontiguousarray((out + a * np.cross(m, out)) / (1.0 + a**2))
        return out

    def jacobian(self, m_ghost: Array, t: float, spin: Array, torque_scale: Array) -> Array:
        """d rate / dM at fixed spin accumulation: (n, 3 [node offset + 1], 3, 3) in 1/fs."""
        n = self.mesh.n
        m = m_ghost[1:-1]
        h = self.field(m_ghost, t)
        p = np.asarray(self.gamma * h + torque_scale[:, None] * spin, dtype=np.float64)
        torque = np.asarray(-np.cross(m, p), dtype=np.float64)
        stencil = np.zeros((n, 3, 3, 3))  # dH_i/dM_{i + offset}
        left, right = self.exchange[:-1], self.exchange[1:]
        w = self.inverse_ms
        for c in range(3):
            stencil[:, 0, c, c] = w * left
            stencil[:, 2, c, c] = w * right
            stencil[:, 1, c, c] = -w * (left + right) + self.demag[:, c]
        stencil[:, 1, 1, 1] -= w * self.hard
        stencil[:, 1, 2, 2] += w * self.easy
        for dmi, c in ((self.dmi_i, 0), (self.dmi_b, 1)):
            stencil[:, 0, c, 2] -= w * dmi[:-1]
            stencil[:, 2, c, 2] += w * dmi[1:]
            stencil[:, 0, 2, c] += w * dmi[:-1]
            stencil[:, 2, 2, c] -= w * dmi[1:]
        turn = _cross(m)
        if self.spin_orbit is not None:
            stencil[:, 1] += self.spin_orbit.jacobian()
        a = self.alpha[:, None, None]
        gilbert = (np.eye(3) + a * turn) / (1.0 + a**2)
        out = np.einsum("iab,ibc,idce->idae", gilbert, -self.gamma * turn, stencil)
        out[:, 1] += gilbert @ _cross(p) - a * _cross(torque) / (1.0 + a**2)
        return out

    def energies(self, m_ghost: Array, t: float) -> Energies:
        """Collective."""
        mesh, magnet = self.mesh, self.magnet
        dx = mesh.dx * NM
        m = m_ghost[1:-1]
        a, b = m_ghost[:-1], m_ghost[1:]
        faces = slice(0, mesh.n)  # a rank owns the face on the left of each node; the outermost ones carry no energy
        exchange = (self.stiffness * self.inside * np.sum((b - a) ** 2, axis=1))[faces] / dx
        inter = a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]
        bulk = a[:, 2] * b[:, 1] - a[:, 1] * b[:, 2]
        dmi = (MU_0 * dx * (self.dmi_i * inter + self.dmi_b * bulk))[faces]
        demag = 0.5 * MU_0 * dx * (self.ms[:, None] ** 2 * np.array(magnet.demagnetization) * m**2).sum(axis=1)
        parts = {
            "exchange": exchange,
            "uniaxial": dx * self.uniaxial * (1.0 - m[:, 2] ** 2),
            "hard_axis": dx * magnet.hard_anisotropy * m[:, 1] ** 2,
            "demagnetization": demag,
            "dmi": dmi,
            "zeeman": -MU_0 * dx * self.ms * (m * self.zeeman(t)).sum(axis=1),
        }
        values = mesh.total(np.stack(list(parts.values()), axis=1))
        return Energies(**{name: float(value) for name, value in zip(parts, values, strict=True)})

    def powers(self, m: Array, rate: Array, torque: Array) -> tuple[float, float]:
        """Power of damping (<= 0) and of the spin torque in W/m^2; with `field_power` their sum is dE/dt.

        dE/dt = (mu0 M_s/gamma) int [-alpha |dM/dt|^2 + dM/dt.(M x torque)]. Rate and torque (n, 3) in 1/fs. Collective.
        """
        scale = MU_0 * self.ms / self.magnet.gyromagnetic_ratio * self.mesh.dx * NM / FS**2
        damping = -self.alpha * scale * np.sum(rate**2, axis=1)
        spin = scale * np.sum(rate * np.cross(m, torque), axis=1)
        sums = self.mesh.total(np.stack([damping, spin], axis=1))
        return float(sums[0]), float(sums[1])

    def field_power(self, m: Array, t: float) -> float:
        """Power of the applied field's change in time, -mu0 int M_s M.dH/dt, in W/m^2. Collective."""
        local = -MU_0 * self.ms * self.mesh.dx * NM / FS * np.sum(m * self.zeeman_rate(t), axis=1)
        return float(self.mesh.total(local))


def _wave(s: Zeeman, t: float) -> tuple[float, float]:
    """What the amplitude is multiplied with at time t (fs), and its derivative (1/fs)."""
    w = 2.0 * np.pi * s.frequency * 1e-6
    phase = w * t + np.deg2rad(s.phase)
    wave, rate = float(np.cos(phase)), -w * float(np.sin(phase))
    if s.pulse_width is not None:
        since, width = t - s.pulse_centre * NS_IN_FS, s.pulse_width * NS_IN_FS
        envelope = float(np.exp(-(since**2) / (2.0 * width**2)))
        wave, rate = wave * envelope, (rate - wave * since / width**2) * envelope
    return wave, rate


def _cross(a: Array) -> Array:
    """Matrices (n, 3, 3) of a x."""
    out = np.zeros((a.shape[0], 3, 3))
    out[:, 0, 1], out[:, 0, 2], out[:, 1, 2] = -a[:, 2], a[:, 1], -a[:, 0]
    out[:, 1, 0], out[:, 2, 0], out[:, 2, 1] = a[:, 2], -a[:, 1], a[:, 0]
    return out
