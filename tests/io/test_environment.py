"""Wrong mixes of libraries are told in one line."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from inputs import SMALL

from hpcalo import app
from hpcalo.errors import EnvironmentMismatch
from hpcalo.io import environment
from hpcalo.io.environment import check_environment, launcher_problems, library_problems, loaded_mpi_libraries
from hpcalo.io.hdf5 import read_dataset
from hpcalo.parallel.world import alone

MAPS = """7f00-7f01 r-xp 00000000 08:01 11 /usr/lib/x86_64-linux-gnu/libmpi.so.40.30.4
7f01-7f02 r--p 00000000 08:01 11 /usr/lib/x86_64-linux-gnu/libmpi.so.40.30.4
7f02-7f03 r-xp 00000000 08:01 12 /usr/lib/x86_64-linux-gnu/libmpi_mpifh.so.40.30.0
7f03-7f04 rw-p 00000000 00:00 0 [heap]
7f04-7f05 r-xp 00000000 08:01 13 /usr/lib/libmpicxx.so.12
"""
MPICH = "7f05-7f06 r-xp 00000000 08:01 14 /opt/venv/lib/python3.11/site-packages/mpich.libs/libmpi-2f3a.so.12.4.0\n"
SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_ID")


@pytest.fixture
def maps(monkeypatch, tmp_path):
    """Sets what the system says is mapped into the process."""
    real = environment.Path

    def set_maps(text):
        (tmp_path / "maps").write_text(text)
        monkeypatch.setattr(environment, "Path", lambda name: tmp_path / "maps" if "maps" in name else real(name))

    return set_maps


def test_this_environment_is_in_order(comm):
    check_environment(comm)
    assert library_problems() == []
    assert len(loaded_mpi_libraries()) == 1


def test_two_mpi_libraries(maps, comm):
    maps(MAPS)
    assert loaded_mpi_libraries() == ["/usr/lib/x86_64-linux-gnu/libmpi.so.40.30.4"]
    maps(MAPS + MPICH)
    with pytest.raises(
        EnvironmentMismatch, match=r"two MPI libraries in one process: .*mpich.libs.* and .*libmpi\.so\.40"
    ):
        check_environment(comm)


def test_serial_hdf5_is_a_problem_on_several_ranks_only(monkeypatch):
    monkeypatch.setattr(environment.h5py, "get_config", lambda: SimpleNamespace(mpi=False))
    assert library_problems(1) == []
    assert "h5py is built without MPI" in library_problems(2)[0]


def test_complex_petsc(monkeypatch):
    monkeypatch.setitem(sys.modules, "petsc4py.PETSc", SimpleNamespace(ScalarType=np.complex128))
    assert "complex numbers" in library_problems(1)[0]


def test_launcher_of_another_mpi(monkeypatch):
    for name in SIZES:
        monkeypatch.delenv(name, raising=False)
    assert launcher_problems(1) == []
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    assert launcher_problems(4) == []
    assert "started 4 processes" in launcher_problems(1)[0]
    monkeypatch.delenv("OMPI_COMM_WORLD_SIZE")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")  # a batch script, not a step
    assert launcher_problems(1) == []
    monkeypatch.setenv("SLURM_STEP_ID", "0")
    assert "srun --mpi=pmix" in launcher_problems(1)[0]


def test_a_run_with_serial_hdf5_on_one_rank(monkeypatch, tmp_path):
    """The h5py of PyPI has no MPI: no file may be opened with MPI's driver then."""
    real = environment.h5py.File

    def without_mpi(*arguments, **options):
        assert options.get("driver") != "mpio"
        return real(*arguments, **options)

    monkeypatch.setattr(environment.h5py, "get_config", lambda: SimpleNamespace(mpi=False))
    monkeypatch.setattr(environment.h5py, "File", without_mpi)
    source = tmp_path / "a.toml"
    source.write_text(SMALL.format(side=4))
    app.run(alone(), source, output=tmp_path / "a.h5", quiet=True)
    assert "torkance_even" in read_dataset(tmp_path / "a.h5").variables
