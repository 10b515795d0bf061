"""Expansion of responses in powers of the direction of the magnetization, in the tensors that the crystal allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hpcalo import units
from hpcalo.io.dataset import Result
from hpcalo.kubo.expansion.forms import Kind
from hpcalo.kubo.plot.panels import AxisLabel, Panel, draw_curves
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.damping import Damping
from hpcalo.kubo.responses.inverse_thermal_torque import inverse_parts
from hpcalo.kubo.responses.response import Quantity
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.spiralization import Spiralization
from hpcalo.kubo.responses.tensor_expansion import AXES, Expanded, TensorExpansion, residual_panel, tensors
from hpcalo.kubo.responses.thermal_torkance import thermal_torkance_parts
from hpcalo.kubo.responses.torkance import A0_LABEL, torkance_parts
from hpcalo.kubo.states.operators import SPIN
from hpcalo.kubo.sums.request import TORQUE_TORQUE, TORQUE_VELOCITY, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
"""E × ẑ for E along x, y, z."""


def _as_printed(result: Result, name: str) -> Result:
    """The result with the sign of (57). Files that state no sign were written with ẑ × E in the place of E × ẑ."""
    variable = result.variables.get(name)
    if variable is None or variable.sign:
        return result
    return replace(result, variables={**result.variables, name: replace(variable, data=-np.asarray(variable.data))})


def _draw(axis: Axes, results: Sequence[Result], name: str) -> None:
    results = [_as_printed(result, name) for result in results]
    label = AxisLabel("", rf"coefficient $t^{{{{({name[2]},0)}}}}$", A0_LABEL, style.short)
    draw_curves(axis, results, name, "energy", label, dos=True)


def _lowest(name: str, form: str) -> tuple[Quantity, Quantity]:
    """A coefficient of (57) and the residual of its fit."""
    dims, words = ("gamma", "energy"), f"coefficient of {form} in the torkance"
    return (
        Quantity(name, dims, "e*a0", words, "(57)", f"τ = {name} {form} + …"),
        Quantity(f"{name}_residual", dims, "1", f"relative residual of the {words}", nan_ok=True, aside=True),
    )


@register
class Expansion(TensorExpansion):
    """The torkance in powers of n̂: all tensors, and the two coefficients of (57) for a film with n-fold axis ẑ.

    τ = t^(1,0) n̂ × (E × ẑ) + t^(2,0) n̂ × [n̂ × (E × ẑ)] + …, so that t^(1,0) = t^odd_xx and t^(2,0) = t^even_yx at
    n̂ = ẑ to lowest order. Both are least-squares fits of their form alone; their residual is what is left of the part
    of the same parity, as a fraction of its root mean square.
    """

    name = "expansion"
    help = "torkance in powers of n̂, fitted to all directions of the run"
    of = "torkance"
    rank = 110
    sums = Sums(broadened=(TORQUE_VELOCITY,))
    axes = AXES
    quantities = (
        *_lowest("t_1_0", "n̂ × (E × ẑ)"),
        *_lowest("t_2_0", "n̂ × [n̂ × (E × ẑ)]"),
        *tensors("torkance", "torkance", "field", ("gamma", "energy"), "e*a0"),
    )
    panels = (
        Panel(("t_1_0",), lambda axis, results: _draw(axis, results, "t_1_0"), rank=9),
        Panel(("t_2_0",), lambda axis, results: _draw(axis, results, "t_2_0"), rank=10),
        residual_panel("torkance", "torkance", "energy"),
    )

    def expanded(self, run: RunSums) -> Expanded:
        even, odd = (np.moveaxis(x, 1, 3) / units.BOHR_IN_ANGSTROM for x in torkance_parts(run))
        return Expanded(Kind(run.directions), {1: even, -1: odd})

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        parts = self.expanded(run).parts
        found = {}
        for order, form in zip((1, 2), _lowest_forms(run.n_hat, run.directions), strict=True):
            values = parts[1 if order == 2 else -1]
            coefficient = np.asarray(np.tensordot(form / float((form**2).sum()), values, 3), dtype=np.float64)
            rest = values - np.multiply.outer(form, coefficient)
            left, size = (np.sqrt((x**2).sum(axis=(0, 1, 2))) for x in (rest, values))
            found[f"t_{order}_0"] = coefficient
            found[f"t_{order}_0_residual"] = np.divide(left, size, out=np.zeros_like(size), where=size > 0)
        return {**found, **super().compute(run)}


def _lowest_forms(n_hat: RealArray, directions: Sequence[int]) -> tuple[RealArray, RealArray]:
    """n̂ × (E × ẑ) and n̂ × [n̂ × (E × ẑ)], (A, torque, field)."""
    along = ACROSS[list(directions)]
    first = np.asarray(np.cross(n_hat[:, None, :], along), dtype=np.float64)
    second = np.asarray(np.cross(n_hat[:, None, :], first), dtype=np.float64)
    return first.swapaxes(1, 2), second.swapaxes(1, 2)


@register
class ThermalExpansion(TensorExpansion):
    """β in powers of n̂."""

    name = "expansion_thermal_torkance"
    help = "thermal torkance in powers of n̂"
    of = "beta"
    rank = 111
    thermal = True
    sums = Sums(broadened=(TORQUE_VELOCITY,))
    axes = AXES
    quantities = tensors("beta", "thermal torkance", "field", ("gamma", "mu", "temperature"), "J*m/K")
    panels = (residual_panel("beta", "thermal torkance", "temperature"),)

    def expanded(self, run: RunSums) -> Expanded:
        even, odd = (np.moveaxis(x, 1, 3) for x in thermal_torkance_parts(run))
        return Expanded(Kind(run.directions), {1: even, -1: odd})


@register
class InverseExpansion(TensorExpansion):
    """β̃ in powers of n̂; the first index is the torque's, as in β."""

    name = "expansion_inverse_thermal_torque"
    help = "inverse thermal torque in powers of n̂"
    of = "beta_tilde"
    rank = 112
    thermal = True
    sums = Sums(broadened=(TORQUE_VELOCITY,))
    axes = AXES
    quantities = tensors("beta_tilde", "inverse thermal torque", "current", ("gamma", "mu", "temperature"), "J/m^2")
    panels = (residual_panel("beta_tilde", "inverse thermal torque", "temperature"),)

    def expanded(self, run: RunSums) -> Expanded:
        even, odd = (np.moveaxis(x, 1, 3).swapaxes(1, 2) for x in inverse_parts(run))
        return Expanded(Kind(run.directions), {1: even, -1: odd})


@register
class SpiralizationExpansion(TensorExpansion):
    """D in powers of n̂; the first index is the torque's, the second one the direction of space."""

    name = "expansion_spiralization"
    help = "spiralization (DMI) in powers of n̂"
    of = "spiralization"
    rank = 113
    thermal = True
    sums = Spiralization.sums
    axes = AXES
    quantities = tensors("spiralization", "spiralization", "current", ("mu", "temperature"), "J/m^2")
    panels = (residual_panel("spiralization", "spiralization", "temperature"),)

    def expanded(self, run: RunSums) -> Expanded:
        values = Spiralization().compute(run)["spiralization"].swapaxes(1, 2)
        return Expanded(Kind(run.directions), {1: values})


@register
class DampingExpansion(TensorExpansion):
    """The Gilbert damping in powers of n̂."""

    name = "expansion_damping"
    help = "Gilbert damping in powers of n̂"
    of = "damping"
    rank = 114
    sums = Sums(broadened=(TORQUE_TORQUE,), levels=(SPIN,))
    axes = AXES
    quantities = tensors("damping", "Gilbert damping", "torque_2", ("gamma", "energy"), "1")
    panels = (residual_panel("damping", "damping", "energy"),)

    def expanded(self, run: RunSums) -> Expanded:
        values = Damping().compute(run)["gilbert_damping"]
        return Expanded(Kind(), {1: np.moveaxis(values, 1, 3)})
