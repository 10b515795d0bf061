"""Panels of energies and powers against time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.typing import RealArray
from hpcalo.wall.magnetism.terms.registry import labels
from hpcalo.wall.plot.axes import (
    largest,
    scale,
    stem,
    time_axis,
)
from hpcalo.wall.plot.data import (
    series,
)
from hpcalo.wall.plot.panel import Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpcalo.plotting.line import LineLook


def curves() -> list[tuple[str, tuple[str, ...]]]:
    """Label and terms of each curve; exchange and easy axis, which trade as the wall's width changes, are one."""
    merged = ("exchange", "uniaxial")
    rest = [(label, (name,)) for name, label in labels().items() if name not in merged]
    return [("total", ("total",)), ("exchange + easy axis", merged), *rest]


class Energies(Panel):
    """Energies relative to their start; exchange and easy axis, which exchange energy, are one curve."""

    name = "energies"
    needs = ("energy_total",)
    times = True

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        factor = time_axis(axis, results, "energy_total")
        several = len(results) > 1
        names = curves()[:1] if several else curves()
        lines = []
        for n, result in enumerate(results):
            for k, (word, parts) in enumerate(names):
                held = [f"energy_{p}" for p in parts if f"energy_{p}" in result.variables]
                if not held:
                    continue
                t = series(result, held[0])[0]
                y = sum(series(result, p)[1] - series(result, p)[1][0] for p in held)
                if k == 0 or largest([y]) > 0.0:
                    lines.append((factor * t, y, stem(result) if several else word, n if several else k))
        per, unit = scale("J/m^2", largest([y for _, y, _, _ in lines]))
        for t, y, word, k in lines:
            colour = style.COLOURS[k % 6] if several or k else "0.15"
            axis.plot(t, per * np.asarray(y), color=colour, label=word)
        axis.set_ylabel(f"energy since start ({unit})" if not several else f"total energy since start ({unit})")
        style.zero_lines(axis)
        axis.margins(y=0.08)


class Powers(Panel):
    """Power supplied by the torques and power dissipated by damping, which are equal in steady motion."""

    name = "powers"
    needs = ("power_spin_torque", "power_damping")
    times = True

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        factor = time_axis(axis, results, "power_damping")
        data = [(_drive(r), series(r, "power_damping")) for r in results]
        everything = np.concatenate([np.concatenate([a[1], -b[1]]) for a, b in data])
        per, unit = scale("W/m^2", float(np.median(np.abs(everything))) or largest([everything]))
        for n, (result, ((t, drive), (t_d, loss))) in enumerate(zip(results, data, strict=True)):
            colours = (style.COLOURS[n % 6],) * 2 if len(results) > 1 else (style.COLOURS[2], style.COLOURS[3])
            words = (stem(result), None) if len(results) > 1 else ("torques (drive)", "damping (loss)")
            axis.plot(factor * t, per * drive, color=colours[0], label=words[0])
            axis.plot(factor * t_d, -per * loss, color=colours[1], label=words[1], ls=style.DASHES[1])
            if len(results) == 1 and "energy_total" in result.variables and not result.setting("drive", "zeeman"):
                _balance(axis, result, t, drive, factor, per)
        if len(results) > 1:
            axis.plot([], [], color="0.3", label="torques (drive)")
            axis.plot([], [], color="0.3", ls=style.DASHES[1], label="damping (loss)")
        axis.margins(y=0.08)
        if everything.min() > 0.0 and everything.max() > 8.0 * everything.min():
            style.plain_log(axis)
        else:
            style.zero_lines(axis)
        axis.set_ylabel(f"power ({unit})")


def _drive(result: Result) -> tuple[RealArray, RealArray]:
    """Times, and the power of all torques in W/m² of the wire's cross-section."""
    t, power = series(result, "power_spin_torque")
    thickness = float(result.attrs.get("magnet_thickness_m", np.nan))
    for name in result.variables:
        if name.startswith("power_spin_orbit_") and len(series(result, name)[0]) == len(t):
            power = power + series(result, name)[1] / thickness
    return t, power


def _balance(axis: Axes, result: Result, t: RealArray, drive: RealArray, factor: float, per: float) -> None:
    """Marks the loss that the drive and the stored energy require, between the times of the file."""
    t_e, energy = series(result, "energy_total")
    if len(t_e) < 2 or not np.array_equal(t, t_e):
        return
    middle = 0.5 * (t[1:] + t[:-1])
    mean = (drive[1:] - drive[:-1]) / np.log(drive[1:] / drive[:-1]) if (drive > 0.0).all() else None
    between = 0.5 * (drive[1:] + drive[:-1]) if mean is None else np.where(np.isfinite(mean), mean, drive[1:])
    loss = between - np.diff(energy) / np.diff(1e-9 * t)
    mark: LineLook = {"ls": "None", "marker": "o", "ms": 3.0, "mfc": "none", "mec": "0.3", "mew": 0.7}
    axis.plot(factor * middle, per * loss, label=r"drive $-\,\mathrm{d}E/\mathrm{d}t$", **mark)
