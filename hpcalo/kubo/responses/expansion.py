"""Expansion of the torkance in powers of the magnetization direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo import units
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.panels import AxisLabel, Panel, draw_curves
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.torkance import A0_LABEL, torkance_parts
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DIMS = ("gamma", "energy")


def _draw(axis: Axes, results: Sequence[Result], name: str) -> None:
    label = AxisLabel("", rf"coefficient $t^{{{{({name[2]},0)}}}}$", A0_LABEL, style.short)
    draw_curves(axis, results, name, "energy", label, dos=True)


def _draw_residual(axis: Axes, results: Sequence[Result], name: str) -> None:
    draw_curves(axis, results, name, "energy", AxisLabel("", rf"residual of $t^{{{{({name[2]},0)}}}}$", "relative"))
    axis.set_ylim(0.0, None)


def _coefficient(order: int) -> tuple[Quantity, Quantity]:
    label = f"t^({order},0)"
    name = f"t_{order}_0"
    return (
        Quantity(name, DIMS, "e*a0", f"expansion coefficient {label} of the torkance", "(56)"),
        Quantity(f"{name}_residual", DIMS, "1", f"relative residual of the fit of {label}", nan_ok=True, aside=True),
    )


@register
class Expansion(Response):
    """Lowest-order coefficients of the torkance in n̂ of a film with n-fold axis ẑ, fitted to all directions of the run.

    τ = t^(1,0) n̂ × (ẑ × E) + t^(2,0) n̂ × [n̂ × (ẑ × E)] + higher orders: the first index counts powers of n̂. t^(1,0)
    is fitted to the odd torkance, t^(2,0) to the even one, by least squares over directions and components; the
    residual is what the higher orders make up, as a fraction of the root mean square.
    """

    name = "expansion"
    help = "torkance of a film in powers of n̂, fitted to all directions of the run"
    rank = 110
    sums = Sums(broadened=(TORQUE_VELOCITY,))
    quantities = (*_coefficient(1), *_coefficient(2))
    panels = (
        Panel(("t_1_0",), lambda axis, results: _draw(axis, results, "t_1_0"), rank=9),
        Panel(("t_2_0",), lambda axis, results: _draw(axis, results, "t_2_0"), rank=10),
        Panel(("t_1_0_residual",), lambda axis, results: _draw_residual(axis, results, "t_1_0_residual"), "detail"),
        Panel(("t_2_0_residual",), lambda axis, results: _draw_residual(axis, results, "t_2_0_residual"), "detail"),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        even, odd = torkance_parts(run)
        out = {}
        for name, values, order in (("t_1_0", odd, 1), ("t_2_0", even, 2)):
            pattern = np.zeros((len(run.n_hat), 3, len(run.directions)))
            for a, n in enumerate(run.n_hat):
                for j, v in enumerate(run.directions):
                    across = np.cross([0.0, 0.0, 1.0], np.eye(3)[v])
                    vector = np.cross(n, across)
                    pattern[a, :, j] = vector if order == 1 else np.cross(n, vector)
            norm = float((pattern**2).sum())
            coefficient = np.einsum("agije,aij->ge", values, pattern) / norm
            rest = values - np.einsum("ge,aij->agije", coefficient, pattern)
            size = np.sqrt((values**2).sum(axis=(0, 2, 3)))
            left = np.sqrt((rest**2).sum(axis=(0, 2, 3)))
            out[name] = coefficient / units.BOHR_IN_ANGSTROM
            out[f"{name}_residual"] = np.divide(left, size, out=np.zeros_like(size), where=size > 0)
        return out
