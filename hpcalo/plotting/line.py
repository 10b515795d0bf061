"""How a line of a figure is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from matplotlib.typing import ColorType, LineStyleType


class LineLook(TypedDict, total=False):
    """How a line is drawn: keyword arguments of matplotlib's `plot`, without the label."""

    color: ColorType
    ls: LineStyleType
    lw: float
    marker: str
    ms: float
    mfc: ColorType
    mec: ColorType
    mew: float
    alpha: float
    zorder: float
