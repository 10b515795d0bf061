"""What a result keeps of the way to its target: the levels as a table, and how it ended."""

from __future__ import annotations

import csv
import io
import math

from hpcalo.io.uncertain import percent
from hpcalo.kubo.target.strategy import Outcome


def table(outcome: Outcome) -> str:
    """One line for each level, comma separated.

    Strategy, mesh, k-points computed for it, error of the worst value over its target, and the largest relative error
    of each variable with a target; empty where it is not known.
    """
    names = list(dict.fromkeys(name for record in outcome.trail for name in record.estimate.largest()))
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["level", "strategy", "mesh", "k_points", "error_over_target", *names])
    for number, record in enumerate(outcome.trail, 1):
        errors = record.estimate.largest()
        numbers = [record.estimate.ratio, *(errors.get(name, math.nan) for name in names)]
        cells = [f"{x:.3g}" if math.isfinite(x) else "" for x in numbers]
        rows.writerow([number, record.name, record.step.label, record.step.points, *cells])
    return text.getvalue()


def ending(outcome: Outcome) -> str:
    """How it ended, in one line."""
    points = sum(record.step.points for record in outcome.trail)
    levels = f"{len(outcome.trail)} level{'s' * (len(outcome.trail) > 1)}"
    result = "reached" if outcome.reached else f"not reached ({outcome.why})"
    return f"target {result} after {levels} and {points:,} k-points: {outcome.name}, {outcome.level.step.label}"


def warning(outcome: Outcome) -> list[str]:
    """A warning where the target was not reached; otherwise nothing."""
    worst = outcome.level.estimate.worst
    if outcome.reached or worst is None:
        return []
    where = f"{worst.name} {worst.condition}".strip()
    error = percent(worst.relative) if math.isfinite(worst.relative) else "not known"
    return [f"the target was not reached: {outcome.why}; the error of {where} is {error}{_times(worst.ratio)}"]


def _times(ratio: float) -> str:
    return f", {ratio:.2g} times its target" if math.isfinite(ratio) else ""
