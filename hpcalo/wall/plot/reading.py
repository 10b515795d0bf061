"""Panels of scans of the published model as the paper draws its Figures 2, 4, 5 and 7, and of Eq. (22)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.io.scanned import single_point
from hpcalo.plotting import style
from hpcalo.typing import RealArray
from hpcalo.units import HBAR_EV_S
from hpcalo.wall.plot.arrows import Row, draw_rows
from hpcalo.wall.plot.axes import XYZ, largest, scale, stem
from hpcalo.wall.plot.data import paper_unit, scanned
from hpcalo.wall.plot.mean import PRINTED
from hpcalo.wall.plot.panel import Panel
from hpcalo.wall.plot.printed import velocities
from hpcalo.wall.plot.scan_axes import WORDS, frame, from_zero, line, scan_positions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpcalo.plotting.line import LineLook


def finished(result: Result) -> list[int]:
    """Points of the scan that did not fail."""
    return [int(k) for k in np.nonzero(np.asarray(result["error"]) == "")[0]]


def point_words(result: Result, point: int) -> str:
    """The value of the scanned key, as a label."""
    value, unit = result[scanned(result)][point], result.coordinates[scanned(result)].unit
    symbol = WORDS.get(scanned(result), "").rpartition(" ")[2]
    text = f"{value:g} {unit}" if isinstance(value, float | np.floating) else str(value)
    return f"{symbol} = {text}" if symbol.startswith("$") else style.literal(text)


class ScannedArrows(Panel):
    """M along the wall at the start, at half the settling time and at the settling time: Figures 2 and 5."""

    name = "arrows"
    needs = ("magnetization", "normalization", "settling_s")
    wide = True

    def rows(self, results: Sequence[Result]) -> int:
        return len(_ends(results[0])) * 3

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        result, rows = results[0], list[Row]()
        x, s = np.asarray(result["x"], dtype=float), np.asarray(result["s"], dtype=float)
        for k in _ends(result):
            end = float(result["settling_s"][k])
            end = end if np.isfinite(end) else float(s[-1])
            for share in (0.0, 0.5, 1.0):
                at = int(np.abs(s - share * end).argmin())
                t = 1e3 * paper_unit(result, k) * s[at]
                rows.append((f"{point_words(result, k)}, {t:.0f} ps", x, result["magnetization"][k, at]))
        style.note(axis, "arrows: $(M_x, M_z)$")
        draw_rows(axis, (float(x[0]), float(x[-1])), rows, "M", 1.0, 1.0, "", largest([m[:, 1] for _, _, m in rows]))


class ScannedAccumulation(Panel):
    """The accumulation m at the start and at the end: Figures 2 and 5."""

    name = "accumulation_arrows"
    needs = ("m_initial", "m_final", "normalization")
    wide = True

    def rows(self, results: Sequence[Result]) -> int:
        return len(_ends(results[0])) * 2

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        result, rows = results[0], list[Row]()
        x = np.asarray(result["x"], dtype=float)
        for k in _ends(result):
            size = largest([result["m_initial"][k], result["m_final"][k]])
            for when, words in (("initial", "start"), ("final", "end")):
                rows.append((f"{point_words(result, k)}, {words}", x, result[f"m_{when}"][k] / size))
        style.note(axis, "arrows: $(m_x, m_z)$ over the largest $|m_i|$ of each value")
        size = largest([m[:, 1] for _, _, m in rows])
        draw_rows(axis, (float(x[0]), float(x[-1])), rows, "m", 1.0, 1.0, "", size)


def _ends(result: Result) -> list[int]:
    good = finished(result)
    return list(dict.fromkeys([good[0], good[-1]])) if good else []


class ScannedTorque(Panel):
    """The torque along the wall at the start, for all values: Figures 4 and 7."""

    name = "torque"
    needs = ("torque_initial", "normalization")

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        result = results[0]
        good, x = finished(result), np.asarray(result["x"], dtype=float)
        size = np.linalg.norm(result["torque_initial"], axis=-1)
        factor, unit = scale(result.variables["torque_initial"].unit, largest(size))
        for n, k in enumerate(good):
            colour = style.COLOURS[n % 6]
            axis.plot(x, factor * size[k], color=colour, label=point_words(result, k))
        axis.set_xlabel("$x$ (nm)")
        axis.set_xlim(x[0], x[-1])
        axis.set_ylabel(rf"torque $(J/\hbar)|M\times m|$ ({unit})")
        from_zero(axis)
        axis.margins(y=0.1)


class ThermalTorque(Panel):
    """Eq. (22) of the last value: its first two terms alone, all four, and what B(x) makes alone."""

    name = "torque_T_initial"
    needs = ("torque_T_initial", "torque_T_terms_initial", "B_initial")

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        result = results[0]
        if "error" in result.variables:
            k = finished(result)[-1]
            style.note(axis, point_words(result, k))
            result = single_point(result, k)
        x = np.asarray(result["x"], dtype=float)
        whole, terms = (np.asarray(result[n], dtype=float) for n in self.needs[:2])
        alone = from_b(result)
        factor, unit = scale(result.variables[self.needs[0]].unit, largest([whole, terms[:2].sum(axis=0)]))
        for c in (0, 2):
            colour = style.COLOURS[c]
            axis.plot(x, factor * whole[:, c], color=colour, label=rf"$\tau_{{T,{XYZ[c]}}}$, Eq. (22)")
            axis.plot(x, factor * terms[:2, :, c].sum(axis=0), color=colour, ls=style.DASHES[1], lw=0.9)
            mark: LineLook = {"ls": "None", "marker": "o", "ms": 3.2, "mfc": "none", "mew": 0.7, "color": colour}
            if alone is not None:
                axis.plot(x[1::4], factor * alone[::4, c], **mark)
        axis.plot([], [], color="0.3", ls=style.DASHES[1], lw=0.9, label="its first two terms")
        axis.plot([], [], color="0.3", ls="None", marker="o", ms=3.2, mfc="none", label="of $B(x)$ alone")
        axis.set_xlabel("$x$ (nm)")
        axis.set_xlim(x[0], x[-1])
        axis.set_ylabel(rf"thermal torque ({unit})")
        style.zero_lines(axis)
        axis.margins(y=0.1)


def from_b(result: Result) -> RealArray | None:
    """-(xi^2/(1 + xi^2)) [(1/xi) M x (B e)' + M x (M x (B e)')] between the nodes, (nodes - 1, 3), of one run.

    The differences are those towards the cold end, from where all electrons of the window come. None where <G> has no
    known direction or the input is not known.
    """
    splitting, time = (result.setting("electrons", key) for key in ("exchange_splitting", "spin_flip_time"))
    if not splitting or not time:
        return None
    xi = float(splitting) * float(time) * 1e-15 / HBAR_EV_S
    m, x = np.asarray(result["magnetization"], dtype=float)[0], np.asarray(result["x"], dtype=float)
    fixed = str(result.setting("paper", "equilibrium")).endswith("z")
    e = np.broadcast_to([0.0, 0.0, 1.0], m.shape) if fixed else m
    slope = np.diff(np.asarray(result["B_initial"], dtype=float)[:, None] * e, axis=0) / np.diff(x)[:, None]
    across = np.cross(m[1:], slope)
    return np.asarray(-(across / xi + np.cross(m[1:], across)) * xi * xi / (1.0 + xi * xi))


class PublishedVelocity(Panel):
    """v = d/t_s against the scanned input, with the printed values."""

    name = "velocity"
    needs = ("settling_time", "normalization")

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        for n, (result, x) in enumerate(zip(results, scan_positions(axis, results), strict=True)):
            width = float(np.nanmax(np.asarray(result["x"], dtype=float)))
            v = width / np.asarray(result["settling_time"], dtype=float)  # nm/ns = m/s
            label = stem(result) if len(results) > 1 else "printed equations, as solved here"
            line(axis, x, v, color=style.COLOURS[n % 6], marker="o", ms=3, label=label)
        if scanned(results[0]) == "drive_gradient":
            axis.plot(list(velocities()), list(velocities().values()), label="printed (Fig. 3)", **PRINTED)
        axis.set_ylabel("$v = d/t_s$ (m/s)")
        frame(axis, results)
        from_zero(axis)
