"""The state that a run in time has written into its result with the last frame."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from hpcalo.errors import CheckpointError, one_line
from hpcalo.io.checkpoint import STATE, Checkpoint
from hpcalo.io.hdf5 import PROVENANCE_GROUP, STATE_GROUP, open_hdf5
from hpcalo.io.netcdf import plain


def read_state(path: Path) -> Checkpoint:
    """The last state that was written: whole arrays by name, its numbers and names, and the texts of the file. Serial.

    Raises InputError if the file cannot be read, CheckpointError if it has no complete state.
    """
    with open_hdf5(path) as file:
        if STATE_GROUP not in file:
            raise CheckpointError(f"{path}: holds no state to continue from")
        group = file[STATE_GROUP]
        try:
            attrs = {name: plain(value) for name, value in group.attrs.items()}
            arrays = {name: np.asarray(item[()]) for name, item in group.items()}
            attrs |= {name: value.item() for name, value in arrays.items() if value.ndim == 0}
            arrays = {name: value for name, value in arrays.items() if value.ndim}
            texts = {name: str(item.asstr()[()]) for name, item in file[PROVENANCE_GROUP].items()}
            texts[STATE] = json.dumps(attrs)
        except (OSError, RuntimeError, KeyError, TypeError, ValueError, AttributeError) as problem:
            raise CheckpointError(f"{path}: is damaged: {one_line(problem)}") from None
    if "begun" not in attrs or attrs["begun"] != attrs.get("complete"):
        raise CheckpointError(f"{path}: its last state was not written completely")
    return Checkpoint(arrays, texts, path=path)
