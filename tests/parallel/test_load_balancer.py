"""Pieces shared out by speed: each done once, whatever the ranks' speeds, and no rank waits long for another."""

from __future__ import annotations

from threading import Barrier, Thread
from types import SimpleNamespace

import numpy as np
import pytest

from hpcalo.parallel.load_balancer import LATE, LoadBalancer, shares


class Line:
    """As many communicators as ranks, within one process: an Allgather of rows."""

    def __init__(self, size: int) -> None:
        self.rows, self.barrier = [np.zeros(2)] * size, Barrier(size)

    def rank(self, number: int) -> SimpleNamespace:
        def allgather(row, every):
            self.rows[number] = row
            self.barrier.wait(20)
            every[...] = self.rows
            self.barrier.wait(20)

        return SimpleNamespace(size=len(self.rows), rank=number, Allgather=allgather)


def simulate(costs: list[list[float]], pieces: int, seconds: float) -> tuple[float, list[list[int]]]:
    """Time of a run and the pieces each rank did; costs[rank]: seconds of its first, second … piece, then the last."""
    size = len(costs)
    line, done, clock = Line(size), [[] for _ in range(size)], np.zeros(size)
    total = [0.0] * size

    def run(rank: int) -> None:
        balancer = LoadBalancer(line.rank(rank), range(100, 100 + pieces))
        length = 0.0
        while balancer.left:
            spent, count = 0.0, 0
            for b in balancer.mine:
                spent += costs[rank][min(len(done[rank]), len(costs[rank]) - 1)]
                done[rank].append(b)
                count += 1
                if spent > LATE * length:
                    break
            clock[rank] = spent
            line.barrier.wait(20)
            total[rank] += float(clock.max())  # the ranks meet
            length = seconds
            balancer.settle(count, spent, length)

    threads = [Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(set(total)) == 1
    return total[0], done


@pytest.mark.parametrize("pieces", [0, 1, 2, 3, 7, 100, 1000])
@pytest.mark.parametrize("costs", [[[0.1]], [[0.1], [0.1]], [[0.1], [0.3], [0.05]], [[0.1, 5.0, 0.1], [0.2]]])
def test_each_piece_is_done_once(pieces, costs):
    _, done = simulate(costs, pieces, seconds=2.0)
    assert sorted(b for own in done for b in own) == list(range(100, 100 + pieces))


@pytest.mark.parametrize("seconds", [0.0, 2.0])
def test_equal_ranks_do_equal_shares(seconds):
    """Equal ranks take no longer than with the fewest possible rounds of one piece each."""
    total, done = simulate([[0.1]] * 4, 1002, seconds)
    assert total == pytest.approx(0.1 * 251)
    assert max(map(len, done)) == 251


@pytest.mark.parametrize("slow", [2.0, 3.5])
def test_a_slow_rank_costs_little(slow):
    """One of four ranks is slower: equal shares would take `slow` times as long; this is near to the best."""
    cost, pieces = 0.1, 1000
    total, _ = simulate([[cost], [cost], [cost], [slow * cost]], pieces, seconds=2.0)
    best = cost * pieces / (3.0 + 1.0 / slow)
    assert best <= total < 1.05 * best


def test_a_rank_that_becomes_slow_gives_work_back():
    """After ten quick pieces one rank takes ten times as long for each: the others take over what it cannot do."""
    cost, pieces = 0.1, 1000
    total, done = simulate([[cost], [cost], [cost] * 10 + [10 * cost]], pieces, seconds=2.0)
    best = cost * pieces / 2.1
    assert total < 1.15 * best
    assert len(done[2]) < 0.1 * pieces


def test_shares_end_as_early_as_any():
    rng = np.random.default_rng(3)
    for _ in range(50):
        speed, total = rng.uniform(0.2, 3.0, size=4), int(rng.integers(0, 12))
        counts = shares(total, speed)
        assert counts.sum() == total
        assert (counts >= 0).all()
        end = float((counts / speed).max())
        grid = np.indices((total + 1,) * 4).reshape(4, -1)
        every = grid[:, grid.sum(axis=0) == total]
        assert end <= 1.0000001 * float((every / speed[:, None]).max(axis=0).min()) + 1.0 / float(speed.max())
