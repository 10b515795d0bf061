"""What the angular part of a basis function is, in Wannier90's numbering, and how such functions rotate.

Tables 3.1 and 3.2 of the Wannier90 user guide (v3.1): l ≥ 0 are real harmonics, mr = 1 … 2l+1; l = −1 … −5 are the
hybrids sp, sp2, sp3, sp3d, sp3d2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt

import numpy as np

from hpcalo.typing import RealArray

HARMONICS = (
    ("s",),
    ("pz", "px", "py"),
    ("dz2", "dxz", "dyz", "dx2-y2", "dxy"),
    ("fz3", "fxz2", "fyz2", "fz(x2-y2)", "fxyz", "fx(x2-3y2)", "fy(3x2-y2)"),
)
"""Names by l and mr − 1."""

HYBRIDS = {-1: ("sp", 2), -2: ("sp2", 3), -3: ("sp3", 4), -4: ("sp3d", 5), -5: ("sp3d2", 6)}
"""l → name and number of functions."""

_S, _PZ, _PX, _PY, _DZ2, _DX2 = 0, 1, 2, 3, 4, 7
_HYBRID_TABLE: dict[tuple[int, int], dict[int, float]] = {
    (-1, 1): {_S: sqrt(1 / 2), _PX: sqrt(1 / 2)},
    (-1, 2): {_S: sqrt(1 / 2), _PX: -sqrt(1 / 2)},
    (-2, 1): {_S: sqrt(1 / 3), _PX: -sqrt(1 / 6), _PY: sqrt(1 / 2)},
    (-2, 2): {_S: sqrt(1 / 3), _PX: -sqrt(1 / 6), _PY: -sqrt(1 / 2)},
    (-2, 3): {_S: sqrt(1 / 3), _PX: sqrt(2 / 3)},
    (-3, 1): {_S: 0.5, _PX: 0.5, _PY: 0.5, _PZ: 0.5},
    (-3, 2): {_S: 0.5, _PX: 0.5, _PY: -0.5, _PZ: -0.5},
    (-3, 3): {_S: 0.5, _PX: -0.5, _PY: 0.5, _PZ: -0.5},
    (-3, 4): {_S: 0.5, _PX: -0.5, _PY: -0.5, _PZ: 0.5},
    (-4, 1): {_S: sqrt(1 / 3), _PX: -sqrt(1 / 6), _PY: sqrt(1 / 2)},
    (-4, 2): {_S: sqrt(1 / 3), _PX: -sqrt(1 / 6), _PY: -sqrt(1 / 2)},
    (-4, 3): {_S: sqrt(1 / 3), _PX: sqrt(2 / 3)},
    (-4, 4): {_PZ: sqrt(1 / 2), _DZ2: sqrt(1 / 2)},
    (-4, 5): {_PZ: -sqrt(1 / 2), _DZ2: sqrt(1 / 2)},
    (-5, 1): {_S: sqrt(1 / 6), _PX: -sqrt(1 / 2), _DZ2: -sqrt(1 / 12), _DX2: 0.5},
    (-5, 2): {_S: sqrt(1 / 6), _PX: sqrt(1 / 2), _DZ2: -sqrt(1 / 12), _DX2: 0.5},
    (-5, 3): {_S: sqrt(1 / 6), _PY: -sqrt(1 / 2), _DZ2: -sqrt(1 / 12), _DX2: -0.5},
    (-5, 4): {_S: sqrt(1 / 6), _PY: sqrt(1 / 2), _DZ2: -sqrt(1 / 12), _DX2: -0.5},
    (-5, 5): {_S: sqrt(1 / 6), _PZ: -sqrt(1 / 2), _DZ2: sqrt(1 / 3)},
    (-5, 6): {_S: sqrt(1 / 6), _PZ: sqrt(1 / 2), _DZ2: sqrt(1 / 3)},
}
_FIRST = (0, 1, 4, 9)
_TOTAL = 16  # harmonics up to l = 3


@dataclass(frozen=True)
class Orbital:
    """The shape of one function without spin.

    l, mr: Wannier90's numbers. position: (3,) Å, where it sits. z_axis, x_axis: its own axes (Cartesian, any length;
    x is made perpendicular to z). radial: distinguishes functions of one site with the same angular part.
    """

    l: int
    mr: int
    position: RealArray
    z_axis: RealArray = field(default_factory=lambda: np.array([0.0, 0.0, 1.0]))
    x_axis: RealArray = field(default_factory=lambda: np.array([1.0, 0.0, 0.0]))
    radial: str = ""

    def same_as(self, other: Orbital) -> bool:
        """Whether both are the same function at the same position."""
        mine, its = (np.concatenate([o.position, o.z_axis, o.x_axis]) for o in (self, other))
        alike = (self.l, self.mr, self.radial) == (other.l, other.mr, other.radial)
        return alike and bool(np.abs(mine - its).max() < 1e-6)

    def coefficients(self) -> RealArray:
        """The function in the real harmonics up to l = 3 along the Cartesian axes, (16,)."""
        local = np.zeros(_TOTAL)
        if self.l >= 0:
            local[_FIRST[self.l] + self.mr - 1] = 1.0
        else:
            for number, value in _HYBRID_TABLE[self.l, self.mr].items():
                local[number] = value
        z = self.z_axis / np.linalg.norm(self.z_axis)
        x = self.x_axis - (self.x_axis @ z) * z
        x = x / np.linalg.norm(x)
        frame = np.stack([x, np.cross(z, x), z], axis=1)  # columns: the axes; it turns the Cartesian axes into them
        return rotation_of_harmonics(frame) @ local


def angular_functions(l: int) -> tuple[int, ...]:
    """The mr of all functions of this l. Raises KeyError for a number that Wannier90 does not have."""
    if 0 <= l < len(HARMONICS):
        return tuple(range(1, 2 * l + 2))
    return tuple(range(1, HYBRIDS[l][1] + 1))


def harmonics(points: RealArray) -> RealArray:
    """Values of the 16 real harmonics at unit vectors (P, 3): (P, 16), each normalized to the same mean square."""
    x, y, z = points.T
    r2 = x * x + y * y + z * z
    one = np.ones_like(x)
    s3, s5, s15, s7 = sqrt(3.0), sqrt(5.0), sqrt(15.0), sqrt(7.0)
    return np.stack(
        [
            one,
            s3 * z,
            s3 * x,
            s3 * y,
            s5 / 2 * (3 * z * z - r2),
            s15 * x * z,
            s15 * y * z,
            s15 / 2 * (x * x - y * y),
            s15 * x * y,
            s7 / 2 * z * (5 * z * z - 3 * r2),
            sqrt(21 / 8) * x * (5 * z * z - r2),
            sqrt(21 / 8) * y * (5 * z * z - r2),
            sqrt(105.0) / 2 * z * (x * x - y * y),
            sqrt(105.0) * x * y * z,
            sqrt(35 / 8) * x * (x * x - 3 * y * y),
            sqrt(35 / 8) * y * (3 * x * x - y * y),
        ],
        axis=1,
    )


def _directions() -> RealArray:
    """Unit vectors on which the 16 harmonics are well told apart: a spiral over the sphere."""
    n = 200
    z = (2 * np.arange(n) + 1) / n - 1
    phi = np.pi * (1 + sqrt(5.0)) * np.arange(n)
    rho = np.sqrt(1 - z * z)
    return np.stack([rho * np.cos(phi), rho * np.sin(phi), z], axis=1)


_POINTS = _directions()
_INVERSE = np.linalg.pinv(harmonics(_POINTS))


def rotation_of_harmonics(cartesian: RealArray) -> RealArray:
    """(16, 16): column n is harmonic n after the orthogonal map (3, 3), (gY)(x) = Y(g⁻¹x), in terms of all."""
    turned: RealArray = _INVERSE @ harmonics(_POINTS @ cartesian)  # rows x → (g⁻¹x)ᵀ = xᵀ g
    return np.where(np.abs(turned) < 1e-14, 0.0, turned)


def rotated_overlap(images: Sequence[Orbital], sources: Sequence[Orbital], cartesian: RealArray) -> RealArray:
    """<image m| g |source n> of the angular parts, (images, sources); functions of unlike radial part are orthogonal.

    Unitary where the images span what the sources become.
    """
    turn = rotation_of_harmonics(cartesian)
    left = np.stack([o.coefficients() for o in images])
    right = np.stack([turn @ o.coefficients() for o in sources])
    same = np.array([[a.radial == b.radial for b in sources] for a in images])
    return np.where(same, left @ right.T, 0.0)
