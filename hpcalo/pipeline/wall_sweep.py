"""One input value varied over groups of ranks: a point a group, all results in one file.

What is finished is kept point by point: beside the result lie `NAME.point-NNNN.checkpoint-a` and `-b`, the state of a
point that is being computed or, finished, its results; written by the group alone, so that no group waits for another.
A continued sweep computes only what is left, with any number of ranks and groups.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcalo.config.fields import Unit
from hpcalo.config.reader import set_value, validate
from hpcalo.config.wall import WallInput
from hpcalo.errors import CheckpointError, HpcaloError, InputError, Interrupted, OutputError
from hpcalo.output import checkpoint
from hpcalo.output.checkpoint import Checkpoint
from hpcalo.output.hdf5 import Slab, Variable, write_dataset
from hpcalo.output.timeseries import Frame, SavedState
from hpcalo.parallel.guard import on_root
from hpcalo.parallel.progress import Progress, warn
from hpcalo.parallel.relay import StopRelay
from hpcalo.parallel.signals import StopRequest
from hpcalo.pipeline.electronic_structure import KuboSource
from hpcalo.pipeline.wall_frames import axes, begin, moments, restored, saved_arrays, saved_attrs
from hpcalo.pipeline.wall_keeper import Asked, Keeper
from hpcalo.pipeline.wall_paper import Results, evolved

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

    from hpcalo.wall.simulation import Simulation

NAMED = 8
"""Failed points that a message names."""


def points_of(settings: WallInput, source: Path) -> list[WallInput]:
    """One input per value of the sweep, each checked against the schema. Raises InputError, naming `source`."""
    if settings.sweep is None:
        return [settings]
    sweep = settings.sweep
    base = settings.model_dump(mode="json", exclude_none=True)
    base.pop("sweep")
    points = []
    for value in sweep.values:
        data = validate_copy(base)
        set_value(data, sweep.key.split("."), value, "sweep.key")
        points.append(validate(WallInput, data, f"{source}: sweep.key: {sweep.key} = {value}"))
    return points


def validate_copy(data: dict[str, Any]) -> dict[str, Any]:
    """A deep copy of nested tables."""
    return {k: validate_copy(v) if isinstance(v, dict) else v for k, v in data.items()}


def groups_of(settings: WallInput, ranks: int) -> int:
    assert settings.sweep is not None  # asked only for sweeps
    return min(settings.sweep.groups or ranks, ranks, len(settings.sweep.values))


def run_sweep(
    settings: WallInput, points: list[WallInput], sources: list[KuboSource | None], comm: Intracomm, output: Path,
    record: Any, attrs: dict[str, Any], texts: dict[str, str], *, force: bool, quiet: bool, resumed: bool,
) -> None:  # fmt: skip
    """Computes the points that no earlier run has finished and writes the result. Collective. Raises Interrupted."""
    groups = groups_of(settings, comm.size)
    colour = comm.rank % groups
    group: Any = comm.Split(colour, comm.rank)
    earlier: dict[int, Results | str] = {}

    def prepare() -> list[int]:
        if resumed:
            for index in range(len(points)):
                found = _read(output, index, comm)
                if found is not None and "finished" in found.texts:
                    earlier[index] = _unpacked(found)
        else:
            checkpoint.remove(output)
            for sequence in range(len(checkpoint.GENERATIONS)):
                checkpoint.write(output, {}, texts, sequence)
        return [index for index in range(len(points)) if index not in earlier]

    todo = on_root(comm, prepare)
    own = todo[colour::groups]
    mine: dict[int, Results | str] = {}
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
                    sequence=0 if begun is None else begun.sequence,
                )  # fmt: skip
                mine[index] = _point(points[index], sources[index], group, keeper, begun)
                progress.advance(len(todo) / len(own))
        except Asked:
            pass
        relay.wait()
        asked = bool(comm.allreduce(len(mine) < len(own)))
        name = next((n for n in comm.allgather(stop.name) if n), "a signal")
    gathered = comm.gather(mine if group.rank == 0 else {}, root=0)
    group.Free()

    def combine() -> tuple[list[Variable], list[Variable]]:
        results = {**earlier, **{k: v for part in gathered or [] for k, v in part.items()}}
        if asked:
            raise Interrupted(
                f"stopped by {name} with {len(results)} of {len(points)} points finished; "
                f"'hpcalo restart {output}' continues"
            )
        return _combined(settings, points, [results[k] for k in range(len(points))])

    variables, coordinates = on_root(comm, combine)
    errors = [str(text) for text in variables[0].data]
    failed = sum(1 for text in errors if text)
    said = told_of_failures(settings, errors)
    record.warned([said] if failed else [])
    write_dataset(
        output, comm, variables, coordinates, provenance=record, attrs={**attrs, "failed_points": failed}, force=force
    )
    on_root(comm, lambda: checkpoint.remove(output))
    if failed:
        warn(comm, said)


# -- one point -----------------------------------------------------------------------------------------------------


def _point(
    point: WallInput, source: KuboSource | None, group: Intracomm, keeper: Keeper, begun: Checkpoint | None
) -> Results | str:
    """The results of one point on rank 0 of the group, or the text of its failure. Raises Asked, after it has saved."""
    keeper.ask()
    try:
        result: Results | str = _computed(point, source, group, keeper, begun)
    except (Interrupted, OutputError, CheckpointError):
        raise
    except HpcaloError as problem:
        result = f"{type(problem).__name__}: {problem}"
    arrays, texts = _packed(result) if group.rank == 0 else ({}, {})
    keeper.save((), {}, arrays, texts)
    return result


def _computed(
    point: WallInput, source: KuboSource | None, group: Intracomm, keeper: Keeper, begun: Checkpoint | None
) -> Results:
    if point.wall.model == "paper":
        return evolved(point, group, keeper, begun)
    from hpcalo.wall.simulation import Simulation  # noqa: PLC0415  (loads PETSc)

    sim = Simulation(point, group, source.coefficients if source else None)
    series = _Series(sim)
    if begun is None:
        state = begin(sim, point, group)
    else:
        with checkpoint.understood(begun.path):
            whole = SavedState(dict(begun.arrays), json.loads(begun.texts["state"]), {}, dict(begun.texts))
            state = restored(sim, whole, keeper.result)
            series.resume(begun)
    sim.stepper.watch = keeper.ask
    saved = True

    def save() -> None:
        keeper.save(saved_arrays(sim, state), saved_attrs(sim, state), series.arrays(), {"series": series.described()})

    try:
        for now, frames in moments(sim, state, first=begun is None):
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
            if frame.axis not in self.times:
                self.times[frame.axis] = []
                self.kinds[frame.axis] = [replace(v, data=None) for v in frame.variables]
                self.rows[frame.axis] = [[] for _ in frame.variables]
            self.times[frame.axis].append(frame.time)
            for rows, variable in zip(self.rows[frame.axis], frame.variables, strict=True):
                data = variable.data
                if isinstance(data, Slab):
                    parts = self.sim.mesh.comm.gather(data.data, root=0)
                    data = np.concatenate(parts) if parts is not None else np.zeros(0)
                rows.append(data)

    def results(self) -> Results:
        """As whole arrays with time axes."""
        variables, coordinates = [], axes(self.sim)
        for axis, times in self.times.items():
            coordinates.append(Variable(axis, (axis,), np.array(times), "ns", "simulated time"))
            for kind, rows in zip(self.kinds[axis], self.rows[axis], strict=True):
                variables.append(replace(kind, dims=(axis, *kind.dims), data=np.array(rows)))
        return variables, coordinates

    def arrays(self) -> dict[str, Any]:
        """What a checkpoint holds of them."""
        out = {f"times.{axis}": np.array(times) for axis, times in self.times.items()}
        for axis, columns in self.rows.items():
            out |= {f"rows.{axis}.{number}": np.array(rows) for number, rows in enumerate(columns)}
        return out

    def described(self) -> str:
        """Names, axes and units of the arrays."""
        return json.dumps({axis: [_description(v) for v in kinds] for axis, kinds in self.kinds.items()})

    def resume(self, found: Checkpoint) -> None:
        """Goes on from `arrays` and `described` of a checkpoint."""
        for axis, kinds in json.loads(found.texts["series"]).items():
            self.times[axis] = list(found.arrays[f"times.{axis}"])
            self.kinds[axis] = [_from_description(v) for v in kinds]
            self.rows[axis] = [list(found.arrays[f"rows.{axis}.{number}"]) for number in range(len(kinds))]


# -- what is kept of a point ---------------------------------------------------------------------------------------


def point_path(output: Path, index: int) -> Path:
    """The name beside which the checkpoints of one point lie."""
    return output.with_name(f"{output.name}{checkpoint.POINT}{index:04d}")


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


def _description(v: Variable) -> dict[str, Any]:
    return {"name": v.name, "dims": v.dims, "unit": v.unit, "long_name": v.long_name, "attrs": dict(v.attrs)}


def _from_description(d: Mapping[str, Any], data: Any = None) -> Variable:
    return Variable(d["name"], tuple(d["dims"]), data, d["unit"], d["long_name"], d["attrs"], nan_ok=True)


def _packed(result: Results | str) -> tuple[dict[str, Any], dict[str, str]]:
    """A finished point as arrays and texts of a checkpoint."""
    if isinstance(result, str):
        return {}, {"finished": json.dumps({"error": result})}
    arrays: dict[str, Any] = {}
    told: dict[str, list[dict[str, Any]]] = {}
    for part, variables in zip(("variables", "coordinates"), result, strict=True):
        told[part] = []
        for number, variable in enumerate(variables):
            data = np.asarray(variable.data)
            entry = _description(variable)
            if data.dtype.kind in "OU":
                entry["text"] = data.tolist()
            else:
                arrays[f"{part}.{number}"] = data
            told[part].append(entry)
    return arrays, {"finished": json.dumps(told)}


def _unpacked(found: Checkpoint) -> Results | str:
    told = json.loads(found.texts["finished"])
    if "error" in told:
        return str(told["error"])

    def part(name: str) -> list[Variable]:
        return [
            _from_description(v, np.array(v["text"]) if "text" in v else found.arrays[f"{name}.{number}"])
            for number, v in enumerate(told[name])
        ]

    return part("variables"), part("coordinates")


# -- all points ----------------------------------------------------------------------------------------------------


def told_of_failures(settings: WallInput, errors: list[str]) -> str:
    """Which points failed, and why the first of them did; nothing where none did."""
    assert settings.sweep is not None  # asked only for sweeps
    failed = [str(value) for value, text in zip(settings.sweep.values, errors, strict=True) if text]
    if not failed:
        return ""
    names = ", ".join(failed[:NAMED]) + (", …" if len(failed) > NAMED else "")
    why = next(text for text in errors if text)
    return (
        f"{len(failed)} of {len(errors)} points failed ({settings.sweep.key} = {names}; {why}); "
        "the result's 'error' says why for each"
    )


def swept_values(key: str, given: tuple[Any, ...], points: list[WallInput]) -> np.ndarray[Any, Any]:
    """The values of the sweep's axis: numbers in the unit of the key where the key is a number, else texts."""
    numbers = np.array(given)
    if numbers.dtype.kind in "fiu":
        return numbers
    found: list[Any] = points
    for part in key.split("."):
        found = [getattr(one, part, None) for one in found]
    numbers = np.array(found) if all(type(one) in (int, float) for one in found) else np.array([])
    return numbers if numbers.size else np.array([str(value) for value in given])


def _combined(
    settings: WallInput, points: list[WallInput], results: list[Any]
) -> tuple[list[Variable], list[Variable]]:
    """All points in one set of arrays with the swept value as first axis; NaN where a point failed."""
    assert settings.sweep is not None  # asked only for sweeps
    errors = np.array([r if isinstance(r, str) else "" for r in results])
    done = [r for r in results if not isinstance(r, str)]
    values = swept_values(settings.sweep.key, settings.sweep.values, points)
    axis = settings.sweep.key.replace(".", "_")
    head = [Variable("error", (axis,), errors, "", "why a point failed; empty where it did not")]
    coordinates = [Variable(axis, (axis,), values, _unit_of(settings.sweep.key), f"swept input {settings.sweep.key}")]
    if not done:
        return head, coordinates
    shapes = {v.name: np.shape(v.data) for v in done[0][0]}
    for variables, _ in done:
        for v in variables:
            if np.shape(v.data) != shapes[v.name]:
                raise InputError(
                    f"sweep.key: {settings.sweep.key} changes the shape of '{v.name}'; sweep it in separate runs"
                )
    out = []
    for number, variable in enumerate(done[0][0]):
        blank = np.full(np.shape(variable.data), np.nan)
        data = np.array([blank if isinstance(r, str) else r[0][number].data for r in results], dtype=float)
        out.append(replace(variable, dims=(axis, *variable.dims), data=data, nan_ok=True))
    kept = [
        c for c in done[0][1] if all(np.array_equal(c.data, r[1][i].data) for r in done for i in [done[0][1].index(c)])
    ]
    return head + out, coordinates + kept


def _unit_of(key: str) -> str:
    """Unit of an input key, from the schema."""
    model: Any = WallInput
    *tables, name = key.split(".")
    for table in tables:
        model = model.model_fields[table].annotation
    field = model.model_fields[name]
    marks = [
        *field.metadata,
        *(m for a in getattr(field.annotation, "__args__", ()) for m in getattr(a, "__metadata__", ())),
    ]
    return next((m.unit for m in marks if isinstance(m, Unit) and m.unit != "1"), "")
