"""Conductivity with broadening, in SI with the film's or crystal's volume."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo import units
from hpcalo.io.checks import Check
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.panels import AxisLabel, Panel, draw_curves
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import definite, transpose
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.positions import POSITIONS
from hpcalo.kubo.sums.request import VELOCITY_VELOCITY, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIEMENS_PER_METRE = units.CONDUCTANCE_QUANTUM_HALF / units.ANGSTROM  # in one 1/Å, times e²/ħ
SIGN = "j_i = Σ_j σ_ij E_j"
DIMS = ("n_hat", "gamma", "current", "field", "energy")


def conductivity_parts(run: RunSums) -> tuple[RealArray, RealArray]:
    """(symmetric, antisymmetric) conductivity with broadening in S/m: (A, G, i, j, NE)."""
    real, imag = run.broadened(VELOCITY_VELOCITY)
    scale = SIEMENS_PER_METRE / run.volume
    return real * scale, imag * scale


def heat_conductivity(run: RunSums) -> RealArray:
    """Electronic heat conductivity at zero field, (1/e²T) ∫dE (−f') (E−μ)² σ_ij(E), in W/(m K): (A, G, i, j, M, T)."""
    symmetric, hall = conductivity_parts(run)
    weights = run.averages(2) / run.temperatures[None, :, None]
    return np.einsum("agije,mte->agijmt", symmetric + hall, weights)


def _draw(axis: Axes, results: Sequence[Result]) -> None:
    label = AxisLabel("conductivity", r"$\sigma_{{{}}}$", "S/cm")
    draw_curves(axis, results, "conductivity", "energy", label, log=True, dos=True)


def _draw_hall(axis: Axes, results: Sequence[Result]) -> None:
    label = AxisLabel("Hall conductivity", r"$\sigma_{{{}}}$", "S/cm", style.short, among=("yz", "zx", "xy"))
    draw_curves(axis, results, "hall_conductivity", "energy", label, dos=True)


@register
class Conductivity(Response):
    """σ_ij with broadening, S/cm: (e²ħ/πV) Σ Γ² Re[v_i v_j]…, even under n̂ → −n̂, and its odd Hall part from Im.

    σ_xx = (e²ħ/πNV) Σ_knm Γ² |<n|v_x|m>|²/{[(E−E_n)²+Γ²][(E−E_m)²+Γ²]}: bubble, without vertex corrections.
    """

    name = "conductivity"
    help = "charge conductivity and Hall conductivity with broadening"
    rank = 50
    sums = Sums(broadened=(VELOCITY_VELOCITY,))
    quantities = (
        Quantity("conductivity", DIMS, "S/cm", "conductivity, symmetric part", "Kubo–Bastin, Γ constant", SIGN, 1),
        Quantity(
            "hall_conductivity",
            DIMS,
            "S/cm",
            "conductivity, antisymmetric part",
            "Kubo–Bastin, Γ constant",
            SIGN,
            -1,
            requires=(POSITIONS,),
        ),
    )
    panels = (
        Panel(("conductivity",), _draw, rank=15),
        Panel(("hall_conductivity",), _draw_hall, "detail"),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        symmetric, hall = conductivity_parts(run)
        cm = units.S_PER_M_IN_S_PER_CM
        return {"conductivity": symmetric * cm, "hall_conductivity": hall * cm}

    def checks(self, result: Result) -> Iterator[Check]:
        yield from transpose(result, "conductivity", 1.0)
        yield from transpose(result, "hall_conductivity", -1.0)
        yield from definite(result, "conductivity", "Joule heat")
