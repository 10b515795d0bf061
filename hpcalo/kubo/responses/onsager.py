"""The Onsager matrix of heat current and torque, assembled from λ, β̃, β and Λ, and its reciprocity."""

from __future__ import annotations

import numpy as np

from hpcalo import units
from hpcalo.kubo.responses.axes import Field, RunAxes
from hpcalo.kubo.responses.magnet import rotation_response
from hpcalo.kubo.responses.torque import inverse_parts, thermal_torkance
from hpcalo.kubo.responses.transport import heat_conductivity
from hpcalo.typing import RealArray


def rows(run: RunAxes) -> tuple[str, ...]:
    """Labels of the matrix: heat currents, then torques."""
    return (*(f"J_{'xyz'[v]}" for v in run.directions), "tau_x", "tau_y", "tau_z")


def onsager_matrix(run: RunAxes) -> RealArray:
    """A(n̂) of (41), (42) in SI: (A, G, row, column, M, T).

    Currents (J^Q, −τ/V), forces (−∇T/T, −n̂ × ∂n̂/∂t): A = ((T λ, β̃), (−T β/V, −Λ/V)). β̃ is the one of (38) from even
    and odd torkance at the same n̂, β that of (39), so the off-diagonal reciprocity between n̂ and −n̂ compares two
    calculations.
    """
    even, odd = inverse_parts(run)
    beta = {f.name: f.values for f in thermal_torkance(run)}
    volume = run.volume * units.ANGSTROM**3
    symmetric, antisymmetric = rotation_response(run)
    weights = run.averages(0)
    rotation = np.einsum("agije,mte->agijmt", symmetric + antisymmetric, weights) * units.HBAR_SI
    d = len(run.directions)
    shape = (len(run.n_hat), len(run.gammas), d + 3, d + 3, len(run.mu), len(run.temperatures))
    A = np.zeros(shape)
    A[:, :, :d, :d] = heat_conductivity(run) * run.temperatures
    A[:, :, :d, d:] = even + odd
    A[:, :, d:, :d] = -(beta["beta_even"] + beta["beta_odd"]) * run.temperatures / volume
    A[:, :, d:, d:] = -rotation / volume
    return A


def reversed_partner(n_hat: RealArray) -> list[int | None]:
    """For each direction the place of its reverse in the list, or None."""
    partners: list[int | None] = []
    for n in n_hat:
        hits = np.flatnonzero(np.abs(n_hat + n).max(axis=1) < 1e-9)
        partners.append(int(hits[0]) if len(hits) else None)
    return partners


def onsager(run: RunAxes) -> list[Field]:
    """The matrix, and its largest violation of A(n̂) = [A(−n̂)]ᵀ relative to the largest element of each 2 × 2 block of
    kinds.

    Where −n̂ is not among the directions the violation cannot be told and is NaN.
    """
    A = onsager_matrix(run)
    d = len(run.directions)
    blocks = [
        (slice(0, d), slice(0, d)),
        (slice(0, d), slice(d, None)),
        (slice(d, None), slice(0, d)),
        (slice(d, None), slice(d, None)),
    ]
    violation = np.full(A.shape[:2] + A.shape[4:], np.nan)
    for a, partner in enumerate(reversed_partner(run.n_hat)):
        if partner is None:
            continue
        gap = A[a] - A[partner].swapaxes(1, 2)
        worst = np.zeros(violation.shape[1:])
        for r, c in blocks:
            size = np.abs(A[a][:, r, c]).max(axis=(1, 2))
            deviation = np.abs(gap[:, r, c]).max(axis=(1, 2))
            worst = np.maximum(worst, np.divide(deviation, size, out=np.zeros_like(size), where=size > 0))
        violation[a] = worst
    return [
        Field(
            "onsager_matrix",
            ("n_hat", "gamma", "onsager_row", "onsager_column", "mu", "temperature"),
            A,
            "",
            "Onsager matrix of heat current and torque, SI",
            "(41), (42)",
            "currents (J^Q, −τ/V), forces (−∇T/T, −n̂ × ∂n̂/∂t)",
        ),
        Field(
            "onsager_violation",
            ("n_hat", "gamma", "mu", "temperature"),
            violation,
            "1",
            "largest relative violation of A(n̂) = [A(−n̂)]ᵀ",
            nan_ok=True,
        ),
    ]
