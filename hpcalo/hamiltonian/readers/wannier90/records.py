"""Records of a Fortran sequential unformatted file, one after the other, whatever compiler and machine wrote it."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.text import file_size, unreadable

MARKS = (("<", 4), (">", 4), ("<", 8), (">", 8))
"""Byte order and width of the length marks about a record, likelier ones first; four bytes unless a compiler option or
a very old gfortran made them eight.
"""
LARGEST = 1e100  # no number in such a file is near; squares of it are still numbers


def is_unformatted(path: Path, what: str) -> bool:
    """Whether the file is binary: a length mark has zero bytes, text has none. Raises ModelError if it is not there."""
    file_size(path, what)
    try:
        with path.open("rb") as file:
            return b"\0" in file.read(8)
    except OSError as problem:
        raise unreadable(path, what, problem) from None


class FortranRecords:
    """The records of a file; each is read when it is asked for. A context manager: leaving it closes the file."""

    def __init__(self, path: Path, what: str) -> None:
        """Raises ModelError if the file is missing, or if no byte order and width of marks fits its first record."""
        self.path, self.what, self.number = path, what, 0
        self.size = file_size(path, what)
        try:
            self._file = path.open("rb")
        except OSError as problem:
            raise unreadable(path, what, problem) from None
        fitting = [marks for marks in MARKS if self._fits(*marks)]
        if not fitting:
            message = self._no_marks()
            self._file.close()
            raise ModelError(message)
        self.order, self.width = fitting[0]
        self._file.seek(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def integers(self, count: int, what: str) -> NDArray[np.int64]:
        """A record of whole numbers or logicals, of four bytes each or of eight."""
        data = self._record(what)
        bytes_each = 8 if count and len(data) == 8 * count else 4
        return self._values(data, f"i{bytes_each}", count, what).astype(np.int64)

    def reals(self, count: int, what: str) -> NDArray[np.float64]:
        """A record of real numbers of eight bytes."""
        return self._values(self._record(what), "f8", count, what).astype(np.float64)

    def complexes(self, count: int, what: str) -> NDArray[np.complex128]:
        """A record of complex numbers of 2 × 8 bytes."""
        return self._values(self._record(what), "c16", count, what).astype(np.complex128)

    def text(self, what: str) -> str:
        """A record of characters."""
        return self._record(what).decode("latin-1")

    def pass_over(self, size: int, what: str) -> None:
        """Passes over a record of so many bytes."""
        self._record(what, size)

    def at_end(self) -> bool:
        """Whether no record is left."""
        return self._file.tell() >= self.size

    def _values(self, data: bytes, kind: str, count: int, what: str) -> NDArray:
        dtype = np.dtype(self.order + kind)
        if len(data) != dtype.itemsize * count:
            raise ModelError(
                f"{self.path}: {what}: record {self.number} has {len(data)} bytes, expected {dtype.itemsize * count}"
            )
        values = np.frombuffer(data, dtype=dtype)
        if dtype.kind in "fc" and not (np.abs(values) < LARGEST).all():
            raise ModelError(f"{self.path}: {what}: contains a number that is not finite or far too large")
        return values

    def _record(self, what: str, unread: int | None = None) -> bytes:
        """The next record; nothing of one that is passed over, which must have the size `unread`.

        Raises ModelError: there is none, or its marks do not fit together.
        """
        if self.at_end():
            raise ModelError(f"{self.path}: ends before {what}: truncated")
        self.number += 1
        parts: list[bytes] = []
        size = 0
        while True:
            start = self._file.tell()
            head = self._mark(self.order, self.width)
            end = start + self.width + abs(head)
            if end + self.width > self.size:
                left = max(self.size - start - self.width, 0)
                raise ModelError(
                    f"{self.path}: {what}: record {self.number} announces {abs(head)} bytes, {left} are left: truncated"
                )
            size += abs(head)
            if unread is None:
                parts.append(self._file.read(abs(head)))
            self._file.seek(end)
            if abs(self._mark(self.order, self.width)) != abs(head):
                raise ModelError(
                    f"{self.path}: {what}: the two length marks of record {self.number} differ: damaged, or not a file "
                    f"with {self.what}"
                )
            if head >= 0:  # a negative mark: the record (over 2 GiB) goes on in the next part
                break
        if unread is not None and size != unread:
            raise ModelError(f"{self.path}: {what}: record {self.number} has {size} bytes, expected {unread}")
        return b"".join(parts)

    def _mark(self, order: str, width: int) -> int:
        return int.from_bytes(self._file.read(width), "little" if order == "<" else "big", signed=True)

    def _fits(self, order: str, width: int) -> bool:
        """Whether the first record ends with its own length."""
        self._file.seek(0)
        head = self._mark(order, width)
        if self.size < 2 * width or (head < 0 and width == 8) or 2 * width + abs(head) > self.size:
            return False
        self._file.seek(abs(head), os.SEEK_CUR)
        return abs(self._mark(order, width)) == abs(head)

    def _no_marks(self) -> str:
        self._file.seek(0)
        head = abs(self._mark("<", 4))
        if self.size < 8 or (0 < head < 1000 and head + 8 > self.size):
            return (
                f"{self.path}: record 1 announces {head} bytes, {max(self.size - 4, 0)} are left: truncated, or not an "
                f"unformatted file with {self.what}"
            )
        return (
            f"{self.path}: no length marks of 4 or 8 bytes, in either byte order, fit its first record: not an "
            f"unformatted Fortran file with {self.what} (compressed, or written with access='stream'?)"
        )
