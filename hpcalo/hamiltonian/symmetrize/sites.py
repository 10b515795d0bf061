"""Which functions sit where: the sites that the operations of the group map onto each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.orbitals import Orbital
from hpcalo.hamiltonian.symmetrize.geometry import TOLERANCE, SpaceGroup, space_group
from hpcalo.hamiltonian.types import Crystal
from hpcalo.typing import IntArray, RealArray

FAR = 0.45
"""A centre further from every atom than this part of the shortest distance of atoms is a site of its own."""
TOGETHER = 0.3
"""Å: centres far from atoms that are nearer to each other than this share a site."""


@dataclass(frozen=True)
class Sites:
    """The sites of N functions and what the group does to them.

    group: the group, with crystal and points exact. of: (N,) the site of each function. given, exact: (S, 3) Å its
    position in the cell where its functions are, before and after it was moved to where the group has it. image: (G,
    S) and shift: (G, S, 3), as in `SpaceGroup`, for these positions.
    """

    group: SpaceGroup
    of: IntArray
    given: RealArray
    exact: RealArray
    image: IntArray
    shift: IntArray

    @property
    def blocks(self) -> list[IntArray]:
        """The functions of each site."""
        return [np.flatnonzero(self.of == s) for s in range(len(self.given))]

    @property
    def moved(self) -> float:
        """How far a site was moved at most, Å."""
        return float(np.abs(self.exact - self.given).max(initial=0.0))


def find_sites(
    crystal: Crystal, n_hat: RealArray, centres: RealArray, orbitals: Sequence[Orbital] | None, *, time: bool = True
) -> Sites:
    """Sites from the positions of the orbitals, one for each function, else from the centres (N, 3) Å.

    time: with the operations that reverse it.

    Raises ModelError where the functions of one site lie in different cells, or the sites are not symmetric.
    """
    where = centres if orbitals is None else np.array([o.position for o in orbitals])
    anchors, kind = _anchors(crystal, where, alone=orbitals is not None)
    atoms = len(crystal.positions)
    used = np.unique(kind)
    extra = anchors[atoms:]
    group = space_group(crystal, n_hat, extra, time=time)
    of = np.searchsorted(used, kind)
    cells = _home_cells(crystal, anchors[kind], centres)
    home = np.zeros((len(used), 3))
    for s in range(len(used)):
        members = np.flatnonzero(of == s)
        home[s] = cells[members[0]]
        other = members[(cells[members] != home[s]).any(axis=1)]
        if len(other):
            raise ModelError(
                f"symmetry: functions {members[0] + 1} and {other[0] + 1} belong to one site but lie in different "
                "cells; shift one of them to the other's cell (translate_home_cell in Wannier90)"
            )
    image, shift = [], []
    number = np.full(len(anchors), -1)
    number[used] = np.arange(len(used))
    for g, op in enumerate(group.operations):
        to = number[group.image[g, used]]
        if (to < 0).any():
            atom = group.image[g, used[int((to < 0).argmax())]]
            raise ModelError(f"symmetry: atom {int(atom) + 1} has no functions, but atoms equivalent to it have")
        image.append(to)
        shift.append(group.shift[g, used] + home @ op.rotation.T - home[to])
    return Sites(
        group=group,
        of=of,
        given=anchors[used] + home @ crystal.lattice,
        exact=group.points[used] + home @ group.crystal.lattice,
        image=np.array(image),
        shift=np.rint(np.array(shift)).astype(np.int64),
    )


def _anchors(crystal: Crystal, where: RealArray, *, alone: bool) -> tuple[RealArray, IntArray]:
    """Atoms and further points (P, 3) Å, and the one that each function belongs to; alone: at its very position."""
    anchors = list(crystal.positions)
    spacing = _shortest(crystal)
    limit = 0.1 if alone else FAR * spacing
    kind = np.zeros(len(where), dtype=np.int64)
    for n, point in enumerate(where):
        distance = _distances(crystal, point, np.array(anchors).reshape(-1, 3))
        reach = np.full(len(anchors), max(TOLERANCE, 0.1 if alone else TOGETHER))
        reach[: len(crystal.positions)] = limit
        near = np.flatnonzero(distance < reach)
        if len(near):
            kind[n] = near[distance[near].argmin()]
        else:
            kind[n] = len(anchors)
            anchors.append(point)
    return np.array(anchors).reshape(-1, 3), kind


def _neighbours(crystal: Crystal) -> RealArray:
    span = [(-1, 0, 1) if p else (0,) for p in crystal.periodic]
    return np.array([(i, j, k) for i in span[0] for j in span[1] for k in span[2]], dtype=float)


def _distances(crystal: Crystal, point: RealArray, anchors: RealArray) -> RealArray:
    """From a point to the nearest image of each anchor, Å."""
    apart = point - anchors
    apart = apart - np.rint(apart @ np.linalg.inv(crystal.lattice)) * np.array(crystal.periodic) @ crystal.lattice
    images = apart[:, None] + _neighbours(crystal) @ crystal.lattice
    return np.asarray(np.linalg.norm(images, axis=-1).min(axis=1))


def _shortest(crystal: Crystal) -> float:
    """The shortest distance of two atoms, Å."""
    fractional = crystal.positions @ np.linalg.inv(crystal.lattice)
    apart = fractional[:, None] - fractional[None]
    apart = apart - np.rint(apart) * np.array(crystal.periodic)
    length = np.linalg.norm((apart[:, :, None] + _neighbours(crystal)) @ crystal.lattice, axis=-1)
    return float(length[length > 1e-3].min(initial=np.inf))


def _home_cells(crystal: Crystal, anchors: RealArray, centres: RealArray) -> RealArray:
    """The cell (N, 3) of the image of its anchor that is nearest to each centre."""
    apart = centres - anchors
    first = np.rint(apart @ np.linalg.inv(crystal.lattice)) * np.array(crystal.periodic)
    near = _neighbours(crystal)
    images = apart[:, None] - (first[:, None] + near[None]) @ crystal.lattice
    return np.asarray(first + near[np.linalg.norm(images, axis=-1).argmin(axis=1)])
