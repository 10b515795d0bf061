"""Torkance: the torque on the magnetization per electric field.

Equation numbers here and in the other responses are those of F. Freimuth, S. Blügel, Y. Mokrousov, J. Phys.: Condens.
Matter 28, 316001 (2016); the closed forms with broadening are those of Phys. Rev. B 90, 174423 (2014). e > 0, the
electron's charge is −e.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from hpcalo import units
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.overlays import overlay
from hpcalo.kubo.plot.panels import AxisLabel, Panel, draw_curves, trimmed
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import scatter
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIGN = "τ_i = Σ_j t_ij E_j is the torque on the magnetization, τ = −<δT>, T = n̂ × ∂H/∂n̂"
BROADENED_DIMS = ("n_hat", "gamma", "torque", "field", "energy")
E_A0 = {"e_a0_in_C_m": units.E_A0}
A0_LABEL = r"$e\,a_0$"


def torkance_parts(run: RunSums) -> tuple[RealArray, RealArray]:
    """(even, odd) torkance with broadening in e Å: (A, G, torque, field, NE)."""
    odd, even = run.broadened(TORQUE_VELOCITY)
    return even, odd


def _draw(axis: Axes, results: Sequence[Result], part: str) -> None:
    label = AxisLabel(f"{part} torkance", r"$t_{{{}}}$", A0_LABEL, style.short)
    found, factor = draw_curves(axis, results, f"torkance_{part}", "energy", label, dos=True)
    if part == "even" and found and len(results) == 1:
        overlay(
            axis, results, "torkance_intrinsic", found, "energy", factor,
            label="intrinsic, Γ → 0", symbol=label.symbol, lw=0.7,
        )  # fmt: skip
        trimmed(axis)


@register
class Torkance(Response):
    """t^even, t^odd with broadening and t^int without, against Fermi energy, in e a0.

    Even and odd are under n̂ → −n̂. t^even → t^int for Γ → 0, t^odd ∝ 1/Γ. Closed forms of the Kubo–Bastin expression
    with the prefactor ħ/2π: (26) of the paper prints 1/h, where the dimension needs ħ²/h.
    """

    name = "torkance"
    help = "torque on the magnetization per electric field"
    rank = 10
    sums = Sums(broadened=(TORQUE_VELOCITY,), sea=(TORQUE_VELOCITY,))
    quantities = (
        Quantity("torkance_even", BROADENED_DIMS, "e*a0", "even torkance", "closed form, Γ constant", SIGN, 1, E_A0),
        Quantity("torkance_odd", BROADENED_DIMS, "e*a0", "odd torkance", "closed form, Γ constant", SIGN, -1, E_A0),
        Quantity(
            "torkance_intrinsic",
            ("n_hat", "torque", "field", "energy"),
            "e*a0",
            "intrinsic torkance",
            "(36)",
            SIGN,
            1,
            E_A0,
        ),
    )
    panels = (
        Panel(("torkance_even",), lambda axis, results: _draw(axis, results, "even"), rank=1),
        Panel(("torkance_odd",), lambda axis, results: _draw(axis, results, "odd"), rank=2),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        even, odd = torkance_parts(run)
        intrinsic, _ = run.sea(TORQUE_VELOCITY)
        a0 = units.BOHR_IN_ANGSTROM
        return {"torkance_even": even / a0, "torkance_odd": odd / a0, "torkance_intrinsic": intrinsic / a0}

    def hints(self, result: Result) -> Iterable[tuple[str, str]]:
        return scatter(result, "torkance_intrinsic")
