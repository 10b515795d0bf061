"""The moving wall as a sequence of pictures: arrows in the wire, and the components of M below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.plotting.paper import PaperFigure
from hpcalo.typing import RealArray
from hpcalo.wall.plot.arrows import ARROWS
from hpcalo.wall.plot.axes import XYZ, clock
from hpcalo.wall.plot.data import chosen, frames, window

if TYPE_CHECKING:
    from PIL.Image import Image

MOST = 200  # pictures
MOVIE_DPI = 130


def pictures(result: Result) -> list[Image]:
    """One picture for each time, at most `MOST`, all of the same size."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from PIL.Image import fromarray  # noqa: PLC0415

    m = frames(result, "magnetization")
    factor, unit = clock(float(m.t[-1]))
    low, high = window([result])
    figure = PaperFigure(figsize=(6.4, 3.6), dpi=MOVIE_DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 1, height_ratios=[1.0, 2.4])
    top, below = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    if title := str(result.attrs.get("title", "")):
        figure.suptitle(style.literal(title[:95]), fontsize=7.5, color="0.25")
    positions = np.linspace(low, high, ARROWS)
    values = _at(positions, m.x[0], m.y[0])
    box = 6.0 / ARROWS  # inches between arrows
    arrow = top.quiver(
        positions, np.zeros(ARROWS), values[:, 0], values[:, 2],
        pivot="mid", angles="uv", scale_units="inches", scale=0.9 / box, width=0.003, color=style.COLOURS[0],
    )  # fmt: skip
    top.set_yticks([])
    top.set_ylim(-1.0, 1.0)
    top.tick_params(labelbottom=False)
    style.note(top, "arrows: $(M_x, M_z)$")
    lines = [below.plot([], [], color=style.COLOURS[c], label=f"$M_{XYZ[c]}$")[0] for c in range(3)]
    for c, line in enumerate(lines):
        below.plot(m.x[0], m.y[0, :, c], color=line.get_color(), ls=style.DASHES[3], lw=0.8, gid=style.GUIDE)
    below.plot([], [], color="0.3", ls=style.DASHES[3], lw=0.8, label="start")
    style.zero_lines(below)
    below.set_ylim(-1.12, 1.12)
    below.set_xlabel("$x$ (nm)")
    below.set_ylabel("magnetization $M_i$")
    below.legend(loc="lower left", ncols=2, columnspacing=1.0)
    pad = 0.6 * (high - low) / ARROWS
    for axis in (top, below):
        axis.set_xlim(low - pad, high + pad)
    top.set_title("$t$ = 0", loc="left", fontsize=8)
    style.lay_out(figure)
    style.freeze(figure)  # nothing but the wall moves
    made = []
    for i in chosen(len(m.t), MOST):
        values = _at(positions, m.x[i], m.y[i])
        arrow.set_UVC(values[:, 0], values[:, 2])
        for c, line in enumerate(lines):
            line.set_data(m.x[i], m.y[i, :, c])
        top.set_title(f"$t$ = {factor * m.t[i]:.4g} {unit}", loc="left", fontsize=8)
        canvas.draw()
        made.append(fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))
    return made


def _at(positions: RealArray, x: RealArray, y: RealArray) -> RealArray:
    return np.stack([np.interp(positions, x, y[:, c], left=np.nan, right=np.nan) for c in range(3)], axis=1)
