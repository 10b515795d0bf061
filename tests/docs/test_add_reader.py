"""docs/develop/add-reader.md, followed literally: one class and one test add a reader."""

from __future__ import annotations

import hashlib

import numpy as np
from followed_page import follow

from hpcalo.hamiltonian.modelfile import read_model
from hpcalo.io.hdf5 import read_dataset

CHAIN = "2 0 0\n0 9 0\n0 0 9\n0 0 0 1 1 0.5 0\n1 0 0 1 1 -1 0\n-1 0 0 1 1 -1 0\n"
INPUT = """
[model]
{model}
fermi_energy = 0.5
thickness = 1.0
[kubo]
quantities = ["density_of_states"]
gamma = [0.1]
[kubo.energies]
minimum = -3.0
maximum = 3.0
points = 25
[kubo.k]
grid = [64, 1, 1]
"""


def test_a_reader_is_one_class_and_one_test(tmp_path):
    """The page's own test passes; a list is run with and, converted, gives the same numbers."""
    page = follow("add-reader.md", "hpcalo.hamiltonian.readers", tmp_path)
    assert page.files == ("hpcalo/hamiltonian/readers/hoppings.py", "tests/hamiltonian/test_hoppings.py")
    page.test()
    (tmp_path / "chain.hops").write_text(CHAIN)
    for name, model in (("list", 'hoppings = "chain.hops"'), ("file", 'file = "chain.model.h5"')):
        (tmp_path / f"{name}.toml").write_text(INPUT.format(model=model))
    keys, written, *_ = page.in_turn(
        ["keys", "model"],
        ["convert", "chain.hops", "-o", "chain.model.h5"],
        ["run", "list.toml", "--quiet"],
        ["run", "file.toml", "--quiet"],
        ["check", "list.toml", "--set", "model.hopping_unit=2"],
        ["convert", "chain.hops", "-o", "other.h5", "--set", "hopping_unit=2"],
    )
    assert "hopping_unit  (number; > 0; = 1.0)" in keys
    assert written == "model: chain.model.h5\n"
    direct, converted = read_dataset(tmp_path / "list.h5"), read_dataset(tmp_path / "file.h5")
    np.testing.assert_array_equal(direct["density_of_states"], converted["density_of_states"])
    assert np.asarray(direct["density_of_states"]).max() > 0.0
    digest = hashlib.sha256(CHAIN.encode()).hexdigest()
    assert direct.texts["model_sha256"].startswith(f"{digest}  ")
    assert direct.texts["model_sha256"].endswith("chain.hops")
    np.testing.assert_allclose(read_model(tmp_path / "other.h5").H_Rnn[:, 0, 0], [-2.0, 1.0, -2.0])
