"""Pictures of Kubo results: which panels a file, or what the user names, is drawn with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from matplotlib import rc_context

from hpcalo.errors import InputError, nearest
from hpcalo.io.dataset import Result
from hpcalo.kubo.config import Quantity
from hpcalo.kubo.plot import heat as kubo_heat
from hpcalo.kubo.plot import onsager as kubo_onsager
from hpcalo.kubo.plot.data import Curve, floor_of, is_nine_layer_film, largest_in, name_of, thermal_axis
from hpcalo.kubo.plot.panels import Shown, draw_curves, generic, looks, overlay, trimmed, with_gamma
from hpcalo.plotting import style

MOST = 6
"""Panels of a figure that the user did not ask for in detail."""
PUBLISHED = {"beta_even": ("yx", 5.24e-35), "beta_odd": ("xx", -3.21e-36)}
"""J m/K at 300 K: J. Phys.: Condens. Matter 28, 316001 (2016), section 5."""
PUBLISHED_GAMMA = 0.025  # eV
A0 = r"$e\,a_0$"
MICRO_A0 = (r"micro_eV_a0_per_K_in_J_m_per_K", r"µeV $a_0$/K")


@dataclass(frozen=True)
class Panel:
    """A panel: the input's quantity it belongs to, the variables it needs, and who draws it (axes, results)."""

    quantity: str
    needs: tuple[str, ...]
    draw: Callable[[Any, Sequence[Result]], None]


def draw(results: Sequence[Result], quantities: Sequence[str] = ()) -> Any:
    """A matplotlib figure of one or more Kubo results: the main story, or the named quantities in full.

    A name is one of the input's `kubo.quantities` or of a variable of the file. Raises InputError for a name that is
    neither, and for files that hold nothing to draw.
    """
    makers = _asked(results, quantities) if quantities else _story(results)
    titles = {str(r.attrs.get("title", "")) for r in results}
    with rc_context(style.STYLE):
        figure, axes = style.panels(len(makers), titles.pop() if len(titles) == 1 else "")
        for axis, maker in zip(axes, makers, strict=True):
            maker(axis, results)
        style.finish(figure, axes)
    return figure


def pages(result: Result) -> list[tuple[str, ...]]:
    """What to ask `draw` for, figure by figure, to see all that a file holds: the main story (), then the quantities
    with a panel that is not in it, at most `MOST` panels a figure.
    """
    told = {p.needs for p in _chosen([result])}
    able = [p for p in (*PANELS, *DETAILS) if set(p.needs) <= set(result.variables)]
    rest = [p for p in able if largest_in([result], p.needs[0]) > floor_of(result, p.needs[0]) and p.needs not in told]
    found: list[tuple[str, ...]] = [()]
    room = 0
    for name in dict.fromkeys(p.quantity for p in rest):
        size = sum(p.quantity == name for p in able)
        if size > room:
            found.append(())
            room = MOST
        found[-1] = (*found[-1], name)
        room -= size
    return found


def _chosen(results: Sequence[Result]) -> list[Panel]:
    """The panels that all files can fill, the first `MOST` in the order of PANELS; what vanishes only if all do."""
    able = [p for p in PANELS if all(n in r.variables for r in results for n in p.needs)]
    able = [p for p in able if largest_in(results, p.needs[0]) > floor_of(results[0], p.needs[0])] or able
    return [p for p in able if p.quantity != "density_of_states"][:MOST] or able


def _story(results: Sequence[Result]) -> list[Callable[[Any, Sequence[Result]], None]]:
    shown = _chosen(results)
    if not shown:
        held = ", ".join(results[0].variables) or "nothing"
        raise InputError(
            f"{_paths(results)}: hold{'s' * (len(results) == 1)} nothing of the Kubo half to draw ({held})"
        )
    return [p.draw for p in shown]


def _asked(results: Sequence[Result], names: Sequence[str]) -> list[Callable[[Any, Sequence[Result]], None]]:
    makers: list[Callable[[Any, Sequence[Result]], None]] = []
    for name in names:
        held = set.intersection(*(set(r.variables) for r in results))
        panels = [p for p in (*PANELS, *DETAILS) if p.quantity == name]
        able = [p for p in panels if set(p.needs) <= held]
        if able:
            makers += [p.draw for p in able]
        elif name in held:
            one = [p for p in PANELS if p.needs[0] == name]
            makers.append(one[0].draw if one else _drawn_by_itself(results, name))
        else:
            present = [q for q in get_args(Quantity) if any(p.quantity == q and set(p.needs) <= held for p in PANELS)]
            hint = "" if panels else nearest(name, [*present, *sorted(held)])
            what = f"has no '{name}'" if panels else f"'{name}' is not a quantity"
            raise InputError(
                f"{_paths(results)}: {what}{hint}; it holds: {', '.join(present) or ', '.join(sorted(held))}"
            )
    return makers


def _drawn_by_itself(results: Sequence[Result], name: str) -> Callable[[Any, Sequence[Result]], None]:
    dims = results[0].variables[name].dims
    if not {"energy", "temperature", "mu"} & set(dims):
        raise InputError(f"{_paths(results)}: '{name}' depends on no energy and no temperature; 'hpcalo info' shows it")
    return lambda axis, given: generic(axis, given, name)


def _paths(results: Sequence[Result]) -> str:
    return ", ".join(str(r.path) for r in results)


def _torkance(axis: Any, results: Sequence[Result], part: str) -> None:
    shown = Shown(f"{part} torkance", r"$t_{{{}}}$", A0, style.short)
    found, factor = draw_curves(axis, results, f"torkance_{part}", "energy", shown, dos=True)
    if part == "even" and found and len(results) == 1:
        options: dict[str, Any] = {"lw": 0.7, "label": "intrinsic, Γ → 0", "symbol": shown.symbol}
        overlay(axis, results, "torkance_intrinsic", found, "energy", factor, **options)
        trimmed(axis)


def _thermal(axis: Any, results: Sequence[Result], part: str) -> None:
    along = thermal_axis(results[0])
    shown = Shown(rf"{part} thermal torkance", r"$\beta_{{{}}}$", "J m/K", style.powered, second=MICRO_A0)
    found, factor = draw_curves(axis, results, f"beta_{part}", along, shown)
    if not found:
        return
    if part == "even" and len(results) == 1:
        options: dict[str, Any] = {"lw": 0.7, "label": "intrinsic, Γ → 0", "symbol": shown.symbol}
        overlay(axis, results, "beta_intrinsic", found, along, factor, **options)
    if along == "temperature":
        _mark_published(axis, results, part, factor, found)
    limits = axis.get_ylim()
    if len(results) == 1 and along == "temperature":
        low: dict[str, Any] = {"ls": (0, (3, 2)), "lw": 0.8, "per_level": True, "label": "low-temperature form"}
        low["symbol"] = shown.symbol
        overlay(axis, results, f"beta_{part}_sommerfeld", found, along, factor, **low)
    axis.set_ylim(*limits)


def _mark_published(axis: Any, results: Sequence[Result], part: str, factor: float, found: Sequence[Curve]) -> None:
    """The printed values, if the files are about that film with n̂ = ẑ and show that element."""
    element, value = PUBLISHED[f"beta_{part}"]
    same = [c for c in found if c.tags["element"] == element and abs(c.tags["gamma"] - PUBLISHED_GAMMA) < 1e-3]
    upright = all(np.allclose(np.asarray(r["n_vector"])[0], (0.0, 0.0, 1.0)) for r in results)
    if not same or not upright or not all(map(is_nine_layer_film, results)):
        return
    colour = looks(found)[found.index(same[0])].colour if len(results) == 1 else "black"
    mark = {"ls": "None", "marker": "D", "ms": 5, "mfc": "white", "mec": colour, "mew": 1.2, "zorder": 5}
    axis.plot([300.0], [factor * value], label="Freimuth et al. 2016", **mark)


def _inverse(axis: Any, results: Sequence[Result], part: str) -> None:
    along = thermal_axis(results[0])
    shown = Shown(f"{part} inverse thermal torque", r"$\tilde\beta_{{{}}}$", "J/m²", style.prefixed)
    found, factor = draw_curves(axis, results, f"beta_tilde_{part}", along, shown)
    if part == "even" and found and len(results) == 1:
        routes = {
            "beta_tilde_intrinsic": "intrinsic, sum over pairs",
            "beta_tilde_intrinsic_by_energy": "intrinsic, energy integral",
        }
        line: dict[str, Any] = {"lw": 0.7}
        marks: dict[str, Any] = {"ls": "None", "marker": "o", "ms": 4.5, "mfc": "none", "mew": 0.7}
        for (name, label), look in zip(routes.items(), (line, marks), strict=True):
            overlay(axis, results, name, found, along, factor, label=label, symbol=shown.symbol, **look)


def _spiralization(axis: Any, results: Sequence[Result], along: str, name: str) -> None:
    second = ("meV_a0_per_cell_in_J_per_m2", r"meV $a_0$ per cell")
    shown = Shown("spiralization", r"$D_{{{}}}$", "J/m²", style.prefixed, second=second)
    draw_curves(axis, results, name, along or thermal_axis(results[0]), shown, dos=along == "energy")


def _conductivity(axis: Any, results: Sequence[Result]) -> None:
    draw_curves(
        axis, results, "conductivity", "energy", Shown("conductivity", r"$\sigma_{{{}}}$", "S/cm"), log=True, dos=True
    )


def _hall(axis: Any, results: Sequence[Result]) -> None:
    shown = Shown("anomalous Hall", r"$\sigma_{{{}}}$", "S/cm", style.short)
    found, factor = draw_curves(axis, results, "anomalous_hall", "energy", shown, dos=True)
    with_gamma(axis, results, "hall_conductivity", "energy", found, factor)
    trimmed(axis)


def _broadened_hall(axis: Any, results: Sequence[Result]) -> None:
    shown = Shown("Hall conductivity", r"$\sigma_{{{}}}$", "S/cm", style.short, among=("yz", "zx", "xy"))
    draw_curves(axis, results, "hall_conductivity", "energy", shown, dos=True)


def _nernst(axis: Any, results: Sequence[Result]) -> None:
    along = thermal_axis(results[0])
    shown = Shown("anomalous Nernst", r"$\alpha_{{{}}}$", "A/(m K)", style.prefixed)
    found, factor = draw_curves(axis, results, "nernst_intrinsic", along, shown)
    with_gamma(axis, results, "nernst", along, found, factor)


def _orbital(axis: Any, results: Sequence[Result], name: str, along: str) -> None:
    second = ("mu_B_per_cell_in_A_per_m", "A/m")
    symbol, unit = r"$M^\mathrm{{orb}}_{{{}}}$", r"$\mu_\mathrm{B}$ per cell"
    shown = Shown("orbital moment", symbol, unit, style.powered, second=second, per_unit=True)
    draw_curves(axis, results, name, along or thermal_axis(results[0]), shown, dos=along == "energy")


def _damping(axis: Any, results: Sequence[Result]) -> None:
    draw_curves(
        axis, results, "gilbert_damping", "energy", Shown("Gilbert damping", r"$\alpha_{{{}}}$", ""), log=True, dos=True
    )


def _factor(axis: Any, results: Sequence[Result]) -> None:
    shown = Shown("gyromagnetic factor $g$", "", "")
    draw_curves(axis, results, "gyromagnetic_factor", "energy", shown, log=True, dos=True)
    axis.axhline(2.0, color="0.6", lw=0.6, ls=":", gid=style.GUIDE, zorder=0.6)


def _onsager(axis: Any, results: Sequence[Result]) -> None:
    kubo_onsager.onsager(axis, results[0], name_of(results, 0) if len(results) > 1 else "")


def _expansion(axis: Any, results: Sequence[Result], name: str) -> None:
    order = name[2]
    shown = Shown("", rf"coefficient $t^{{{{({order},0)}}}}$", A0, style.short)
    draw_curves(axis, results, name, "energy", shown, dos=True)


def _residual(axis: Any, results: Sequence[Result], name: str) -> None:
    draw_curves(axis, results, name, "energy", Shown("", rf"residual of $t^{{{{({name[2]},0)}}}}$", "relative"))
    axis.set_ylim(0.0, None)


def _density(axis: Any, results: Sequence[Result]) -> None:
    draw_curves(axis, results, "density_of_states", "energy", Shown("density of states", "", "1/eV per cell"))
    axis.set_ylim(0.0, None)


def _electrons(axis: Any, results: Sequence[Result]) -> None:
    found, _ = draw_curves(axis, results, "electrons", "energy", Shown("electrons per cell", "", ""))
    ends = [float(end(c.y)) for c in found for end in (np.min, np.max)]
    axis.set_ylim(min(ends) - 0.05 * (max(ends) - min(ends)), max(ends) + 0.05 * (max(ends) - min(ends)) + 1e-9)


PANELS = (
    Panel("torkance", ("torkance_even",), lambda a, r: _torkance(a, r, "even")),
    Panel("torkance", ("torkance_odd",), lambda a, r: _torkance(a, r, "odd")),
    Panel("thermal_torkance", ("beta_even",), lambda a, r: _thermal(a, r, "even")),
    Panel("thermal_torkance", ("beta_odd",), lambda a, r: _thermal(a, r, "odd")),
    Panel(
        "spiralization",
        ("spiralization_ground_state",),
        lambda a, r: _spiralization(a, r, "energy", "spiralization_ground_state"),
    ),
    Panel("heat_currents", ("heat_current_fmr",), kubo_heat.heat_currents),
    Panel("anomalous_hall", ("anomalous_hall",), _hall),
    Panel("nernst", ("nernst_intrinsic",), _nernst),
    Panel("expansion", ("t_1_0",), lambda a, r: _expansion(a, r, "t_1_0")),
    Panel("expansion", ("t_2_0",), lambda a, r: _expansion(a, r, "t_2_0")),
    Panel(
        "orbital_magnetization",
        ("orbital_magnetization_ground_state",),
        lambda a, r: _orbital(a, r, "orbital_magnetization_ground_state", "energy"),
    ),
    Panel("inverse_thermal_torque", ("beta_tilde_even",), lambda a, r: _inverse(a, r, "even")),
    Panel("inverse_thermal_torque", ("beta_tilde_odd",), lambda a, r: _inverse(a, r, "odd")),
    Panel("spiralization", ("spiralization",), lambda a, r: _spiralization(a, r, "", "spiralization")),
    Panel("conductivity", ("conductivity",), _conductivity),
    Panel("damping", ("gilbert_damping",), _damping),
    Panel("damping", ("gyromagnetic_factor",), _factor),
    Panel("onsager", ("onsager_matrix",), _onsager),
    Panel(
        "orbital_magnetization", ("orbital_magnetization",), lambda a, r: _orbital(a, r, "orbital_magnetization", "")
    ),
    Panel("density_of_states", ("density_of_states",), _density),
)
"""In the order of importance for a figure of a whole file."""

DETAILS = (
    Panel("heat_currents", ("heat_current_fmr", "heat_current_spiral"), kubo_heat.heat_table),
    Panel("expansion", ("t_1_0_residual",), lambda a, r: _residual(a, r, "t_1_0_residual")),
    Panel("expansion", ("t_2_0_residual",), lambda a, r: _residual(a, r, "t_2_0_residual")),
    Panel("conductivity", ("hall_conductivity",), _broadened_hall),
    Panel("density_of_states", ("electrons",), _electrons),
)
"""Panels that are drawn when their quantity is asked for."""
