"""From the quantities a user names to the raw sums one pass over k has to make."""

from __future__ import annotations

import numpy as np

from hpcalo.kubo.config import KuboSection
from hpcalo.kubo.sums.request import TORQUE_TORQUE, TORQUE_VELOCITY, VELOCITY_VELOCITY, Kind, Request
from hpcalo.typing import RealArray
from hpcalo.units import BOLTZMANN_EV

# quantity: kinds with broadening, kinds of the sea at T = 0, kinds of the direct thermal sums
_KINDS: dict[str, tuple[tuple[Kind, ...], tuple[Kind, ...], tuple[Kind, ...]]] = {
    "torkance": ((TORQUE_VELOCITY,), (TORQUE_VELOCITY,), ()),
    "thermal_torkance": ((TORQUE_VELOCITY,), (TORQUE_VELOCITY,), ()),
    "inverse_thermal_torque": ((TORQUE_VELOCITY,), (TORQUE_VELOCITY,), (TORQUE_VELOCITY,)),
    "spiralization": ((), (TORQUE_VELOCITY,), (TORQUE_VELOCITY,)),
    "conductivity": ((VELOCITY_VELOCITY,), (), ()),
    "anomalous_hall": ((), (VELOCITY_VELOCITY,), ()),
    "nernst": ((VELOCITY_VELOCITY,), (VELOCITY_VELOCITY,), ()),
    "orbital_magnetization": ((), (VELOCITY_VELOCITY,), (VELOCITY_VELOCITY,)),
    "damping": ((TORQUE_TORQUE,), (), ()),
    "onsager": ((TORQUE_VELOCITY, TORQUE_TORQUE, VELOCITY_VELOCITY), (TORQUE_VELOCITY,), ()),
    "expansion": ((TORQUE_VELOCITY,), (), ()),
    "heat_currents": ((TORQUE_VELOCITY,), (TORQUE_VELOCITY,), (TORQUE_VELOCITY,)),
    "density_of_states": ((), (), ()),
}


def smearing(section: KuboSection) -> float:
    """Width of the Gaussian of the density of states, eV."""
    grid = section.energies
    spacing = (grid.maximum - grid.minimum) / (grid.points - 1)
    return section.smearing if section.smearing is not None else max(2.0 * spacing, 0.01)


def make_request(section: KuboSection, reference: float, directions: int) -> Request:
    """The request of one pass. reference: eV, zero of the input's energies. directions: components of the velocity."""
    grid = section.energies
    energies = reference + np.linspace(grid.minimum, grid.maximum, grid.points)
    chosen = [_KINDS[name] for name in section.quantities]

    def union(column: int) -> tuple[Kind, ...]:
        return tuple(dict.fromkeys(kind for kinds in chosen for kind in kinds[column]))

    broadened, sea, thermal = union(0), union(1), union(2)
    sizes = {"torque": 3, "velocity": directions}
    components = {
        kind: np.array([(i, j) for i in range(sizes[kind[0]]) for j in range(sizes[kind[1]])], dtype=np.int32)
        for kind in dict.fromkeys(broadened + sea + thermal)
    }
    mu, temperatures = np.array(section.chemical_potentials), np.array(section.temperatures)
    wanted = set(section.quantities)
    return Request(
        energies=energies,
        gammas=np.array(section.gamma),
        mu=np.repeat(reference + mu, len(temperatures)),
        kt=np.tile(BOLTZMANN_EV * temperatures, len(mu)),
        components=components,
        broadened=broadened,
        sea=sea,
        thermal=thermal,
        spin="damping" in wanted,
        curvature=bool(wanted & {"anomalous_hall", "nernst"}),
        count_edges=count_edges(energies, smearing(section)) if "density_of_states" in wanted else np.zeros(0),
    )


def count_edges(energies: RealArray, width: float) -> RealArray:
    """Edges an eighth of the width apart, reaching eight widths beyond the energies."""
    low, high = energies[0] - 8.0 * width, energies[-1] + 8.0 * width
    return np.linspace(low, high, max(2, int(np.ceil((high - low) / (width / 8.0))) + 1))
