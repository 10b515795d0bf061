"""Checks of a report: all pass on results as computed, and each of them fails on a doctored one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inputs import DRIVEN, computed

from hpcalo.io.checks import file_checks, relative
from hpcalo.io.dataset import Result
from hpcalo.io.hdf5 import read_dataset
from hpcalo.kubo import checks as kubo_checks
from hpcalo.wall.checks import report as wall_checks

KUBO = """
title = "Rashba"
[model]
builtin = "rashba"
[model.rashba]
rashba = 0.4
exchange = 0.8
[kubo]
quantities = ["torkance", "thermal_torkance", "inverse_thermal_torque", "spiralization", "conductivity",
  "anomalous_hall", "nernst", "orbital_magnetization", "damping", "onsager", "density_of_states", "heat_currents",
  "energy_current", "spiralization_derivatives", "heat_conductivity", "rotation_response", "inverse_nernst",
  "torque_coefficients", "orbital_coefficients", "spin_accumulation", "thermal_spin_accumulation", "thermoelectrics"]
n_hat = [[0.3, 0.1, 0.9], [-0.3, -0.1, -0.9]]
gamma = [0.1]
temperatures = [370, 400]
chemical_potentials = [-2.5, -2.49]
[kubo.energies]
reference = 0.0
minimum = -4.6
maximum = 4.6
points = 461
[kubo.k]
grid = [48, 48, 1]
symmetry = "off"
[kubo.heat_currents]
film_thickness = 1.0
"""
WALL = f"""
[wall]
[electrons]
exchange_splitting = "0.106 eV"
conductivity = "1.26e6 S/m"
[magnet]
hard_anisotropy = "2e5 J/m^3"
{DRIVEN}
[time]
end = "0.004 ns"
output_every = "0.0005 ns"
tolerance = 1e-10
"""
SCAN = '\n[scan]\nkey = "drive.current_density"\nvalues = [-1e10, -2e10]\n'
PAPER = '[wall]\nmodel = "paper"\n[drive]\ngradient = "2 K/nm"\n[paper]\ncells = 31\npoints = 12\nsteps = 12\n'
INPUTS = {
    "kubo": (KUBO, ()),
    "run": (WALL, ()),
    "coupled": (
        WALL,
        (
            "wall.mode='time-dependent'",
            "time.integrator='arkimex'",
            "time.end='0.0004 ns'",
            "time.output_every='0.0000125 ns'",  # the density changes fastest at the start,
            "time.tolerance=1e-8",
        ),
    ),
    "scan": (WALL + SCAN, ("wall.mode='steady'",)),
    "paper": (PAPER, ()),
}
MODULES = {"kubo": kubo_checks, "wall": wall_checks}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, world: Any) -> dict[str, Result]:
    files = computed(world, tmp_path_factory.mktemp("report_checks"), INPUTS)
    return {name: read_dataset(path) for name, path in files.items()}


def statuses(result: Result) -> dict[str, str]:
    module: Any = MODULES[str(result.attrs["engine"])]
    return {c.name: c.status for c in module.checks(result)}


@pytest.mark.parametrize(("kind", "count"), [("kubo", 48), ("run", 11), ("coupled", 11), ("scan", 10), ("paper", 8)])
def test_all_checks_pass_on_what_was_computed(results: dict[str, Result], kind: str, count: int) -> None:
    found = statuses(results[kind])
    assert set(found.values()) == {"passed"}, found
    assert len(found) == count, sorted(found)


def doctored(result: Result, name: str, change: Callable[[Any], Any]) -> Result:
    variable = result.variables[name]
    data = change(np.array(variable.data))
    return replace(result, variables={**result.variables, name: replace(variable, data=data)})


def twice(a: Any) -> Any:
    return 2.0 * a


def thousandfold(a: Any) -> Any:
    return 1000.0 * a


def tilted(a: Any) -> Any:
    """Grows along the last axis by a tenth."""
    return a * (1.0 + 0.1 * np.arange(a.shape[-1]) / a.shape[-1])


def dented(a: Any) -> Any:
    """One value in the middle is off by a fifth of the largest."""
    a[tuple(n // 2 for n in a.shape)] += 0.2 * np.abs(a).max()
    return a


def lopsided(a: Any) -> Any:
    """The element xy is off, and not yx."""
    a[:, :, 0, 1] += 0.2 * np.abs(a).max()
    return a


def spoiled(a: Any) -> Any:
    a.flat[a.size // 2] = np.nan
    return a


def first_direction(a: Any) -> Any:
    a[0] *= 1.01
    return a


def negative(a: Any) -> Any:
    return -a


DOCTORED = [
    ("kubo", "torkance_even", spoiled, "Finite numbers"),
    ("kubo", "torkance_even", first_direction, "Parity of quantities even in n̂"),
    ("kubo", "torkance_odd", first_direction, "Parity of quantities odd in n̂"),
    ("kubo", "beta_even", twice, "Onsager relation (40), even part"),
    ("kubo", "beta_odd", negative, "Onsager relation (40), odd part"),
    ("kubo", "onsager_matrix", dented, "Onsager reciprocity of the whole matrix"),
    ("kubo", "conductivity", lopsided, "conductivity is symmetric"),
    ("kubo", "hall_conductivity", lopsided, "hall_conductivity is antisymmetric"),
    ("kubo", "lambda_symmetric", lopsided, "lambda_symmetric is symmetric"),
    ("kubo", "lambda_antisymmetric", lopsided, "lambda_antisymmetric is antisymmetric"),
    ("kubo", "conductivity", negative, "Joule heat is not negative (second law)"),
    ("kubo", "lambda_symmetric", negative, "Gilbert damping is not negative (second law)"),
    ("kubo", "beta_even", twice, "Sum rule of beta_even"),
    ("kubo", "torkance_odd", tilted, "Sum rule of beta_odd"),
    ("kubo", "nernst", twice, "Sum rule of nernst"),
    ("kubo", "spiralization", negative, "Sum rule of spiralization"),
    ("kubo", "orbital_magnetization", negative, "Sum rule of orbital_magnetization"),
    ("kubo", "beta_tilde_intrinsic", negative, "Two routes to the inverse thermal torque"),
    ("kubo", "energy_current_response", twice, "Heat current = energy current − DMI current"),
    ("kubo", "spiralization_by_temperature", twice, "Third route to the inverse thermal torque, through ∂D/∂T"),
    ("kubo", "spiralization_by_chemical_potential", negative, "∂D/∂μ"),
    ("kubo", "heat_conductivity", twice, "Sum rule of heat_conductivity"),
    ("kubo", "heat_conductivity", negative, "Heat conduction is not negative (second law)"),
    ("kubo", "thermal_hall_conductivity", twice, "Sum rule of thermal_hall_conductivity"),
    ("kubo", "lambda_symmetric_finite_temperature", twice, "Sum rule of lambda_symmetric_finite_temperature"),
    (
        "kubo",
        "lambda_symmetric_finite_temperature",
        negative,
        "Damping at (μ, T) is not negative (second law)",
    ),
    ("kubo", "lambda_antisymmetric_finite_temperature", twice, "Sum rule of lambda_antisymmetric_finite_temperature"),
    ("kubo", "thermal_spin_accumulation_even", twice, "Sum rule of thermal_spin_accumulation_even"),
    ("kubo", "thermal_spin_accumulation_odd", negative, "Sum rule of thermal_spin_accumulation_odd"),
    ("kubo", "electronic_heat_conductivity", negative, "Heat conduction at zero current is not negative (second law)"),
    ("kubo", "power_factor", negative, "Thermoelectric power is not negative (second law)"),
    ("kubo", "seebeck", negative, "Seebeck coefficient and conductivity"),
    ("kubo", "inverse_nernst", negative, "Two routes to the inverse Nernst effect"),
    ("kubo", "energy_current_per_field", twice, "Energy current = heat current + orbital energy current"),
    ("kubo", "mixed_berry_curvature", twice, "Mixed Berry curvature and torkance"),
    ("kubo", "orbital_moment_tensor", lopsided, "orbital_moment_tensor is antisymmetric"),
    ("kubo", "berry_curvature_tensor", lopsided, "berry_curvature_tensor is antisymmetric"),
    ("kubo", "anomalous_hall", twice, "Berry curvature and Hall conductivity, xy"),
    ("kubo", "dmi_current_wall", negative, "dmi_current_wall by the continuity of the DMI energy (8)"),
    ("kubo", "beta_tilde_even", thousandfold, "Third law, even part"),
    ("kubo", "beta_tilde_odd", thousandfold, "Third law, odd part"),
    ("kubo", "spiralization_even", negative, "Sum rule of spiralization_even"),
    ("kubo", "energy_current_even", twice, "Heat current with broadening, even"),
    ("kubo", "energy_current_odd", twice, "Heat current with broadening, odd"),
    ("kubo", "density_of_states", twice, "Density of states adds up to the electrons"),
    ("kubo", "electrons", dented, "Electron count does not decrease, density of states is not negative"),
    ("kubo", "heat_current_spiral", twice, "heat_current_spiral in closed form"),
    ("kubo", "dmi_current_spiral", negative, "dmi_current_spiral in closed form"),
    ("run", "u", spoiled, "Finite numbers"),
    ("run", "magnetization", twice, "Length of the magnetization"),
    ("run", "charge_current", dented, "Conservation of charge"),
    ("run", "spin_current", tilted, "Conservation of spin"),
    ("run", "spin_accumulation", dented, "Conservation of spin"),
    ("run", "torque_thermal", twice, "Torques add up"),
    ("run", "torque", dented, "Torque is perpendicular to M"),
    ("run", "torque", negative, "Torque follows from the accumulation"),
    ("run", "mean_charge_current", twice, "The given current flows"),
    ("run", "energy_exchange", tilted, "Energies add up"),
    ("run", "energy_total", twice, "Energy balance"),
    ("run", "power_damping", twice, "Energy balance"),
    ("run", "wall_velocity", negative, "Wall velocity agrees with the wall position"),
    ("coupled", "charge_current", tilted, "Conservation of charge"),
    ("coupled", "density_deviation", twice, "Conservation of charge"),
    ("coupled", "spin_current", tilted, "Conservation of spin"),
    ("scan", "spin_current", tilted, "Conservation of spin"),
    ("scan", "mean_charge_current", first_direction, "The given current flows"),
    ("paper", "torque_divergence_final", dented, "Identity (17), final state"),
    ("paper", "torque_initial", negative, "Identity (17), initial state"),
    ("paper", "torque_T_initial", twice, "Torques add up, initial state"),
    ("paper", "torque_V_final", twice, "Torques add up, final state"),
    ("paper", "j_T_initial", twice, "Spin currents add up, initial state"),
    ("paper", "j_V_final", twice, "Spin currents add up, final state"),
]


@pytest.mark.parametrize(("kind", "variable", "change", "check"), DOCTORED)
def test_a_doctored_result_fails(
    results: dict[str, Result], kind: str, variable: str, change: Callable[[Any], Any], check: str
) -> None:
    assert statuses(doctored(results[kind], variable, change))[check] == "failed"


def test_every_check_is_among_those_that_were_made_to_fail(results: dict[str, Result]) -> None:
    shown = {check for *_, check in DOCTORED} | {"All 2 points of the scan"}  # its failure: the next test
    assert {name for kind in ("kubo", "run", "scan", "paper") for name in statuses(results[kind])} == shown


def test_failed_points_of_a_scan_are_told_and_left_out(results: dict[str, Result]) -> None:
    one = doctored(results["scan"], "error", lambda e: np.array(["", "ConvergenceError: no"], dtype=object))
    for name in ("torque", "magnetization", "spin_current"):
        one = doctored(one, name, lambda a: np.concatenate([a[:1], np.full_like(a[1:], np.nan)]))
    found = statuses(one)
    assert found.pop("All 2 points of the scan") == "failed"
    assert set(found.values()) == {"passed"}


def test_a_coarse_grid_is_told_from_a_mistake(results: dict[str, Result]) -> None:
    found = statuses(doctored(results["kubo"], "spiralization", lambda a: 1.2 * a))
    assert found["Sum rule of spiralization"] == "coarse"


def test_what_cannot_be_tested_is_not_called_passed(results: dict[str, Result]) -> None:
    one = results["kubo"]
    vectors = replace(one.coordinates["n_vector"], data=np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]))
    found = statuses(replace(one, coordinates={**one.coordinates, "n_vector": vectors}))
    assert found["Parity of quantities even in n̂"] == "not tested"
    assert found["Onsager reciprocity of the whole matrix"] == "not tested"
    few = {n: replace(v, data=np.asarray(v.data)[:2]) if v.dims[0] == "time" else v
           for n, v in results["run"].variables.items()}  # fmt: skip
    time = replace(results["run"].coordinates["time"], data=np.asarray(results["run"]["time"])[:2])
    found = statuses(replace(results["run"], variables=few, coordinates={**results["run"].coordinates, "time": time}))
    assert found["Energy balance"] == "not tested"


def test_seal_and_model_of_the_file(results: dict[str, Result], tmp_path: Path) -> None:
    assert [(c.name, c.status) for c in file_checks(results["kubo"])] == [("Checksum of the file", "passed")]
    bare = tmp_path / "bare.h5"
    bare.write_bytes(results["kubo"].path.read_bytes()[:-80])  # without its seal
    model = tmp_path / "model.h5"
    model.write_bytes(b"now")
    texts = {"model_sha256": f"{64 * '0'}  model.h5\n{64 * '0'}  gone.h5"}
    one = replace(results["kubo"], path=bare, texts=texts, attrs={"folder": str(tmp_path)})
    assert [c.status for c in file_checks(one)] == ["not tested", "failed", "not tested"]


def test_nan_is_no_agreement() -> None:
    assert np.isnan(relative(np.array([np.nan]), np.ones(1)))
    assert relative(np.zeros(2), np.zeros(2)) == 0.0
    assert relative(np.ones(2), np.zeros(2)) == np.inf
