"""A communicator of one rank that needs no MPI: parallel code in commands that run where MPI cannot start."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from hpcalo.typing import Array

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

T = TypeVar("T")


class Single:
    """The calls of an mpi4py communicator that the program uses, for a rank that is alone."""

    rank, size = 0, 1

    def bcast(self, value: T, root: int = 0) -> T:
        """What the only rank has."""
        return value

    def gather(self, value: T, root: int = 0) -> list[T]:
        """A list of one."""
        return [value]

    def allgather(self, value: T) -> list[T]:
        """A list of one."""
        return [value]

    def allreduce(self, value: T, op: object = None) -> T:
        """What the only rank has."""
        return value

    def Allreduce(self, mine: ArrayLike, together: Array, op: object = None) -> None:
        """A copy."""
        np.copyto(together, mine)

    def Allgather(self, mine: ArrayLike, together: Array) -> None:
        """A copy."""
        np.copyto(np.reshape(together, np.shape(mine)), mine)

    def Reduce(self, mine: ArrayLike, together: Array, op: object = None, root: int = 0) -> None:
        """A copy."""
        np.copyto(together, mine)

    def Barrier(self) -> None:
        """Nobody to wait for."""


def single() -> Intracomm:
    """The communicator, of a type that takes the place of mpi4py's."""
    return cast("Intracomm", Single())
