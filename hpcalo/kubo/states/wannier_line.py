"""What the observables of an orthonormal model are made of, at the points of one line of k."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from hpcalo.kubo.kernels import _kubo
from hpcalo.kubo.states.pool import Pool
from hpcalo.typing import ComplexArray, RealArray

AXIS_PAIRS = ((1, 2), (2, 0), (0, 1))
"""(yz, zx, xy), the components of an antisymmetric tensor as an axial vector."""

XYZ = (0, 1, 2)

IN_CACHE = 2**14
"""Matrix elements of a piece of a line, 256 KiB."""

CURL = "curl"
"""Name of the part ∇ × A."""

GRADIENT_AND_POSITIONS = "gradient+positions"
"""Name of the part ∂H + iA, two Hermitian matrices in one."""


@dataclass(frozen=True)
class WannierParts:
    """What an observable takes from a WannierModel before the first k-point.

    summed: matrices X(R) between orbitals in cell 0 and cell R by name, each (nR, v, N, N), of which the line has
    X(k). fixed: matrices that are the same at every k, any shape. Observables may share a part by its name.
    """

    summed: Mapping[str, ComplexArray]
    fixed: Mapping[str, ComplexArray]


@dataclass(frozen=True)
class WannierLine:
    """Eigenstates at K points, and matrices in the orbital basis.

    E_kn: (K, N) eV. c_knn: (K, N, N), eigenvectors in columns. summed: the parts X(k) by name, (K, N, v, N), rows that
    are contiguous within a part. fixed: parts without k. n_hat: (3,). directions: Cartesian components of the velocity.
    pool: where arrays come from.
    """

    E_kn: RealArray
    c_knn: ComplexArray
    summed: Mapping[str, ComplexArray]
    fixed: Mapping[str, ComplexArray]
    n_hat: RealArray
    directions: tuple[int, ...]
    pool: Pool = field(default_factory=Pool)

    @cached_property
    def _c_dagger(self) -> ComplexArray:
        return np.conjugate(self.c_knn.transpose(0, 2, 1), out=self.pool.array(*self.c_knn.shape))

    def _half(self, operators: ComplexArray) -> ComplexArray:
        """c† O of all components of operators (K, N, v, N), of the same shape."""
        K, N, v, _ = operators.shape
        out = self.pool.array(K, N, v * N)
        return np.matmul(self._c_dagger, operators.reshape(K, N, v * N), out=out).reshape(K, N, v, N)

    def rotated(self, operators: ComplexArray) -> ComplexArray:
        """<n|O_v|m> as (K, N, v, N) from (K, N, v, N) in the orbital basis: two products for all components."""
        K, N, v, _ = operators.shape
        half = self._half(operators).reshape(K, N * v, N)
        return np.matmul(half, self.c_knn, out=self.pool.array(K, N * v, N)).reshape(K, N, v, N)

    def _rotated_in_pieces(self, operators: ComplexArray) -> Iterator[tuple[slice, ComplexArray]]:
        """`rotated` for a few points at a time, so that what uses them finds them in the cache.

        Each piece is overwritten by the next.
        """
        K, N, v, _ = operators.shape
        size = max(1, IN_CACHE // (N * v * N))
        half, whole = self.pool.array(size, N, v * N), self.pool.array(size, N * v, N)
        rows = operators.reshape(K, N, v * N)
        for start in range(0, K, size):
            piece = slice(start, min(start + size, K))
            n = piece.stop - start
            np.matmul(self._c_dagger[piece], rows[piece], out=half[:n])
            np.matmul(half[:n].reshape(n, N * v, N), self.c_knn[piece], out=whole[:n])
            yield piece, whole[:n].reshape(n, N, v, N)

    def diagonal(self, operators: ComplexArray) -> ComplexArray:
        """<n|O_v|n> as (K, v, N)."""
        found: ComplexArray = np.einsum("knvb,kbn->kvn", self._half(operators), self.c_knn)
        return found

    def hermitian(self, packed: ComplexArray, components: int) -> ComplexArray:
        """<n|O_v|m> of Hermitian components, (K, N, components, N), from two in one (`packed_pairs`)."""
        K, N, _, _ = packed.shape
        out = self.pool.array(K, N, components, N)
        for part, Z in self._rotated_in_pieces(packed):
            _kubo.hermitian_parts(Z, out[part])
        return out

    @cached_property
    def velocity_and_curvature(self) -> tuple[ComplexArray, RealArray]:
        """∂H + i[H, A] along `directions`, (K, N, d, N), and −i[A, A]_nn as (yz, zx, xy), (K, 3, N).

        From the part "gradient+positions"; the second has no points without the part CURL.
        """
        parts = self.summed[GRADIENT_AND_POSITIONS]
        K, N, v, _ = parts.shape
        velocity = self.pool.array(K, N, len(self.directions), N)
        curvature = np.empty((K if CURL in self.summed else 0, len(XYZ), N))
        places = np.array(self.directions if v == len(XYZ) else range(v), dtype=np.int32)
        for piece, Z in self._rotated_in_pieces(parts):
            _kubo.velocity_and_curvature(self.E_kn[piece], Z, places, velocity[piece], curvature[piece])
        return velocity, curvature


def packed_pairs(operators: ComplexArray) -> ComplexArray:
    """Hermitian matrices two in one, X_0 + iX_1, X_2 + iX_3, …: (nR, v, N, N) → (nR, (v + 1)/2, N, N).

    The products with the eigenvectors then cost half.
    """
    packed: ComplexArray = operators[:, ::2].astype(np.complex128)
    packed[:, : operators.shape[1] // 2] += 1j * operators[:, 1::2]
    return packed
