"""What a wall calculation will cost: points, groups of ranks, memory per rank, size of the result."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hpcalo.errors import InputError
from hpcalo.parallel.work import PROGRAM, Work
from hpcalo.wall.config import Paper, WallInput
from hpcalo.wall.points import Axis, axis_of, groups_of, place_of, points_of, unreadable
from hpcalo.wall.solvers.direct import DIRECT_BYTES
from hpcalo.wall.source import SourceReader, no_source
from hpcalo.wall.validity import check_settings as check_physics

CELLS = 1000
"""Cells of the wire that are worth a rank: with fewer, what every rank does for the whole wire outweighs its share."""
TEAM = 8
"""Ranks at most that are worth it for one wire, however long: half efficiency is at six (docs/guide/scaling.md)."""
VECTORS = {"steady": 55, "quasi-static": 55, "time-dependent": 105}
"""Arrays of the size of the distribution, by mode, as measured: Krylov basis, factors of the sweep, responses, stages
of the time step.
"""
WHOLE_WIRE = 1500
"""Bytes a cell that every rank holds of the whole wire: the spin-diffusion matrix and its factors."""
ITERATED = 8 * (3 * 80 + 32 + 215 * 4)
"""Bytes a cell and momentum where the published model iterates: blocks, their factors, vectors of the iteration."""
NUMBER = re.compile(r"-?\d[\d.]*(e[-+]?\d+)?%?")


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'s' * (number != 1)}"


def told_of(points: Sequence[WallInput], source: Path, axis: Axis | None = None) -> list[str]:
    """What the physics of the points has to be warned of: what differs in its numbers only is said of the first point
    it holds for. `axis`: of a sweep, which names the points. Serial. Raises InputError for what cannot run."""
    alike: dict[str, list[str]] = {}
    for index, point in enumerate(points):
        try:
            told = check_physics(point)
        except InputError as problem:
            raise InputError(f"{source}: {place_of(axis, index)}{problem}") from None
        for text in told:
            alike.setdefault(NUMBER.sub("#", text), []).append(text)
    return [
        texts[0]
        + (f" (and so for {_count(len(texts) - 1, 'other value')} of the sweep)" if len(set(texts)) > 1 else "")
        for texts in alike.values()
    ]


def _published_bytes(paper: Paper) -> int:
    """Bytes a cell and momentum that the published model's kinetic equation takes beyond one pass."""
    if not paper.coupled:
        return 0
    return 8 * (3 * 80 + 16 * paper.points) if paper.method == "direct" else ITERATED


def work_wall(settings: WallInput, *, source: Path, read: SourceReader = no_source) -> Work:
    """What a run has to share out: the cells of the wire, and the values of a sweep. Serial. Raises InputError."""
    points = points_of(settings, source)
    axis = axis_of(settings, points) if settings.sweep else None
    warnings = list(dict.fromkeys(told_of(points, source, axis)))
    sources = [read(point, source.parent) for point in points]
    warnings += dict.fromkeys(w for s in sources if s for w in s.warnings)
    warnings += unreadable(points, source, axis)  # no error yet: the run before may still be waiting
    shared = points[0].wall.model == "consistent"  # the published model runs on one rank
    cells = max(p.wire.cells for p in points)
    unknowns = max(p.wire.cells * p.momentum.points * 4 for p in points)
    vectors = max(VECTORS[p.wall.mode] for p in points)
    assembled = [p for p in points if p.solver.method == "direct"]
    direct = max((DIRECT_BYTES * 3 * p.wire.cells * (4 * p.momentum.points) ** 2 for p in assembled), default=0)

    published = max(p.paper.cells * p.paper.points * _published_bytes(p.paper) for p in points)

    def groups(ranks: int) -> int:
        return groups_of(settings, ranks) if settings.sweep else 1

    def memory(ranks: int) -> float:
        if not shared:
            return 2.0 * PROGRAM + published
        return PROGRAM + WHOLE_WIRE * cells + (8.0 * unknowns * vectors + direct) / max(1, ranks // groups(ranks))

    def report(ranks: int) -> str:
        lines = [f"{source}: wall, {settings.wall.model} model, {settings.wall.mode}"]
        lines += [f"warning: {w}" for w in warnings]
        if settings.sweep:
            each = max(1, ranks // groups(ranks))
            lines.append(
                f"sweep of {settings.sweep.key}: {_count(len(points), 'value')}, "
                f"{_count(groups(ranks), 'group')} of about {_count(each, 'rank')}"
            )
        system = f"steady system: {unknowns:,} unknowns, " if shared else ""
        lines.append(f"{system}about {memory(ranks) / 2**20:.0f} MiB a rank")
        if settings.wall.mode != "steady" and shared:
            frames = int(settings.time.end / settings.time.output_every) + 1
            lines.append(
                f"{settings.time.end:g} ns, {frames} frames, about "
                f"{frames * settings.wire.cells * 300 / 2**20:.3g} MiB of results"
            )
        return "\n".join(lines)

    at_once = groups_of(settings, 10**9) if settings.sweep else 1
    return Work(
        engine="wall",
        tasks=len(points),
        groups=at_once,
        team=max(1, min(TEAM, cells // CELLS)) if shared else 1,
        what=f"values of {settings.sweep.key}" if settings.sweep else "wires",
        piece=f"{cells} cells of the wire shared by x" if shared else "the published model runs on one rank",
        memory=memory,
        report=report,
    )
