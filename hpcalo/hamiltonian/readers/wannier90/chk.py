"""The Wannier90 checkpoint `seed.chk` (Fortran unformatted) or `seed.chk.fmt`: from bands to Wannier functions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.records import LARGEST, FortranRecords, is_unformatted
from hpcalo.hamiltonian.readers.wannier90.stream import NumberStream
from hpcalo.hamiltonian.readers.wannier90.text import check_sizes
from hpcalo.typing import ComplexArray, IntArray, RealArray

UNITARITY = 1e-5
WHAT = "a Wannier90 checkpoint (.chk)"


@dataclass(frozen=True)
class WannierCheckpoint:
    """The part of a checkpoint that is used here.

    lattice: (3, 3) Å rows. mesh: numbers of k-points along the three reciprocal vectors. k: (nk, 3) fractional.
    V_kbn: (nk, bands, N), columns are Wannier functions in terms of the `bands` states that are not excluded, U_dis · U
    with zeros outside the outer window. centres: (N, 3) Å. excluded: numbers of the excluded bands, from 1.
    """

    lattice: RealArray
    mesh: IntArray
    k: RealArray
    V_kbn: ComplexArray
    centres: RealArray
    excluded: IntArray

    @property
    def bands(self) -> int:
        """Number of states per k-point that are not excluded."""
        return self.V_kbn.shape[1]


class _Source(Protocol):
    """The items of a checkpoint, one after the other, of either twin."""

    def integers(self, count: int, what: str) -> IntArray: ...
    def reals(self, count: int, what: str) -> RealArray: ...
    def complexes(self, count: int, what: str) -> ComplexArray: ...
    def text(self, what: str) -> str: ...
    def skip(self, count: int, what: str) -> None: ...


class _Records(FortranRecords):
    """The unformatted twin: a record an item."""

    def skip(self, count: int, what: str) -> None:
        self.pass_over(16 * count, what)


class _Formatted:
    """The formatted twin: numbers on lines, which `w90chk2chk.x -export` writes."""

    def __init__(self, path: Path) -> None:
        self.stream = NumberStream(path, WHAT)
        self._texts = 0

    def integers(self, count: int, what: str) -> IntArray:
        values = self._take(count, what)
        if not (values == np.rint(values)).all():
            raise ModelError(f"{self.stream.path}: {what}: not a whole number")
        return values.astype(np.int64)

    def reals(self, count: int, what: str) -> RealArray:
        return self._take(count, what)

    def complexes(self, count: int, what: str) -> ComplexArray:
        return self._take(2 * count, what).view(np.complex128)

    def text(self, what: str) -> str:
        self._texts += 1
        return self.stream.line()

    def skip(self, count: int, what: str) -> None:
        left = 2 * count
        while left:
            left -= len(self._take(min(left, 2**20), what))

    def _take(self, count: int, what: str) -> RealArray:
        if 2 * count > self.stream.size:
            raise ModelError(self._short(what))
        # up to the second text, the name of the stage, nothing may be read ahead
        values = self.stream.take(count, by_line=self._texts < 2)
        if len(values) < count:
            raise ModelError(self._short(what))
        if not (np.abs(values) < LARGEST).all():
            raise ModelError(f"{self.stream.path}: {what}: contains a number that is far too large")
        return values

    def _short(self, what: str) -> str:
        return (
            f"{self.stream.path}: ends before {what}: truncated; 'w90chk2chk.x -export' makes it in full of the .chk "
            "(or leave the spin files out: spin = 'none')"
        )


@contextmanager
def _opened(path: Path) -> Iterator[_Source]:
    if is_unformatted(path, WHAT):
        with _Records(path, WHAT) as records:
            yield records
    else:
        formatted = _Formatted(path)
        with formatted.stream:
            yield formatted


def read_chk(path: Path) -> WannierCheckpoint:
    """Reads a checkpoint of Wannier90 2 to 4, formatted or not, of any byte order and width of record marks.

    Raises ModelError: missing, truncated, other format, not unitary.
    """
    with _opened(path) as source:
        source.text("the header")
        bands = _one(source, "the number of bands")
        excluded = _one(source, "the number of excluded bands")
        if not 0 <= excluded <= 10**6 or not 1 <= bands <= 10**6:
            raise ModelError(f"{path}: {bands} bands and {excluded} excluded bands: not a Wannier90 checkpoint")
        without = source.integers(excluded, "the excluded bands")
        lattice = source.reals(9, "the lattice").reshape(3, 3, order="F")
        source.reals(9, "the reciprocal lattice")
        nk = _one(source, "the number of k-points")
        mesh = source.integers(3, "the mesh")
        if not 1 <= nk <= 10**7 or mesh.min() < 1 or mesh.prod() != nk:
            raise ModelError(f"{path}: {nk} k-points on the mesh {mesh.tolist()}: not a Wannier90 checkpoint")
        k = source.reals(3 * nk, "the k-points").reshape(nk, 3)
        neighbours = _one(source, "the number of neighbours")
        N = _one(source, "the number of Wannier functions")
        check_sizes(N, 1, path)
        if bands < N:
            raise ModelError(f"{path}: {bands} bands cannot make {N} Wannier functions")
        source.text("the name of the stage")
        V = _rotation(source, path, bands, N, nk)
        if not 0 <= neighbours <= 1000:
            raise ModelError(f"{path}: {neighbours} neighbours of a k-point: not a Wannier90 checkpoint")
        source.skip(N * N * neighbours * nk, "the overlaps")
        centres = source.reals(3 * N, "the centres").reshape(N, 3)
    gap = np.abs(V.conj().mT @ V - np.eye(N)).max()
    if not gap < UNITARITY:
        raise ModelError(
            f"{path}: the Wannier functions are orthonormal to {gap:.2g} only: damaged, or the run did not finish"
        )
    return WannierCheckpoint(np.array(lattice), mesh, np.array(k), V, np.array(centres), without)


def _one(source: _Source, what: str) -> int:
    return int(source.integers(1, what)[0])


def _rotation(source: _Source, path: Path, bands: int, N: int, nk: int) -> ComplexArray:
    """(nk, bands, N): from all states that are not excluded to the Wannier functions."""
    if not _one(source, "the flag of disentanglement"):
        if bands != N:
            raise ModelError(f"{path}: {bands} bands, {N} Wannier functions, but not disentangled")
        return np.array(source.complexes(N * N * nk, "u_matrix").reshape(nk, N, N).mT)
    source.reals(1, "Ω_I")
    window = source.integers(bands * nk, "the outer window").reshape(nk, bands) != 0
    inside = source.integers(nk, "the numbers of bands in the window")
    U_dis = source.complexes(bands * N * nk, "u_matrix_opt").reshape(nk, N, bands).mT
    U = source.complexes(N * N * nk, "u_matrix").reshape(nk, N, N).mT
    if not np.array_equal(window.sum(axis=1), inside):
        raise ModelError(f"{path}: the outer window and its numbers of bands do not agree")
    V = np.zeros((nk, bands, N), dtype=np.complex128)
    for i in range(nk):
        # rows of u_matrix_opt count the bands inside the window, rows of V all that are not excluded
        V[i, window[i]] = U_dis[i, : inside[i]] @ U[i]
    return V


def to_cells(X_knn: NDArray, k: RealArray, R: IntArray) -> ComplexArray:
    """X(R) = (1/nk) Σ_k exp(−2πi k·R) X(k), (nk, …, N, N) → (nR, …, N, N), on the cells R of the Hamiltonian."""
    phases = np.exp(-2j * np.pi * (R @ k.T)) / len(k)
    return np.tensordot(phases, X_knn, 1)
