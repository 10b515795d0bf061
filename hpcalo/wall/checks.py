"""Checks of a wall result from its numbers alone: conservation laws, |M| = 1, definitions, balances in time.

The balances are formed here from the stored arrays in SI with constants of scipy; they share no code with the solver.
Of a sweep every point that did not fail is tested, and the worst is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import constants
from scipy.interpolate import CubicSpline

from hpcalo.config.reader import validate
from hpcalo.errors import HpcaloError
from hpcalo.io.checks import Check, Real, below, finite, relative, untested
from hpcalo.io.dataset import Result
from hpcalo.io.scanned import is_uneven, point_of, pop_scan
from hpcalo.wall.config import WallInput
from hpcalo.wall.plot.data import is_paper, is_sweep, swept
from hpcalo.wall.validity import check_settings

UNDEFINED = (
    *("wall_position", "wall_velocity", "wall_width", "wall_angle"),
    *("beta", "beta_Q", "beta_electrical", "polarization", "thermal_polarization", "settling_s", "settling_time"),
)
"""Variables that are NaN where there is no wall, no drive, or no end."""
UNIT = 1e-12  # |M| - 1
EXACT = 1e-8  # identities; the constants used here agree to ten digits
STEADY = 1e-9  # conservation, of a steady state
MOVING = 1e-3  # conservation of spin between the written times
DENSITY = 0.1  # conservation of charge between them: the density changes little, and fastest at the start
BALANCE = 1e-2  # integrals over the written times
RIGID = 0.1  # the same for the wall's position: velocity and position agree for a wall that keeps its shape
UNRESOLVED = 0.2  # such an integral that changes by more with every second time left out tells nothing


def checks(result: Result) -> list[Check]:
    """All checks for which the file holds the variables."""
    if is_sweep(result) and is_uneven(result):
        return [_points(result), *_worst(result)]
    found = [finite(result, UNDEFINED)]
    if is_sweep(result):
        found.append(_points(result))
    if "magnetization" in result.variables:
        length = np.linalg.norm(_good(result, "magnetization"), axis=-1)
        found.append(below("Length of the magnetization", "largest ||M| − 1|", _largest(length - 1.0), UNIT))
    makers: tuple[Callable[[Result], Iterator[Check]], ...] = (_paper,)
    if not is_paper(result):
        makers = (_charge, _spin, _torque, _circuit, _energy_parts, _balances)
    for maker in makers:
        found += maker(result)
    return found


def _worst(result: Result) -> list[Check]:
    """Of points with axes of their own each by itself: of each check that of the point it is worst for."""
    order = ("not tested", "passed", "coarse", "failed")

    def badness(check: Check) -> tuple[int, float]:
        found = check.found if check.found is not None else 0.0
        return order.index(check.status), np.inf if np.isnan(found) else found

    worst: dict[str, Check] = {}
    for index, error in enumerate(result["error"]):
        for check in () if str(error) else checks(point_of(result, index)):
            worst[check.name] = max(worst.get(check.name, check), check, key=badness)
    return list(worst.values())


def hints(result: Result) -> list[tuple[str, str]]:
    """What the file tells about the solver, in words: (what, value)."""
    told = []
    for name in ("steps", "linear_solves", "linear_iterations"):
        if name in result.attrs:
            told.append((name.replace("_", " "), f"{int(result.attrs[name]):,}"))
    solves = int(result.attrs.get("linear_solves", 0))
    if solves and "linear_iterations" in result.attrs:
        told.append(("iterations per solve", f"{int(result.attrs['linear_iterations']) / solves:.1f}"))
    width = _good(result, "wall_width") if "wall_width" in result.variables else np.zeros(0)
    if np.isfinite(width).any() and "x" in result.coordinates:
        spacing = float(result["x"][1] - result["x"][0])
        told.append(("nodes per wall parameter", f"{float(np.nanmin(width)) / spacing:.3g}, at the narrowest wall"))
    return told


def warnings(result: Result) -> list[str]:
    """What the run must have warned of before it started, for a file that does not keep it: the checks of its input,
    made again."""
    base = dict(result.settings)
    scan = pop_scan(base)
    told: list[str] = []
    try:
        told += check_settings(validate(WallInput, base, "input"))
    except HpcaloError as problem:
        told.append(str(problem))
    if scan is not None:
        told = [f"{text} (at the input's own {scan.get('key', '?')})" for text in told]
    return told


def _good(result: Result, name: str) -> Real:
    """The variable; of a sweep without the points that failed."""
    data = np.asarray(result[name], dtype=float)
    return data[np.asarray(result["error"]) == ""] if is_sweep(result) else data


def _largest(values: Any) -> float:
    """NaN if any value is."""
    return float(np.max(np.abs(values), initial=0.0))


def _points(result: Result) -> Check:
    errors = [str(e) for e in result["error"]]
    failed = [f"{v}: {e}" for v, e in zip(result[swept(result)], errors, strict=True) if e]
    must = "points that failed"
    return below(f"All {len(errors)} points of the sweep", must, len(failed), 0, "; ".join(failed))


def _value(result: Result, *keys: str) -> Any:
    """A number of the input; where it is the swept one, an array that goes with the variables' first axis."""
    if is_sweep(result) and swept(result) == "_".join(keys):
        values = np.asarray(result[swept(result)])
        if values.dtype.kind not in "fiu":
            return None
        return values[np.asarray(result["error"]) == ""].astype(float)
    return result.setting(*keys)


def _shaped(value: Any, like: Real) -> Any:
    """The value so that it multiplies an array with the points of a sweep in front."""
    return value.reshape(-1, *[1] * (like.ndim - 1)) if isinstance(value, np.ndarray) else float(value)


def _divergence(result: Result, name: str) -> Real:
    """∂_x of a current on the faces, at the nodes, per metre."""
    axis = -1 if result.variables[name].dims[-1] == "x_face" else -2
    spacing = 1e-9 * float(result["x_face"][1] - result["x_face"][0])
    return np.asarray(np.diff(_good(result, name), axis=axis) / spacing)


def _moving(result: Result) -> bool:
    return result.attrs.get("kind") == "time-dependent"


def _same_times(result: Result, *names: str) -> bool:
    """Whether the variables are there and were written at the same times."""
    held = [result.variables[n].dims for n in names if n in result.variables]
    return len(held) == len(names) and len({d[1 if is_sweep(result) else 0] for d in held}) == 1


def _between(result: Result, name: str, density: Real, rest: Real) -> Real | None:
    """∂_t density + rest by the trapezoid rule between the written times; None for a single time."""
    axis = 1 if is_sweep(result) else 0
    t = 1e-9 * np.asarray(result[result.variables[name].dims[axis]], dtype=float)
    if len(t) < 2:
        return None
    steps = np.diff(t).reshape(-1, *[1] * (density.ndim - axis - 1))
    head = (slice(None),) * axis
    mean = 0.5 * (rest[(*head, slice(1, None))] + rest[(*head, slice(None, -1))])
    return np.asarray(np.diff(density, axis=axis) / steps + mean)


def _charge(result: Result) -> Iterator[Check]:
    if "charge_current" not in result.variables:
        return
    current = _good(result, "charge_current")
    name = "Conservation of charge"
    if not _moving(result):
        must = "variation of j along the wire, relative to j or, if larger, to e j_s"
        spin = _good(result, "spin_current") if "spin_current" in result.variables else np.zeros(1)
        size = max(_largest(current), constants.e * _largest(spin))  # an open circuit carries no charge but rounding
        yield below(name, must, relative(np.ptp(current, axis=-1), size), STEADY)
        return
    must = "∂n/∂t + ∂j/∂x = 0 between the written times: what it leaves open, relative to ∫∂n/∂t dx or 10⁻⁶ j"
    if not _same_times(result, "charge_current", "density_deviation"):
        yield untested(name, must, "current and density were not written at the same times")
        return
    outflow = -_divergence(result, "charge_current") / constants.e
    density = _good(result, "density_deviation")
    rest = _between(result, "charge_current", density, outflow)
    change = _between(result, "charge_current", density, np.zeros_like(density))
    if rest is None or change is None:
        yield untested(name, must, "a single time")
        return
    charge = constants.e * 1e-9 * float(result["x"][1] - result["x"][0])
    size = max(charge * _largest(np.cumsum(change, axis=-1)), 1e-6 * _largest(current))
    yield below(name, must, relative(charge * np.cumsum(rest, axis=-1), size), DENSITY)


def _spin(result: Result) -> Iterator[Check]:
    names = ("spin_current", "spin_accumulation", "magnetization")
    if any(n not in result.variables for n in names):
        return
    name = "Conservation of spin"
    law = "∂j_s/∂x = (J/ħ) M × m − m/τ_sf"
    must = f"∂m/∂t + {law}, between the written times" if _moving(result) else f"{law}, relative to its largest term"
    splitting, flip = _value(result, "electrons", "exchange_splitting"), _value(result, "electrons", "spin_flip_time")
    if splitting is None or flip is None or not _same_times(result, *names):
        yield untested(name, must, "needs J, τ_sf, and M, m, j_s at the same times")
        return
    m = _good(result, "spin_accumulation")
    precession = _shaped(splitting, m) * constants.e / constants.hbar * np.cross(_good(result, "magnetization"), m)
    flow = _divergence(result, "spin_current")
    balance = flow - precession + m / (1e-15 * _shaped(flip, m))
    if _moving(result):
        rest = _between(result, "spin_accumulation", m, balance)
        if rest is None:
            yield untested(name, must, "a single time")
            return
        yield below(name, must, relative(rest, precession), MOVING)
        return
    yield below(name, must, relative(balance, precession), EXACT)


def _torque(result: Result) -> Iterator[Check]:
    parts = ("torque", "torque_electrical", "torque_thermal")
    if all(n in result.variables for n in parts) and result.setting("electronic_structure") is None:
        total, electrical, thermal = (_good(result, n) for n in parts)
        must = "τ = τ_electrical + τ_thermal, relative"
        yield below("Torques add up", must, relative(total - electrical - thermal, total), EXACT)
    names = ("torque", "magnetization", "spin_accumulation")
    if any(n not in result.variables for n in names) or not _same_times(result, *names):
        return
    tau, m = _good(result, "torque"), _good(result, "magnetization")
    yield below("Torque is perpendicular to M", "M·τ relative to τ", relative((tau * m).sum(-1), tau), EXACT)
    values = [
        _value(result, *keys)
        for keys in (("electrons", "g_factor"), ("electrons", "exchange_splitting"),
                     ("magnet", "saturation_magnetization"))
    ]  # fmt: skip
    if None not in [v if not isinstance(v, np.ndarray) else 0 for v in values] and (
        result.setting("magnet", "thermal") is None and result.setting("electronic_structure") is None
    ):
        g, splitting, saturation = (_shaped(v, tau) for v in values)
        magneton = constants.physical_constants["Bohr magneton"][0]
        rate = g * magneton / saturation * splitting * constants.e / constants.hbar
        expected = -rate * np.cross(m, _good(result, "spin_accumulation"))
        must = "τ = −(g µ_B/M_s)(J/ħ) M × m from the accumulation, relative"
        yield below("Torque follows from the accumulation", must, relative(tau - expected, expected), EXACT)


def _circuit(result: Result) -> Iterator[Check]:
    circuit = result.setting("drive", "circuit")
    name, quantity, key = {
        "current": ("Given current flows", "mean_charge_current", "current_density"),
        "field": ("Given field is applied", "electric_field", "electric_field"),
        "open": ("Open circuit carries no current", "mean_charge_current", ""),
    }.get(str(circuit), ("", "", ""))
    if not name or quantity not in result.variables:
        return
    found = _good(result, quantity)
    given = _value(result, "drive", key) if key else 0.0
    if given is None:
        return
    wanted = _shaped(given, found) * np.ones(found.shape)
    # Stepped in time, the current is held as well as the linear solver of the steps solves.
    limit = MOVING if quantity == "mean_charge_current" and _moving(result) else EXACT
    scale = np.abs(wanted)
    if circuit == "open" or not scale.any():  # against what the thermal spin current would carry as charge
        spin = _good(result, "spin_current") if "spin_current" in result.variables else np.ones(1)
        scale = np.array([constants.e * float(np.abs(spin).max(initial=0.0)) or 1.0])
    unit = result.variables[quantity].unit
    must = f"{quantity} − the input's {key or 'zero'}, relative" + ("" if key else f" to the spin current as {unit}")
    yield below(name, must, relative(found - wanted, scale), limit)


def _energy_parts(result: Result) -> Iterator[Check]:
    parts = [n for n in result.variables if n.startswith("energy_") and result.variables[n].unit == "J/m^2"]
    if "energy_total" in parts and len(parts) > 2:
        total = _good(result, "energy_total")
        rest = sum(_good(result, n) for n in parts if n != "energy_total")
        yield below("Energies add up", "total − sum of its parts, relative", relative(total - rest, total), EXACT)


def _balances(result: Result) -> Iterator[Check]:
    """What a rate and its quantity have to do with each other between the first and the last written time."""
    powers = tuple(
        n for n in ("power_spin_torque", "power_damping", "power_field") if n != "power_field" or n in result.variables
    )
    named = ["P_" + n.split("_")[-1] for n in powers]
    given, sizes = " + ".join(named), " + ".join(f"|{n}|" for n in named)
    pairs = [
        ("Energy balance", "energy_total", powers, 1.0, BALANCE, f"E(end) − E(start) = ∫ ({given}) dt, "
         f"relative to ∫ ({sizes}) dt"),
        ("Wall velocity is that of the wall", "wall_position", ("wall_velocity",), 1e9, RIGID,
         "x(end) − x(start) = ∫ v dt, relative to ∫ |v| dt"),
    ]  # fmt: skip
    fields: Any = result.setting("drive", "zeeman") or []
    for name, quantity, rates, factor, limit, must in pairs:
        if quantity not in result.variables or any(r not in result.variables for r in rates):
            continue
        if result.attrs.get("kind") == "steady":
            continue
        moving = any(f.get("frequency") for f in fields if isinstance(f, dict))
        if quantity == "energy_total" and moving and "power_field" not in powers:
            yield untested(name, must, "an alternating field works on the magnet, too")
            continue
        if quantity == "energy_total" and result.setting("electronic_structure") is not None:
            yield untested(name, must, "spin-orbit torques work on the magnet, too")
            continue
        if not _same_times(result, quantity, *rates):
            yield untested(name, must, "not written at the same times")
            continue
        axis = result.variables[quantity].dims[-1]
        times = 1e-9 * np.asarray(result[axis], dtype=float)
        rows = [np.atleast_2d(_good(result, n)) for n in (quantity, *rates)]
        found = [_balance(times, one[0], one[1:], factor) for one in zip(*rows, strict=True)]
        usable = [(gap, doubt) for gap, doubt in found if np.isnan(gap) or doubt <= UNRESOLVED]
        if len(times) < 5 or not usable:
            yield untested(name, must, "the written times are too few to integrate over")
            continue
        gap, doubt = max(usable, key=lambda pair: np.inf if np.isnan(pair[0]) else pair[0] - pair[1])
        remark = f"integral over {len(times)} times, good to about {doubt:.1g}"
        yield below(name, must, gap, max(limit, doubt), remark)


def _balance(times: Real, values: Real, rates: Any, factor: float) -> tuple[float, float]:
    """(deviation, what leaving out every second time changes), both relative to the integral of the rates' sizes."""
    rate = factor * sum(rates)
    gone = factor * sum(np.abs(r) for r in rates)
    if not (np.isfinite(rate).all() and np.isfinite(values).all()):
        return (np.nan, 0.0) if np.isfinite(values).all() else (0.0, np.inf)  # a wall that has left: nothing to test
    if len(times) < 5:
        return 0.0, np.inf
    size = float(np.trapezoid(gone, times))
    if size == 0.0:
        return 0.0, 0.0
    last = (len(times) - 1) // 2 * 2
    whole = float(CubicSpline(times, rate).integrate(times[0], times[-1]))
    even = float(CubicSpline(times, rate).integrate(times[0], times[last]))
    half = float(CubicSpline(times[: last + 1 : 2], rate[: last + 1 : 2]).integrate(times[0], times[last]))
    return abs(float(values[-1] - values[0]) - whole) / size, abs(even - half) / size


def _paper(result: Result) -> Iterator[Check]:
    for when in ("initial", "final"):
        names = (f"torque_{when}", f"torque_divergence_{when}")
        if all(n in result.variables for n in names):
            direct, through = (_good(result, n) for n in names)
            must = "(J/ħ) M × m = its form through the spin current, relative"
            yield below(f"Identity (17), {when} state", must, relative(direct - through, direct), EXACT)
