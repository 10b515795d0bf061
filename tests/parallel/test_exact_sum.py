"""The order-independent sum and the layout of ranks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcalo.errors import ConvergenceError
from hpcalo.parallel.exact_sum import ExactSum
from hpcalo.parallel.layout import Layout


def test_sum_is_exact_and_order_independent():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(500, 6)) * 10.0 ** rng.integers(-12, 12, size=(500, 6))
    exact = np.array([math.fsum(column) for column in values.T])
    bits = set()
    for _ in range(5):
        total = ExactSum((6,))
        for row in rng.permutation(values):
            total.add(row)
        bits.add(total.value().tobytes())
    assert len(bits) == 1
    np.testing.assert_allclose(np.frombuffer(bits.pop()), exact, rtol=2e-16, atol=500 * 2.0**-70)


@settings(deadline=None)
@given(st.lists(st.floats(-(2.0**47), 2.0**47), min_size=1, max_size=40), st.data())
def test_merging_parts_equals_adding_all(values, data):
    cut = data.draw(st.integers(0, len(values)))
    whole, left, right = ExactSum(()), ExactSum(()), ExactSum(())
    for i, value in enumerate(values):
        whole.add(np.array(value))
        (left if i < cut else right).add(np.array(value))
    right.merge(left)
    assert (right.limbs == whole.limbs).all()
    assert whole.value() == pytest.approx(math.fsum(values), rel=4e-16, abs=len(values) * 2.0**-70)


@pytest.mark.parametrize("n", [1, 5000])  # less than a vector register, more than a piece
def test_rows_get_their_own_addends_and_add_up(n):
    rng = np.random.default_rng(1)
    addends = rng.normal(size=(30, 2, n)) * 10.0 ** rng.integers(-20, 13, size=(30, 2, n))
    addends[0, 0, 0] = 2.0**9 + 2.0**-31 + 2.0**-71  # half a quantum of each integer
    table, rows = ExactSum((3, n)), rng.permuted(np.tile(np.arange(3), (30, 1)), axis=1)[:, :2]
    alone = [ExactSum((n,)) for _ in range(3)]
    for values, places in zip(addends, rows, strict=True):
        table.add(values, rows=places)
        for place, row in zip(places, values, strict=True):
            alone[place].add(row)
    np.testing.assert_array_equal(table.value(), [one.value() for one in alone])
    alone[0].merge(alone[2])
    np.testing.assert_array_equal(table.value(np.array([True, False, True])), alone[0].value())
    exact = [math.fsum(addends[:, :, i][rows != 1]) for i in range(n)]
    np.testing.assert_allclose(alone[0].value(), exact, rtol=2e-16, atol=60 * 2.0**-70)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 2.0**49])
def test_a_value_that_is_not_usable_is_named(bad):
    total = ExactSum((2, 2))
    values = np.zeros((2, 2))
    values[1, 0] = bad
    with pytest.raises(ConvergenceError, match=r"block 7: element \(1, 0\)"):
        total.add(values, "block 7")
    assert total.addends == 0
    assert not total.limbs.any()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 30])
@pytest.mark.parametrize("blocks", [1, 2, 5, 16])
@pytest.mark.parametrize("energies", [1, 3, 101])
def test_layout_covers_every_block_and_energy_once(size, blocks, energies):
    count = np.zeros((blocks, energies), dtype=int)
    first = np.zeros(blocks, dtype=int)
    for rank in range(size):
        layout = Layout(size, rank, blocks, energies)
        for block in layout.my_blocks():
            count[block, layout.my_energies()] += 1
            first[block] += layout.member == 0
    assert (count == 1).all()
    assert (first == 1).all()


@pytest.mark.mpi
def test_allreduce_gives_the_same_bits_on_every_rank(comm):
    rng = np.random.default_rng(1)
    values = rng.normal(size=(24, 5)) * 10.0 ** rng.integers(-9, 9, size=(24, 5))
    serial = ExactSum((5,))
    mine = ExactSum((5,))
    for i, row in enumerate(values):
        serial.add(row)
        if i % comm.size == comm.rank:
            mine.add(row)
    total = mine.allreduce(comm)
    assert total.addends == 24
    assert total.value().tobytes() == serial.value().tobytes()
