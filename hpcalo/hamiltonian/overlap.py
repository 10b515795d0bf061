"""Whether the overlap matrix of atomic orbitals can be one, S(k) > 0, and which digits are lost if it nearly is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.types import LcaoModel
from hpcalo.typing import RealArray

SMALL = 1e-5
"""Smallest eigenvalue of S(k) that a model may have without a note."""
SHIFT = 1e-3
"""eV: a shift of levels by lost digits above which the note is a warning."""
ENERGY = 10.0
"""eV: how far the levels that matter lie from the zero of energy, which weighs the digits of S against those of H."""
NOTE = "overlap matrix nearly singular"
DECIMALS = range(4, 11)


def smallest_overlap(model: LcaoModel) -> tuple[float, RealArray]:
    """The smallest eigenvalue of S(k), and its k.

    The search goes downhill from the lowest of the corners of the zone and three general points.
    """
    from scipy.optimize import minimize  # noqa: PLC0415  (slow; every input's schema loads this module)

    corners = [(i, j, k) for i in (0, 0.5) for j in (0, 0.5) for k in (0, 0.5)]
    points = np.array([*corners, (0.11, 0.23, 0.37), (0.29, 0.41, 0.07), (0.33, 0.33, 0.33)])
    free = np.array(model.crystal.periodic)
    points = np.unique(points * free, axis=0)
    values = [_lowest(model, k)[0] for k in points]
    best = int(np.argmin(values))
    scale = max(abs(values[best]), 1e-14)

    def along(x: RealArray) -> tuple[float, RealArray]:
        k = points[best].copy()
        k[free] = x
        value, slope = _lowest(model, k)
        return value / scale, slope[free] / scale

    # At a corner the slope vanishes: start beside it.
    start = points[best][free] + 0.01 * np.arange(1, free.sum() + 1)
    found = minimize(along, start, jac=True, method="L-BFGS-B", options={"maxiter": 15, "ftol": 1e-4})
    if not found.fun * scale < values[best]:
        return values[best], points[best]
    k = np.zeros(3)
    k[free] = found.x % 1.0
    return float(found.fun) * scale, k


def _lowest(model: LcaoModel, k: RealArray) -> tuple[float, RealArray]:
    """The smallest eigenvalue of S at k (fractional) and its gradient, 2π i x†(Σ R S e^{2πi k·R})x."""
    from scipy.linalg import eigh  # noqa: PLC0415  (as above)

    phases = np.exp(2j * np.pi * model.R @ k)
    (value,), vector = eigh(np.tensordot(phases, model.S_Rnn, 1), subset_by_index=(0, 0))
    x = vector[:, 0]
    each = phases * np.einsum("m,rmn,n->r", x.conj(), model.S_Rnn, x, optimize=True)
    return float(value), np.asarray((2j * np.pi * each @ model.R).real, dtype=np.float64)


def resolution(values: NDArray) -> float:
    """Half of the last digit that numbers were stored with: single precision, some decimals, or double precision."""
    largest = float(np.abs(values).max(initial=0.0))
    if np.array_equal(values.astype(np.float32).astype(np.float64), values):
        return largest * float(np.finfo(np.float32).eps) / 2
    sample = values[np.abs(values) > 0][:10_000]
    for decimals in DECIMALS:
        scaled = sample * 10.0**decimals
        if np.abs(scaled - np.rint(scaled)).max(initial=0.0) < 1e-4:
            return 0.5 * 10.0**-decimals
    return largest * float(np.finfo(np.float64).eps) / 2


def require_positive_overlap(model: LcaoModel) -> LcaoModel:
    """The model, with a note, or a warning, if S(k) is nearly singular. Raises ModelError if S(k) is not positive."""
    smallest, k = smallest_overlap(model)
    where = ", ".join(f"{x:.3g}" for x in k)
    if smallest <= 0:
        raise ModelError(f"overlap matrix S(k): smallest eigenvalue {smallest:.3g} at k = ({where}), must be positive")
    notes = tuple(n for n in model.notes if NOTE not in n)
    digit = max(resolution(model.up_Rnn), resolution(model.down_Rnn)) + ENERGY * resolution(model.S_Rnn)
    shift = digit / smallest
    if smallest < SMALL or shift > SHIFT:
        mark, advice = ("warning: ", "; fewer diffuse orbitals, or more digits, help") if shift > SHIFT else ("", "")
        notes += (
            f"{mark}{NOTE}: smallest eigenvalue {smallest:.2g} at k = ({where}); the digits of the file "
            f"({digit:.1g} eV) can shift levels of the highest bands by up to {shift:.1g} eV{advice}",
        )
    return replace(model, notes=notes)
