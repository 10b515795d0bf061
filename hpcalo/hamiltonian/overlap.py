"""Whether the overlap matrix of atomic orbitals can be one: S(k) must be positive."""

from __future__ import annotations

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.types import LcaoModel

SMALL = 1e-5
"""Smallest eigenvalue of S(k) that a model may have without a note."""


def smallest_overlap(model: LcaoModel) -> float:
    """Smallest eigenvalue of S(k) over the corners of the zone and three general points."""
    corners = [(i, j, k) for i in (0, 0.5) for j in (0, 0.5) for k in (0, 0.5)]
    points = np.array([*corners, (0.11, 0.23, 0.37), (0.29, 0.41, 0.07), (0.33, 0.33, 0.33)])
    points = np.unique(points * np.array(model.crystal.periodic), axis=0)
    phases = np.exp(2j * np.pi * points @ model.R.T)
    return min(float(np.linalg.eigvalsh(np.tensordot(p, model.S_Rnn, 1))[0]) for p in phases)


def require_positive_overlap(model: LcaoModel) -> LcaoModel:
    """The model, with a note if S(k) is nearly singular. Raises ModelError if S(k) is not positive."""
    smallest = smallest_overlap(model)
    if smallest <= 0:
        raise ModelError(f"overlap matrix S(k): smallest eigenvalue {smallest:.3g}, must be positive")
    if smallest < SMALL:
        return model.with_notes(f"overlap matrix nearly singular: smallest eigenvalue {smallest:.2g}")
    return model
