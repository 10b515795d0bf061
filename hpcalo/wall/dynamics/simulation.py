"""A wall calculation as a whole: builds the parts from the input and hands out states at the output times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.coefficients import Coefficients
from hpcalo.wall.config import WallInput
from hpcalo.wall.dynamics.coupled import Coupled
from hpcalo.wall.dynamics.quasi_static import QuasiStatic
from hpcalo.wall.dynamics.relaxation import relaxed
from hpcalo.wall.dynamics.state import State
from hpcalo.wall.dynamics.unit_length import normalized
from hpcalo.wall.electrons.response import Response, Torques
from hpcalo.wall.electrons.transport import Transport
from hpcalo.wall.grid import RESERVOIR_DISTANCE, Mesh
from hpcalo.wall.heat.heated import heated_wire
from hpcalo.wall.magnetism.magnetics import Magnetics
from hpcalo.wall.magnetism.terms.spin_orbit import SpinOrbit
from hpcalo.wall.magnetism.texture import initial, measure
from hpcalo.wall.solvers.options import SolverOptions
from hpcalo.wall.units import NS_IN_FS

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

FAR = 0.5
"""Relative change of T beyond which constants that do not follow it are doubtful."""
PULSE_WIDTHS = 5
"""Widths before and after its centre within which steps resolve a pulse of the applied field."""


class Simulation:
    """The consistent model on one communicator All methods are collective."""

    def __init__(self, settings: WallInput, comm: Intracomm, coefficients: Coefficients | None = None) -> None:
        """`coefficients`: those of the input's [electronic_structure], read by the caller."""
        if (coefficients is None) != (settings.electronic_structure is None):
            raise ValueError("coefficients are given exactly with [electronic_structure]")
        self.settings, self.coefficients = settings, coefficients
        self.warnings: list[str] = []
        """Warnings of the run so far, one of each kind."""
        self.on_warning: Callable[[str], None] = lambda text: None
        """Called with each new warning, on all ranks."""
        self.mesh = Mesh(comm, settings.wire.cells, settings.wire.length)
        mesh, s = self.mesh, settings
        self.options = SolverOptions(s.solver.petsc)
        self.transport = Transport(mesh, s.electrons, s.momentum, s.drive, s.solver, self.options)
        spin_orbit = None if coefficients is None else SpinOrbit(coefficients, self.transport.bulk_field)
        self.magnetics = Magnetics(
            mesh, s.magnet, s.drive.zeeman, self.transport.temperature, coefficients,
            gradient=self.transport.node_gradient, spin_orbit=spin_orbit,
        )  # fmt: skip
        self.transport.set_saturation(self.magnetics.ms)
        self.heat = heated_wire(s.heat, s.electrons, mesh, self.magnetics, self.transport)
        self.stepper: QuasiStatic | Coupled
        if s.wall.mode == "time-dependent":
            self.stepper = Coupled(mesh, self.magnetics, self.transport, s.time, self.options)
        else:
            acting = self.transport if s.electrons.spin_torque else None
            self.stepper = QuasiStatic(mesh, self.magnetics, acting, s.time, self.options, self.heat)

    def ready(self, state: State) -> State:
        """The state as the first of a run: with [heat] it has a temperature and an empty ledger. Collective."""
        if self.heat is None:
            return state
        theta = None if state.thermal is None else state.thermal.theta
        return replace(state, thermal=self.heat.start(state.m, state.t, theta))

    def temperature(self, state: State) -> RealArray:
        """T (n,) of the own nodes in K."""
        if self.heat is None or state.thermal is None:
            return self.transport.temperature
        return self.heat.temperature(state.thermal)

    def start(self) -> State:
        """The input's initial state."""
        s = self.settings
        m = initial(s.texture, s.magnet, self.mesh.x, s.wire.length)
        if s.texture.relax:
            m = relaxed(s, self.mesh, self.coefficients, m)
        return self.ready(State(m=m, t=0.0, dt=s.time.first_step))

    def times(self) -> RealArray:
        """Output times in fs, the end included."""
        t = self.settings.time
        count = int(np.floor(t.end / t.output_every * (1 + 1e-12)))
        times = np.asarray(np.arange(1, count + 1) * t.output_every * NS_IN_FS, dtype=np.float64)
        end = t.end * NS_IN_FS
        return times if count and abs(times[-1] - end) < 1e-9 * end else np.append(times, end)

    def run(self, state: State) -> Iterator[State]:
        """The states at the output times after `state.t`."""
        return (now for now, output in self.pieces(state) if output)

    def pieces(self, state: State) -> Iterator[tuple[State, bool]]:
        """The states after `state.t` from which a run continues to the same bits; whether each is at an output time.

        Raises InputError for PETSc options that nothing has used.
        """
        if self.settings.wall.mode == "steady":
            self.options.check()
            return
        checked = False
        room = self.room(state)
        for end in self.times():
            if end <= state.t * (1 + 1e-12):
                continue
            while state.t < end:
                self.move_window(state.origin)
                state = self.stepper.piece(state, self._piece_end(state.t, float(end)))
                if not checked:  # every solver of the run has been set up by now
                    self.options.check()
                    checked = True
                if self.settings.wire.follow:
                    state = self.follow(state)
                before, room = room, self.room(state)
                self._watch_wall(before, room, state.t)
                self._watch_temperature(state)
                if state.t < end:
                    yield state, False
            yield state, True

    def _piece_end(self, t: float, end: float) -> float:
        """Where the piece that begins at t (fs) ends: at `end`, or before if a pulse of the applied field is near.

        No step is then longer than the width of the pulse. An implicit method on a wire at rest would step over it.
        """
        for source in self.settings.drive.zeeman:
            if source.pulse_width is not None:
                begin = (source.pulse_centre - PULSE_WIDTHS * source.pulse_width) * NS_IN_FS
                width = source.pulse_width * NS_IN_FS
                number = max(0, int(np.floor((t - begin) / width + 1e-6)) + 1)
                if number <= 2 * PULSE_WIDTHS:
                    end = min(end, begin + number * width)
        return end

    def room(self, state: State) -> float:
        """Distance of the wall to the nearer reservoir in units of its width parameter; NaN without a wall.

        One spacing is added: a window follows in whole cells.
        """
        wall = measure(self.mesh, state.m)
        return (min(wall.position, self.mesh.length - wall.position) + self.mesh.dx) / wall.width

    def _watch_wall(self, before: float, now: float, t: float) -> None:
        """Warns in the piece in which the wall comes near a reservoir or leaves the wire.

        A continued run need not know what the first part has warned of.
        """
        if self.settings.texture.kind not in {"wall", "half-circle"}:
            return
        at = f"at {t / NS_IN_FS:.4g} ns"
        more = "a longer wire.length or wire.follow = true keeps it away"
        if before >= RESERVOIR_DISTANCE > now:
            self._warn(f"wire.length: {at} the wall is less than {RESERVOIR_DISTANCE:g} D from a reservoir; {more}")
        elif np.isfinite(before) and np.isnan(now):
            self._warn(
                f"wire.length: {at} the wall has left the wire: its position and velocity are undefined "
                f"from then on; {more}"
            )

    def _watch_temperature(self, state: State) -> None:
        """Warns of a wire whose temperature has left the one at which all other coefficients are taken. Collective."""
        if self.heat is None:
            return
        reference = self.heat.material.reference
        off = self.mesh.max(float(np.abs(self.temperature(state) - reference).max()))
        if off > FAR * reference:
            follows = self.settings.magnet.thermal is not None
            constants = "the damping and the conductivity" if follows else "M_s, A, K, the damping and the conductivity"
            self._warn(
                f"heat: at {state.t / NS_IN_FS:.4g} ns T is more than {FAR * reference:g} K away from "
                f"drive.temperature = {reference:g} K somewhere, where {constants} are still those at that temperature"
            )

    def _warn(self, text: str) -> None:
        kind = text.partition(" ns ")[2]  # without the time
        if all(kind not in earlier for earlier in self.warnings):
            self.warnings.append(text)
            self.on_warning(text)

    def move_window(self, origin: float) -> None:
        """Moves the window to where it begins at x = origin (nm)."""
        if origin == self.magnetics.origin:
            return
        self.transport.move_window(origin)
        self.magnetics.update(self.transport.temperature, origin, self.transport.node_gradient)
        self.transport.set_saturation(self.magnetics.ms)

    def follow(self, state: State) -> State:
        """The state with the window moved by whole cells so that the wall is in its middle again."""
        wall = measure(self.mesh, state.m)
        if not np.isfinite(wall.position):
            return state
        cells = round((wall.position - 0.5 * self.mesh.length) / self.mesh.dx)
        if cells == 0:
            return state
        m, f = shifted(self.mesh, state.m, cells), state.f
        if f is not None and isinstance(self.stepper, Coupled):
            f = self.stepper.shifted(f, cells, m)
        return replace(state, m=m, origin=state.origin + cells * self.mesh.dx, f=f)

    def electrons(self, state: State) -> Torques:
        """Both parts of the electrons' response at this state.

        Time-dependent: the thermal part is what the present distribution has beyond the electrical one, which is
        taken from the stationary response (the equation is linear; only their sum is integrated in time).
        Field and mean current are those of the distribution, the applied field that of the stationary wire.
        """
        self.move_window(state.origin)
        if self.heat is not None and state.thermal is not None:
            self.heat.act(state.thermal)
        if not self.settings.electrons.spin_torque:
            return self.transport.without_torques()
        ghost = self.mesh.magnetization_with_ghosts(state.m)
        partners = any(m.name == "motive" for m in self.settings.output.monitors)
        unit = self.transport.respond(ghost, field=partners)
        torques = self.transport.combine(unit)
        if state.f is None or not isinstance(self.stepper, Coupled):
            return torques
        now: Response = self.stepper.response(state)
        field, current = self.stepper.electric(state)
        return replace(torques, thermal=now + torques.electrical * -1.0, field=field, current=current)

    def rate(self, state: State, torques: Torques) -> RealArray:
        """dM/dt (n, 3) in 1/fs at this state."""
        ghost = self.mesh.magnetization_with_ghosts(state.m)
        spin = np.ascontiguousarray(torques.total.q[:, 1:])
        return self.magnetics.rate(ghost, state.t, spin, self.transport.torque_scale)


def shifted(mesh: Mesh, field: RealArray, cells: int) -> RealArray:
    """The field (n, ...) moved left by whole cells; the end value fills what comes in. Collective."""
    every = mesh.gather(field)
    index = np.clip(np.arange(mesh.first, mesh.last) + cells, 0, mesh.cells - 1)
    moved = every[index]
    return normalized(moved) if field.ndim == 2 and field.shape[1] == 3 else moved
