"""Minimal-distance replicas: how matrices over R are spread over the nearest images of their pairs of orbitals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.exchange import odd_part
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.typing import ComplexArray, IntArray, RealArray


@dataclass(frozen=True)
class Folding:
    """How elements of X(R) go to the cells of the model: X_new[cell, m, n] += weight · X_old[source, m, n].

    The old X is already divided by the degeneracies. R: (nR, 3) new cells. source, cell, m, n: (entries,) numbers of
    the old cell, the new cell, the functions. weight: (entries,) 1/(number of replicas).
    """

    R: IntArray
    source: IntArray
    cell: IntArray
    m: IntArray
    n: IntArray
    weight: RealArray

    @classmethod
    def in_equal_parts(
        cls, cells: IntArray, source: IntArray, cell: IntArray, m: IntArray, n: IntArray, nR: int, N: int
    ) -> Folding:
        """The folding of these entries, with equal weights for all images of one element.

        nR, N: cells and functions of the old X. Raises ModelError if an element of the nR × N × N would get lost, so
        that the Hamiltonian would change.
        """
        key = (source * N + m) * N + n
        images = np.bincount(key, minlength=nR * N * N)
        if images.min() < 1:
            raise ModelError(
                f"replicas: {int((images == 0).sum())} of {nR * N * N} matrix elements have no cell in the model"
            )
        return cls(R=cells, source=source, cell=cell, m=m, n=n, weight=1.0 / images[key])

    def apply(self, X_Rnn: NDArray) -> ComplexArray:
        """(nR_old, …, N, N) → (nR_new, …, N, N), complex."""
        N = X_Rnn.shape[-1]
        picked = X_Rnn[self.source, ..., self.m, self.n]
        picked = picked * self.weight.reshape(-1, *([1] * (picked.ndim - 1)))
        flat = np.zeros((len(self.R) * N * N, *picked.shape[1:]), dtype=np.complex128)
        # one element can be reached from several R: `at` adds, where a plain index would overwrite
        np.add.at(flat, (self.cell * N + self.m) * N + self.n, picked)
        spread = flat.reshape(len(self.R), N, N, -1).transpose(0, 3, 1, 2)
        return np.ascontiguousarray(spread.reshape(len(self.R), *X_Rnn.shape[1:]))


def _odd(model: WannierModel, H_Rnn: ComplexArray, folding: Folding) -> ComplexArray | None:
    if model.odd_Rnn is None:
        return None
    return odd_part(H_Rnn, model.up, model.down) if len(model.up) else folding.apply(model.odd_Rnn)


def fold(model: WannierModel, folding: Folding) -> WannierModel:
    """The model with minimal-distance replicas put in; its exchange part is formed again from the new H."""
    H = folding.apply(model.H_Rnn)
    return replace(
        model,
        R=folding.R,
        H_Rnn=H,
        A_Rvnn=None if model.A_Rvnn is None else folding.apply(model.A_Rvnn),
        spin_Rvnn=None if model.spin_Rvnn is None else folding.apply(model.spin_Rvnn),
        external_Rvnn=None if model.external_Rvnn is None else folding.apply(model.external_Rvnn),
        odd_Rnn=_odd(model, H, folding),
        notes=(*model.notes, "minimal-distance replicas folded in"),
    )
