"""Panels of scans of the wall: u, beta, velocity against the scanned input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import InputError
from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.wall.plot.axes import (
    PARTS,
    stem,
)
from hpcalo.wall.plot.data import (
    at_end,
    last,
    scanned,
    steady_velocity,
)
from hpcalo.wall.plot.panel import Panel
from hpcalo.wall.plot.scan_axes import frame, from_zero, line, scan_positions
from hpcalo.wall.units import HBAR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpcalo.plotting.line import LineLook


def _parts(axis: Axes, results: Sequence[Result], names: dict[str, str]) -> None:
    """Total, electrical and thermal values against the scanned input: a colour each; dashes distinguish files."""
    positions = scan_positions(axis, results)
    for n, (result, x) in enumerate(zip(results, positions, strict=True)):
        for suffix, name in names.items():
            if name in result.variables:
                dashes = style.DASHES[n % len(style.DASHES)]
                line(axis, x, last(result, name), color=PARTS[suffix][0], ls=dashes, marker="o")
    for suffix, name in names.items():
        if any(name in r.variables for r in results):
            axis.plot([], [], color=PARTS[suffix][0], marker="o", label=PARTS[suffix][1])
    if len(results) > 1:
        for n, result in enumerate(results):
            axis.plot([], [], color="0.3", ls=style.DASHES[n % len(style.DASHES)], label=stem(result))


class SpinDrift(Panel):
    """u and its parts."""

    name = "u"
    needs = ("u",)

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        _parts(axis, results, {"": "u", "_electrical": "u_electrical", "_thermal": "u_thermal"})
        axis.set_ylabel("spin-drift velocity $u$ (m/s)")
        frame(axis, results)
        from_zero(axis)


class Nonadiabaticity(Panel):
    """Beta and its parts, and the value of a wide wall."""

    name = "beta"
    needs = ("beta",)

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        _parts(axis, results, {"": "beta", "_electrical": "beta_electrical", "_thermal": "beta_Q"})
        j, tau = (results[0].setting("electrons", key) for key in ("exchange_splitting", "spin_flip_time"))
        if j and tau and scanned(results[0]).partition("_")[0] != "electrons":
            wide = HBAR / (float(j) * float(tau))
            axis.axhline(wide, color="0.15", lw=0.7, ls=style.DASHES[3], label=r"wide wall, $\hbar/J\tau_\mathrm{sf}$")
        axis.set_ylabel(r"nonadiabaticity $\beta$")
        frame(axis, results)
        low, high = axis.get_ylim()
        if low < 0.5 * high:  # else what tells the parts apart would be squeezed into a line
            from_zero(axis)


class ThermalShare(Panel):
    """The share of u that the gradient contributes."""

    name = "thermal_share"
    needs = ("u_thermal", "u")

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        for n, (result, x) in enumerate(zip(results, scan_positions(axis, results), strict=True)):
            y = last(result, "u_thermal") / last(result, "u")
            label = stem(result) if len(results) > 1 else None
            line(axis, x, y, color=style.COLOURS[n % 6] if label else style.COLOURS[1], marker="o", label=label)
        axis.set_ylabel(r"thermal share $u_\mathrm{thermal}/u$")
        frame(axis, results)
        from_zero(axis, at_least=1.0)

    def sensible(self, results: Sequence[Result]) -> bool:
        """Whether the gradient's part of u lies between nothing and all of it at every point."""
        for result in results:
            thermal, total = last(result, "u_thermal"), last(result, "u")
            if np.any(thermal * total < 0.0) or np.any(np.abs(thermal) > np.abs(total)):
                return False
        return True


class ScannedVelocity(Panel):
    """The velocity at the end of each run and the velocity of steady motion; for steady states only the latter."""

    name = "velocity"
    needs = ("u", "beta")

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        both = any(_moves(r) for r in results)
        for n, (result, x) in enumerate(zip(results, scan_positions(axis, results), strict=True)):
            steady = steady_velocity(result)
            named = (f"{stem(result)}: " if both else stem(result)) if len(results) > 1 else ""
            colour = style.COLOURS[n % 6]
            moving = _moves(result)
            if moving:
                line(axis, x, last(result, "wall_velocity"), color=colour, marker="o", label=f"{named}end of the run")
            if steady is not None:
                y = at_end(result, "beta", steady)
                look: LineLook = {"color": colour, "marker": "s" if moving else "o"}
                if moving:
                    look |= {"ls": style.DASHES[1], "lw": 0.9}
                label = rf"{named}$\beta u/\alpha$" if both else named or None
                line(axis, x, y, label=label, **look)
            elif not moving:
                raise InputError(f"{result.path}: holds neither a velocity nor what it follows from")
        axis.set_ylabel("wall velocity (m/s)")
        if not both:
            axis.set_ylabel(r"wall velocity $\beta u/\alpha$ (m/s)")
        if all(r.attrs.get("kind") == "steady" for r in results):
            style.note(axis, "steady motion below the breakdown")
        frame(axis, results)
        from_zero(axis)

    def sensible(self, results: Sequence[Result]) -> bool:
        """Whether each result holds a velocity or the quantities that it follows from."""
        return all(_moves(result) or steady_velocity(result) is not None for result in results)


def _moves(result: Result) -> bool:
    return "wall_velocity" in result.variables and result.attrs.get("kind") != "steady"
