"""Checksums of a file that fills up, as a checkpoint keeps them.

They are of every entry before it, and of all that describes the file.

Entries are summed by a function of value and place, modulo 2^64: the sum does not depend on which rank has written
what, nor in which order. All bytes outside the arrays that are being filled have one SHA-256: they do not change
between two frames, and are compared before the HDF5 library sees the file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import CheckpointError
from hpcalo.io.dataset import Slab
from hpcalo.io.reading import require_regular
from hpcalo.io.reserved import Data, Location
from hpcalo.typing import Array, Contents

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

FIRST = 0x6870_6361_6C6F_0000
LAST = FIRST + 0xFFFF
DESCRIPTION = "description"
"""The number of the state that counts, from FIRST on, how often the description of the file was changed: arrays for one
more time axis, the last attributes of a complete file. Where it is not that of a checkpoint, the change came later."""
BLOCK = 2**20
MASK = 2**64 - 1


class FrameSums:
    """The checksums of one file: this rank's share of the sums; on rank 0 also the digest of the rest."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[str, int]] = {}
        self._rest: Contents = {}
        self.complete = True
        """False where the run goes on from a checkpoint without checksums: then it keeps none."""

    def add(self, axis: str, name: str, place: Location, index: int, data: Data, *, first: bool) -> None:
        """Counts what this rank writes of entry `index`; first: on rank 0, which writes what all ranks have."""
        sums = self._sums.setdefault(axis, {})
        sums.setdefault(name, 0)
        slab = data if isinstance(data, Slab) else None
        if slab is None and not first:
            return
        values = np.ascontiguousarray(slab.data if slab else data, dtype=place.dtype)
        row = int(np.prod(place.shape[1:], dtype=int))
        start = index * row + (slab.offset * (row // place.shape[1]) if slab else 0)
        sums[name] = (sums[name] + content_sum(values, start)) & MASK

    def describe(self, path: Path, places: Mapping[str, Location], serial: int, more: Iterable[str] = ()) -> None:
        """Takes down what the file is outside the arrays that are filled: those counted so far and `more`. Serial.

        Raises OSError.
        """
        names = {name for axis, sums in self._sums.items() for name in (axis, *sums)} | set(more)
        found = [place for name, place in places.items() if name in names or name.startswith("state/")]
        ranges = sorted([place.offset, place.offset + place.nbytes] for place in found)
        self._rest = {
            "size": path.stat().st_size,
            "filled": ranges,
            "sha256": _digest(path, ranges),
            "serial": serial,
            "serial_at": places[f"state/{DESCRIPTION}"].offset,
        }

    def stored(self, comm: Intracomm) -> Contents:
        """What a checkpoint keeps, the same on all ranks; nothing if the run goes on from one that kept none.

        Collective.
        """
        shares = comm.allgather(self._sums)
        whole = {
            axis: {name: sum(share[axis][name] for share in shares) & MASK for name in names}
            for axis, names in self._sums.items()
        }
        rest = comm.bcast(self._rest)
        return {"sums": whole, **rest} if rest and comm.bcast(self.complete) else {}

    def resume(self, path: Path, kept: Contents, places: Mapping[str, Location], counts: Mapping[str, int]) -> None:
        """Compares the entries before the checkpoint, and goes on from them. Serial: on rank 0.

        Raises CheckpointError, naming the array, where they are not what was written.
        """
        self._rest = {name: value for name, value in kept.items() if name != "sums"}
        self._sums = {axis: {name: int(total) for name, total in sums.items()} for axis, sums in kept["sums"].items()}
        for axis, sums in self._sums.items():
            for name, total in sums.items():
                place = places.get(name)
                if place is None or _stored_sum(path, place, counts[axis]) != total:
                    raise CheckpointError(f"{path}: is damaged: {name} is not what the run has written")

    def share(self, comm: Intracomm) -> None:
        """After `resume`: the other ranks have the same names, and no share of what came before. Collective."""
        names = comm.bcast({axis: list(sums) for axis, sums in self._sums.items()})
        if comm.rank:
            self._sums = {axis: dict.fromkeys(some, 0) for axis, some in names.items()}


def is_described(path: Path, kept: Contents | None) -> bool:
    """Whether all bytes outside the arrays are those that the checkpoint knows. Serial.

    False without checksums, for a file whose description was changed after the checkpoint, and for one that cannot be
    read at all, as its opening then says. Raises CheckpointError for any other difference.
    """
    if not kept:
        return False
    try:
        size = require_regular(path).st_size
        if size == kept["size"] and _digest(path, kept["filled"]) == kept["sha256"]:
            return True
        with open(path, "rb") as file:
            file.seek(int(kept["serial_at"]))
            serial = int.from_bytes(file.read(8), "little") - FIRST
    except OSError:
        return False
    if serial != kept["serial"] and 0 <= serial <= LAST - FIRST:
        return False
    raise CheckpointError(f"{path}: is damaged: what describes the file is not what the run has written")


def content_sum(values: Array, start: int) -> int:
    """Sum modulo 2^64 of a mixture of each value's bits with its place in the whole array (splitmix64)."""
    z = np.ascontiguousarray(values).reshape(-1).view(np.uint64)
    place = np.arange(start + 1, start + 1 + z.size, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z = z ^ (place * np.uint64(0x9E3779B97F4A7C15))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return int((z ^ (z >> np.uint64(31))).sum(dtype=np.uint64))


def _stored_sum(path: Path, place: Location, count: int) -> int:
    """Of the first `count` entries of an array, as they are on disk."""
    left, start, total = count * int(np.prod(place.shape[1:], dtype=int)), 0, 0
    with open(path, "rb") as file:
        file.seek(place.offset)
        while left:
            values = np.frombuffer(file.read(8 * min(left, BLOCK)), dtype=place.dtype)
            if not values.size:
                return -1
            total = (total + content_sum(values, start)) & MASK
            left, start = left - values.size, start + values.size
    return total


def _digest(path: Path, ranges: Iterable[Iterable[int]]) -> str:
    """SHA-256 of the file without these ranges of bytes, which are in order."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        at, end = 0, os.fstat(file.fileno()).st_size
        for begin, stop in [*ranges, (end, end)]:
            file.seek(at)
            while at < begin and (block := file.read(min(begin - at, BLOCK))):
                digest.update(block)
                at += len(block)
            at = max(at, stop)
    return digest.hexdigest()
