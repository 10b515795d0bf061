"""A panel whose variable has no element to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.data import largest_in
from hpcalo.plotting import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_nothing(axis: Axes, results: Sequence[Result], name: str, unit: str, base: float) -> None:
    """Says why there is no curve: all elements vanish, to rounding, or none is defined.

    base: factor from the file's unit to `unit`.
    """
    axis.set_ylim(-1.0, 1.0)
    axis.set_yticks([0.0])
    axis.locator_params(axis="x", nbins=6, steps=[1, 2, 5, 10])
    style.zero_lines(axis)
    top = largest_in(results, name) * base
    text = f"zero: no element above {style.number(top, 1)} {unit}" if top else "zero"
    if not any(np.isfinite(np.asarray(r[name], dtype=float)).any() for r in results if name in r.variables):
        text = "not defined"
    axis.text(0.5, 0.62, text, transform=axis.transAxes, ha="center", color=style.GREY)
