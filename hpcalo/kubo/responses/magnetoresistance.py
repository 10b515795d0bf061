"""Anisotropic magnetoresistance and planar Hall effect: the resistivity against the angle of the magnetization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hpcalo.kubo.plot.panels import AxisLabel, curve_panel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.conductivity import conductivity_parts
from hpcalo.kubo.responses.response import Axis, Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.thermoelectrics import CHARGE_CURRENT, inverted
from hpcalo.kubo.states.positions import POSITIONS
from hpcalo.kubo.sums.request import VELOCITY_VELOCITY, Sums
from hpcalo.typing import IntArray, RealArray

PLANES = {"xy-plane": (0, 1), "yz-plane": (1, 2), "zx-plane": (2, 0)}
"""The angle φ of n̂ counts from the first axis to the second."""
HARMONICS = ("1", "cos 2φ", "sin 2φ", "cos 4φ", "sin 4φ")
IN_PLANE = 1e-6
"""Component of n̂ across a plane, at most."""
DETERMINED = 0.15
"""Least singular value of the harmonics at the angles (1: evenly spread ones) with which they count as determined."""
VALUES = ("gamma", "energy")
RATIO = ("plane", "charge_current", *VALUES)


@dataclass(frozen=True)
class Scan:
    """The directions of the magnetization in a plane. chosen: their numbers. design: (n, F) harmonics at their angles.

    F: 0 where they do not determine the second harmonics, 3, or 5 with the fourth.
    """

    chosen: IntArray
    design: RealArray

    @staticmethod
    def of(n_hat: RealArray, axes: tuple[int, int]) -> Scan:
        """From all directions (A, 3) of a run."""
        across = 3 - sum(axes)
        chosen = np.flatnonzero(np.abs(n_hat[:, across]) < IN_PLANE)
        phi = np.arctan2(n_hat[chosen, axes[1]], n_hat[chosen, axes[0]])
        every = np.stack([np.ones(len(phi)), *(f(m * phi) for m in (2, 4) for f in (np.cos, np.sin))], axis=1)
        size = np.array([1.0, *[np.sqrt(0.5)] * 4]) * np.sqrt(len(phi))
        for count in (5, 3):
            if len(phi) >= count and np.linalg.svd(every[:, :count] / size[:count], compute_uv=False)[-1] > DETERMINED:
                return Scan(chosen, every[:, :count])
        return Scan(chosen, every[:, :0])

    @property
    def count(self) -> int:
        """Of harmonics, 0 for none."""
        return self.design.shape[1]

    def coefficients(self, values: RealArray) -> RealArray:
        """Least squares, (5, …) of values (A, …) at all directions; NaN of harmonics that are not determined."""
        out = np.full((len(HARMONICS), *values.shape[1:]), np.nan)
        if self.count:
            out[: self.count] = np.tensordot(np.linalg.pinv(self.design), values[self.chosen], 1)
        return out

    def residual(self, values: RealArray, coefficients: RealArray) -> RealArray:
        """What harmonics leave of values (A, i, j, …), over what depends on φ (…), as root mean squares.

        NaN where the values are no more than the harmonics.
        """
        out = np.full(values.shape[3:], np.nan)
        if not self.count or len(self.chosen) <= self.count:
            return out
        here = values[self.chosen]
        rest, varying = here - np.tensordot(self.design, coefficients[: self.count], 1), here - coefficients[0]
        left, size = (np.sqrt((x**2).sum(axis=(0, 1, 2))) for x in (rest, varying))
        return np.divide(left, size, out=np.zeros_like(size), where=size > 0.0)


def resistivity(run: RunSums) -> RealArray:
    """The part of the inverse of σ that is even in n̂, its symmetric one, Ω m: (A, i, j, G, NE)."""
    symmetric, hall = conductivity_parts(run)
    whole = symmetric if POSITIONS in run.missing else symmetric + hall
    rho = inverted(whole.transpose(0, 1, 4, 2, 3))
    return np.moveaxis(0.5 * (rho + rho.swapaxes(-1, -2)), (-2, -1), (1, 2))


@register
class Magnetoresistance(Response):
    """Harmonics of ρ(φ) for n̂ in the planes xy, yz and zx, and what experiments call AMR and planar Hall effect.

    ρ_ij(φ) = a_0 + a_2 cos 2φ + b_2 sin 2φ + a_4 cos 4φ + b_4 sin 4φ, the harmonics that are even under n̂ → −n̂, fitted
    to all directions of the run in a plane, φ from its first axis to its second: three of them determine the second
    harmonics, five the fourth. A polycrystal has ρ = ρ_⊥ + (ρ_∥ − ρ_⊥) n̂ n̂, so that a_2 of ρ_xx and b_2 of ρ_xy are
    both (ρ_∥ − ρ_⊥)/2; in crystals they differ. The AMR is ρ_ii with n̂ along the first axis of the plane minus that
    along the second one, with n̂ parallel to the current minus across it where the current is in the plane, over a_0:
    ±2a_2/a_0. The planar Hall ratio is 2b_2 of ρ_ij over the mean a_0 of ρ_ii and ρ_jj with the plane's axes i and j.
    """

    name = "magnetoresistance"
    help = "anisotropic magnetoresistance and planar Hall effect, from n_hat in a plane"
    rank = 52
    sums = Sums(broadened=(VELOCITY_VELOCITY,))
    quantities = (
        Quantity(
            "amr", RATIO, "1", "anisotropic magnetoresistance", "±2a_2/a_0",
            "ρ_ii of n along minus across the current; where it is across the plane, first minus second axis", 1,
            nan_ok=True,
        ),
        Quantity(
            "planar_hall", ("plane", *VALUES), "1", "planar Hall ratio", "2b_2/a_0",
            "ρ_ij of the axes i, j of the plane: E_j/j_i = ρ b_2 sin 2φ", 1, nan_ok=True,
        ),
        Quantity(
            "resistivity_harmonics", ("plane", "harmonic", "field", "charge_current", *VALUES), "ohm*m",
            "resistivity against the angle of n", "least squares", "ρ_ij(φ) = Σ harmonics", 1, nan_ok=True,
            aside=True,
        ),
        Quantity(
            "resistivity_harmonics_residual", ("plane", *VALUES), "1",
            "what the harmonics leave of the dependence on the angle", "relative root mean squares", nan_ok=True,
            aside=True,
        ),
    )  # fmt: skip
    axes = (
        CHARGE_CURRENT,
        Axis("plane", lambda run: list(PLANES), "plane of n: φ counts from its first axis to its second"),
        Axis("harmonic", lambda run: list(HARMONICS), "harmonic of the angle φ of n"),
    )
    panels = (
        curve_panel("amr", AxisLabel("AMR", "{}", "%", base=100.0), along="energy", rank=63),
        curve_panel(
            "planar_hall", AxisLabel("planar Hall ratio", "{}", "%", base=100.0), along="energy", role="detail"
        ),
    )

    def unfit(self, n_hat: RealArray) -> str:
        if any(Scan.of(n_hat, axes).count for axes in PLANES.values()):
            return ""
        return f"{self.name} needs three or more n_hat in one of the planes xy, yz and zx: without, it is undefined"

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        rho = resistivity(run)
        scans = [Scan.of(run.n_hat, axes) for axes in PLANES.values()]
        harmonics = np.stack([scan.coefficients(rho) for scan in scans])  # (plane, harmonic, i, j, G, NE)
        residuals = [scan.residual(rho, part) for scan, part in zip(scans, harmonics, strict=True)]
        mean, cosine, sine = harmonics[:, 0], harmonics[:, 1], harmonics[:, 2]
        amr = 2.0 * np.einsum("piige->pige", cosine) / np.einsum("piige->pige", mean)
        hall = np.full((len(PLANES), *rho.shape[3:]), np.nan)
        for p, (first, second) in enumerate(PLANES.values()):
            places = [run.directions.index(axis) for axis in (first, second) if axis in run.directions]
            if second in run.directions:
                amr[p, run.directions.index(second)] *= -1.0
            if len(places) == 2:
                i, j = places
                hall[p] = 4.0 * sine[p, i, j] / (mean[p, i, i] + mean[p, j, j])
        return {
            "amr": amr,
            "planar_hall": hall,
            "resistivity_harmonics": harmonics,
            "resistivity_harmonics_residual": np.stack(residuals),
        }
