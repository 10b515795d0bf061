"""Builders shared by the wall tests: small wires with the parameters of Table I of PRB 106, 054432."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from mpi4py import MPI

from hpcalo.wall.boltzmann import equilibrium as eq
from hpcalo.wall.boltzmann.kinetic import Kinetic
from hpcalo.wall.grid import Mesh
from hpcalo.wall.solvers.steady import SteadySolver
from hpcalo.wall.units import M_E


@dataclass
class Wire:
    """A wall of parameter `width` in the middle of a wire, and the electrons on it."""

    width: float = 5.0
    length: float = 80.0
    cells: int = 161
    tau: float = 1.0
    tau_sf: float = 1000.0
    points: int = 24
    cutoff: float = 1.8
    temperature: float = 100.0
    angle: float = 0.3
    force: bool = True
    gradient_source: float = 0.0
    solver: dict = field(default_factory=dict)
    comm: MPI.Comm = field(default_factory=lambda: MPI.COMM_SELF)

    def __post_init__(self) -> None:
        self.carriers = eq.Carriers(0.14, 0.106, M_E, self.tau, self.tau_sf)
        self.p = eq.momentum_grid(self.carriers, self.points, self.cutoff)
        self.mesh = mesh = Mesh(self.comm, self.cells, self.length)
        t = self.temperature
        self.kinetic = Kinetic(
            self.carriers, self.p, mesh.dx, np.full(mesh.n, t), np.full(mesh.n + 1, t),
            force=self.force, gradient_source=self.gradient_source,
        )  # fmt: skip
        self.steady = SteadySolver(mesh, self.kinetic, **self.solver)
        theta = 2.0 * np.arctan(np.exp((mesh.x - self.length / 2) / self.width))
        self.m = np.stack(
            [np.sin(theta) * np.cos(self.angle), np.sin(theta) * np.sin(self.angle), np.cos(theta)], axis=1
        )
        self.ghost = mesh.magnetization_with_ghosts(self.m)
        self.bulk = eq.bulk(self.carriers, self.p, self.temperature)

    def solve(self, field_: float, gradient: float, extra: np.ndarray | None = None):
        """(e, o, moments, flux) for E in V/nm and kappa in K/nm."""
        self.steady.update(self.ghost)
        source = self.kinetic.source(field_, gradient)
        e, o = self.steady.solve(source if extra is None else source + extra)
        return e, o, self.kinetic.moments(e), self.kinetic.flux(o)

    def u_beta(self, q: np.ndarray) -> tuple[float, float]:
        """u in units of g mu_B/M_s (so that it compares with j_s) and beta of -(J/hbar) M x dm."""
        torque = -self.carriers.precession * np.cross(self.m, q[:, 1:])
        slope = (self.ghost[2:] - self.ghost[:-2]) / (2 * self.mesh.dx)
        norm = self.mesh.comm.allreduce(float(np.sum(slope**2)))
        u = -self.mesh.comm.allreduce(float(np.sum(torque * slope))) / norm
        beta_u = self.mesh.comm.allreduce(float(np.sum(torque * np.cross(self.m, slope)))) / norm
        return u, beta_u / u


@pytest.fixture
def wire():
    """The builder itself: `wire(width=20, ...)`."""
    return Wire
