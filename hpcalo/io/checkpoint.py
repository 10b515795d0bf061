"""Checkpoints: two generations beside the result, each complete and with a checksum, written by rank 0.

`NAME.h5.checkpoint-a` and `-b` are written in turn, each under a temporary name, made durable and renamed. Whatever
moment a run is killed at, at least the older one is whole.
"""

from __future__ import annotations

import glob
import hashlib
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import CheckpointError, InputError, OutputError, one_line
from hpcalo.io.seal import verify
from hpcalo.io.target import commit

FORMAT = "hpcalo checkpoint"
VERSION = 2
GENERATIONS = ("a", "b")
POINT = ".point-"
"""Between a result's name and the number of one point of its sweep; each point has checkpoints of its own."""


@dataclass(frozen=True)
class Checkpoint:
    """State of an unfinished run: named arrays, short texts, and the number of the checkpoint in its run."""

    arrays: Mapping[str, NDArray]
    texts: Mapping[str, str]
    sequence: int
    path: Path | None = None
    remarks: tuple[str, ...] = field(default=())


def files_of(result: Path) -> list[Path]:
    """Where the two generations of a result's checkpoint are, whether they exist or not."""
    return [result.with_name(f"{result.name}.checkpoint-{g}") for g in GENERATIONS]


@contextmanager
def understood(path: Path | None) -> Iterator[None]:
    """Surrounds the use of what a whole checkpoint holds: where that is not what this program writes, it is of another
    version. Raises CheckpointError.
    """
    try:
        yield
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError) as problem:
        text = one_line(f"{type(problem).__name__}: {problem}")[:120]
        raise CheckpointError(f"{path}: does not hold what this version of hpcalo continues from ({text})") from problem


def exists(result: Path) -> bool:
    """Whether there is a checkpoint of this result, whole or not."""
    return any(path.exists() for path in files_of(result))


def write(result: Path, arrays: Mapping[str, NDArray], texts: Mapping[str, str], sequence: int) -> Path:
    """Writes checkpoint number `sequence` over the older generation. Serial. Raises OutputError; the other one then
    stands.
    """
    path = files_of(result)[sequence % len(GENERATIONS)]
    part = path.with_name(f"{path.name}.part-{socket.gethostname()}-{os.getpid()}")
    try:
        # Put together in memory: on a full disk the HDF5 library, failing in the middle of a write, would crash later.
        with h5py.File(part, "w", driver="core", backing_store=False) as file:
            for name, value in arrays.items():
                file.create_dataset(name, data=value, track_times=False)
            file.attrs.update({"format": FORMAT, "version": VERSION, "sequence": sequence})
            for name, text in texts.items():
                file.create_dataset(
                    f"texts/{name}", data=np.frombuffer(text.encode(), dtype=np.uint8), track_times=False
                )
            file.attrs["sha256"] = _digest(arrays, texts, sequence)
            file.flush()
            image = file.id.get_file_image()
        part.write_bytes(image)
        commit(part, path, force=True)
    except (OSError, OutputError) as problem:
        why = problem.strerror if isinstance(problem, OSError) and problem.strerror else one_line(problem)
        stands = f"; 'hpcalo restart {result}' continues from the one before" if exists(result) else ""
        raise OutputError(f"{path}: the checkpoint cannot be written: {why}{stands}") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return path


def read(result: Path) -> Checkpoint:
    """The newest whole checkpoint; remarks say which generation was torn. Serial. Raises CheckpointError if there is
    none.
    """
    found, remarks = [], []
    for path in files_of(result):
        if not path.exists():
            continue
        try:
            found.append(_read(path))
        except (InputError, OSError, KeyError, ValueError, TypeError, RuntimeError) as problem:
            reason = one_line(problem).removeprefix(f"{path}: is damaged: ")
            remarks.append(f"{path.name} is damaged ({reason[:100]})")
    if not found:
        why = f"no {files_of(result)[0].name} or {files_of(result)[1].name} beside it"
        if remarks:
            why = "; ".join(remarks)
        elif result.suffix == ".toml":
            why = "this is an input, the name of the result is needed"
        elif result.is_file():
            why = "the result is complete"
        raise CheckpointError(f"{result}: there is no checkpoint to continue from: {why}")
    newest = max(found, key=lambda c: c.sequence)
    if remarks and newest.path is not None:
        remarks.append(f"continuing from the older {newest.path.name}")
    return Checkpoint(newest.arrays, newest.texts, newest.sequence, newest.path, tuple(remarks))


def remove(result: Path) -> None:
    """Removes both generations, and those of a sweep's points, once the result is in its place. Serial."""
    points = result.parent.glob(f"{glob.escape(result.name + POINT)}[0-9]*.checkpoint-*")
    for path in [*points, *files_of(result)]:
        with suppress(OSError):
            path.unlink()


def _read(path: Path) -> Checkpoint:
    verify(path)  # the seal first: damage is told before the HDF5 library trips over it
    with h5py.File(path, "r") as file:
        if file.attrs.get("format") != FORMAT or int(file.attrs["version"]) != VERSION:
            raise ValueError("not a checkpoint of this version")
        arrays = {name: item[()] for name, item in file.items() if isinstance(item, h5py.Dataset)}
        texts = {name: bytes(item[()]).decode() for name, item in file["texts"].items()} if "texts" in file else {}
        sequence = int(file.attrs["sequence"])
        if file.attrs["sha256"] != _digest(arrays, texts, sequence):
            raise ValueError("its checksum does not fit")
    return Checkpoint(arrays, texts, sequence, path)


def _digest(arrays: Mapping[str, NDArray], texts: Mapping[str, str], sequence: int) -> str:
    digest = hashlib.sha256(str(sequence).encode())
    for name in sorted(arrays):
        value = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}{value.shape}{value.dtype}".encode())
        digest.update(value.tobytes())
    for name in sorted(texts):
        digest.update(f"{name}={texts[name]}".encode())
    return digest.hexdigest()
