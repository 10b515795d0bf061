"""The wall's data path on one page: input -> checks -> (groups of ranks) -> simulation -> monitors -> growing result
file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpcalo.engine import RunContext
from hpcalo.errors import CheckpointError, InputError, Interrupted
from hpcalo.io import checkpoint
from hpcalo.io.checkpoint import Checkpoint
from hpcalo.io.files import commit
from hpcalo.io.hdf5 import write_dataset
from hpcalo.io.keeper import Asked, Keeper
from hpcalo.io.provenance import provenance, resolved_toml
from hpcalo.io.timeseries import TimeSeries
from hpcalo.parallel.guard import on_root
from hpcalo.parallel.progress import Progress, warn
from hpcalo.parallel.signals import StopRequest
from hpcalo.wall.config import WallInput
from hpcalo.wall.estimate import told_of
from hpcalo.wall.frames import axes, begin, entries, moments, restored, saved_arrays, saved_attrs
from hpcalo.wall.points import Axis, axis_of, groups_of, points_of, unreadable
from hpcalo.wall.published.run import evolved
from hpcalo.wall.scan import run_sweep
from hpcalo.wall.source import CoefficientSource, SourceReader, no_source
from hpcalo.wall.units import NS_IN_FS

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


def run_wall(settings: WallInput, context: RunContext, *, read: SourceReader = no_source) -> None:
    """Runs the input and writes the result. read: gives a point's coefficients of its electronic structure.

    Until a run in time is complete its frames are in NAME.h5.frames, and its checkpoints beside it.
    Collective. Raises HpcaloErrors on all ranks.
    """
    comm, source, output, force, quiet = context.comm, context.source, context.output, context.force, context.quiet
    overrides, resume = context.overrides, context.resume
    points = points_of(settings, source)
    axis = axis_of(settings, points) if settings.sweep else None
    told = on_root(comm, lambda: told_of(points, source, axis))
    on_root(comm, lambda: _readable(points, source, axis) if resume is None else None)
    sources = on_root(comm, lambda: [read(point, source.parent) for point in points])
    warnings = list(dict.fromkeys([*told, *(w for s in sources if s for w in s.warnings)]))
    for text in warnings:
        warn(comm, text)
    layout = (
        f"{comm.size} ranks share x" if settings.sweep is None else f"{groups_of(settings, comm.size)} groups of ranks"
    )
    record = provenance(comm, settings, source=source, overrides=overrides, layout=layout)
    record.warned(warnings)
    modes = dict.fromkeys(p.wall.mode for p in points)
    attrs = {"engine": "wall", "kind": "/".join(modes), "model": points[0].wall.model}
    if settings.wall.title:
        attrs["title"] = settings.wall.title
    if sources[0] is not None:
        attrs |= sources[0].attrs
        record.texts.update(sources[0].texts)
    texts = {"engine": "wall", "source": str(source.absolute()), "overrides": "\n".join(overrides)}
    texts["resolved_input"] = resolved_toml(settings)
    texts["electronic_structure"] = " ".join(dict.fromkeys(s.sha256 for s in sources if s))
    on_root(comm, lambda: _same_source(resume, texts, output))
    if settings.sweep is not None:
        run_sweep(
            settings, points, sources, comm, source, output, record, attrs, texts,
            force=force, quiet=quiet, resumed=on_root(comm, lambda: resume is not None),
        )  # fmt: skip
    elif settings.wall.model == "paper":
        with StopRequest() as stop:
            keeper = _keeper(settings, comm, output, stop, texts, resume)
            try:
                variables, coordinates = evolved(settings, comm, keeper, resume)
            except Asked as asked:
                raise Interrupted(f"{asked}; 'hpcalo restart {output}' continues") from None
        write_dataset(
            output, comm, variables, coordinates, provenance=record, attrs={**attrs, "kind": "paper"}, force=force
        )
        on_root(comm, lambda: checkpoint.remove(output))
    else:
        _single(
            settings, comm, source.parent, output, record, attrs, texts, resume, sources[0], force=force, quiet=quiet
        )


def _readable(points: Sequence[WallInput], source: Path, axis: Axis | None) -> None:
    """Raises InputError where a result that a point goes on from cannot be opened."""
    if lacking := unreadable(points, source, axis):
        raise InputError(f"{source}: {lacking[0]}")


def _keeper(
    settings: WallInput,
    comm: Intracomm,
    output: Path,
    stop: StopRequest,
    texts: dict[str, str],
    resume: Checkpoint | None,
) -> Keeper:
    return Keeper(output, comm, settings.execution.checkpoint_interval, stop, texts, resumed=resume)


def _same_source(resume: Checkpoint | None, texts: dict[str, str], output: Path) -> None:
    if resume is not None and resume.texts.get("electronic_structure", "") != texts["electronic_structure"]:
        raise CheckpointError(f"{output}: the result that [electronic_structure] names has changed since the run began")


# -- one run in time -----------------------------------------------------------------------------------------------


def _single(
    settings: WallInput,
    comm: Intracomm,
    folder: Path,
    output: Path,
    record: Any,
    attrs: dict[str, Any],
    texts: dict[str, str],
    resume: Checkpoint | None,
    coefficients: CoefficientSource | None,
    *,
    force: bool,
    quiet: bool,
) -> None:
    from hpcalo.wall.dynamics.simulation import Simulation  # noqa: PLC0415  (loads PETSc)

    sim = Simulation(settings, comm, coefficients.coefficients if coefficients else None)
    sim.on_warning = partial(warn, comm)
    file = TimeSeries(output.with_name(f"{output.name}.frames"), comm)
    saved = on_root(comm, lambda: resume)
    if saved is None:
        state = begin(sim, settings, comm, folder)
        tables = coefficients.tables() if coefficients else []
        file.create(
            [*axes(sim), *tables[:1]], tables[1:],
            lengths=entries(sim, state), provenance=record, attrs=attrs, force=True,
        )  # fmt: skip
    else:
        state = restored(sim, saved, output)
        file.reopen(saved.counts("counts"))
        sim.warnings = [str(text) for text in saved.state.get("remarks", [])]
    total = settings.time.end if settings.wall.mode != "steady" else 0.0
    kept = saved is not None  # whether a checkpoint of `state` exists

    with StopRequest() as stop, Progress(total, "ns", comm, quiet=quiet, label="time") as progress:
        keeper = _keeper(settings, comm, output, stop, texts, resume)
        sim.stepper.watch = keeper.ask

        def keep() -> None:
            file.sync()
            keeper.save(
                saved_arrays(sim, state), {**saved_attrs(sim, state), "counts": file.counts, "remarks": sim.warnings}
            )

        progress.start_at(state.t / NS_IN_FS)
        try:
            for now, frames in moments(sim, state, coefficients.monitors if coefficients else {}, first=saved is None):
                progress.advance((now.t - state.t) / NS_IN_FS)
                first = now is state
                state, kept = now, False
                if frames is not None:
                    file.append(frames, saved_arrays(sim, state), saved_attrs(sim, state))
                if first or keeper.wanted(frame=frames is not None):
                    keep()
                    kept = True
        except Asked as asked:
            if not kept:
                keep()
            raise Interrupted(f"{asked} at {state.t / NS_IN_FS:.6g} ns; 'hpcalo restart {output}' continues") from None
    transport = sim.transport
    counters = {"steps": state.steps, "linear_solves": transport.solves, "linear_iterations": transport.iterations}
    file.finish(counters, sim.warnings)

    def publish() -> None:
        commit(file.path, output, force=force)
        checkpoint.remove(output)

    on_root(comm, publish)
