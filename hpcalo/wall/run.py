"""The data path of the wall on one page: input -> checks -> simulation -> monitors -> growing result file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hpcalo.engine import RunContext
from hpcalo.errors import Interrupted
from hpcalo.io import checkpoint
from hpcalo.io.dataset import NOTES
from hpcalo.io.files import commit
from hpcalo.io.hdf5 import write_dataset
from hpcalo.io.keeper import Keeper, StopRequested
from hpcalo.io.provenance import SUMMARY, Provenance, provenance
from hpcalo.parallel.guard import on_root
from hpcalo.parallel.progress import Progress, tell, warn
from hpcalo.parallel.signals import StopRequest
from hpcalo.scan.points import Points
from hpcalo.wall.closing import doubts, numbers_of_file, table
from hpcalo.wall.config import WallInput
from hpcalo.wall.driver import begin, evolve
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.prepare import prepare
from hpcalo.wall.published.run import evolved
from hpcalo.wall.sinks import FileSink
from hpcalo.wall.source import CoefficientSource, SourceReader, no_source
from hpcalo.wall.units import NS_IN_FS


@dataclass(frozen=True)
class _Record:
    """What is written besides the numbers: provenance and attributes of the result, texts of every checkpoint."""

    provenance: Provenance
    attrs: Mapping[str, object]
    texts: Mapping[str, str]


def run_wall(settings: WallInput, context: RunContext, *, read: SourceReader = no_source) -> None:
    """Runs an input without a scan and writes the result. read: gives the coefficients of the electronic structure.

    Until a run in time is complete its frames are in NAME.h5.frames, and its checkpoints beside it.
    Collective. Raises HpcaloErrors on all ranks.
    """
    comm = context.comm
    prepared = on_root(comm, lambda: prepare(Points((settings,)), context, read))
    for text in prepared.warnings:
        warn(comm, text)
    for text in prepared.texts.get(NOTES, "").splitlines():
        tell(comm, f"note: {text}", quiet=context.quiet)
    layout = f"{comm.size} ranks share x"
    found = provenance(comm, settings, source=context.source, overrides=context.overrides, layout=layout)
    found.warned(prepared.warnings)
    found.texts.update(prepared.texts)
    record = _Record(
        found,
        attrs={"engine": "wall", **prepared.attrs},
        texts={**context.restart_texts("wall", settings), **prepared.identity},
    )
    if settings.wall.model == "paper":
        _published(settings, context, record, prepared.extras[0])
    else:
        _in_time(settings, context, record, prepared.extras[0])


def _published(settings: WallInput, context: RunContext, record: _Record, c_per_m: float) -> None:
    """The published model: short, so that its result is written at the end."""
    with _checkpoints(settings, context, record) as keeper:
        variables, coordinates = evolved(settings, context.comm, keeper, context.resume, c_per_m)
    write_dataset(
        context.output, context.comm, variables, coordinates,
        provenance=record.provenance, attrs={**record.attrs, "kind": "paper"}, force=context.force,
    )  # fmt: skip
    on_root(context.comm, lambda: checkpoint.remove(context.output))


def _in_time(settings: WallInput, context: RunContext, record: _Record, source: CoefficientSource | None) -> None:
    """The consistent model: frames go into a growing file, which gets the name of the result at the end."""
    comm, output = context.comm, context.output
    sim = Simulation(settings, comm, source.coefficients if source else None)
    sim.on_warning = partial(warn, comm)
    frames = output.with_name(f"{output.name}.frames")
    sink = FileSink(sim, frames, source.tables() if source else (), record.provenance, record.attrs)
    state, continued = begin(sim, sink, context.resume, output)
    total = settings.time.end if settings.wall.mode != "steady" else 0.0
    with (
        _checkpoints(settings, context, record) as keeper,
        Progress(total, "ns", comm, quiet=context.quiet, label="time") as progress,
    ):
        progress.start_at(state.t / NS_IN_FS)
        state = evolve(
            sim, state, sink, keeper, source.monitors if source else {}, continued=continued,
            on_state=lambda now: progress.reach(now.t / NS_IN_FS),
        )  # fmt: skip
    transport = sim.transport
    counters = {"steps": state.steps, "linear_solves": transport.solves, "linear_iterations": transport.iterations}
    closing, new = on_root(comm, lambda: _closing(frames))
    sink.file.finish(counters, [*sim.warnings, *new], {SUMMARY: closing} if closing else {})
    if closing:
        tell(comm, closing, quiet=context.quiet)
    for text in new:
        warn(comm, text)

    def publish() -> None:
        commit(frames, output, force=context.force)
        checkpoint.remove(output)

    on_root(comm, publish)


def _closing(frames: Path) -> tuple[str, list[str]]:
    """The table of the last output as text, "" without one, and warnings of what is not converged. Serial."""
    numbers = numbers_of_file(frames)
    shown = table(numbers)
    return shown.text() if shown else "", doubts(numbers)


@contextmanager
def _checkpoints(settings: WallInput, context: RunContext, record: _Record) -> Iterator[Keeper]:
    """The keeper of checkpoints for the block. Raises Interrupted where a signal has stopped the block."""
    with StopRequest() as stop:
        try:
            yield Keeper(
                context.output, context.comm, settings.execution.checkpoint_interval, stop, record.texts,
                resumed=context.resume,
            )  # fmt: skip
        except StopRequested as problem:
            raise Interrupted(f"{problem}; 'hpcalo restart {context.output}' continues") from None
