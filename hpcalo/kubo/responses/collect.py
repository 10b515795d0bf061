"""All fields of a Kubo run, in the order the user named the quantities."""

from __future__ import annotations

from collections.abc import Callable

from hpcalo.kubo.config import HeatCurrents, KuboSection
from hpcalo.kubo.responses import heat, magnet, onsager, torque, transport
from hpcalo.kubo.responses.axes import Field, RunAxes
from hpcalo.kubo.sums.plan import smearing
from hpcalo.typing import RealArray
from hpcalo.units import ANGSTROM


def kubo_fields(run: RunAxes, section: KuboSection, edges: RealArray, thickness: float) -> list[Field]:
    """Every field of the wanted quantities; edges: of the level count, eV relative; thickness: of the cell, Å."""
    makers: dict[str, Callable[[], list[Field]]] = {
        "torkance": lambda: torque.torkance(run),
        "thermal_torkance": lambda: torque.thermal_torkance(run),
        "inverse_thermal_torque": lambda: torque.inverse_thermal_torque(run),
        "spiralization": lambda: torque.spiralization(run),
        "expansion": lambda: torque.expansion(run),
        "conductivity": lambda: transport.conductivity(run),
        "anomalous_hall": lambda: transport.anomalous_hall(run),
        "nernst": lambda: transport.nernst(run),
        "orbital_magnetization": lambda: magnet.orbital_magnetization(run),
        "damping": lambda: magnet.damping(run, section.moment),
        "onsager": lambda: onsager.onsager(run),
        "heat_currents": lambda: heat.heat_currents(run, _motion(section.heat_currents, thickness)),
        "density_of_states": lambda: magnet.density_of_states(run, edges, smearing(section)),
    }
    return [field for name in section.quantities for field in makers[name]()]


def _motion(given: HeatCurrents, thickness: float) -> heat.Motion:
    return heat.motion_from(
        given.cone_angle,
        given.frequency,
        given.wavelength,
        given.wall_width,
        given.velocity,
        given.film_thickness if given.film_thickness is not None else 1e9 * thickness * ANGSTROM,
        given.thermal_conductivity,
    )
