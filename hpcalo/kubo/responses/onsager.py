"""The Onsager matrix of heat current and torque, assembled from λ, β̃, β and Λ, and its reciprocity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo import units
from hpcalo.io.checks import Check, below, relative, untested
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot import onsager as matrix_plot
from hpcalo.kubo.plot.data import name_of
from hpcalo.kubo.plot.panels import Panel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import SAME, array, opposite_directions
from hpcalo.kubo.responses.heat_conductivity import heat_conductivity_parts
from hpcalo.kubo.responses.inverse_thermal_torque import inverse_parts
from hpcalo.kubo.responses.response import Axis, Quantity, Response
from hpcalo.kubo.responses.rotation_response import rotation_response_parts
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.thermal_torkance import thermal_torkance_parts
from hpcalo.kubo.states.positions import POSITIONS
from hpcalo.kubo.sums.request import TORQUE_TORQUE, TORQUE_VELOCITY, VELOCITY_VELOCITY, Sums
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def rows(run: RunSums) -> tuple[str, ...]:
    """Labels of the matrix: heat currents, then torques."""
    return (*(f"J_{'xyz'[v]}" for v in run.directions), "tau_x", "tau_y", "tau_z")


def onsager_matrix(run: RunSums) -> RealArray:
    """A(n̂) of (41), (42) in SI: (A, G, row, column, M, T).

    Currents (J^Q, −τ/V), forces (−∇T/T, −n̂ × ∂n̂/∂t): A = ((T λ, β̃), (−T β/V, −Λ/V)). β̃ is the one of (38) from even
    and odd torkance at the same n̂, β that of (39), so the off-diagonal reciprocity between n̂ and −n̂ compares two
    calculations.
    """
    even, odd = inverse_parts(run)
    beta_even, beta_odd = thermal_torkance_parts(run)
    volume = run.volume * units.ANGSTROM**3
    heat, hall = heat_conductivity_parts(run)
    damping, precession = rotation_response_parts(run)
    d = len(run.directions)
    shape = (len(run.n_hat), len(run.gammas), d + 3, d + 3, len(run.mu), len(run.temperatures))
    A = np.zeros(shape)
    A[:, :, :d, :d] = (heat + hall) * run.temperatures
    A[:, :, :d, d:] = even + odd
    A[:, :, d:, :d] = -(beta_even + beta_odd) * run.temperatures / volume
    A[:, :, d:, d:] = -(damping + precession) * units.HBAR_SI / volume
    return A


def reversed_partner(n_hat: RealArray) -> list[int | None]:
    """For each direction the number of its reverse in the list, or None."""
    partners: list[int | None] = []
    for n in n_hat:
        hits = np.flatnonzero(np.abs(n_hat + n).max(axis=1) < 1e-9)
        partners.append(int(hits[0]) if len(hits) else None)
    return partners


def violation(A: RealArray, n_hat: RealArray, directions: int) -> RealArray:
    """Largest violation of A(n̂) = [A(−n̂)]ᵀ relative to the largest element of each 2 × 2 block of kinds: (A, G, M, T).

    NaN where −n̂ is not among the directions.
    """
    heat, torque = slice(0, directions), slice(directions, None)
    out = np.full(A.shape[:2] + A.shape[4:], np.nan)
    for a, partner in enumerate(reversed_partner(n_hat)):
        if partner is None:
            continue
        gap = A[a] - A[partner].swapaxes(1, 2)
        worst = np.zeros(out.shape[1:])
        for r, c in ((heat, heat), (heat, torque), (torque, heat), (torque, torque)):
            size = np.abs(A[a][:, r, c]).max(axis=(1, 2))
            deviation = np.abs(gap[:, r, c]).max(axis=(1, 2))
            worst = np.maximum(worst, np.divide(deviation, size, out=np.zeros_like(size), where=size > 0))
        out[a] = worst
    return out


def _draw(axis: Axes, results: Sequence[Result]) -> None:
    matrix_plot.onsager(axis, results[0], name_of(results, 0) if len(results) > 1 else "")


@register
class Onsager(Response):
    """The matrix, and its largest violation of A(n̂) = [A(−n̂)]ᵀ.

    The violation is relative to the largest element of each 2 × 2 block of kinds. Where −n̂ is not among the directions
    it is not defined and is NaN.
    """

    name = "onsager"
    help = "Onsager matrix of heat current and torque"
    rank = 100
    thermal = True
    sums = Sums(broadened=(TORQUE_VELOCITY, TORQUE_TORQUE, VELOCITY_VELOCITY), sea=(TORQUE_VELOCITY,))
    quantities = (
        Quantity(
            "onsager_matrix",
            ("n_hat", "gamma", "onsager_row", "onsager_column", "mu", "temperature"),
            "",
            "Onsager matrix of heat current and torque, SI",
            "(41), (42)",
            "currents (J^Q, −τ/V), forces (−∇T/T, −n̂ × ∂n̂/∂t)",
            requires=(POSITIONS,),
        ),
        Quantity(
            "onsager_violation",
            ("n_hat", "gamma", "mu", "temperature"),
            "1",
            "largest relative violation of A(n̂) = [A(−n̂)]ᵀ",
            nan_ok=True,
            aside=True,
            requires=(POSITIONS,),
        ),
    )
    axes = (
        Axis("onsager_row", lambda run: list(rows(run)), "current of the Onsager matrix"),
        Axis("onsager_column", lambda run: list(rows(run)), "force of the Onsager matrix"),
    )
    panels = (Panel(("onsager_matrix",), _draw, rank=18),)

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        A = onsager_matrix(run)
        return {"onsager_matrix": A, "onsager_violation": violation(A, run.n_hat, len(run.directions))}

    def checks(self, result: Result) -> Iterator[Check]:
        if "onsager_matrix" not in result.variables:
            return
        name = "Onsager reciprocity of the whole matrix"
        must = "A(n̂) = [A(−n̂)]ᵀ, largest relative deviation of a block"
        pairs = opposite_directions(result)
        if not pairs:
            yield untested(name, must, "no two opposite directions n̂ in the run")
            return
        matrix = array(result, "onsager_matrix")
        heat = sum(str(r).startswith("J") for r in result["onsager_row"])
        worst = 0.0
        for i, j in pairs:
            for r in (slice(0, heat), slice(heat, None)):
                for c in (slice(0, heat), slice(heat, None)):
                    block = matrix[i][:, r, c]
                    mirrored = matrix[j][:, c, r].swapaxes(1, 2)
                    scale = np.sqrt(np.abs(matrix[i][:, r, r]).max() * np.abs(matrix[i][:, c, c]).max())
                    if np.abs(block).max() > 1e-9 * scale:
                        worst = max(worst, relative(block - mirrored, block))
        yield below(name, must, worst, SAME)
