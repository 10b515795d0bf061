"""What the user is told of errors: numbers with errors, the table at the end of a run, warnings, bands of a figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpcalo.io.dataset import Result, Variable
from hpcalo.io.table import Table
from hpcalo.io.uncertain import curve_error, percent, with_error
from hpcalo.kubo.figure import draw
from hpcalo.kubo.summary.doubts import doubts
from hpcalo.kubo.summary.numbers import numbers
from hpcalo.kubo.summary.tables import MOST_ROWS, table
from hpcalo.plotting import style

ENERGY = np.linspace(-1.0, 1.0, 81)
KELVIN = np.array([50.0, 100.0, 200.0, 300.0])
INPUT = "[kubo]\nwarn_error = {}\n"


def warned(result: Result) -> list[str]:
    return doubts(result, numbers(result))


def shown(result: Result) -> Table | None:
    return table(result, numbers(result))


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (-0.6431, 0.0123, "-0.643 ± 0.012"),
        (4.1534e-35, 8.2e-37, "(4.15 ± 0.08)e-35"),
        (82532.0, 1234.0, "82500 ± 1200"),
        (0.5, 96.0, "0 ± 100"),
        (0.0, 0.1, "0.00 ± 0.10"),
        (0.643, np.nan, "0.643 ± ?"),
        (0.643, None, "0.643 ± ?"),
        (2.5, 0.0, "2.5"),
        (1.4523812e-37, 1.2e-44, "1.452381e-37 ± 1.2e-44"),
        (3.0, 5e-6, "3.000000 ± 0.000005"),
        (np.nan, 1.0, "not defined"),
    ],
)
def test_a_number_has_the_digits_of_its_error(value: float, error: float | None, text: str) -> None:
    assert with_error(value, error) == text


def test_the_error_of_a_curve_is_relative_to_its_root_mean_square() -> None:
    """Zero crossings do not count; an unknown error makes the curve's unknown; a NaN value has none."""
    curve = np.cos(np.linspace(0.0, 2.0 * np.pi, 10_001))
    assert curve_error(curve, np.full(curve.shape, 0.02)) == pytest.approx(0.02 * np.sqrt(2.0), rel=1e-3)
    assert np.isnan(curve_error([1.0, 2.0], [0.1, np.nan]))
    assert curve_error([1.0, np.nan], [0.1, np.nan]) == pytest.approx(0.1)
    assert [percent(float(curve_error(np.zeros(3), np.full(3, e)))) for e in (0.0, 1.0)] == ["0 %", "> 9999 %"]
    assert [percent(ratio) for ratio in (1e-9, 0.00043, 0.25, 3.4)] == ["< 0.001 %", "0.043 %", "25 %", "340 %"]


def made(variables: list[Variable], limit: float = 0.1, gammas: tuple[float, ...] = (0.025,), **more: Any) -> Result:
    """A result of the Kubo engine in memory."""
    axes: dict[str, tuple[Any, str]] = {
        "n_hat": ([0], ""),
        "energy": (ENERGY, "eV"),
        "gamma": (np.array(gammas), "eV"),
        "temperature": (KELVIN, "K"),
        "mu": ([0.0], "eV"),
        **{name: (["x", "y"], "") for name in ("torque", "field", "current")},
        "hall": (["yz", "zx", "xy"], ""),
        **more,
    }
    coordinates = {n: Variable(n, (n,), np.asarray(v), unit) for n, (v, unit) in axes.items()}
    coordinates["n_vector"] = Variable("n_vector", ("n_hat", "axis"), np.array([[0.0, 0.0, 1.0]]))
    named = {v.name: v for v in variables}
    return Result(Path("made.h5"), named, coordinates, {"engine": "kubo"}, {"resolved_input": INPUT.format(limit)})


def hall(error: Any, value: Any = None) -> Variable:
    """σ_xy = 1 + E, and nothing in the other two elements."""
    data = np.zeros((1, 3, len(ENERGY)))
    data[0, 2] = 1.0 + ENERGY if value is None else value
    errors = np.zeros_like(data)
    errors[0, 2] = error
    return Variable("anomalous_hall", ("n_hat", "hall", "energy"), data, "S/cm", error=errors)


def beta(gammas: int, temperatures: Any, errors: Any) -> Variable:
    """β_yx over Γ and T, the other elements zero."""
    data = np.zeros((1, gammas, 2, 2, 1, len(KELVIN)))
    data[0, :, 1, 0, 0] = temperatures
    error = np.zeros_like(data)
    error[0, :, 1, 0, 0] = errors
    dims = ("n_hat", "gamma", "torque", "field", "mu", "temperature")
    return Variable("beta_even", dims, data, "J*m/K", error=error)


def rows(result: Result) -> list[tuple[str, ...]]:
    found = shown(result)
    assert found is not None
    return list(found.rows)


def test_table_gives_the_value_at_the_fermi_energy_and_at_each_temperature() -> None:
    values = 1e-35 * np.array([1.0, 2.0, 3.0, 4.15])
    result = made([beta(1, values, 0.02 * values), hall(0.03)])
    assert rows(result) == [
        ("beta_even yx", "50 K", "(1.000 ± 0.020)e-35", "J*m/K", "2 %", ""),
        ("beta_even yx", "100 K", "(2.00 ± 0.04)e-35", "J*m/K", "2 %", ""),
        ("beta_even yx", "200 K", "(3.00 ± 0.06)e-35", "J*m/K", "2 %", ""),
        ("beta_even yx", "300 K", "(4.15 ± 0.08)e-35", "J*m/K", "2 %", ""),
        ("anomalous_hall xy", "E_F", "1.000 ± 0.030", "S/cm", "3 %", "2.6 %"),
    ]
    text = shown(result).text()  # type: ignore[union-attr]
    assert text.splitlines()[0] == "values and errors of the sum over k, n̂ = (0, 0, 1), Γ = 25 meV"
    assert "!" not in "".join(text.splitlines()[:-2])
    assert warned(result) == []


def test_between_two_energies_the_place_is_interpolated() -> None:
    """The error is that of the two neighbours; one of them may be unknown if it has no weight."""
    lone = np.full(len(ENERGY), 0.01)
    lone[0] = np.nan
    result = made([hall(lone)], mu=([-0.99], "eV"))
    assert rows(result)[0][1:3] == ("μ = -0.99 eV", "0.01 ± ?")
    assert rows(made([hall(lone)], mu=([-0.975], "eV")))[0][2] == "0.025 ± 0.010"


def test_warns_of_what_exceeds_the_threshold_once_with_numbers() -> None:
    values = 1e-35 * np.array([1.0, 2.0, 3.0, 4.0])
    result = made([beta(1, values, 0.25 * values), hall(0.3)])
    assert warned(result) == [
        "not converged: beta_even yx = (4.0 ± 1.0)e-35 J*m/K (25 %) at 300 K; 3 other conditions above 10 %",
        "not converged: anomalous_hall xy = 1.00 ± 0.30 S/cm (30 %) at E_F; error of the whole curve 26 %",
    ]
    assert warned(made([beta(1, values, 0.25 * values), hall(0.3)], limit=0.5)) == []
    found = shown(result)
    assert found is not None
    assert all(found.loud)


def test_zero_crossings_and_zeros_by_symmetry_do_not_warn() -> None:
    """β changes sign near 300 K: its error is small against the curve there, though not against the value."""
    crossing = 1e-35 * np.array([4.0, 3.0, 2.0, 0.01])
    assert warned(made([beta(1, crossing, 5e-37), hall(0.01, np.sin(20.0 * ENERGY))])) == []
    assert rows(made([hall(0.01, np.sin(20.0 * ENERGY))]))[0][4] == "?"  # of a value of zero
    rounding = np.random.default_rng(1).normal(size=len(ENERGY)) * 1e-13
    vanishing = hall(np.abs(rounding), rounding)
    assert warned(made([vanishing])) == []
    assert rows(made([vanishing])) == [("anomalous_hall", "everywhere", "0", "S/cm", "", "")]
    undefined = replace(vanishing, data=np.full(np.shape(vanishing.data), np.nan), error=None, nan_ok=True)
    assert rows(made([undefined])) == [("anomalous_hall", "everywhere", "not defined", "", "", "")]


def test_a_temperature_far_away_does_not_excuse_a_wrong_value() -> None:
    """The Nernst trap: large at 50 K, small and wrong at 300 K."""
    values = 1e-35 * np.array([5.0, 4.0, 0.2, 0.1])
    (line,) = warned(made([beta(1, values, [1e-37, 1e-37, 1e-36, 1e-36])]))
    assert "(1.0 ± 1.0)e-36 J*m/K (100 %) at 300 K; 1 other condition above" in line


def test_a_curve_wrong_elsewhere_warns_though_its_value_at_the_fermi_energy_is_right() -> None:
    errors = np.where(np.abs(ENERGY) < 0.1, 0.001, 0.4)
    (line,) = warned(made([hall(errors)]))
    assert line.startswith("not converged: anomalous_hall xy = 1.0000 ± 0.0010 S/cm (0.1 %) at E_F; error of the whole")


def test_what_is_not_known_is_said_and_what_nobody_estimated_is_not() -> None:
    (line,) = warned(made([hall(np.nan)]))
    assert line == "the error of anomalous_hall is not known; compare with another mesh"
    plain = Variable("anomalous_hall", ("n_hat", "hall", "energy"), hall(0.0).data, "S/cm")
    assert warned(made([plain])) == []
    assert rows(made([plain]))[0][2:] == ("1 ± ?", "S/cm", "?", "")


def test_many_broadenings_and_quantities_stay_a_short_table() -> None:
    gammas = tuple(1e-3 * np.arange(1, 51))
    many = [beta(50, 1e-35 * KELVIN, 1e-36)]
    many += [Variable(f"q{i}", many[0].dims, many[0].data, "J*m/K", error=many[0].error) for i in range(14)]
    found = shown(made(many, gammas=gammas))
    assert found is not None
    assert 15 <= len(found.rows) <= MOST_ROWS
    assert found.remarks[1].startswith("left out: 48 Γ, 3 temperatures") or "49 Γ" in found.remarks[1]
    (places,) = {row[1] for row in found.rows if row[0] == "q3 yx"} & {"Γ = 1 meV, 300 K"}
    assert places


def test_doubts_are_at_most_nine_lines() -> None:
    one = beta(1, 1e-35 * KELVIN, 1e-33)
    many = [Variable(f"q{i:02}", one.dims, one.data, "J*m/K", error=one.error) for i in range(12)]
    lines = warned(made(many))
    assert len(lines) == 9
    assert lines[-1] == "also not converged (errors above 10 %, kubo.warn_error): q08, q09, q10, q11"


def test_blocks_of_the_onsager_matrix_are_judged_apart() -> None:
    labels = ["J_x", "tau_x"]
    data = np.array([[1e4, 1e-2], [1e-2, 1e-6]]).reshape(1, 1, 2, 2, 1, 1)
    error = np.array([[1.0, 1e-4], [5e-3, 1e-9]]).reshape(data.shape)
    dims = ("n_hat", "gamma", "onsager_row", "onsager_column", "mu", "temperature")
    axes: dict[str, Any] = {"onsager_row": (labels, ""), "onsager_column": (labels, ""), "temperature": ([300.0], "K")}
    result = made([Variable("onsager_matrix", dims, data, "", error=error)], **axes)
    assert [row[0] for row in rows(result)] == [f"onsager_matrix {r} {c}" for r in labels for c in labels]
    assert warned(result) == ["not converged: onsager_matrix tau_x J_x = 0.010 ± 0.005 (50 %) at 300 K"]


def bands(axis: Any) -> list[Any]:
    return [c for c in axis.collections if c.get_gid() == style.BAND]


def lines(axis: Any) -> list[Any]:
    return [line for line in axis.get_lines() if line.get_gid() != style.GUIDE and len(line.get_xdata())]


def test_figure_shows_bands_and_marks_curves_that_are_not_converged() -> None:
    good, bad = (draw([made([hall(error)])], ["anomalous_hall"]).axes[0] for error in (0.02, 0.3))
    for axis, pale, words in ((good, None, ""), (bad, 0.4, "not converged: error > 10 %")):
        (band,) = bands(axis)
        (line,) = lines(axis)
        assert line.get_alpha() == pale
        assert axis.get_title(loc="right") == words
        height = band.get_paths()[0].get_extents().height
        assert height > np.ptp(line.get_ydata())
    plain = Variable("anomalous_hall", ("n_hat", "hall", "energy"), hall(0.0).data, "S/cm")
    axis = draw([made([plain])], ["anomalous_hall"]).axes[0]
    assert not bands(axis)
    assert lines(axis)[0].get_alpha() is None


def test_a_huge_band_leaves_the_curve_readable() -> None:
    axis = draw([made([hall(50.0)])], ["anomalous_hall"]).axes[0]
    low, high = axis.get_ylim()
    assert high - low < 2.5 * np.ptp(lines(axis)[0].get_ydata())
