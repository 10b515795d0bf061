"""Conductivity, Hall and Nernst effects, orbital magnetization, damping: closed forms, finite flakes, other codes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flake import magnetization
from kubo_runs import grid, run_sums
from places import MODELS

from hpcalo import units
from hpcalo.hamiltonian.builtin import ferromagnet, haldane, rashba
from hpcalo.hamiltonian.modelfile import read_model
from hpcalo.hamiltonian.readers.wannier90.assemble import read_wannier90
from hpcalo.hamiltonian.readers.wannier90.files import WannierOptions
from hpcalo.kubo.responses.anomalous_hall import S_CM, AnomalousHall, axial, intrinsic_hall
from hpcalo.kubo.responses.anomalous_hall_finite_temperature import AnomalousHallFiniteTemperature
from hpcalo.kubo.responses.conductivity import Conductivity
from hpcalo.kubo.responses.damping import Damping
from hpcalo.kubo.responses.heat_conductivity import HeatConductivity
from hpcalo.kubo.responses.nernst import Nernst
from hpcalo.kubo.responses.onsager import Onsager
from hpcalo.kubo.responses.orbital_magnetization import OrbitalMagnetization
from hpcalo.kubo.states.operators import CURVATURE, SPIN
from hpcalo.kubo.sums.request import TORQUE_TORQUE, TORQUE_VELOCITY, VELOCITY_VELOCITY

E_HBAR = units.BOHR_MAGNETON / (units.E_CHARGE / units.HBAR_SI * units.EV * units.ANGSTROM**2)  # µ_B in (e/ħ) eV Å²


def test_orbital_magnetization_of_flakes():
    """Bulk formula +4.8595e−3 (in e/ħ · eV, bond 1 Å); open flakes approach it with an error of order 1/L."""
    run = run_sums(
        haldane(),
        grid(120, 120),
        [-0.1, 0.0, 0.1],
        sea=(VELOCITY_VELOCITY,),
        thermal=(VELOCITY_VELOCITY,),
        temperatures=[0.5],
    )
    warm, ground = OrbitalMagnetization().compute(run).values()
    bulk = ground[0, 2, 1] * E_HBAR / run.volume
    assert bulk == pytest.approx(4.8595e-3, abs=2e-7)
    assert warm[0, 2, 0, 0] * E_HBAR / run.volume == pytest.approx(
        bulk, rel=1e-6
    )  # the upper band begins 2.7 meV above
    flakes = {L: magnetization(L, 1.0, 1.0 / 3.0, 2.0, 0.35 * np.pi, 0.0) for L in (10, 16, 24)}
    assert list(flakes.values()) == pytest.approx([3.544e-3, 4.010e-3, 4.283e-3], abs=1e-6)
    limit = np.polyfit([1.0 / L for L in flakes], list(flakes.values()), 2)[-1]
    assert limit == pytest.approx(bulk, rel=0.01)


@pytest.mark.parametrize(("onsite", "chern"), [(0.3, -1), (3.0, 0)])
def test_anomalous_hall_of_a_chern_insulator_is_quantized(onsite, chern):
    """σ_xy = C e²/h in the gap, to exponential accuracy in the mesh; and flat across it."""
    model = haldane(onsite=onsite, second_hopping=0.2, phase=0.5 * np.pi)
    run = run_sums(
        model,
        grid(120, 120),
        [-0.05, 0.0, 0.05],
        sea=(VELOCITY_VELOCITY,),
        broadened=(VELOCITY_VELOCITY,),
        gammas=[1e-3],
    )
    sheet = intrinsic_hall(run)[0, 2] * units.ANGSTROM  # thickness 1 Å
    quantum = units.E_CHARGE**2 / (2.0 * np.pi * units.HBAR_SI)
    np.testing.assert_allclose(np.abs(sheet / quantum), abs(chern), atol=1e-6)
    hall = Conductivity().compute(run)["hall_conductivity"]
    np.testing.assert_allclose(100.0 * hall[0, 0, 0, 1] * units.ANGSTROM / quantum, sheet / quantum, atol=2e-3)


def test_drude_conductivity_of_a_band():
    """One cosine band: σ_xx = (e²τ/ħ²) <(∂E)² δ(E−E_F)> with τ = ħ/2Γ for Γ → 0, from the closed form in one
    dimension.
    """
    t, energy, gamma = 1.0, 1.3, 0.02
    model = rashba(hopping=t, rashba=0.0, exchange=0.0)
    run = run_sums(model, grid(1600, 1, shift=0.5), [energy, 2.0], broadened=(VELOCITY_VELOCITY,), gammas=[gamma])
    # k_y = π of the single row: E = −2t cos k_x + 2t, shifted by 2t.
    shifted = energy - 2.0 * t
    velocity = 2.0 * t * np.sin(np.arccos(-shifted / (2.0 * t)))
    weight = 2.0 * 2.0 * velocity / (2.0 * np.pi)  # two spins, two points, v²/(2π|v|)
    expected = weight / (2.0 * gamma) * units.CONDUCTANCE_QUANTUM_HALF / units.ANGSTROM * 1e-2
    assert Conductivity().compute(run)["conductivity"][0, 0, 0, 0, 0] == pytest.approx(expected, rel=2e-3)


def test_wiedemann_franz_and_mott():
    """Smooth σ(E): λ = (π²k_B²/3e²) T σ and α = −(π²k_B²T/3e) dσ/dμ as T → 0."""
    run = run_sums(
        rashba(),
        grid(60, 60),
        np.linspace(-1.0, 1.0, 401),
        broadened=(VELOCITY_VELOCITY,),
        sea=(VELOCITY_VELOCITY,),
        gammas=[0.2],
        temperatures=[40.0],
        mu=[0.1],
    )
    symmetric, hall = (values * 100.0 for values in Conductivity().compute(run).values())
    at = int(np.argmin(np.abs(run.energies - 0.1)))
    lorenz = np.pi**2 / 3.0 * units.BOLTZMANN_EV**2
    conducted = HeatConductivity().compute(run)["heat_conductivity"][0, 0, 0, 0, 0, 0]
    assert conducted == pytest.approx(lorenz * 40.0 * symmetric[0, 0, 0, 0, at], rel=2e-3)
    slope = np.gradient(hall[0, 0, 0, 1], run.energies)[at]
    alpha = Nernst().compute(run)["nernst"][0, 0, 0, 1, 0, 0]
    assert alpha == pytest.approx(-lorenz * 40.0 * slope, rel=5e-3)


def fe(shared: Path, **options) -> object:
    return read_wannier90(shared / "data" / "fe" / "Fe", WannierOptions(fermi_energy=12.6312, spin="none", **options))


@pytest.mark.parametrize("positions", [True, False])
def test_anomalous_hall_of_iron_equals_wannierberri(shared, positions):
    """Same file, same grid: 0.1 % is asked for, the printed digits are reached."""
    table = np.loadtxt(shared / "reference" / "fe_ahc_24.csv", delimiter=",")
    model = fe(shared, replicas=False, position_matrix=positions)
    run = run_sums(
        model,
        grid(24, 24, 24, shift=0.0),
        table[:, 0],
        sea=(VELOCITY_VELOCITY,),
        levels=(CURVATURE,) if positions else (),
    )
    ours = AnomalousHall().compute(run)["anomalous_hall"][0]
    columns = slice(1, 4) if positions else slice(4, 7)
    np.testing.assert_allclose(ours.T, table[:, columns], atol=1e-3)


def test_anomalous_hall_with_replicas_equals_postw90_and_wannierberri(shared):
    """With minimal-distance replicas, against two codes that take r from the overlaps of the checkpoint, each in its
    own way.

    Ours is the r of the tb file, a third way: the three curves keep the same distance from one another, some 0.2 %.
    """
    table = np.loadtxt(shared / "reference" / "Fe_ahc_morb_pw90_vs_wb_24.csv", delimiter=",", skiprows=2)
    model = fe(shared, replicas=True)
    run = run_sums(model, grid(24, 24, 24, shift=0.0), table[:, 0], sea=(VELOCITY_VELOCITY,), levels=(CURVATURE,))
    ours = AnomalousHall().compute(run)["anomalous_hall"][0, 2]
    between = np.abs(table[:, 1] - table[:, 2]).max()
    assert np.abs(ours - table[:, 1]).max() < 3.0 * between
    assert np.abs(ours - table[:, 2]).max() < 3.0 * between


def test_conductivity_of_iron_equals_linres(shared):
    """Another code's broadened pair sums, from Γ = 10 meV to 200 meV; its Hall part has the opposite sign
    convention.
    """
    rows = np.genfromtxt(
        shared / "reference" / "Fe_linres_cond_gamma_24.csv", delimiter=",", skip_header=2, dtype=None, encoding="utf-8"
    )
    gammas = sorted({float(r[1]) for r in rows})
    model = fe(shared, replicas=False, format="hr")
    model = replace(model, A_Rvnn=None, centres=np.zeros_like(model.centres))
    run = run_sums(model, grid(24, 24, 24, shift=0.0), [12.6312, 12.64], broadened=(VELOCITY_VELOCITY,), gammas=gammas)
    symmetric, hall = (values[0, :, :, :, 0] for values in Conductivity().compute(run).values())
    for row in rows:
        g, theirs = gammas.index(float(row[1])), np.array(list(row)[2:]).reshape(3, 3)
        ours = symmetric[g] if row[0] == "even" else -hall[g]
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, atol=2e-6 * scale)


def iron_hall(model, points, n=24):
    """AHC of bcc Fe on n³ points, thermal axes of the reference table."""
    table = np.arange(12.1312, 13.1313, 0.025)
    return run_sums(
        model,
        grid(n, n, n, shift=0.0),
        12.6312 + np.linspace(-1.0, 1.0, points),
        sea=(VELOCITY_VELOCITY,),
        broadened=(VELOCITY_VELOCITY,),
        levels=(CURVATURE,),
        temperatures=[100.0, 200.0, 300.0, 400.0],
        mu=table,
        gammas=[1.0],
    )


def test_nernst_of_iron_equals_another_codes(shared):
    """The peer's trapezoid over its own curve against ours over ours; the formula in the head of the table is (51).

    On that coarse mesh the curve has spikes of near-degenerate levels that a grid of energies catches or misses: what
    the program reports instead is the integral of the cell averages, which changes little with the grid.
    """
    table = np.loadtxt(shared / "reference" / "Fe_anc_24.csv", delimiter=",", skiprows=3)
    model = fe(shared, replicas=True)
    run = iron_hall(model, 1001)
    weights = run.averages(1) / run.temperatures[None, :, None]
    alike = -np.einsum("ace,mte->acmt", intrinsic_hall(run), weights)[0, 2]
    inside = np.abs(table[:, 0] - 12.6312) < 0.45
    theirs = table[inside, 1:5]
    # Their curve comes from ab-initio matrices, ours from the tb file: the difference of the two curves is 0.1 % of σ.
    assert np.abs(alike[inside] - theirs).max() < 0.02 * np.abs(theirs).max()
    reported, coarser = (
        Nernst().compute(iron_hall(model, points, 12))["nernst_intrinsic"][0, 2] for points in (1001, 501)
    )
    # Spacing 4 meV against k_B T = 17 meV: (4/17)²/12 = 0.5 %.
    assert np.abs(reported - coarser)[:, 1:].max() < 5e-3 * np.abs(reported).max()


def test_hall_effect_of_iron_at_finite_temperature(shared):
    """Fermi functions level by level against the average of the curve at T = 0, inner and external part, 50 to 300 K.

    The average takes exact means over cells of 0.5 meV, which leaves (0.5 meV/k_BT)²/12 = 0.1 % at 50 K; the external
    part is a staircase of whole levels.
    """
    run = run_sums(
        fe(shared, replicas=False),
        grid(8, 8, 8, shift=0.25),
        12.6312 + np.linspace(-0.6, 0.6, 2401),
        sea=(VELOCITY_VELOCITY,),
        levels=(CURVATURE,),
        fermi=(VELOCITY_VELOCITY,),
        fermi_levels=(CURVATURE,),
        temperatures=[50.0, 300.0],
        mu=12.6312 + np.linspace(-0.1, 0.1, 5),
    )
    found = AnomalousHallFiniteTemperature().compute(run)["anomalous_hall_finite_temperature"]
    inner = axial(run, run.sea_averages(VELOCITY_VELOCITY, 0), 1)
    outer = np.einsum("ace,mte->acmt", run.occupied(CURVATURE.name), run.averages(0))
    parts = (axial(run, run.fermi(VELOCITY_VELOCITY), 1), run.fermi_level(CURVATURE))
    for part, expected in zip(parts, (inner, outer), strict=True):
        np.testing.assert_allclose(part, expected, atol=2e-3 * np.abs(expected).max())
    np.testing.assert_allclose(found, (parts[0] - parts[1]) * S_CM / run.volume, rtol=1e-12)


def test_spin_response_without_spin_orbit_coupling():
    """Λ_antisym = ±spin per cell exactly (g = 2), Λ_xx = Λ_yy, and nothing along n̂."""
    run = run_sums(
        rashba(rashba=0.0, exchange=1.3),
        grid(200, 200),
        [-2.0, -1.0],
        broadened=(TORQUE_TORQUE,),
        gammas=[1e-3, 1e-2],
        levels=(SPIN,),
    )
    fields = Damping().compute(run)
    np.testing.assert_allclose(fields["gyromagnetic_factor"][0, 0], 2.0, rtol=2e-3)
    np.testing.assert_allclose(fields["gyromagnetic_factor"][0, 1], 2.0, rtol=2e-2)
    assert (fields["spin_moment"] > 0.05).all()  # the majority moment is along +n̂
    assert np.abs(fields["lambda_symmetric"][0, :, 2]).max() < 1e-14
    np.testing.assert_allclose(fields["gilbert_damping"][0, :, 0, 0], fields["gilbert_damping"][0, :, 1, 1], rtol=1e-9)
    assert (fields["gilbert_damping"][0, :, 0, 0] > 0).all()


def test_onsager_reciprocity_in_a_magnet_without_symmetry():
    """A(n̂) = [A(−n̂)]ᵀ from two calculations; and it is violated when one of them is spoiled."""
    n = np.array([0.3, -0.5, 0.8]) / np.linalg.norm([0.3, -0.5, 0.8])
    kinds = (TORQUE_VELOCITY, TORQUE_TORQUE, VELOCITY_VELOCITY)
    run = run_sums(
        ferromagnet(),
        grid(5, 5, 5),
        np.linspace(-1.0, 1.0, 201),
        broadened=kinds,
        sea=(TORQUE_VELOCITY,),
        n_hat=[n, -n],
        gammas=[0.1],
    )
    assert Onsager().compute(run)["onsager_violation"].max() < 1e-10
    spoiled = dict(run.raw[1])
    spoiled["broadened:torque-velocity"] = 1.01 * spoiled["broadened:torque-velocity"]
    assert Onsager().compute(replace(run, raw=(run.raw[0], spoiled)))["onsager_violation"].max() > 1e-3


def test_spin_and_electrons_of_iron_equal_wannierberri(shared):
    """Occupied spin with the ab-initio spin matrices; the reference counts σ_z, opposite to the moment."""
    table = np.loadtxt(shared / "reference" / "fe_morb_24.csv", delimiter=",")
    model = read_model(MODELS / "fe.h5", True)
    run = run_sums(
        model, grid(24, 24, 24, shift=0.0), table[:, 0], broadened=(TORQUE_TORQUE,), gammas=[0.1], levels=(SPIN,)
    )
    moment = Damping().compute(run)["spin_moment"][0]
    assert np.abs(moment + table[:, 7]).max() < 2e-3
