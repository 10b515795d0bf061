"""Magnetic sublattices: which atoms have their moments in one direction, and which orbitals belong to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpcalo.hamiltonian.film import nearest_atoms
from hpcalo.hamiltonian.types import Crystal
from hpcalo.typing import RealArray

WEAK = 0.1
"""Exchange of an atom, relative to the largest, below which it is of no sublattice: a moment that neighbours induce."""
WEAK_ORBITALS = 0.25
"""The same of atomic orbitals, which reach into the exchange of their neighbours: tungsten next to manganese, 0.13."""
TOGETHER = np.cos(np.radians(20.0))
"""Cosine of the angle between the moments of one sublattice; spin-orbit coupling cants them by a few degrees."""
REST = "rest"


def found_sublattices(exchange: RealArray, n_hat: RealArray, weak: float = WEAK) -> tuple[int, ...]:
    """For each atom the number of its sublattice, 1, 2, …, or 0 of an atom that is hardly magnetic.

    exchange: (atoms, 3), splittings along the moments. weak: as `WEAK`. The sublattice whose moments are nearest to n̂
    is the first; the others follow by their first atom. Empty where all moments have one direction.
    """
    sizes = np.linalg.norm(exchange, axis=1)
    magnetic = np.flatnonzero(sizes > weak * max(float(sizes.max(initial=0.0)), 1e-300))
    directions = exchange / np.maximum(sizes, 1e-300)[:, None]
    groups: list[list[int]] = []
    for atom in magnetic.tolist():
        home = next((g for g in groups if directions[g[0]] @ directions[atom] > TOGETHER), None)
        if home is None:
            groups.append([atom])
        else:
            home.append(atom)
    if len(groups) < 2:
        return ()
    first = max(groups, key=lambda g: float(directions[g[0]] @ n_hat))
    number = np.zeros(len(exchange), dtype=int)
    for i, group in enumerate(sorted(groups, key=lambda g: (g is not first, g[0]))):
        number[group] = i + 1
    return tuple(number.tolist())


def labels(crystal: Crystal) -> list[str]:
    """Names of the components of what is resolved by sublattice: "1", "2", …, and "rest" where an atom is of none."""
    numbers = sorted(set(crystal.sublattices or (1,)))
    return [str(n) for n in numbers if n] + [REST] * (numbers[0] == 0)


def shares(crystal: Crystal, centres: RealArray) -> RealArray:
    """(S, N): 1 where an orbital (centres: (N, 3) Å) belongs to the component, else 0; each belongs to one."""
    if not crystal.sublattices:
        return np.ones((1, len(centres)))
    of_orbital = np.array(crystal.sublattices)[nearest_atoms(centres, crystal.lattice, crystal.positions)]
    numbers = [0 if label == REST else int(label) for label in labels(crystal)]
    return np.array([of_orbital == number for number in numbers], dtype=np.float64)


def text(crystal: Crystal) -> str:
    """The atoms of each component: "1: Mn1 Mn3, 2: Mn2, rest: O4"."""
    parts = []
    for label in labels(crystal):
        number = 0 if label == REST else int(label)
        atoms = [f"{s}{i + 1}" for i, s in enumerate(crystal.symbols) if crystal.sublattices[i] == number]
        parts.append(f"{label}: {' '.join(atoms)}")
    return ", ".join(parts)


def collinear(exchange: RealArray, sublattices: Sequence[int]) -> bool:
    """Whether the exchange (atoms, 3) of all atoms that belong to a sublattice is along ± one axis."""
    vectors = exchange[np.array(sublattices) > 0]
    unit = vectors / np.linalg.norm(vectors, axis=1)[:, None]
    return bool(np.abs(unit @ unit[0]).min(initial=1.0) > TOGETHER)
