"""Eigenstates of many small Hermitian matrices."""

from __future__ import annotations

import numpy as np

from hpcalo.kubo.kernels import _kubo
from hpcalo.typing import ComplexArray, RealArray

SMALL = 64
"""Dimension up to which the kernel, eight matrices at a time, is quicker than LAPACK: 8 × at 18, 2.5 × at 60."""


def eigh(H_knn: ComplexArray) -> tuple[RealArray, ComplexArray]:
    """Eigenvalues (K, N), ascending, and eigenvectors in columns (K, N, N) of Hermitian matrices (K, N, N).

    The lower half is read. A matrix gives the same bits in any company. Raises LinAlgError.
    """
    K, N, _ = H_knn.shape
    if N <= SMALL:
        E_kn, c_knn = np.empty((K, N)), np.empty((K, N, N), dtype=np.complex128)
        if _kubo.eigh(np.ascontiguousarray(H_knn), E_kn, c_knn):
            return E_kn, c_knn
    E_kn, c_knn = np.linalg.eigh(H_knn)  # also what is not finite: the caller sees it in the result
    return E_kn, c_knn
