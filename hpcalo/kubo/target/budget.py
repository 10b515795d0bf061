"""What a target may cost: k-points and time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpcalo.parallel.guard import on_root
from hpcalo.parallel.progress import duration

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


@dataclass
class Budget:
    """Points and seconds that may be used, and are.

    points, seconds: None for no limit. clock: seconds that the run has taken, earlier parts of it included. replayed:
    whether the next level is one that the run has begun before its restart: then it was allowed, whatever the clock
    says now. used: points computed so far.
    """

    comm: Intracomm
    points: int | None
    seconds: float | None
    clock: Callable[[], float]
    replayed: Callable[[], bool]
    used: int = 0

    def beyond_points(self, points: int) -> str:
        """Why a level of so many more points is too large; "" if it is not."""
        if self.points is None or self.used + points <= self.points:
            return ""
        level = (
            f"the next level needs {points:,} more k-points"
            if self.used
            else f"the first level needs {points:,} k-points"
        )
        return f"points_max = {self.points:,}: {level}"

    def beyond_time(self, points: int) -> str:
        """Why there is no time for a level of so many more points; "" if there is. Collective."""
        return "" if self.seconds is None or not self.used else on_root(self.comm, lambda: self._late(points))

    def _late(self, points: int) -> str:
        assert self.seconds is not None
        if self.replayed():
            return ""
        spent = self.clock()
        expected = spent * points / self.used
        if spent + expected <= self.seconds:
            return ""
        return f"time_max = {duration(self.seconds)}: the next level needs about {duration(expected)} more"
