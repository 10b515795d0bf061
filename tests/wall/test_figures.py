"""Figures of wall results: runs, steady states, scans, the published model; names that do not exist; an animation."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inputs import DRIVEN, computed
from PIL import Image

from hpcalo import app
from hpcalo.errors import InputError, OutputError, one_line
from hpcalo.io.dataset import Result
from hpcalo.io.hdf5 import read_dataset
from hpcalo.plotting import movie, style
from hpcalo.wall.plot.data import around_wall, frames, paper_unit, steady_velocity
from hpcalo.wall.plot.figure import animate, draw, pages
from hpcalo.wall.plot.printed import settling_times

INPUT = f"""
[wall]
title = "Wall, 100 $ a piece"
[electrons]
fermi_energy = "0.14 eV"
exchange_splitting = "0.106 eV"
relaxation_time = "1 fs"
spin_flip_time = "1 ps"
[magnet]
saturation_magnetization = "8e5 A/m"
exchange_stiffness = "1.3e-11 J/m"
anisotropy = "5.2e5 J/m^3"
hard_anisotropy = "2e5 J/m^3"
damping = 0.2
{DRIVEN}
[time]
end = "0.003 ns"
output_every = "0.0005 ns"
"""
CONSERVING = """
steps = 4
convention = "moment"
equilibrium = "+gM"
collision = "bgk3d"
"""
SCAN = '\n[scan]\nkey = "drive.gradient"\nvalues = [0.5, 2.0, 6.0]\n'
PAPER = """
[wall]
model = "paper"
[drive]
temperature = "100 K"
gradient = "2 K/nm"
electric_field = "-8e3 V/m"
[texture]
width = "5 nm"
[paper]
cells = 31
points = 12
steps = 60
"""
KINDS = {
    "run": (INPUT, ()),
    "steady": (INPUT, ("wall.mode='steady'",)),
    "scan": (INPUT + SCAN, ("wall.mode='steady'",)),
    "moving_scan": (INPUT + SCAN, ("time.end='0.0005 ns'",)),
    "paper": (PAPER, ()),
    "paper_scan": (PAPER + SCAN, ()),
}
UNITS = r"\((1/)?([fpnµmkMGT]?(s|m|V|K|A|J|W|eV)|K/nm|\$10|\$M_|°)"
WITHOUT = ("magnetization", "mean", "$M_", "nonadiabaticity", "thermal share", "time $t$", "")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, world: Any) -> dict[str, Path]:
    return computed(world, tmp_path_factory.mktemp("wall_figures"), KINDS)


@pytest.fixture(scope="module")
def results(files: dict[str, Path]) -> dict[str, Result]:
    return {name: read_dataset(path) for name, path in files.items()}


@pytest.fixture
def unplaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Axes are not laid out, which is most of the time of a drawing: for what does not depend on where they are."""
    monkeypatch.setattr(style, "lay_out", lambda figure: None)


def panels(figure: Any) -> list[Any]:
    figure.canvas.draw() if hasattr(figure.canvas, "draw") else figure.draw_without_rendering()
    return [axis for axis in figure.axes if axis.get_xlabel()]


def data_lines(axis: Any) -> list[Any]:
    return [line for line in axis.get_lines() if line.get_gid() != style.GUIDE and len(line.get_xdata())]


@pytest.mark.parametrize(
    ("kind", "count"), [("run", 10), ("steady", 6), ("scan", 4), ("moving_scan", 4), ("paper", 7), ("paper_scan", 8)]
)
def test_without_options_each_kind_has_its_figure(results: dict[str, Result], kind: str, count: int) -> None:
    figure = draw([results[kind]])
    axes = panels(figure)
    assert len(axes) == count
    units_as_in_print(figure)
    for axis in axes:
        label = axis.get_ylabel()
        assert re.search(UNITS, axis.get_xlabel()), axis.get_xlabel()
        assert re.search(UNITS, label) or any(label.startswith(word) for word in WITHOUT if word) or not label, label
        assert data_lines(axis) or axis.collections, label
        for line in data_lines(axis):
            assert np.isfinite(np.asarray(line.get_ydata(), dtype=float)).any()


def units_as_in_print(figure: Any) -> None:
    """No axis shows a unit as it stands in the file, with its carets."""
    labels = [text for axis in figure.axes for text in (axis.get_xlabel(), axis.get_ylabel())]
    assert not [text for text in labels if "^" in re.sub(r"\$[^$]*\$", "", text)]


@pytest.mark.usefixtures("unplaced")
def test_units_of_densities_are_written_as_in_print(tmp_path: Path, world: Any) -> None:
    (tmp_path / "a.toml").write_text(PAPER.replace("steps = 60", CONSERVING))
    app.run(world, tmp_path / "a.toml", output=tmp_path / "a.h5", quiet=True)
    densities = read_dataset(tmp_path / "a.h5")
    assert densities.variables["m_final"].unit == "1/nm^3"
    units_as_in_print(draw([densities]))


@pytest.mark.usefixtures("unplaced")
@pytest.mark.parametrize("kind", ["run", "steady", "scan", "moving_scan", "paper", "paper_scan"])
def test_several_results_share_a_figure(results: dict[str, Result], kind: str, tmp_path: Path) -> None:
    one = results[kind]
    other = Result(tmp_path / "other.h5", one.variables, one.coordinates, one.attrs, one.texts)
    figure = draw([one, other])
    told = " ".join(text.get_text() for axis in panels(figure) if axis.get_legend() for text in axis.get_legend().texts)
    if kind != "paper":
        assert "other" in told


@pytest.mark.usefixtures("unplaced")
def test_curves_are_those_of_the_file(results: dict[str, Result]) -> None:
    run = results["run"]
    axis = panels(draw([run], ["wall_velocity"]))[0]
    assert axis.get_ylabel() == "wall velocity (m/s)"
    assert axis.get_xlabel() == "time $t$ (ps)"
    wall, steady = data_lines(axis)
    np.testing.assert_allclose(wall.get_xdata(), 1e3 * run["time"])
    np.testing.assert_array_equal(wall.get_ydata(), run["wall_velocity"])
    np.testing.assert_allclose(steady.get_ydata(), run["beta"] * run["u"] / 0.2)
    axis = panels(draw([run], ["wall_position"]))[0]
    power = {text: p for p, text in style.PREFIXES.items()}[re.findall(r"\((.?)m\)", axis.get_ylabel())[0]]
    (line,) = data_lines(axis)
    moved = 1e-9 * (run["wall_position"] - run["wall_position"][0])
    np.testing.assert_allclose(line.get_ydata() * 10.0**power, moved, rtol=1e-9, atol=1e-20)
    damping, field = panels(draw([run], ["torques"]))
    for axis, part in ((damping, "damping"), (field, "field")):
        total, electrical, thermal = (line.get_ydata() for line in data_lines(axis))
        assert part in axis.get_ylabel()
        np.testing.assert_allclose(electrical + thermal, total, atol=1e-6 * np.abs(total).max())


@pytest.mark.usefixtures("unplaced")
def test_the_balance_of_the_energy_closes(results: dict[str, Result]) -> None:
    axis = panels(draw([results["run"]], ["powers"]))[0]
    lines = {line.get_label(): line for line in data_lines(axis)}
    loss = lines["damping (loss)"]
    (found,) = [line for label, line in lines.items() if label.startswith("drive")]
    expected = np.interp(found.get_xdata(), loss.get_xdata(), loss.get_ydata())
    np.testing.assert_allclose(found.get_ydata()[2:], expected[2:], rtol=0.1)


def test_arrows_are_around_the_wall_and_lie_in_rows(results: dict[str, Result]) -> None:
    m = frames(results["run"], "magnetization")
    low, high = around_wall(m)
    assert 15.0 < low < 25.0
    assert high == pytest.approx(80.0 - low, abs=2.0)
    axis = panels(draw([results["run"]], ["arrows"]))[0]
    quivers = [item for item in axis.collections if hasattr(item, "scale_units")]
    assert len(quivers) == 5
    top = quivers[-1]
    np.testing.assert_allclose(top.V, np.interp(top.X, m.x[0], m.y[0, :, 2]), atol=1e-12)
    assert [text.get_text() for text in axis.get_yticklabels()][::4] == ["3 ps", "0 ps"]


def test_tilts_at_the_ends_of_the_wire_are_no_wall(results: dict[str, Result]) -> None:
    """A wall of 3 nm in a wire of 200 nm, tilted by DMI at both ends; a helix everywhere is shown whole."""
    x = np.linspace(0.0, 200.0, 401)

    def shown(angle: Any) -> tuple[float, float]:
        m = np.stack([np.sin(angle), np.zeros_like(x), np.cos(angle)], axis=1)
        return around_wall(type(frames(results["run"], "magnetization"))(np.zeros(1), x[None], m[None]))

    tilt = 0.5 * np.exp(-x / 3.0) - 0.5 * np.exp((x - 200.0) / 3.0)
    for centre in (60.0, 150.0):
        wall = 2.0 * np.arctan(np.exp((x - centre) / 3.0))
        low, high = shown(wall + tilt)
        assert centre - 25.0 < low < centre - 8.0
        assert centre + 8.0 < high < centre + 25.0
    low, high = shown(2.0 * np.arctan(np.exp((x - 3.0) / 3.0)))
    assert (low, high < 25.0) == (0.0, True)
    for periods in (1, 3, 10):
        assert shown(2.0 * np.pi * periods * x / 200.0) == (0.0, 200.0)


def stated_length(axis: Any) -> float:
    """The longest arrow, as the panel says."""
    number = re.search(r"longest \$?([\d.]+)(?:\\times10\^\{(\d+)\})?", axis.get_title(loc="right"))
    assert number, axis.get_title(loc="right")
    return float(number[1]) * 10.0 ** int(number[2] or 0)


def test_arrows_of_the_accumulation_have_the_stated_scale(results: dict[str, Result]) -> None:
    run, paper = results["run"], results["paper"]
    low, high = around_wall(frames(run, "magnetization"))
    inside = (run["x"] >= low) & (run["x"] <= high)
    m = run["spin_accumulation"]
    ends = np.stack([paper["m_initial"], paper["m_final"]])
    for result, x, rows, longest in (
        (
            run,
            run["x"],
            m[[0, 2, 3, 4, 6]],
            np.hypot(m[[0, 2, 3, 4, 6]][..., 0], m[[0, 2, 3, 4, 6]][..., 2])[:, inside],
        ),
        (paper, paper["x"], ends, np.hypot(ends[..., 0], ends[..., 2])),
    ):
        axis = panels(draw([result], ["accumulation_arrows"]))[0]
        length = stated_length(axis)
        assert length == pytest.approx(longest.max(), rel=0.05)
        quivers = [item for item in axis.collections if hasattr(item, "scale_units")][::-1]  # drawn from below
        assert len(quivers) == len(rows)
        for quiver, row in zip(quivers, rows, strict=True):
            for drawn, c in ((quiver.U, 0), (quiver.V, 2)):
                np.testing.assert_allclose(
                    drawn * longest.max(), np.interp(quiver.X, x, row[:, c]), atol=1e-9 * longest.max()
                )
            assert np.hypot(quiver.U, quiver.V).max() <= 1.0 + 1e-12
        assert axis.get_yticklabels()[-1].get_text().startswith("0 ")


@pytest.mark.usefixtures("unplaced")
def test_means_of_a_run_are_those_of_its_magnetization(results: dict[str, Result]) -> None:
    run = results["run"]
    axis = panels(draw([run], ["mean"]))[0]
    m = run["magnetization"]  # cells of equal length
    for c, line in enumerate(data_lines(axis)[:3]):
        np.testing.assert_allclose(line.get_xdata(), 1e3 * run["time"])
        np.testing.assert_allclose(line.get_ydata(), m[..., c].mean(1), rtol=1e-9, atol=1e-12)
    assert [text.get_text() for text in axis.get_legend().texts] == [rf"$\langle M_{c}\rangle$" for c in "xyz"]


def test_a_texture_that_does_not_turn_is_shown_whole(results: dict[str, Result]) -> None:
    m = frames(results["run"], "magnetization")
    still = type(m)(m.t, m.x, np.zeros_like(m.y) + np.array([0.0, 0.0, 1.0]))
    assert around_wall(still) == (0.0, 80.0)


@pytest.mark.usefixtures("unplaced")
def test_the_map_and_single_variables(results: dict[str, Result]) -> None:
    figure = draw([results["run"]], ["map", "map_y", "wall_angle", "spin_current", "u_thermal"])
    shown = panels(figure)
    assert len(shown) == 5
    assert "time $t$ (ps)" in shown[0].get_ylabel()
    assert "°)" in shown[2].get_ylabel()
    assert "spin current" in shown[3].get_ylabel()
    assert "m/s" in shown[4].get_ylabel()
    assert panels(draw([results["scan"]], ["polarization"]))[0].get_ylabel()
    with pytest.raises(InputError, match="needs more than the file holds"):
        draw([results["steady"]], ["map"])


@pytest.mark.usefixtures("unplaced")
def test_a_scan_is_drawn_in_the_order_of_its_values(results: dict[str, Result]) -> None:
    scan = results["scan"]
    value = scan.coordinates["drive_gradient"]
    turned = {
        name: type(v)(name, v.dims, v.data[::-1], v.unit, v.long_name) if v.dims[:1] == value.dims else v
        for name, v in scan.variables.items()
    }
    axes = {**scan.coordinates, value.name: type(value)(value.name, value.dims, value.data[::-1], value.unit)}
    backwards = Result(scan.path, turned, axes, scan.attrs, scan.texts)
    for name in ("velocity", "u", "thermal_share", "beta_Q"):
        here, there = (data_lines(panels(draw([one], [name]))[0])[0] for one in (scan, backwards))
        np.testing.assert_array_equal(there.get_xydata(), here.get_xydata())
        assert (np.diff(here.get_xdata()) > 0.0).all()


@pytest.mark.usefixtures("unplaced")
def test_scans_show_the_last_time_and_failed_points(results: dict[str, Result]) -> None:
    scan = results["scan"]
    axis = panels(draw([scan], ["velocity"]))[0]
    steady = steady_velocity(scan)
    assert steady is not None
    np.testing.assert_allclose(data_lines(axis)[0].get_ydata(), steady[:, -1])
    assert "K/nm" in axis.get_xlabel()
    share = data_lines(panels(draw([scan], ["thermal_share"]))[0])[0].get_ydata()
    assert (np.diff(share) > 0.0).all()
    variables = dict(scan.variables)
    error = variables["error"]
    variables["error"] = type(error)("error", error.dims, np.array(["", "no", ""]))
    broken = Result(scan.path, variables, scan.coordinates, scan.attrs, scan.texts)
    assert "1 of 3 points failed" in panels(draw([broken], ["u"]))[0].get_title(loc="right")
    with pytest.raises(InputError, match="not one number"):
        draw([scan], ["magnetization"])
    with pytest.raises(InputError, match="is text"):
        draw([scan], ["error"])


@pytest.mark.usefixtures("unplaced")
def test_printed_settling_times_are_marked(results: dict[str, Result]) -> None:
    axis = panels(draw([results["paper_scan"]], ["settling"]))[0]
    (mark,) = [line for line in axis.get_lines() if line.get_label() == "printed (Fig. 3)"]
    assert dict(zip(mark.get_xdata(), mark.get_ydata(), strict=True)) == settling_times()
    scan = results["paper_scan"]
    drawn = {tuple(line.get_ydata()) for line in data_lines(panels(draw([scan], ["velocity"]))[0])}
    assert tuple(5.0 / scan["settling_time"]) in drawn
    torque = data_lines(panels(draw([scan], ["torque"]))[0])
    sizes = np.linalg.norm(scan["torque_initial"], axis=-1)
    shares = [line.get_ydata().max() / torque[0].get_ydata().max() for line in torque[:3]]
    np.testing.assert_allclose(shares, sizes.max(axis=1) / sizes[0].max(), rtol=1e-12)
    paper = results["paper"]
    settled = float(paper["settling_s"]) * paper_unit(paper)
    assert settled == pytest.approx(float(paper["settling_time"]), rel=1e-8)
    note = panels(draw([paper], ["mean"]))[0].get_title(loc="right")
    assert note == "printed: $t_s$ = 150 ps"


@pytest.mark.usefixtures("unplaced")
def test_former_names_work_with_a_note(results: dict[str, Result], capsys: pytest.CaptureFixture[str]) -> None:
    """A panel of one quantity is named like it in the file; the names of earlier versions are accepted."""
    (axis,) = panels(draw([results["run"]], ["velocity"]))
    assert axis.get_ylabel() == "wall velocity (m/s)"
    assert capsys.readouterr().err == "hpcalo: note: --quantity velocity is wall_velocity now, as in the file\n"
    draw([results["run"]], ["wall_velocity"])
    draw([results["scan"]], ["velocity"])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("given", "meant"), [("wall_velocty", "wall_velocity"), ("torque_totl", "torque"), ("arows", "arrows")]
)
def test_a_misspelt_quantity_names_the_nearest(results: dict[str, Result], given: str, meant: str) -> None:
    with pytest.raises(InputError) as caught:
        draw([results["run"]], [given])
    text = str(caught.value)
    assert re.search(f"did you mean '{meant}", text)
    assert one_line(text) == text


def test_results_of_different_kinds_do_not_share_a_figure(results: dict[str, Result]) -> None:
    with pytest.raises(InputError, match=r"a run of the wall and a scan of drive_gradient of the wall"):
        draw([results["run"], results["scan"]])
    few = Result(results["run"].path, {}, {}, results["run"].attrs, {})
    with pytest.raises(InputError, match="holds nothing that can be drawn"):
        draw([few])


def test_pictures_of_all_kinds_are_written(files: dict[str, Path], tmp_path: Path) -> None:
    some = ("wall_velocity", "map", "arrows")
    for ending, begin in {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}.items():
        path = app.plot([files["run"]], output=tmp_path / f"wall{ending}", force=False, quantities=some)
        content = path.read_bytes()
        assert content.startswith(begin)
        assert len(content) > 10_000
    assert b"/Type3" not in (tmp_path / "wall.pdf").read_bytes()


def test_an_animation_has_a_picture_for_each_time(files: dict[str, Path], tmp_path: Path) -> None:
    path = app.plot([files["run"]], output=tmp_path / "wall.gif", force=False)
    with Image.open(path) as shown:
        assert shown.format == "GIF"
        assert getattr(shown, "n_frames", 1) == 7
    for kind in ("steady", "scan"):
        with pytest.raises(InputError, match="one run at several times"):
            app.plot([files[kind]], output=tmp_path / "no.gif", force=False)
    with pytest.raises(InputError, match="a whole run"):
        app.plot([files["run"]], output=tmp_path / "no.gif", force=False, quantities=("velocity",))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["wall.gif"]


def test_a_movie_plays(files: dict[str, Path], tmp_path: Path) -> None:
    reader = pytest.importorskip("imageio_ffmpeg", reason="no imageio-ffmpeg (extra 'movie')").read_frames
    path = app.plot([files["run"]], output=tmp_path / "wall.mp4", force=False)
    assert path.read_bytes()[4:8] == b"ftyp"
    opened = reader(str(path))
    about = next(opened)
    assert about["codec"] == "h264"
    assert about["pix_fmt"].startswith("yuv420p")
    assert about["duration"] == pytest.approx(movie.SHORTEST + movie.HOLD, abs=0.3)
    width, height = about["size"]
    assert width % 2 == height % 2 == 0
    shown = [np.frombuffer(frame, np.uint8).reshape(height, width, 3).astype(float) for frame in opened]
    first, last = Image.fromarray(shown[0].astype(np.uint8)), shown[-1]
    assert np.abs(shown[0] - last).max() > 100  # the time, at least
    picture = animate([read_dataset(files["run"])])[0]
    assert np.abs(np.asarray(first, float) - np.asarray(picture, float)[:height, :width]).mean() < 3.0


def test_a_movie_without_ffmpeg_says_how_to_get_it(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(InputError) as told:
        app.plot([files["run"]], output=tmp_path / "wall.mp4", force=False)
    assert str(told.value) == "an .mp4 needs ffmpeg: pip install 'hpcalo[movie]', or choose .gif"
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho 'no codec' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda name: str(broken))
    with pytest.raises(OutputError, match="ffmpeg failed: "):
        app.plot([files["run"]], output=tmp_path / "wall.mp4", force=False)
    assert [p.name for p in tmp_path.iterdir()] == ["ffmpeg"]


def test_an_ending_that_is_no_picture(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must end with \.png, .*did you mean '\.mp4'"):
        app.plot([files["run"]], output=tmp_path / "wall.mp3", force=False)


@pytest.mark.usefixtures("unplaced")
def test_a_share_is_shown_only_where_it_is_one(results: dict[str, Result]) -> None:
    scan = results["scan"]
    thermal = scan.variables["u_thermal"]
    turned = {**scan.variables, "u_thermal": type(thermal)("u_thermal", thermal.dims, -np.asarray(thermal.data))}
    against = Result(scan.path, turned, scan.coordinates, scan.attrs, scan.texts)
    labels = [axis.get_ylabel() for axis in panels(draw([against]))]
    assert len(labels) == 3
    assert not any("share" in label for label in labels)


def test_legends_leave_guide_lines_free(results: dict[str, Result]) -> None:
    """A line across the whole panel is given in fractions of the axes, not in data."""
    axis = panels(draw([results["scan"]], ["beta"]))[0]
    (wide,) = [line for line in axis.get_lines() if line.get_label().startswith("wide wall")]
    box = axis.get_legend().get_window_extent()
    height = wide.get_transform().transform(wide.get_xydata())[0, 1]
    assert not box.y0 < height < box.y1


def test_pages_cover_what_is_held(results: dict[str, Result]) -> None:
    assert pages(results["run"]) == [(), ("map", "map_x", "map_y", "mean")]
    assert pages(results["scan"]) == [()]
