"""The wall's data path on one page: input -> checks -> (groups of ranks) -> simulation -> monitors -> growing result
file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpcalo.engine import RunContext
from hpcalo.errors import Interrupted
from hpcalo.io import checkpoint
from hpcalo.io.checkpoint import Checkpoint
from hpcalo.io.files import commit
from hpcalo.io.hdf5 import write_dataset
from hpcalo.io.keeper import Keeper, StopRequested
from hpcalo.io.provenance import provenance
from hpcalo.io.timeseries import TimeSeries
from hpcalo.parallel.guard import on_root
from hpcalo.parallel.progress import Progress, warn
from hpcalo.parallel.signals import StopRequest
from hpcalo.scan.points import Points
from hpcalo.wall.config import WallInput
from hpcalo.wall.frames import axes, begin, entries, moments, restored, saved_arrays, saved_attrs
from hpcalo.wall.prepare import prepare
from hpcalo.wall.published.run import evolved
from hpcalo.wall.source import CoefficientSource, SourceReader, no_source
from hpcalo.wall.units import NS_IN_FS

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


def run_wall(settings: WallInput, context: RunContext, *, read: SourceReader = no_source) -> None:
    """Runs an input without a scan and writes the result. read: gives the coefficients of the electronic structure.

    Until a run in time is complete its frames are in NAME.h5.frames, and its checkpoints beside it.
    Collective. Raises HpcaloErrors on all ranks.
    """
    comm, output, force = context.comm, context.output, context.force
    resume = context.resume
    prepared = on_root(comm, lambda: prepare(Points((settings,)), context, read))
    for text in prepared.warnings:
        warn(comm, text)
    layout = f"{comm.size} ranks share x"
    record = provenance(comm, settings, source=context.source, overrides=context.overrides, layout=layout)
    record.warned(prepared.warnings)
    record.texts.update(prepared.texts)
    attrs = {"engine": "wall", **prepared.attrs}
    texts = {**context.restart_texts("wall", settings), **prepared.identity}
    if settings.wall.model == "paper":
        with StopRequest() as stop:
            keeper = _keeper(settings, comm, output, stop, texts, resume)
            try:
                variables, coordinates = evolved(settings, comm, keeper, resume)
            except StopRequested as asked:
                raise Interrupted(f"{asked}; 'hpcalo restart {output}' continues") from None
        write_dataset(
            output, comm, variables, coordinates, provenance=record, attrs={**attrs, "kind": "paper"}, force=force
        )
        on_root(comm, lambda: checkpoint.remove(output))
    else:
        _single(
            settings, comm, output, record, attrs, texts, resume, prepared.extras[0], force=force, quiet=context.quiet
        )


def _keeper(
    settings: WallInput,
    comm: Intracomm,
    output: Path,
    stop: StopRequest,
    texts: dict[str, str],
    resume: Checkpoint | None,
) -> Keeper:
    return Keeper(output, comm, settings.execution.checkpoint_interval, stop, texts, resumed=resume)


# -- one run in time -----------------------------------------------------------------------------------------------


def _single(
    settings: WallInput,
    comm: Intracomm,
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
        state = begin(sim, settings, comm)
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
        sim.stepper.watch = keeper.check

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
                if first or keeper.is_due(frame=frames is not None):
                    keep()
                    kept = True
        except StopRequested as asked:
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
