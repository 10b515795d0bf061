"""What an engine is: the one written Protocol that a registered engine satisfies, and the context of a run.

`hpcalo.app.engines` registers engines, one line each. An engine's object loads what is slow (NumPy, PETSc, matplotlib)
only in the methods that need it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from hpcalo.errors import InputError

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm
    from PIL.Image import Image
    from pydantic import BaseModel

    from hpcalo.io.checkpoint import Checkpoint
    from hpcalo.io.checks import Check
    from hpcalo.io.dataset import Result
    from hpcalo.io.keeper import Keeper
    from hpcalo.io.table import Table
    from hpcalo.io.wire import WireNames
    from hpcalo.parallel.work import Work
    from hpcalo.plotting.paper import PaperFigure
    from hpcalo.scan.merge import Results
    from hpcalo.scan.points import Points

Settings: TypeAlias = Any
"""An input that the engine's own schema has checked: each engine knows its type."""

Extra: TypeAlias = Any
"""What an engine has made for one point of a scan: the engine knows its type."""


@dataclass(frozen=True)
class RunContext:
    """Everything that a run needs besides its settings.

    comm: the ranks of the run. source: the input file. output: the result file. overrides: the `--set` texts. resume:
    the checkpoint to continue from (on rank 0 only).
    """

    comm: Intracomm
    source: Path
    output: Path
    force: bool = False
    quiet: bool = False
    overrides: tuple[str, ...] = ()
    resume: Checkpoint | None = None

    def restart_texts(self, engine: str, settings: BaseModel) -> dict[str, str]:
        """What every checkpoint of the run must hold so that `hpcalo restart` can continue it."""
        from hpcalo.io.provenance import resolved_toml  # noqa: PLC0415

        return {
            "engine": engine,
            "source": str(self.source.absolute()),
            "overrides": "\n".join(self.overrides),
            "resolved_input": resolved_toml(settings),
        }


@dataclass(frozen=True)
class Preparation:
    """What an engine knows about a run, or about all points of a scan, before anything is computed.

    warnings: for the user, one line each. attrs, texts: for the root and the provenance of the result. identity: texts
    for the checkpoints, by which a restart recognizes what the run has read. extras: one thing for each point that
    `scan_point` needs besides the settings.
    """

    warnings: tuple[str, ...] = ()
    attrs: Mapping[str, object] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    identity: Mapping[str, str] = field(default_factory=dict)
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True)
class PointContext:
    """Everything that one point of a scan needs besides its settings.

    comm: the ranks of the point's group. name: the point in messages, `key = value`. keeper: finds out after every step
    whether to stop, and saves the state. resume: the checkpoint to continue from (on all ranks of the group). extra:
    what `Engine.prepare` has made for this point.
    """

    comm: Intracomm
    name: str
    keeper: Keeper
    resume: Checkpoint | None = None
    extra: Extra = None


class Engine(Protocol):
    """One kind of calculation, from its input's table to its figures.

    A class that derives from this Protocol inherits what is not stated as `...` here: no movie, no hints, no
    summary, no scans, one figure.
    """

    name: str
    """Table of the input that asks for this engine, and the attribute `engine` of its results."""

    title: str
    """The engine in a word or two for people: "a run of …"."""

    @property
    def schema(self) -> type[BaseModel]:
        """The typed whole input; with the table `execution` and, where runs can be scanned, `scan`."""
        ...

    def files(self, settings: Settings) -> Sequence[Path]:
        """Every file besides the input that a run with these settings reads: none of them can be its output. Serial."""
        return []

    def load(self) -> None:
        """Imports what a run needs. Called on all ranks at the same time: libraries that start MPI start together."""

    def estimate(self, points: Points[Settings], source: Path) -> Work:
        """What there is to share out, and what it costs. Serial. Raises InputError, ModelError.

        points: those of a scan, or the one of a run without a scan. source: the input file.
        """
        ...

    def run(self, settings: Settings, context: RunContext) -> None:
        """Computes and writes the result of an input without a scan. Collective. Raises HpcaloErrors on all ranks."""
        ...

    def prepare(self, points: Points[Settings], context: RunContext) -> Preparation:
        """Checks all points of a scan together and reads what they need. Serial: on rank 0.

        Raises InputError, naming the file; CheckpointError where a continued run would read something else than before.
        """
        return Preparation()

    def scan_point(self, settings: Settings, context: PointContext) -> Results:
        """Variables and coordinates of one point of a scan, whole on rank 0 of the group. Collective over the group.

        Raises StopRequested after it has saved; HpcaloErrors on all ranks of the group.
        """
        raise InputError(f"scan: the engine '{self.name}' offers no scans")

    def conclude(self, result: Result) -> tuple[str, Sequence[str]]:
        """What is to be said at the end of a scan: a table as text ("" for none), and warnings. Serial."""
        return "", ()

    def kind(self, result: Result) -> str:
        """What a result is, in a few words for the report. Serial."""
        return self.name

    def draw(self, results: Sequence[Result], quantities: Sequence[str]) -> PaperFigure:
        """A matplotlib figure of results of this engine: the main story, or what is named. Serial.

        Raises InputError.
        """
        ...

    def pages(self, result: Result) -> Sequence[tuple[str, ...]]:
        """The `quantities` of the figures that together show all of a result; () is the main story. Serial."""
        return [()]

    def animate(self, results: Sequence[Result]) -> Sequence[Image]:
        """The pictures (PIL) of a movie. Serial. Raises InputError where there is nothing that moves."""
        paths = ", ".join(str(result.path) for result in results)
        raise InputError(f"{paths}: results of the engine '{self.name}' have no animation; choose another ending")

    def checks(self, result: Result) -> Sequence[Check]:
        """What the report verifies of a result. Serial."""
        return []

    def wire(self) -> WireNames | None:
        """What the results call things along a wire, for exporters; None where they have no wire."""
        return None

    def hints(self, result: Result) -> Sequence[tuple[str, str]]:
        """What the result says about convergence: pairs of a name and a value in words. Serial."""
        return []

    def summary(self, result: Result) -> Table | None:
        """The values that the run was made for, with their errors. Serial."""
        return None

    def warnings(self, result: Result) -> Sequence[str]:
        """What the run should have warned of, for a file from before warnings were stored. Serial."""
        return []
