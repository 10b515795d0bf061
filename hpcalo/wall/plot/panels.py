"""Panels of a run or a steady state: curves along the wire, the wall's motion, torques, energies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hpcalo.errors import InputError
from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.wall.plot.data import (
    PLACES,
    Frames,
    around_wall,
    crossing,
    frames,
    series,
    steady_velocity,
    window,
)

PARTS = {
    "": ("0.15", "total"),
    "_electrical": (style.COLOURS[0], "electrical"),
    "_thermal": (style.COLOURS[1], "thermal"),
}
UNITS = {
    "1/s": r"$\mathrm{s}^{-1}$",
    "1/m^3": r"$\mathrm{m}^{-3}$",
    "1/(m^2 s)": r"$\mathrm{m}^{-2}\,\mathrm{s}^{-1}$",
    "1/nm^3": r"$\mathrm{nm}^{-3}$",
    "1/(nm^2 fs)": r"$\mathrm{nm}^{-2}\,\mathrm{fs}^{-1}$",
    "1/(nm^3 fs)": r"$\mathrm{nm}^{-3}\,\mathrm{fs}^{-1}$",
    "A/m^2": "A/m²",
    "J/m^2": "J/m²",
    "W/m^2": "W/m²",
    "eV fs/nm": "eV fs/nm",
    "degree": "°",
}
PREFIXED = ("J/m^2", "W/m^2", "V/m")
XYZ = "xyz"


def scale(unit: str, size: float) -> tuple[float, str]:
    """Factor and written unit for numbers of this size, given in the file's `unit`."""
    if not unit:
        return 1.0, ""
    return (style.prefixed if unit in PREFIXED else style.short)(UNITS.get(unit, unit), size)


def largest(arrays: Sequence[Any]) -> float:
    """The largest finite absolute value."""
    return max((float(np.nanmax(np.abs(a), initial=0.0)) for a in arrays), default=0.0)


def stem(result: Result) -> str:
    """How a file is called in a legend."""
    return style.literal(result.path.stem)


def written(t: float, longest: float) -> str:
    """A time in ns as text, in the unit that suits the longest one."""
    factor, unit = clock(longest)
    return f"{factor * t:.3g} {unit}"


def clock(longest: float) -> tuple[float, str]:
    """Factor from ns and unit of a time axis that ends there."""
    factor, unit = style.prefixed("s", 1e-9 * longest)
    return 1e-9 * factor, unit


def time_axis(axis: Any, results: Sequence[Result], name: str) -> float:
    """Labels the time axis; returns its factor from ns."""
    end = max(float(series(r, name)[0].max()) for r in results)
    factor, unit = clock(end) if end > 0.0 else (1.0, "ns")
    axis.set_xlabel(f"time $t$ ({unit})")
    axis.set_xlim(0.0, (end or 1.0) * factor)
    return factor


# -- along the wire ------------------------------------------------------------------------------------------------


def profile(axis: Any, results: Sequence[Result]) -> None:
    """M at the start and at the end; of several files M_z at the end."""
    _along(axis, results, "magnetization", "magnetization $M_{}$", component=2)
    axis.set_ylim(-1.12, 1.12)


def accumulation(axis: Any, results: Sequence[Result]) -> None:
    """m at the end, and at the start where it differs."""
    _along(axis, results, "spin_accumulation", "accumulation $m_{}$", component=None)


def _along(axis: Any, results: Sequence[Result], name: str, words: str, component: int | None) -> None:
    """Components along the wire around the wall; of several files one component, the largest if none is named."""
    held = [frames(r, name) for r in results]
    low, high = window(results)
    unit = results[0].variables[name].unit
    factor, label = scale(unit, largest([f.y[-1] for f in held]))
    vector = held[0].y.ndim == 3
    if len(results) > 1 and vector and component is None:
        component = int(np.abs(held[0].y[-1]).max(0).argmax())
    for n, (result, field) in enumerate(zip(results, held, strict=True)):
        dashed = False
        several = len(results) > 1
        for c in ([component] if several else range(3)) if vector else [None]:
            y = factor * (field.y[..., c] if vector else field.y)
            colour = style.COLOURS[n if several else (c or 0)]
            text = stem(result) if several else f"${words.split('$')[1].format(XYZ[c])}$" if c is not None else ""
            axis.plot(field.x[-1], y[-1], color=colour, ls=_dashes(n), label=text or None)
            if len(field.t) > 1 and not several and np.abs(y[0] - y[-1]).max() > 3e-3 * largest([factor * field.y]):
                axis.plot(field.x[0], y[0], color=colour, ls=style.DASHES[3], lw=1.0)
                dashed = True
        if dashed:
            axis.plot([], [], color="0.3", ls=style.DASHES[3], lw=1.0, label="start")
    shown = words.format((XYZ[component or 0] if len(results) > 1 else "i") if vector else "")
    axis.set_ylabel(" ".join(part for part in (shown, f"({label})" if label else "") if part))
    _wire_axis(axis, low, high)
    _when(axis, held)


def _dashes(n: int) -> Any:
    """Of the n-th file: where files agree, the ones below are seen between the dashes."""
    return style.DASHES[n % len(style.DASHES)]


def _wire_axis(axis: Any, low: float, high: float) -> None:
    axis.set_xlabel("$x$ (nm)")
    if np.isfinite(low):
        axis.set_xlim(low, high)
    style.zero_lines(axis)


def _when(axis: Any, held: Sequence[Frames]) -> None:
    ends = {float(f.t[-1]) for f in held}
    if len(ends) == 1 and (t := ends.pop()) > 0.0:
        style.note(axis, f"at {written(t, t)}")
    elif max(f.t[-1] for f in held) > 0.0:
        style.note(axis, "at the end of each run")


def torque(axis: Any, results: Sequence[Result], part: str) -> None:
    """The damping-like or field-like torque along the wire, split into electrical and thermal."""
    name = part.replace("-", "_")
    low, high = window(results)
    held = [frames(r, f"torque_{name}") for r in results]
    factor, unit = scale("1/s", largest([f.y[-1] for f in held]))
    for n, (result, field) in enumerate(zip(results, held, strict=True)):
        if len(results) > 1:
            look: dict[str, Any] = {"color": style.COLOURS[n % 6], "ls": _dashes(n)}
            axis.plot(field.x[-1], factor * field.y[-1], label=stem(result), **look)
            continue
        for suffix, (colour, word) in PARTS.items():
            if f"torque{suffix}_{name}" not in result.variables:
                continue
            one = frames(result, f"torque{suffix}_{name}")
            dashes = "-" if suffix else style.DASHES[1]
            axis.plot(one.x[-1], factor * one.y[-1], color=colour, ls=dashes, label=word, zorder=2 + (not suffix))
    axis.set_ylabel(f"{part} torque ({unit})")
    _wire_axis(axis, low, high)
    _when(axis, held)


# -- against time --------------------------------------------------------------------------------------------------


def _mark(t: Any) -> str:
    return "o" if len(t) <= 30 else ""


def position(axis: Any, results: Sequence[Result]) -> None:
    """How far the wall has moved."""
    factor = time_axis(axis, results, "wall_position")
    data = [series(r, "wall_position") for r in results]
    per_nm, unit = style.prefixed("m", 1e-9 * largest([y - y[0] for _, y in data]))
    for n, (result, (t, y)) in enumerate(zip(results, data, strict=True)):
        label = stem(result) if len(results) > 1 else None
        axis.plot(factor * t, 1e-9 * per_nm * (y - y[0]), color=style.COLOURS[n % 6], marker=_mark(t), label=label)
    axis.set_ylabel(f"wall displacement ({unit})")
    starts = {round(float(y[0]), 3) for _, y in data}
    if len(starts) == 1:
        style.note(axis, f"from $x$ = {style.number(starts.pop(), 4)} nm")
    style.zero_lines(axis)
    axis.margins(y=0.08)


def velocity(axis: Any, results: Sequence[Result]) -> None:
    """The wall's velocity and what steady motion would have."""
    factor = time_axis(axis, results, "wall_velocity")
    values = []
    for n, result in enumerate(results):
        t, v = series(result, "wall_velocity")
        colour = style.COLOURS[n % 6]
        label = stem(result) if len(results) > 1 else "wall"
        axis.plot(factor * t, v, color=colour, marker=_mark(t), label=label)
        values.append(v)
        steady = steady_velocity(result)
        if steady is not None:
            t_u, _ = series(result, "u")
            line = {"color": colour if len(results) > 1 else "0.15", "ls": style.DASHES[1], "lw": 0.9}
            axis.plot(factor * t_u, steady, **line)
            values.append(steady)
    if any(steady_velocity(r) is not None for r in results):
        look = {"color": "0.3" if len(results) > 1 else "0.15", "ls": style.DASHES[1], "lw": 0.9}
        axis.plot([], [], label=r"steady motion, $\beta u/\alpha$", **look)
    everything = np.concatenate(values)
    everything = everything[np.isfinite(everything)]
    axis.margins(y=0.08)
    if everything.size and everything.min() > 0.0 and everything.max() > 8.0 * everything.min():
        style.plain_log(axis)
    else:
        style.zero_lines(axis)
    axis.set_ylabel("wall velocity (m/s)")


def energies(axis: Any, results: Sequence[Result]) -> None:
    """Energies relative to their start; exchange and easy axis, which trade what the width does, are one line."""
    factor = time_axis(axis, results, "energy_total")
    several = len(results) > 1
    names = (("total", ("total",)),) if several else ENERGIES
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


ENERGIES = (
    ("total", ("total",)),
    ("exchange + easy axis", ("exchange", "uniaxial")),
    ("hard axis", ("hard_axis",)),
    ("stray field", ("demagnetization",)),
    ("DMI", ("dmi",)),
    ("Zeeman", ("zeeman",)),
)


def _drive(result: Result) -> tuple[Any, Any]:
    """Times and the power that all torques give, W/m² of the wire's cross-section."""
    t, power = series(result, "power_spin_torque")
    thickness = float(result.attrs.get("magnet_thickness_m", np.nan))
    for name in result.variables:
        if name.startswith("power_spin_orbit_") and len(series(result, name)[0]) == len(t):
            power = power + series(result, name)[1] / thickness
    return t, power


def powers(axis: Any, results: Sequence[Result]) -> None:
    """What the spin torque gives and what damping takes: equal where the motion is steady."""
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


def _balance(axis: Any, result: Result, t: Any, drive: Any, factor: float, per: float) -> None:
    """The loss that follows from the drive and the stored energy, between the times of the file."""
    t_e, energy = series(result, "energy_total")
    if len(t_e) < 2 or not np.array_equal(t, t_e):
        return
    middle = 0.5 * (t[1:] + t[:-1])
    mean = (drive[1:] - drive[:-1]) / np.log(drive[1:] / drive[:-1]) if (drive > 0.0).all() else None
    between = 0.5 * (drive[1:] + drive[:-1]) if mean is None else np.where(np.isfinite(mean), mean, drive[1:])
    loss = between - np.diff(energy) / np.diff(1e-9 * t)
    mark: dict[str, Any] = {"ls": "None", "marker": "o", "ms": 3.0, "mfc": "none", "mec": "0.3", "mew": 0.7}
    axis.plot(factor * middle, per * loss, label=r"drive $-\,\mathrm{d}E/\mathrm{d}t$", **mark)


def space_time(axis: Any, results: Sequence[Result], component: int = 2) -> None:
    """A component of M against place and time as a map; of the first of several files."""
    m = frames(results[0], "magnetization")
    if len(m.t) < 2:
        raise InputError(f"{results[0].path}: holds only one time; a map needs more")
    factor, unit = clock(float(m.t[-1]))
    low, high = around_wall(m)
    y = m.y[..., component]
    size = 1.0 if component == 2 else largest([y]) or 1.0
    per, power = style.powered("", size) if size < 0.05 else (1.0, "")
    y, size = per * y, per * size
    shown = axis.pcolormesh(
        m.x, np.broadcast_to(factor * m.t[:, None], m.x.shape), y,
        cmap="RdBu_r", vmin=-size, vmax=size, shading="gouraud", rasterized=True,
    )  # fmt: skip
    if component == 2:
        crossings = [crossing(x, v) for x, v in zip(m.x, m.y, strict=True)]
        if all(c is not None for c in crossings):
            axis.plot(crossings, factor * m.t, color="0.1", lw=1.0, label="$M_z = 0$")
    axis.set_xlim(low, high)
    axis.set_ylim(0.0, factor * float(m.t[-1]))
    axis.set_xlabel("$x$ (nm)")
    axis.set_ylabel(f"time $t$ ({unit})")
    bar = axis.figure.colorbar(shown, ax=axis, fraction=0.06, pad=0.02)
    bar.set_label(f"$M_{XYZ[component]}$" + (f" ({power.strip()})" if power else ""))
    bar.outline.set_linewidth(0.5)
    bar.ax.tick_params(direction="in", length=2)
    if len(results) > 1:
        style.note(axis, stem(results[0]))


# -- any variable --------------------------------------------------------------------------------------------------


def generic(axis: Any, results: Sequence[Result], name: str) -> None:
    """Any variable of runs: along the wire at start and end, or against time."""
    variable = results[0].variables[name]
    words = variable.long_name if 0 < len(variable.long_name) < 42 else name.replace("_", " ")
    words = style.literal(words)
    dims = [d for d in variable.dims if d != "component"]
    if not dims or variable.data.dtype.kind not in "fiu":
        what = f"is a single number ({float(variable.data):.6g})" if not dims else "is text"
        raise InputError(f"{results[0].path}: '{name}' {what}; 'hpcalo info' shows it")
    if any(d in PLACES for d in dims):
        vector = "component" in variable.dims
        shown = f"{name.replace('_', ' ')} ${{}}$" if vector else words.replace("{", "{{").replace("}", "}}")
        _along(axis, results, name, shown, component=None)
        axis.margins(y=0.08)
        return
    factor = time_axis(axis, results, name)
    data = [series(r, name) for r in results]
    per, unit = scale(variable.unit, largest([y for _, y in data]))
    for n, (result, (t, y)) in enumerate(zip(results, data, strict=True)):
        label = stem(result) if len(results) > 1 else None
        axis.plot(factor * t, per * y, color=style.COLOURS[n % 6], marker=_mark(t), label=label)
    axis.set_ylabel(f"{words} ({unit})" if unit else words)
    calm(axis, [per * y for _, y in data])


def calm(axis: Any, data: Sequence[Any]) -> None:
    """What does not change should look so, not like a trend of its last digits."""
    values = np.concatenate([np.ravel(y) for y in data])
    values = values[np.isfinite(values)]
    axis.margins(y=0.1)
    if values.size and np.ptp(values) < 0.02 * np.abs(values).max():
        axis.set_ylim(*sorted((0.0, 1.3 * float(values[np.argmax(np.abs(values))]))))
    elif values.size and values.min() < 0.0 < values.max():
        style.zero_lines(axis)
