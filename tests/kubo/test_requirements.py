"""What a quantity requires of a model, and what a model without it gets: one line, the rest with a warning."""

from __future__ import annotations

import numpy as np
import pytest
from places import INPUTS

import hpcalo
from hpcalo import app
from hpcalo.errors import InputError
from hpcalo.io.hdf5 import read_dataset
from hpcalo.kubo.responses.response import responses
from hpcalo.kubo.states.positions import POSITIONS
from hpcalo.kubo.sums.request import VELOCITY_VELOCITY

INPUT = """
[model]
file = "{}"
position_matrix = {}
[kubo]
quantities = {}
[kubo.energies]
points = 81
[kubo.k]
grid = [2, 2, 1]
"""


def written(folder, quantities, positions=False):
    path = folder / "in.toml"
    text = INPUT.format(INPUTS / "models" / "mnw3_dzp.h5", str(positions).lower(), str(list(quantities)))
    path.write_text(text.replace("'", '"'))
    return path


def only_with_positions():
    return [r.name for r in responses() if all(POSITIONS in q.requires for q in r.quantities)]


def test_every_response_of_a_berry_curvature_of_the_bands_requires_positions():
    """Sums over Im of two velocities without broadening are of no use without them."""
    for response in responses():
        sums = response.sums
        if VELOCITY_VELOCITY in (*sums.sea, *sums.thermal, *sums.fermi):
            assert response.name in only_with_positions()
    assert {"nernst", "orbital_magnetization", "anomalous_hall", "onsager"} <= set(only_with_positions())


@pytest.mark.parametrize("name", only_with_positions())
def test_what_is_wrong_by_factors_is_refused(name, comm, tmp_path):
    with pytest.raises(InputError, match=rf"kubo\.quantities: {name}: .*has no position matrix.*position_file"):
        app.run(comm, written(tmp_path, [name]), output=tmp_path / "out.h5", quiet=True)


def test_the_rest_is_computed_with_a_warning(comm, tmp_path, capsys):
    path = written(tmp_path, ["conductivity", "torkance"])
    app.run(comm, path, output=tmp_path / "out.h5", quiet=True)
    result = read_dataset(tmp_path / "out.h5")
    assert "conductivity" in result.variables
    assert not any(name.startswith("hall_conductivity") for name in result.variables)
    said = capsys.readouterr().err
    with hpcalo.open(tmp_path / "out.h5") as data:
        kept = data.attrs["warnings"]
    for words in ("velocity without a position matrix", "spiralization 4 to 17 %", "hall_conductivity is left out"):
        assert words in said
        assert words in kept
    app.run(comm, written(tmp_path, ["conductivity"], True), output=tmp_path / "full.h5", quiet=True)
    assert "position matrix" not in capsys.readouterr().err
    full = read_dataset(tmp_path / "full.h5")
    assert "hall_conductivity" in full.variables
    exact = full["conductivity"]
    np.testing.assert_allclose(result["conductivity"], exact, atol=0.1 * np.abs(exact).max())


def test_only_velocities_warn(comm, tmp_path, capsys):
    app.run(comm, written(tmp_path, ["density_of_states", "damping"]), output=tmp_path / "out.h5", quiet=True)
    assert "position matrix" not in capsys.readouterr().err
