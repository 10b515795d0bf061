"""Films with made-up coefficients of an electronic structure on a wire."""

from __future__ import annotations

import numpy as np
from mpi4py import MPI

from hpcalo.coupling import heat as wall_heat
from hpcalo.wall.coefficients import Coefficients
from hpcalo.wall.config import Drive, Electrons, Magnet, Time, WallInput, Wire
from hpcalo.wall.config.electronic_structure import ElectronicStructure
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.monitors.schedule import observe

AREA, DEPTH, THICKNESS = 1e-19, 0.5e-9, 1e-9  # cell 0.1 nm^2 x 0.5 nm in a magnet of 1 nm
GAMMA, MS, A, K = 2.21e5, 8e5, 1.3e-11, 5.2e5
DELTA = np.sqrt(A / K)
ZERO_T = np.array([300.0])


def film(temperatures=ZERO_T, **tables):
    return Coefficients(
        np.asarray(temperatures, dtype=float),
        {name: np.broadcast_to(np.asarray(v, dtype=float), np.shape(temperatures)) for name, v in tables.items()},
        AREA, DEPTH, THICKNESS,
    )  # fmt: skip


def simulation(coefficients, *, cells=161, length=160.0, comm=MPI.COMM_SELF, **tables):
    base = {
        "electrons": Electrons(spin_torque=False),
        "magnet": Magnet(),
        "wire": Wire(length=length, cells=cells),
        "drive": Drive(temperature=300.0),
        "time": Time(integrator="bdf", tolerance=1e-6),
        "electronic_structure": ElectronicStructure(result="made up"),
    }
    return Simulation(WallInput(**{**base, **tables}), comm, coefficients)


def moving(sim, m):
    ghost = sim.mesh.magnetization_with_ghosts(m)
    return sim.magnetics.rate(ghost, 0.0, np.zeros_like(m), np.zeros(sim.mesh.n))


def heat_of(sim, state):
    variables = observe(sim, state, 0, {"heat": wall_heat.Heat()})["time"]
    return {q.name: q.own for q in variables}
