"""One point of a scan of the wall."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcalo.engine import PointContext
from hpcalo.io.checkpoint import Checkpoint, describe, unpack
from hpcalo.io.dataset import Slab, Variable, with_companions, without_companions
from hpcalo.io.keeper import StopRequested
from hpcalo.io.timeseries import Frame
from hpcalo.parallel.progress import warn
from hpcalo.scan.merge import Results
from hpcalo.wall.config import WallInput
from hpcalo.wall.frames import axes, begin, moments, restored, saved_arrays, saved_attrs
from hpcalo.wall.published.run import evolved

PARTS = ("variables", "coordinates")

if TYPE_CHECKING:
    from hpcalo.wall.dynamics.simulation import Simulation


def scan_point(settings: WallInput, context: PointContext) -> Results:
    """Variables and coordinates of one point, on rank 0 of its group. Collective over the group."""
    keeper, source, resume = context.keeper, context.extra, context.resume
    if settings.wall.model == "paper":
        return evolved(settings, context.comm, keeper, resume)
    from hpcalo.wall.dynamics.simulation import Simulation  # noqa: PLC0415  (loads PETSc)

    sim = Simulation(settings, context.comm, source.coefficients if source else None)
    sim.on_warning = lambda text: warn(context.comm, f"{context.name}: {text}")
    series = _Series(sim)
    if resume is None:
        state = begin(sim, settings, context.comm)
    else:
        with resume.understood():
            state = restored(sim, resume, keeper.result)
            series.resume(resume)
    sim.stepper.watch = keeper.check
    saved = True

    def save() -> None:
        keeper.save(saved_arrays(sim, state), saved_attrs(sim, state), series.arrays(), {"series": series.described()})

    try:
        for now, frames in moments(sim, state, source.monitors if source else {}, first=resume is None):
            state, saved = now, False
            series.add(frames or [])
            if keeper.is_due(frame=frames is not None):
                save()
                saved = True
    except StopRequested:
        if not saved:
            save()
        raise
    return series.results()


class _Series:
    """The frames of one point, whole on rank 0 of its group."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.times: dict[str, list[float]] = {}
        self.kinds: dict[str, list[Variable]] = {}
        self.rows: dict[str, list[list[Any]]] = {}

    def add(self, frames: list[Frame]) -> None:
        """Collective."""
        for frame in frames:
            variables = with_companions(frame.variables)
            if frame.axis not in self.times:
                self.times[frame.axis] = []
                self.kinds[frame.axis] = [replace(v, data=None) for v in variables]
                self.rows[frame.axis] = [[] for _ in variables]
            self.times[frame.axis].append(frame.time)
            for rows, variable in zip(self.rows[frame.axis], variables, strict=True):
                data = variable.data
                if isinstance(data, Slab):
                    parts = self.sim.mesh.comm.gather(data.data, root=0)
                    data = np.concatenate(parts) if parts is not None else np.zeros(0)
                rows.append(data)

    def results(self) -> Results:
        """As whole arrays with time axes; nothing on the ranks that do not hold them."""
        if self.sim.mesh.comm.rank:
            return [], []
        variables, coordinates = [], axes(self.sim)
        for axis, times in self.times.items():
            coordinates.append(Variable(axis, (axis,), np.array(times), "ns", "simulated time"))
            for kind, rows in zip(self.kinds[axis], self.rows[axis], strict=True):
                variables.append(replace(kind, dims=(axis, *kind.dims), data=np.array(rows)))
        return without_companions(variables), coordinates

    def arrays(self) -> dict[str, Any]:
        """What a checkpoint holds of them; nothing on the ranks that do not hold them."""
        if self.sim.mesh.comm.rank:
            return {}
        out = {f"times.{axis}": np.array(times) for axis, times in self.times.items()}
        for axis, columns in self.rows.items():
            out |= {f"rows.{axis}.{number}": np.array(rows) for number, rows in enumerate(columns)}
        return out

    def described(self) -> str:
        """Names, axes and units of the arrays."""
        return json.dumps({axis: [describe(v) for v in kinds] for axis, kinds in self.kinds.items()})

    def resume(self, found: Checkpoint) -> None:
        """Goes on from `arrays` and `described` of a checkpoint."""
        for axis, kinds in json.loads(found.texts["series"]).items():
            self.times[axis] = list(found.arrays[f"times.{axis}"])
            self.kinds[axis] = [unpack(v) for v in kinds]
            self.rows[axis] = [list(found.arrays[f"rows.{axis}.{number}"]) for number in range(len(kinds))]
