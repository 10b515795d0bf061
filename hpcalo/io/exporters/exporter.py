"""What an exporter is: the name of a format, the endings of its files, and how a result is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from hpcalo.errors import InputError
from hpcalo.io.dataset import Result
from hpcalo.io.wire import WireFrames, WireNames, wire_frames


@dataclass(frozen=True)
class Request:
    """What is to be written, and where.

    output: the file. quantities: names of variables, all that fit if empty. along: axis of the rows or frames. select:
    axis → entry: a value (the nearest), a label, `first` or `last`. force: whether an existing file is replaced. wire:
    what the result's engine calls things along its wire, None where it has no wire.
    """

    output: Path
    quantities: tuple[str, ...] = ()
    along: str | None = None
    select: Mapping[str, str] = field(default_factory=dict)
    force: bool = False
    wire: WireNames | None = None


class Exporter(ABC):
    """One format. A subclass in a module of its own name is registered by being there."""

    name: ClassVar[str]
    """As in `hpcalo export --to`, and the name of the module."""
    suffixes: ClassVar[tuple[str, ...]]
    """How the names of its files end; the first is the default."""
    exports: ClassVar[str]
    """What it can write: `curves` (any quantity with an axis) or `fields along a wire`."""
    help: ClassVar[str]
    """One line for `hpcalo export --help`."""

    @abstractmethod
    def write(self, result: Result, request: Request) -> list[str]:
        """Writes the files and says what was written, one line each. Serial. Raises InputError, OutputError."""


class WireExporter(Exporter):
    """A format for fields along a wire at several times, or other values of one axis."""

    exports = "fields along a wire"

    def choose(self, result: Result, request: Request, wire: WireNames) -> Sequence[str]:
        """The quantities to look for in the result; all of them if empty. Raises InputError."""
        return request.quantities

    @abstractmethod
    def write_frames(self, frames: WireFrames, request: Request) -> str:
        """Writes the files and says which. Serial. Raises InputError, OutputError."""

    def write(self, result: Result, request: Request) -> list[str]:
        if request.wire is None:
            raise InputError(f"{result.path}: it has no values along a wire; curves can be written with --to csv")
        names = self.choose(result, request, request.wire)
        frames = wire_frames(result, request.wire, names, along=request.along, select=request.select)
        count = len(frames.steps)
        lines = [f"{self.write_frames(frames, request)} ({count} frame{'s' * (count != 1)})"]
        lines += [f"note: {text}" for text in frames.notes]
        if frames.left_out:
            lines.append(f"note: left out, because they have other axes: {', '.join(frames.left_out)}")
        return lines
