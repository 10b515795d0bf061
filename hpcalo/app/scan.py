"""A scan of any engine: one value of the input varied over groups of ranks, a point a group, all results in one file.

Every group works through its own points and stores them by itself (`hpcalo.scan.saved`). A continued scan computes only
what is left, with any number of ranks and groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hpcalo.engine import Engine, PointContext, Preparation, RunContext, Settings
from hpcalo.errors import CheckpointError, ConvergenceError, HpcaloError, Interrupted, OutputError
from hpcalo.io import checkpoint
from hpcalo.io.checkpoint import Checkpoint, point_path
from hpcalo.io.dataset import NOTES, Result, Variable
from hpcalo.io.hdf5 import write_dataset
from hpcalo.io.keeper import Keeper, StopRequested
from hpcalo.io.provenance import SUMMARY, provenance
from hpcalo.parallel.guard import on_root, raise_together
from hpcalo.parallel.progress import Progress, tell, warn
from hpcalo.parallel.relay import StopRelay
from hpcalo.parallel.signals import StopRequest, signal_name
from hpcalo.scan.merge import Outcome, failures, merged
from hpcalo.scan.points import Axis, Points
from hpcalo.scan.saved import packed, read_point, unpacked

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

MOST_NOTES = 20
"""Notes for the user."""


def run_scan(engine: Engine, settings: Settings, points: Points[Settings], axis: Axis, context: RunContext) -> None:
    """Computes the points that no earlier run has finished and writes the result. Collective.

    Raises Interrupted; InputError where the input is refused before anything is computed; what the first point raised
    where all of them fail.
    """
    comm, output = context.comm, context.output
    prepared = on_root(comm, lambda: engine.prepare(points, context))
    for text in prepared.warnings:
        warn(comm, text)
    _tell_notes(prepared.texts.get(NOTES, "").splitlines(), context)
    layout = f"{points.groups(comm.size)} groups of ranks"
    record = provenance(comm, settings, source=context.source, overrides=context.overrides, layout=layout)
    record.warned(prepared.warnings)
    record.texts.update(prepared.texts)
    results: dict[int, Outcome] = {}
    texts = {**context.restart_texts(engine.name, settings), **prepared.identity}
    continued = on_root(comm, lambda: _begin(context, texts, len(points), results))
    scan = _Scan(engine, points, axis, prepared, context, settings.execution.checkpoint_interval)
    scan.compute(on_root(comm, lambda: [i for i in range(len(points)) if i not in results]), results, continued)
    variables, coordinates = on_root(comm, lambda: _whole(axis, context.source, output, results))
    errors = [str(text) for text in variables[0].data]
    failed = failures(axis, errors)
    attrs = {"engine": engine.name, **prepared.attrs, "failed_points": sum(map(bool, errors))}
    summary, warnings = on_root(comm, lambda: _conclusion(engine, output, variables, coordinates, attrs, record.texts))
    record.warned([*([failed] if failed else []), *warnings])
    record.texts.update({SUMMARY: summary} if summary else {})
    write_dataset(output, comm, variables, coordinates, provenance=record, attrs=attrs, force=context.force)
    on_root(comm, lambda: checkpoint.remove(output))
    if summary:
        tell(comm, summary, quiet=context.quiet)
    for text in [*([failed] if failed else []), *warnings]:
        warn(comm, text)


def _tell_notes(notes: Sequence[str], context: RunContext) -> None:
    for text in notes[:MOST_NOTES]:
        tell(context.comm, f"note: {text}", quiet=context.quiet)
    if (more := len(notes) - MOST_NOTES) > 0:
        tell(context.comm, f"note: {more} more are in the result", quiet=context.quiet)


def _conclusion(
    engine: Engine,
    output: Path,
    variables: Sequence[Variable],
    coordinates: Sequence[Variable],
    attrs: Mapping[str, object],
    texts: Mapping[str, str],
) -> tuple[str, Sequence[str]]:
    """What the engine says of the result. Serial."""
    named, places = ({v.name: v for v in group} for group in (variables, coordinates))
    return engine.conclude(Result(output, named, places, dict(attrs), dict(texts)))


def _begin(context: RunContext, texts: Mapping[str, str], count: int, results: dict[int, Outcome]) -> bool:
    """Whether an earlier run is continued; its finished points are put into `results`.

    For a new run, makes what a restart needs. Serial.
    """
    output = context.output
    if context.resume is None:
        checkpoint.remove(output)
        for sequence in range(len(checkpoint.GENERATIONS)):
            checkpoint.write(output, Checkpoint({}, texts, sequence))
        return False
    for index in range(count):
        found, remarks = read_point(output, index)
        for remark in remarks:
            warn(context.comm, remark)
        outcome = None if found is None else unpacked(found)
        if outcome is not None:
            results[index] = outcome
    return True


class _Scan:
    """The points of one scan, shared among groups of the ranks of `context.comm`."""

    def __init__(
        self,
        engine: Engine,
        points: Points[Settings],
        axis: Axis,
        prepared: Preparation,
        context: RunContext,
        interval: float,
    ) -> None:
        self.engine, self.points, self.axis, self.context, self.interval = engine, points, axis, context, interval
        self.extras = prepared.extras or (None,) * len(points)

    def compute(self, todo: list[int], results: dict[int, Outcome], continued: bool) -> None:
        """Puts the outcome of every point in `todo` into rank 0's `results`. Collective.

        Raises Interrupted; OutputError, CheckpointError of any point.
        """
        comm, output, total = self.context.comm, self.context.output, len(self.points)
        groups = self.points.groups(comm.size)
        colour = comm.rank % groups
        group = cast("Intracomm", comm.Split(colour, comm.rank))
        own = todo[colour::groups]
        mine: dict[int, Outcome] = {}
        refused: HpcaloError | None = None
        with (
            StopRequest() as stop,
            StopRelay(comm, group, stop) as relay,
            Progress(total, "points", comm, quiet=self.context.quiet, label="scan") as progress,
        ):
            progress.start_at(total - len(todo))
            try:
                for index in own:
                    mine[index] = self._point(index, group, stop, relay, continued)
                    progress.advance(len(todo) / len(own))
            except StopRequested:
                pass
            except (OutputError, CheckpointError) as problem:  # on all ranks of this group
                refused = problem
                stop.requested = True  # nothing can go on: the relay tells the other groups
            relay.wait()
            unfinished = bool(comm.allreduce(len(mine) < len(own)))
            name = signal_name(comm, stop.name)
        gathered = comm.gather(mine if group.rank == 0 else {}, root=0)
        group.Free()
        for part in gathered or []:
            results.update(part)
        raise_together(comm, refused)
        if unfinished:
            done = on_root(comm, lambda: len(results))
            raise Interrupted(
                f"stopped by {name} with {done} of {total} points finished; 'hpcalo restart {output}' continues"
            )

    def _point(self, index: int, group: Intracomm, stop: StopRequest, relay: StopRelay, continued: bool) -> Outcome:
        """The results of one point on rank 0 of the group, or the text of its failure. Collective over the group.

        Raises StopRequested, after it has saved; Interrupted, OutputError and CheckpointError, which are the same for
        all points.
        """
        output, name = self.context.output, self.axis.point(index)
        resume = on_root(group, lambda: read_point(output, index)[0]) if continued else None
        keeper = Keeper(point_path(output, index), group, self.interval, stop, {}, relay=relay, resumed=resume)
        keeper.check()
        point = PointContext(group, name, keeper, resume, self.extras[index])
        try:
            outcome: Outcome = self.engine.scan_point(self.points.settings[index], point)
        except (Interrupted, OutputError, CheckpointError):
            raise
        except HpcaloError as problem:
            outcome = f"{type(problem).__name__}: {problem}"
        arrays, texts = packed(outcome) if group.rank == 0 else ({}, {})
        keeper.save((), {}, arrays, texts)
        return outcome


def _whole(
    axis: Axis, source: Path, output: Path, results: Mapping[int, Outcome]
) -> tuple[list[Variable], list[Variable]]:
    """All points in one. Serial. Raises the first point's failure, with its class and exit code, where all failed."""
    ordered = [results[index] for index in range(len(axis.given))]
    first = ordered[0]
    if not (isinstance(first, str) and all(isinstance(one, str) for one in ordered)):
        return merged(axis, ordered)
    checkpoint.remove(output)  # a corrected input is another run
    name, _, why = first.partition(": ")
    kind = next((k for k in HpcaloError.__subclasses__() if k.__name__ == name), ConvergenceError)
    which = f"all {len(ordered)} points of the scan" if ordered[1:] else "the only point of the scan"
    raise kind(f"{source}: {which} failed, nothing is written; {axis.point(0)}: {why}")
