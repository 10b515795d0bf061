"""`seed.uHu`: <u_m,k+b1|H(k)|u_n,k+b2> between Bloch states, unformatted or formatted (pw2wannier90, write_uHu)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.records import LARGEST, FortranRecords, is_unformatted
from hpcalo.hamiltonian.readers.wannier90.stream import NumberStream
from hpcalo.typing import ComplexArray, IntArray

WHAT = "matrix elements of H between neighbours (.uHu)"


def neighbour_matrices(path: Path, bands: int, nk: int, nn: int) -> Iterator[ComplexArray]:
    """The matrices (bands, bands) eV one after the other: k slowest, then b2, then b1, each as <b1|H|b2>.

    bands, nk, nn: as in the checkpoint and `.mmn`. Raises ModelError: missing, truncated, other counts, not finite.
    """
    if is_unformatted(path, WHAT):
        yield from _unformatted(path, bands, nk, nn)
    else:
        yield from _formatted(path, bands, nk, nn)


def _unformatted(path: Path, bands: int, nk: int, nn: int) -> Iterator[ComplexArray]:
    with FortranRecords(path, WHAT) as records:
        records.text("the header")
        _check(path, records.integers(3, "the numbers of bands, k-points and neighbours"), bands, nk, nn)
        for i in range(nk * nn * nn):
            values = records.complexes(bands * bands, f"matrix {i + 1} of {nk * nn * nn}")
            yield values.reshape(bands, bands)


def _formatted(path: Path, bands: int, nk: int, nn: int) -> Iterator[ComplexArray]:
    with NumberStream(path, WHAT) as stream:
        stream.line()
        counts = stream.integers(3, "the numbers of bands, k-points and neighbours", by_line=True)
        _check(path, counts, bands, nk, nn)
        for i in range(nk * nn * nn):
            values = stream.take(2 * bands * bands)
            if len(values) < 2 * bands * bands:
                raise ModelError(f"{path}: ends before matrix {i + 1} of {nk * nn * nn}: truncated")
            if not (abs(values) < LARGEST).all():
                raise ModelError(f"{path}: matrix {i + 1}: contains a number that is far too large")
            yield values.view("c16").reshape(bands, bands)


def _check(path: Path, counts: IntArray, bands: int, nk: int, nn: int) -> None:
    if tuple(counts.tolist()) != (bands, nk, nn):
        raise ModelError(
            f"{path}: {counts[0]} bands, {counts[1]} k-points, {counts[2]} neighbours; checkpoint and .mmn have "
            f"{bands}, {nk}, {nn}: the files are of different runs"
        )
