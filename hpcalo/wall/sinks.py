"""Where the frames of a run go: into a growing result file, or into memory as one point of a scan."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from hpcalo.io.checkpoint import Checkpoint
from hpcalo.io.dataset import Slab, Variable, with_companions, without_companions
from hpcalo.io.packed import describe, from_description
from hpcalo.io.provenance import Provenance
from hpcalo.io.timeseries import Frame, TimeSeries
from hpcalo.scan.merge import Results
from hpcalo.typing import Array
from hpcalo.wall.dynamics.saved_state import saved_arrays, saved_numbers
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.dynamics.state import State
from hpcalo.wall.frames import axes, entries

COUNTERS = ("steps", "linear_solves", "linear_iterations")
"""Attributes of a result that are known at its end."""


@dataclass(frozen=True)
class Stored:
    """A sink's part of a checkpoint: numbers on all ranks, arrays and texts from rank 0."""

    numbers: Mapping[str, object] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


class Sink(Protocol):
    """Takes the frames of a run. All methods are collective."""

    def begin(self, state: State) -> None:
        """Prepares for a run that begins with `state`."""

    def resume(self, checkpoint: Checkpoint) -> None:
        """Prepares for a run that continues from a checkpoint. Raises CheckpointError where it does not fit."""

    def add(self, frames: Sequence[Frame], state: State) -> None:
        """Takes the frames of the output time that `state` has reached."""

    def stored(self) -> Stored:
        """What `resume` needs to continue after the frames so far, which outlive the program from now on."""


class FileSink:
    """The growing result file `NAME.frames`. tables: coefficients and their axes."""

    def __init__(
        self, sim: Simulation, path: Path, tables: Sequence[Variable], record: Provenance, attrs: Mapping[str, object]
    ) -> None:
        self.sim, self.file = sim, TimeSeries(path, sim.mesh.comm)
        self._tables, self._record, self._attrs = list(tables), record, attrs

    def begin(self, state: State) -> None:
        """Creates the file."""
        own = [table for table in self._tables if table.dims == (table.name,)]
        self.file.create(
            [*axes(self.sim), *own], [table for table in self._tables if table.dims != (table.name,)],
            lengths=entries(self.sim, state), provenance=self._record, attrs=self._attrs, counters=COUNTERS, force=True,
        )  # fmt: skip

    def resume(self, checkpoint: Checkpoint) -> None:
        """Reopens the file after the entries that the checkpoint knows of."""
        self.file.reopen(checkpoint.counts("counts"), checkpoint.state.get("frames"))

    def add(self, frames: Sequence[Frame], state: State) -> None:
        """Appends the frames and the state."""
        self.file.append(frames, saved_arrays(self.sim, state), saved_numbers(self.sim, state))

    def stored(self) -> Stored:
        """The number of entries and their checksums; the frames themselves are in the file."""
        self.file.sync()
        return Stored({"counts": self.file.counts, "frames": self.file.checksums()})


class MemorySink:
    """The frames of one point of a scan, whole on rank 0 of its group."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self._times: dict[str, list[float]] = {}
        self._kinds: dict[str, list[Variable]] = {}
        self._rows: dict[str, list[list[ArrayLike]]] = {}

    def begin(self, state: State) -> None:
        """Nothing to prepare."""

    def resume(self, checkpoint: Checkpoint) -> None:
        """Takes the frames that the checkpoint holds."""
        with checkpoint.understood():
            for axis, kinds in json.loads(checkpoint.texts["series"]).items():
                self._times[axis] = list(checkpoint.arrays[f"times.{axis}"])
                self._kinds[axis] = [from_description(v) for v in kinds]
                self._rows[axis] = [list(checkpoint.arrays[f"rows.{axis}.{number}"]) for number in range(len(kinds))]

    def add(self, frames: Sequence[Frame], state: State) -> None:
        """Gathers the frames."""
        for frame in frames:
            room = {v.name for v in self._kinds[frame.axis]} if frame.axis in self._kinds else None
            variables = with_companions(frame.variables, room)
            if frame.axis not in self._times:
                self._times[frame.axis] = []
                self._kinds[frame.axis] = [replace(v, data=None) for v in variables]
                self._rows[frame.axis] = [[] for _ in variables]
            self._times[frame.axis].append(frame.time)
            for rows, variable in zip(self._rows[frame.axis], variables, strict=True):
                data = variable.data
                if isinstance(data, Slab):
                    parts = self.sim.mesh.comm.gather(data.data, root=0)
                    data = np.concatenate(parts) if parts is not None else np.zeros(0)
                rows.append(data)

    def stored(self) -> Stored:
        """All frames, with names, axes and units; nothing on the ranks that do not hold them."""
        described = json.dumps({axis: [describe(v) for v in kinds] for axis, kinds in self._kinds.items()})
        if self.sim.mesh.comm.rank:
            return Stored(texts={"series": described})
        arrays = {f"times.{axis}": np.array(times) for axis, times in self._times.items()}
        for axis, columns in self._rows.items():
            arrays |= {f"rows.{axis}.{number}": np.array(rows) for number, rows in enumerate(columns)}
        return Stored(arrays=arrays, texts={"series": described})

    def results(self) -> Results:
        """Whole arrays with time axes, and coordinates; nothing on the ranks that do not hold them."""
        if self.sim.mesh.comm.rank:
            return [], []
        variables, coordinates = [], axes(self.sim)
        for axis, times in self._times.items():
            coordinates.append(Variable(axis, (axis,), np.array(times), "ns", "simulated time"))
            for kind, rows in zip(self._kinds[axis], self._rows[axis], strict=True):
                variables.append(replace(kind, dims=(axis, *kind.dims), data=np.array(rows)))
        return without_companions(variables), coordinates
