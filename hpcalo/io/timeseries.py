"""Result files of runs in time: arrays with a time axis, written by all ranks frame by frame.

The file follows the same convention as other results (`hpcalo.io.hdf5`). `hpcalo info`, `hpcalo plot` and xarray read
it, also while the run goes on or after it was killed: entries that are not written yet are NaN. Between two frames the
file is closed. The group `state` holds what is needed to continue; it is replaced with each frame and numbered, so that
a torn state is recognized.

All arrays have their full length from the first frame on. A frame only fills bytes that exist: nothing that describes
the file changes, and at whatever moment a run is killed, the earlier entries are readable. (HDF5 files that grow are
not safe: killed while the index of an array's pieces is split, at every 64th frame, they cannot be opened again.) A
full disk is found at the first frame, too.

The arrays lie in one piece at a known byte, and each rank writes its slab by pwrite. If a write fails (a quota, a
server that is gone), that is an ordinary error. Through HDF5 and MPI-IO it is not: ranks whose write failed and ranks
whose write succeeded wait for each other forever in H5Fclose, and a single rank crashes (HDF5 1.10.8, Open MPI 4.1).
Collective transfers fail with Open MPI's OMPIO as well ("pwritev: Invalid argument" for the second and later frames).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import CheckpointError, InputError, one_line
from hpcalo.io.dataset import Slab, Variable, with_companions
from hpcalo.io.files import atomic_write, writing
from hpcalo.io.frame_sums import DESCRIPTION, FIRST, FrameSums, is_described
from hpcalo.io.hdf5 import METADATA_BYTES, STATE_GROUP, open_hdf5, write_dataset
from hpcalo.io.late_texts import add_texts
from hpcalo.io.opening import open_file
from hpcalo.io.provenance import Provenance
from hpcalo.io.reading import growing
from hpcalo.io.reserved import Data, Location, Numbers, locations, reserve_axis, reserve_state
from hpcalo.io.seal import unseal
from hpcalo.parallel.guard import on_root, together
from hpcalo.typing import Contents

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

PLANNED = "entries_"
"""Attributes that say how many entries each time axis has when the run is complete."""


@dataclass(frozen=True)
class Frame:
    """One entry of one time axis.

    variables: their dims are without the time axis, their data a number (the same on all ranks) or this rank's Slab
    along the first axis.
    """

    axis: str
    time: float
    variables: tuple[Variable, ...]


class TimeSeries:
    """Writes a result file that fills up. All methods are collective. Raises OutputError on all ranks."""

    def __init__(self, path: Path, comm: Intracomm, time_unit: str = "ns") -> None:
        self.path, self.comm, self.time_unit = path, comm, time_unit
        growing.add(path.absolute())
        self.lengths: dict[str, int] = {}
        self._frames: dict[str, int] = {}
        self._locations: dict[str, Location] = {}
        self._serial = 0
        self._sums, self._described = FrameSums(), 0

    def create(
        self,
        coordinates: Sequence[Variable],
        variables: Sequence[Variable] = (),
        *,
        lengths: Mapping[str, int],
        provenance: Provenance,
        attrs: Mapping[str, object],
        counters: Sequence[str] = (),
        force: bool = False,
    ) -> None:
        """The file without frames: fixed axes, what does not change in time, attributes, provenance.

        It appears under its name only when complete. lengths: how many entries each time axis is going to have.
        counters: attributes whose numbers `finish` gives.
        """
        planned = {f"{PLANNED}{axis}": length for axis, length in lengths.items()}
        attrs = {**attrs, **planned, **dict.fromkeys(counters, 0)}
        write_dataset(self.path, self.comm, variables, coordinates, provenance=provenance, attrs=attrs, force=force)
        self.lengths = dict(lengths)

    @property
    def counts(self) -> dict[str, int]:
        """Entries on each time axis so far."""
        return dict(self._frames)

    def checksums(self) -> Contents:
        """Of the entries so far and of what describes the file: for `reopen`. Collective."""
        return self._sums.stored(self.comm)

    def reopen(self, counts: Mapping[str, int], checksums: Contents | None = None) -> None:
        """Continues an existing file after `counts` entries on each time axis; later ones are written again.

        checksums: as they were when the file had these entries; None where an earlier version has kept none. Raises
        CheckpointError if it does not hold them or they have changed, InputError if it cannot be read.
        """

        def look() -> tuple[int, dict[str, int], dict[str, Location]]:
            intact = is_described(self.path, checksums)
            with open_file(self.path, "r") if intact else open_hdf5(self.path) as file:
                try:
                    planned = {n.removeprefix(PLANNED): int(v) for n, v in file.attrs.items() if n.startswith(PLANNED)}
                    for axis, count in counts.items():
                        if axis not in file or file[axis].shape != (planned.get(axis),):
                            raise CheckpointError(
                                f"{self.path}: belongs to another run or to an earlier version of hpcalo"
                            )
                        if not np.isfinite(file[axis][:count]).all():
                            raise CheckpointError(f"{self.path}: holds fewer than {count} entries on {axis}")
                    begun = int(file[STATE_GROUP]["begun"][()])
                    if checksums:
                        self._described = int(file[STATE_GROUP][DESCRIPTION][()]) - FIRST
                    found = locations(file)
                except (OSError, RuntimeError, KeyError, ValueError, TypeError) as problem:
                    raise InputError(f"{self.path}: is damaged: {one_line(problem)[:200]}") from None
            self._sums.complete = bool(checksums)
            if checksums:
                self._sums.resume(self.path, checksums, found, counts)
            with writing(self.path):
                unseal(self.path)  # the run was killed after the last frame, before the file got its name
                if checksums and not intact:
                    self._sums.describe(self.path, found, self._described)
            return begun, planned, found

        self._serial, self.lengths, self._locations = on_root(self.comm, look)
        self._frames = dict(counts)
        self._sums.share(self.comm)

    def append(self, frames: Sequence[Frame], state: Sequence[Variable], state_attrs: Numbers) -> None:
        """Writes one more entry on the time axes of `frames`, and the state from which the run can be continued."""
        room = {f.axis: self._locations if f.axis in self._frames else None for f in frames}
        frames = [replace(f, variables=tuple(with_companions(f.variables, room[f.axis]))) for f in frames]
        new = [f for f in frames if f.axis not in self._frames]
        first, self._serial = self._serial == 0, self._serial + 1

        def prepare() -> dict[str, Location]:
            self._make_room(new, state if first else (), state_attrs)
            with open_file(self.path, "r") as file:
                found = locations(file)
            if self._described:  # else an earlier version has begun the file
                self._sums.describe(self.path, found, self._described, [n for f in new for n in _names(f)])
            return found

        if new or first:
            self._locations = on_root(self.comm, prepare)
        for frame in new:
            self._frames[frame.axis] = 0
        numbers = {name: value for name, value in state_attrs.items() if not isinstance(value, str)}
        with self._open() as handle:
            for name, value in {"begun": self._serial, **numbers}.items():
                self._write(handle, f"{STATE_GROUP}/{name}", None, value)
        with self._open() as handle:
            for frame in frames:
                index = self._frames[frame.axis]
                for name, data in [*((v.name, v.data) for v in frame.variables), (frame.axis, frame.time)]:
                    self._write(handle, name, index, data)
                    self._sums.add(frame.axis, name, self._locations[name], index, data, first=self.comm.rank == 0)
            for variable in state:
                self._write(handle, f"{STATE_GROUP}/{variable.name}", None, variable.data)
        for frame in frames:
            self._frames[frame.axis] += 1
        with self._open() as handle:
            self._write(handle, f"{STATE_GROUP}/complete", None, self._serial)

    def sync(self) -> None:
        """Waits until everything is on disk, before a checkpoint relies on it. Collective."""
        with self._open() as handle:
            os.fsync(handle)

    def _write(self, handle: int, name: str, index: int | None, data: Data) -> None:
        """This rank's rows, or from rank 0 a number or array that all ranks have; see `Location.write`."""
        if not isinstance(data, Slab) and self.comm.rank != 0:
            return
        location = self._locations.get(name)
        if location is None or not location.fits(data, index):
            raise CheckpointError(f"{self.path}: has no place for '{name}': it was changed or belongs to another run")
        location.write(handle, data, index)

    def _make_room(self, frames: Sequence[Frame], state: Sequence[Variable], state_attrs: Numbers) -> None:
        """Reserves the arrays of these frames at full length, in a copy that then replaces the file. Serial."""
        arrays = [(f, v) for f in frames for v in (Variable(f.axis, (), 0.0), *f.variables)]
        room = sum(8 * self.lengths[f.axis] * int(np.prod(v.shape, dtype=int)) for f, v in arrays)
        room += sum(8 * int(np.prod(v.shape, dtype=int)) for v in state)
        with atomic_write(self.path, force=True, sealed=False) as part:
            shutil.copyfile(self.path, part)
            with open(part, "r+b") as raw:
                size = os.fstat(raw.fileno()).st_size
                os.posix_fallocate(raw.fileno(), 0, size + room + METADATA_BYTES * (len(arrays) + len(state) + 1))
            with open_file(part, "r+") as file:
                for frame in frames:
                    if frame.axis not in file:  # else the run was killed after it had been made
                        length = self.lengths[frame.axis]
                        reserve_axis(file, frame.axis, self.time_unit, length, frame.variables)
                if state:
                    numbers = {**state_attrs, "begun": 0, "complete": 0, DESCRIPTION: 0}
                    reserve_state(file.create_group(STATE_GROUP), state, numbers)
                if DESCRIPTION in file[STATE_GROUP]:
                    self._described += 1
                    file[STATE_GROUP][DESCRIPTION][()] = FIRST + self._described

    def finish(
        self, counters: Mapping[str, int], warnings: Sequence[str] = (), texts: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Writes the numbers of the `counters` of `create`, what the run has warned of since then, and further texts.

        The texts are not among those of `create`.
        """

        def write() -> None:
            if (place := self._locations.get(f"{STATE_GROUP}/{DESCRIPTION}")) is not None:
                with writing(self.path), open(self.path, "r+b") as raw:
                    place.write(raw.fileno(), FIRST + self._described + 1, None)
            if warnings or texts:
                add_texts(self.path, warnings, texts)
            with writing(self.path), open_file(self.path, "r+") as file:
                for name, value in counters.items():
                    file.attrs.modify(name, value)  # where it was: what describes the file does not change

        on_root(self.comm, write)

    @contextmanager
    def _open(self) -> Iterator[int]:
        """The open file for a block that fills arrays and has no collective calls. Collective."""
        with together(self.comm), writing(self.path):
            handle = os.open(self.path, os.O_RDWR)
            try:
                yield handle
            finally:
                os.close(handle)  # some file systems report a failed write only here


def _names(frame: Frame) -> list[str]:
    return [frame.axis, *(variable.name for variable in frame.variables)]
