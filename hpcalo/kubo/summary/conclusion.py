"""What a run says at its end: its values with their errors, and warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpcalo.io.dataset import RESOLVED_INPUT, Result, Variable
from hpcalo.io.provenance import resolved_toml
from hpcalo.kubo.config import KuboInput
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.summary.doubts import doubts
from hpcalo.kubo.summary.numbers import numbers
from hpcalo.kubo.summary.resolution import unresolved
from hpcalo.kubo.summary.tables import table
from hpcalo.kubo.sums.parts import SummedPass
from hpcalo.parallel.progress import tell, warn

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


@dataclass(frozen=True)
class Conclusion:
    """The table as text, and warnings."""

    text: str
    warnings: tuple[str, ...]

    def say(self, comm: Intracomm, *, quiet: bool) -> None:
        """Tells the user; `quiet` silences the table, not the warnings."""
        if self.text:
            tell(comm, self.text, quiet=quiet)
        for line in self.warnings:
            warn(comm, line)


def conclude(
    settings: KuboInput,
    run: RunSums,
    fields: Sequence[Variable],
    axes: Sequence[Variable],
    passes: Sequence[SummedPass],
) -> Conclusion:
    """What is to be said of the quantities of a run and its sums. Serial."""
    texts = {RESOLVED_INPUT: resolved_toml(settings)}
    result = Result(Path(), {v.name: v for v in fields}, {c.name: c for c in axes}, {}, texts)
    every = numbers(result)
    found = table(result, every)
    warnings = (*doubts(result, every), *unresolved(result, every, run, passes))
    return Conclusion(found.text() if found else "", warnings)
