"""The wall's data path on one page: input -> checks -> (groups of ranks) -> simulation -> monitors -> growing result
file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcalo.config.fields import Unit
from hpcalo.config.reader import set_value, validate
from hpcalo.config.wall import WallInput
from hpcalo.errors import CheckpointError, ConvergenceError, HpcaloError, InputError, Interrupted
from hpcalo.output import checkpoint
from hpcalo.output.checkpoint import Checkpoint
from hpcalo.output.hdf5 import Slab, Variable, write_dataset
from hpcalo.output.provenance import provenance, resolved_toml
from hpcalo.output.target import commit
from hpcalo.output.timeseries import Frame, SavedState, TimeSeries, read_state
from hpcalo.parallel.guard import on_root
from hpcalo.parallel.progress import Progress, warn
from hpcalo.parallel.signals import StopRequest
from hpcalo.pipeline.electronic_structure import KuboSource, sources_of
from hpcalo.pipeline.wall_estimate import check_wall
from hpcalo.wall import paper
from hpcalo.wall.checks import check_settings as check_physics
from hpcalo.wall.units import NS_IN_FS

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

    from hpcalo.wall.monitors import Quantity
    from hpcalo.wall.simulation import Simulation
    from hpcalo.wall.stepping import State

__all__ = ["check_wall", "groups_of", "points_of", "restored", "run_wall"]

COMPONENTS = np.array(["x", "y", "z"])


def run_wall(
    settings: WallInput,
    comm: Intracomm,
    *,
    source: Path,
    output: Path,
    force: bool = False,
    quiet: bool = False,
    overrides: Sequence[str] = (),
    resume: Checkpoint | None = None,
) -> None:
    """Runs the input and writes `output`; `resume`: the checkpoint to go on from (on rank 0).

    Until a run in time is complete its frames are in `output`.frames, and a checkpoint of each is beside it.
    Collective. Raises HpcaloErrors on all ranks.
    """
    points = points_of(settings)
    told = on_root(comm, lambda: [w for p in points for w in check_physics(p)])
    sources = on_root(comm, lambda: sources_of(points, source.parent))
    for text in dict.fromkeys([*told, *(w for s in sources if s for w in s.warnings)]):
        warn(comm, text)
    layout = (
        f"{comm.size} ranks share x" if settings.sweep is None else f"{groups_of(settings, comm.size)} groups of ranks"
    )
    record = provenance(comm, settings, source=source, overrides=overrides, layout=layout)
    attrs = {"engine": "wall", "kind": settings.wall.mode, "model": settings.wall.model}
    if settings.wall.title:
        attrs["title"] = settings.wall.title
    if sources[0] is not None:
        attrs |= sources[0].attrs
        record.texts.update(sources[0].texts)
    if settings.sweep is not None:
        _sweep(settings, points, sources, comm, output, record, attrs, force, quiet)
    elif settings.wall.model == "paper":
        variables, coordinates = on_root(comm, lambda: _paper(settings))
        write_dataset(
            output, comm, variables, coordinates, provenance=record, attrs={**attrs, "kind": "paper"}, force=force
        )
    else:
        texts = {"engine": "wall", "source": str(source.absolute()), "overrides": "\n".join(overrides)}
        texts["resolved_input"] = resolved_toml(settings)
        texts["electronic_structure"] = sources[0].sha256 if sources[0] else ""
        _single(settings, comm, output, record, attrs, texts, resume, sources[0], force=force, quiet=quiet)


# -- one run -------------------------------------------------------------------------------------------------------


def _single(
    settings: WallInput,
    comm: Intracomm,
    output: Path,
    record: Any,
    attrs: dict[str, Any],
    texts: dict[str, str],
    resume: Checkpoint | None,
    coefficients: KuboSource | None,
    *,
    force: bool,
    quiet: bool,
) -> None:
    from hpcalo.wall.simulation import Simulation  # noqa: PLC0415  (loads PETSc)

    sim = Simulation(settings, comm, coefficients.coefficients if coefficients else None)
    file = TimeSeries(output.with_name(f"{output.name}.frames"), comm)
    saved, sequence = on_root(comm, lambda: _resumed(resume))
    if saved is None:
        state = _begin(sim, settings, comm)
        tables = coefficients.tables() if coefficients else []
        file.create([*_axes(sim), *tables[:1]], tables[1:], provenance=record, attrs=attrs, force=True)
    else:
        on_root(comm, lambda: _same_source(saved, texts, output))
        state = restored(sim, saved, output)
        file.reopen(saved.attrs["counts"])
    total = settings.time.end if settings.wall.mode != "steady" else 0.0
    with StopRequest() as stop, Progress(total, "ns", comm, quiet=quiet, label="time") as progress:
        progress.start_at(state.t / NS_IN_FS)
        before = state.t
        for now, frames in _frames(sim, state, first=saved is None):
            state = now
            parts = _saved(sim, state)
            file.append(frames, parts, _saved_attrs(state, settings))
            sequence += 1
            whole = {v.name: comm.gather(v.data.data, root=0) for v in parts}
            told = {**_saved_attrs(state, settings), "counts": file.counts}
            on_root(comm, lambda: _save(output, whole, {**texts, "state": json.dumps(told)}, sequence))  # noqa: B023
            progress.advance((state.t - before) / NS_IN_FS)
            before = state.t
            if stop.agreed(comm) and state.t < total * NS_IN_FS:
                raise Interrupted(
                    f"stopped by {stop.name or 'a signal'} at {state.t / NS_IN_FS:.6g} ns; "
                    f"'hpcalo restart {output}' continues"
                )
    transport = sim.transport
    file.finish({"steps": state.steps, "linear_solves": transport.solves, "linear_iterations": transport.iterations})

    def publish() -> None:
        commit(file.path, output, force=force)
        checkpoint.remove(output)

    on_root(comm, publish)


def _save(output: Path, whole: dict[str, Any], texts: dict[str, str], sequence: int) -> None:
    checkpoint.write(output, {name: np.concatenate(parts) for name, parts in whole.items()}, texts, sequence)


def _resumed(resume: Checkpoint | None) -> tuple[SavedState | None, int]:
    """The checkpoint as a saved state, and its number."""
    if resume is None:
        return None, 0
    arrays = {name: np.asarray(value) for name, value in resume.arrays.items()}
    return SavedState(arrays, json.loads(resume.texts["state"]), {}, dict(resume.texts)), resume.sequence


def _same_source(saved: SavedState, texts: dict[str, str], output: Path) -> None:
    if saved.texts.get("electronic_structure", "") != texts["electronic_structure"]:
        raise CheckpointError(f"{output}: the result that [electronic_structure] names has changed since the run began")


def _frames(sim: Simulation, state: State, *, first: bool = True) -> Iterator[tuple[State, list[Frame]]]:
    """The state to begin with (unless it has been written already) and those at the output times, with their
    results."""
    from hpcalo.observables.wall_heat import heat  # noqa: PLC0415  (loads PETSc)
    from hpcalo.wall.monitors import observe  # noqa: PLC0415

    above = {"heat": heat}
    number = 0 if state.t == 0.0 else int(np.searchsorted(sim.times(), state.t * (1 - 1e-12))) + 1
    if first:
        yield state, [_frame(sim, axis, state, q) for axis, q in observe(sim, state, number, above).items()]
    for now in sim.run(state):
        number += 1
        yield now, [_frame(sim, axis, now, q) for axis, q in observe(sim, now, number, above).items()]


def _frame(sim: Simulation, axis: str, state: State, quantities: Sequence[Quantity]) -> Frame:
    return Frame(axis, state.t / NS_IN_FS, tuple(_variable(sim, q) for q in quantities))


def _variable(sim: Simulation, q: Quantity) -> Variable:
    return Variable(q.name, q.dims, _slab(sim, q), q.unit, q.long_name, nan_ok=True)


def _slab(sim: Simulation, q: Quantity) -> Any:
    if not q.dims:
        if np.isinf(q.data):
            raise ConvergenceError(f"{q.name}: is not finite")
        return np.asarray(q.data)
    length = sim.mesh.cells + (1 if q.dims[0] == "x_face" else 0)
    if not np.isfinite(q.data).all():
        raise ConvergenceError(f"{q.name}: is not finite")
    return Slab((length, *q.data.shape[1:]), sim.mesh.first, np.ascontiguousarray(q.data))


def _axes(sim: Simulation) -> list[Variable]:
    mesh = sim.mesh
    nodes = np.arange(mesh.cells) * mesh.dx
    return [
        Variable("x", ("x",), nodes, "nm", "nodes, from the left end of the window"),
        Variable(
            "x_face",
            ("x_face",),
            np.append(nodes, mesh.length + mesh.dx) - 0.5 * mesh.dx,
            "nm",
            "faces between the nodes",
        ),
        Variable("component", ("component",), COMPONENTS),
    ]


def _saved(sim: Simulation, state: State) -> list[Variable]:
    """Everything a continuation starts from, in double precision as it is."""
    mesh = sim.mesh
    out = [Variable("m", ("x", "component"), Slab((mesh.cells, 3), mesh.first, state.m))]
    if sim.settings.wall.mode == "time-dependent":
        stepper: Any = sim.stepper
        e, o = stepper.parts(state)
        tail = e.shape[1:]
        out += [
            Variable("e", ("x", "c", "p"), Slab((mesh.cells, *tail), mesh.first, e)),
            Variable("o", ("x_face", "c", "p"), Slab((mesh.cells + 1, *tail), mesh.first, o)),
        ]
    return out


def _saved_attrs(state: State, settings: WallInput) -> dict[str, Any]:
    return {
        "t_fs": state.t,
        "dt_fs": state.dt,
        "origin_nm": state.origin,
        "steps": state.steps,
        "electrons": state.f is not None,
        "mode": settings.wall.mode,
    }


def _begin(sim: Simulation, settings: WallInput, comm: Intracomm) -> State:
    """The first state: the input's, or the last one of `wall.continue_from`."""
    if settings.wall.continue_from is None:
        return sim.start()
    path = Path(settings.wall.continue_from)
    saved: SavedState = on_root(comm, lambda: read_state(path))
    return restored(sim, saved, path)


def restored(sim: Simulation, saved: SavedState, path: Path) -> State:
    """This rank's part of a saved state. Raises CheckpointError where it does not fit the input."""
    from hpcalo.wall.stepping import State  # noqa: PLC0415

    mesh, mode = sim.mesh, sim.settings.wall.mode
    if saved.attrs.get("mode") != mode:
        raise CheckpointError(f"{path}: was written in mode '{saved.attrs.get('mode')}', the input has '{mode}'")
    m = saved.arrays["m"]
    if m.shape != (mesh.cells, 3):
        raise CheckpointError(f"{path}: holds {m.shape[0]} cells, the input has {mesh.cells}")
    f = None
    if saved.attrs["electrons"]:
        stepper: Any = sim.stepper
        e, o = saved.arrays["e"], saved.arrays["o"]
        if e.shape[2] != sim.transport.p.size:
            raise CheckpointError(f"{path}: holds {e.shape[2]} momenta, the input has {sim.transport.p.size}")
        own = o[mesh.first : mesh.first + stepper.faces]
        f = np.concatenate([e[mesh.first : mesh.last].reshape(-1), own.reshape(-1)])
    a = saved.attrs
    return State(m[mesh.first : mesh.last].copy(), a["t_fs"], a["dt_fs"], a["origin_nm"], int(a["steps"]), f)


# -- sweeps --------------------------------------------------------------------------------------------------------


def points_of(settings: WallInput) -> list[WallInput]:
    """One input per value of the sweep, each checked against the schema."""
    if settings.sweep is None:
        return [settings]
    sweep = settings.sweep
    base = settings.model_dump(mode="json", exclude_none=True)
    base.pop("sweep")
    points = []
    for value in sweep.values:
        data = validate_copy(base)
        set_value(data, sweep.key.split("."), value, "sweep.key")
        points.append(validate(WallInput, data, f"sweep: {sweep.key} = {value}"))
    return points


def validate_copy(data: dict[str, Any]) -> dict[str, Any]:
    """A deep copy of nested tables."""
    return {k: validate_copy(v) if isinstance(v, dict) else v for k, v in data.items()}


def groups_of(settings: WallInput, ranks: int) -> int:
    assert settings.sweep is not None  # asked only for sweeps
    return min(settings.sweep.groups or ranks, ranks, len(settings.sweep.values))


def _sweep(
    settings: WallInput, points: list[WallInput], sources: list[KuboSource | None], comm: Intracomm, output: Path,
    record: Any, attrs: dict[str, Any], force: bool, quiet: bool,
) -> None:  # fmt: skip
    groups = groups_of(settings, comm.size)
    colour = comm.rank % groups
    group: Any = comm.Split(colour, comm.rank)
    mine: dict[int, Any] = {}
    with Progress(
        len(points), "points", comm, share=len(range(colour, len(points), groups)), quiet=quiet, label="sweep"
    ) as progress:
        for index in range(colour, len(points), groups):
            mine[index] = _point(points[index], sources[index], group)
            progress.advance()
    speaker = mine if group.rank == 0 else {}
    gathered = comm.gather(speaker, root=0)

    def combine() -> tuple[list[Variable], list[Variable]]:
        results = {k: v for part in gathered or [] for k, v in part.items()}
        return _combined(settings, [results[k] for k in range(len(points))])

    variables, coordinates = on_root(comm, combine)
    failed = sum(1 for v in variables[0].data if v)
    write_dataset(
        output, comm, variables, coordinates, provenance=record, attrs={**attrs, "failed_points": failed}, force=force
    )
    group.Free()
    if failed:
        warn(comm, f"{failed} of {len(points)} points failed; the result's 'error' says why")


def _point(point: WallInput, source: KuboSource | None, group: Intracomm) -> Any:
    """(variables, coordinates) of one point on rank 0 of the group, or the text of its failure."""
    try:
        if point.wall.model == "paper":
            return _paper(point)
        from hpcalo.wall.simulation import Simulation  # noqa: PLC0415

        sim = Simulation(point, group, source.coefficients if source else None)
        state = sim.start()
        series: dict[str, list[Frame]] = {}
        for _, frames in _frames(sim, state):
            for frame in frames:
                series.setdefault(frame.axis, []).append(frame)
        return _whole(sim, series)
    except HpcaloError as problem:
        return f"{type(problem).__name__}: {problem}"


def _whole(sim: Simulation, series: dict[str, list[Frame]]) -> tuple[list[Variable], list[Variable]]:
    """The frames as whole arrays with a time axis."""
    variables, coordinates = [], _axes(sim)
    for axis, frames in series.items():
        coordinates.append(Variable(axis, (axis,), np.array([f.time for f in frames]), "ns", "simulated time"))
        for number, variable in enumerate(frames[0].variables):
            rows = []
            for frame in frames:
                data = frame.variables[number].data
                if isinstance(data, Slab):
                    parts = sim.mesh.comm.gather(data.data, root=0)
                    rows.append(np.concatenate(parts) if parts is not None else np.zeros(0))
                else:
                    rows.append(data)
            variables.append(replace(variable, dims=(axis, *variable.dims), data=np.array(rows)))
    return variables, coordinates


def _combined(settings: WallInput, results: list[Any]) -> tuple[list[Variable], list[Variable]]:
    """All points in one set of arrays with the swept value as first axis; NaN where a point failed."""
    assert settings.sweep is not None  # asked only for sweeps
    errors = np.array([r if isinstance(r, str) else "" for r in results])
    done = [r for r in results if not isinstance(r, str)]
    values = np.array(settings.sweep.values)
    if values.dtype.kind not in "fiu":
        values = np.array([str(v) for v in settings.sweep.values])
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


# -- the published model -------------------------------------------------------------------------------------------


def _paper(settings: WallInput) -> tuple[list[Variable], list[Variable]]:
    r = paper.PaperModel(settings).evolve()
    first, last = r.initial, r.final
    node = ("x",)
    vector = ("x", "component")
    variables = [
        Variable("magnetization", ("s", *vector), r.m, "", "unit vector M"),
        Variable(
            "settling_s", (), r.settled, "", "s at which every spin points along the final direction", nan_ok=True
        ),
        Variable(
            "settling_time", (), r.settled * r.unit_ns, "ns", "t_s: scales with 1/normalization only", nan_ok=True
        ),
        Variable("max_m", (), r.max_m, "eV fs/nm", "max |int G dp| at the start"),
        Variable("normalization", (), r.magnetization_per_m, "nm/(eV fs)", "C: magnetization in units of M_s per m"),
    ]
    for name, state in (("initial", first), ("final", last)):
        variables += [
            Variable(f"m_{name}", vector, state.m, "eV fs/nm", "int G dp"),
            Variable(f"n_{name}", node, state.n, "eV fs/nm", "int F dp"),
            Variable(f"j_s_{name}", vector, state.spin_current, "eV", "Eq. (12)"),
            Variable(f"j_e_{name}", node, state.charge_current, "eV", "-2 int (v F + u M.G) dp, Eq. (13)"),
            Variable(f"torque_{name}", vector, state.torque, "eV/nm", "(J/hbar) M x m"),
            Variable(
                f"torque_divergence_{name}",
                vector,
                state.torque_divergence,
                "eV/nm",
                "the same through Eqs. (16), (17)",
            ),
            Variable(f"A_{name}", node, state.a, "eV", "A(x) = u_x n, Eq. (18)"),
            Variable(f"B_{name}", node, state.b, "eV", "B(x) = M . int v G dp, Eq. (18)"),
        ]
    coordinates = [
        Variable("x", ("x",), r.x, "nm"),
        Variable("s", ("s",), r.s, "", "time in units of hbar / (J C max|m|)"),
        Variable("component", ("component",), COMPONENTS),
    ]
    return variables, coordinates
