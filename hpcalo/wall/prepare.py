"""What is checked and read for a run of the wall, or for all points of a scan, before anything is computed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hpcalo.engine import Preparation, RunContext
from hpcalo.errors import CheckpointError, ConvergenceError, InputError
from hpcalo.io.dataset import NOTES
from hpcalo.io.hdf5 import open_hdf5
from hpcalo.scan.points import Points
from hpcalo.wall.config import WallInput
from hpcalo.wall.published.run import reference
from hpcalo.wall.source import SourceReader
from hpcalo.wall.validity.settings import check_settings

NUMBER = re.compile(r"-?\d[\d.]*(e[-+]?\d+)?%?")
IDENTITY = "electronic_structure"
"""Name of the checksum of the coefficients in a checkpoint."""
NORMALIZATION = "normalization"
"""Name of the published model's C in a checkpoint."""


def prepare(points: Points[WallInput], context: RunContext, read: SourceReader) -> Preparation:
    """Warnings, record and coefficients; `extras` are the sources of the coefficients, None where there are none.

    Of the published model they are its normalization C, one number for all points.

    Serial. Raises InputError for what cannot run; CheckpointError where a continued run would have other coefficients.
    """
    source = context.source
    check_alike(points, source)
    warnings = physics_warnings(points, source)
    missing = unreadable(points) if context.resume is None else []
    if missing:
        raise InputError(f"{source}: {missing[0]}")
    sources = [read(point) for point in points.settings]
    warnings += [text for found in sources if found for text in found.warnings]
    first = points.settings[0].wall
    modes = dict.fromkeys(point.wall.mode for point in points.settings)
    attrs = {"kind": "/".join(modes), "model": first.model, **({"title": first.title} if first.title else {})}
    identity = " ".join(dict.fromkeys(found.sha256 for found in sources if found))
    if context.resume is not None and context.resume.texts.get(IDENTITY, "") != identity:
        raise CheckpointError(
            f"{context.output}: the result that [electronic_structure] names has changed since the run began"
        )
    own: dict[str, str] = {}
    extras: tuple[object, ...] = tuple(sources)
    if first.model == "paper":
        c_per_m = _normalization(points, context)
        own, extras = {NORMALIZATION: repr(c_per_m)}, (c_per_m,) * len(points)
    texts = dict(sources[0].texts if sources[0] else {})
    if notes := _notes(points, [found.texts.get(NOTES, "").splitlines() if found else [] for found in sources]):
        texts[NOTES] = "\n".join(notes)
    return Preparation(
        warnings=tuple(dict.fromkeys(warnings)),
        attrs=attrs | dict(sources[0].attrs if sources[0] else {}),
        texts=texts,
        identity={IDENTITY: identity, **own},
        extras=extras,
    )


def _normalization(points: Points[WallInput], context: RunContext) -> float:
    """C of the published model, that of the input without its scan; of a continued run the one that it began with."""
    if context.resume is not None and NORMALIZATION in context.resume.texts:
        with context.resume.understood():
            return float(context.resume.texts[NORMALIZATION])
    base = points.settings[0] if points.base is None else points.base
    try:
        return reference(base)
    except (InputError, ConvergenceError) as problem:
        if points.axis is None:
            raise
        raise InputError(
            f"{context.source}: paper.normalization: without [scan] the input, which sets that of all points, does "
            f"not run ({problem}); give a number"
        ) from None


def _notes(points: Points[WallInput], every: Sequence[Sequence[str]]) -> list[str]:
    """The notes of all points: first those that they share, then those of each with its value of the scanned key."""
    common = [text for text in every[0] if all(text in notes for notes in every)]
    own = [(index, text) for index, notes in enumerate(every) for text in notes if text not in common]
    return common + [f"{points.axis.point(index) if points.axis else ''}: {text}" for index, text in own]


def check_alike(points: Points[WallInput], source: Path) -> None:
    """Raises InputError where the results of the points would have nothing in common."""
    if points.axis is None:
        return
    where = f"{source}: scan.key: {points.axis.key}"
    if len({point.wall.model for point in points.settings}) > 1:
        raise InputError(f"{where}: the models have different results; run each by itself")
    every = [{m.name: m.every for m in point.output.monitors} for point in points.settings]
    for name in dict.fromkeys(name for e in every for name in e):
        if len({e[name] for e in every if name in e}) > 1:
            raise InputError(f"{where}: the points write '{name}' at different output times")


def physics_warnings(points: Points[WallInput], source: Path) -> list[str]:
    """Warnings about the physics of the points; of those that differ in their numbers only, the first one. Serial.

    Raises InputError for what cannot run.
    """
    alike: dict[str, list[str]] = {}
    for index, point in enumerate(points.settings):
        try:
            found = check_settings(point)
        except InputError as problem:
            raise InputError(f"{source}: {points.prefix(index)}{problem}") from None
        for text in found:
            alike.setdefault(NUMBER.sub("#", text), []).append(text)
    return [texts[0] + _others(texts) for texts in alike.values()]


def _others(texts: list[str]) -> str:
    more = len(texts) - 1
    return f" (and so for {more} other value{'s' * (more != 1)} of the scan)" if len(set(texts)) > 1 else ""


def unreadable(points: Points[WallInput]) -> list[str]:
    """One text for each of the results that the points continue from and that cannot be opened. Serial."""
    out: dict[Path, str] = {}
    for index, point in enumerate(points.settings):
        name = point.wall.continue_from
        if name is None or name.path in out:
            continue
        try:
            open_hdf5(name.path).close()
        except InputError as problem:
            seen = "" if Path(name).is_absolute() else "; the path is relative to the input's folder"
            out[name.path] = f"{points.prefix(index)}wall.continue_from: {problem}{seen}"
    return list(out.values())
