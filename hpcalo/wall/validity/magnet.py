"""Checks of the magnet: DMI against the energy of a wall, and the sense in which the wall begins to turn."""

from __future__ import annotations

import numpy as np

from hpcalo.wall.config import WallInput
from hpcalo.wall.magnetism.terms.medium import reduced_magnetization


def _own_dmi(s: WallInput) -> tuple[float, float]:
    """Interfacial and bulk D in J/m^2 that the input itself gives, at the middle of the wire."""
    m = s.magnet
    by_law = float(reduced_magnetization(m.thermal, np.array([s.drive.temperature]))[0])
    own = s.electronic_structure is None or s.electronic_structure.dmi == "input"
    return by_law * m.interfacial_dmi if own else 0.0, by_law * m.bulk_dmi


def many_walls(s: WallInput) -> list[str]:
    """DMI above the value at which a wall lowers the energy; that of a result is checked where it is read."""
    m = s.magnet
    interfacial, bulk = _own_dmi(s)
    law = m.thermal
    reduced = float(reduced_magnetization(law, np.array([s.drive.temperature]))[0])
    stiffness = m.exchange_stiffness * reduced ** (law.stiffness_exponent if law else 0.0)
    anisotropy = m.anisotropy * reduced ** (law.anisotropy_exponent if law else 0.0)
    limit = 4.0 * np.sqrt(stiffness * anisotropy) / np.pi
    dmi = float(np.hypot(interfacial, bulk))
    if anisotropy == 0.0 or dmi <= limit:
        return []
    key = "interfacial_dmi" if abs(interfacial) >= abs(bulk) else "bulk_dmi"
    return [
        f"magnet.{key}: |D| = {1e3 * dmi:.3g} mJ/m^2 is above 4 sqrt(AK)/pi = {1e3 * limit:.3g} mJ/m^2: "
        "walls lower the energy and multiply"
    ]


def chirality(s: WallInput) -> list[str]:
    """A wall that begins with the sense of rotation that its DMI does not want: energy + pi D cos(angle)."""
    t = s.texture
    if t.kind not in {"wall", "half-circle"} or t.relax or s.wall.continue_from is not None:
        return []
    interfacial, bulk = _own_dmi(s)
    angle = np.deg2rad(t.angle)
    energy = np.pi * (interfacial * np.cos(angle) + bulk * np.sin(angle))
    if energy <= 1e-9 * np.pi * np.hypot(interfacial, bulk):
        return []
    best = float(np.rad2deg(np.arctan2(-bulk, -interfacial))) % 360.0
    return [
        f"texture.angle: at {t.angle:g} degree the DMI raises the wall's energy by {1e3 * energy:.3g} mJ/m^2, so that "
        f"it turns as soon as it can; {best:.4g} degree is best for the DMI alone, and relax = true finds the angle "
        "at rest"
    ]
