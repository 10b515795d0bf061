"""The numbers of a result with their errors: every variable at the Fermi energies and temperatures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpcalo.io.dataset import Result, Variable
from hpcalo.io.uncertain import curve_error, rms
from hpcalo.kubo.plot.data import component_axes, element_name, floor_of
from hpcalo.kubo.responses.response import responses
from hpcalo.typing import RealArray

SHARE = 0.1
"""Elements of a tensor smaller than this fraction of the largest one are not looked at."""
NEAR = 1.5
"""Temperatures up to this factor away make the scale of a thermal quantity."""


@dataclass(frozen=True)
class Numbers:
    """One variable (of the Onsager matrix: one block) at the conditions of the input.

    Arrays have the axes n̂ (A), tensor element (C), Γ (G), chemical potential (M), temperature (T), of length 1 where
    the variable lacks them. value, error: NaN where not defined or not known. scale: what an error is compared with
    besides the value: the root mean square over the energies, or over the temperatures up to a factor `NEAR` away and
    all chemical potentials. curve: rms of the errors over that of the values along the energies, (A, C, G); None where
    there is no such axis. floor: what counts as zero.
    """

    name: str
    variable: Variable
    elements: tuple[str, ...]
    value: RealArray
    error: RealArray
    scale: RealArray
    curve: RealArray | None
    floor: float
    axes: tuple[str, ...]
    """Those of gamma, mu, temperature on which the values depend."""

    @property
    def counts(self) -> NDArray[np.bool_]:
        """Elements and conditions that are neither zero nor small beside the largest element, (A, C, G, M, T)."""
        top = self.scale.max(axis=(0, 1), keepdims=True)
        return np.asarray((self.scale > SHARE * top) & (self.scale > self.floor))

    def unconverged(self, limit: float) -> NDArray[np.bool_]:
        """Where the error exceeds the limit relative to the value and relative to the scale, (A, C, G, M, T)."""
        return np.asarray(self.counts & (self.error > limit * np.abs(self.value)) & (self.error > limit * self.scale))

    def rough(self, limit: float) -> NDArray[np.bool_]:
        """Where the error of the whole curve exceeds the limit, (A, C, G)."""
        if self.curve is None:
            return np.zeros(self.value.shape[:3], dtype=bool)
        return np.asarray(self.counts.any(axis=(3, 4)) & (self.curve > limit))

    @property
    def unknown(self) -> NDArray[np.bool_]:
        """Where there is a value and its error is not known, (A, C, G, M, T)."""
        return np.asarray(self.counts & np.isnan(self.error) & np.isfinite(self.value))


def levels(result: Result) -> RealArray:
    """Energies (eV, relative) at which curves are read: the chemical potentials of the run."""
    given = result.setting("kubo", "chemical_potentials")
    if "mu" in result.coordinates:
        given = result["mu"]
    return np.asarray([0.0] if given is None else given, dtype=float).reshape(-1)


def numbers(result: Result) -> list[Numbers]:
    """The numbers of all quantities that stand for themselves, those of the program in their order."""
    known = [q for response in responses() for q in response.quantities]
    aside = {q.name for q in known if q.aside}
    order = {q.name: rank for rank, q in enumerate(known)}
    found = []
    for name, variable in sorted(result.variables.items(), key=lambda item: order.get(item[0], len(order))):
        numeric = np.asarray(variable.data).dtype.kind == "f"
        if numeric and name not in aside and {"energy", "temperature", "mu"} & set(variable.dims):
            found += _numbers(result, variable)
    return found


def _numbers(result: Result, variable: Variable) -> list[Numbers]:
    """The variable, element kinds of different units (the Onsager matrix) apart."""
    dims = list(variable.dims)
    indices = component_axes(result, dims)
    data = np.asarray(variable.data, dtype=float)
    error = np.full(data.shape, np.nan) if variable.error is None else np.asarray(variable.error, dtype=float)
    last = "energy" if "energy" in dims else "temperature"
    order = [d for d in ("n_hat", *indices, "gamma", "mu", last) if d in dims]
    if set(order) != set(dims):
        return []
    labels = [[str(t) for t in result[d]] for d in indices]
    words = [[labels[i][k] for i, k in enumerate(index)] for index in np.ndindex(*map(len, labels))]
    shape = [data.shape[dims.index(d)] if d in dims else 1 for d in ("n_hat", "gamma", "mu", last)]
    shape.insert(1, len(words))
    value, error = (a.transpose([dims.index(d) for d in order]).reshape(shape) for a in (data, error))
    axes = tuple(d for d in ("gamma", "mu", "temperature") if d in dims)
    if last == "energy":
        curve = curve_error(value, error)[..., 0] if variable.error is not None else None
        scale = rms(value, -1, keepdims=True)
        value, error = (_at(result, a[..., 0, :])[..., None] for a in (value, error))
        axes = (*axes[:1], "mu") if "gamma" in axes else ("mu",)
    else:
        curve, scale = None, _near_scale(result, value)
    scale = np.broadcast_to(scale, value.shape)
    kinds = [" ".join(w.partition("_")[0] for w in word) if any("_" in w for w in word) else "" for word in words]
    joined = [" ".join(word) if kind else element_name(word) for kind, word in zip(kinds, words, strict=True)]
    found = []
    for kind in dict.fromkeys(kinds):
        use = [i for i, k in enumerate(kinds) if k == kind]
        parts = (value[:, use], error[:, use], scale[:, use], None if curve is None else curve[:, use])
        elements = tuple(joined[i] for i in use)
        found.append(Numbers(variable.name, variable, elements, *parts, floor_of(result, variable.name), axes))
    return found


def _at(result: Result, curves: RealArray) -> RealArray:
    """Curves (…, NE) at the chemical potentials, linearly between the energies: (…, M)."""
    energies = np.asarray(result["energy"], dtype=float)
    if len(energies) < 2:
        return np.repeat(curves[..., :1], len(levels(result)), axis=-1)
    mu = np.clip(levels(result), energies[0], energies[-1])
    i = np.clip(np.searchsorted(energies, mu) - 1, 0, len(energies) - 2)
    w = (mu - energies[i]) / (energies[i + 1] - energies[i])
    # A weight of zero must not bring in what is not known at the other end.
    low, high = (np.where(share > 0.0, share * curves[..., j], 0.0) for share, j in ((1.0 - w, i), (w, i + 1)))
    return np.asarray(low + high)


def _near_scale(result: Result, value: RealArray) -> RealArray:
    """Root mean square over near temperatures and all chemical potentials, (A, C, G, 1, T)."""
    if value.shape[-1] == 1:
        return rms(value, 3, keepdims=True)
    temperatures = np.asarray(result["temperature"], dtype=float)
    ratio = temperatures[None, :] / temperatures[:, None]
    near = (ratio <= NEAR) & (ratio >= 1.0 / NEAR)
    squares = rms(value, 3, keepdims=True) ** 2
    return np.asarray(np.sqrt(squares @ near.T / near.sum(axis=1)))
