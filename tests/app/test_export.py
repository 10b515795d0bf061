"""Curves as CSV."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from hpcalo.app.verbs.export import export
from hpcalo.errors import InputError, OutputError
from hpcalo.io.dataset import Result, Variable
from hpcalo.io.exporters.csv import curves_as_csv
from hpcalo.io.hdf5 import write_dataset

ENERGY = np.array([-0.1, 0.0, 0.1, 0.3])
GAMMA = np.array([0.01, 0.1])
EVEN = np.arange(2 * 3 * 2 * 4, dtype=float).reshape(1, 2, 3, 2, 4) / 7.0


@pytest.fixture
def result() -> Result:
    names = {"n_hat": [0], "gamma": GAMMA, "torque": ["x", "y", "z"], "field": ["x", "y"], "energy": ENERGY}
    units = {"gamma": "eV", "energy": "eV"}
    coordinates = {k: Variable(k, (k,), np.array(v), units.get(k, "")) for k, v in names.items()}
    variables = {
        "even": Variable("even", tuple(names), EVEN, "e*a0", "even torkance", sign="τ = tE"),
        "dos": Variable("dos", ("n_hat", "energy"), ENERGY[None] ** 2, "1/eV", "density of states"),
        "flags": Variable("flags", ("energy",), ENERGY > 0),
        "bare": Variable("bare", ("cell",), np.arange(3)),
        "number": Variable("number", (), np.array(1.5)),
    }
    return Result(Path("a.h5"), variables, coordinates, {"title": "A title\nof two lines"}, {})


def table(text):
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = list(csv.reader(lines))
    return rows[0], rows[1:]


def test_one_row_for_each_energy_one_column_for_each_element(result):
    head, rows = table(curves_as_csv(result, ["even", "dos"]))
    assert head[:3] == ["energy (eV)", "even_xx gamma=0.01", "even_xy gamma=0.01"]
    assert head[-1] == "dos"
    assert len(head) == 1 + 12 + 1
    numbers = np.array(rows, dtype=float)
    np.testing.assert_array_equal(numbers[:, 0], ENERGY)
    np.testing.assert_array_equal(numbers[:, 1:13], EVEN[0].reshape(12, 4).T)
    np.testing.assert_array_equal(numbers[:, 13], ENERGY**2)


def test_comments_say_what_it_is(result):
    comments = [line for line in curves_as_csv(result, ["even"]).splitlines() if line.startswith("#")]
    assert comments == [
        "# a.h5: A title of two lines",
        "# even: even torkance in e*a0; sign convention: τ = tE",
    ]


def test_choice_of_places(result):
    head, rows = table(curves_as_csv(result, ["even"], select={"torque": "y", "field": "x", "gamma": "0.09"}))
    assert head == ["energy (eV)", "even_yx gamma=0.1"]
    np.testing.assert_array_equal(np.array(rows, dtype=float)[:, 1], EVEN[0, 1, 1, 0])
    head, rows = table(curves_as_csv(result, ["even"], along="gamma", select={"energy": "last"}))
    assert head[:2] == ["gamma (eV)", "even_xx energy=0.3"]
    assert len(rows) == 2


def test_an_axis_without_labels_and_other_kinds_of_values(result):
    assert table(curves_as_csv(result, ["bare"])) == (["cell", "bare"], [["0", "0"], ["1", "1"], ["2", "2"]])
    assert [row[1] for row in table(curves_as_csv(result, ["flags"]))[1]] == ["False", "False", "True", "True"]


@pytest.mark.parametrize(
    ("quantities", "options", "words"),
    [
        (["evn"], {}, "has no 'evn'; did you mean 'even'"),
        (["number"], {}, "a single number"),
        (["even", "bare"], {}, "no axis in common"),
        (["even"], {"along": "time"}, "no"),
        (["even"], {"select": {"gama": "1"}}, "did you mean 'gamma'"),
        (["even"], {"select": {"gamma": "much"}}, "expected a number"),
        (["even"], {"select": {"torque": "w"}}, "known: x, y, z"),
        (["even"], {"select": {"energy": "0"}}, "cannot be selected"),
    ],
)
def test_mistakes(result, quantities, options, words):
    with pytest.raises(InputError) as caught:
        curves_as_csv(result, quantities, **options)
    assert words in str(caught.value)


def test_file_and_command(comm, tmp_path, result, launch):
    path = tmp_path / "a.h5"
    write_dataset(path, comm, [result.variables["even"]], list(result.coordinates.values()))
    output = tmp_path / "a.csv"
    export(path, "csv", ["even"], output=output)
    assert output.read_text(encoding="utf-8") == curves_as_csv(result, ["even"]).replace(
        ": A title of two lines", "", 1
    )
    with pytest.raises(OutputError, match="exists already"):
        export(path, "csv", ["even"], output=output)
    with pytest.raises(InputError, match=r"must end with \.csv"):
        export(path, "csv", ["even"], output=tmp_path / "a.txt")
    done = launch(0, "-m", "hpcalo", "export", "a.h5", "--quantity", "even", "--select", "gamma=0.1", "-o", "b.csv")
    assert (done.returncode, done.stdout) == (0, "curves: b.csv\n")
    assert table((tmp_path / "b.csv").read_text())[0][1] == "even_xx gamma=0.1"
    wrong = launch(0, "-m", "hpcalo", "export", "a.h5", "--quantity", "even", "--select", "gamma")
    assert wrong.returncode == 2
    assert "expected AXIS=VALUE" in wrong.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "a.h5", "b.csv"]


def test_pandas_reads_it(result, tmp_path):
    pandas = pytest.importorskip("pandas")
    (tmp_path / "a.csv").write_text(curves_as_csv(result, ["even"]), encoding="utf-8")
    frame = pandas.read_csv(tmp_path / "a.csv", comment="#", index_col=0)
    np.testing.assert_array_equal(frame["even_yx gamma=0.01"].to_numpy(), EVEN[0, 0, 1, 0])
