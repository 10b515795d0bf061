"""Figures of Kubo results: every quantity, several files, names that do not exist, files with nothing to draw."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from kubo_runs import possible

from hpcalo import app
from hpcalo.errors import InputError, one_line
from hpcalo.hamiltonian.builtin import rashba
from hpcalo.io.dataset import Result, Variable
from hpcalo.io.hdf5 import read_dataset, write_dataset
from hpcalo.kubo.figure import draw, pages
from hpcalo.kubo.plot.data import curves, independent, is_nine_layer_film, spread
from hpcalo.plotting import style
from hpcalo.plotting.paper import STYLE

QUANTITIES = possible(rashba())
INPUT = f"""
title = "Rashba, 100 $ a piece"
[model]
builtin = "rashba"
fermi_energy = -2.0
[model.rashba]
hopping = 1.0
rashba = 0.4
exchange = 0.8
[kubo]
quantities = {list(QUANTITIES)}
n_hat = [[0, 0, 1], [0, 0, -1], [1, 0, 0]]
gamma = [0.1, 0.2]
temperatures = [100, 200, 300]
[kubo.energies]
minimum = -2.4
maximum = 2.4
points = 97
[kubo.k]
grid = [12, 12, 1]
shift = [0.5, 0.5, 0.0]
"""
UNDEFINED = {"expansion_spiralization", "magnetoresistance"}  # of two directions that are no opposites
DIMENSIONLESS = (
    "Gilbert damping", "gyromagnetic", "electrons per cell", "current", "figure of merit", "efficiency", "AMR",
    "planar Hall ratio",
)  # fmt: skip
VANISHING = {"orbital_accumulation", "thermal_orbital_accumulation"}  # of L_z, in a field across a fourfold axis
UNITS = r"\((1/)?(10|[fpnµmkMGT]?(e|J|S|A|W|V|eV|K|mu|Å|m/|Ω|T|\$))|\(relative\)|\(%\)"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, world: Any) -> tuple[Path, Path]:
    """The same model on two k meshes, with every quantity there is."""
    folder = tmp_path_factory.mktemp("kubo_figures")
    source = folder / "rashba.toml"
    source.write_text(INPUT)
    paths = folder / "coarse.h5", folder / "fine.h5"
    for path, n in zip(paths, (12, 16), strict=True):
        app.run(world, source, output=path, quiet=True, overrides=(f"kubo.k.grid=[{n},{n},1]",))
    return paths


@pytest.fixture(scope="module")
def result(files: tuple[Path, Path]) -> Result:
    return read_dataset(files[0])


@pytest.fixture(scope="module")
def whole(result: Result) -> Any:
    """The figure without options."""
    return rendered(draw([result]))


def data_lines(axis: Any) -> list[Any]:
    return [line for line in axis.get_lines() if line.get_gid() != style.GUIDE and len(line.get_xdata())]


def rendered(figure: Any) -> Any:
    """The figure drawn as it is saved."""
    with mpl.rc_context(STYLE):
        figure.draw_without_rendering()
    return figure


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_draws_with_labels_and_units(result: Result, quantity: str) -> None:
    figure = draw([result], [quantity])
    drawn = 0
    for axis in figure.axes:
        if not axis.axison:  # a table
            assert len(axis.texts) > 10
            continue
        if not len(axis.get_yticks()) and not axis.get_ylabel():  # a background named in the legend
            assert "density of states" in [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
            continue
        assert axis.get_ylabel()
        if axis.images:
            assert "force" in axis.get_xlabel()
            drawn += 1
            continue
        if axis.get_label() == "" and axis.get_xlabel():
            assert re.search(r"\((eV|K)\)$", axis.get_xlabel()), axis.get_xlabel()
            unit = re.search(UNITS, axis.get_ylabel())
            assert unit or axis.get_ylabel().startswith(DIMENSIONLESS), axis.get_ylabel()
        drawn += bool(data_lines(axis))
        if quantity in UNDEFINED:
            assert "not defined" in [text.get_text() for text in axis.texts]
        if quantity in VANISHING:
            assert axis.texts[0].get_text().startswith("zero")
    assert drawn >= 1 or quantity in UNDEFINED | VANISHING


def test_the_figure_of_a_whole_file_has_at_most_six_lettered_panels(whole: Any) -> None:
    letters = [axis.get_title(loc="left") for axis in whole.axes if axis.get_title(loc="left")]
    assert letters == [f"({c})" for c in "abcdef"]
    labels = " ".join(axis.get_ylabel() for axis in whole.axes)
    for words in ("even torkance", "odd torkance", "even thermal torkance", "spiralization", "density of states"):
        assert words in labels


def test_legends_are_inside_and_no_curve_runs_through_them(whole: Any) -> None:
    checked = 0
    for axis in whole.axes:
        legend = axis.get_legend()
        if legend is None:
            continue
        box = legend.get_window_extent()
        frame = axis.get_window_extent()
        assert box.x0 > frame.x0 - 3
        assert box.x1 < frame.x1 + 3
        for line in data_lines(axis):
            points = axis.transData.transform(np.column_stack([line.get_xdata(), line.get_ydata()]))
            inside = (points > [box.x0, box.y0]) & (points < [box.x1, box.y1])
            dashed_guide = line.get_linewidth() < 1.0 and line.get_linestyle() == "--"
            assert dashed_guide or not inside.all(1).any(), (axis.get_ylabel(), line.get_label())
        checked += 1
    assert checked >= 4


def test_curves_are_those_of_the_file_in_the_unit_of_the_axis(result: Result) -> None:
    axis = draw([result], ["torkance_odd"]).axes[0]
    assert axis.get_ylabel() == r"odd torkance $t_{xx}$ ($e\,a_0$)"
    first = data_lines(axis)[0]
    np.testing.assert_array_equal(first.get_ydata(), result["torkance_odd"][0, 0, 0, 0])
    axis = draw([result], ["beta_tilde_odd"]).axes[0]
    prefix = re.search(r"\((.?)J/m²\)", axis.get_ylabel())
    assert prefix
    power = {text: p for p, text in style.PREFIXES.items()}[prefix[1]]
    drawn = np.asarray(data_lines(axis)[0].get_ydata())
    np.testing.assert_allclose(drawn * 10.0**power, result["beta_tilde_odd"][0, 0, 0, 0, 0], rtol=1e-12)


def test_second_axes_convert(result: Result) -> None:
    axis = draw([result], ["beta_odd"]).axes[0]
    (right,) = axis.child_axes
    assert right.get_ylabel() == "µeV $a_0$/K"
    power = re.search(r"10\^\{(-\d+)\}", axis.get_ylabel())
    assert power
    low, high = axis.get_ylim()
    # 1 µeV a0/K = 8.478e−36 J m/K
    rendered(axis.figure)
    np.testing.assert_allclose(
        right.get_ylim(), np.array([low, high]) * 10.0 ** int(power[1]) / 8.4783536e-36, rtol=1e-6
    )
    axis = draw([result], ["orbital_magnetization_ground_state"]).axes[0]
    (right,) = axis.child_axes
    rendered(axis.figure)
    scale = re.search(r"10\^\{(-?\d+)\}", axis.get_ylabel())
    shown = axis.get_ylim()[1] * 10.0 ** (int(scale[1]) if scale else 0)
    assert right.get_ylabel() == "kA/m"
    np.testing.assert_allclose(right.get_ylim()[1] * 1e3, shown * 9.2740101e-24 / 1e-30, rtol=1e-6)


def test_elements_that_follow_by_symmetry_are_not_drawn(result: Result) -> None:
    even = curves([result], "torkance_even", "energy")
    assert {(c.tags["element"], c.equal) for c in even} == {("yx", ("−xy",))}
    odd = curves([result], "torkance_odd", "energy")
    assert {(c.tags["element"], c.equal) for c in odd} == {("xx", ("yy",))}
    x = np.linspace(0.0, 1.0, 7)
    tensor = {"xx": x, "xy": -2.0 * x**2, "yx": 2.0 * x**2, "yy": 1e-9 * x, "zx": 0.3 * x**3}
    assert [(e.name, e.equal) for e in independent(tensor)] == [("yx", ("−xy",)), ("xx", ()), ("zx", ())]
    assert independent({"xx": 1e-20 * x}, floor=1e-12) == []
    assert spread(3) == [0, 1, 2]
    assert spread(40)[0] == 0
    assert spread(40)[-1] == 39
    assert len(spread(40)) == 6


def _tiny(values: Any) -> Any:
    return 1e-17 * np.asarray(values) / np.abs(values).max()


def test_quantities_that_vanish_say_so(result: Result) -> None:
    variables = dict(result.variables)
    nernst = variables["nernst_intrinsic"]
    variables["nernst_intrinsic"] = Variable(nernst.name, nernst.dims, _tiny(nernst.data), nernst.unit)
    quiet = Result(result.path, variables, result.coordinates, result.attrs, result.texts)
    axis = draw([quiet], ["nernst_intrinsic"]).axes[0]
    assert [text.get_text() for text in axis.texts] == [r"zero: no element above $1\times10^{-17}$ A/(m K)"]
    assert data_lines(axis) == []
    few = {name: variables[name] for name in ("nernst_intrinsic", "conductivity")}
    (shown,) = [a for a in draw([Result(result.path, few, result.coordinates, {}, {})]).axes if a.get_ylabel()]
    assert shown.get_ylabel().startswith("conductivity")


def test_several_files_overlay_and_are_told_apart_by_name(files: tuple[Path, Path]) -> None:
    results = [read_dataset(path) for path in files]
    axis = draw(results, ["beta_odd"]).axes[0]
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert labels == ["coarse", "fine", "Γ = 100 meV", "Γ = 200 meV"]
    assert len(data_lines(axis)) == 4
    for quantity in ("nernst", "onsager", "heat_currents", "damping"):
        rendered(draw(results, [quantity]))


def test_many_values_are_thinned_to_what_a_panel_can_show(result: Result) -> None:
    beta = result.variables["beta_odd"]
    coordinates = dict(result.coordinates)
    values = np.zeros((1, 8, *beta.shape[2:4], 20, 7)) + np.linspace(1, 2, 20)[:, None] * 1e-35
    for name, points in (
        ("gamma", np.linspace(0.01, 0.1, 8)),
        ("mu", np.linspace(0, 1, 20)),
        ("temperature", np.arange(1, 8.0)),
    ):
        coordinates[name] = Variable(name, (name,), points)
    many = Result(result.path, {"beta_odd": Variable("beta_odd", beta.dims, values, "J*m/K")}, coordinates, {}, {})
    found = curves([many], "beta_odd", "mu")
    assert len(found) == 9
    assert {c.tags["temperature"] for c in found} == {1.0, 4.0, 7.0}
    assert {c.tags["gamma"] for c in found} >= {0.01, 0.1}
    assert len(draw([many], ["beta_odd"]).axes[0].get_legend().get_texts()) == 6
    # A curve that goes with others is taken at their temperatures, whatever it would choose itself.
    beside = curves([many], "beta_odd", "mu", like=[c for c in found if c.tags["temperature"] == 4.0])
    assert {c.tags["temperature"] for c in beside} == {4.0}


def test_a_crowded_panel_keeps_to_one_gamma_and_says_which(result: Result) -> None:
    rng = np.random.default_rng(1)
    variables = dict(result.variables)
    for name in ("torkance_even", "torkance_intrinsic"):
        one = variables[name]
        variables[name] = Variable(name, one.dims, rng.normal(size=one.shape), one.unit)
    many = Result(result.path, variables, result.coordinates, result.attrs, result.texts)
    axis = draw([many], ["torkance_even"]).axes[0]
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert len(labels) == 4
    assert labels[-1] == f"{labels[0]} intrinsic, Γ → 0"
    assert "Γ = 100 meV" in axis.get_title(loc="right")


def test_long_labels_wrap_before_the_unit(result: Result) -> None:
    figure = draw([result], ["inverse_thermal_torque", "torkance", "conductivity"])
    labels = [axis.get_ylabel() for axis in figure.axes]
    assert any("\n(" in label for label in labels)
    for axis in rendered(figure).axes:
        label = axis.yaxis.label
        if label.get_text():
            assert label.get_window_extent().height < 1.05 * axis.get_window_extent().height


def test_pages_show_every_quantity_of_a_file(result: Result) -> None:
    found = pages(result)
    assert found[0] == ()
    assert len({name for names in found for name in names}) == sum(map(len, found))
    drawn = {"torkance", "thermal_torkance", *(name for names in found for name in names)}
    assert drawn >= {"onsager", "conductivity", "density_of_states", "heat_currents"}


def test_onsager_panel_states_the_violation(result: Result) -> None:
    axis = draw([result], ["onsager"]).axes[0]
    stated = re.search(r"to (?:\$(\d+)\\times10\^\{(-\d+)\}\$|0)(,|$)", axis.get_title(loc="right"))
    assert stated
    value = float(f"{stated[1]}e{stated[2]}") if stated[1] else 0.0
    t = list(result["temperature"]).index(300.0)
    assert value == pytest.approx(float(result["onsager_violation"][0, 0, 0, t]), rel=0.5)
    matrix = result["onsager_matrix"][0, 0, :, :, 0, t]
    assert len(axis.texts) == matrix.size
    power = re.search(r"tilde.beta. \(.10\^\{(-?\d+)\}", axis.get_xlabel())
    assert power
    error = result["onsager_matrix_error"][0, 0, :, :, 0, t]
    first, second = (float(x) for x in axis.texts[2].get_text().replace("−", "-").split("\n± "))
    assert first * 10.0 ** int(power[1]) == pytest.approx(matrix[0, 2], abs=0.51 * error[0, 2])
    assert second * 10.0 ** int(power[1]) == pytest.approx(error[0, 2], rel=0.15)
    assert ("hatched: error" in axis.get_title(loc="right")) == bool(axis.patches)


def test_published_values_are_marked_on_their_film_only(result: Result) -> None:
    attrs = {**result.attrs, "title": "Mn/W(001), 9 W layers, Γ = 25 meV"}
    gamma = result.coordinates["gamma"]
    coordinates = {**result.coordinates, "gamma": Variable("gamma", gamma.dims, np.array([0.025, 0.1]), "eV")}
    film = Result(result.path, result.variables, coordinates, attrs, {})
    assert is_nine_layer_film(film)
    assert not is_nine_layer_film(result)
    for title in ("Mn/W(001), 3 W layers", "Fe/W, 9 W layers", "Mn/W(001), 19 layers"):
        assert not is_nine_layer_film(Result(result.path, {}, {}, {"title": title}, {}))
    for name, value in (("beta_even", 5.24e-35), ("beta_odd", -3.21e-36)):
        axis = draw([film], [name]).axes[0]
        (mark,) = [line for line in axis.get_lines() if line.get_label() == "Freimuth et al. 2016"]
        power = re.search(r"10\^\{(-\d+)\}", axis.get_ylabel())
        assert power
        assert mark.get_xdata()[0] == 300.0
        assert mark.get_ydata()[0] * 10.0 ** int(power[1]) == pytest.approx(value, rel=1e-9)
        plain = draw([result], [name]).axes[0]
        assert not [line for line in plain.get_lines() if line.get_label() == "Freimuth et al. 2016"]


@pytest.mark.parametrize(
    ("given", "meant"), [("torkanse", "torkance"), ("beta_evn", "beta_even"), ("anomalous-hall", "anomalous_hall")]
)
def test_a_misspelt_quantity_names_the_nearest(result: Result, given: str, meant: str) -> None:
    with pytest.raises(InputError) as caught:
        draw([result], [given])
    text = str(caught.value)
    assert f"did you mean '{meant}'?" in text
    assert one_line(text) == text


def test_a_quantity_that_the_file_does_not_hold(tmp_path: Path, world: Any, result: Result) -> None:
    few = Result(result.path, {"torkance_even": result.variables["torkance_even"]}, result.coordinates, {}, {})
    with pytest.raises(InputError, match=r"has no 'onsager'.*it holds: torkance$"):
        draw([few], ["onsager"])


def test_a_file_with_nothing_to_draw(tmp_path: Path, world: Any) -> None:
    path = tmp_path / "number.h5"
    write_dataset(path, world, [Variable("answer", (), 42.0)], attrs={"engine": "kubo"})
    with pytest.raises(InputError, match=r"number.h5: holds nothing of the Kubo half to draw \(answer\)"):
        app.plot([path], output=tmp_path / "n.png", force=False)
    with pytest.raises(InputError, match="does not depend on energy or temperature"):
        app.plot([path], output=tmp_path / "n.png", force=False, quantities=("answer",))
    assert not (tmp_path / "n.png").exists()


def test_pictures_of_all_kinds_are_written_and_settings_stay(files: tuple[Path, Path], tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    signatures = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}
    for ending, begin in signatures.items():
        path = app.plot(files[:1], output=tmp_path / f"picture{ending}", force=False, quantities=("beta_odd",))
        content = path.read_bytes()
        assert content.startswith(begin)
        assert len(content) > 10_000
    again = app.plot(files[:1], output=tmp_path / "again.svg", force=False, quantities=("beta_odd",))
    assert again.read_bytes() == (tmp_path / "picture.svg").read_bytes()
    again.unlink()
    assert b"/Type3" not in (tmp_path / "picture.pdf").read_bytes()
    assert dict(mpl.rcParams) == before
    assert sorted(os.listdir(tmp_path)) == ["picture.pdf", "picture.png", "picture.svg"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-3.21, "−3.21"), (1234.5, "1230"), (2.5e-7, r"$2.50\times10^{-7}$"), (float("nan"), "–")],
)
def test_numbers_in_figures(value: float, text: str) -> None:
    assert style.number(value, 3) == text


def test_prefixes_and_powers() -> None:
    assert style.prefixed("J/m²", 3.7e-3) == (pytest.approx(1e3), "mJ/m²")
    assert style.prefixed("W/m²", 2.7e5) == (pytest.approx(1e-3), "kW/m²")
    assert style.powered("J m/K", 5.2e-35) == (pytest.approx(1e36), r"$10^{-36}$ J m/K")
    assert style.short("S/cm", 932.0) == (1.0, "S/cm")
    assert style.short("S/cm", 9.3e4) == (pytest.approx(1e-3), "$10^{3}$ S/cm")
    assert style.prefixed("J", 0.0) == (1.0, "J")


def _with_gammas(result: Result, path: Path, places: list[int]) -> Result:
    """The same result under another name with some of its Γ only."""

    def cut(v: Variable) -> Variable:
        if "gamma" not in v.dims:
            return v
        data = np.take(np.asarray(v.data), places, axis=v.dims.index("gamma"))
        return Variable(v.name, v.dims, data, v.unit, v.long_name, attrs=v.attrs)

    variables = {name: cut(v) for name, v in result.variables.items()}
    axes = {name: cut(v) for name, v in result.coordinates.items()}
    return Result(path, variables, axes, result.attrs, result.texts)


def test_files_that_agree_are_both_seen(result: Result, tmp_path: Path) -> None:
    same = _with_gammas(result, tmp_path / "same.h5", [0, 1])
    hall = draw([result, same], ["anomalous_hall"]).axes[0]
    assert "intrinsic, Γ → 0" in hall.get_title(loc="right")
    below, above = data_lines(hall)
    assert below.get_linestyle() != above.get_linestyle()
    legend = [line.get_linestyle() for line in hall.get_legend().get_lines()]
    assert legend == [below.get_linestyle(), above.get_linestyle()]
    lines = data_lines(draw([result, same], ["torkance_odd"]).axes[0])  # dashes tell Γ
    widths = {line.get_color(): line.get_linewidth() for line in lines}
    assert len(widths) == 2
    assert widths[lines[0].get_color()] > 1.5 * widths[lines[-1].get_color()]


def test_a_broadening_that_one_file_lacks_is_named(result: Result, tmp_path: Path) -> None:
    both, few = ([result, _with_gammas(result, tmp_path / "few.h5", places)] for places in ([0, 1], [0]))
    notes = [draw(files, ["torkance_odd"]).axes[0].get_title(loc="right") for files in (both, few)]
    assert "not in all files" not in notes[0]
    assert "Γ not in all files: 200 meV" in notes[1]
    crowd = [_with_gammas(result, tmp_path / f"{n}.h5", [0, 1]) for n in range(4)]
    assert "Γ not shown: 200 meV" in draw(crowd, ["torkance_odd"]).axes[0].get_title(loc="right")
