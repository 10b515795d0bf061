"""What the observables of an atomic-orbital model are made of, at one k-point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hpcalo.typing import ComplexArray, RealArray


@dataclass(frozen=True)
class LcaoPoint:
    """Eigenstates at one k-point, and matrices between the N orbitals without spin; M = 2N states.

    E: (M,) eV. x: (2, N, M) eigenvectors in the orthonormal basis L†c. c: (2, N, M), with c†Sc = 1, first axis the
    spin. plain: S (unit 1) and the observables' own parts by name, (N, N). graded: (H_0, Δ, soc …, canted …), (g, N,
    N) eV; gradient: (v, g, N, N) eV Å along `directions`. tau: (N, 3) Å, positions of the orbitals.
    """

    E: RealArray
    x: ComplexArray
    c: ComplexArray
    plain: Mapping[str, ComplexArray]
    graded: ComplexArray
    gradient: ComplexArray
    directions: tuple[int, ...]
    tau: RealArray
    spins: SpinStructure

    @property
    def n_hat(self) -> RealArray:
        """Direction of the magnetization, (3,)."""
        return self.spins.n_hat

    @property
    def across(self) -> ComplexArray | None:
        """The exchange across the magnetization, turned with it, (3, N, N) eV; None if there is none."""
        return self.spins.across(self.graded)

    def spinor(self, X: ComplexArray) -> ComplexArray:
        """(2N, 2N) from spin components like `graded` or one of its gradients."""
        return self.spins.spinor(X)


@dataclass(frozen=True)
class SpinStructure:
    """How the spin components (H_0, Δ, soc …, canted …) make a spinor matrix for a magnetization direction n̂.

    soc: the components v that the spin-orbit parts belong to, in order. canted: place of the first of the three parts
    of the exchange across the magnetization, None if there are none; rotation: (3, 3), takes the model's own
    magnetization to n̂.
    """

    n_hat: RealArray
    soc: Sequence[int]
    canted: int | None
    rotation: RealArray

    def across(self, X: ComplexArray) -> ComplexArray | None:
        """The exchange across the magnetization, turned with it: (3, N, N)."""
        if self.canted is None:
            return None
        return np.asarray(np.tensordot(self.rotation, X[self.canted : self.canted + 3], 1), dtype=np.complex128)

    def spinor(self, X: ComplexArray) -> ComplexArray:
        """(2N, 2N) from the spin components X, each (N, N)."""
        N = X.shape[-1]
        sigma: list[ComplexArray | None] = [0.5 * n * X[1] if n != 0.0 else None for n in self.n_hat]
        for i, v in enumerate(self.soc):
            soc, exchange = 1j * X[2 + i], sigma[v]
            sigma[v] = soc if exchange is None else exchange + soc
        H = np.zeros((2, N, 2, N), dtype=np.complex128)
        H[0, :, 0], H[1, :, 1] = X[0], X[0]
        across = self.across(X)
        if across is not None:
            for v, part in enumerate(across):
                earlier = sigma[v]
                sigma[v] = part if earlier is None else earlier + part
        x, y, z = sigma
        if z is not None:
            H[0, :, 0] += z
            H[1, :, 1] -= z
        for component, factor in ((x, 1.0), (y, -1j)):
            if component is not None:
                H[0, :, 1] += factor * component
                H[1, :, 0] += np.conj(factor) * component
        return H.reshape(2 * N, 2 * N)
