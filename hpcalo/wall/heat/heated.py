"""The wire with its own temperature: T(x, t) advances beside the magnetization, and acts on it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.config.electrons import Electrons
from hpcalo.wall.config.heat import Heat
from hpcalo.wall.electrons.transport import Transport
from hpcalo.wall.grid import Mesh
from hpcalo.wall.heat.acting import Acting
from hpcalo.wall.heat.dissipation import Dissipation
from hpcalo.wall.heat.entropy import MagnetHeat, Store, magnet_heat
from hpcalo.wall.heat.equation import TERMS, Current, HeatEquation
from hpcalo.wall.heat.ledger import COARSE, ENTRIES, position
from hpcalo.wall.heat.material import Material
from hpcalo.wall.heat.spread import converging, shared
from hpcalo.wall.heat.step import heat_step
from hpcalo.wall.heat.thermal import Thermal
from hpcalo.wall.heat.transfer import ELECTRICAL, MOTIVE, PUMPED, THERMAL, TorqueWork
from hpcalo.wall.magnetism.magnetics import Magnetics
from hpcalo.wall.units import FS, NM, NS_IN_FS

SHORT = 1e-3
"""Part of a step over which a difference quotient of the entropy is taken."""
LATE = 1e-9
"""Part of a step that may be missing for it to count as due: times are sums of steps."""


class HeatedWire:
    """Steps T in turn with the magnetization: `begin`, `after_step` for each of its steps, `finish`. Collective.

    The heat of damping is what the magnetization has lost and nothing has brought, to the last digit, at the nodes in
    proportion to alpha |dM/dt|^2. Where it differs from the integral of that power the integrator of the magnetization
    has made or lost energy: both are in the ledger. Every rank steps the whole T, with the same arithmetic.

    Between two steps of T what depends on it is held at the T expected half a step later. transport: the electrons,
    where they exert a torque.
    """

    rate: Callable[[float, RealArray], RealArray]
    """dM/dt (n, 3) in 1/fs at t (fs) for M with ghosts, at the temperature last set. Who steps M sets it."""
    _waiting: tuple[RealArray, float, Store | None] | None
    """Heat (J/m^2) and length (s) of a step that `_double_step` has not made yet."""

    def __init__(
        self,
        keys: Heat,
        mesh: Mesh,
        magnetics: Magnetics,
        current: Current,
        reference: float,
        transport: Transport | None = None,
    ) -> None:
        self.keys, self.mesh, self.magnetics = keys, mesh, magnetics
        self.material = Material(keys, reference)
        self.equation = HeatEquation(keys, self.material, current, mesh.cells, mesh.dx * NM)
        self.torques = None if transport is None else TorqueWork(magnetics, transport)
        self.dissipation = Dissipation(mesh, magnetics, self.torques)
        self.acting = Acting(mesh, self.equation, magnetics, transport)
        self.coupled = self.acting.anything or current.field is not None
        """Whether T acts on anything."""

    def start(self, m: RealArray, t: float, theta: RealArray | None = None) -> Thermal:
        """The start of a run at M (n, 3) and t (fs): T_0, or theta (n,) in K; an empty ledger. Collective."""
        theta = np.zeros(self.mesh.n) if theta is None else theta
        thermal = Thermal(theta, np.zeros(len(ENTRIES)), theta)
        self.act(thermal)
        for name, value in self.stored(thermal, m, t).items():
            thermal.ledger[position(f"{name}_start")] = value
        return thermal

    def act(self, thermal: Thermal) -> None:
        """Everything that depends on T takes that of a state. Collective."""
        if self.acting.anything:
            self.acting.set(self.mesh.gather(thermal.theta))

    def temperature(self, thermal: Thermal) -> RealArray:
        """T (n,) in K on the own nodes."""
        return self.material.reference + thermal.theta

    def stored(self, thermal: Thermal, m: RealArray, t: float) -> dict[str, float]:
        """Energies J/m^2: the bath over that at T_0; f and T s_m of the magnet, at the T last set. Collective."""
        held = magnet_heat(self.magnetics, self.material.reference, self.mesh.magnetization_with_ghosts(m), t)
        entropy = 0.0
        if held is not None:
            theta = self.mesh.gather(thermal.theta)
            entropy = float((held.entropy(theta) * (self.material.reference + theta)).sum())
        bath = self.mesh.total(self.material.energy(thermal.theta)) * self.mesh.dx * NM
        return {"bath": bath, "magnet": self._magnet_energy(m, t), "entropy": entropy}

    def errors(self, thermal: Thermal) -> dict[str, float]:
        """Errors of the steps of T: of the terms of the heat equation and the bath (J/m^2), of the temperature (K).

        A third of the difference to steps of twice the length, for a method of second order. Collective.
        """
        ledger, mesh = thermal.ledger, self.mesh
        found = {n: abs(float(ledger[position(n)] - ledger[position(f"coarse_{n}")])) / 3.0 for n in TERMS}
        bath = [self.material.energy(theta) for theta in (thermal.theta, thermal.coarse)]
        found["bath"] = abs(mesh.total(bath[0] - bath[1])) * mesh.dx * NM / 3.0
        found["temperature"] = mesh.max(float(np.abs(thermal.theta - thermal.coarse).max())) / 3.0
        return found

    def _magnet_energy(self, m: RealArray, t: float) -> float:
        return self.magnetics.energies(self.mesh.magnetization_with_ghosts(m), t).total

    def begin(self, thermal: Thermal, m: RealArray, t: float) -> None:
        """A piece begins at M (n, 3) and t (fs). Collective."""
        self._theta, self._ledger = self.mesh.gather(thermal.theta), thermal.ledger.copy()
        self._coarse, self._waiting = self.mesh.gather(thermal.coarse), None
        self.acting.set(self._theta)
        self._next(t, m)

    def _next(self, t: float, m: RealArray) -> None:
        """A step of T begins: sets the temperature that acts during it."""
        ghost = self.mesh.magnetization_with_ghosts(m)
        rate = self.rate(t, ghost)
        self._t, self._held = t, None
        expected = self._theta
        if self.coupled:
            self._held = magnet_heat(self.magnetics, self.material.reference, ghost, t)
            expected = self._expected(t, ghost, rate)
            self.acting.set(expected)
            rate = self.rate(t, ghost)
        self.equation.take_current(expected)
        self._expect = expected
        self._energy = self._magnet_energy(m, t)
        self.dissipation.clear()
        self.dissipation.begin(t, m, rate)
        self.now = rate

    def _expected(self, t: float, ghost: RealArray, rate: RealArray) -> RealArray:
        """theta of the whole wire half a step later, with the heat that M brings as it is now. Collective."""
        magnetics, mesh = self.magnetics, self.mesh
        damping = magnetics.alpha * self.dissipation.power_scale() / FS * np.einsum("ic,ic->i", rate, rate)
        source = mesh.gather(np.asarray(damping))  # W/m^2
        if self.torques is not None:
            moved = self.torques.at(ghost, rate, self.torques.spins(ghost[1:-1]))
            powers = np.ascontiguousarray(mesh.gather(moved).T)
            source = source + powers[MOTIVE] - powers[ELECTRICAL] - powers[THERMAL] + converging(powers[PUMPED])
        store = None
        if self._held is not None:
            moment = SHORT * self.keys.step
            later = mesh.magnetization_with_ghosts(ghost[1:-1] + moment * rate)
            soon = magnet_heat(magnetics, self.material.reference, later, t + moment)
            assert soon is not None  # the law is that of _held
            turned = soon.entropy(self._theta) - self._held.entropy(self._theta)
            source = source - (self.material.reference + self._theta) * turned / (moment * FS)
            store = Store(self.material, self._held, self._theta, mesh.dx * NM)
        return heat_step(self.equation, self._theta, source / (mesh.dx * NM), 0.5 * self.keys.step * FS, store)[0]

    def renewed(self, t: float, m: RealArray, rate: RealArray) -> None:
        """The torques have changed between two steps. Collective."""
        self.dissipation.begin(t, m, rate)

    def after_step(self, t: float, m: RealArray, rate: RealArray) -> RealArray:
        """The magnetization has made a step to t (fs); dM/dt (n, 3) there from now on. Collective.

        Raises ConvergenceError.
        """
        self.dissipation.add(t, m, rate)
        if t - self._t < self.keys.step * (1.0 - LATE):
            return rate
        self._advance(t, m)
        if not self.coupled:
            self._t, self._energy = t, self._magnet_energy(m, t)
            self.dissipation.clear()
            return rate
        self._next(t, m)
        return self.now

    def finish(self, m: RealArray, t: float) -> Thermal:
        """Temperature and ledger at the end of the piece, M (n, 3) at t (fs). Collective. Raises ConvergenceError."""
        if t > self._t:
            self._advance(t, m)
        self._double_step()
        return Thermal(self._theta, self._ledger.copy(), self._coarse).part(self.mesh.first, self.mesh.last)

    def _advance(self, t: float, m: RealArray) -> None:
        """T and the ledger up to t (fs)."""
        mesh, d = self.mesh, self.dissipation
        h, dx = (t - self._t) * FS, mesh.dx * NM
        energy = self._magnet_energy(m, t)
        own = np.column_stack([d.damping(), d.turning, d.work, d.transferred])
        damping, turning, work, *moved = np.ascontiguousarray(mesh.gather(own).T)
        torque = moved[ELECTRICAL] + moved[THERMAL]
        heat = float(work.sum()) + float(torque.sum()) - (energy - self._energy)
        transfer = moved[MOTIVE] - torque
        source = shared(heat, damping, turning) + transfer + converging(moved[PUMPED])
        gained = {"field": float(work.sum()), "damping": heat, "dissipated": float(damping.sum())}
        gained |= {"motive": float(moved[MOTIVE].sum()), "transfer": float(transfer.sum())}
        source, store, spent = self._caloric(source, m, t)
        before = self._theta
        self._theta, terms = heat_step(self.equation, before, source / (h * dx), h, store)
        if store is not None:
            spent += float((store.magnet.energy(self._theta) - store.magnet.energy(before)).sum())
        gained |= {"caloric": -spent, **dict(zip(TERMS, terms, strict=True))}
        self.material.check(self._theta, np.asarray(np.arange(mesh.cells) * mesh.dx), t / NS_IN_FS)
        self._ledger += np.array([gained.get(name, 0.0) for name in ENTRIES])
        self._wait(source, h, store)

    def _wait(self, source: RealArray, h: float, store: Store | None) -> None:
        """Every second step of T: one of both together, by which the error of the steps is known."""
        before = self._waiting
        self._waiting = (source, h, store) if before is None else (before[0] + source, before[1] + h, store)
        if before is not None:
            self._double_step()

    def _double_step(self) -> None:
        if self._waiting is None:
            return
        (source, h, store), self._waiting = self._waiting, None
        if store is not None:
            store = Store(self.material, store.magnet, self._coarse, self.mesh.dx * NM)
        density = source / (h * self.mesh.dx * NM)
        self._coarse, terms = heat_step(self.equation, self._coarse, density, h, store)
        self._ledger += np.array([dict(zip(COARSE, terms, strict=True)).get(name, 0.0) for name in ENTRIES])

    def _caloric(self, source: RealArray, m: RealArray, t: float) -> tuple[RealArray, Store | None, float]:
        """The heat (J/m^2) of the nodes less what the turned M takes up as T s_m, what then takes it up, and the sum.

        What is taken up is that at the temperature that acted, so that f and T s_m together have what was exchanged.
        """
        before: MagnetHeat | None = self._held
        if before is None:
            return source, None, 0.0
        ghost = self.mesh.magnetization_with_ghosts(m)
        now = magnet_heat(self.magnetics, self.material.reference, ghost, t)
        assert now is not None  # the law is that of before
        theta, acted = self._theta, self._expect
        taken = (now.energy(theta) - before.energy(theta)) - (now.free(acted) - before.free(acted))
        return source - taken, Store(self.material, now, theta, self.mesh.dx * NM), float(taken.sum())


def heated_wire(
    keys: Heat | None, electrons: Electrons, mesh: Mesh, magnetics: Magnetics, transport: Transport
) -> HeatedWire | None:
    """The wire's own temperature, where the input asks for it."""
    if keys is None:
        return None
    drive = transport.drive
    given = drive.electric_field if drive.circuit == "field" and keys.thermoelectric else None
    current = Current(transport.without_torques().current, transport.bulk_conductivity, given)
    acting = transport if electrons.spin_torque else None
    return HeatedWire(keys, mesh, magnetics, current, drive.temperature, acting)
