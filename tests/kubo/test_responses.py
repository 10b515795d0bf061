"""What every response declares fits together, and the register refuses what would not."""

from __future__ import annotations

import re
import tracemalloc
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pint
import pytest
from places import REPOSITORY

from hpcalo.config.reader import validate
from hpcalo.errors import InputError
from hpcalo.kubo import registry
from hpcalo.kubo.config import KuboSection
from hpcalo.kubo.registry import register, registered
from hpcalo.kubo.responses import density_of_states
from hpcalo.kubo.responses.density_of_states import Gaussian, level_count
from hpcalo.kubo.responses.response import Quantity, Response, needed, responses
from hpcalo.kubo.states.operators import CURVATURE, SPIN, TORQUE, VELOCITY, ordered
from hpcalo.kubo.sums.request import TORQUE_TORQUE, TORQUE_VELOCITY, VELOCITY_VELOCITY, Sums

STANDARD = {
    *("n_hat", "axis", "gamma", "energy", "mu", "temperature", "torque", "torque_2", "field", "gradient", "current"),
    "hall",
}


@pytest.fixture(params=responses(), ids=lambda r: r.name)
def response(request) -> Response:
    return request.param


def test_quantities_axes_and_panels_fit_together(response):
    """Units are units, axes have coordinates, panels draw what is declared, the help is one short line."""
    names = [q.name for q in response.quantities]
    for quantity in response.quantities:
        pint.Unit(quantity.unit or "1")
        assert quantity.long_name
        assert quantity.parity in (-1, 0, 1)
        assert set(quantity.dims) <= STANDARD | {axis.name for axis in response.axes}
    assert response.drawn()
    for panel in response.drawn():
        assert set(panel.needs) <= set(names)
    assert response.help
    assert len(response.help) < 90
    assert "\n" not in response.help


def test_thermal_responses_are_those_with_a_temperature(response):
    """Those whose sums have the Fermi functions in them do not need the energy axis for it."""
    warm = any("temperature" in q.dims for q in response.quantities)
    assert response.thermal == (warm and not response.sums.fermi)


def test_names_and_ranks_differ():
    every = responses()
    assert [r.name for r in every] == list(registered())
    assert max(Counter(q.name for r in every for q in r.quantities).values()) == 1
    ranks = [panel.rank for r in every for panel in r.drawn() if panel.role != "detail"]
    assert len(set(ranks)) == len(ranks)
    assert [r.rank for r in every] == sorted({r.rank for r in every})


def test_sums_are_shared():
    """Each raw sum once, in the order of the responses; levels in the order that checkpoints have."""
    sums = needed(responses(["conductivity", "torkance", "nernst", "damping"]))
    assert sums.broadened == (VELOCITY_VELOCITY, TORQUE_VELOCITY, TORQUE_TORQUE)
    assert sums.sea == (TORQUE_VELOCITY, VELOCITY_VELOCITY)
    assert sums.thermal == ()
    assert sums.levels == (SPIN, CURVATURE)
    assert not sums.count
    assert needed(responses(["density_of_states"])) == Sums(count=True)
    assert ordered(frozenset({SPIN, TORQUE, CURVATURE})) == (VELOCITY, CURVATURE, TORQUE, SPIN)


class Toy(Response):
    """Computes the quantities it is given."""

    name = "toy"
    help = "a toy"
    sums = Sums()
    quantities = (Quantity("a", ("energy",), "", "a"), Quantity("b", ("energy",), "", "b", optional=True))

    def __init__(self, *names: str) -> None:
        self.names = names

    def compute(self, run):
        return {name: np.zeros(2) for name in self.names}


def test_what_is_computed_must_be_declared():
    run = SimpleNamespace(missing=frozenset())
    assert [v.name for v in Toy("a").variables(run)] == ["a"]
    assert [v.name for v in Toy("b", "a").variables(run)] == ["a", "b"]
    for names in ((), ("b",), ("a", "c")):
        with pytest.raises(ValueError, match="toy: computes"):
            Toy(*names).variables(run)


def test_a_new_name_is_known_to_the_input_at_once():
    section = {"quantities": ["toy"], "k": {"grid": [1, 1, 1]}}
    with pytest.raises(InputError, match="'toy': unknown value"):
        validate(KuboSection, section, "x")
    register(Toy)
    try:
        assert validate(KuboSection, section, "x").quantities == ("toy",)
        assert list(registered())[-1] == "toy"
        with pytest.raises(ValueError, match="two responses 'toy'"):
            register(Toy)
    finally:
        registry.withdraw("toy")


@pytest.mark.parametrize("value", ["torkanze", 3, ["torkance"]])
def test_a_wrong_name_is_one_line_with_the_known_ones(value):
    with pytest.raises(InputError, match=r"unknown value.*torkance"):
        validate(KuboSection, {"quantities": [value], "k": {"grid": [1, 1, 1]}}, "x")


def test_the_guide_names_the_axes_of_the_files():
    """Every axis of any quantity, and those of each tensor in their order; and none that no file has."""
    text = (REPOSITORY / "docs" / "guide" / "results.md").read_text().partition("## Axes")[2].partition("\n## ")[0]
    rows = [row.split("|") for row in text.splitlines() if row.startswith("| `")]
    quantities = {q.name: q.dims for response in responses() for q in response.quantities}
    named: set[str] = set()
    for row in rows:
        first, second = (re.findall(r"`(\w+)`", cell) for cell in row[1:3])
        if first[0] not in quantities:
            named |= {*first, *second}
            continue
        for name in first:
            dims = [d for d in quantities[name] if d not in {"n_hat", "gamma", "energy", "mu", "temperature"}]
            assert dims == second, name
    every = {dim for dims in quantities.values() for dim in dims}
    assert every <= named
    assert named - every <= {"n_vector", "reference_energy_eV", "nernst"}


@pytest.mark.parametrize("width", [0.004, 0.09])
def test_gaussian_average_is_that_of_each_level_and_grows_with_the_number_of_energies(width):
    energies = np.linspace(-1.0, 1.0, 401)
    edges = np.linspace(-1.0 - 8.0 * width, 1.0 + 8.0 * width, 2001)
    count = np.zeros(len(edges) + 1)
    levels = np.array([3, 700, 701, 1998])  # bins
    count[1 + levels] = [1.0, 0.5, 2.0, 1.0]
    smearing = Gaussian(edges, energies, width)
    gap = energies[:, None] - 0.5 * (edges[levels] + edges[levels + 1])
    expected = (np.exp(-0.5 * (gap / width) ** 2) / (width * np.sqrt(2.0 * np.pi))) @ count[1 + levels]
    found = level_count(edges, count, energies, smearing)[1]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13 / width)


def test_memory_of_the_gaussian_average_does_not_grow_with_the_number_of_energies(monkeypatch):
    """The bits do not depend on the blocks."""
    energies, edges = np.linspace(-1.0, 1.0, 8001), np.linspace(-1.8, 1.8, 289)
    count = np.random.default_rng(1).random(288)
    whole = Gaussian(edges, energies, 0.1) @ count
    monkeypatch.setattr(density_of_states, "BLOCK", 20_000)
    tracemalloc.start()
    found = Gaussian(edges, energies, 0.1) @ count
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(found, whole)
    assert peak < 40 * 20_000 + 60 * len(energies), peak
