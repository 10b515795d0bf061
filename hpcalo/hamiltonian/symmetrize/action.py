"""What an operation does to the matrices X(R): T_g[X](W R + L_c − L_a) = M D X(R) D†, conjugated with time reversal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hpcalo.hamiltonian.symmetrize.sites import Sites
from hpcalo.hamiltonian.symmetry import Operation
from hpcalo.typing import BoolArray, ComplexArray, IntArray, RealArray

SCALAR, POLAR, AXIAL, TIMELESS, MOVING = "scalar", "polar", "axial", "timeless axial", "moving polar"
"""How the components of X turn: not (Hamiltonian), as r, as the spin, which also changes sign with time, as real
spin-orbit coupling, which does not, or as a velocity."""


def components(kind: str, op: Operation) -> RealArray:
    """M: (1, 1) or (3, 3)."""
    if kind == SCALAR:
        return np.ones((1, 1))
    if kind in {POLAR, MOVING}:
        return op.polar if kind == POLAR else op.time_sign * op.polar
    return op.axial if kind == TIMELESS else op.time_sign * op.axial


class Cells:
    """The cells R of a model, found by their coordinates."""

    def __init__(self, R: IntArray) -> None:
        self.R = R
        self._low = R.min(axis=0) - 1
        self._size = R.max(axis=0) - self._low + 2
        self._number = np.full(int(np.prod(self._size)), -1, dtype=np.int64)
        self._number[self._key(R)] = np.arange(len(R))

    def _key(self, R: IntArray) -> IntArray:
        inside = np.clip(R - self._low, 0, self._size - 1)
        return np.asarray(np.ravel_multi_index(tuple(inside.T), tuple(self._size)))

    def find(self, R: IntArray) -> IntArray:
        """The number of each cell, −1 for one that is not there."""
        return self._number[self._key(R)]


def site_pairs(sites: Sites, g: int, R: IntArray) -> Iterator[tuple[int, int, int, int, IntArray]]:
    """For sites a, c: a, c, their images b, d, and the cells W R + L_c − L_a that the cells R go to."""
    turned = R @ sites.group.operations[g].rotation.T
    image, shift = sites.image[g], sites.shift[g]
    for a in range(len(image)):
        for c in range(len(image)):
            yield a, c, int(image[a]), int(image[c]), turned + shift[c] - shift[a]


def transformed(
    X_Rvnn: NDArray, D_nn: NDArray, sites: Sites, g: int, kind: str, cells: Cells
) -> tuple[ComplexArray, float]:
    """T_g[X] on the same cells, (nR, v, N, N), and the largest element that would go to a cell that is not there."""
    op = sites.group.operations[g]
    X = X_Rvnn.conj() if op.time_reversal else X_Rvnn
    D_nn = D_nn if D_nn.imag.any() else D_nn.real  # real matrices stay real
    turned = D_nn @ np.einsum("vw,Rwmn->Rvmn", components(kind, op), X) @ D_nn.conj().T
    result = np.zeros(X_Rvnn.shape, dtype=np.result_type(X_Rvnn, D_nn))
    lost = 0.0
    blocks = sites.blocks
    for _, _, b, d, target in site_pairs(sites, g, cells.R):
        number = cells.find(target)
        part = turned[:, :, blocks[b][:, None], blocks[d]]
        known = number >= 0
        result[
            number[known][:, None, None, None], np.arange(X.shape[1])[:, None, None], blocks[b][:, None], blocks[d]
        ] = part[known]
        lost = max(lost, float(np.abs(part[~known]).max(initial=0.0)))
    return result, lost


def complete(sites: Sites, cells: Cells) -> BoolArray:
    """Which elements (nR, N, N) have all their images in these cells; the others cannot be part of a symmetric X."""
    S = len(sites.exact)
    whole = np.ones((len(cells.R), S, S), dtype=bool)
    for g in range(len(sites.group.operations)):
        for a, c, _, _, target in site_pairs(sites, g, cells.R):
            whole[:, a, c] &= cells.find(target) >= 0
    return whole[:, sites.of[:, None], sites.of]
