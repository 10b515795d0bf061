"""Energy current of a moving magnetization with broadening, and the spiralization that follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.checks import Check, below, relative
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.data import thermal_axis
from hpcalo.kubo.plot.overlays import overlay
from hpcalo.kubo.plot.panels import AxisLabel, Panel, draw_curves
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses import spiralization
from hpcalo.kubo.responses.checking import CURVE, EXACT, array, significant, sum_rule
from hpcalo.kubo.responses.inverse_thermal_torque import BROADENED_DIMS, J_PER_M2, inverse_parts
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.thermal import averaged
from hpcalo.kubo.responses.torkance import torkance_parts
from hpcalo.kubo.states.energy_current import ENERGY_CURRENT
from hpcalo.kubo.states.operators import TORQUE
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TORQUE_ENERGY_CURRENT = (TORQUE, ENERGY_CURRENT)
SIGN = "J^E_i = −Σ_j B_ij [n̂ × ∂n̂/∂t]_j, energies relative to μ"
GROUND_DIMS = ("n_hat", "gamma", "current", "torque", "energy")


def spiralization_curves(run: RunSums) -> tuple[RealArray, RealArray]:
    """D with broadening at T = 0 split by parity: (even, odd), (A, G, current, torque, NE) in J/m².

    D_ij = (1/eV) [t^even_ji − t^odd_ji] with the weight (E_n + E_m)/2 − E in the pair sums of t at the energy E.
    """
    return run.once("spiralization_with_broadening", lambda: _curves(run))


def _curves(run: RunSums) -> tuple[RealArray, RealArray]:
    odd, even = run.broadened(TORQUE_ENERGY_CURRENT)
    scale, above = J_PER_M2 / run.volume, run.energies - run.energies[0]
    plain_even, plain_odd = torkance_parts(run)
    return (
        scale * (even - above * plain_even).swapaxes(2, 3),
        -scale * (odd - above * plain_odd).swapaxes(2, 3),
    )


def _draw(axis: Axes, results: Sequence[Result], name: str, words: str, symbol: str, without: str = "") -> None:
    along = thermal_axis(results[0])
    label = AxisLabel(words, symbol, "J/m²", style.prefixed)
    found, factor = draw_curves(axis, results, name, along, label)
    if found and without and len(results) == 1:
        overlay(
            axis, results, without, found, along, factor, label="intrinsic, Γ → 0", symbol=label.symbol, lw=0.7,
        )  # fmt: skip


def _panel(name: str, words: str, symbol: str, without: str = "") -> Panel:
    return Panel((name,), lambda axis, results: _draw(axis, results, name, words, symbol, without), "detail")


@register
class EnergyCurrentWithBroadening(Response):
    """B of (26) with broadening, J^E = −B [n̂ × ∂n̂/∂t], and D = B − β̃ with β̃ of (38), even and odd, in J/m².

    (26) with J^E = ½{H − μ, v}/V (24) and constant Γ: between eigenstates ½(E_n + E_m − 2μ) v_nm/V, so the pair sums of
    the torkance with that weight, averaged with −f'. Γ → 0: (27) and (32). The free energy allows D only an even part.
    An odd one, of first order in Γ, is left because (24) takes H and not H − iΓ: it is reported as it is, and says how
    far D with constant Γ can be trusted. (26) prints 1/h, which should be ħ/2π.
    """

    name = "energy_current"
    help = "energy current of a moving magnetization and DMI with broadening"
    rank = 35
    thermal = True
    sums = Sums(broadened=(TORQUE_VELOCITY, TORQUE_ENERGY_CURRENT))
    quantities = (
        Quantity("energy_current_even", BROADENED_DIMS, "J/m^2", "energy-current response B, even", "(26)", SIGN, 1),
        Quantity("energy_current_odd", BROADENED_DIMS, "J/m^2", "energy-current response B, odd", "(26)", SIGN, -1),
        Quantity(
            "spiralization_even",
            BROADENED_DIMS,
            "J/m^2",
            "DMI spiralization with broadening",
            "D = B − β̃, (26) and (38)",
            spiralization.SIGN,
            1,
        ),
        Quantity(
            "spiralization_odd",
            BROADENED_DIMS,
            "J/m^2",
            "odd remainder of the DMI spiralization with broadening",
            "D = B − β̃, (26) and (38)",
            "should be 0; of first order in Γ, because (24) takes H and not H − iΓ",
            -1,
            aside=True,
        ),
        Quantity(
            "spiralization_even_ground_state",
            GROUND_DIMS,
            "J/m^2",
            "DMI spiralization with broadening at T = 0",
            "D = B of (26), T → 0",
            spiralization.SIGN,
            1,
        ),
    )
    panels = (
        _panel("energy_current_even", "even energy current", r"$B_{{{}}}$", "energy_current_response"),
        _panel("energy_current_odd", "odd energy current", r"$B_{{{}}}$"),
        _panel("spiralization_even", "spiralization", r"$D_{{{}}}$", "spiralization"),
        _panel("spiralization_odd", "odd remainder", r"$D_{{{}}}$"),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        out = {"spiralization_even_ground_state": spiralization_curves(run)[0]}
        parts = zip(("even", "odd"), spiralization_curves(run), inverse_parts(run), strict=True)
        for part, curve, heat in parts:
            # (E_n + E_m)/2 − μ in two steps, at E: the large parts of 1/Γ are not subtracted from each other.
            out[f"spiralization_{part}"] = averaged(curve, run.averages(0))
            out[f"energy_current_{part}"] = out[f"spiralization_{part}"] + heat
        return out

    def checks(self, result: Result) -> Iterator[Check]:
        equation, curve = "D(μ, T) = −∫ f′ D(E) dE", "spiralization_even_ground_state"
        yield from sum_rule(result, "spiralization_even", curve, equation, order=0, factor=1.0, limit=CURVE)
        for part in ("even", "odd"):
            three = (f"energy_current_{part}", f"spiralization_{part}", f"beta_tilde_{part}")
            if significant(result, *three):
                current, dmi, heat = (array(result, name) for name in three)
                must = "β̃ = B − D, relative to B"
                yield below(
                    f"Heat current with broadening, {part}", must, relative(current - dmi - heat, current), EXACT
                )

    def hints(self, result: Result) -> Iterator[tuple[str, str]]:
        even, odd = "spiralization_even", "spiralization_odd"
        if significant(result, even) and odd in result.variables:
            for g, gamma in enumerate(array(result, "gamma")):
                size = np.abs(array(result, even)[:, g]).max()
                share = np.abs(array(result, odd)[:, g]).max() / size if size > 0.0 else np.inf
                yield (
                    f"odd remainder of the spiralization, Γ = {1e3 * gamma:.3g} meV",
                    f"{share:.2g} of the even part: what constant Γ leaves open in D",
                )
