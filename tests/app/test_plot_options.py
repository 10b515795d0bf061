"""What a user changes of a picture: one value of an axis, limits, width, style."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from inputs import RASHBA

from hpcalo import app
from hpcalo.app.verbs.plot import Choice, plot
from hpcalo.errors import InputError
from hpcalo.io.dataset import Result
from hpcalo.io.hdf5 import read_dataset
from hpcalo.io.selection import narrowed
from hpcalo.kubo.figure import draw
from hpcalo.parallel.world import alone
from hpcalo.plotting.look import drawn_with, width_of


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    source = tmp_path_factory.mktemp("plot") / "a.toml"
    source.write_text(RASHBA.format(quantities='"torkance"', energies="", side=4))
    app.run(alone(), source, output=source.with_suffix(".h5"), quiet=True)
    return read_dataset(source.with_suffix(".h5"))


def figure(result: Result, *quantities: str, **choice: str):
    with drawn_with(Choice(**choice).look()):
        return draw([result], quantities)


def test_one_value_of_an_axis(result: Result) -> None:
    chosen = narrowed(result, {"gamma": "0.1", "torque": "y"})
    whole, part = result.variables["torkance_even"], chosen.variables["torkance_even"]
    at = [slice(None)] * len(whole.dims)
    at[whole.dims.index("gamma")] = at[whole.dims.index("torque")] = slice(1, 2)
    np.testing.assert_array_equal(part.data, whole.data[tuple(at)])
    np.testing.assert_array_equal(part.error, whole.error[tuple(at)])
    assert list(chosen["gamma"]) == [0.1]
    with pytest.raises(InputError, match="did you mean 'gamma'"):
        narrowed(result, {"gama": "0.1"})


def test_limits_of_one_panel(result: Result) -> None:
    (axis, *_) = figure(result, "torkance_even", x="-1:0.5").axes
    assert axis.get_xlim() == (-1.0, 0.5)
    usual = figure(result, "torkance_even").axes[0].get_ylim()
    (axis, *_) = figure(result, "torkance_even", y=":0.125").axes
    assert axis.get_ylim() == (pytest.approx(usual[0], abs=1.0), 0.125)
    with pytest.raises(InputError, match="choose one with --quantity"):
        figure(result, x="-1:1")


def test_width_and_style(result: Result, tmp_path: Path) -> None:
    usual, narrow = figure(result), figure(result, width="column")
    assert usual.get_size_inches()[0] == pytest.approx(7.0)
    assert narrow.get_size_inches()[0] == pytest.approx(86 / 25.4)
    assert len({round(axis.get_position().x1, 1) for axis in narrow.axes}) == 1
    file = tmp_path / "mine.mplstyle"
    file.write_text("axes.labelsize: 11\n")
    sizes = [figure(result, style=name).axes[0].xaxis.label.get_size() for name in ("", str(file))]
    assert sizes == [8.0, 11.0]
    assert usual.axes[0].xaxis.label.get_size() == 8.0


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"x": "1"}, "expected LOW:HIGH"),
        ({"y": "2:1"}, "must be below"),
        ({"width": "wide"}, "expected column, page, or a length"),
        ({"width": "1mm"}, "allowed: 2 to 30 in"),
        ({"style": "ggplo"}, "did you mean 'ggplot'"),
    ],
)
def test_mistakes(choice: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Choice(**choice).look()


def test_lengths() -> None:
    assert width_of("86 mm") == pytest.approx(width_of("column"))
    assert width_of("8.6cm") == pytest.approx(86 / 25.4)


def test_a_movie_shows_the_whole_run(result: Result, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="an animation shows a whole run"):
        plot([result.path], output=tmp_path / "a.gif", force=False, choice=Choice(width="column"))
