"""`seed.spn`: spin matrices between Bloch states, unformatted or formatted, as pw2wannier90 writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.text import first_integers, fortran_records, numbers, read_bytes, read_text
from hpcalo.typing import ComplexArray

MAX_BANDS = 20_000


def read_spn(path: Path, bands: int, nk: int) -> ComplexArray:
    """<a|σ_v|b> of the states that are not excluded, (nk, 3, bands, bands), without units (σ, not ħσ/2).

    bands, nk: as in the checkpoint. Raises ModelError: missing, truncated, another number of bands or
    k-points.
    """
    # An unformatted file begins with the length of its 60-character header: 60, 0, 0, 0.
    unformatted = b"\0" in read_bytes(path, "spin matrices (.spn)")[:4]
    packed = _unformatted(path, bands, nk) if unformatted else _formatted(path, bands, nk)
    if not np.isfinite(packed).all():
        raise ModelError(f"{path}: contains a number that is not finite")
    spin = np.zeros((nk, 3, bands, bands), dtype=np.complex128)
    row, column = np.tril_indices(bands)  # the file runs over m = 1…bands and, inside, n = 1…m: it holds <n|σ|m>
    spin[:, :, column, row] = packed
    spin[:, :, row, column] = packed.conj()
    diagonal = packed[:, :, row == column]
    if np.abs(diagonal.imag).max() > 1e-6 or np.abs(diagonal).max() > 1 + 1e-6:
        raise ModelError(f"{path}: expectation values of σ are not real numbers between −1 and 1: damaged")
    return spin


def _check_counts(path: Path, found: tuple[int, int], bands: int, nk: int) -> None:
    if not 1 <= found[0] <= MAX_BANDS or found[1] < 1:
        raise ModelError(f"{path}: {found[0]} bands and {found[1]} k-points: not a file with spin matrices (.spn)")
    if found != (bands, nk):
        raise ModelError(
            f"{path}: spin matrices of {found[0]} bands at {found[1]} k-points, the checkpoint has {bands} at {nk}"
        )


def _unformatted(path: Path, bands: int, nk: int) -> ComplexArray:
    records = fortran_records(path, "spin matrices (.spn)")
    if len(records) < 2 or len(records[1]) != 8:
        raise ModelError(f"{path}: its second record is not two whole numbers: not a file with spin matrices (.spn)")
    found = np.frombuffer(records[1], dtype="<i4")
    _check_counts(path, (int(found[0]), int(found[1])), bands, nk)
    half = bands * (bands + 1) // 2
    blocks = records[2 : 2 + nk]
    if len(blocks) != nk:
        raise ModelError(f"{path}: spin matrices of {len(blocks)} k-points, expected {nk}: truncated")
    for i, block in enumerate(blocks):
        if len(block) != 48 * half:
            raise ModelError(f"{path}: k-point {i + 1}: {len(block)} bytes, expected {48 * half} for {bands} bands")
    data = np.frombuffer(b"".join(blocks), dtype="<c16")
    return data.reshape(nk, half, 3).transpose(0, 2, 1)


def _formatted(path: Path, bands: int, nk: int) -> ComplexArray:
    body = read_text(path, "spin matrices (.spn)").partition("\n")[2]
    found = first_integers(body, 2, path, "the numbers of bands and of k-points")
    _check_counts(path, (found[0], found[1]), bands, nk)
    half = bands * (bands + 1) // 2
    values = numbers(body, path, 2)[2:]
    if values.size != nk * half * 6:
        raise ModelError(f"{path}: {values.size} numbers, expected {nk * half * 6} for {bands} bands at {nk} k-points")
    return values.view(np.complex128).reshape(nk, half, 3).transpose(0, 2, 1)
