"""What an engine is: the one written Protocol that a registered engine satisfies, and the context of a run.

`hpcalo.app.engines` registers engines, one line each. An engine's object loads what is slow (NumPy, PETSc, matplotlib)
only in the methods that need it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mpi4py.MPI import Intracomm
    from pydantic import BaseModel

    from hpcalo.io.checkpoint import Checkpoint
    from hpcalo.io.checks import Check
    from hpcalo.io.dataset import Result
    from hpcalo.parallel.work import Work


@dataclass(frozen=True)
class RunContext:
    """Everything that a run needs besides its settings.

    comm: the ranks of the run. source: the input file, absolute; paths in the settings are absolute too. output: the
    result file. overrides: the `--set` texts. resume: the checkpoint to continue from (on rank 0 only).
    """

    comm: Intracomm
    source: Path
    output: Path
    force: bool = False
    quiet: bool = False
    overrides: tuple[str, ...] = ()
    resume: Checkpoint | None = None


class Engine(Protocol):
    """One kind of calculation, from its input's table to its figures."""

    name: str
    """Table of the input that asks for this engine, and the attribute `engine` of its results."""

    @property
    def schema(self) -> type[BaseModel]:
        """The typed whole input."""

    def files(self, settings: Any) -> Sequence[Path]:
        """Every file that a run with these settings reads: none of them can be its output, all are in the record."""

    def estimate(self, settings: Any, source: Path) -> Work:
        """What there is to share out, and what it costs. Serial. Raises InputError, ModelError."""

    def run(self, settings: Any, context: RunContext) -> None:
        """Computes and writes the result. Collective. Raises HpcaloErrors on all ranks."""

    def draw(self, results: Sequence[Result], quantities: Sequence[str]) -> Figure:
        """Results of this engine in one figure. Serial. Raises InputError."""

    def animate(self, results: Sequence[Result]) -> Iterator[Any]:
        """The pictures of a movie. Serial. Raises InputError where the results have no time axis."""

    def checks(self, result: Result) -> Sequence[Check]:
        """What the report verifies of a result. Serial."""
