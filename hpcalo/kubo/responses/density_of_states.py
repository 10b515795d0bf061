"""Density of states and electron count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.checks import Check, below
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.panels import AxisLabel, Panel, draw_curves
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import array
from hpcalo.kubo.responses.response import ENERGY, Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.sums.request import COUNT, Sums
from hpcalo.typing import IntArray, RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from scipy.sparse import csr_array

REACH = 8.0
"""Widths beyond which a Gaussian is below rounding errors."""
BLOCK = 2**22
"""Values of it that are in memory at once, 128 MiB with what making them takes."""


def level_count(
    edges: RealArray, count: RealArray, energies: RealArray, smearing: Gaussian
) -> tuple[RealArray, RealArray]:
    """Electrons per cell and density of states (1/eV) at the energies, from the count of levels between fine edges.

    count: (NB + 1,), the first entry counts what lies below the edges. smearing: see below.
    """
    below_edge = np.concatenate([[0.0], np.cumsum(count[:-1])])[1:]
    return np.interp(energies, edges, below_edge), smearing @ count[1:-1]


class Gaussian:
    """(NE, NB − 1), 1/eV: `@` takes the levels counted between the edges to their Gaussian average at the energies.

    A row holds only what lies within REACH widths. The rows are made in blocks, and kept if there is only one: memory
    does not grow with the number of energies, whatever the width.
    """

    def __init__(self, edges: RealArray, energies: RealArray, width: float) -> None:
        self._centres, self._energies, self._width = 0.5 * (edges[1:] + edges[:-1]), energies, width
        ends = (np.searchsorted(self._centres, energies + side * REACH * width) for side in (-1.0, 1.0))
        self._first, self._last = ends
        number = (np.cumsum(self._last - self._first) - 1) // BLOCK  # of the block that a row ends in
        self._blocks = np.split(np.arange(len(energies)), np.flatnonzero(np.diff(number)) + 1)
        self._kept = self._matrix(self._blocks[0]) if len(self._blocks) == 1 else None

    def __matmul__(self, count: RealArray) -> RealArray:
        if self._kept is not None:
            return self._kept @ count
        return np.concatenate([self._matrix(rows) @ count for rows in self._blocks])

    def _matrix(self, block: IntArray) -> csr_array:
        """The rows of these energies."""
        from scipy.sparse import csr_array  # noqa: PLC0415  (SciPy is loaded where it is used)

        first, last, energies = self._first[block], self._last[block], self._energies[block]
        rows = np.concatenate([[0], np.cumsum(last - first)])
        columns = np.arange(rows[-1]) + np.repeat(first - rows[:-1], last - first)
        x = (np.repeat(energies, last - first) - self._centres[columns]) / self._width
        values = np.exp(-0.5 * x**2) / (self._width * np.sqrt(2.0 * np.pi))
        return csr_array((values, columns, rows), shape=(len(energies), len(self._centres)))


def energy_of_count(edges: RealArray, count: RealArray, electrons: float) -> float | None:
    """Energy up to which the levels hold this many electrons; None if it lies outside the edges."""
    below_edge = np.cumsum(count[:-1])
    if not below_edge[0] <= electrons <= below_edge[-1]:
        return None
    i = int(np.searchsorted(below_edge, electrons))
    if i == 0:
        return float(edges[0])
    share = (electrons - below_edge[i - 1]) / max(below_edge[i] - below_edge[i - 1], 1e-300)
    return float(edges[i - 1] + share * (edges[i] - edges[i - 1]))


def _draw(axis: Axes, results: Sequence[Result]) -> None:
    draw_curves(axis, results, "density_of_states", "energy", AxisLabel("density of states", "", "1/eV per cell"))
    axis.set_ylim(0.0, None)


def _draw_electrons(axis: Axes, results: Sequence[Result]) -> None:
    found, _ = draw_curves(axis, results, "electrons", "energy", AxisLabel("electrons per cell", "", ""))
    ends = [float(end(c.y)) for c in found for end in (np.min, np.max)]
    axis.set_ylim(min(ends) - 0.05 * (max(ends) - min(ends)), max(ends) + 0.05 * (max(ends) - min(ends)) + 1e-9)


@register
class DensityOfStates(Response):
    """Density of states (a Gaussian average of the levels) and electrons per cell against Fermi energy."""

    name = "density_of_states"
    help = "density of states and electron count"
    rank = 130
    sums = Sums(count=True)
    quantities = (
        Quantity(
            "density_of_states",
            ENERGY,
            "1/eV",
            "density of states per cell",
            attrs=lambda run: {"smearing_eV": run.settings.gaussian_width},
        ),
        Quantity("electrons", ENERGY, "1", "electrons per cell below the Fermi energy"),
    )
    panels = (
        Panel(("density_of_states",), _draw, "alone", rank=20),
        Panel(("electrons",), _draw_electrons, "detail"),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        return run.once("density_of_states", lambda: self._counted(run))

    def errors_of_bins(self, run: RunSums, points: RealArray) -> Mapping[str, RealArray]:
        """Of the density of states, from levels that lie anywhere in bins of width b: b [D/48√π σ³ points]^½.

        A level is off by up to b/2 either way, in mean square by b²/12; ∫G′² = 1/4√π σ³ of the Gaussian G.
        """
        bins, width = run.count_edges[1] - run.count_edges[0], run.settings.gaussian_width
        density = np.maximum(self.compute(run)["density_of_states"], 0.0)
        return {"density_of_states": bins * np.sqrt(density / (48.0 * np.sqrt(np.pi) * width**3 * points[:, None]))}

    def _counted(self, run: RunSums) -> dict[str, RealArray]:
        smearing = run.cached("gaussian", lambda: Gaussian(run.count_edges, run.energies, run.settings.gaussian_width))
        counted = [level_count(run.count_edges, count, run.energies, smearing) for count in run.stacked(COUNT)]
        return {
            "density_of_states": np.stack([dos for _, dos in counted]),
            "electrons": np.stack([n for n, _ in counted]),
        }

    def checks(self, result: Result) -> Iterator[Check]:
        if not {"density_of_states", "electrons"} <= set(result.variables) or len(result["energy"]) < 2:
            return
        energies, density, count = (array(result, n) for n in ("energy", "density_of_states", "electrons"))
        steps = 0.5 * (density[:, 1:] + density[:, :-1]) * np.diff(energies)
        grown = count[:, -1] - count[:, 0]
        smear = float(result.variables["density_of_states"].attrs.get("smearing_eV", 0.0))
        edge = smear * float(density[:, [0, -1]].max())  # what the smearing carries across the ends
        must = "∫ DOS dE over the axis − growth of the electron count, corrected for smearing across its ends"
        gap = max(0.0, float(np.max(np.abs(steps.sum(1) - grown))) - edge)
        yield below("Density of states adds up to the electrons", must, gap, 0.02, unit="per cell")
        falls = float(np.max(-np.diff(count, axis=1), initial=0.0))
        must = "largest decrease of the electron count, and largest negative density of states"
        yield below(
            "Electron count does not decrease, density of states is not negative",
            must,
            max(falls, float(-density.min()), 0.0),
            1e-9,
        )
