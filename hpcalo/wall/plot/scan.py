"""Panels of scans of the wall, and of the published model: velocity, u, beta, settling times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hpcalo.errors import InputError
from hpcalo.io.dataset import Result
from hpcalo.io.scanned import OF_POINT
from hpcalo.plotting import style
from hpcalo.wall.plot.data import Real, at_end, last, paper_unit, scanned, series, steady_velocity
from hpcalo.wall.plot.panels import PARTS, XYZ, calm, largest, scale, stem, time_axis, written
from hpcalo.wall.units import HBAR

WORDS = {
    "drive_gradient": r"temperature gradient $\kappa$",
    "drive_temperature": "temperature $T_0$",
    "drive_electric_field": "electric field $E$",
    "drive_current_density": "current density $j$",
    "magnet_damping": r"Gilbert damping $\alpha$",
    "electrons_spin_flip_time": r"spin-flip time $\tau_\mathrm{sf}$",
}
PUBLISHED = {0.5: 0.23, 2.0: 0.15, 6.0: 0.08}
"""Settling times (ns) at gradients (K/nm) as printed: Phys. Rev. B 106, 054432 (2022)."""


def _points(axis: Any, results: Sequence[Result]) -> list[Real]:
    """Labels the scanned axis; the places of each file's points on it."""
    name = scanned(results[0])
    item = results[0].coordinates[name]
    words = WORDS.get(name, style.literal(name.replace("_", " ")))
    if np.asarray(item.data).dtype.kind not in "fiu":
        texts = [str(v) for v in np.asarray(item.data)]
        axis.set_xticks(range(len(texts)), texts)
        axis.set_xlabel(words)
        return [np.arange(len(r[name]), dtype=float) for r in results]
    found = [np.asarray(r[name], dtype=float) for r in results]
    factor, unit = scale(item.unit, largest(found))
    axis.set_xlabel(f"{words} ({unit})" if unit else words)
    return [factor * x for x in found]


def _line(axis: Any, x: Real, y: Real, **form: Any) -> None:
    """A curve through the points in the order of the scanned value, in whatever order the input lists them."""
    order = np.argsort(x, kind="stable")
    axis.plot(x[order], np.asarray(y)[order], **form)


def _frame(axis: Any, results: Sequence[Result]) -> None:
    axis.margins(x=0.05, y=0.1)
    failed = sum(int(np.count_nonzero(np.asarray(r["error"]) != "")) for r in results)
    if failed:
        total = sum(len(r["error"]) for r in results)
        style.note(axis, f"{failed} of {total} points failed", add=True)


def _parts(axis: Any, results: Sequence[Result], names: dict[str, str]) -> None:
    """Total, electrical and thermal values against the scanned input: colours tell them, dashes tell files."""
    places = _points(axis, results)
    for n, (result, x) in enumerate(zip(results, places, strict=True)):
        for suffix, name in names.items():
            if name in result.variables:
                dashes = style.DASHES[n % len(style.DASHES)]
                _line(axis, x, last(result, name), color=PARTS[suffix][0], ls=dashes, marker="o")
    for suffix, name in names.items():
        if any(name in r.variables for r in results):
            axis.plot([], [], color=PARTS[suffix][0], marker="o", label=PARTS[suffix][1])
    if len(results) > 1:
        for n, result in enumerate(results):
            axis.plot([], [], color="0.3", ls=style.DASHES[n % len(style.DASHES)], label=stem(result))


def drift(axis: Any, results: Sequence[Result]) -> None:
    """u and its parts."""
    _parts(axis, results, {"": "u", "_electrical": "u_electrical", "_thermal": "u_thermal"})
    axis.set_ylabel("spin-drift velocity $u$ (m/s)")
    _frame(axis, results)
    _from_zero(axis)


def nonadiabaticity(axis: Any, results: Sequence[Result]) -> None:
    """Beta and its parts, with what a wide wall would have."""
    _parts(axis, results, {"": "beta", "_electrical": "beta_electrical", "_thermal": "beta_Q"})
    j, tau = (results[0].setting("electrons", key) for key in ("exchange_splitting", "spin_flip_time"))
    if j and tau and scanned(results[0]).partition("_")[0] != "electrons":
        wide = HBAR / (float(j) * float(tau))
        axis.axhline(wide, color="0.15", lw=0.7, ls=style.DASHES[3], label=r"wide wall, $\hbar/J\tau_\mathrm{sf}$")
    axis.set_ylabel(r"nonadiabaticity $\beta$")
    _frame(axis, results)
    low, high = axis.get_ylim()
    if low < 0.5 * high:  # else what tells the parts apart would be squeezed into a line
        _from_zero(axis)


def thermal_share(axis: Any, results: Sequence[Result]) -> None:
    """What part of u the gradient makes."""
    for n, (result, x) in enumerate(zip(results, _points(axis, results), strict=True)):
        y = last(result, "u_thermal") / last(result, "u")
        label = stem(result) if len(results) > 1 else None
        _line(axis, x, y, color=style.COLOURS[n % 6] if label else style.COLOURS[1], marker="o", label=label)
    axis.set_ylabel(r"thermal share $u_\mathrm{thermal}/u$")
    _frame(axis, results)
    _from_zero(axis, at_least=1.0)


def is_share(results: Sequence[Result]) -> bool:
    """Whether the gradient's part of u lies between nothing and all of it, wherever there are points."""
    for result in results:
        thermal, total = last(result, "u_thermal"), last(result, "u")
        if np.any(thermal * total < 0.0) or np.any(np.abs(thermal) > np.abs(total)):
            return False
    return True


def has_speed(results: Sequence[Result]) -> bool:
    """Whether all of them hold a velocity, or what it follows from."""
    return all(_moves(result) or steady_velocity(result) is not None for result in results)


def _moves(result: Result) -> bool:
    return "wall_velocity" in result.variables and result.attrs.get("kind") != "steady"


def speed(axis: Any, results: Sequence[Result]) -> None:
    """The velocity that a run ended with, and that of steady motion; of steady states the latter only."""
    both = any(_moves(r) for r in results)
    for n, (result, x) in enumerate(zip(results, _points(axis, results), strict=True)):
        steady = steady_velocity(result)
        named = (f"{stem(result)}: " if both else stem(result)) if len(results) > 1 else ""
        colour = style.COLOURS[n % 6]
        moving = _moves(result)
        if moving:
            _line(axis, x, last(result, "wall_velocity"), color=colour, marker="o", label=f"{named}end of the run")
        if steady is not None:
            y = at_end(result, "beta", steady)
            dashes: dict[str, Any] = {"ls": style.DASHES[1], "lw": 0.9} if moving else {}
            label = rf"{named}$\beta u/\alpha$" if both else named or None
            _line(axis, x, y, color=colour, marker="s" if moving else "o", label=label, **dashes)
        elif not moving:
            raise InputError(f"{result.path}: holds neither a velocity nor what it follows from")
    axis.set_ylabel("wall velocity (m/s)")
    if not both:
        axis.set_ylabel(r"wall velocity $\beta u/\alpha$ (m/s)")
    if all(r.attrs.get("kind") == "steady" for r in results):
        style.note(axis, "steady motion below the breakdown")
    _frame(axis, results)
    _from_zero(axis)


def _from_zero(axis: Any, at_least: float = 0.0) -> None:
    low, high = axis.get_ylim()
    if low >= 0.0 or high <= 0.0:
        axis.set_ylim(min(low, 0.0), max(high, 1.05 * at_least if low >= 0.0 else 0.0))
    else:
        style.zero_lines(axis)


def generic(axis: Any, results: Sequence[Result], name: str) -> None:
    """Any number against the scanned input (of a time series the last one)."""
    variable = results[0].variables[name]
    if np.asarray(variable.data).dtype.kind not in "fiu":
        raise InputError(f"{results[0].path}: '{name}' is text; 'hpcalo info' shows it")
    data = [last(r, name) for r in results]
    per, unit = scale(variable.unit, largest(data))
    for n, (result, x, y) in enumerate(zip(results, _points(axis, results), data, strict=True)):
        label = stem(result) if len(results) > 1 else None
        _line(axis, x, per * y, color=style.COLOURS[n % 6], marker="o", label=label)
    words = variable.long_name if 0 < len(variable.long_name) < 42 else name.replace("_", " ")
    axis.set_ylabel(style.literal(words) + (f" ({unit})" if unit else ""))
    _frame(axis, results)
    calm(axis, [per * y for y in data])


# -- the published model -------------------------------------------------------------------------------------------


def settling(axis: Any, results: Sequence[Result]) -> None:
    """t_s against the scanned input, with the printed values where they are for it."""
    for n, (result, x) in enumerate(zip(results, _points(axis, results), strict=True)):
        label = stem(result) if len(results) > 1 else "printed equations, as solved here"
        _line(axis, x, last(result, "settling_time"), color=style.COLOURS[n % 6], marker="o", label=label)
    axis.set_ylabel("settling time $t_s$ (ns)")
    if scanned(results[0]) == "drive_gradient":
        mark = {"ls": "None", "marker": "D", "ms": 5, "mfc": "white", "mec": "black", "mew": 1.2, "zorder": 5}
        axis.plot(list(PUBLISHED), list(PUBLISHED.values()), label="Wang et al. 2022", **mark)
        style.note(axis, "published values not reproduced")
    _frame(axis, results)
    _from_zero(axis)


def means(axis: Any, results: Sequence[Result]) -> None:
    """The means of M over the wire (the published model: the box) against time; of a scan for each value."""
    result = results[0]
    if "error" not in result.variables:
        factor = time_axis(axis, results, "mean_mx" if "mean_mx" in result.variables else "magnetization")
        for n, one in enumerate(results):
            t, mean = _means(one)
            for c in range(3):
                colour, dashes = style.COLOURS[c], style.DASHES[n % len(style.DASHES)]
                axis.plot(factor * t, mean[:, c], color=colour, ls=dashes)
        for c in range(3):
            axis.plot([], [], color=style.COLOURS[c], label=rf"$\langle M_{XYZ[c]}\rangle$")
        for n, one in enumerate(results if len(results) > 1 else ()):
            axis.plot([], [], color="0.3", ls=style.DASHES[n % len(style.DASHES)], label=stem(one))
        settled = float(result["settling_time"]) if "settling_time" in result.variables else np.nan
        if np.isfinite(settled) and len(results) == 1:
            label = f"$t_s$ = {written(settled, settled)}"
            axis.axvline(factor * settled, color="0.4", lw=0.8, ls=style.DASHES[1], gid=style.GUIDE, label=label)
            kappa = result.setting("drive", "gradient")
            printed = PUBLISHED.get(float(kappa)) if kappa else None
            if printed:
                style.note(axis, f"published $t_s$ = {written(printed, printed)} not reproduced")
    else:
        _scanned_means(axis, result)
        if len(results) > 1:
            style.note(axis, f"only {stem(result)}, the first of its values widest")
    axis.set_ylabel(r"mean magnetization $\langle M_i\rangle$")
    style.zero_lines(axis)
    axis.margins(y=0.08)


def _means(result: Result) -> tuple[Real, Real]:
    """Times in ns, and the three means at each."""
    if "mean_mx" in result.variables:
        return series(result, "mean_mx")[0], np.stack([series(result, f"mean_m{c}")[1] for c in XYZ], axis=1)
    t, m = series(result, "magnetization")
    return t, np.asarray(m.mean(1))


def _scanned_means(axis: Any, result: Result) -> None:
    """All components, dark to light in the order of the scanned value."""
    good = np.nonzero(np.asarray(result["error"]) == "")[0]
    units = [1e3 * paper_unit(result, int(k)) for k in good]
    end = max(units) * float(np.asarray(result["s"])[-1])
    for c in range(3):
        for n, k in enumerate(good):
            mean = np.nanmean(result["magnetization"][k, ..., c], axis=1)
            width = 3.2 * (1.0 - n / len(good)) + 0.6
            colour = _shade(style.COLOURS[c], n, len(good))
            axis.plot(units[n] * np.asarray(result["s"]), mean, color=colour, lw=width)
        axis.plot([], [], color=style.COLOURS[c], label=rf"$\langle M_{XYZ[c]}\rangle$")
    axis.set_xlabel("time $t$ (ps)")
    axis.set_xlim(0.0, end)
    style.note(axis, f"all {len(good)} values of the scan, the first widest")


def _shade(colour: str, n: int, count: int) -> Any:
    from matplotlib.colors import to_rgb  # noqa: PLC0415

    light = 0.65 * (1.0 - n / max(count - 1, 1))
    return tuple((1.0 - light) * v + light for v in to_rgb(colour))


def _paper_profile(axis: Any, results: Sequence[Result], name: str, words: str) -> None:
    """A vector of the first state (solid) and the last one (dotted); of a scan for its largest value."""
    result = results[0]
    head = result.variables[f"{name}_initial"]
    place = -1 if "error" in result.variables else None
    arrays = [np.asarray(result[f"{name}_{when}"], dtype=float) for when in ("initial", "final")]
    if place is not None:
        place = int(np.nonzero(np.asarray(result["error"]) == "")[0][-1])
        arrays = [a[place] for a in arrays]
        value, unit = result[scanned(result)][place], result.coordinates[scanned(result)].unit
        symbol_of_key = WORDS.get(scanned(result), "").rpartition(" ")[2]
        text = f"{value:g} {unit}" if isinstance(value, float | np.floating) else str(value)
        style.note(axis, f"{symbol_of_key} = {text}" if symbol_of_key.startswith("$") else style.literal(text))
    if len(results) > 1:
        style.note(axis, f"only {stem(result)}", add=True)
    factor, unit = scale(head.unit, largest(arrays))
    own = place is not None and "x" + OF_POINT in result.coordinates
    x = np.asarray(result["x" + OF_POINT][place] if own else result["x"], dtype=float)
    symbol = words[words.index("$") :]
    for c in range(3):
        axis.plot(x, factor * arrays[0][:, c], color=style.COLOURS[c], label=symbol.format(XYZ[c]))
        axis.plot(x, factor * arrays[1][:, c], color=style.COLOURS[c], ls=style.DASHES[3], lw=1.0)
    axis.plot([], [], color="0.3", label="start")
    axis.plot([], [], color="0.3", ls=style.DASHES[3], lw=1.0, label="end")
    axis.set_xlabel("$x$ (nm)")
    axis.set_xlim(x[0], np.nanmax(x))
    axis.set_ylabel(f"{words.format('i')} ({unit})")
    style.zero_lines(axis)
    axis.margins(y=0.1)


def paper_accumulation(axis: Any, results: Sequence[Result]) -> None:
    """m at the start and the end."""
    _paper_profile(axis, results, "m", "accumulation $m_{}$")


def paper_current(axis: Any, results: Sequence[Result]) -> None:
    """j_s at the start and the end."""
    _paper_profile(axis, results, "j_s", "spin current $j_{{s,{}}}$")


def paper_torque(axis: Any, results: Sequence[Result]) -> None:
    """The first torque, directly and through the divergence of the spin current."""
    _paper_profile(axis, results, "torque", "torque $T_{}$")
    result = results[0]
    name = "torque_divergence_initial"
    if name not in result.variables or "error" in result.variables:
        return
    factor, _ = scale(result.variables[name].unit, largest([result["torque_initial"], result["torque_final"]]))
    x, y = np.asarray(result["x"], dtype=float), np.asarray(result[name], dtype=float)
    mark: dict[str, Any] = {"ls": "None", "marker": "o", "ms": 3.2, "mfc": "none", "mew": 0.7}
    for c in range(3):
        axis.plot(x[::6], factor * y[::6, c], color=style.COLOURS[c], **mark)
    axis.plot([], [], color="0.3", label="from $j_s$, Eqs. (16), (17)", **mark)
