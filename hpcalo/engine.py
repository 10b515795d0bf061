"""What an engine is: the one written Protocol that a registered engine satisfies, and the context of a run.

`hpcalo.app.engines` registers engines, one line each. An engine's object loads what is slow (NumPy, PETSc, matplotlib)
only in the methods that need it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hpcalo.errors import InputError

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm
    from pydantic import BaseModel

    from hpcalo.io.checkpoint import Checkpoint
    from hpcalo.io.checks import Check
    from hpcalo.io.dataset import Result
    from hpcalo.parallel.work import Work


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


class Engine(Protocol):
    """One kind of calculation, from its input's table to its figures.

    A class that derives from this Protocol inherits what stands here in the methods that are not abstract by nature:
    no movie, no hints, one figure.
    """

    name: str
    """Table of the input that asks for this engine, and the attribute `engine` of its results."""

    title: str
    """The engine in a word or two for people: "a run of …"."""

    @property
    def schema(self) -> type[BaseModel]:
        """The typed whole input."""
        ...

    def files(self, settings: Any, source: Path) -> Sequence[Path]:
        """Every file besides `source` that a run with these settings reads. None of them can be its output. Serial."""
        ...

    def load(self) -> None:
        """Imports what a run needs. Called on all ranks at the same time: libraries that start MPI start together."""

    def estimate(self, settings: Any, source: Path) -> Work:
        """What there is to share out, and what it costs. Serial. Raises InputError, ModelError."""
        ...

    def run(self, settings: Any, context: RunContext) -> None:
        """Computes and writes the result. Collective. Raises HpcaloErrors on all ranks."""
        ...

    def kind(self, result: Result) -> str:
        """What a result is, in a few words for the report. Serial."""
        return self.name

    def draw(self, results: Sequence[Result], quantities: Sequence[str]) -> Any:
        """A matplotlib figure of results of this engine: the main story, or what is named. Serial.

        Raises InputError.
        """
        ...

    def pages(self, result: Result) -> Sequence[tuple[str, ...]]:
        """The `quantities` of the figures that together show all of a result; () is the main story. Serial."""
        return [()]

    def animate(self, results: Sequence[Result]) -> Sequence[Any]:
        """The pictures (PIL) of a movie. Serial. Raises InputError where there is nothing that moves."""
        paths = ", ".join(str(result.path) for result in results)
        raise InputError(f"{paths}: results of the engine '{self.name}' have no animation; choose another ending")

    def checks(self, result: Result) -> Sequence[Check]:
        """What the report verifies of a result. Serial."""
        return []

    def hints(self, result: Result) -> Sequence[tuple[str, str]]:
        """What the result says about convergence: pairs of a name and a value in words. Serial."""
        return []

    def warnings(self, result: Result) -> Sequence[str]:
        """What the run should have warned of, for a file from before warnings were stored. Serial."""
        return []
