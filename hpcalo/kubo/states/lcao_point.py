"""What the observables of an atomic-orbital model are made of, at one k-point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hpcalo.kubo.states.pool import Pool
from hpcalo.typing import ComplexArray, RealArray


@dataclass(frozen=True)
class LcaoPoint:
    """Eigenstates at one k-point, and matrices between the N orbitals without spin; M = 2N states.

    E: (M,) eV. x: (2, N, M) eigenvectors in the orthonormal basis L†c, first axis the spin. rows: (M, 2N), the
    eigenvectors c with c†Sc = 1, one a row. plain: S (unit 1) and the observables' own parts by name, (N, N). graded:
    (H_0, Δ, soc …, canted …), (g, N, N) eV; gradient: ((v + 1)/2, g, N, N) eV Å along `directions`, two in one as
    `packed_directions` says. tau: (N, 3) Å, positions of the orbitals. pool: where large arrays come from.
    """

    E: RealArray
    x: ComplexArray
    rows: ComplexArray
    plain: Mapping[str, ComplexArray]
    graded: ComplexArray
    gradient: ComplexArray
    directions: tuple[int, ...]
    tau: RealArray
    spins: SpinStructure
    fixed: Mapping[str, RealArray]
    pool: Pool

    @property
    def c(self) -> ComplexArray:
        """The eigenvectors in columns, (2, N, M), first axis the spin."""
        M = len(self.rows)
        return self.rows.reshape(M, 2, -1).transpose(1, 2, 0)

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
        M = len(self.E)
        return self.spins.spinor(X, self.pool.array(M, M))


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

    def spinor(self, X: ComplexArray, out: ComplexArray) -> ComplexArray:
        """(2N, 2N) from the spin components X, each (N, N), written to out."""
        g, N, _ = X.shape
        blocks = np.matmul(self._coefficients(g), X.reshape(g, N * N)).reshape(2, 2, N, N)
        out.reshape(2, N, 2, N)[...] = blocks.transpose(0, 2, 1, 3)
        return out

    def _coefficients(self, g: int) -> ComplexArray:
        """(4, g): how much of each component is in each spin block."""
        sigma = np.zeros((3, g), dtype=np.complex128)  # of σ_x, σ_y, σ_z
        sigma[:, 1] = 0.5 * self.n_hat
        for i, v in enumerate(self.soc):
            sigma[v, 2 + i] = 1j
        if self.canted is not None:
            sigma[:, self.canted : self.canted + 3] = self.rotation
        one = np.zeros(g)
        one[0] = 1.0
        x, y, z = sigma
        return np.stack([one + z, x - 1j * y, x + 1j * y, one - z])


def packed_directions(directions: Sequence[int]) -> ComplexArray:
    """(3, (d + 1)/2): Cartesian components of gradients two in one: ∂_0 + i∂_1, and so on."""
    packed = np.zeros((3, -(-len(directions) // 2)), dtype=np.complex128)
    for i, v in enumerate(directions):
        packed[v, i // 2] = 1j if i % 2 else 1.0
    return packed
