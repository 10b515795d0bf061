"""Gilbert damping and gyromagnetic ratio."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.checks import Check
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.panels import AxisLabel, Panel, curve_panel, draw_curves
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import definite, transpose
from hpcalo.kubo.responses.response import ENERGY, Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.operators import SPIN
from hpcalo.kubo.sums.request import TORQUE_TORQUE, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

G_SPIN = 2.0
"""Spin g-factor in the damping: the Hamiltonians carry moments of µ_B per spin, that is g = 2."""
SIGN = "τ_i = −Σ_j Λ_ij [n̂ × ∂n̂/∂t]_j"
DIMS = ("n_hat", "gamma", "torque", "torque_2", "energy")


def rotation_response(run: RunSums) -> tuple[RealArray, RealArray]:
    """Λ of τ = −Λ [n̂ × ∂n̂/∂t] split into (symmetric, antisymmetric), in ħ: (A, G, i, j, NE).

    The torque–torque response, with n̂ × ∂n̂/∂t in the place of the electric field: δH = T·δφ under a rotation by δφ.
    """
    real, imag = run.broadened(TORQUE_TORQUE)
    return real, imag


LABEL = AxisLabel("Gilbert damping", r"$\alpha_{{{}}}$", "")


def _draw_factor(axis: Axes, results: Sequence[Result]) -> None:
    label = AxisLabel("gyromagnetic factor $g$", "", "")
    draw_curves(axis, results, "gyromagnetic_factor", "energy", label, log=True, dos=True)
    axis.axhline(2.0, color="0.6", lw=0.6, ls=":", gid=style.GUIDE, zorder=0.6)


@register
class Damping(Response):
    """Λ, Gilbert damping α = g Λ_sym/(ħ m) and gyromagnetic factor g_eff = m/|Λ_antisym|, m the moment per cell in µ_B.

    m is `kubo.moment`, without it the model's spin moment at each energy. The gyromagnetic ratio is γ = g_eff µ_B/ħ:
    without spin-orbit coupling Λ_antisym is the spin ħ m/2 per cell, and g_eff = 2.
    """

    name = "damping"
    help = "Gilbert damping and gyromagnetic factor"
    rank = 90
    sums = Sums(broadened=(TORQUE_TORQUE,), levels=(SPIN,))
    quantities = (
        Quantity("lambda_symmetric", DIMS, "hbar", "torque–torque response, symmetric part", "(41)", SIGN, 1),
        Quantity("lambda_antisymmetric", DIMS, "hbar", "torque–torque response, antisymmetric part", "(41)", SIGN, -1),
        Quantity("gilbert_damping", DIMS, "1", "Gilbert damping", "α = g Λ_sym/(ħ m)", "", 1, nan_ok=True),
        Quantity(
            "gyromagnetic_factor",
            ("n_hat", "gamma", "energy"),
            "1",
            "g factor of the precession, γ = g µ_B/ħ",
            "g = m/|Λ_antisym|",
            nan_ok=True,
        ),
        Quantity("spin_moment", ENERGY, "mu_B", "spin moment per cell along n̂", "−Σ f <σ·n̂>"),
    )
    panels = (
        curve_panel("gilbert_damping", LABEL, along="energy", rank=16, log=True),
        Panel(("gyromagnetic_factor",), _draw_factor, rank=17),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        symmetric, antisymmetric = rotation_response(run)
        spin = -run.occupied(SPIN.name)  # majority moment counts positive along n̂, m = −µ_B σ
        moment = run.settings.moment
        m = spin if moment is None else np.full_like(spin, moment)
        safe = np.where(np.abs(m) > 1e-6, m, np.nan)
        across = np.sqrt(0.5 * np.einsum("agije->age", (0.5 * (antisymmetric - antisymmetric.swapaxes(2, 3))) ** 2))
        return {
            "lambda_symmetric": symmetric,
            "lambda_antisymmetric": antisymmetric,
            "gilbert_damping": G_SPIN * symmetric / np.abs(safe)[:, None, None, None, :],
            "gyromagnetic_factor": np.abs(safe)[:, None, :] / np.where(across > 1e-12, across, np.nan),
            "spin_moment": spin,
        }

    def checks(self, result: Result) -> Iterator[Check]:
        yield from transpose(result, "lambda_symmetric", 1.0)
        yield from transpose(result, "lambda_antisymmetric", -1.0)
        yield from definite(result, "lambda_symmetric", "Gilbert damping")
