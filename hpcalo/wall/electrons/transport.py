"""Linear response of the conduction electrons: circuits, spin torques, and the numbers that describe them.

Both drives are solved per unit (1 V/nm, 1 K/nm) and added, so every result is the exact sum of an electrical part
(proportional to the applied field) and a thermal part (kappa and the field kappa itself produces in the circuit).

Signs: moment convention, M is the direction of the moments; the electron charge is -e, a negative field pushes
electrons to +x. Torque on M: -(g mu_B/M_s)(J/hbar) M x m (docs/theory/wall.md), in 1/fs.
"""

from __future__ import annotations

import numpy as np

from hpcalo.errors import ConvergenceError
from hpcalo.typing import RealArray
from hpcalo.wall.boltzmann import equilibrium as eq
from hpcalo.wall.boltzmann.kinetic import Kinetic
from hpcalo.wall.config import Drive, Electrons, Momentum, Solver
from hpcalo.wall.electrons.response import Response, Solution, Torques
from hpcalo.wall.electrons.temperature import temperature
from hpcalo.wall.grid import Mesh
from hpcalo.wall.solvers.options import SolverOptions
from hpcalo.wall.solvers.steady import SteadySolver
from hpcalo.wall.units import CURRENT_IN_SI, METRE_PER_SECOND, MOMENT_VOLUME, NM, VOLT_PER_METRE


class Transport:
    """The electrons of the wire: the kinetic operator and its solver for the present window."""

    def __init__(
        self,
        mesh: Mesh,
        electrons: Electrons,
        momentum: Momentum,
        drive: Drive,
        solver: Solver,
        options: SolverOptions | None = None,
    ) -> None:
        self.options = options or SolverOptions()
        self.mesh, self.drive, self.electrons, self.solver_settings = mesh, drive, electrons, solver
        self.carriers = eq.carriers_from(electrons, momentum.points, momentum.cutoff, drive.temperature)
        self.p = eq.momentum_grid(self.carriers, momentum.points, momentum.cutoff)
        self.moment_scale = self.torque_scale = np.zeros(mesh.n)
        self.solves = 0
        self.iterations = 0
        self.move_window(0.0)

    def move_window(self, origin: float) -> None:
        """Sets temperature and solver for a window that starts at x = origin (nm). Collective."""
        mesh = self.mesh
        nodes = temperature(self.drive, mesh.length, mesh.x, origin)
        x_faces = (np.arange(mesh.first, mesh.last + 1) - 0.5) * mesh.dx
        faces = temperature(self.drive, mesh.length, x_faces, origin)
        self.temperature = nodes
        self.gradient = self.drive.gradient
        self._changed: tuple[RealArray, RealArray] | None = None
        self._density: RealArray | None = None
        half = 0.5 * (self.drive.ramp_length or mesh.length)
        inside = np.abs(x_faces + origin - 0.5 * mesh.length) <= half
        local = self.drive.profile == "ramp"
        self.gradient_shape = np.where(inside, 1.0, 0.0) if local else np.ones(x_faces.size)
        self.kinetic = Kinetic(
            self.carriers, self.p, mesh.dx, nodes, faces,
            force=self.electrons.force, gradient_source=self.electrons.gradient_source,
        )  # fmt: skip
        self.kinetic.source_k *= self.gradient_shape[None, :, None]
        self._source = np.empty((mesh.n + 1, *self.kinetic.shape[1:]))  # work array
        s = self.solver_settings
        self.solver = SteadySolver(
            mesh,
            self.kinetic,
            method=s.method,
            tolerance=s.tolerance,
            iterations=s.iterations,
            accelerate=s.accelerate,
            options=self.options,
        )

    def set_temperature(self, nodes: RealArray, faces: RealArray, slope: RealArray, *, uneven: bool) -> None:
        """Takes a T(x) that is computed: T (K) on own nodes and faces, dT/dx on the faces (K/nm).

        The next solve uses it. The drive of the thermal response is then this slope, `gradient` a factor of 1, or 0
        where T is even along the whole wire.
        """
        self.temperature, self._changed, self._density = nodes, (nodes, faces), None
        self.gradient_shape, self.gradient = slope, 1.0 if uneven else 0.0

    def _take_temperature(self) -> None:
        """Brings the kinetic operator to the temperature last set. Collective."""
        if self._changed is None:
            return
        self.kinetic.set_temperature(*self._changed)
        self.kinetic.source_k *= self.gradient_shape[None, :, None]
        self.solver.take_temperature()
        self._changed = None

    def set_saturation(self, saturation: RealArray) -> None:
        """Sets the scales that follow from M_s (A/m) on the own nodes.

        They are g mu_B/M_s (nm^3), velocity per spin current, and (g mu_B/M_s)(J/hbar) (nm^3/fs), torque per spin
        accumulation; J may be 0.
        """
        self.moment_scale = self.electrons.g_factor * MOMENT_VOLUME / saturation
        self.torque_scale = self.moment_scale * self.carriers.precession

    def equilibrium_density(self) -> RealArray:
        """n of local equilibrium on the own nodes, electrons per nm^3: 2 int F0 dp at the background temperature."""
        if self._density is None:
            step = 2.0 * (self.p[1] - self.p[0])  # both signs of p
            self._density = (
                2.0 * step * eq.occupation(self.carriers, self.p, self.temperature).mean(axis=0).sum(axis=-1)
            )
        return self._density

    @property
    def node_gradient(self) -> RealArray:
        """dT/dx on the own nodes, K/m."""
        return self.gradient / NM * 0.5 * (self.gradient_shape[:-1] + self.gradient_shape[1:])

    @property
    def bulk_conductivity(self) -> float:
        """sigma in S/m of a wire without a wall, at `drive.temperature`."""
        return eq.bulk(self.carriers, self.p, self.drive.temperature).conductivity

    @property
    def bulk_field(self) -> float:
        """E in V/m that the circuit sets up in a wire without a wall: given, or j/sigma + S kappa."""
        d = self.drive
        if d.circuit == "field":
            return d.electric_field
        b = eq.bulk(self.carriers, self.p, d.temperature)
        return (d.current_density - d.gradient * b.charge_per_gradient) / b.charge_per_field

    def without_torques(self) -> Torques:
        """Field and current of the circuit with all responses zero: where the electrons exert no torque."""
        d, zero, nan = self.drive, self._zero(), float("nan")
        b = eq.bulk(self.carriers, self.p, d.temperature)
        applied = d.electric_field if d.circuit == "field" else d.current_density / b.charge_per_field
        current = b.charge_per_field * self.bulk_field + b.charge_per_gradient * d.gradient
        return Torques(zero, zero, self.bulk_field, applied, current, nan, nan)

    def _zero(self) -> Response:
        n = self.mesh.n
        return Response(np.zeros((n, 4)), np.zeros((n + 1, 4)))

    def _solve(self, source: RealArray, before: Response | None = None) -> Solution:
        guess = before.e if isinstance(before, Solution) else None
        e, moments, flux = self.solver.respond(source, guess, guess)
        self.solves += 1
        self.iterations += self.solver.last_iterations
        return Solution(moments, flux, e)

    def mean_current(self, response: Response) -> float:
        """Mean charge current density over the wire, A/m^2 (uniform in a steady state). Collective."""
        total = self.mesh.total(response.flux[: self.mesh.n, 0])
        return -2.0 * CURRENT_IN_SI * total / self.mesh.cells

    def charge_current(self, response: Response) -> RealArray:
        """Charge current density on the faces, A/m^2."""
        return -2.0 * CURRENT_IN_SI * response.flux[:, 0]

    def respond(
        self, m_ghost: RealArray, before: tuple[Response, Response] | None = None, *, field: bool = False
    ) -> tuple[Response, Response]:
        """Responses to E = 1 V/nm and kappa = 1 K/nm. A drive that the circuit does not need is not solved.

        before: responses to start from; their memory is used again. field: solve for E whatever the circuit.
        Collective. Raises ConvergenceError.
        """
        self._take_temperature()
        self.solver.update(m_ghost)
        d = self.drive
        zero = self._zero()
        need_e = field or d.circuit != "field" or d.electric_field != 0.0

        def unit(field: float, gradient: float, guess: Response | None) -> Response:
            return self._solve(self.kinetic.source(field, gradient, self._source), guess)

        electrical = unit(1.0, 0.0, before[0] if before else None) if need_e else zero
        thermal = unit(0.0, 1.0, before[1] if before else None) if self.gradient else zero
        return electrical, thermal

    def fields(self, unit: tuple[Response, Response]) -> tuple[float, float, float, float]:
        """Applied field, thermoelectric field (V/nm), j per V/nm and j of kappa alone (A/m^2) in the circuit."""
        d = self.drive
        per_field, closed = self.mean_current(unit[0]), self.gradient * self.mean_current(unit[1])
        if d.circuit == "field":
            return d.electric_field * VOLT_PER_METRE, 0.0, per_field, closed
        if per_field <= 0.0:
            raise ConvergenceError(f"the wire does not conduct: {per_field:.3e} A/m^2 per V/nm")
        return d.current_density / per_field, -closed / per_field, per_field, closed

    def combine(self, unit: tuple[Response, Response]) -> Torques:
        """Adds the drives as the circuit demands."""
        applied, thermoelectric, per_field, closed = self.fields(unit)
        electrical = unit[0] * applied
        thermal = unit[1] * self.gradient + unit[0] * thermoelectric
        if self.electrons.gradient_source:
            thermal = thermal + self._solve(self.kinetic.equilibrium_source())
        return Torques(
            electrical=electrical,
            thermal=thermal,
            field=(applied + thermoelectric) / VOLT_PER_METRE,
            applied_field=applied / VOLT_PER_METRE,
            current=per_field * (applied + thermoelectric) + closed,
            polarization=self.polarization(unit[0]),
            thermal_polarization=self.polarization(unit[1]),
            unit=unit[0] if per_field else None,
        )

    def torque(self, m: RealArray, q: RealArray) -> RealArray:
        """-(g mu_B/M_s)(J/hbar) M x dm in 1/fs, shape (n, 3)."""
        return -self.torque_scale[:, None] * np.cross(m, q[:, 1:])

    def longitudinal(self, response: Response) -> RealArray:
        """B(x) = M . int v G dp on the faces, with the mean M of their nodes, 1/(nm^2 fs).

        A(x) = u_x n vanishes with u_x = dJ/dp/2 = 0.
        """
        return np.einsum("ic,ic->i", self.kinetic.m_mean, response.flux[:, 1:])

    def wall_average(self, faces: RealArray) -> float:
        """Mean over the wire weighted with |M'|^2 (plain mean if M is uniform). Collective."""
        k, n = self.kinetic, self.mesh.n
        own = slice(0, n)  # the face on the left of each node
        weight = np.sum(k.dm_dx**2, axis=1)[own]
        sums = self.mesh.totals(np.stack([weight, weight * faces[own], faces[own]], axis=1))
        return float(sums[1] / sums[0]) if sums[0] > 1e-20 else float(sums[2] / self.mesh.cells)

    def polarization(self, response: Response) -> float:
        """M.j_s / (int v F dp), averaged over the wall; NaN without flow. Collective."""
        flow = self.wall_average(response.flux[:, 0])
        return self.wall_average(self.longitudinal(response)) / flow if flow else float("nan")

    def spin_velocity(self, response: Response) -> float:
        """u0 = g mu_B j_s/M_s in m/s with j_s = M . int v G dp averaged over the wall. Collective."""
        per_flow = self.mesh.total(self.moment_scale) / self.mesh.cells
        return self.wall_average(self.longitudinal(response)) * per_flow / METRE_PER_SECOND
