"""Panels of the wire's own temperature, and of the ledger: where every joule went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.typing import RealArray
from hpcalo.wall.plot.axes import largest, scale, stem, time_axis, written
from hpcalo.wall.plot.data import chosen, frames, series
from hpcalo.wall.plot.panel import Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.typing import ColorType

TIMES = 5
"""Times at which a panel shows the temperature along the wire."""
BROUGHT = {
    "supply": "supply",
    "motive": "motive force",
    "leads": "Peltier, leads",
    "field": "applied fields",
    "left": "left end",
    "right": "right end",
    "substrate": "substrate",
}
STORED = {"bath": "heat of the wire", "magnet": "magnet", "entropy": "magnet, $T s_m$"}
WITHIN = {
    "joule": "Joule",
    "thermoelectric": "Peltier, Thomson",
    "damping": "damping",
    "transfer": "spin torques",
    "caloric": "magnetocaloric",
}
SPREAD = 100.0
"""Ratio of the bars from which their axis is logarithmic."""
NOTHING = 1e-9
"""Part of the largest energy that has no bar."""
SMALL = 1e-3
"""Part of the largest energy below which a term has no line of its own in time."""


class Temperature(Panel):
    """T along the whole wire at several times; of several files at the end of each."""

    name = "temperature"
    needs = ("temperature", "ledger_bath")

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        for n, result in enumerate(results):
            field = frames(result, "temperature")
            if len(results) > 1:
                axis.plot(field.x[-1], field.y[-1], color=style.COLOURS[n % 6], label=stem(result))
                continue
            shown = chosen(len(field.t), TIMES)
            for index, colour in zip(shown, style.sequence(len(shown)), strict=True):
                axis.plot(field.x[index], field.y[index], color=colour, label=written(field.t[index], field.t[-1]))
        axis.set_xlabel("$x$ (nm)")
        axis.set_ylabel("temperature $T$ (K)")
        axis.margins(x=0.0, y=0.08)


class Ledger(Panel):
    """What each term has brought in or taken out since the start, as bars; below them what became heat in the wire.

    Energies may differ by many orders, as those of current and wall do: their axis is then logarithmic.
    """

    name = "ledger"
    needs = ("ledger_residual",)
    times = True

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        bars = _bars(results[0])
        sizes = [size for _, size, _ in bars]
        per, unit = scale("J/m^2", max(sizes, default=0.0))
        for place, (_, size, colour) in enumerate(bars):
            axis.barh(place, per * size, color=colour, height=0.7)
            axis.annotate(
                style.number(per * size), (per * size, place), xytext=(3, 0), textcoords="offset points", va="center",
                fontsize=6.0,
            )  # fmt: skip
        axis.set_yticks(range(len(bars)), [words for words, _, _ in bars])
        axis.invert_yaxis()
        if sizes and max(sizes) > SPREAD * min(sizes):
            axis.set_xscale("log")
            axis.set_xlim(0.3 * per * min(sizes), 30.0 * per * max(sizes))
        else:
            axis.margins(x=0.25)
        axis.set_xlabel(f"energy since start ({unit})")
        if len(results) > 1:
            style.note(axis, stem(results[0]))


def _bars(result: Result) -> list[tuple[str, float, ColorType]]:
    """Words, size (J/m^2) and colour of each bar, from above."""
    ends = {n: float(series(result, f"ledger_{n}")[1][-1]) for n in _held(result, (*BROUGHT, *STORED, *WITHIN))}
    gains = {BROUGHT[n]: ends[n] for n in BROUGHT if n in ends} | {STORED[n]: -ends[n] for n in STORED if n in ends}
    least = NOTHING * max(map(abs, ends.values()))
    return [
        *((f"in: {words}", x, style.COLOURS[0]) for words, x in gains.items() if x > least),
        *((_spent(words), -x, style.COLOURS[1]) for words, x in gains.items() if -x > least),
        *(
            (f"{'within' if ends[n] > 0.0 else 'taken up'}: {WITHIN[n]}", abs(ends[n]), style.COLOURS[2])
            for n in WITHIN
            if abs(ends.get(n, 0.0)) > least
        ),
    ]


def _held(result: Result, names: Iterable[str]) -> list[str]:
    """Those of the ledger's entries that the file holds: earlier versions had fewer."""
    return [name for name in names if f"ledger_{name}" in result.variables]


def _spent(words: str) -> str:
    return f"{'kept' if words in STORED.values() else 'out'}: {words}"


class LedgerInTime(Panel):
    """The terms of the ledger against time; of several files the heat that the bath has gained."""

    name = "ledger_bath"
    needs = ("ledger_bath", "ledger_residual")
    times = True

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        factor = time_axis(axis, results, "ledger_bath")
        lines: list[tuple[RealArray, RealArray, str]] = []
        if len(results) > 1:
            lines = [(*series(r, "ledger_bath"), stem(r)) for r in results]
        else:
            words = BROUGHT | STORED
            held = [(*series(results[0], f"ledger_{n}"), words[n]) for n in _held(results[0], words)]
            top = largest([y for _, y, _ in held])
            lines = [line for line in held if largest([line[1]]) > SMALL * top]
        per, unit = scale("J/m^2", largest([y for _, y, _ in lines]))
        for n, (t, y, word) in enumerate(lines):
            axis.plot(factor * t, per * y, color=style.COLOURS[n % 6], label=word, ls=style.DASHES[n // 6])
        axis.set_ylabel(f"energy since start ({unit})")
        style.zero_lines(axis)
        axis.margins(y=0.08)
