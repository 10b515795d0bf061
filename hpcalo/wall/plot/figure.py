"""Pictures of wall results: which panels a file, or what the user names, is drawn with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib import rc_context

from hpcalo.errors import InputError, nearest
from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.plotting.paper import PaperFigure
from hpcalo.wall.plot import arrows as wall_arrows
from hpcalo.wall.plot import heat as wall_heat
from hpcalo.wall.plot import panels as wall_panels
from hpcalo.wall.plot import scan as wall_scan
from hpcalo.wall.plot.data import is_paper, is_scan, kind, series

Maker = Callable[[Any, Sequence[Result]], None]


@dataclass(frozen=True)
class Panel:
    """A panel: its name for `--quantity`, the variables it needs, who draws it, how it fits a page."""

    name: str
    needs: tuple[str, ...]
    draw: Maker
    times: bool = False
    """Whether it says nothing about a single time."""
    wide: bool = False
    asked: bool = False
    """Drawn only when asked for."""
    sensible: Callable[[Sequence[Result]], bool] = lambda results: True
    """Whether it says something about these results without being asked for."""


def draw(results: Sequence[Result], quantities: Sequence[str] = ()) -> Any:
    """A matplotlib figure of one or more wall results of the same kind: the main story, or what is named.

    A name is one of a panel or of a variable of the file. Raises InputError for other names, for results of different
    kinds, and for files that hold nothing to draw.
    """
    kinds = list(dict.fromkeys(kind(r) for r in results))
    if len(kinds) > 1:
        raise InputError(f"{_paths(results)}: are {' and '.join(kinds)}, and cannot share a picture")
    if is_scan(results[0]) and len({str(r.coordinates[r.variables["error"].dims[0]].unit) for r in results}) > 1:
        raise InputError(f"{_paths(results)}: have different units of the scanned input")
    makers = _asked(results, quantities) if quantities else _story(results)
    titles = {str(r.attrs.get("title", "")) for r in results}
    with rc_context(style.STYLE):
        figure, axes = _page(makers, titles.pop() if len(titles) == 1 else "", results)
        for axis, panel in zip(axes, makers, strict=True):
            panel.draw(axis, results)
        style.finish(figure, axes)
        for axis in axes:
            wall_arrows.scale_arrows(axis)
    return figure


def _page(makers: Sequence[Panel], title: str, results: Sequence[Result]) -> tuple[PaperFigure, list[Any]]:
    """As `style.panels`, with wide first panels above the two columns, and about as long as a page."""
    wide = [wall_arrows.rows_of_arrows(results, p.needs[0]) for p in makers if p.wide]
    if not wide and len(makers) <= 6:
        return style.panels(len(makers), title)
    rest = len(makers) - len(wide)
    rows = -(-rest // 2)
    each = 2.2 if rows < 3 else 1.7 if len(wide) > 1 else 1.85
    first = [0.55 + 0.28 * n for n in wide]
    height = each * rows + sum(first) + 0.2 * bool(title)
    figure = PaperFigure(figsize=(style.WIDTH, height), dpi=style.DPI, layout="constrained")
    grid = figure.add_gridspec(rows + len(wide), 2, height_ratios=[*first, *[each] * rows])
    axes = [figure.add_subplot(grid[n, :]) for n in range(len(wide))]
    for i in range(rest):
        row, column = divmod(i, 2)
        alone = i == rest - 1 and column == 0
        axes.append(figure.add_subplot(grid[row + len(wide), :] if alone else grid[row + len(wide), column]))
    if title:
        figure.suptitle(style.literal(style.fill(title, 95)), fontsize=7.5, color="0.25")
    return figure, axes


def animate(results: Sequence[Result]) -> list[Any]:
    """Pictures (PIL) of the moving wall, one for each time of a run. Raises InputError if nothing moves."""
    from hpcalo.wall.plot.movie import pictures  # noqa: PLC0415

    if len(results) != 1 or is_scan(results[0]) or not _able(MAPS[0], results):
        raise InputError(f"{_paths(results)}: an animation shows the magnetization of one run at several times")
    with rc_context(style.STYLE):
        return pictures(results[0])


def pages(result: Result) -> list[tuple[str, ...]]:
    """What to ask `draw` for, figure by figure, to see all that a file holds: the main story (), then the maps."""
    maps = tuple(dict.fromkeys(p.name for p in panels_of(result) if p.asked and _able(p, [result])))
    return [(), maps] if maps else [()]


def panels_of(result: Result) -> tuple[Panel, ...]:
    """The panels that there are for this kind of result."""
    if is_paper(result):
        return PAPER_SCAN if is_scan(result) else PAPER
    return SCAN if is_scan(result) else RUN


def _story(results: Sequence[Result]) -> list[Panel]:
    shown = [p for p in panels_of(results[0]) if not p.asked and _able(p, results) and p.sensible(results)]
    if not shown:
        held = ", ".join(results[0].variables) or "nothing"
        raise InputError(f"{_paths(results)}: hold{'s' * (len(results) == 1)} nothing that can be drawn ({held})")
    return shown


def _able(panel: Panel, results: Sequence[Result]) -> bool:
    if not all(n in r.variables for r in results for n in panel.needs):
        return False
    return not panel.times or all(len(series(r, panel.needs[0])[0]) > 1 for r in results)


def _asked(results: Sequence[Result], names: Sequence[str]) -> list[Panel]:
    panels = panels_of(results[0])
    held = set.intersection(*(set(r.variables) for r in results))
    generic = wall_scan.generic if is_scan(results[0]) else wall_panels.generic
    chosen: list[Panel] = []
    for name in names:
        able = [p for p in panels if p.name == name and _able(p, results)]
        by_variable = [p for p in panels if not p.asked and p.needs[0] == name and _able(p, results)]
        if able or by_variable:
            chosen += able or by_variable[-1:]
        elif name in held:
            chosen.append(Panel(name, (name,), _drawn_by_itself(generic, name)))
        elif any(p.name == name for p in panels):
            raise InputError(
                f"{_paths(results)}: '{name}' needs more than the file holds (several times, or all monitors)"
            )
        else:
            known = list(dict.fromkeys(p.name for p in panels))
            hint = nearest(name, [*known, *sorted(held)])
            what = f"panels are {', '.join(known)}, and every variable that 'hpcalo info' lists has one"
            raise InputError(f"{_paths(results)}: '{name}' is not a quantity{hint or ';'} {what}")
    return sorted(chosen, key=lambda p: not p.wide) if len(chosen) > 1 else chosen


def _drawn_by_itself(generic: Callable[[Any, Sequence[Result], str], None], name: str) -> Maker:
    return lambda axis, results: generic(axis, results, name)


def _paths(results: Sequence[Result]) -> str:
    return ", ".join(str(r.path) for r in results)


def _map(component: int) -> Maker:
    return lambda axis, results: wall_panels.space_time(axis, results, component)


def _torque(part: str) -> Maker:
    return lambda axis, results: wall_panels.torque(axis, results, part)


def _along(name: str) -> Maker:
    return lambda axis, results: wall_heat.along(axis, results, name)


def _over_time(name: str) -> Maker:
    return lambda axis, results: wall_heat.over_time(axis, results, name)


HEAT, DMI = "heat_current", "dmi_current"
DL, FL = "torque_damping_like", "torque_field_like"
CURRENTS = (
    Panel(HEAT, (HEAT,), _along(HEAT), sensible=wall_heat.flows(HEAT)),
    Panel(DMI, (DMI,), _along(DMI), sensible=wall_heat.flows(DMI)),
    Panel("heat_map", (HEAT, HEAT), _over_time(HEAT), times=True, sensible=wall_heat.flows(HEAT)),
    Panel("dmi_map", (DMI, DMI), _over_time(DMI), times=True, sensible=wall_heat.flows(DMI), asked=True),
    Panel(
        "reciprocity", ("heat_work_even", "heat_work_odd"), wall_heat.reciprocity, times=True,
        sensible=wall_heat.driven_by_heat,
    ),
)  # fmt: skip
MAPS = (
    Panel("map", ("magnetization",), _map(2), times=True, asked=True),
    Panel("map_x", ("magnetization",), _map(0), times=True, asked=True),
    Panel("map_y", ("magnetization",), _map(1), times=True, asked=True),
)
ARROWS = Panel("arrows", ("magnetization", "magnetization"), wall_arrows.arrows, wide=True)

RUN = (
    ARROWS,
    Panel(
        "accumulation_arrows", ("spin_accumulation", "magnetization"), wall_arrows.accumulation, wide=True,
        sensible=wall_heat.flows("spin_accumulation"),
    ),
    Panel("profile", ("magnetization",), wall_panels.profile),
    Panel(
        "accumulation", ("spin_accumulation",), wall_panels.accumulation, sensible=wall_heat.flows("spin_accumulation")
    ),
    Panel("position", ("wall_position",), wall_panels.position, times=True),
    Panel("velocity", ("wall_velocity",), wall_panels.velocity, times=True),
    Panel("torques", (DL,), _torque("damping-like"), sensible=wall_heat.flows(DL)),
    Panel("torques", (FL,), _torque("field-like"), sensible=wall_heat.flows(FL)),
    Panel("energies", ("energy_total",), wall_panels.energies, times=True),
    Panel("powers", ("power_spin_torque", "power_damping"), wall_panels.powers, times=True),
    *CURRENTS,
    *MAPS,
    Panel("mean", ("mean_mx", "mean_my", "mean_mz"), wall_scan.means, times=True, asked=True),
)  # fmt: skip
SCAN = (
    Panel("velocity", ("u", "beta"), wall_scan.speed, sensible=wall_scan.has_speed),
    Panel("u", ("u",), wall_scan.drift),
    Panel("beta", ("beta",), wall_scan.nonadiabaticity),
    Panel("thermal_share", ("u_thermal", "u"), wall_scan.thermal_share, sensible=wall_scan.is_share),
)
PAPER = (
    ARROWS,
    Panel("accumulation_arrows", ("m_initial", "m_final", "magnetization"), wall_arrows.accumulation, wide=True),
    Panel("mean", ("magnetization", "normalization"), wall_scan.means),
    Panel("accumulation", ("m_initial", "m_final"), wall_scan.paper_accumulation),
    Panel("torque", ("torque_initial", "torque_final"), wall_scan.paper_torque),
    Panel("current", ("j_s_initial", "j_s_final"), wall_scan.paper_current),
    *MAPS,
)
PAPER_SCAN = (
    Panel("settling", ("settling_time",), wall_scan.settling),
    Panel("mean", ("magnetization", "normalization"), wall_scan.means),
    Panel("accumulation", ("m_initial", "m_final"), wall_scan.paper_accumulation),
    Panel("torque", ("torque_initial", "torque_final"), wall_scan.paper_torque),
)
