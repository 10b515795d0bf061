"""Thermal torkance: the torque on the magnetization per temperature gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo import units
from hpcalo.io.checks import Check
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.data import Curve, is_nine_layer_film, thermal_axis
from hpcalo.kubo.plot.looks import looks
from hpcalo.kubo.plot.overlays import overlay
from hpcalo.kubo.plot.panels import AxisLabel, Panel, draw_curves
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import CURVE, e_a0, sum_rule
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.torkance import torkance_parts
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpcalo.plotting.line import LineLook

BETA_SI = units.EV * units.ANGSTROM  # J m/K in one eV Å/K
SIGN = "τ_i = −Σ_j β_ij ∂_j T"
DIMS = ("n_hat", "gamma", "torque", "field", "mu", "temperature")
MICRO_EV = {"micro_eV_a0_per_K_in_J_m_per_K": units.MICRO_EV_A0_PER_KELVIN}
MICRO_EV_LABEL = (r"micro_eV_a0_per_K_in_J_m_per_K", r"µeV $a_0$/K")
PUBLISHED = {"beta_even": ("yx", 5.24e-35), "beta_odd": ("xx", -3.21e-36)}
"""J m/K at 300 K: J. Phys.: Condens. Matter 28, 316001 (2016), section 5."""
PUBLISHED_GAMMA = 0.025  # eV


def _at(energies: RealArray, curve: RealArray, energy: float) -> RealArray:
    """The curve (…, NE) interpolated linearly at one energy: (…)."""
    i = int(np.clip(np.searchsorted(energies, energy) - 1, 0, len(energies) - 2))
    w = (energy - energies[i]) / (energies[i + 1] - energies[i])
    return (1.0 - w) * curve[..., i] + w * curve[..., i + 1]


def thermal_torkance_parts(run: RunSums) -> tuple[RealArray, RealArray]:
    """(even, odd) β with broadening in J m/K, (39): (A, G, torque, field, M, T)."""
    return run.once("thermal_torkance", lambda: _parts(run))


def _parts(run: RunSums) -> tuple[RealArray, RealArray]:
    even, odd = (thermal_of(run, part) for part in torkance_parts(run))
    return even, odd


def thermal_of(run: RunSums, torkance: RealArray) -> RealArray:
    """β in J m/K of a torkance with broadening (…, NE): (…, M, T)."""
    return BETA_SI * run.per_gradient(torkance)


def _draw(axis: Axes, results: Sequence[Result], part: str) -> None:
    along = thermal_axis(results[0])
    label = AxisLabel(f"{part} thermal torkance", r"$\beta_{{{}}}$", "J m/K", style.powered, second=MICRO_EV_LABEL)
    found, factor = draw_curves(axis, results, f"beta_{part}", along, label)
    if not found:
        return
    if part == "even" and len(results) == 1:
        overlay(
            axis, results, "beta_intrinsic", found, along, factor,
            label="intrinsic, Γ → 0", symbol=label.symbol, lw=0.7,
        )  # fmt: skip
    if along == "temperature":
        _mark_published(axis, results, part, factor, found)
    limits = axis.get_ylim()
    if len(results) == 1 and along == "temperature":
        overlay(
            axis, results, f"beta_{part}_sommerfeld", found, along, factor,
            label="low-temperature form", symbol=label.symbol, per_level=True, ls=(0, (3, 2)), lw=0.8,
        )  # fmt: skip
    axis.set_ylim(*limits)


def _mark_published(axis: Axes, results: Sequence[Result], part: str, factor: float, found: Sequence[Curve]) -> None:
    """The printed values, if the files are about that film with n̂ = ẑ and show that element."""
    element, value = PUBLISHED[f"beta_{part}"]
    same = [c for c in found if c.tags["element"] == element and abs(float(c.tags["gamma"]) - PUBLISHED_GAMMA) < 1e-3]
    upright = all(np.allclose(np.asarray(r["n_vector"])[0], (0.0, 0.0, 1.0)) for r in results)
    if not same or not upright or not all(map(is_nine_layer_film, results)):
        return
    colour = looks(found)[found.index(same[0])].colour if len(results) == 1 else "black"
    mark: LineLook = {
        "ls": "None",
        "marker": "D",
        "ms": 5,
        "mfc": "white",
        "mec": colour,
        "mew": 1.2,
        "zorder": 5,
    }
    axis.plot([300.0], [factor * value], label="Freimuth et al. 2016", **mark)


def _quantity(part: str, parity: int, *, sommerfeld: bool = False) -> Quantity:
    name, words, equation = f"beta_{part}", f"{part} thermal torkance", "(39)"
    if sommerfeld:
        name, words, equation = f"{name}_sommerfeld", f"{words}, low-temperature form", "(58)"
    return Quantity(name, DIMS, "J*m/K", words, equation, SIGN, parity, MICRO_EV, aside=sommerfeld)


@register
class ThermalTorkance(Response):
    """β of τ = −β ∇T, even, odd and intrinsic, and its low-temperature (Sommerfeld) form, in J m/K.

    β_ij = (1/e) ∫dE f'(E) (E−μ)/T t_ij(E) (39); Sommerfeld: −(π² k_B² T/3e) ∂t_ij/∂μ (58), the derivative by central
    differences of the curve on the energy grid.
    """

    name = "thermal_torkance"
    help = "torque on the magnetization per temperature gradient"
    rank = 20
    thermal = True
    sums = Sums(broadened=(TORQUE_VELOCITY,), sea=(TORQUE_VELOCITY,))
    quantities = (
        _quantity("even", 1),
        _quantity("even", 1, sommerfeld=True),
        _quantity("odd", -1),
        _quantity("odd", -1, sommerfeld=True),
        Quantity(
            "beta_intrinsic",
            ("n_hat", "torque", "field", "mu", "temperature"),
            "J*m/K",
            "intrinsic thermal torkance",
            "(39) of (36)",
            SIGN,
            1,
            MICRO_EV,
        ),
    )
    panels = (
        Panel(("beta_even",), lambda axis, results: _draw(axis, results, "even"), rank=3),
        Panel(("beta_odd",), lambda axis, results: _draw(axis, results, "odd"), rank=4),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        even, odd = thermal_torkance_parts(run)
        out = {"beta_even": even, "beta_odd": odd}
        for part, values in zip(("even", "odd"), torkance_parts(run), strict=True):
            slope = np.gradient(values, run.energies, axis=-1)
            at_mu = np.stack([_at(run.energies, slope, mu) for mu in run.mu], axis=-1)
            factor = -BETA_SI * np.pi**2 * units.BOLTZMANN_EV**2 / 3.0
            out[f"beta_{part}_sommerfeld"] = factor * at_mu[..., None] * run.temperatures
        out["beta_intrinsic"] = -BETA_SI * run.sea_averages(TORQUE_VELOCITY, 1) / run.temperatures
        return out

    def checks(self, result: Result) -> Iterator[Check]:
        for part in ("even", "odd"):
            equation = "β = (1/e) ∫ f′ (E−μ)/T t(E) dE (39)"
            yield from sum_rule(
                result, f"beta_{part}", f"torkance_{part}", equation, order=1, factor=-e_a0(), limit=CURVE
            )
