"""One input value varied over groups of ranks: a point a group, all results in one file.

What is finished is kept point by point: beside the result lie `NAME.point-NNNN.checkpoint-a` and `-b`, the state of a
point that is being computed or, finished, its results; written by the group alone, so that no group waits for another.
A continued sweep computes only what is left, with any number of ranks and groups.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcalo.errors import CheckpointError, ConvergenceError, HpcaloError, InputError, Interrupted, OutputError
from hpcalo.io import checkpoint
from hpcalo.io.checkpoint import Checkpoint, describe, pack, point_path, unpack
from hpcalo.io.dataset import Slab, Variable, with_companions, without_companions
from hpcalo.io.hdf5 import write_dataset
from hpcalo.io.keeper import Asked, Keeper
from hpcalo.io.timeseries import Frame
from hpcalo.parallel.guard import on_root, raise_together
from hpcalo.parallel.progress import Progress, warn
from hpcalo.parallel.relay import StopRelay
from hpcalo.parallel.signals import StopRequest, name_of
from hpcalo.wall.config import WallInput
from hpcalo.wall.frames import axes, begin, moments, restored, saved_arrays, saved_attrs
from hpcalo.wall.points import Axis, axis_of, combined, groups_of, told_of_failures
from hpcalo.wall.published.run import Results, evolved
from hpcalo.wall.source import CoefficientSource

PARTS = ("variables", "coordinates")

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

    from hpcalo.wall.dynamics.simulation import Simulation


def run_sweep(
    settings: WallInput, points: list[WallInput], sources: list[CoefficientSource | None], comm: Intracomm,
    source: Path, output: Path, record: Any, attrs: dict[str, Any], texts: dict[str, str], *,
    force: bool, quiet: bool, resumed: bool,
) -> None:  # fmt: skip
    """Computes the points that no earlier run has finished and writes the result. Collective.

    Raises Interrupted; InputError where the input, and not the swept value, is refused; ConvergenceError and others
    where all points fail.
    """
    axis = axis_of(settings, points)
    groups = groups_of(settings, comm.size)
    colour = comm.rank % groups
    group: Any = comm.Split(colour, comm.rank)
    earlier: dict[int, Results | str] = {}
    todo = on_root(comm, lambda: _left(output, len(points), texts, earlier, comm if resumed else None))
    own = todo[colour::groups]
    mine: dict[int, Results | str] = {}
    refused: HpcaloError | None = None
    interval = settings.execution.checkpoint_interval
    with (
        StopRequest() as stop,
        StopRelay(comm, group, stop) as relay,
        Progress(len(points), "points", comm, quiet=quiet, label="sweep") as progress,
    ):
        progress.start_at(len(points) - len(todo))
        try:
            for index in own:
                begun = on_root(group, lambda: _read(output, index)) if resumed else None  # noqa: B023
                keeper = Keeper(
                    point_path(output, index), group, interval, stop, {}, relay=relay,
                    resumed=begun,
                )  # fmt: skip
                with _named(source, axis, index):
                    mine[index] = _point(
                        points[index], sources[index], source.parent, group, keeper, begun, axis.point(index)
                    )
                progress.advance(len(todo) / len(own))
        except Asked:
            pass
        except (InputError, OutputError, CheckpointError) as problem:  # on all ranks of this group; nothing can go on
            refused = problem
            stop.requested = True  # the relay tells the other groups
        relay.wait()
        asked = bool(comm.allreduce(len(mine) < len(own)))
        name = name_of(comm, stop.name)
    gathered = comm.gather(mine if group.rank == 0 else {}, root=0)
    group.Free()
    results = {**earlier, **{k: v for part in gathered or [] for k, v in part.items()}}
    if any(comm.allgather(isinstance(refused, InputError))):  # a mended input is another run
        on_root(comm, lambda: _forget(output, results))
    raise_together(comm, refused)
    if asked:
        done = on_root(comm, lambda: len(results))
        raise Interrupted(
            f"stopped by {name} with {done} of {len(points)} points finished; 'hpcalo restart {output}' continues"
        )
    variables, coordinates = on_root(comm, lambda: _whole(axis, source, output, results))
    failures = [str(text) for text in variables[0].data if text]
    said = told_of_failures(axis, [str(text) for text in variables[0].data])
    record.warned([said] if said else [])
    attrs = {**attrs, "failed_points": len(failures)}
    write_dataset(output, comm, variables, coordinates, provenance=record, attrs=attrs, force=force)
    on_root(comm, lambda: checkpoint.remove(output))
    if said:
        warn(comm, said)


def _left(
    output: Path, count: int, texts: dict[str, str], earlier: dict[int, Results | str], resumed: Intracomm | None
) -> list[int]:
    """The points that are left to compute; those that an earlier run has finished are put into `earlier`. Serial."""
    if resumed is None:
        checkpoint.remove(output)
        for sequence in range(len(checkpoint.GENERATIONS)):
            checkpoint.write(output, Checkpoint({}, texts, sequence))
        return list(range(count))
    for index in range(count):
        found = _read(output, index, resumed)
        if found is not None and "finished" in found.texts:
            earlier[index] = _unpacked(found)
    return [index for index in range(count) if index not in earlier]


# -- one point -----------------------------------------------------------------------------------------------------


def _point(
    point: WallInput, source: CoefficientSource | None, folder: Path, group: Intracomm, keeper: Keeper,
    begun: Checkpoint | None, name: str,
) -> Results | str:  # fmt: skip
    """The results of one point on rank 0 of the group, or the text of its failure. `folder`: the input file's. `name`:
    `key = value`.

    Raises Asked, after it has saved; InputError where a key is refused that is not swept, and is the same everywhere.
    """
    keeper.ask()
    try:
        result: Results | str = _computed(point, source, folder, group, keeper, begun, name)
    except (Interrupted, OutputError, CheckpointError):
        raise
    except HpcaloError as problem:
        if isinstance(problem, InputError) and not _about(name.partition(" = ")[0], str(problem)):
            raise
        result = f"{type(problem).__name__}: {problem}"
    arrays, texts = _packed(result) if group.rank == 0 else ({}, {})
    keeper.save((), {}, arrays, texts)
    return result


def _about(key: str, problem: str) -> bool:
    """Whether a refusal is one of the swept key's value; of types, PETSc does not tell which option it refuses."""
    return problem.startswith((f"{key}:", "solver.petsc or ") if key.startswith("solver.petsc.") else f"{key}:")


@contextmanager
def _named(source: Path, axis: Axis, index: int) -> Iterator[None]:
    """Refusals in this block say which file and point they are of."""
    try:
        yield
    except InputError as problem:
        raise InputError(f"{source}: {axis.point(index)}: {problem}") from None


def _computed(
    point: WallInput, source: CoefficientSource | None, folder: Path, group: Intracomm, keeper: Keeper,
    begun: Checkpoint | None, name: str,
) -> Results:  # fmt: skip
    if point.wall.model == "paper":
        return evolved(point, group, keeper, begun)
    from hpcalo.wall.dynamics.simulation import Simulation  # noqa: PLC0415  (loads PETSc)

    sim = Simulation(point, group, source.coefficients if source else None)
    sim.on_warning = lambda text: warn(group, f"{name}: {text}")
    series = _Series(sim)
    if begun is None:
        state = begin(sim, point, group, folder)
    else:
        with begun.understood():
            state = restored(sim, begun, keeper.result)
            series.resume(begun)
    sim.stepper.watch = keeper.ask
    saved = True

    def save() -> None:
        keeper.save(saved_arrays(sim, state), saved_attrs(sim, state), series.arrays(), {"series": series.described()})

    try:
        for now, frames in moments(sim, state, source.monitors if source else {}, first=begun is None):
            state, saved = now, False
            series.add(frames or [])
            if keeper.wanted(frame=frames is not None):
                save()
                saved = True
    except Asked:
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


# -- what is kept of a point ---------------------------------------------------------------------------------------


def _read(output: Path, index: int, told: Intracomm | None = None) -> Checkpoint | None:
    """What is kept of a point, if anything whole is. What is damaged is said where `told` is given."""
    path = point_path(output, index)
    if not checkpoint.exists(path):
        return None
    try:
        found = checkpoint.read(path)
    except CheckpointError as problem:
        if told is not None:
            warn(told, f"{problem}; the point is computed from its start")
        return None
    if told is not None:
        for remark in found.remarks:
            warn(told, remark)
    return found


def _packed(result: Results | str) -> tuple[dict[str, Any], dict[str, str]]:
    """A finished point as arrays and texts of a checkpoint."""
    if isinstance(result, str):
        return {}, {"finished": json.dumps({"error": result})}
    arrays: dict[str, Any] = {}
    described = {}
    for part, variables in zip(PARTS, result, strict=True):
        more, described[part] = pack(part, variables)
        arrays |= more
    return arrays, {"finished": json.dumps(described)}


def _unpacked(found: Checkpoint) -> Results | str:
    with found.understood():
        described = json.loads(found.texts["finished"])
        if "error" in described:
            return str(described["error"])
        variables, coordinates = (found.variables(part, described[part]) for part in PARTS)
        return variables, coordinates


# -- the end -------------------------------------------------------------------------------------------------------


def _whole(
    axis: Axis, source: Path, output: Path, results: Mapping[int, Results | str]
) -> tuple[list[Variable], list[Variable]]:
    """All points in one. Serial. Raises the first point's failure, with its class and exit code, where all failed."""
    _forget(output, results)
    ordered = [results[index] for index in range(len(axis.told))]
    first = ordered[0]
    if not (isinstance(first, str) and all(isinstance(one, str) for one in ordered)):
        return combined(axis, ordered)
    name, _, why = first.partition(": ")
    kind = next((k for k in HpcaloError.__subclasses__() if k.__name__ == name), ConvergenceError)
    which = f"all {len(ordered)} points of the sweep" if ordered[1:] else "the only point of the sweep"
    raise kind(f"{source}: {which} failed, nothing is written; {axis.point(0)}: {why}")


def _forget(output: Path, results: Mapping[int, Results | str]) -> None:
    """Removes what is kept of a sweep that has come to its end without the results of any point. Serial."""
    if all(isinstance(result, str) for result in results.values()):
        checkpoint.remove(output)
