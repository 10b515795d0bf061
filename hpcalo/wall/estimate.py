"""What a wall calculation will cost: points, groups of ranks, memory per rank, size of the result."""

from __future__ import annotations

from pathlib import Path

from hpcalo.parallel.work import PROGRAM, Work
from hpcalo.scan.points import Points
from hpcalo.wall.config import Paper, WallInput
from hpcalo.wall.prepare import check_alike, physics_warnings, unreadable
from hpcalo.wall.solvers.direct import DIRECT_BYTES
from hpcalo.wall.source import SourceReader, no_source

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


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'s' * (number != 1)}"


def _published_bytes(paper: Paper) -> int:
    """Bytes a cell and momentum that the published model's kinetic equation takes beyond one pass."""
    if not paper.coupled:
        return 0
    return 8 * (3 * 80 + 16 * paper.points) if paper.method == "direct" else ITERATED


def _nodes(s: WallInput) -> int:
    """Nodes of the published model's box, of the wall and of the domain on its left."""
    return s.paper.cells + round(s.paper.left_domain / (s.texture.width or 5.0) * (s.paper.cells - 1))


def _box(s: WallInput) -> str:
    width, left = s.texture.width or 5.0, s.paper.left_domain
    start, wall, end = (s.drive.temperature + s.drive.gradient * x for x in (0.0, left, left + width))
    what = f"wall of {width:g} nm, left domain of {left:g} nm: " if left else f"wall of {width:g} nm: "
    return (
        f"{what}{_nodes(s)} nodes x {s.paper.points} momenta, T from {start:g} K at the cold end to "
        f"{wall:g} … {end:g} K in the wall"
    )


def work_wall(scan: Points[WallInput], *, source: Path, read: SourceReader = no_source) -> Work:
    """What a run has to share out: the cells of the wire, and the points of a scan. Serial. Raises InputError."""
    check_alike(scan, source)
    points, settings, axis = scan.settings, scan.settings[0], scan.axis
    warnings = list(dict.fromkeys(physics_warnings(scan, source)))
    sources = [read(point) for point in points]
    warnings += dict.fromkeys(w for s in sources if s for w in s.warnings)
    warnings += unreadable(scan)  # no error yet: the run before may still be waiting
    shared = points[0].wall.model == "consistent"  # the published model runs on one rank
    cells = max(p.wire.cells for p in points)
    unknowns = max(p.wire.cells * p.momentum.points * 4 for p in points)
    vectors = max(VECTORS[p.wall.mode] for p in points)
    assembled = [p for p in points if p.solver.method == "direct"]
    direct = max((DIRECT_BYTES * 3 * p.wire.cells * (4 * p.momentum.points) ** 2 for p in assembled), default=0)

    published = max(_nodes(p) * p.paper.points * _published_bytes(p.paper) for p in points)

    def memory(ranks: int) -> float:
        if not shared:
            return 2.0 * PROGRAM + published
        return PROGRAM + WHOLE_WIRE * cells + (8.0 * unknowns * vectors + direct) / max(1, ranks // scan.groups(ranks))

    def report(ranks: int) -> str:
        lines = [f"{source}: wall, {settings.wall.model} model, {settings.wall.mode}"]
        lines += [f"warning: {w}" for w in warnings]
        if axis is not None:
            each = max(1, ranks // scan.groups(ranks))
            lines.append(
                f"scan of {axis.key}: {_count(len(points), 'value')}, "
                f"{_count(scan.groups(ranks), 'group')} of about {_count(each, 'rank')}"
            )
        if not shared:
            lines.append(_box(scan.base or settings))
        system = f"steady system: {unknowns:,} unknowns, " if shared else ""
        lines.append(f"{system}about {memory(ranks) / 2**20:.0f} MiB per rank")
        if settings.wall.mode != "steady" and shared:
            frames = int(settings.time.end / settings.time.output_every) + 1
            lines.append(
                f"{settings.time.end:g} ns, {frames} frames, about {frames * cells * 300 / 2**20:.3g} MiB of results"
            )
        return "\n".join(lines)

    return Work(
        engine="wall",
        tasks=len(points),
        groups=scan.most_groups,
        team=max(1, min(TEAM, cells // CELLS)) if shared else 1,
        what="wires" if axis is None else f"values of {axis.key}",
        piece=f"{cells} cells of the wire shared by x" if shared else "the published model runs on one rank",
        memory=memory,
        report=report,
    )
