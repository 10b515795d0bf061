"""The estimated error of a quantity: a dataset of its own beside it, and a field of the variable when it is read."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from mpi4py import MPI

from hpcalo import api
from hpcalo.app.verbs.export import export
from hpcalo.errors import InputError
from hpcalo.io.checkpoint import Checkpoint
from hpcalo.io.dataset import Slab, Variable, with_companions, without_companions
from hpcalo.io.description import describe
from hpcalo.io.hdf5 import read_dataset, write_dataset
from hpcalo.io.packed import pack
from hpcalo.io.provenance import Provenance
from hpcalo.io.scanned import single_point
from hpcalo.io.timeseries import Frame, TimeSeries
from hpcalo.scan.merge import merged
from hpcalo.scan.points import Axis

ENERGY = np.array([-0.1, 0.0, 0.1])
VALUES = np.random.default_rng(5).normal(size=(4, 3))
ERRORS = np.abs(VALUES) * 1e-3


def spread(comm, array):
    """This rank's rows; on 4 and more ranks some have none."""
    first, last = len(array) * comm.rank // comm.size, len(array) * (comm.rank + 1) // comm.size
    return Slab(array.shape, first, array[first:last])


def torkance(data, error):
    words = "spin-orbit torkance"
    meaning = {"equation": "(32)", "sign": "τ = tE", "parity": -1, "error": error}
    return Variable("torkance", ("row", "mu"), data, "e a0", words, {"smearing_eV": 0.1}, **meaning)


def write(comm, path, *, slabs):
    root = comm.rank == 0
    data = (spread(comm, VALUES), spread(comm, ERRORS)) if slabs else (VALUES, ERRORS) if root else (None, None)
    plain = Variable("plain", ("mu",), ENERGY if root else None, "eV", "without an error")
    axes = [Variable("mu", ("mu",), ENERGY if root else None, "eV", "Fermi energy")]
    write_dataset(path, comm, [torkance(*data), plain], axes)


@pytest.mark.mpi
@pytest.mark.parametrize("slabs", [False, True])
def test_written_by_all_ranks_and_read_back(comm, mpi_tmp_path, slabs):
    path = mpi_tmp_path / "a.h5"
    write(comm, path, slabs=slabs)
    if comm.rank == 0:
        check_file(path)
        check_result(read_dataset(path))
    comm.Barrier()


def test_written_by_one_rank(comm, tmp_path):
    for slabs in (False, True):
        path = tmp_path / f"{slabs}.h5"
        write(comm, path, slabs=slabs)
        check_file(path)
        check_result(read_dataset(path))


def check_file(path):
    with h5py.File(path) as file:
        assert file["torkance"].attrs["ancillary_variables"] == "torkance_error"
        assert file["torkance"].attrs["equation"] == "(32)"
        assert file["torkance"].attrs["sign_convention"] == "τ = tE"
        assert file["torkance"].attrs["parity_under_reversal_of_magnetization"] == "odd"
        companion = file["torkance_error"]
        assert companion.attrs["long_name"] == "estimated error of spin-orbit torkance"
        assert companion.attrs["units"] == "e a0"
        np.testing.assert_array_equal(companion, ERRORS)
        assert "ancillary_variables" not in file["plain"].attrs
        assert "plain_error" not in file


def check_result(result):
    assert list(result.variables) == ["plain", "torkance"]
    found = result.variables["torkance"]
    np.testing.assert_array_equal(found.data, VALUES)
    np.testing.assert_array_equal(found.error, ERRORS)
    assert (found.equation, found.sign, found.parity) == ("(32)", "τ = tE", -1)
    assert dict(found.attrs) == {"smearing_eV": 0.1}
    assert result.variables["plain"].error is None
    np.testing.assert_array_equal(result["torkance_error"], ERRORS)
    with pytest.raises(InputError, match="has no 'plain_error'; it holds: plain, torkance"):
        result["plain_error"]


def test_xarray_sees_it_and_info_does_not_list_it(comm, tmp_path):
    pytest.importorskip("xarray")
    path = tmp_path / "a.h5"
    write(comm, path, slabs=True)
    with api.open(path) as data:
        assert data["torkance_error"].dims == data["torkance"].dims == ("row", "mu")
        assert data["torkance"].attrs["ancillary_variables"] == "torkance_error"
        np.testing.assert_array_equal(data["torkance_error"].sel(mu=0.1), ERRORS[:, 2])
    lines = describe(path).splitlines()
    assert not any(line.startswith("  torkance_error") for line in lines)
    (line,) = (line for line in lines if line.startswith("  torkance "))
    assert "spin-orbit torkance (estimated error: torkance_error); equation: (32)" in line


def test_exported_where_it_is_named(comm, tmp_path):
    path = tmp_path / "a.h5"
    write(comm, path, slabs=False)
    text = export(path, "csv", ["torkance", "torkance_error"], output=tmp_path / "a.csv", select={"mu": "0.1"})
    assert text.startswith("curves: ")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert "# torkance: spin-orbit torkance in e a0; equation: (32); sign convention: τ = tE" in lines
    assert "# torkance_error: estimated error of spin-orbit torkance in e a0" in lines
    rows = np.array([[float(x) for x in line.split(",")] for line in lines[-4:]])
    np.testing.assert_array_equal(rows[:, 1], VALUES[:, 2])
    np.testing.assert_array_equal(rows[:, 2], ERRORS[:, 2])
    with pytest.raises(InputError, match="has no 'plain_error'"):
        export(path, "csv", ["plain_error"], output=tmp_path / "b.csv")


@pytest.mark.mpi
def test_grows_with_a_time_axis(comm, mpi_tmp_path):
    path = mpi_tmp_path / "a.h5.frames"
    series = TimeSeries(path, comm)
    series.create([], lengths={"time": 2}, provenance=Provenance(), attrs={})
    for number in range(2):
        data, error = (spread(comm, a[:, 0] + number) for a in (VALUES, ERRORS))
        field = Variable("heat", ("x",), data, "K", "temperature", equation="(7)", error=error)
        state = Variable("m", ("x",), data)
        series.append([Frame("time", float(number), (field,))], [state], {"steps": number})
    if comm.rank == 0:
        found = read_dataset(path).variables["heat"]
        assert (found.dims, found.equation) == (("time", "x"), "(7)")
        np.testing.assert_array_equal(found.data, [VALUES[:, 0], VALUES[:, 0] + 1])
        np.testing.assert_array_equal(found.error, [ERRORS[:, 0], ERRORS[:, 0] + 1])
    comm.Barrier()


def test_kept_in_checkpoints_and_scans(tmp_path):
    one = torkance(VALUES, ERRORS)
    shorter = torkance(VALUES[:3], ERRORS[:3])
    arrays, described = pack("variables", [one])
    (again,) = Checkpoint(arrays, {}).variables("variables", described)
    assert (again.equation, again.sign, again.parity, dict(again.attrs)) == ("(32)", "τ = tE", -1, {"smearing_eV": 0.1})
    np.testing.assert_array_equal(again.error, ERRORS)
    axis = Axis("drive.field", np.array([1.0, 2.0]), "V/m", ("1.0", "2.0"))
    variables, coordinates = merged(axis, [([one], []), ([shorter], [])])
    write_dataset(tmp_path / "a.h5", MPI.COMM_SELF, variables, coordinates)
    result = read_dataset(tmp_path / "a.h5")
    assert np.isnan(result["torkance_error"][1, 3]).all()
    np.testing.assert_array_equal(single_point(result, 1)["torkance_error"], ERRORS[:3])
    np.testing.assert_array_equal(single_point(result, 0)["torkance_error"], ERRORS)


def test_what_does_not_belong_together_stays_apart():
    one = torkance(VALUES, ERRORS)
    assert [v.name for v in with_companions([one])] == ["torkance", "torkance_error"]
    (again,) = without_companions(with_companions([one]))
    assert again.error is ERRORS
    assert again.attrs == one.attrs
    by_another_program = Variable("torkance_error", ("mu",), ENERGY)
    assert len(without_companions([torkance(VALUES, None), by_another_program])) == 2
