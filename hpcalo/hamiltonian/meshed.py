"""Matrices of a model on a mesh of k that holds all of its cells, for sums that need both k and R."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hpcalo.hamiltonian.types import WannierModel
from hpcalo.typing import ComplexArray, IntArray, RealArray

WIDEST = 2e5
"""Elements of a matrix on the mesh beyond which it is no wider than the cells of the model."""
KEPT = 1e-9
"""eV; matrices in further cells that are smaller are left out."""


@dataclass(frozen=True)
class Meshed:
    """A mesh of k with an odd number of points along each direction that repeats, and the cells that belong to it.

    k: (K, 3). R: (K, 3), symmetric about 0; r: (K, 3) Å. minus: (K,), the number of −k. A: (K, 3, N, N) Å.
    """

    k: RealArray
    R: IntArray
    r: RealArray
    minus: IntArray
    A: ComplexArray

    @staticmethod
    def of(model: WannierModel) -> Meshed:
        """Twice as wide as the cells of the model, where that is not too much."""
        reach = np.abs(model.R).max(axis=0)
        wide = np.prod(4 * reach + 1) * model.size**2 <= WIDEST
        counts = [int(n) for n in (4 * reach + 1 if wide else 2 * reach + 1)]
        axes = [np.arange(n) - n // 2 for n in counts]
        R = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        A = np.zeros((len(R), 3, model.size, model.size), dtype=np.complex128)
        A[:, :, range(model.size), range(model.size)] = model.centres.T
        mesh = Meshed(R / np.array(counts), R, R @ model.crystal.lattice, np.arange(len(R))[::-1], A)
        return mesh if model.A_Rvnn is None else replace(mesh, A=mesh.bloch(model, model.A_Rvnn))

    def bloch(self, model: WannierModel, X: ComplexArray) -> ComplexArray:
        """X(k) of the model's matrices X(R): (K, …)."""
        return np.asarray(np.tensordot(np.exp(2j * np.pi * self.k @ model.R.T), X, 1), dtype=np.complex128)

    def barred(self, X: ComplexArray) -> ComplexArray:
        """X(−k)*, the matrix that complex conjugation in real space makes of X(k)."""
        return X[self.minus].conj()

    def cells(self, X: ComplexArray) -> ComplexArray:
        """X(R) on the cells of the mesh from X(k), (K, …)."""
        return np.asarray(self._transformed(X, np.fft.fftn) / len(self.k), dtype=np.complex128)

    def weighted(self, X: ComplexArray, weight_R: RealArray) -> ComplexArray:
        """X(k) with each X(R) multiplied by a number: (K, N, N)."""
        weighted_R = weight_R[:, None, None] * self._transformed(X, np.fft.fftn)
        return self._transformed(weighted_R, np.fft.ifftn)

    def _transformed(self, X: ComplexArray, transform: Callable[..., ComplexArray]) -> ComplexArray:
        """A Fourier transform on the mesh, whose points and cells are both in order from the most negative on."""
        shape = 2 * self.R.max(axis=0) + 1
        whole = np.fft.ifftshift(X.reshape(*shape, *X.shape[1:]), axes=(0, 1, 2))
        result = np.fft.fftshift(transform(whole, axes=(0, 1, 2)), axes=(0, 1, 2))
        return np.asarray(result.reshape(X.shape), dtype=np.complex128)

    def widened(self, model: WannierModel, odd: ComplexArray) -> WannierModel:
        """The model with an exchange part given at k, on its own cells and those beyond that it reaches."""
        there = self.cells(odd)
        own = {tuple(r): i for i, r in enumerate(model.R.tolist())}
        large = np.abs(there).max(axis=(1, 2)) > KEPT
        new = [i for i, r in enumerate(self.R.tolist()) if large[i] and tuple(r) not in own]
        R = np.concatenate([model.R, self.R[new]])
        place = {tuple(r): i for i, r in enumerate(self.R.tolist())}

        def more(X: ComplexArray | None) -> ComplexArray | None:
            return None if X is None else np.concatenate([X, np.zeros((len(new), *X.shape[1:]), X.dtype)])

        return replace(
            model,
            R=R,
            H_Rnn=np.concatenate([model.H_Rnn, np.zeros((len(new), model.size, model.size), np.complex128)]),
            A_Rvnn=more(model.A_Rvnn),
            spin_Rvnn=more(model.spin_Rvnn),
            external_Rvnn=more(model.external_Rvnn),
            odd_Rnn=there[[place[tuple(r)] for r in R.tolist()]],
        )
