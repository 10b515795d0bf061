"""Shared by the readers: files as text or Fortran records, numbers in bulk, and one clear line when something is
wrong.
"""

from __future__ import annotations

import re
import struct
import warnings
from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError, nearest_file
from hpcalo.typing import IntArray, RealArray

MAX_FILE_BYTES = 4 * 2**30  # a Wannier90 file of a usable size is far below
MAX_ORBITALS = 5000
MAX_CELLS = 200_000
_EXPONENT_WITHOUT_E = re.compile(r"(\d)([+-]\d{3})(?=\s|$)")
_GLUED = re.compile(r"(\.\d{6,})(?=-\d*\.)")


def read_bytes(path: Path, what: str) -> bytes:
    """The file's content. Raises ModelError if it is missing, a folder, empty, unreadable or absurdly large."""
    try:
        if path.is_dir():
            raise ModelError(f"{path}: is a folder; expected a file with {what}")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ModelError(f"{path}: {size / 2**30:.1f} GiB: too large to be a file with {what}")
        if size == 0:
            raise ModelError(f"{path}: is empty; expected a file with {what}")
        return path.read_bytes()
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        hint = nearest_file(path) if isinstance(problem, FileNotFoundError) else ""
        raise ModelError(f"{path}: cannot read {what}: {reason}{hint}") from None


def read_text(path: Path, what: str) -> str:
    """The file as text. Raises ModelError as `read_bytes` and for binary content."""
    data = read_bytes(path, what)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if not text or "\0" in text:
        raise ModelError(f"{path}: is not text; expected a file with {what}")
    return text


def numbers(text: str, path: Path, first_line: int = 1) -> RealArray:
    """All blank-separated numbers of the text, in bulk.

    Fortran's habits are understood: an exponent of three digits without its letter (`0.12345678-100`) and fixed-format
    numbers without a blank between them. Raises ModelError naming line and text of the first thing that is no number;
    `first_line` is the line number of the beginning of the text.
    """
    values = _parse(text)
    if values is None:
        repaired = _EXPONENT_WITHOUT_E.sub(r"\1E\2", _GLUED.sub(r"\1 ", text.replace("D", "E").replace("d", "e")))
        values = _parse(repaired)
        if values is None:
            raise ModelError(_first_mistake(repaired, path, first_line))
    if not np.isfinite(values).all():
        raise ModelError(_first_mistake(text, path, first_line))
    return values


def _parse(text: str) -> RealArray | None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # NumPy warns of what is not a number
        try:
            return np.fromstring(text, sep=" ")
        except (DeprecationWarning, ValueError):
            return None


def _first_mistake(text: str, path: Path, first_line: int) -> str:
    for number, line in enumerate(text.split("\n"), first_line):
        for token in line.split():
            if "*" in token:
                return f"{path}: line {number}: '{token[:30]}': a number did not fit into its Fortran field"
            try:
                value = float(token)
            except ValueError:
                return f"{path}: line {number}: '{token[:30]}' is not a number"
            if not np.isfinite(value):
                return f"{path}: line {number}: '{token[:30]}' is not a finite number"
    return f"{path}: contains something that is not a number"


def first_integers(text: str, count: int, path: Path, what: str) -> list[int]:
    """The first `count` integers of the text. Raises ModelError if they are not there."""
    tokens = text.split(None, count)[:count]
    try:
        values = [int(t) for t in tokens]
    except ValueError:
        values = []
    if len(values) != count:
        raise ModelError(f"{path}: expected {what} (whole numbers), found '{' '.join(tokens)[:40]}'")
    return values


def check_sizes(N: int, nR: int, path: Path) -> None:
    """Raises ModelError for counts of orbitals and cells that no usable file has."""
    if not 1 <= N <= MAX_ORBITALS:
        raise ModelError(f"{path}: {N} Wannier functions, expected 1 to {MAX_ORBITALS}")
    if not 1 <= nR <= MAX_CELLS:
        raise ModelError(f"{path}: {nR} cells R, expected 1 to {MAX_CELLS}")


def whole(values: RealArray, path: Path, what: str) -> IntArray:
    """The values as integers. Raises ModelError if one is not whole."""
    result = np.rint(values)
    wrong = values[(values != result) | (np.abs(result) > 2**31)]
    if wrong.size:
        raise ModelError(f"{path}: {what}: {wrong[0]:g} is not a whole number (the columns are shifted)")
    return result.astype(np.int64)


def fortran_records(path: Path, what: str) -> list[bytes]:
    """The records of a Fortran sequential unformatted file (four-byte markers, little endian, as gfortran and ifort
    write).

    Raises ModelError if the markers do not fit together: truncated, another byte order or not such a file.
    """
    data = read_bytes(path, what)
    records: list[bytes] = []
    parts: list[bytes] = []
    position = 0
    while position < len(data):
        if position + 8 > len(data):
            raise ModelError(f"{path}: ends inside record {len(records) + 1}: truncated")
        head = struct.unpack_from("<i", data, position)[0]
        end = position + 4 + abs(head)
        if end + 4 > len(data):
            hint = "truncated" if records else f"truncated, or not an unformatted file with {what}"
            left = len(data) - position - 4
            raise ModelError(f"{path}: record {len(records) + 1} announces {abs(head)} bytes, {left} are left: {hint}")
        tail = struct.unpack_from("<i", data, end)[0]
        if abs(tail) != abs(head):
            raise ModelError(f"{path}: record {len(records) + 1}: its two length marks differ: not a file with {what}")
        parts.append(data[position + 4 : end])
        if head >= 0:  # a negative mark: the record (over 2 GiB) goes on in the next part
            records.append(b"".join(parts))
            parts = []
        position = end + 4
    return records
