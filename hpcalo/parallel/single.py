"""A communicator of one rank that needs no MPI: parallel code in commands that run where MPI cannot start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class Single:
    """The calls of an mpi4py communicator that the program uses, for a rank that is alone."""

    rank, size = 0, 1

    def bcast(self, value: Any, root: int = 0) -> Any:
        """What the only rank has."""
        return value

    def gather(self, value: Any, root: int = 0) -> list[Any]:
        """A list of one."""
        return [value]

    def allgather(self, value: Any) -> list[Any]:
        """A list of one."""
        return [value]

    def allreduce(self, value: Any, op: Any = None) -> Any:
        """What the only rank has."""
        return value

    def Allreduce(self, mine: Any, together: Any, op: Any = None) -> None:
        """A copy."""
        np.copyto(together, mine)

    def Allgather(self, mine: Any, together: Any) -> None:
        """A copy."""
        np.copyto(np.reshape(together, np.shape(mine)), mine)

    def Reduce(self, mine: Any, together: Any, op: Any = None, root: int = 0) -> None:
        """A copy."""
        np.copyto(together, mine)

    def Barrier(self) -> None:
        """Nobody to wait for."""


def single() -> Any:
    """The communicator, of a type that takes the place of mpi4py's."""
    maker: Callable[[], Any] = Single
    return maker()
