"""Checkpoints: two generations beside the result, each complete and with a checksum, written by rank 0.

`NAME.h5.checkpoint-a` and `-b` are written in turn, each under a temporary name, made durable and renamed. At whatever
moment a run is killed, at least the older one is whole.
"""

from __future__ import annotations

import glob
import hashlib
import json
import operator
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from hpcalo.errors import CheckpointError, InputError, OutputError, one_line
from hpcalo.io.dataset import Variable, stored_input
from hpcalo.io.files import atomic_write
from hpcalo.io.packed import Description, unpack
from hpcalo.io.reading import open_to_read
from hpcalo.typing import Array, Contents

FORMAT = "hpcalo checkpoint"
VERSION = 2
GENERATIONS = ("a", "b")
POINT = ".point-"
"""Between a result's name and the number of one point of its scan; each point has checkpoints of its own."""
STATE = "state"
"""Name of the text that holds the numbers and names of the state as JSON."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run: named arrays, short texts and, in one text, numbers and names.

    arrays: by name. texts: by name; `state` is JSON. sequence: the number of the checkpoint in its run. path: the file
    it was read from. remarks: what was wrong with the other generation.
    """

    arrays: Mapping[str, Array]
    texts: Mapping[str, str]
    sequence: int = 0
    path: Path | None = None
    remarks: tuple[str, ...] = field(default=())

    @cached_property
    def state(self) -> Contents:
        """Numbers, names and lists by name; empty if none were saved. Raises CheckpointError if it is not readable."""
        with self.understood():
            return dict(json.loads(self.texts.get(STATE, "{}")))

    @cached_property
    def settings(self) -> Contents:
        """The complete input of the run. Raises CheckpointError if it is not valid TOML."""
        try:
            return stored_input(self.texts)
        except InputError as problem:
            raise CheckpointError(f"{self.path}: {problem}") from None

    @contextmanager
    def understood(self) -> Iterator[None]:
        """Surrounds the use of the content, which another version of this program may have written.

        Raises CheckpointError where the content is not what this version writes.
        """
        try:
            yield
        except (LookupError, ValueError, TypeError, AttributeError, OverflowError) as problem:
            text = one_line(f"{type(problem).__name__}: {problem}")[:120]
            raise CheckpointError(f"{self.path}: cannot be continued by this version of hpcalo ({text})") from problem

    def array(self, name: str) -> Array:
        """An array of numbers. Raises CheckpointError if there is none of that name, or one of another type."""
        with self.understood():
            value = np.asarray(self.arrays[name])
            if value.dtype.kind not in "fiu":
                raise TypeError(f"{name} of type {value.dtype}")
            return value

    def number(self, name: str) -> float:
        """A number of the state. Raises CheckpointError if there is none."""
        with self.understood():
            return float(self.state[name])

    def count(self, name: str, default: int | None = None) -> int:
        """A whole number of the state; `default` where there is none (None: that is a CheckpointError)."""
        with self.understood():
            return operator.index(self.state[name] if default is None else self.state.get(name, default))

    def counts(self, name: str) -> dict[str, int]:
        """Whole numbers by name, a part of the state. Raises CheckpointError if there is none."""
        with self.understood():
            return {str(key): operator.index(value) for key, value in self.state[name].items()}

    def variables(self, name: str, described: Sequence[Description]) -> list[Variable]:
        """The variables that `pack` has put under this name. Raises CheckpointError if they are not there."""
        with self.understood():
            return unpack(name, described, self.arrays)


class CheckpointWriter:
    """Writes the checkpoints of one run, in turn over two generations. Serial: for rank 0.

    texts: what every checkpoint holds besides the state. resumed: the checkpoint that the run continues from; the
    numbers go on from its own.
    """

    def __init__(self, result: Path, texts: Mapping[str, str], resumed: Checkpoint | None = None) -> None:
        self.result, self._texts = result, dict(texts)
        self._sequence = 0 if resumed is None else resumed.sequence

    def write(
        self,
        arrays: Mapping[str, Array],
        state: Mapping[str, object] | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        """The next checkpoint. Raises OutputError; the one before then stands."""
        self._sequence += 1
        words = {**self._texts, **({} if state is None else {STATE: json.dumps(dict(state))}), **(texts or {})}
        write(self.result, Checkpoint(arrays, words, self._sequence))


def generations(result: Path) -> list[Path]:
    """Where the two generations of a result's checkpoint are, whether they exist or not."""
    return [result.with_name(f"{result.name}.checkpoint-{g}") for g in GENERATIONS]


def point_path(result: Path, index: int) -> Path:
    """The name beside which the checkpoints of one point of a scan lie."""
    return result.with_name(f"{result.name}{POINT}{index:04d}")


def exists(result: Path) -> bool:
    """Whether there is a checkpoint of this result, whole or not."""
    return any(path.exists() for path in generations(result))


def write(result: Path, state: Checkpoint) -> Path:
    """Writes over the older generation and returns the file. Serial. Raises OutputError; the other one then stands."""
    path = generations(result)[state.sequence % len(GENERATIONS)]
    try:
        with atomic_write(path, force=True) as part:
            part.write_bytes(_image(part, state))
    except OutputError as problem:
        why = one_line(problem).removeprefix(f"{path}: cannot be written: ")
        stands = f"; 'hpcalo restart {result}' continues from the one before" if exists(result) else ""
        raise OutputError(f"{path}: the checkpoint cannot be written: {why}{stands}") from None
    return path


def _image(part: Path, state: Checkpoint) -> bytes:
    """The file, put together in memory.

    On a full disk the HDF5 library, failing in the middle of a write, would crash later.
    """
    with h5py.File(part, "w", driver="core", backing_store=False) as file:
        for name, value in state.arrays.items():
            file.create_dataset(name, data=value, track_times=False)
        file.attrs.update({"format": FORMAT, "version": VERSION, "sequence": state.sequence})
        for name, text in state.texts.items():
            file.create_dataset(f"texts/{name}", data=np.frombuffer(text.encode(), dtype=np.uint8), track_times=False)
        file.attrs["sha256"] = _digest(state)
        file.flush()
        return bytes(file.id.get_file_image())


def read(result: Path) -> Checkpoint:
    """The newest whole checkpoint; remarks say which generation was torn.

    Serial. Raises CheckpointError if there is none.
    """
    found, remarks = [], []
    for path in generations(result):
        if not path.exists():
            continue
        try:
            found.append(read_file(path))
        except (InputError, OSError, KeyError, ValueError, TypeError, RuntimeError) as problem:
            reason = one_line(problem).removeprefix(f"{path}: is damaged: ")
            remarks.append(f"{path.name} is damaged ({reason[:100]})")
    if not found:
        raise CheckpointError(f"{result}: there is no checkpoint to continue from: {_why_none(result, remarks)}")
    newest = max(found, key=lambda c: c.sequence)
    if remarks and newest.path is not None:
        remarks.append(f"continuing from the older {newest.path.name}")
    return replace(newest, remarks=tuple(remarks))


def _why_none(result: Path, remarks: Sequence[str]) -> str:
    if remarks:
        return "; ".join(remarks)
    if result.suffix == ".toml":
        return "is an input file; give the name of the result"
    if result.is_file():
        return "the result is complete"
    first, second = (path.name for path in generations(result))
    return f"no {first} or {second} beside it"


def remove(result: Path) -> None:
    """Removes both generations, and those of a scan's points, once the result has its name. Serial."""
    points = result.parent.glob(f"{glob.escape(result.name + POINT)}[0-9]*.checkpoint-*")
    for path in [*points, *generations(result)]:
        with suppress(OSError):
            path.unlink()


def read_file(path: Path) -> Checkpoint:
    """One generation.

    Serial. Raises InputError, OSError, LookupError, ValueError, TypeError, RuntimeError if it is not whole: what h5py
    makes of damage.
    """
    with open_to_read(path) as file:
        if file.attrs.get("format") != FORMAT or int(file.attrs["version"]) != VERSION:
            raise ValueError("not a checkpoint of this version")
        arrays = {name: item[()] for name, item in file.items() if isinstance(item, h5py.Dataset)}
        texts = {name: bytes(item[()]).decode() for name, item in file["texts"].items()} if "texts" in file else {}
        found = Checkpoint(arrays, texts, int(file.attrs["sequence"]), path)
        if file.attrs["sha256"] != _digest(found):
            raise ValueError("its checksum does not match")
    return found


def _digest(state: Checkpoint) -> str:
    digest = hashlib.sha256(str(state.sequence).encode())
    for name in sorted(state.arrays):
        value = np.ascontiguousarray(state.arrays[name])
        digest.update(f"{name}{value.shape}{value.dtype}".encode())
        digest.update(value.tobytes())
    for name in sorted(state.texts):
        digest.update(f"{name}={state.texts[name]}".encode())
    return digest.hexdigest()
