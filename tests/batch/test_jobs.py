"""The scripts in jobs/ on a real SLURM: launchers, arrays, time limits, cancelled jobs, chains."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hpcalo.output import checkpoint
from hpcalo.output.hdf5 import read_dataset

JOBS = Path(__file__).resolve().parents[2] / "jobs"
INPUT = """
[model]
builtin = "rashba"
fermi_energy = 0.0
[kubo]
n_hat = [[0, 0, 1], [1, 0, 1]]
gamma = [0.03, 0.1]
quantities = ["torkance", "conductivity"]
[kubo.energies]
minimum = -4.6
maximum = 4.6
points = 41
[kubo.k]
grid = [{side}, {side}, 1]
shift = [0.5, 0.5, 0.0]
symmetry = "off"
[execution]
checkpoint_interval = {interval}
"""
SIDE = 300
LAUNCHERS = {"srun": "srun --mpi=pmix", "mpirun": "mpirun"}
SMALL = ["--ntasks-per-node=2", "--mem-per-cpu=200M", "--time=20"]  # longer than the 300 s of warning in the scripts


@pytest.fixture(scope="module")
def small(tmp_path_factory, cluster):
    """A run of a second, and its uninterrupted result."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "small.toml").write_text(INPUT.format(side=40, interval=600.0))
    cluster("hpcalo", "run", "-q", "small.toml", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def long(tmp_path_factory, cluster):
    """A run of some ten seconds on two ranks, that saves itself twice a second."""
    folder = tmp_path_factory.mktemp("long")
    (folder / "long.toml").write_text(INPUT.format(side=SIDE, interval=0.5))
    cluster("hpcalo", "run", "-q", "long.toml", cwd=folder)
    return folder


def equal(one: Path, other: Path) -> bool:
    a, b = read_dataset(one), read_dataset(other)
    return list(a.variables) == list(b.variables) and all(a[n].tobytes() == b[n].tobytes() for n in a.variables)


def log_of(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(folder.glob("*.log")))


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_ranks(cluster, small, tmp_path, launcher):
    job = cluster(
        "sbatch", "--parsable", *SMALL, JOBS / "kubo.slurm", small / "small.toml",
        cwd=tmp_path, HPCALO_LAUNCHER=LAUNCHERS[launcher],
    )  # fmt: skip
    assert cluster.wait(job, "COMPLETED", "FAILED") == "COMPLETED", log_of(tmp_path)
    assert read_dataset(tmp_path / "small.h5").attrs["ranks"] == 2
    assert equal(tmp_path / "small.h5", small / "small.h5")


def test_array_sweep(cluster, small, tmp_path):
    array = [*SMALL, "--ntasks-per-node=1", "--array=0-2"]
    job = cluster(
        "sbatch", "--parsable", *array, JOBS / "sweep_array.slurm", small / "small.toml",
        cwd=tmp_path, HPCALO_SWEEP="kubo.gamma=[0.03] [0.1] [0.3]", HPCALO_LAUNCHER="srun --mpi=pmix",
    )  # fmt: skip
    for number in range(3):
        assert cluster.wait(f"{job}_{number}", "COMPLETED", "FAILED") == "COMPLETED", log_of(tmp_path)
    results = [read_dataset(tmp_path / f"small-{number}.h5") for number in range(3)]
    assert [float(r["gamma"][0]) for r in results] == [0.03, 0.1, 0.3]
    whole = read_dataset(small / "small.h5")
    place = whole.variables["torkance_odd"].dims.index("gamma")
    for number in range(2):
        part = results[number]["torkance_odd"].take(0, axis=place)
        assert part.tobytes() == whole["torkance_odd"].take(number, axis=place).tobytes()


def saved_and_finished(cluster, folder: Path, job: str, whole: Path) -> None:
    state = cluster.wait(job, "COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", timeout=100)
    text = log_of(folder)
    assert state == "COMPLETED", text
    assert int(cluster.field(job, "Restarts")) >= 1, text
    assert "the time limit is near: saving" in text
    assert "requeued" in text
    assert equal(folder / "long.h5", whole)
    assert {p.suffix for p in folder.iterdir()} == {".h5", ".log"}, list(folder.iterdir())


def test_time_limit(cluster, long, tmp_path):
    """The warning saves the run, the job is queued again, and ends with the same bits."""
    for attempt in range(6):
        # SLURM looks at its limits every half minute only; a run may end before.
        folder = tmp_path / str(attempt)
        folder.mkdir()
        limit = [*SMALL, "--time=1", "--signal=B:USR1@57"]
        command = ["sbatch", "--parsable", *limit, JOBS / "kubo.slurm", long / "long.toml"]
        job = cluster(*command, cwd=folder, HPCALO_LAUNCHER="srun --mpi=pmix")
        cluster.wait(job, "COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", timeout=100)
        if "requeued" in log_of(folder):
            break
    saved_and_finished(cluster, folder, job, long / "long.h5")


def test_warning(cluster, long, tmp_path):
    """The same in the middle of a run, under both launchers (at once: a requeued job waits half a minute)."""
    command = ["sbatch", "--parsable", *SMALL, JOBS / "kubo.slurm", long / "long.toml"]
    jobs = {}
    for name, launcher in LAUNCHERS.items():
        (tmp_path / name).mkdir()
        jobs[name] = cluster(*command, cwd=tmp_path / name, HPCALO_LAUNCHER=launcher)
        wait_for_checkpoint(tmp_path / name / "long.h5")
        cluster("scancel", "--batch", "--signal=USR1", jobs[name])
    for name, job in jobs.items():
        saved_and_finished(cluster, tmp_path / name, job, long / "long.h5")
        assert "ended with 75" in log_of(tmp_path / name)
        assert "hpcalo restart long.h5" in log_of(tmp_path / name)


def wait_for_checkpoint(result: Path) -> None:
    deadline = time.monotonic() + 40
    while not checkpoint.exists(result):
        assert time.monotonic() < deadline, "no checkpoint in 40 s"
        time.sleep(0.05)


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_cancelled_and_resumed(cluster, long, tmp_path, launcher):
    options = {"cwd": tmp_path, "HPCALO_LAUNCHER": LAUNCHERS[launcher]}
    job = cluster("sbatch", "--parsable", *SMALL, JOBS / "kubo.slurm", long / "long.toml", **options)
    wait_for_checkpoint(tmp_path / "long.h5")
    cluster("scancel", job)
    assert cluster.wait(job, "CANCELLED", "COMPLETED", "FAILED") == "CANCELLED"
    assert not (tmp_path / "long.h5").exists()
    assert checkpoint.read(tmp_path / "long.h5").remarks == ()
    deadline = time.monotonic() + 30  # CANCELLED is said before the last process is gone
    while job in cluster("squeue", "-h", "-o", "%A").split() and time.monotonic() < deadline:
        time.sleep(0.2)
    job = cluster(
        "sbatch", "--parsable", *SMALL, "--ntasks-per-node=1", JOBS / "kubo.slurm", long / "long.toml", **options
    )
    assert cluster.wait(job, "COMPLETED", "FAILED") == "COMPLETED", log_of(tmp_path)
    assert "hpcalo restart long.h5" in log_of(tmp_path)
    assert equal(tmp_path / "long.h5", long / "long.h5")


def test_chain(cluster, small, tmp_path):
    """Links after the one that completes do nothing."""
    answer = cluster(
        "bash", JOBS / "chain.sh", "2", *SMALL, "--ntasks-per-node=1", JOBS / "kubo.slurm", small / "small.toml",
        cwd=tmp_path, HPCALO_LAUNCHER="srun --mpi=pmix",
    )  # fmt: skip
    jobs = [line.rpartition(" ")[2] for line in answer.splitlines()]
    assert len(jobs) == 2
    for job in jobs:
        assert cluster.wait(job, "COMPLETED", "FAILED") == "COMPLETED", log_of(tmp_path)
    assert "small.h5 is complete: nothing left to do" in (tmp_path / f"kubo-{jobs[1]}.log").read_text()
    assert equal(tmp_path / "small.h5", small / "small.h5")


def test_submit(cluster, small, tmp_path):
    (tmp_path / "mine.toml").write_text((small / "small.toml").read_text())
    command = ["hpcalo", "submit", "mine.toml", "-n", "2", "--time", "0:20:00", "--launcher", "srun --mpi=pmix"]
    answer = cluster(*command, cwd=tmp_path)
    assert answer.splitlines()[0] == "script: mine.slurm"
    job = answer.splitlines()[-1].rpartition(" ")[2]
    assert cluster.wait(job, "COMPLETED", "FAILED") == "COMPLETED", log_of(tmp_path)
    assert equal(tmp_path / "mine.h5", small / "small.h5")


def test_a_wrong_input_is_not_tried_again(cluster, small, tmp_path):
    (tmp_path / "bad.toml").write_text((small / "small.toml").read_text() + "\n[kube]\n")
    job = cluster(
        "sbatch", "--parsable", *SMALL, JOBS / "kubo.slurm", "bad.toml", cwd=tmp_path, HPCALO_LAUNCHER="srun --mpi=pmix"
    )
    assert cluster.wait(job, "COMPLETED", "FAILED") == "FAILED"
    assert cluster.field(job, "ExitCode") == "2:0"
    assert cluster.field(job, "Restarts") == "0"
    assert "kube: unknown key; did you mean 'kubo'?" in log_of(tmp_path)
