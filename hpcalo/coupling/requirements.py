"""What a result must be, and hold, to give the coefficients that an input asks for."""

from __future__ import annotations

from pathlib import Path

from hpcalo.errors import InputError
from hpcalo.io.dataset import Result
from hpcalo.wall.config.electronic_structure import ElectronicStructure

SECTION = "electronic_structure"
PARTS = {"off": (), "both": ("odd", "even"), "odd": ("odd",), "even": ("even",)}
"""Parities of a torque or heat current that an input's choice takes."""


def check_result(section: ElectronicStructure, result: Result, path: Path) -> None:
    """Raises InputError for anything but a Kubo result of a film with all quantities that the input asks for."""
    if result.attrs.get("engine") != "kubo":
        raise InputError(f"{SECTION}.result: {path}: is a result of a wall run; expected one of a Kubo run")
    if "error" in result.variables:
        raise InputError(f"{SECTION}.result: {path}: is a scan; expected the result of a single run")
    if "cell_area_A2" not in result.attrs:
        plane = [list(map(str, result[d])) for d in ("field", "current") if d in result.coordinates]
        if any(letters != ["x", "y"] for letters in plane):
            raise InputError(f"{SECTION}.result: {path}: does not describe a film in the x-y plane")
        raise InputError(f"{SECTION}.result: {path}: does not give the area of its cell; compute it again")
    missing = [need for need in _needs(section) if need[0] not in result.variables]
    if missing:
        names = ", ".join(dict.fromkeys(variable for variable, _, _ in missing))
        quantities = ", ".join(f'"{q}"' for q in dict.fromkeys(quantity for _, quantity, _ in missing))
        keys = ", ".join(dict.fromkeys(f"{SECTION}.{key}" for _, _, key in missing))
        raise InputError(f"{path}: has no {names} ({keys}); add {quantities} to kubo.quantities of its input")


def _needs(s: ElectronicStructure) -> list[tuple[str, str, str]]:
    """(variable, quantity of a Kubo input that gives it, key that asks for it)."""
    out = [(f"torkance_{part}", "torkance", "torkance") for part in PARTS[s.torkance]]
    out += [(f"beta_{part}", "thermal_torkance", "thermal_torkance") for part in PARTS[s.thermal_torkance]]
    out += [(f"beta_tilde_{part}", "inverse_thermal_torque", "heat_current") for part in PARTS[s.heat_current]]
    out += [("spiralization", "spiralization", "dmi")] * (s.dmi == "result")
    out += [("gilbert_damping", "damping", "damping")] * (s.damping == "result")
    return out + [("spin_moment", "damping", "saturation")] * (s.saturation == "result")
