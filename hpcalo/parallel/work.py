"""What a run has to share out, and the layout of ranks that suits it.

`hpcalo check` and `hpcalo submit` use the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from hpcalo.errors import InputError

PROGRAM = 150 * 2**20
"""Bytes of interpreter and libraries of one rank."""
MARGIN = 1.5
"""Memory asked for, over the estimate."""
SOON = 60.0
"""Seconds: a run that ends so soon is given no more ranks."""
LEAST_MEMORY = 500  # MiB a rank


@dataclass(frozen=True)
class Work:
    """The work of a run as the layout of ranks sees it.

    engine: kubo or wall. tasks: pieces that do not wait for each other, `groups` of them at a time, each worth at most
    `team` ranks. what: a piece by its name. piece: how a team shares one. memory: bytes a rank needs at its peak if
    there are so many ranks. start: seconds before the first piece. task_seconds: of one piece on one rank of this
    machine, None where it is not known. report: the estimate as text for a number of ranks. known: whether `tasks` are
    all of the run's, and not only those of its beginning. time_max: seconds that its input allows it, infinite for no
    limit.
    """

    engine: str
    tasks: int
    groups: int
    team: int
    what: str
    piece: str
    memory: Callable[[int], float]
    report: Callable[[int], str]
    start: float = 0.0
    task_seconds: float | None = None
    known: bool = True
    time_max: float = math.inf

    @property
    def most(self) -> int:
        """Ranks beyond which more do not help."""
        return self.groups * self.team

    def rounds(self, ranks: int) -> float:
        """Time of the whole in units of one piece on one rank."""
        at_once = min(self.groups, ranks)
        return math.ceil(self.tasks / at_once) / min(max(ranks // at_once, 1), self.team)

    def seconds(self, ranks: int) -> float | None:
        """Time of the whole, None where it is not known."""
        known = self.known and self.task_seconds is not None
        pieces = (self.task_seconds or 0.0) * self.rounds(ranks) if known else math.inf
        whole = self.start + min(pieces, self.time_max)
        return whole if whole < math.inf else None

    def rounds_within(self, seconds: float) -> float:
        """What `rounds` may be for the whole to end so soon; 0 where its time is not known."""
        if not self.task_seconds or not self.known:
            return 0.0
        return max(seconds - self.start, 0.0) / self.task_seconds

    def memory_request(self, ranks: int) -> int:
        """MiB a rank to ask the batch system for."""
        return max(LEAST_MEMORY, 100 * math.ceil(MARGIN * self.memory(ranks) / 2**20 / 100))


@dataclass(frozen=True)
class Site:
    """What one node of a cluster has.

    memory: MiB, None where it is not known. origin: the source of these numbers. sure: whether they are more than a
    guess.
    """

    cores: int
    memory: int | None
    origin: str
    sure: bool = False


@dataclass(frozen=True)
class Ranks:
    """A layout: whole nodes, the same number of ranks on each, MiB a rank, and why, in one line."""

    nodes: int
    per_node: int
    memory: int
    why: str

    @property
    def total(self) -> int:
        return self.nodes * self.per_node


def choose(work: Work, nodes: int, site: Site, memory: int | None = None) -> Ranks:
    """The fewest nodes, at most `nodes`, and then ranks with which the run ends within SOON.

    Where none do or the time is not known, those with which it ends first.

    memory: MiB a rank, where the user has said it. Raises InputError where not even one rank fits on a node.
    """

    def need(ranks: int) -> int:
        return memory if memory is not None else work.memory_request(ranks)

    def fits(n: int, t: int) -> bool:
        return site.memory is None or t * need(n * t) <= site.memory

    def most_on(n: int) -> int:
        return _last(min(site.cores, work.most // n), lambda t: fits(n, t))

    used = min(nodes, work.most)
    if not any(fits(n, 1) for n in range(1, used + 1)):
        raise InputError(
            f"a rank needs {need(used)} MiB, but a node has {site.memory} MiB ({site.origin}): "
            + ("use nodes with more memory" if memory is None else "ask for less with --memory")
        )
    candidates = [(n, t) for n in range(1, used + 1) if (t := most_on(n))]
    soon = work.rounds_within(SOON)
    n, t = min(candidates, key=lambda c: (max(work.rounds(c[0] * c[1]), soon), c[0]))
    best = max(work.rounds(n * t), soon)
    spare = _last(t - 1, lambda less: work.rounds(n * (t - less)) <= best and fits(n, t - less), default=0)
    t -= spare
    return Ranks(n, t, need(n * t), _why(work, n, t, nodes, site, need(n * t), fits))


def _last(high: int, holds: Callable[[int], bool], default: int = 0) -> int:
    """The largest number from 1 to high for which a condition holds that, once broken, stays broken; else default."""
    low = default
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _why(work: Work, n: int, t: int, nodes: int, site: Site, memory: int, fits: Callable[[int, int], bool]) -> str:
    ranks = n * t
    text = f"{ranks} rank{'s' * (ranks > 1)} = {n} node{'s' * (n > 1)} x {t} of {site.cores} cores ({site.origin})"
    text += f", {memory} MiB per rank"
    at_once = min(work.groups, ranks)
    share = ranks // at_once
    if work.groups == 1:
        text += f": {work.piece}"
    else:
        rounds = math.ceil(work.tasks / at_once)
        text += f": {work.tasks} {work.what} in {rounds} round{'s' * (rounds > 1)}"
        text += f" of {at_once}" if share == 1 else f", {share} ranks each"
    if n * t < min(nodes * site.cores, work.most) and work.rounds(ranks) <= work.rounds_within(SOON):
        text += f"; it ends within {SOON:g} s"
    elif n < nodes:
        text += f"; {nodes} nodes would not be faster"
    elif t < site.cores and not fits(n, t + 1):
        text += "; the memory of a node allows no more"
    elif t < site.cores:
        text += "; more ranks would not be faster"
    return text
