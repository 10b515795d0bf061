"""What a Kubo run will cost: k-points, blocks, memory per rank, time; in words, and as work to share out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from hpcalo.kubo.config import KuboInput
from hpcalo.kubo.costs import Cost, Costs
from hpcalo.parallel.progress import duration
from hpcalo.parallel.work import Work
from hpcalo.scan.points import Points


def work_kubo(points: Points[KuboInput], *, source: Path) -> Work:
    """What a run has to share out: blocks of k-points, or the points of a scan.

    Serial; times small blocks on this machine.

    Raises InputError, ModelError and ConvergenceError as the run would.
    """
    costs = Costs()
    each = [
        costs.of(point, 1.0 / (len(points) - index), alone=points.axis is None)
        for index, point in enumerate(points.settings)
    ]
    work = _scan_work if points.axis is not None else _run_work
    return work(points, each, source, costs.start)


def _about(seconds: float, ranks: int, most: bool) -> str:
    """A time in words, or at most."""
    if seconds == math.inf:
        return "not known"
    return f"{'at most ' if most else ''}about {duration(seconds)} on {ranks} rank{'s' if ranks > 1 else ''}"


def _run_work(points: Points[KuboInput], each: Sequence[Cost], source: Path, start: float) -> Work:
    (cost,) = each
    where = [] if cost.target else [f"k-points     {cost.notes[0]}, {cost.blocks} blocks of {cost.size}"]
    where += [f"{'target' if cost.target else 'errors'}       {cost.foreseen}"] if cost.foreseen else []

    def report(ranks: int) -> str:
        whole = _about(cost.seconds(ranks), ranks, cost.most)
        lines = [
            f"{source}: valid",
            f"model        {cost.model}",
            *where,
            *(f"symmetry     {note}" for note in cost.notes[1:]),
            *(f"note         {note}" for note in cost.remarks),
            f"directions   {cost.directions} of the magnetization",
            f"raw sums     {cost.sums * cost.directions / 2**20:.1f} MiB",
            f"memory       {cost.at_most}about {cost.memory / 2**20:.0f} MiB per rank",
            f"time         {whole} ({1e3 * cost.seconds_per_k:.3g} ms per k-point here)",
        ]
        if cost.blocks < ranks:
            lines.append(
                f"note         {ranks} ranks for {cost.blocks} blocks: the surplus ranks share the energies and mostly "
                "wait"
            )
        return "\n".join(lines)

    return Work(
        engine="kubo",
        tasks=cost.blocks,
        groups=cost.blocks,
        team=1,
        what=f"blocks of {cost.size} k-points",
        piece=f"all of the {cost.points} k-points in one block",
        memory=lambda _: cost.memory,
        report=report,
        start=start,
        task_seconds=cost.block_seconds,
        known=cost.known,
        time_max=cost.time_max,
    )


def _scan_work(points: Points[KuboInput], each: Sequence[Cost], source: Path, start: float) -> Work:
    """Points in turn over groups of ranks; a group shares the blocks of a point."""
    axis = points.axis
    assert axis is not None  # else it is no scan
    memory, most = max(cost.memory for cost in each), any(cost.most for cost in each)

    def seconds(ranks: int) -> float:
        """Of the group that takes longest."""
        groups = points.groups(ranks)
        sizes = [len(range(group, ranks, groups)) for group in range(groups)]
        return max(sum(cost.seconds(size) for cost in each[group::groups]) for group, size in enumerate(sizes))

    def report(ranks: int) -> str:
        groups = points.groups(ranks)
        lines = [f"{source}: valid", f"scan         of {axis.key}, {len(each)} points in {groups} groups of ranks"]
        for index, cost in enumerate(each):
            number = f"{cost.at_most}{cost.points:,}" if cost.known else "an unknown number of"
            lines.append(f"  {axis.point(index)}: {number} k-points, {_about(cost.seconds(1), 1, cost.most)}")
        lines += [f"model        {text}" for text in dict.fromkeys(cost.model for cost in each)]
        lines += [f"note         {text}" for text in dict.fromkeys(text for cost in each for text in cost.remarks)]
        lines += [
            f"memory       {'at most ' if most else ''}about {memory / 2**20:.0f} MiB per rank",
            f"time         {_about(seconds(ranks), ranks, most)}",
        ]
        return "\n".join(lines)

    return Work(
        engine="kubo",
        tasks=len(each),
        groups=points.most_groups,
        team=min(cost.blocks for cost in each),
        what=f"values of {axis.key}",
        piece="blocks of k-points shared",
        memory=lambda _: memory,
        report=report,
        start=start,
        task_seconds=sum(cost.seconds(1) for cost in each) / len(each) if math.isfinite(seconds(1)) else None,
        known=math.isfinite(seconds(1)),
    )
