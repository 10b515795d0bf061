"""What a broken symmetry can do to the results of a run that uses it.

A point stands for its images though the sums there differ a little from its own. What the mean over the zone then
misses is the mean of these differences. The check of the symmetry measures it, as a number for each part of the raw
sums; here each part is changed by that much, and the responses are computed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from hpcalo.io.dataset import Variable
from hpcalo.kubo.responses.response import Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.observable import LevelProperty
from hpcalo.kubo.sums.found import EXACT, SAMPLES
from hpcalo.kubo.sums.parts import SummedPass
from hpcalo.kubo.sums.request import BROADENED, FERMI, SEA, THERMAL, Pair, fermi_name, raw_name, thermal_name
from hpcalo.typing import RealArray

CURVES = ("n_hat", "gamma", "energy", "temperature", "mu")
"""Axes that are no tensor indices."""
ATTRIBUTE = "symmetry_violation"
"""Of a quantity: what the broken symmetry can do to it, root mean square, relative to that of its values."""

WORTH_NAMING, NAMED = 1e-4, 3
"""Quantities with a larger effect are named in the note, and at least so many."""


@dataclass(frozen=True)
class _Changed(RunSums):
    """A run one part of whose sums is larger by the violation.

    violations: of the raw sum, for each direction of the magnetization; their parts are those of
    `Symmetry.violation_of`.
    """

    name: str = ""
    part: int = 0
    violations: tuple[RealArray | None, ...] = ()

    def broadened(self, pair: Pair) -> tuple[RealArray, RealArray]:
        """As in a run, Re or Im changed."""
        name = raw_name(BROADENED, pair)
        parts = list(super().broadened(pair))
        if name == self.name:
            raw = self.stacked(name)[:, :, :, self.part]  # (A, G, P, NE)
            wider = np.maximum(WIDTH / self.gammas, 1.0)
            factor = self._factor(raw, wider)
            parts[self.part] = parts[self.part] * factor.reshape(*factor.shape[:2], 1, 1, 1)
        return parts[0], parts[1]

    def sea(self, pair: Pair) -> tuple[RealArray, RealArray]:
        """As in a run, one of the curves changed."""
        return self._curve(pair, 0, super().sea(pair)[0]), self._curve(pair, 1, super().sea(pair)[1])

    def sea_moment(self, pair: Pair) -> RealArray:
        """As in a run, changed as the second curve."""
        return self._curve(pair, 1, super().sea_moment(pair))

    def sea_averages(self, pair: Pair, power: int) -> RealArray:
        """As in a run, with the first curve."""
        averages = super().sea_averages(pair, power)
        if (self.name, self.part) != (raw_name(SEA, pair), 0):
            return averages
        return averages * self._factor(super().sea(pair)[0]).reshape(-1, 1, 1, 1, 1)

    def _curve(self, pair: Pair, part: int, curve: RealArray) -> RealArray:
        if (self.name, self.part) != (raw_name(SEA, pair), part):
            return curve
        return curve * self._factor(curve).reshape(-1, 1, 1, 1)

    def thermal(self, pair: Pair) -> RealArray:
        """As in a run, one of the four changed."""
        sums = super().thermal(pair)
        if self.name == raw_name(THERMAL, pair):
            changed = sums[:, :, :, self.part]
            factor = self._factor(changed.reshape(*changed.shape[:3], -1))
            sums = sums.copy()
            sums[:, :, :, self.part] *= factor.reshape(-1, 1, 1, 1, 1)
        return sums

    def fermi(self, pair: Pair) -> RealArray:
        """As in a run, changed as a whole."""
        return self._whole(raw_name(FERMI, pair), super().fermi(pair), 2)

    def fermi_level(self, observable: LevelProperty) -> RealArray:
        """As in a run, changed as a whole."""
        return self._whole(fermi_name(observable), super().fermi_level(observable), 2)

    def thermal_level(self, observable: LevelProperty) -> RealArray:
        """As in a run, all four changed by the same share as the first."""
        values = super().thermal_level(observable)
        if thermal_name(observable) != self.name:
            return values
        first = values[..., 0, :, :]
        factor = self._factor(first.reshape(len(first), -1, int(np.prod(first.shape[-2:]))))
        return values * factor.reshape((-1,) + (1,) * (values.ndim - 1))

    def occupied(self, name: str) -> RealArray:
        """As in a run, changed as a whole."""
        return self._whole(name, super().occupied(name), 1)

    def _whole(self, name: str, values: RealArray, axes: int) -> RealArray:
        if name != self.name:
            return values
        factor = self._factor(values.reshape(len(values), -1, int(np.prod(values.shape[values.ndim - axes :]))))
        return values * factor.reshape((-1,) + (1,) * (values.ndim - 1))

    def _factor(self, values: RealArray, scale: RealArray | None = None) -> RealArray:
        """1 + violation/size: (A,), or (A, G) with a scale for each Γ of values (A, G, P, NE).

        The size is the root mean square along the last axis of the largest component.
        """
        keep = 1 if scale is None else 2
        components = tuple(range(keep, values.ndim - 1))
        size = np.sqrt((np.abs(values).max(axis=components, initial=0.0) ** 2).mean(axis=-1))
        gap = np.array([0.0 if v is None else v[self.part] for v in self.violations])
        gap = gap if scale is None else gap[:, None] * scale
        return np.asarray(1.0 + np.divide(gap, size, out=np.zeros(size.shape), where=size > 0.0))


WIDTH = 0.1
"""eV; broadening of the sums in which violations are measured."""


def changes(run: RunSums, passes: Sequence[SummedPass], chosen: Sequence[Response]) -> Mapping[str, RealArray]:
    """How much each value changes if every part of the raw sums does by its violation. Empty if nothing is violated."""
    steps = {(name, part) for p in passes for name, parts in p.violation.items() for part in np.flatnonzero(parts)}
    if not steps:
        return {}
    values = {name: value for response in chosen for name, value in response.compute(run).items()}
    found = {name: np.zeros(np.shape(value)) for name, value in values.items()}
    same = {field.name: getattr(run, field.name) for field in fields(run)}
    few = np.sqrt(max(1.0, SAMPLES / min(p.points for p in passes)))
    for name, part in sorted(steps):
        violations = tuple(few * p.violation[name] if name in p.violation else None for p in passes)
        moved = _Changed(**same, name=name, part=int(part), violations=violations)
        for response in chosen:
            for quantity, value in response.compute(moved).items():
                found[quantity] += np.abs(np.nan_to_num(value - values[quantity]))
    return found


def with_violation(variable: Variable, change: RealArray | None) -> Variable:
    """The variable with the effect of the violation added to its error in quadrature.

    An attribute gives its root mean square relative to that of the values. change: from `changes`; None where nothing
    is violated.

    It is the same for all components of a tensor, and along a curve at least its root mean square.
    """
    if change is None or variable.error is None:
        return variable
    tensor = tuple(i for i, axis in enumerate(variable.dims) if axis not in CURVES)
    effect = change.max(axis=tensor, keepdims=True, initial=0.0)
    if "energy" in variable.dims:
        along = variable.dims.index("energy")
        effect = np.maximum(effect, np.sqrt((effect**2).mean(axis=along, keepdims=True)))
    effect = np.broadcast_to(effect, variable.shape)
    share = _ratio(effect, variable.data)
    attrs = {**variable.attrs, ATTRIBUTE: share} if share > EXACT else variable.attrs
    return replace(variable, error=np.hypot(variable.error, effect), attrs=attrs)


def symmetry_notes(variables: Sequence[Variable]) -> list[str]:
    """Notes for the user on what a broken symmetry does to each quantity."""
    effects = {v.name: float(v.attrs[ATTRIBUTE]) for v in variables if ATTRIBUTE in v.attrs}
    if not effects:
        return []
    ordered = sorted(effects, key=lambda name: -effects[name])
    shown = ordered[: max(NAMED, sum(effect > WORTH_NAMING for effect in effects.values()))]
    notes = [
        "what the broken symmetry can do, relative to the root mean square, and part of the errors: "
        + ", ".join(f"{name} {effects[name]:.1e}" for name in shown)
        + (", others less" if len(shown) < len(ordered) else "")
    ]
    known = (v for v in variables if v.error is not None and not np.all(np.isnan(v.error)))
    errors = {v.name: _ratio(v.error, v.data) for v in known if v.error is not None}
    if leading := [name for name in ordered if effects[name] > np.sqrt(0.5) * errors.get(name, np.inf)]:
        notes.append(
            f"the broken symmetry is most of the error of {', '.join(leading)}: a finer mesh does not help, but "
            "kubo.k.symmetry = 'off' does, or a model from hpcalo convert --symmetrize"
        )
    return notes


def _ratio(part: RealArray, whole: RealArray) -> float:
    """Root mean square of what is known of an array, over that of another; 0 where that is 0."""
    known = ~np.isnan(part) & ~np.isnan(whole)
    size = float(np.sum(whole[known] ** 2))
    return float(np.sqrt(np.sum(part[known] ** 2) / size)) if size > 0.0 else 0.0
