"""`seed.chk`: the Wannier90 checkpoint (Fortran unformatted), for the rotation from bands to Wannier functions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.text import check_sizes, fortran_records
from hpcalo.typing import ComplexArray, IntArray, RealArray

UNITARITY = 1e-5
LARGEST = 1e100  # no number in a checkpoint is near; squares of it are still numbers


@dataclass(frozen=True)
class WannierCheckpoint:
    """The part of a checkpoint that is used here.

    lattice: (3, 3) Å rows. k: (nk, 3) fractional. V_kbn: (nk, bands, N), columns are Wannier functions in terms of the
    `bands` states that are not excluded, U_dis · U with zeros outside the outer window.
    centres: (N, 3) Å.
    """

    lattice: RealArray
    k: RealArray
    V_kbn: ComplexArray
    centres: RealArray

    @property
    def bands(self) -> int:
        """Number of states per k-point that are not excluded."""
        return self.V_kbn.shape[1]


class _Records:
    """Hands out the records one after the other, each checked for its length."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.items = fortran_records(path, "a Wannier90 checkpoint (.chk)")
        self.position = 0

    def take(self, dtype: str, count: int, what: str) -> NDArray:
        if self.position >= len(self.items):
            raise ModelError(f"{self.path}: ends before {what}: truncated")
        record = self.items[self.position]
        self.position += 1
        needed = np.dtype(dtype).itemsize * count
        if len(record) != needed:
            raise ModelError(f"{self.path}: {what}: record {self.position} has {len(record)} bytes, expected {needed}")
        values = np.frombuffer(record, dtype=dtype)
        if values.dtype.kind in "fc" and not (np.abs(values) < LARGEST).all():
            raise ModelError(f"{self.path}: {what}: contains a number that is not finite or far too large")
        return values


def read_chk(path: Path) -> WannierCheckpoint:
    """Reads `seed.chk` of Wannier90 3.x. Raises ModelError: missing, truncated, other format, not unitary."""
    records = _Records(path)
    records.take("S1", len(records.items[0]) if records.items else 0, "the header")
    bands = int(records.take("<i4", 1, "the number of bands")[0])
    excluded = int(records.take("<i4", 1, "the number of excluded bands")[0])
    if not 0 <= excluded <= 10**6:
        raise ModelError(f"{path}: {excluded} excluded bands: not a Wannier90 checkpoint")
    records.take("<i4", excluded, "the excluded bands")
    lattice = records.take("<f8", 9, "the lattice").reshape(3, 3, order="F")
    records.take("<f8", 9, "the reciprocal lattice")
    nk = int(records.take("<i4", 1, "the number of k-points")[0])
    records.take("<i4", 3, "the mesh")
    if not 1 <= nk <= 10**7:
        raise ModelError(f"{path}: {nk} k-points: not a Wannier90 checkpoint")
    k = records.take("<f8", 3 * nk, "the k-points").reshape(nk, 3)
    neighbours = int(records.take("<i4", 1, "the number of neighbours")[0])
    N = int(records.take("<i4", 1, "the number of Wannier functions")[0])
    check_sizes(N, 1, path)
    if bands < N:
        raise ModelError(f"{path}: {bands} bands cannot make {N} Wannier functions")
    records.take("S1", 20, "the name of the stage")
    disentangled = bool(records.take("<i4", 1, "the flag of disentanglement")[0])
    if disentangled:
        records.take("<f8", 1, "Ω_I")
        window = records.take("<i4", bands * nk, "the outer window").reshape(nk, bands) != 0
        inside = records.take("<i4", nk, "the numbers of bands in the window")
        U_dis = records.take("<c16", bands * N * nk, "u_matrix_opt").reshape(nk, N, bands).mT
    elif bands != N:
        raise ModelError(f"{path}: {bands} bands, {N} Wannier functions, but not disentangled")
    U = records.take("<c16", N * N * nk, "u_matrix").reshape(nk, N, N).mT
    records.take("<c16", N * N * neighbours * nk, "the overlaps")
    centres = records.take("<f8", 3 * N, "the centres").reshape(N, 3)
    if not disentangled:
        V = np.array(U)
    else:
        if not np.array_equal(window.sum(axis=1), inside):
            raise ModelError(f"{path}: the outer window and its numbers of bands do not agree")
        V = np.zeros((nk, bands, N), dtype=np.complex128)
        for i in range(nk):
            # rows of u_matrix_opt count the bands inside the window, rows of V all that are not excluded
            V[i, window[i]] = U_dis[i, : inside[i]] @ U[i]
    gap = np.abs(V.conj().mT @ V - np.eye(N)).max()
    if not gap < UNITARITY:
        raise ModelError(f"{path}: the Wannier functions are orthonormal to {gap:.2g} only: damaged or not finished")
    return WannierCheckpoint(lattice=np.array(lattice), k=np.array(k), V_kbn=V, centres=np.array(centres))


def to_cells(X_knn: NDArray, k: RealArray, R: IntArray) -> ComplexArray:
    """X(R) = (1/nk) Σ_k exp(−2πi k·R) X(k), (nk, …, N, N) → (nR, …, N, N), on the cells R of the Hamiltonian."""
    phases = np.exp(-2j * np.pi * (R @ k.T)) / len(k)
    return np.tensordot(phases, X_knn, 1)
