"""docs/develop/add-exporter.md, followed literally: one class and one test add a format."""

from __future__ import annotations

import numpy as np
from followed_page import follow
from mpi4py import MPI

from hpcalo.io.dataset import Variable
from hpcalo.io.hdf5 import write_dataset


def test_an_exporter_is_one_class_and_one_test(tmp_path):
    """The page's own test passes; the command line lists the format and writes it."""
    page = follow("add-exporter.md", "hpcalo.io.exporters", tmp_path)
    assert page.files == ("hpcalo/io/exporters/npz.py", "tests/io/test_npz.py")
    page.test()
    values = np.arange(4.0)
    write_dataset(tmp_path / "a.h5", MPI.COMM_SELF, [Variable("heat", ("x",), values, "K", "temperature")])
    text, written = page.in_turn(["export", "--help"], ["export", "a.h5", "--to", "npz"])
    assert "[csv|npz|ovf|vtkhdf|xdmf]" in text
    assert "npz     whole arrays with the values of their axes, for NumPy" in text
    assert written == "arrays: a.npz\n"
    with np.load(tmp_path / "a.npz") as data:
        np.testing.assert_array_equal(data["heat"], values)
