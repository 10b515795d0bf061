"""Result files: what xarray sees, the same bytes of data on any number of ranks, nothing left of a failed write."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import h5py
import numpy as np
import pytest
from places import REPOSITORY

from hpcalo.config.reader import validate
from hpcalo.errors import ConvergenceError, InputError, OutputError
from hpcalo.io import slabs
from hpcalo.io.dataset import Slab, Variable
from hpcalo.io.description import describe
from hpcalo.io.files import atomic_file, check_output, prepare_output
from hpcalo.io.hdf5 import read_dataset, write_dataset
from hpcalo.io.provenance import git_revision, provenance, remember, resolved_toml
from hpcalo.io.seal import HEAD, LENGTH
from hpcalo.wall.config import WallInput

ENERGY = np.linspace(-0.5, 0.5, 5)
TENSOR = np.arange(40.0).reshape(2, 5, 4) / 7
FIELD = np.random.default_rng(3).normal(size=(3, 6))
COUNTS = np.arange(3) - 1


def rows(comm, count):
    return slice(count * comm.rank // comm.size, count * (comm.rank + 1) // comm.size)


def example(comm):
    """Whole arrays on rank 0, two arrays spread over the ranks: 3 rows, so that 4 ranks leave one empty."""
    mine = rows(comm, 3)
    root = comm.rank == 0
    coordinates = [
        Variable("mu", ("mu",), ENERGY if root else None, "eV", "Fermi energy"),
        Variable("component", ("component",), ["xx", "xy"] if root else None),
        Variable("position", ("cell",), Slab((3,), mine.start, np.arange(3.0)[mine]), "nm"),
    ]
    variables = [
        Variable(
            *("torkance", ("component", "mu", "n_hat"), TENSOR if root else None, "e a0", "spin-orbit torkance"),
            attrs={"equation": "(12)", "parity": "even", "order": np.array([1, 2])},
        ),
        Variable("texture", ("cell", "time"), Slab((3, 6), mine.start, FIELD[mine]), "1"),
        Variable("left", ("cell",), Slab((3,), mine.start, COUNTS[mine] < 0)),
        Variable("count", ("cell",), Slab((3,), mine.start, COUNTS[mine])),
        Variable("converged", (), True if root else None),
        Variable("label", (), "bcc Fe, µ" if root else None),
        Variable("gap", ("n_hat",), np.array([1.0, np.nan, 2.0, np.inf]) if root else None, nan_ok=True),
    ]
    return variables, coordinates


def write(comm, path, **options):
    variables, coordinates = example(comm)
    record = provenance(comm, {"kubo": {"gamma": 0.025, "nothing": None}}, layout="k 2 × energy 1")
    write_dataset(path, comm, variables, coordinates, provenance=record, attrs={"title": "a test"}, **options)


@pytest.mark.mpi
@pytest.mark.parametrize("slab_bytes", [2**30, 16])
def test_every_number_of_ranks_writes_the_same(comm, mpi_tmp_path, monkeypatch, slab_bytes):
    monkeypatch.setattr(slabs, "SLAB_BYTES", slab_bytes)
    path = mpi_tmp_path / "result.h5"
    write(comm, path)
    if comm.rank == 0:
        check_example(path)
        assert [p.name for p in mpi_tmp_path.iterdir()] == ["result.h5"]
        with h5py.File(path) as file:
            assert file.attrs["ranks"] == comm.size
    comm.Barrier()


def check_example(path):
    xarray = pytest.importorskip("xarray")
    with xarray.open_dataset(path, engine="h5netcdf") as data:
        assert data.torkance.dims == ("component", "mu", "n_hat")
        assert data.torkance.attrs["units"] == "e a0"
        assert data.torkance.attrs["long_name"] == "spin-orbit torkance"
        assert data.torkance.attrs["parity"] == "even"
        np.testing.assert_array_equal(data.torkance.sel(component="xy"), TENSOR[1])
        np.testing.assert_array_equal(data.mu, ENERGY)
        assert data.mu.attrs["units"] == "eV"
        assert list(data.component.values) == ["xx", "xy"]
        assert data.texture.values.tobytes() == FIELD.tobytes()
        np.testing.assert_array_equal(data["count"], COUNTS)
        assert data.left.dtype == bool
        np.testing.assert_array_equal(data.left, COUNTS < 0)
        np.testing.assert_array_equal(data.texture.coords["position"], np.arange(3.0))
        assert set(data.coords) == {"mu", "component", "position"}
        assert data.label.item() == "bcc Fe, µ"
        assert data.converged.item() is True
        assert data.attrs["title"] == "a test"
        assert data.attrs["mpi_library"].startswith(("Open MPI", "MPICH"))
    with xarray.open_dataset(path, engine="h5netcdf", group="provenance") as texts:
        assert tomllib.loads(texts.resolved_input.item()) == {"kubo": {"gamma": 0.025}}


def test_read_back(comm, tmp_path):
    path = tmp_path / "result.h5"
    write(comm, path)
    check_example(path)
    result = read_dataset(path)
    np.testing.assert_array_equal(result["torkance"], TENSOR)
    torkance = result.variables["torkance"]
    assert (torkance.dims, torkance.unit, torkance.attrs["order"]) == (("component", "mu", "n_hat"), "e a0", [1, 2])
    assert result["left"].dtype == bool
    assert list(result.coordinates) == ["component", "mu", "position"]
    assert list(result["component"]) == ["xx", "xy"]
    assert result.attrs["rank_layout"] == "k 2 × energy 1"
    with pytest.raises(InputError, match="has no 'torcance'"):
        result["torcance"]
    text = describe(path)
    assert "component 2 × mu 5 × n_hat 4" in text
    assert "gamma = 0.025" in text
    assert "(12)" in text


def test_data_does_not_depend_on_the_number_of_ranks(launch, tmp_path):
    """The same arrays on 1 to 4 ranks, bit for bit, in files of the same layout."""
    program = tmp_path / "program.py"
    program.write_text(
        "import sys; from pathlib import Path; sys.path[:0] = sys.argv[2:]\n"
        "from hpcalo.parallel.world import world; from test_hdf5 import write\n"
        "write(world(), Path(sys.argv[1]))\n"
    )
    contents = []
    for ranks in (1, 2, 3, 4):
        path = tmp_path / f"{ranks}.h5"
        done = launch(ranks, program, path, Path(__file__).parent, REPOSITORY / "tests" / "lib")
        assert done.returncode == 0, done.stderr
        with h5py.File(path) as file:
            contents.append({n: np.asarray(d).tobytes() for n, d in file.items() if isinstance(d, h5py.Dataset)})
    for content in contents:
        del content["label"], content["component"]  # text: addresses in the file, not data
    assert contents[0] == contents[1] == contents[2] == contents[3]


@pytest.mark.mpi
def test_not_finite_says_where_and_writes_nothing(comm, mpi_tmp_path):
    variables, coordinates = example(comm)
    bad = FIELD.copy()
    bad[2, 4] = np.nan
    mine = rows(comm, 3)
    variables[1] = Variable("texture", ("cell", "time"), Slab((3, 6), mine.start, bad[mine]))
    with pytest.raises(ConvergenceError, match=r"texture: 1 of .* cell index 2, time index 4; nothing was written"):
        write_dataset(mpi_tmp_path / "a.h5", comm, variables, coordinates)
    tensor = TENSOR.copy()
    tensor[1, 3, 2] = np.inf
    variables = [Variable("torkance", ("component", "mu", "n_hat"), tensor if comm.rank == 0 else None)]
    with pytest.raises(ConvergenceError, match=r"component = xy, mu = 0\.25 eV, n_hat index 2"):
        write_dataset(mpi_tmp_path / "a.h5", comm, variables, coordinates[:2])
    assert not any(mpi_tmp_path.iterdir())
    comm.Barrier()


@pytest.mark.mpi
@pytest.mark.parametrize("force", [False, True])
def test_failed_write_leaves_what_was_there(comm, mpi_tmp_path, force):
    path = mpi_tmp_path / "a.h5"
    if force and comm.rank == 0:
        path.write_text("precious")
    comm.Barrier()

    def fail():
        with atomic_file(path, comm, force=force) as part:
            if comm.rank == 0:
                part.write_text("half")
            comm.Barrier()
            raise OutputError("in the middle")

    with pytest.raises(OutputError):
        fail()
    comm.Barrier()
    assert [p.name for p in mpi_tmp_path.iterdir()] == (["a.h5"] if force else [])
    if force:
        assert path.read_text() == "precious"
    comm.Barrier()


@pytest.mark.mpi
def test_mistakes_of_the_program_are_found_on_all_ranks(comm, mpi_tmp_path):
    path = mpi_tmp_path / "a.h5"
    one = np.zeros((1, 2))
    wrong = [
        [Variable("a", ("x",), np.zeros((2, 2)))],
        [Variable("a", ("x",), np.zeros(2)), Variable("b", ("x",), np.zeros(3))],
        [Variable("a", ("x",), np.zeros(2)), Variable("a", ("x",), np.zeros(2))],
        [Variable("a", ("x",), np.zeros(2, complex))],
        [Variable("a", ("a", "b"), np.zeros((2, 2)))],
        [Variable("a", ("x", "y"), Slab((comm.size + 1, 2), comm.rank, one))],
        [Variable("a", ("x", "y"), Slab((comm.size, 3), comm.rank, one))],
        [Variable("a", ("x", "y"), Slab((comm.size, 2), comm.rank + 1, one))],
        [Variable("provenance", (), 1.0)],
    ]
    for variables in wrong:
        with pytest.raises(Exception, match=r"axes|elsewhere|twice|complex|fit|rows|axis"):
            write_dataset(path, comm, variables)
    comm.Barrier()
    assert not any(mpi_tmp_path.iterdir())
    comm.Barrier()


def test_existing_and_impossible_outputs(comm, tmp_path):
    path = tmp_path / "a.h5"
    check_output(path)
    path.write_text("old")
    with pytest.raises(OutputError, match="exists already; --force overwrites it"):
        check_output(path)
    check_output(path, force=True)
    for wrong in (tmp_path, tmp_path / "no" / "a.h5", path / "b.h5", Path("/dev/null"), Path("a" * 300), Path("x\0y")):
        with pytest.raises((OutputError, InputError)):
            check_output(wrong, force=True)
    with pytest.raises(OutputError, match=r"needs .* TiB, but .* has only"):
        check_output(tmp_path / "b.h5", need_bytes=2**60)
    with pytest.raises(OutputError, match="cannot be written here"), prepare_output(Path("/proc/a.h5"), comm):
        pass
    write(comm, path, force=True)
    assert read_dataset(path).attrs["title"] == "a test"


def test_a_result_is_not_lost_because_its_name_was_taken_meanwhile(comm, tmp_path):
    path = tmp_path / "a.h5"
    path.write_text("of someone else")
    with pytest.raises(OutputError, match=r"not overwritten; the result is in .*a-2\.h5"):
        write(comm, path)
    assert path.read_text() == "of someone else"
    assert read_dataset(tmp_path / "a-2.h5").attrs["title"] == "a test"
    assert len(list(tmp_path.iterdir())) == 2


def test_full_disk(launch, tmp_path):
    """A file system of 256 KiB: a clear message, and nothing left under the final name."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("cannot mount a small file system here")
    program = tmp_path / "program.py"
    program.write_text(
        "import sys; from pathlib import Path; import numpy as np\n"
        "from hpcalo.parallel.world import world; from hpcalo.parallel.guard import collective_guard\n"
        "comm = world()\n"
        "with collective_guard(comm):\n"
        "    from hpcalo.io.hdf5 import *\n"
        "    n = 40000; spread = sys.argv[2] == 'spread'\n"
        "    data = Slab((n * comm.size,), n * comm.rank, np.ones(n)) if spread else np.ones(n * comm.size)\n"
        "    write_dataset(Path(sys.argv[1]), comm, [Variable('a', ('x',), data)])\n"
    )
    try:
        for how in ("whole", "spread"):
            done = launch(2, program, disk / "a.h5", how)
            assert done.returncode == 5, done.stderr
            assert done.stderr.count("hpcalo: error: ") == 1, done.stderr
            assert "a.h5: cannot be written" in done.stderr
            assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


def test_resolved_input_reads_back():
    settings = validate(WallInput, {"wall": {"title": "µ 'quoted' \"text\"\n"}}, "test")
    assert validate(WallInput, tomllib.loads(resolved_toml(settings)), "test") == settings


def test_the_input_is_kept_as_it_was_at_the_start(comm, tmp_path):
    source = tmp_path / "in.toml"
    source.write_text("first = 1\n")
    remember(source)
    source.write_text("second = 2\n")
    record = provenance(comm, {"a": 1}, source=source, overrides=("x=1", "y=2"), model_sha256="ba78  model")
    assert record.texts["original_input"] == "first = 1\n"
    assert record.texts["overrides"] == "x=1\ny=2"
    assert record.texts["model_sha256"] == "ba78  model"
    assert record.attrs["started"] <= record.attrs["finished"]
    if (REPOSITORY / ".git").exists():
        assert len(git_revision() or "") == 40


@pytest.mark.parametrize("content", [b"", b"garbage" * 99, None, "cut", "foreign"])
def test_what_is_no_result_is_refused_in_one_line(comm, tmp_path, content):
    path = tmp_path / "a.h5"
    if content == "foreign":
        with h5py.File(path, "w") as file:
            file["x"] = 1.0
    elif content == "cut":
        write(comm, path)
        os.truncate(path, path.stat().st_size * 2 // 3)
    elif content is not None:
        path.write_bytes(content)
    for reader in (read_dataset, describe):
        with pytest.raises(InputError) as caught:
            reader(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)
    with pytest.raises(InputError, match="is a folder"):
        describe(tmp_path)


def test_damaged_bytes_never_escape_as_other_errors(comm, tmp_path):
    """Bytes changed anywhere in a result are told in one line, before the HDF5 library stumbles over them."""
    path, broken = tmp_path / "a.h5", tmp_path / "b.h5"
    write(comm, path)
    data = path.read_bytes()
    rng = np.random.default_rng(5)
    for _ in range(60):
        changed = bytearray(data)
        changed[rng.integers(len(data) - LENGTH)] ^= 1 << rng.integers(8)
        broken.write_bytes(changed)
        for reader in (read_dataset, describe):
            with pytest.raises(InputError, match=r"^[^\n]*(damaged|not an HDF5 file)[^\n]*$"):
                reader(broken)


LOCKED = """
import sys, time
from pathlib import Path
from hpcalo.parallel.world import world
from hpcalo.io.seal import HEAD, LENGTH
from hpcalo.io.files import prepare_output
with prepare_output(Path(sys.argv[1]), world()):
    sys.stdout.write("locked\\n"); sys.stdout.flush(); time.sleep(120)
"""


def test_two_runs_and_one_output(comm, tmp_path):
    path = tmp_path / "a.h5"
    other = subprocess.Popen([sys.executable, "-c", LOCKED, path], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(
            OutputError, match=rf"another run is writing it \(process {other.pid} on .*remove .*a.h5.lock"
        ):
            prepare_output(path, comm).__enter__()
    finally:
        other.kill()
        other.wait()
    # Killed, it left its lock and perhaps half a file: the next run takes over and tidies up.
    (tmp_path / "a.h5.part-gone-1").write_text("half")
    assert (tmp_path / "a.h5.lock").exists()
    with prepare_output(path, comm):
        assert not (tmp_path / "a.h5.part-gone-1").exists()
    assert list(tmp_path.iterdir()) == []


def test_locks_that_cannot_be_judged_are_respected(comm, tmp_path, monkeypatch):
    path, lock = tmp_path / "a.h5", tmp_path / "a.h5.lock"
    lock.write_text('{"host": "elsewhere", "pid": 1, "job": "77", "job_restarts": "0"}')
    for job in ("78", "77"):
        monkeypatch.setenv("SLURM_JOB_ID", job)
        with pytest.raises(OutputError, match="process 1 on elsewhere, job 77"):
            prepare_output(path, comm).__enter__()
    # The batch system started the same job again: its earlier start is over, wherever it was.
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    with prepare_output(path, comm):
        pass
    lock.write_text("")  # made this moment
    with pytest.raises(OutputError, match="another run"):
        prepare_output(path, comm).__enter__()
    os.utime(lock, (time.time() - 60,) * 2)  # made by a run that died before it wrote its name
    with prepare_output(path, comm):
        pass


def test_a_file_changed_by_others_loses_its_seal(comm, tmp_path):
    path = tmp_path / "a.h5"
    write(comm, path)
    assert HEAD in path.read_bytes()
    with h5py.File(path, "r+") as file:
        file.attrs["title"] = "B test"
    assert HEAD not in path.read_bytes()
    assert read_dataset(path).attrs["title"] == "B test"
