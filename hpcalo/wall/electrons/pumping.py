"""What a moving magnetization drives back: the partners of the electrons' torques (docs/theory/heat.md).

A drive X (j, or -d_x T/T) exerts a torque whose power is X G. By Onsager and Casimir the conjugate quantity (the field,
or the heat current) has a part that is G for one kind of torque and -G for the other. Torques along M' are reactive
when j drives them and dissipative when a force does; those along M x M' the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.units import MU_0
from hpcalo.wall.boltzmann import equilibrium as eq
from hpcalo.wall.electrons.response import Torques
from hpcalo.wall.electrons.transport import Transport
from hpcalo.wall.electrons.zhang_li import components
from hpcalo.wall.magnetism.magnetics import Magnetics
from hpcalo.wall.units import FS, NM


@dataclass(frozen=True)
class TorquePower:
    """Power of a torque on the moving M, W/m^2 of each own node: of its part along M', and of the rest."""

    along: RealArray
    across: RealArray

    @property
    def whole(self) -> RealArray:
        """All of it."""
        return self.along + self.across

    @property
    def odd(self) -> RealArray:
        """Along M' less the rest: what a current's torque adds to the field; a force's torque takes it away."""
        return self.along - self.across


def torque_power(magnetics: Magnetics, m_ghost: RealArray, rate: RealArray, torque: RealArray) -> TorquePower:
    """For M with ghosts (n + 2, 3), dM/dt and torque (n, 3) in 1/fs: (mu0 M_s/gamma) dM/dt.(M x torque) dx."""
    m, dx = m_ghost[1:-1], magnetics.mesh.dx
    damping, _ = components(m_ghost, torque, dx)
    slope = (m_ghost[2:] - m_ghost[:-2]) / (2.0 * dx)
    slope = slope - m * np.einsum("ic,ic->i", m, slope)[:, None]
    size = np.linalg.norm(slope, axis=1)[:, None]
    unit = np.divide(slope, size, out=np.zeros_like(slope), where=size > 1e-12)
    scale = MU_0 * magnetics.ms / magnetics.magnet.gyromagnetic_ratio * dx * NM / FS**2
    whole = scale * np.einsum("ic,ic->i", rate, np.cross(m, torque))
    along = -scale * damping * np.einsum("ic,ic->i", rate, np.cross(m, unit))
    return TorquePower(np.asarray(along), np.asarray(whole - along))


def thermal_field(transport: Transport) -> RealArray:
    """Field (n,) in V/nm that drives the spin current of dT/dx = 1 K/nm at the T of each own node, in the bulk.

    In a circuit with a given field at that field, else at the current.
    """
    c, p, t = transport.carriers, transport.p, transport.temperature
    v = p / c.mass
    d_t, d_p = eq.occupation_temperature(c, p, t), eq.occupation_momentum(c, p, t)
    by_gradient, by_field = -(v * v * (d_t[0] - d_t[1])).sum(axis=-1), (v * (d_p[0] - d_p[1])).sum(axis=-1)
    field = np.divide(by_gradient, by_field, out=np.zeros_like(t), where=by_field != 0.0)  # 0 without exchange
    if transport.drive.circuit != "field":
        field = field + (v * v * (d_t[0] + d_t[1])).sum(axis=-1) / (v * (d_p[0] + d_p[1])).sum(axis=-1)
    return np.asarray(field)


def pumped_heat(transport: Transport, per_volt: TorquePower) -> RealArray:
    """Heat current (n,) in W/m^2 that the motion drives along the wire, partner of the thermal torque.

    per_volt: power of the torque per V/nm. The torque of dT/dx at a node is that of the field that drives the same
    spin current there.
    """
    field = thermal_field(transport)
    return np.asarray(transport.temperature * field * NM * per_volt.odd / (transport.mesh.dx * NM))


def spin_motive(
    transport: Transport, magnetics: Magnetics, m_ghost: RealArray, rate: RealArray, torques: Torques
) -> tuple[float, RealArray] | None:
    """Voltage (V) and pumped heat current (n,) in W/m^2; None where the electrons exert no torque. Collective."""
    if torques.unit is None:
        return None
    power = torque_power(magnetics, m_ghost, rate, transport.torque(m_ghost[1:-1], torques.unit.q))
    per_field = transport.mean_current(torques.unit)
    voltage = transport.mesh.total(power.odd) / per_field if per_field > 0.0 else float("nan")
    return voltage, pumped_heat(transport, power)
