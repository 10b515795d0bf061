"""What a scan stores of its points until it is complete: `NAME.point-NNNN.checkpoint-a` and `-b` beside the result.

They hold the state of a point that is being computed or, once it is finished, its results or why it failed. The group
of the point writes them alone, so that no group waits for another.
"""

from __future__ import annotations

import json
from pathlib import Path

from hpcalo.errors import CheckpointError
from hpcalo.io import checkpoint
from hpcalo.io.checkpoint import Checkpoint, point_path
from hpcalo.io.packed import pack
from hpcalo.scan.merge import Outcome
from hpcalo.typing import Array

FINISHED = "finished"
PARTS = ("variables", "coordinates")


def read_point(result: Path, index: int) -> tuple[Checkpoint | None, list[str]]:
    """The newest whole checkpoint of a point, if there is any, and warnings about damaged ones. Serial."""
    path = point_path(result, index)
    if not checkpoint.exists(path):
        return None, []
    try:
        found = checkpoint.read(path)
    except CheckpointError as problem:
        return None, [f"{problem}; the point is computed from its start"]
    return found, list(found.remarks)


def packed(outcome: Outcome) -> tuple[dict[str, Array], dict[str, str]]:
    """A finished point as arrays and texts of a checkpoint."""
    if isinstance(outcome, str):
        return {}, {FINISHED: json.dumps({"error": outcome})}
    arrays: dict[str, Array] = {}
    described = {}
    for part, variables in zip(PARTS, outcome, strict=True):
        more, described[part] = pack(part, variables)
        arrays |= more
    return arrays, {FINISHED: json.dumps(described)}


def unpacked(found: Checkpoint) -> Outcome | None:
    """The inverse of `packed`; None for a point that is not finished. Raises CheckpointError."""
    if FINISHED not in found.texts:
        return None
    with found.understood():
        described = json.loads(found.texts[FINISHED])
        if "error" in described:
            return str(described["error"])
        variables, coordinates = (found.variables(part, described[part]) for part in PARTS)
        return variables, coordinates
