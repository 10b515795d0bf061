"""Responses by site and layer: sites apart, other routes, sums, operations that move sites."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from kubo_runs import grid, run_sums
from places import MODELS
from sites_apart import ORBITALS, part_of, two_sites_apart

from hpcalo.hamiltonian import sites
from hpcalo.hamiltonian.antiferromagnet import antiferromagnet
from hpcalo.hamiltonian.builtin import rashba
from hpcalo.hamiltonian.exchange import unit_vector
from hpcalo.hamiltonian.modelfile import read_model
from hpcalo.hamiltonian.symmetry import candidates
from hpcalo.hamiltonian.types import Crystal, WannierModel
from hpcalo.kubo.responses.nernst import Nernst
from hpcalo.kubo.responses.response import needed
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.site_conductivity import SiteNernst
from hpcalo.kubo.responses.site_spin_accumulation import SiteSpinAccumulation, SiteThermalSpinAccumulation
from hpcalo.kubo.responses.site_spin_conductivity import SiteSpinConductivity, SiteSpinNernst
from hpcalo.kubo.responses.site_torkance import PAIR, SiteThermalTorkance, SiteTorkance
from hpcalo.kubo.responses.spin_accumulation import ThermalSpinAccumulation
from hpcalo.kubo.responses.spin_conductivity import SpinConductivity, SpinNernst
from hpcalo.kubo.responses.thermal_torkance import ThermalTorkance
from hpcalo.kubo.responses.torkance import Torkance
from hpcalo.kubo.states.at_sites import SITE_SPIN_CURRENT, SITE_TORQUE, SITE_VELOCITY
from hpcalo.kubo.states.lcao import LcaoStates
from hpcalo.kubo.states.operators import TORQUE, VELOCITY
from hpcalo.kubo.states.sublattice_torque import SUBLATTICE_TORQUE
from hpcalo.kubo.states.wannier import WannierStates
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, Request, Sums
from hpcalo.kubo.sums.symmetry_check import symmetries_of
from hpcalo.units import ANGSTROM, BOHR_IN_ANGSTROM

N_HAT = unit_vector((0.48, -0.36, 0.8))
ENERGIES = np.linspace(-2.0, 1.0, 4)


def test_sites_apart_have_each_the_torkance_of_its_own() -> None:
    """Two sites that no matrix element connects are two magnets."""
    whole = two_sites_apart(N_HAT)
    k = grid(3, 2, 3)
    run = run_sums(whole, k, ENERGIES, broadened=(PAIR,), sea=(PAIR,))
    found = SiteTorkance().compute(run)
    assert not [name for name in found if name.startswith("layer")]
    for site, chosen in enumerate(ORBITALS):
        alone = run_sums(part_of(whole, chosen), k, ENERGIES, broadened=(TORQUE_VELOCITY,), sea=(TORQUE_VELOCITY,))
        for name, expected in Torkance().compute(alone).items():
            assert np.abs(expected).max() > 1e-4
            axis = 1 if name == "torkance_intrinsic" else 2
            np.testing.assert_allclose(np.take(found[f"site_{name}"], site, axis), expected, atol=1e-12)


def test_sites_apart_have_each_the_spin_current_and_the_thermal_responses_of_its_own() -> None:
    """The same of currents of spin, and of what a gradient of temperature drives."""
    whole, k = two_sites_apart(N_HAT), grid(2, 2, 3)
    energies = np.linspace(-2.0, 1.0, 31)
    responses = (
        (SiteSpinConductivity(), SpinConductivity()),
        (SiteSpinNernst(), SpinNernst()),
        (SiteThermalTorkance(), ThermalTorkance()),
        (SiteThermalSpinAccumulation(), ThermalSpinAccumulation()),
        (SiteNernst(), Nernst()),
    )

    def run(model: WannierModel, which: int) -> RunSums:
        sums = needed([pair[which] for pair in responses])
        return run_sums(model, k, energies, broadened=sums.broadened, sea=sums.sea, temperatures=[500.0], mu=[-0.3])

    found, alone = run(whole, 0), [run(part_of(whole, chosen), 1) for chosen in ORBITALS]
    for by_site, response in responses:
        values = by_site.compute(found)
        axes = {q.name: q.dims.index("site") for q in by_site.quantities if q.name in values and "site" in q.dims}
        for site, one in enumerate(alone):
            every = response.compute(one)
            for name, axis in axes.items():
                expected = every[name.removeprefix("site_")]
                tolerance = 1e-10 * np.abs(expected).max()
                assert tolerance > 0.0
                np.testing.assert_allclose(np.take(values[name], site, axis), expected, atol=tolerance)


def test_sums_over_sites_and_layers_are_the_torkance() -> None:
    """Of an antiferromagnet whose sites hop to each other, at a general n̂."""
    model = antiferromagnet(1.0, 0.3, 0.4, 0.8, n_hat=tuple(N_HAT))
    pairs = (PAIR, TORQUE_VELOCITY)
    run = run_sums(model, grid(6, 5), ENERGIES, broadened=pairs, sea=pairs)
    found, whole = SiteTorkance().compute(run), Torkance().compute(run)
    for name, expected in whole.items():
        axis = 1 if name == "torkance_intrinsic" else 2
        for place in ("site", "layer"):
            np.testing.assert_allclose(found[f"{place}_{name}"].sum(axis=axis), expected, atol=1e-13)
        assert np.abs(found[f"site_{name}"]).max() > 1e-3


def test_the_torque_of_each_site_is_that_of_its_exchange_on_its_spin() -> None:
    """t^A = ±(Δ/2) χ^A × n̂ on the two sublattices, and so of the staggered spin and the whole torkance."""
    delta, n = 0.8, N_HAT
    model = antiferromagnet(1.0, 0.3, 0.4, delta, n_hat=tuple(n))
    pairs = (PAIR, SiteSpinAccumulation.driven.pair)
    run = run_sums(model, grid(6, 5), ENERGIES, broadened=pairs, sea=pairs)
    torque, spin = SiteTorkance().compute(run), SiteSpinAccumulation().compute(run)
    sign = np.where(np.array(model.crystal.sublattices) == 1, 1.0, -1.0) * (np.array(model.crystal.sublattices) > 0)
    for part, other, axis in (("even", "odd", 2), ("odd", "even", 2), ("intrinsic", "intrinsic", 1)):
        chi = spin[f"site_spin_accumulation_{other}"] / ANGSTROM
        expected = 0.5 * delta * np.cross(chi, n, axisa=axis + 1, axisc=axis + 1) / BOHR_IN_ANGSTROM
        found = torque[f"site_torkance_{part}"]
        shape = [-1 if i == axis else 1 for i in range(found.ndim)]
        np.testing.assert_allclose(found, sign.reshape(shape) * expected, atol=1e-12)
        assert np.abs(found).max() > 1e-3
        staggered = spin[f"staggered_spin_accumulation_{other}"]
        np.testing.assert_allclose(
            staggered, np.tensordot(sign, spin[f"site_spin_accumulation_{other}"], (0, axis)), atol=1e-20
        )


def test_atomic_orbitals_by_site() -> None:
    """The torque of one layer by another route: the share of the exchange in real space; sums are the operators."""
    film = read_model(MODELS / "mnw3_dzp.h5")
    number = (2, 2, 2, 1)
    film = replace(film, crystal=replace(film.crystal, sublattices=number))
    need = frozenset({SITE_TORQUE, SITE_VELOCITY, SUBLATTICE_TORQUE, TORQUE, VELOCITY})
    states = LcaoStates(film, N_HAT, need).line(0.0, 0.11, np.array([0.37]), need)
    torques, velocities = (states[o][0].reshape(film.size, 4, -1, film.size) for o in (SITE_TORQUE, SITE_VELOCITY))
    manganese = states[SUBLATTICE_TORQUE][0][:, :3]
    assert np.abs(manganese).max() > 0.1
    np.testing.assert_allclose(torques[:, 3], manganese, atol=1e-11 * np.abs(manganese).max())
    for by_site, whole in ((torques, states[TORQUE][0]), (velocities, states[VELOCITY][0])):
        np.testing.assert_allclose(by_site.sum(axis=1), whole, atol=1e-11 * np.abs(whole).max())


@pytest.mark.parametrize("n", [(0.0, 0.0, 1.0), (1.0, 0.0, 0.0)])
def test_operations_that_move_sites(n: tuple[float, float, float]) -> None:
    """All of the magnet's hold for sums by site, among them those that take one sublattice to the other."""
    model = antiferromagnet(1.0, 0.3, 0.4, 0.8, n_hat=n)
    every = candidates(model.crystal, model.n_hat, exchanging=True)
    moving = [op for op in every if np.abs(sites.permutation(model.crystal, op) - np.eye(4)).max() > 0.5]
    assert moving
    axes = (np.array([-1.0, 0.5]), np.array([0.15]), np.zeros(0), np.zeros(0))
    request = Request(model.crystal, *axes, Sums(broadened=(PAIR, (SITE_SPIN_CURRENT, VELOCITY)), sea=(PAIR,)))
    found = symmetries_of(WannierStates(model, request.need()), every, request, 1e-6)
    assert len(found.operations) == len(every)


def test_names_of_sites_and_layers() -> None:
    """A rumpled layer is one; heights count from the lowest, whatever the order and the sense of the third vector."""
    positions = np.array([[0.0, 0.0, -3.0], [0.0, 1.0, -7.0], [1.0, 1.0, -3.2]])
    lattice = np.diag([3.0, 3.0, -20.0])
    film = Crystal(lattice, (True, True, False), positions, ("Mn", "W", "O"), np.zeros(3))
    assert sites.labels(film) == ["Mn1", "W2", "O3"]
    names, belong = sites.layers(film)
    assert names == ["W 0.00 Å", "Mn+O 3.90 Å"]
    np.testing.assert_array_equal(belong.sum(axis=0), np.ones(3))
    bulk = replace(film, periodic=(True, True, True))
    assert sites.layers(bulk)[0] == []
    none = replace(film, positions=np.zeros((0, 3)), symbols=(), moments=np.zeros(0))
    assert sites.labels(none) == ["cell"]
    np.testing.assert_array_equal(sites.members(none, np.zeros((2, 3))), np.ones((1, 2)))


def test_an_operation_of_a_supercell_goes_with_every_translation() -> None:
    """Two equal atoms half a vector apart: an operation takes each to either, and the mean over both is meant."""
    positions = np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    crystal = Crystal(np.diag([4.0, 2.0, 10.0]), (True, True, False), positions, ("Co", "Co"), np.ones(2))
    ops = candidates(crystal, np.array([0.0, 0.0, 1.0]))
    for op in ops:
        expected = np.eye(2) if op.is_identity else np.full((2, 2), 0.5)
        np.testing.assert_array_equal(sites.permutation(crystal, op), expected)
    assert len(ops) > 1
    assert len(rashba().crystal.symbols) == 2
