"""Sites: the atoms of the cell, the orbitals of each, what operations do to them, and the layers that they make."""

from __future__ import annotations

import numpy as np

from hpcalo.hamiltonian.film import SAME_LAYER, nearest_atoms
from hpcalo.hamiltonian.symmetry import Operation
from hpcalo.hamiltonian.types import Crystal
from hpcalo.typing import RealArray

WHOLE = "cell"
"""The one site of a model without atoms."""
CLOSE = 1e-3
"""Å, beyond the best translation's: images of atoms that are nearer than this to an atom are that atom."""


def labels(crystal: Crystal) -> list[str]:
    """Names of the sites in their order: "Mn1", "W2", …."""
    return [f"{symbol}{number + 1}" for number, symbol in enumerate(crystal.symbols)] or [WHOLE]


def members(crystal: Crystal, centres: RealArray) -> RealArray:
    """(sites, N): 1 where the site is the atom nearest to the orbital (centres: (N, 3) Å), else 0."""
    if not crystal.symbols:
        return np.ones((1, len(centres)))
    nearest = nearest_atoms(centres, crystal.lattice, crystal.positions)
    return np.asarray(nearest == np.arange(len(crystal.symbols))[:, None], dtype=np.float64)


def permutation(crystal: Crystal, operation: Operation) -> RealArray:
    """(sites, sites): 1 where the operation takes the second site to the first, else 0.

    An operation of a supercell goes with several translations, which take an atom to several: the mean over them.
    Atoms of one kind have one symbol, moment and sublattice; an operation that exchanges the sublattices reverses
    moments.
    """
    count = len(crystal.symbols)
    if not count or operation.is_identity:
        return np.eye(max(count, 1))
    fractional = crystal.positions @ np.linalg.inv(crystal.lattice)
    image = fractional @ operation.rotation.T
    alike = _alike(crystal, exchanges=operation.exchanges)
    gaps, matrices = [], []
    for other in np.flatnonzero(alike[:, 0]):
        apart = (image + fractional[other] - image[0])[None] - fractional[:, None]
        gap = np.where(alike, np.linalg.norm((apart - np.rint(apart)) @ crystal.lattice, axis=2), np.inf)
        gaps.append(float(gap.min(axis=0).max()))
        matrices.append((gap.argmin(axis=0) == np.arange(count)[:, None]).astype(np.float64))
    if not gaps:
        return np.eye(count)
    chosen = [matrix for gap, matrix in zip(gaps, matrices, strict=True) if gap <= min(gaps) + CLOSE]
    return np.asarray(np.mean(chosen, axis=0), dtype=np.float64)


def _alike(crystal: Crystal, *, exchanges: bool) -> RealArray:
    """(atoms, atoms): whether an operation may take the second to the first."""
    number, moments = np.array(crystal.sublattices or (0,) * len(crystal.symbols)), crystal.moments
    image = np.where(number == 1, 2, np.where(number == 2, 1, number)) if exchanges else number
    symbols = np.array(crystal.symbols)
    same = (symbols[:, None] == symbols) & (number[:, None] == image)
    return np.asarray(same & (np.abs(moments[:, None] - (-moments if exchanges else moments)) < 2e-3))


def layers(crystal: Crystal) -> tuple[list[str], RealArray]:
    """Names of a film's layers from below, and which sites each has, (layers, sites); none where the cell is no film.

    Atoms that follow each other by less than 0.3 Å of height make one layer; up is where the largest component of the
    normal is positive. A name has its elements and its height above the lowest: "W 0.00 Å", "Mn 14.21 Å".
    """
    if crystal.dimensions != 2 or not crystal.symbols:
        return [], np.zeros((0, max(len(crystal.symbols), 1)))
    in_plane = crystal.lattice[list(crystal.periodic)]
    normal = np.cross(in_plane[0], in_plane[1])
    up = np.sign(normal[np.argmax(np.abs(normal))])
    heights = crystal.positions @ (up * normal / np.linalg.norm(normal))
    order = np.argsort(heights, kind="stable")
    number = np.empty(len(order), dtype=int)
    number[order] = np.cumsum(np.diff(heights[order], prepend=heights[order[0]]) > SAME_LAYER)
    belong = (number == np.arange(number.max() + 1)[:, None]).astype(np.float64)
    means = belong @ heights / belong.sum(axis=1)
    names = []
    for layer, mean in zip(belong, means - means[0], strict=True):
        elements = dict.fromkeys(s for s, inside in zip(crystal.symbols, layer, strict=True) if inside)
        names.append(f"{'+'.join(elements)} {mean:.2f} Å")
    return names, belong
