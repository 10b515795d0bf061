"""From the variables of a level to the values that have a target, at the conditions of the table that ends a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hpcalo.hamiltonian.target import Accuracy
from hpcalo.io.dataset import Result, Variable
from hpcalo.kubo.summary.numbers import Numbers, numbers
from hpcalo.kubo.summary.tables import axes_of, condition_text, n_text
from hpcalo.kubo.target.estimate import Estimate, Values
from hpcalo.typing import RealArray


def values_with_target(
    variables: Sequence[Variable],
    coordinates: Sequence[Variable],
    mu: RealArray,
    accuracies: Mapping[str, Accuracy],
) -> Estimate:
    """Every value that has a target: at each chemical potential, Γ, temperature and direction of the magnetization.

    mu: (M,) eV relative to the reference energy.

    A relative error refers to the value or the scale of its curve (root mean square over the energies, or over near
    temperatures), whichever is larger: the definition of the warnings. Elements that vanish or are small beside the
    largest one of their tensor do not count.
    """
    axes = {c.name: c for c in [*coordinates, Variable("mu", ("mu",), mu, "eV")]}
    result = Result(Path(), {v.name: v for v in variables}, axes, attrs={}, texts={})
    return Estimate(
        tuple(_values(result, one, accuracies[one.name]) for one in numbers(result) if one.name in accuracies)
    )


def _values(result: Result, one: Numbers, accuracy: Accuracy) -> Values:
    scale = np.maximum(np.abs(np.nan_to_num(one.value)), one.scale)
    allowed = accuracy.size * scale if accuracy.relative else np.full_like(scale, accuracy.size)
    counts = one.counts & np.isfinite(one.value)

    def condition(number: int) -> str:
        a, c, *at = (int(i) for i in np.unravel_index(number, one.value.shape))
        words = [one.elements[c], condition_text(one, axes_of(result), at, every=False)]
        direction = n_text(result, a) if one.value.shape[0] > 1 else ""
        return ", ".join(word for word in (" at ".join(w for w in words if w), direction) if word)

    value, error, allowed, scale, counts = (np.ravel(a) for a in (one.value, one.error, allowed, scale, counts))
    return Values(one.name, value, error, allowed, scale, counts, condition)
