"""Checks of the published model: choices that only mean something together, its box, keys that it does not read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hpcalo.errors import InputError
from hpcalo.typing import RealArray
from hpcalo.wall.config import WallInput
from hpcalo.wall.magnetism.terms.registry import FURTHER, STANDARD
from hpcalo.wall.validity.common import carriers
from hpcalo.wall.validity.electrons import relaxation_times

UPWIND = 0.05  # numerical part of the diffusion where it decides the field: warning above
MOST = 20_000_000  # nodes times momenta: 640 MB for each array of the distribution

TABLES = frozenset({"paper", "execution", "scan"})
"""Tables that the published model reads wholly."""
KEYS: Mapping[str, frozenset[str]] = {
    "wall": frozenset({"model", "title"}),
    "electrons": frozenset(
        {"fermi_energy", "exchange_splitting", "mass", "relaxation_time", "spin_flip_time", "g_factor"}
    ),
    "magnet": frozenset({"saturation_magnetization", "damping"}),
    "texture": frozenset({"width"}),
    "drive": frozenset({"temperature", "gradient", "electric_field", "circuit"}),
    "output": frozenset({"file"}),
}
"""Keys that it reads of the others."""
FULL_FIELD: Mapping[str, frozenset[str]] = {
    "magnet": frozenset(
        key for term in (*STANDARD, *FURTHER) if "Keys" in vars(term) for key in vars(term)["Keys"].model_fields
    )
    | {"gyromagnetic_ratio", "thermal"},
    "drive": frozenset({"zeeman"}),
}
"""Keys that it also reads with the whole effective field."""


def own_start(s: WallInput) -> list[str]:
    """A start from elsewhere, or coefficients of an electronic structure."""
    if s.wall.continue_from is not None:
        raise InputError("wall.continue_from: the published model begins with its own wall; leave it out")
    if s.electronic_structure is not None:
        raise InputError("electronic_structure: the published model does not use it; use wall.model = 'consistent'")
    return []


def _width(s: WallInput) -> float:
    return s.texture.width or 5.0


def _end_temperatures(s: WallInput) -> RealArray:
    return s.drive.temperature + s.drive.gradient * np.array([0.0, s.paper.left_domain + _width(s)])


def size(s: WallInput) -> list[str]:
    """A left domain of more nodes than there is memory for."""
    left, cells = s.paper.left_domain, s.paper.cells
    nodes = cells + left / _width(s) * (cells - 1)
    if left and nodes * s.paper.points > MOST:
        raise InputError(
            f"paper.left_domain: {left:g} nm at the spacing of the wall are {nodes:.3g} nodes x {s.paper.points} "
            f"momenta, more than {MOST:.0e}; shorten it, or give fewer paper.cells"
        )
    return []


def temperature(s: WallInput) -> list[str]:
    """T(x) <= 0 in the box."""
    t = _end_temperatures(s)
    if t.min() <= 0.0:
        box = s.paper.left_domain + _width(s)
        raise InputError(f"drive.gradient: T(x) falls to {t.min():.4g} K in the box of {box:g} nm")
    return []


def window(s: WallInput) -> list[str]:
    """Ends of the window in the wrong order, or one that is not there."""
    s.paper.momenta(s.electrons)
    return []


def circuit(s: WallInput) -> list[str]:
    """A circuit without one current along the wire."""
    o = s.paper
    if s.drive.circuit == "field":
        return []
    if o.collision == "paper":
        raise InputError(
            f"drive.circuit: the published collisions do not conserve charge, so there is no single current; "
            f"'{s.drive.circuit}' needs paper.collision = 'bgk3d'"
        )
    if o.velocity != 0.0 and not o.force:
        raise InputError(
            f"drive.circuit: u_x without the force creates and destroys charge along the wall; '{s.drive.circuit}' "
            "needs paper.force = true or paper.velocity = 0"
        )
    low, high = o.momenta(s.electrons)
    if low != -high:
        raise InputError(
            f"drive.circuit: '{s.drive.circuit}' needs electrons of both directions: a paper.window from -w to w, "
            f"not {list(o.window)}"
        )
    return []


def collisions(s: WallInput) -> list[str]:
    """Collisions with a negative rate, and a wall without a torque."""
    if s.paper.collision == "bgk3d":
        relaxation_times(s)
    if s.electrons.exchange_splitting == 0.0:
        raise InputError(
            "electrons.exchange_splitting: 0 gives no torque, so the time unit of the published model is undefined"
        )
    return []


def effective_field(s: WallInput) -> list[str]:
    """The Curie temperature in the box."""
    law, hottest = s.magnet.thermal, float(_end_temperatures(s).max())
    if s.paper.effective_field == "full" and law is not None and hottest >= law.curie_temperature:
        raise InputError(
            f"magnet.thermal.curie_temperature: {law.curie_temperature:g} K is reached in the box ({hottest:.1f} K)"
        )
    return []


def _step_and_path(s: WallInput) -> tuple[float, float]:
    """Spacing, and tau v_F/2, both in nm."""
    return _width(s) / (s.paper.cells - 1), s.electrons.relaxation_time * 0.5 * carriers(s).fermi_velocity


def upwind_of_the_current(s: WallInput) -> list[str]:
    """Numerical diffusion that decides the field of a circuit."""
    step, path = _step_and_path(s)
    added = 0.25 * step / path  # |v| dx/2 against v^2 tau
    if s.drive.circuit == "field" or s.drive.gradient == 0.0 or added <= UPWIND:
        return []
    need = int(np.ceil((s.paper.cells - 1) * added / UPWIND)) + 1
    return [
        f"drive.circuit: first-order upwind adds about {added:.0%} to the thermal current, and to the field that "
        f"balances it; {need} cells make that {UPWIND:.0%}"
    ]


def unused(s: WallInput) -> list[str]:
    """Keys that are not at their defaults and that the published model does not read."""
    found = []
    full = FULL_FIELD if s.paper.effective_field == "full" else {}
    for name in type(s).model_fields:
        table = getattr(s, name)
        keys = KEYS.get(name, frozenset()) | full.get(name, frozenset())
        if name == "drive" and s.drive.circuit == "current":
            keys |= {"current_density"}
        if name in TABLES or table is None:
            continue
        for key, field in type(table).model_fields.items():
            if key not in keys and getattr(table, key) != field.get_default(call_default_factory=True):
                found.append(f"{name}.{key}")
    return [f"wall.model: the published model does not use {', '.join(found)}"] if found else []


def mean_free_path(s: WallInput) -> list[str]:
    """A mesh coarser than the mean free path."""
    step, path = _step_and_path(s)
    if step <= path:
        return []
    need = int(np.ceil(_width(s) / path)) + 1
    return [
        f"paper.cells: dx = {step:.3g} nm is coarse for the mean free path (first-order upwind); "
        f"{need} cells resolve it"
    ]
