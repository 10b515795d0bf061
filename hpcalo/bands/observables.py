"""What colours bands and is no part of a response: all components of the spin, and the weight on each site."""

from __future__ import annotations

import numpy as np

from hpcalo.hamiltonian.film import nearest_atoms
from hpcalo.hamiltonian.types import Crystal, LcaoModel, Model, WannierModel
from hpcalo.kubo.states.lcao_point import LcaoPoint
from hpcalo.kubo.states.observable import LevelProperty, Observable
from hpcalo.kubo.states.spin_current import SPIN_VECTOR
from hpcalo.kubo.states.wannier_line import WannierLine, WannierParts
from hpcalo.typing import IntArray, RealArray

AT_AN_ATOM = 1.5
"""Å; a function farther from every atom belongs to none of them."""


class SpinVector(LevelProperty):
    """<σ_v> of a level, v = x, y, z, in ħ/2."""

    name = "spin_vector"
    unit = "hbar/2"

    def missing(self, model: Model) -> str:
        return SPIN_VECTOR.missing(model)

    def wannier_parts(self, model: WannierModel, need: frozenset[Observable]) -> WannierParts:
        return SPIN_VECTOR.wannier_parts(model, need)

    def wannier(self, line: WannierLine) -> RealArray:
        if "spin" in line.summed:
            return line.diagonal(line.summed["spin"]).real
        c = line.c_knn
        found: RealArray = np.einsum("kan,vab,kbn->kvn", c.conj(), line.fixed["pauli"], c, optimize=True).real
        return found

    def lcao(self, point: LcaoPoint, out: RealArray) -> None:
        """From the vectors x = L†c, for which spin blocks are orthonormal."""
        up, down = (np.einsum("an,an->n", x.conj(), x).real for x in point.x)
        mixed = np.einsum("an,an->n", point.x[0].conj(), point.x[1])
        out += np.stack([2.0 * mixed.real, 2.0 * mixed.imag, up - down])


class SiteWeight(LevelProperty):
    """Weight of a level on each site; the sum is 1. With overlap, Mulliken's: half of what two sites share is each's.

    site_of_orbital: number of the site of each function, without spin for atomic orbitals.
    """

    name = "site_weight"
    unit = ""

    def __init__(self, site_of_orbital: IntArray, sites: int) -> None:
        self._member = (site_of_orbital == np.arange(sites)[:, None]).astype(np.float64)
        self._identity = (self.name, sites, site_of_orbital.tobytes())

    def __eq__(self, other: object) -> bool:
        """Of two models the weights are two observables."""
        return isinstance(other, SiteWeight) and other._identity == self._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def shape(self, crystal: Crystal) -> tuple[int, ...]:
        return (len(self._member),)

    def wannier(self, line: WannierLine) -> RealArray:
        found: RealArray = np.matmul(self._member, np.abs(line.c_knn) ** 2)
        return found

    def lcao(self, point: LcaoPoint, out: RealArray) -> None:
        for c in point.c:
            out += self._member @ (c.conj() * (point.plain["S"] @ c)).real


def sites(model: Model) -> tuple[tuple[str, ...], IntArray]:
    """Names of the sites ("Mn1", "W2"), and the site of each function: (N,), of atomic orbitals without spin (N/2,).

    A function belongs to the atom that is nearest to its centre, also in other cells; where no atom is near, or none
    is known, to a site of its own ("centre 1"), which functions at the same position share.
    """
    crystal = model.crystal
    centres = model.tau if isinstance(model, LcaoModel) else model.centres
    names = [f"{symbol}{number + 1}" for number, symbol in enumerate(crystal.symbols)]
    known = len(names)
    found = np.full(len(centres), -1)
    if known:
        nearest = nearest_atoms(centres, crystal.lattice, crystal.positions)
        found = np.where(_apart(crystal, centres, crystal.positions[nearest]) < AT_AN_ATOM, nearest, -1)
    for i in range(len(centres)):
        if found[i] < 0:
            names.append(f"centre {len(names) - known + 1}")
            here = (found < 0) & (_apart(crystal, centres, centres[i]) < 1e-3)
            found[here] = len(names) - 1
    return tuple(names), found.astype(np.int64)


def _apart(crystal: Crystal, a: RealArray, b: RealArray) -> RealArray:
    """Å, between a (N, 3) and the nearest images of b, (N, 3) or (3,)."""
    images = np.stack(np.meshgrid(*(np.arange(-1, 2),) * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    shift = (a - b) @ np.linalg.inv(crystal.lattice)
    shift -= np.round(shift)
    found: RealArray = np.linalg.norm((shift[:, None] + images) @ crystal.lattice, axis=-1).min(axis=1)
    return found
