"""What the observables of an orthonormal model are made of, at the points of one line of k."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hpcalo.typing import ComplexArray, RealArray

AXIS_PAIRS = ((1, 2), (2, 0), (0, 1))
"""(yz, zx, xy), the components of an antisymmetric tensor as an axial vector."""


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

    E_kn: (K, N) eV. c_knn: (K, N, N), eigenvectors in columns. H_knn: (K, N, N) eV; dH_knvm: (K, N, v, N) eV Å, its
    gradient along `directions`. summed: the parts X(k) by name, (K, N, v, N). fixed: parts without k. centres: (N, 3)
    Å. n_hat: (3,).
    """

    E_kn: RealArray
    c_knn: ComplexArray
    H_knn: ComplexArray
    dH_knvm: ComplexArray
    summed: Mapping[str, ComplexArray]
    fixed: Mapping[str, ComplexArray]
    centres: RealArray
    n_hat: RealArray
    directions: tuple[int, ...]

    @cached_property
    def _c_dagger(self) -> ComplexArray:
        return np.ascontiguousarray(self.c_knn.conj().transpose(0, 2, 1))

    def rotated(self, operators: ComplexArray) -> ComplexArray:
        """<n|O_v|m> as (K, N, v, N) from (K, N, v, N) in the orbital basis: two products for all components."""
        K, N, v, _ = operators.shape
        half = self._c_dagger @ operators.reshape(K, N, v * N)
        return (half.reshape(K, N * v, N) @ self.c_knn).reshape(K, N, v, N)

    @cached_property
    def gradient_and_positions(self) -> ComplexArray:
        """∂H along `directions`, the position matrix A, and (with a part "curl") the curl of A, side by side in the
        eigenbasis: (K, N, v, N).
        """
        parts = [self.dH_knvm, self.summed["A"]]
        if "curl" in self.summed:
            parts.append(self.summed["curl"])
        return self.rotated(np.concatenate(parts, axis=2))

    @property
    def positions(self) -> ComplexArray:
        """The position matrix A in the eigenbasis, the components of the part "A": (K, N, v, N) Å."""
        d = self.dH_knvm.shape[2]
        return self.gradient_and_positions[:, :, d : d + self.summed["A"].shape[2]]
