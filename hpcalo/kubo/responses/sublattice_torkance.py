"""Torkance of each magnetic sublattice, and the staggered one of two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo import units
from hpcalo.hamiltonian.sublattices import REST, labels
from hpcalo.io.checks import Check, below, relative
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.panels import AxisLabel, Panel, draw_curves
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import EXACT, array, scatter, significant
from hpcalo.kubo.responses.response import Axis, Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.torkance import A0_LABEL, BROADENED_DIMS, E_A0
from hpcalo.kubo.states.operators import VELOCITY
from hpcalo.kubo.states.sublattice_torque import SUBLATTICE_TORQUE
from hpcalo.kubo.sums.request import Pair, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAIR: Pair = (SUBLATTICE_TORQUE, VELOCITY)
DIMS = ("n_hat", "gamma", "sublattice", "torque", "field", "energy")
SEA_DIMS = ("n_hat", "sublattice", "torque", "field", "energy")
SIGN = "τ_i = Σ_j t_ij E_j is the torque on the moments of the sublattice, τ = −<δT_s>, Σ_s T_s = T"
STAGGERED_SIGN = "torque on the moments of sublattice 1 minus that on those of sublattice 2"
CLOSED = "closed form, Γ constant"
PARTS = ("even", "odd", "intrinsic")


def _quantities() -> tuple[Quantity, ...]:
    out = []
    for part, parity in zip(PARTS, (1, -1, 1), strict=True):
        sea, equation = part == "intrinsic", "(36)" if part == "intrinsic" else CLOSED
        out += [
            Quantity(
                f"sublattice_torkance_{part}",
                SEA_DIMS if sea else DIMS,
                "e*a0",
                f"{part} torkance of each sublattice",
                equation,
                SIGN,
                parity,
                E_A0,
            ),
            Quantity(
                f"staggered_torkance_{part}",
                ("n_hat", "torque", "field", "energy") if sea else BROADENED_DIMS,
                "e*a0",
                f"{part} staggered torkance",
                equation,
                STAGGERED_SIGN,
                parity,
                E_A0,
                optional=True,
            ),
        ]
    return tuple(out)


def _draw(axis: Axes, results: Sequence[Result], name: str, words: str) -> None:
    draw_curves(axis, results, name, "energy", AxisLabel(words, r"$t_{{{}}}$", A0_LABEL, style.short), dos=True)


def _panel(kind: str, part: str, rank: int) -> Panel:
    name, words = f"{kind}_torkance_{part}", f"{part}, {'by sublattice' if kind == 'sublattice' else kind}"
    return Panel((name,), lambda axis, results: _draw(axis, results, name, words), rank=rank)


@register
class SublatticeTorkance(Response):
    """Torkance of each magnetic sublattice, in e a0: even, odd and intrinsic as `torkance`, which is their sum.

    Staggered: that of sublattice 1 minus that of 2, where there are just two. Even and odd are under n̂ → −n̂, which
    reverses all sublattices. "rest" counts atoms of no sublattice. A magnet whose moments have one direction has one
    sublattice with all of the torkance.

    In a collinear antiferromagnet equal torques on both sublattices are those of a staggered field, and turn the Néel
    vector; opposite ones are those of a uniform field. With PT symmetry the first come from the odd part alone and the
    second from the even part alone.
    """

    name = "sublattice_torkance"
    help = "torkance of each magnetic sublattice, and staggered, of antiferromagnets"
    rank = 12
    sums = Sums(broadened=(PAIR,), sea=(PAIR,))
    quantities = _quantities()
    axes = (Axis("sublattice", lambda run: labels(run.crystal), "magnetic sublattice"),)
    panels = (
        _panel("sublattice", "even", 22),
        _panel("sublattice", "odd", 23),
        _panel("staggered", "even", 24),
        _panel("staggered", "odd", 25),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        odd, even = run.broadened(PAIR)
        intrinsic, _ = run.sea(PAIR)
        names = labels(run.crystal)
        out: dict[str, RealArray] = {}
        for part, values, axis in zip(PARTS, (even, odd, intrinsic), (2, 2, 1), strict=True):
            in_a0 = values / units.BOHR_IN_ANGSTROM
            out[f"sublattice_torkance_{part}"] = in_a0
            if [name for name in names if name != REST] == ["1", "2"]:
                out[f"staggered_torkance_{part}"] = np.take(in_a0, 0, axis) - np.take(in_a0, 1, axis)
        return out

    def checks(self, result: Result) -> Iterator[Check]:
        for part in PARTS:
            name, total = f"sublattice_torkance_{part}", f"torkance_{part}"
            if significant(result, name, total):
                axis = list(result.variables[name].dims).index("sublattice")
                gap = relative(array(result, name).sum(axis=axis) - array(result, total), array(result, name))
                yield below(f"Sum of {name} over sublattices", f"{total}, relative", gap, EXACT)

    def hints(self, result: Result) -> Iterable[tuple[str, str]]:
        return scatter(result, "staggered_torkance_intrinsic")
