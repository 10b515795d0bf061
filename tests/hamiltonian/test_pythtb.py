"""Models of PythTB: bands, spins and Chern number are PythTB's own; its phases, order and spins are understood."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

import hpcalo
from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.pythtb import from_pythtb
from hpcalo.kubo.states.operators import SPIN, VELOCITY
from hpcalo.kubo.states.wannier import WannierStates

pythtb = pytest.importorskip("pythtb")

K = np.random.default_rng(11).random((5, 3))
LATTICE = [[1.3, 0.0, 0.2], [0.3, 1.7, 0.0], [0.1, 0.2, 2.1]]
ORBITALS = [[0.0, 0.0, 0.0], [0.31, 0.42, 0.13], [0.7, 0.1, 0.5]]


def random_terms(rng, spins):
    """On-site terms and hops (amplitude, i, j, R) as both interfaces take them."""

    def block():
        m = rng.normal(size=(spins, spins)) + 1j * rng.normal(size=(spins, spins))
        return complex(m[0, 0]) if spins == 1 else m

    onsite = []
    for _ in range(3):
        m = block()
        onsite.append(m.real if spins == 1 else m + m.conj().T + np.diag([1.5, -1.5]))
    hops = [(block(), i, j, list(R)) for i, j, R in ((0, 1, (0, 0, 0)), (0, 2, (1, 0, 0)), (1, 1, (0, 1, 0)))]
    hops += [(block(), 2, 0, [1, -1, 0]), (block(), 1, 2, [0, 0, 1]), (block(), 0, 0, [0, 0, 1])]
    return onsite, hops


def old_model(dimensions, spins, seed=0):
    """A `tb_model` of 1.x with as many periodic directions as `dimensions`, in three dimensions."""
    onsite, hops = random_terms(np.random.default_rng(seed), spins)
    with contextlib.redirect_stdout(io.StringIO()):
        model = pythtb.tb_model(dimensions, 3, LATTICE, ORBITALS, nspin=spins)
        model.set_onsite(onsite)
        for amplitude, i, j, R in hops:
            if not any(R[dimensions:]):
                model.set_hop(amplitude, i, j, R)
    return model


class NewModel:
    """The part of PythTB 2's `TBModel` that is read, with its documented names and shapes (it needs Python 3.12)."""

    parameters = ()

    def __init__(self, spins, seed=0):
        onsite, hops = random_terms(np.random.default_rng(seed), spins)
        self.lat_vecs, self.orb_vecs, self.nspin = np.array(LATTICE), np.array(ORBITALS), spins
        self.periodic_dirs, self.onsite = [0, 1, 2], np.array(onsite)
        self.hoppings = []
        for amplitude, i, j, R in hops:
            entry = {"amplitude": amplitude, "from_orbital": i, "to_orbital": j}
            self.hoppings.append({**entry, "lattice_vector": R} if any(R) else entry)


def lines(model, k, need):
    solver = WannierStates(model, need)
    a, b, c = solver.order
    return solver.line(k[a], k[b], k[[c]], need)


@pytest.mark.parametrize("spins", [1, 2])
@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_bands_are_those_of_pythtb(dimensions, spins):
    theirs = old_model(dimensions, spins)
    model = from_pythtb(theirs)
    assert model.crystal.periodic == tuple(d < dimensions for d in range(3))
    for k in np.where(np.arange(3) < dimensions, K, 0.0):
        own = lines(model, k, frozenset())
        np.testing.assert_allclose(own.E_kn[0], theirs.solve_one(k[:dimensions]), atol=1e-12)


def test_spins_and_slopes():
    """<σ> from PythTB's eigenvectors (orbital, spin), dE/dk from its bands."""
    theirs = old_model(3, 2)
    model = from_pythtb(theirs)
    for k in K[:3]:
        own = lines(model, k, frozenset({SPIN, VELOCITY}))
        _, vectors = theirs.solve_one(k, eig_vectors=True)  # (band, orbital, spin)
        x, y = (2 * part(np.einsum("no,no->n", vectors[..., 0].conj(), vectors[..., 1])) for part in (np.real, np.imag))
        z = (np.abs(vectors[..., 0]) ** 2 - np.abs(vectors[..., 1]) ** 2).sum(axis=1)
        np.testing.assert_allclose(own[SPIN][0], np.stack([x, y, z], axis=1) @ model.n_hat, atol=1e-10)
        step = 1e-5
        for v in range(3):
            dk = model.crystal.lattice[:, v] * step / (2 * np.pi)
            slope = (theirs.solve_one(k + dk) - theirs.solve_one(k - dk)) / (2 * step)
            np.testing.assert_allclose(np.diagonal(own[VELOCITY][0, :, v]).real, slope, atol=1e-7)


def test_positions_enter_the_velocity():
    """All elements, from PythTB's own H(k): its phases hold the positions, so that its ∂H is the whole velocity."""
    theirs, k = old_model(3, 2), K[1]
    model = from_pythtb(theirs)
    own = lines(model, k, frozenset({VELOCITY}))[VELOCITY][0]
    step = 1e-5
    H = theirs._gen_ham(k).reshape(6, 6)
    _, c = np.linalg.eigh(H)
    for v in range(3):
        dk = model.crystal.lattice[:, v] * step / (2 * np.pi)
        slope = (theirs._gen_ham(k + dk) - theirs._gen_ham(k - dk)).reshape(6, 6) / (2 * step)
        np.testing.assert_allclose(np.abs(own[:, v]), np.abs(c.conj().T @ slope @ c), atol=1e-8)


def test_chern_number_of_the_haldane_model():
    """The anomalous Hall conductance in the gap is the Chern number that PythTB counts from Berry phases."""
    model = pythtb.tb_model(2, 2, [[1, 0], [0.5, np.sqrt(3) / 2]], [[1 / 3, 1 / 3], [2 / 3, 2 / 3]])
    model.set_onsite([-0.2, 0.2])
    for i, j, R in ((0, 1, [0, 0]), (1, 0, [1, 0]), (1, 0, [0, 1])):
        model.set_hop(-1.0, i, j, R)
    t2 = 0.15 * np.exp(0.5j * np.pi)
    for i, j, R in ((0, 0, [1, 0]), (1, 1, [1, -1]), (1, 1, [0, 1])):
        model.set_hop(t2, i, j, R)
    for i, j, R in ((1, 1, [1, 0]), (0, 0, [1, -1]), (0, 0, [0, 1])):
        model.set_hop(t2.conjugate(), i, j, R)
    states = pythtb.wf_array(model, [41, 41])
    states.solve_on_grid([0.0, 0.0])
    chern = float(states.berry_flux([0])) / (2 * np.pi)
    assert abs(chern) == pytest.approx(1.0, abs=1e-6)
    kubo = {"quantities": ["anomalous_hall"], "k": {"grid": [60, 60, 1]}}
    kubo["energies"] = {"minimum": -0.02, "maximum": 0.02, "points": 3}
    data = hpcalo.api.run({"kubo": kubo}, model=from_pythtb(model, fermi_energy=0.0, thickness=1.0))
    sigma = float(data.anomalous_hall.sel(hall="xy").squeeze()[1])
    assert data.anomalous_hall.attrs["units"] == "S/cm"
    quantum = 3.874045865e-5 / 1e-8  # e²/h per 1 Å, in S/cm
    # sigma_xy = −(e²/h) C with the curvature of PythTB's sign (Berry phase exp(−iφ) = Π<u|u'>)
    assert sigma / quantum == pytest.approx(-chern, abs=2e-3)


@pytest.mark.parametrize("spins", [1, 2])
def test_both_interfaces_give_the_same_model(spins):
    old, new = from_pythtb(old_model(3, spins)), from_pythtb(NewModel(spins))
    np.testing.assert_array_equal(old.R, new.R)
    np.testing.assert_allclose(old.H_Rnn, new.H_Rnn, atol=1e-15)
    np.testing.assert_array_equal(old.centres, new.centres)
    assert old.crystal.periodic == new.crystal.periodic


def test_a_magnet_and_its_torque():
    """The Rashba magnet made with PythTB gives the torkance of the built-in one."""
    t, a, delta = 1.0, 0.4, 0.8
    model = pythtb.tb_model(2, 2, [[1, 0], [0, 1]], [[0, 0]], nspin=2)
    model.set_onsite([[0, 0, 0, delta / 2]])
    model.set_hop([-t, 0, 0.5j * a, 0], 0, 0, [1, 0])
    model.set_hop([-t, -0.5j * a, 0, 0], 0, 0, [0, 1])
    own = from_pythtb(model, fermi_energy=-1.0)
    np.testing.assert_allclose(own.n_hat, [0, 0, 1])
    kubo = {"quantities": ["torkance"], "gamma": [0.1], "k": {"grid": [24, 24, 1]}}
    kubo["energies"] = {"minimum": -1.0, "maximum": 1.0, "points": 5}
    there = hpcalo.api.run({"kubo": kubo}, model=own)
    here = hpcalo.api.run({"kubo": kubo, "model": {"builtin": "rashba", "fermi_energy": -1.0}})
    for name in ("torkance_even", "torkance_odd"):
        np.testing.assert_allclose(there[name], here[name], atol=1e-12)
    assert float(np.abs(here.torkance_even).max()) > 1e-2
    assert from_pythtb(model, n_hat=(1.0, 0.0, 0.0)).n_hat.tolist() == [1.0, 0.0, 0.0]


def test_what_it_cannot_be_is_refused():
    with pytest.raises(ModelError, match="TBModel, not dict"):
        from_pythtb({})
    finite = old_model(0, 1)
    with pytest.raises(ModelError, match="not periodic in any direction"):
        from_pythtb(finite)
    unset = NewModel(1)
    unset.parameters = [{"names": ["t"]}]
    with pytest.raises(ModelError, match="parameters without values"):
        from_pythtb(unset)
