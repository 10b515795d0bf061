"""Inverse thermal torque: the heat current of a moving magnetization."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo import units
from hpcalo.io.checks import Check, below, relative
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.data import thermal_axis
from hpcalo.kubo.plot.overlays import overlay
from hpcalo.kubo.plot.panels import AxisLabel, Panel, draw_curves
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import COARSE, EXACT, GRID, array, boltzmann, e_a0, significant
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.torkance import torkance_parts
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpcalo.plotting.line import LineLook

J_PER_M2 = units.EV / units.ANGSTROM**2  # in one eV/Å^2, the unit of (eV Å)/Å^3
SIGN = "J^Q_i = −Σ_j β̃_ij [n̂ × ∂n̂/∂t]_j (30)"
BROADENED_DIMS = ("n_hat", "gamma", "current", "torque", "mu", "temperature")
DIMS = ("n_hat", "current", "torque", "mu", "temperature")


def inverse_parts(run: RunSums) -> tuple[RealArray, RealArray]:
    """β̃ with broadening split by parity under n̂ → −n̂: (even, odd), (A, G, current, torque, M, T) in J/m².

    β̃_ij(n̂) = −(1/eV) ∫dE f' (E−μ) t_ji(−n̂) (38), with t_even(−n̂) = t_even(n̂) and t_odd(−n̂) = −t_odd(n̂).
    """
    return run.once("inverse_thermal_torque", lambda: _parts(run))


def _parts(run: RunSums) -> tuple[RealArray, RealArray]:
    weights = run.averages(1)
    even, odd = torkance_parts(run)
    scale = J_PER_M2 / run.volume
    return (
        scale * np.einsum("agije,mte->agjimt", even, weights),
        -scale * np.einsum("agije,mte->agjimt", odd, weights),
    )


def intrinsic_parts(run: RunSums) -> dict[str, RealArray]:
    """β̃ by (33) and by (35), and B of (27), by their names in a result: (A, current, torque, M, T) in J/m²."""
    scale = J_PER_M2 / run.volume
    direct = run.thermal(TORQUE_VELOCITY).transpose(0, 2, 1, 3, 4, 5) * scale
    return {
        "beta_tilde_intrinsic": direct[:, :, :, 2],
        "beta_tilde_intrinsic_by_energy": scale * run.sea_averages(TORQUE_VELOCITY, 1).swapaxes(1, 2),
        "energy_current_response": direct[:, :, :, 1],
    }


def _draw(axis: Axes, results: Sequence[Result], part: str) -> None:
    along = thermal_axis(results[0])
    label = AxisLabel(f"{part} inverse thermal torque", r"$\tilde\beta_{{{}}}$", "J/m²", style.prefixed)
    found, factor = draw_curves(axis, results, f"beta_tilde_{part}", along, label)
    if part == "even" and found and len(results) == 1:
        routes = {
            "beta_tilde_intrinsic": "intrinsic, sum over pairs",
            "beta_tilde_intrinsic_by_energy": "intrinsic, energy integral",
        }
        line: LineLook = {"lw": 0.7}
        marks: LineLook = {"ls": "None", "marker": "o", "ms": 4.5, "mfc": "none", "mew": 0.7}
        for (name, words), look in zip(routes.items(), (line, marks), strict=True):
            overlay(
                axis, results, name, found, along, factor, label=words, symbol=label.symbol, per_level=False, **look
            )


def third_law(result: Result, part: str) -> Iterator[Check]:
    """That β̃ with broadening vanishes as T² at least.

    |β̃_ij| ≤ (π²/3)(k_B T)² max|∂t_ji/∂E|/eV, from (38) and the mean value theorem.
    """
    tilde, curve = f"beta_tilde_{part}", f"torkance_{part}"
    if not significant(result, tilde, curve):
        return
    slope = np.abs(np.diff(array(result, curve))).max(axis=-1) / np.diff(array(result, "energy")).min()
    volume = float(result.attrs.get("cell_volume_A3", np.nan)) * 1e-30
    kt = boltzmann() * array(result, "temperature")
    bound = np.pi**2 / 3.0 * kt**2 * e_a0() / volume * slope.swapaxes(2, 3)[..., None, None]
    share = np.abs(array(result, tilde)) / np.where(bound > 0.0, bound, np.inf)
    must = "|β̃| over its bound (π²/3)(k_B T)² max|∂t/∂E|/eV"
    yield below(f"Third law, {part} part", must, float(share.max()), 1.0)


@register
class InverseThermalTorque(Response):
    """β̃ of J^Q = −β̃ [n̂ × ∂n̂/∂t], in J/m².

    With broadening (38), intrinsic by both routes (33) and (35), and the energy-current response B (27).

    The two intrinsic routes share no code behind the matrix elements: (33) sums pairs of bands with thermal weights at
    the temperature, (35) integrates the T = 0 torkance over energy.
    """

    name = "inverse_thermal_torque"
    help = "heat current of a moving magnetization"
    rank = 30
    thermal = True
    sums = Sums(broadened=(TORQUE_VELOCITY,), sea=(TORQUE_VELOCITY,), thermal=(TORQUE_VELOCITY,))
    quantities = (
        Quantity("beta_tilde_even", BROADENED_DIMS, "J/m^2", "inverse thermal torque, even", "(38)", SIGN, 1),
        Quantity("beta_tilde_odd", BROADENED_DIMS, "J/m^2", "inverse thermal torque, odd", "(38)", SIGN, -1),
        Quantity("beta_tilde_intrinsic", DIMS, "J/m^2", "intrinsic inverse thermal torque", "(33)", SIGN, 1),
        Quantity(
            "beta_tilde_intrinsic_by_energy",
            DIMS,
            "J/m^2",
            "intrinsic inverse thermal torque, from the energy integral of the torkance",
            "(35)",
            SIGN,
            1,
            aside=True,
        ),
        Quantity("energy_current_response", DIMS, "J/m^2", "intrinsic energy-current response B", "(27)", SIGN, 1),
    )
    panels = (
        Panel(("beta_tilde_even",), lambda axis, results: _draw(axis, results, "even"), rank=12),
        Panel(("beta_tilde_odd",), lambda axis, results: _draw(axis, results, "odd"), rank=13),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        even, odd = inverse_parts(run)
        return {"beta_tilde_even": even, "beta_tilde_odd": odd, **intrinsic_parts(run)}

    def checks(self, result: Result) -> Iterator[Check]:
        volume = float(result.attrs.get("cell_volume_A3", 0.0)) * 1e-30
        for part, sign in (("even", -1.0), ("odd", 1.0)):
            tilde, beta = f"beta_tilde_{part}", f"beta_{part}"
            if volume > 0.0 and significant(result, tilde, beta):
                expected = sign / volume * array(result, beta).swapaxes(2, 3)
                expected = expected * array(result, "temperature")
                gap = relative(array(result, tilde) - expected, expected)
                must = "β̃(n̂) = −(T/V) [β(−n̂)]ᵀ, largest relative deviation"
                yield below(f"Onsager relation (40), {part} part", must, gap, EXACT)
        for part in ("even", "odd"):
            yield from third_law(result, part)
        if significant(result, "beta_tilde_intrinsic", "beta_tilde_intrinsic_by_energy"):
            one, other = array(result, "beta_tilde_intrinsic"), array(result, "beta_tilde_intrinsic_by_energy")
            must = "sum over pairs (33) and energy integral of the torkance (35), relative to the largest value"
            remark = "second order in the energy spacing; above the limit: take more energies"
            gap = relative(one - other, one)
            yield below("Two routes to the inverse thermal torque", must, gap, GRID, remark, coarse=COARSE)
        three = ("energy_current_response", "spiralization", "beta_tilde_intrinsic")
        if significant(result, *three):
            response, dmi, tilde_values = (array(result, n) for n in three)
            must = "β̃ = B − D, relative to D"
            gap = relative(response - dmi - tilde_values, dmi)
            yield below("Heat current = energy current − DMI current", must, gap, EXACT)
