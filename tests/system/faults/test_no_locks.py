"""File systems that refuse locks: NFS without a lock server, Lustre without flock."""

from __future__ import annotations

import errno
import shutil
import subprocess
from pathlib import Path

import pytest
from limits import HANG
from places import REPOSITORY
from program import one_complaint

MODEL = REPOSITORY / "tests" / "data" / "written_by_0.1.0" / "wannier.model.h5"
INPUT = """
[model]
file = "model.h5"
[kubo]
quantities = ["anomalous_hall"]
[kubo.energies]
reference = 0.0
points = 3
[kubo.k]
grid = [4, 4, 4]
"""


@pytest.fixture(scope="module")
def no_locks(tmp_path_factory):
    """A library that makes every lock fail."""
    if (compiler := shutil.which("g++")) is None:
        pytest.skip("no g++ here")
    library = tmp_path_factory.mktemp("locks") / "no_locks.so"
    source = Path(__file__).with_name("no_locks.cpp")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", source, "-o", library, "-ldl"], check=True, timeout=HANG)
    return library


def test_a_run_reads_and_writes_without_them(launch, in_turn, no_locks, tmp_path):
    """On two ranks, with a model file; then what reads the result."""
    shutil.copy(MODEL, tmp_path / "model.h5")
    (tmp_path / "a.toml").write_text(INPUT)
    refuses = {"LD_PRELOAD": str(no_locks), "NO_LOCKS": str(errno.ENOSYS)}
    result = launch(2, "-m", "hpcalo", "run", "a.toml", env=refuses)
    assert result.returncode == 0, result.stderr
    refuses["NO_LOCKS"] = str(errno.ENOLCK)
    for result in in_turn(["info", "a.h5"], ["plot", "a.h5"], env=refuses):
        assert result.returncode == 0, result.stderr


def test_a_lock_that_another_holds_is_named(launch, no_locks, tmp_path):
    """What another program seems to be writing is not read: the line says what to do where none is."""
    shutil.copy(MODEL, tmp_path / "model.h5")
    refuses = {"LD_PRELOAD": str(no_locks), "NO_LOCKS": str(errno.EAGAIN)}
    result = launch(0, "-m", "hpcalo", "info", "model.h5", env=refuses)
    one_complaint(result, 2, "model.h5: cannot be read: another program is writing it", "HDF5_USE_FILE_LOCKING=FALSE")
    result = launch(0, "-m", "hpcalo", "info", "model.h5", env={**refuses, "HDF5_USE_FILE_LOCKING": "FALSE"})
    assert result.returncode == 0, result.stderr
