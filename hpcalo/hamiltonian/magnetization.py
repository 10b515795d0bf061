"""Direction of the magnetization of a WannierModel, and the moments of its atoms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hpcalo.hamiltonian.exchange import pauli_on_pairs, require_exchange, shares_not_along, spin_components
from hpcalo.hamiltonian.film import nearest_atoms
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.typing import ComplexArray, RealArray

MESH = 8
"""k-points per direction for moments: enough for a direction and a size to a few per cent."""
SNAP = 2e-3
"""A direction closer than this (radians) to an axis, face or space diagonal is taken to be it."""
ACROSS = 0.2
"""Share of the exchange part that may be spin across the moment without a warning: a collinear magnet has a few per
cent, from spin-orbit coupling.
"""
NO_MOMENT = 0.05
"""µ_B: the direction of a smaller moment of the cell is that of the exchange part."""


def occupied_spin(model: WannierModel, fermi_energy: float, mesh: int = MESH) -> tuple[float, RealArray]:
    """Electrons per cell and Σ_occ <σ_v> split over the orbitals, (3, N), on a Γ-centred mesh at T = 0."""
    axes = [np.arange(mesh if p else 1) / (mesh if p else 1) for p in model.crystal.periodic]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    total, count = np.zeros((3, model.size)), 0.0
    for block in np.array_split(points, max(1, len(points) // 64)):
        phases = np.exp(2j * np.pi * block @ model.R.T)
        energy, states = np.linalg.eigh(np.tensordot(phases, model.H_Rnn, 1))
        occupied = states * (energy < fermi_energy)[:, None, :]
        density = occupied @ states.conj().mT  # (nk, N, N): Σ_occ |n><n|
        count += float((energy < fermi_energy).sum())
        spin = _spin_of(model, phases)
        total += np.einsum("kvmn,knm->vm", spin, density).real
    return count / len(points), total / len(points)


def _spin_of(model: WannierModel, phases: NDArray) -> ComplexArray:
    if model.spin_Rvnn is None:
        return np.broadcast_to(pauli_on_pairs(model.up, model.down), (len(phases), 3, model.size, model.size))
    return np.tensordot(phases, model.spin_Rvnn, 1).astype(np.complex128)


def with_magnetization(model: WannierModel) -> WannierModel:
    """The model with n̂ = direction of the moment m = −µ_B<σ>, moments of the atoms along n̂, and notes on both.

    With a Fermi energy both are those of the occupied states (where they nearly cancel in the cell, the direction is
    that of the exchange part). Without one the exchange part decides, which raises the energy of spins along n̂; the
    moments are then its splittings relative to the largest: enough for symmetry, no µ_B. Raises ModelError if the
    model has no exchange part.
    """
    odd = require_exchange(model)
    home = int(np.flatnonzero((model.R == 0).all(axis=1))[0])
    vector = np.einsum("vii->vi", spin_components(odd[home], model.up, model.down)[1]).real  # ½Δ n̂ per pair
    atoms = nearest_atoms(model.centres, model.crystal.lattice, model.crystal.positions)
    split = np.zeros((len(model.crystal.symbols), 3))
    np.add.at(split, atoms[model.up], 2 * vector.T)
    per_atom = split / max(float(np.linalg.norm(split, axis=1).max(initial=0.0)), 1e-6)
    total = split.sum(axis=0)
    note = (
        "direction of the moment from the exchange splitting, moments of the atoms relative (no Fermi energy was given)"
    )
    if model.fermi_energy is not None:
        electrons, spin = occupied_spin(model, model.fermi_energy)
        per_atom = np.zeros_like(split)
        np.add.at(per_atom, atoms, -spin.T)
        size = float(np.linalg.norm(per_atom.sum(axis=0)))
        note = f"spin moment {size:.2f} µ_B and {electrons:.2f} electrons per cell on a {MESH}-point mesh"
        if size > NO_MOMENT:
            total = per_atom.sum(axis=0)
    if np.linalg.norm(total) < 1e-6:
        return model.with_notes("no net moment: magnetization direction set to z")
    n = snapped(total / np.linalg.norm(total))
    crystal = replace(model.crystal, moments=np.round(per_atom @ n, 3))
    return replace(model, crystal=crystal, n_hat=n).with_notes(
        f"{note}; moment along ({n[0]:.4g}, {n[1]:.4g}, {n[2]:.4g})", *_notes_on_direction(model, n)
    )


def snapped(n: RealArray) -> RealArray:
    """n̂, or the axis, face diagonal or space diagonal that is closer than SNAP."""
    grid = np.array([(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1) if (i, j, k) != (0, 0, 0)])
    special = grid / np.linalg.norm(grid, axis=1)[:, None]
    best = special[int(np.argmax(special @ n))]
    return best + 0.0 if np.linalg.norm(best - n) < SNAP else n


def _notes_on_direction(model: WannierModel, n: RealArray) -> tuple[str, ...]:
    """How much of H_odd is not of the form Δ ⊗ σ·n̂, and a warning if that is too much for one direction."""
    share, spinless = shares_not_along(require_exchange(model), n, model.up, model.down)
    text = (
        f"exchange part: {100 * share:.2g} % of it is perpendicular to the moment, "
        f"{100 * spinless:.2g} % is independent of spin"
    )
    if share <= ACROSS:
        return (text,)
    return (text, "warning: much of the exchange part is perpendicular to the moment: up and down functions "
                  "are in another order, or the magnet is not collinear")  # fmt: skip
