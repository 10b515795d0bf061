"""Checkpoints of the passes over k: which sums an unfinished run has, and the continuation from them."""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hpcalo import __version__
from hpcalo.errors import CheckpointError
from hpcalo.hamiltonian.loading import same_files
from hpcalo.io.checkpoint import Checkpoint, CheckpointWriter
from hpcalo.parallel.exact_sum import ExactSum
from hpcalo.parallel.guard import on_root
from hpcalo.parallel.packing import union
from hpcalo.parallel.rounds import Rounds

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


SECONDS = "seconds"
"""Name of the text that holds the time that a run has taken."""


class Fingerprinted(Protocol):
    """A pass or a part of one."""

    def fingerprint(self) -> str:
        """Distinguishes what must not be mixed. Serial."""
        ...


@dataclass
class PassCheckpoints:
    """Saves unfinished passes beside the result, and hands out what an earlier run has saved.

    texts: what a restart needs besides the sums. finished: the tables of sums of this run's passes so far. plans:
    fingerprints of these and of the current one (rank 0). restored: the checkpoint to continue from, rank 0 only.
    Passes come in the same order in every run. writer: of the checkpoints; by default one of its own.
    """

    result: Path
    rounds: Rounds
    texts: Mapping[str, str]
    restored: Checkpoint | None = None
    finished: list[np.ndarray] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)
    writer: CheckpointWriter | None = None
    started: float = field(default_factory=time.monotonic)
    spent: float = 0.0

    @property
    def seconds(self) -> float:
        """Time that the run has taken so far, its parts before the restart included. Rank 0 only."""
        return self.spent + time.monotonic() - self.started

    def is_known(self) -> bool:
        """Whether the run had begun the next pass before it was restarted. Rank 0 only."""
        known = self.restored.texts.get("plans", "") if self.restored is not None else ""
        return bool(known) and len(self.finished) < len(known.split("\n"))

    def __post_init__(self) -> None:
        if self.writer is None:
            self.writer = CheckpointWriter(self.result, {}, self.restored)
        if self.restored is not None:
            earlier = self.restored.texts
            with self.restored.understood():
                self.spent = float(earlier.get(SECONDS, "0"))
            if earlier.get("program") != self.texts["program"]:
                self._refuse(f"by hpcalo {earlier.get('program')}, this is {__version__}")
            if not same_files(earlier.get("model_sha256", ""), self.texts["model_sha256"]):
                self._refuse("with other model files than those there are now")

    def save(self, comm: Intracomm, total: ExactSum, done: np.ndarray) -> None:
        """Adds up the sums of all ranks and writes them. Collective. Raises OutputError on all ranks."""
        everything = total.allreduce(comm)
        arrays = {"limbs": everything.limbs, "addends": np.array(everything.addends), "done": union(comm, done)}
        arrays |= {f"finished_{number}": values for number, values in enumerate(self.finished)}
        texts = {**self.texts, "plans": "\n".join(self.plans), SECONDS: f"{self.seconds:.0f}"}
        writer = self.writer
        assert writer is not None  # made above
        on_root(comm, lambda: writer.write(arrays, texts=texts))

    def earlier(self, comm: Intracomm, task: Fingerprinted, shape: tuple[int, int]) -> np.ndarray | None:
        """The table of sums of the pass, if the checkpoint holds it complete. Collective.

        Raises CheckpointError on all ranks if the checkpoint is of another calculation.
        """

        def find() -> np.ndarray | None:
            number = len(self.finished)
            self.plans.append(task.fingerprint())
            if self.restored is None:
                return None
            known = self.restored.texts.get("plans", "").split("\n")
            values = self.restored.arrays.get(f"finished_{number}")
            planned = known[number] if number < len(known) else self.plans[number]
            if planned != self.plans[number] or (values is not None and values.shape != shape):
                raise CheckpointError(
                    f"{self.restored.path}: belongs to other k-points, energies or quantities: the program has changed"
                )
            return None if values is None else np.array(values)

        return on_root(comm, find)

    def begun(self, comm: Intracomm, shape: tuple[int, int], blocks: int) -> tuple[ExactSum | None, np.ndarray]:
        """What the checkpoint holds of the current pass: its sums of this shape, and the blocks in them. Collective.

        The sums are on rank 0; None elsewhere.

        Raises CheckpointError on all ranks if it belongs to other blocks or sums.
        """
        total: ExactSum | None = None

        def find() -> np.ndarray:
            nonlocal total
            if self.restored is None or len(self.finished) != self._restored_passes():
                return np.zeros(blocks, dtype=np.uint8)
            with self.restored.understood():
                done, limbs = self.restored.arrays["done"], self.restored.arrays["limbs"]
                if done.shape != (blocks,) or limbs.shape != (3, *shape):
                    raise CheckpointError(
                        f"{self.restored.path}: has {done.size} blocks of k-points and {limbs.size // 3} sums, "
                        f"this calculation {blocks} and {math.prod(shape)}: model or program have changed"
                    )
                total = ExactSum(shape)
                if limbs.dtype != total.limbs.dtype or done.dtype != np.uint8:
                    raise TypeError(f"sums of type {limbs.dtype}")
                total.limbs[...] = limbs
                total.addends = operator.index(self.restored.arrays["addends"].item())
            return np.array(done)

        done = on_root(comm, find)
        return (total if done.any() else None), done

    def _restored_passes(self) -> int:
        assert self.restored is not None  # called only where there is one
        return sum(name.startswith("finished_") for name in self.restored.arrays)

    def _refuse(self, how: str) -> None:
        assert self.restored is not None  # called only where there is one
        raise CheckpointError(
            f"{self.restored.path}: was written {how}; their sums must not be mixed; run it again with --force"
        )
