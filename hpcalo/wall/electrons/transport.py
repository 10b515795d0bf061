"""Linear response of the conduction electrons: circuits, spin torques, and what is read off them.

Both drives are solved per unit (1 V/nm, 1 K/nm) and added, so every result is the exact sum of an electrical part
(proportional to the applied field) and a thermal part (kappa and the field kappa itself produces in the circuit).

Signs: moment convention, M is the direction of the moments; the electron charge is -e, a negative field pushes
electrons to +x. Torque on M: -(g mu_B/M_s)(J/hbar) M x m (docs/theory/wall.md), in 1/fs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ConvergenceError
from hpcalo.wall.boltzmann import equilibrium as eq
from hpcalo.wall.boltzmann.kinetic import Kinetic
from hpcalo.wall.config import Drive, Electrons, Momentum, Solver
from hpcalo.wall.grid import Mesh
from hpcalo.wall.solvers.options import SolverOptions
from hpcalo.wall.solvers.steady import SteadySolver
from hpcalo.wall.units import CURRENT_IN_SI, METRE_PER_SECOND, MOMENT_VOLUME, NM, VOLT_PER_METRE

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Response:
    """Of a distribution the moments q = (dn, dm) (n, 4) in 1/nm^3 and the flux (n + 1, 4) in 1/(nm^2 fs)."""

    q: Array
    flux: Array

    def __mul__(self, factor: float) -> Response:
        return Response(self.q * factor, self.flux * factor)

    def __add__(self, other: Response) -> Response:
        return Response(self.q + other.q, self.flux + other.flux)


@dataclass(frozen=True)
class Solution(Response):
    """With the even part e (n, 4, points), from which the next solve may start; its memory is used again then."""

    e: Array


@dataclass(frozen=True)
class Torques:
    """State of the electrons for one magnetization; `electrical + thermal` is the whole.

    `field`: E in V/m (applied plus thermoelectric), `current`: charge current density in A/m^2, the mean over the wire
    where it is not uniform.
    `polarization`: M.j_s over half the particle flow, averaged over the wall, of the field alone;
    `thermal_polarization`
    P': the same of kappa alone at E = 0 (NaN where that drive was not solved).
    """

    electrical: Response
    thermal: Response
    field: float
    applied_field: float
    current: float
    polarization: float
    thermal_polarization: float

    @property
    def total(self) -> Response:
        return self.electrical + self.thermal


def temperature(drive: Drive, length: float, x: Array, origin: float = 0.0) -> Array:
    """Background T (K) at x (nm, from the left end of the window); `origin`: how far the window has moved (nm).

    kappa x is measured from the wire's middle at the start, so that `drive.temperature` is the temperature there.
    """
    if drive.profile == "uniform":
        return np.full(x.shape, drive.temperature)
    half = 0.5 * (drive.ramp_length or length)
    return drive.temperature + drive.gradient * np.clip(x + origin - 0.5 * length, -half, half)


class Transport:
    """The electrons of the wire: owns the kinetic operator and its solver for the present window."""

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
        """Sets the background temperature and the solver for a window that starts at x = origin (nm). Collective."""
        mesh = self.mesh
        nodes = temperature(self.drive, mesh.length, mesh.x, origin)
        x_faces = (np.arange(mesh.first, mesh.last + 1) - 0.5) * mesh.dx
        faces = temperature(self.drive, mesh.length, x_faces, origin)
        self.temperature = nodes
        self._density: Array | None = None
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

    def set_saturation(self, saturation: Array) -> None:
        """M_s (A/m) on the own nodes: sets the scales g mu_B/M_s (nm^3), of velocity per spin current, and
        (g mu_B/M_s)(J/hbar) (nm^3/fs), of torque per spin accumulation; J may be 0."""
        self.moment_scale = self.electrons.g_factor * MOMENT_VOLUME / saturation
        self.torque_scale = self.moment_scale * self.carriers.precession

    def equilibrium_density(self) -> Array:
        """n of local equilibrium on the own nodes, electrons per nm^3: 2 int F0 dp at the background temperature."""
        if self._density is None:
            step = 2.0 * (self.p[1] - self.p[0])  # both signs of p
            self._density = (
                2.0 * step * eq.occupation(self.carriers, self.p, self.temperature).mean(axis=0).sum(axis=-1)
            )
        return self._density

    @property
    def node_gradient(self) -> Array:
        """dT/dx on the own nodes, K/m."""
        return self.drive.gradient / NM * 0.5 * (self.gradient_shape[:-1] + self.gradient_shape[1:])

    @property
    def bulk_field(self) -> float:
        """E along the wire in V/m as the circuit has it in a wire without a wall: given, or j/sigma + S kappa."""
        d = self.drive
        if d.circuit == "field":
            return d.electric_field
        b = eq.bulk(self.carriers, self.p, d.temperature)
        return (d.current_density - d.gradient * b.charge_per_gradient) / b.charge_per_field

    def silent(self) -> Torques:
        """What there is without the electrons' torques: the circuit's field and current, all responses zero."""
        d, nothing, nan = self.drive, self._nothing(), float("nan")
        b = eq.bulk(self.carriers, self.p, d.temperature)
        applied = d.electric_field if d.circuit == "field" else d.current_density / b.charge_per_field
        current = b.charge_per_field * self.bulk_field + b.charge_per_gradient * d.gradient
        return Torques(nothing, nothing, self.bulk_field, applied, current, nan, nan)

    def _nothing(self) -> Response:
        n = self.mesh.n
        return Response(np.zeros((n, 4)), np.zeros((n + 1, 4)))

    def _solve(self, source: Array, before: Response | None = None) -> Solution:
        guess = before.e if isinstance(before, Solution) else None
        e, moments, flux = self.solver.respond(source, guess, guess)
        self.solves += 1
        self.iterations += self.solver.last_iterations
        return Solution(moments, flux, e)

    def mean_current(self, response: Response) -> float:
        """Mean charge current density over the wire, A/m^2 (uniform in a steady state). Collective."""
        total = self.mesh.total(response.flux[: self.mesh.n, 0])
        return -2.0 * CURRENT_IN_SI * total / self.mesh.cells

    def charge_current(self, response: Response) -> Array:
        """Charge current density on the faces, A/m^2."""
        return -2.0 * CURRENT_IN_SI * response.flux[:, 0]

    def respond(self, m_ghost: Array, before: tuple[Response, Response] | None = None) -> tuple[Response, Response]:
        """Responses to E = 1 V/nm and kappa = 1 K/nm. A drive that the circuit does not need is not solved.
        Collective.

        `before`: those to start from, which are of no use afterwards.
        """
        self.solver.update(m_ghost)
        d = self.drive
        nothing = self._nothing()
        need_e = d.circuit != "field" or d.electric_field != 0.0

        def unit(field: float, gradient: float, guess: Response | None) -> Response:
            return self._solve(self.kinetic.source(field, gradient, self._source), guess)

        electrical = unit(1.0, 0.0, before[0] if before else None) if need_e else nothing
        thermal = unit(0.0, 1.0, before[1] if before else None) if d.gradient else nothing
        return electrical, thermal

    def fields(self, unit: tuple[Response, Response]) -> tuple[float, float, float, float]:
        """Applied field, thermoelectric field (V/nm), j per V/nm and j of kappa alone (A/m^2) in the circuit."""
        d = self.drive
        per_field, closed = self.mean_current(unit[0]), d.gradient * self.mean_current(unit[1])
        if d.circuit == "field":
            return d.electric_field * VOLT_PER_METRE, 0.0, per_field, closed
        if per_field <= 0.0:
            raise ConvergenceError(f"the wire does not conduct: {per_field:.3e} A/m^2 per V/nm")
        return d.current_density / per_field, -closed / per_field, per_field, closed

    def combine(self, unit: tuple[Response, Response]) -> Torques:
        """Adds the drives as the circuit demands."""
        applied, thermoelectric, per_field, closed = self.fields(unit)
        electrical = unit[0] * applied
        thermal = unit[1] * self.drive.gradient + unit[0] * thermoelectric
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
        )

    def torque(self, m: Array, q: Array) -> Array:
        """-(g mu_B/M_s)(J/hbar) M x dm in 1/fs, shape (n, 3)."""
        return -self.torque_scale[:, None] * np.cross(m, q[:, 1:])

    def longitudinal(self, response: Response) -> Array:
        """B(x) = M . int v G dp on the faces, 1/(nm^2 fs); A(x) = u_x n vanishes with u_x = dJ/dp/2 = 0."""
        return np.einsum("ic,ic->i", self.kinetic.mf, response.flux[:, 1:])

    def wall_average(self, faces: Array) -> float:
        """Mean over the wire weighted with |M'|^2 (plain mean if M is uniform). Collective."""
        k, n = self.kinetic, self.mesh.n
        own = slice(0, n)  # the face on the left of each node
        weight = np.sum(k.dm_dx**2, axis=1)[own]
        sums = self.mesh.total(np.stack([weight, weight * faces[own], faces[own]], axis=1))
        return float(sums[1] / sums[0]) if sums[0] > 1e-20 else float(sums[2] / self.mesh.cells)

    def polarization(self, response: Response) -> float:
        """M.j_s / (int v F dp), averaged over the wall; NaN without flow. Collective."""
        flow = self.wall_average(response.flux[:, 0])
        return self.wall_average(self.longitudinal(response)) / flow if flow else float("nan")

    def spin_velocity(self, response: Response) -> float:
        """u0 = g mu_B j_s/M_s in m/s with j_s = M . int v G dp averaged over the wall. Collective."""
        per_flow = self.mesh.total(self.moment_scale) / self.mesh.cells
        return self.wall_average(self.longitudinal(response)) * per_flow / METRE_PER_SECOND


def zhang_li(mesh: Mesh, m_ghost: Array, torque: Array) -> tuple[float, float]:
    """(u, beta u) in m/s of a torque (n, 3) in 1/fs: least squares of -u M' + beta u M x M'. Collective.

    u = -int tau.M'/int |M'|^2, beta u = int tau.(M x M')/int |M'|^2 with centred M' (docs/theory/wall.md). (0, 0) if M
    is uniform.
    """
    m = m_ghost[1:-1]
    slope = (m_ghost[2:] - m_ghost[:-2]) / (2.0 * mesh.dx)
    across = np.cross(m, slope)
    sums = mesh.total(
        np.stack([(a * b).sum(axis=1) for a, b in ((slope, slope), (-torque, slope), (torque, across))], 1)
    )
    if sums[0] < 1e-20:
        return 0.0, 0.0
    return float(sums[1] / sums[0] / METRE_PER_SECOND), float(sums[2] / sums[0] / METRE_PER_SECOND)


def components(m_ghost: Array, torque: Array, dx: float) -> tuple[Array, Array]:
    """Damping-like and field-like parts of a torque (n, 3), each (n,): along the unit vectors of -M' and of M x M'.

    With p the direction of M', M x (M x p) = -p is the damping-like and M x p the field-like direction. 0 where M' = 0.
    """
    m = m_ghost[1:-1]
    slope = (m_ghost[2:] - m_ghost[:-2]) / (2.0 * dx)
    slope = slope - m * np.einsum("ic,ic->i", m, slope)[:, None]
    size = np.linalg.norm(slope, axis=1)
    unit = np.divide(slope, size[:, None], out=np.zeros_like(slope), where=size[:, None] > 1e-12)
    return -np.einsum("ic,ic->i", torque, unit), np.einsum("ic,ic->i", torque, np.cross(m, unit))
