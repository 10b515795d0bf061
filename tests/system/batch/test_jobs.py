"""The scripts in jobs/ on a real SLURM: launchers, arrays, scans, time limits, cancelled jobs, chains."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import pytest
from inputs import SAVED
from limits import HANG
from places import JOBS, SLOWLY

from hpcalo.io import checkpoint
from hpcalo.io.hdf5 import read_dataset

WALL = """
[wall]
mode = "{mode}"
[electrons]
fermi_energy = "0.14 eV"
exchange_splitting = "0.106 eV"
conductivity = "1.26e6 S/m"
[momentum]
points = 24
[magnet]
saturation_magnetization = "8e5 A/m"
exchange_stiffness = "1.3e-11 J/m"
anisotropy = "5.2e5 J/m^3"
hard_anisotropy = "2e5 J/m^3"
damping = 0.2
[wire]
length = "80 nm"
cells = 81
[drive]
temperature = "100 K"
gradient = "6 K/nm"
circuit = "current"
current_density = "-1.008e10 A/m^2"
[time]
end = "0.1 ns"
output_every = "0.001 ns"
"""
SCAN = """
[scan]
key = "drive.gradient"
values = [1.0, 2.0, 4.0]
"""
PAUSE = 2.5  # seconds that a run to be stopped waits after every step
LAUNCHERS = {"srun": "srun --mpi=pmix", "mpirun": "mpirun"}
SMALL = ["--ntasks-per-node=2", "--mem-per-cpu=200M", "--time=20"]  # longer than the 300 s of warning in the scripts


@pytest.fixture(scope="module")
def small(tmp_path_factory, cluster):
    """A run of a second, and its uninterrupted result."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "small.toml").write_text(SAVED.format(side=40, interval=600.0))
    cluster("hpcalo", "run", "-q", "small.toml", cwd=folder)
    return folder


def moving(mode: str = "quasi-static") -> str:
    return WALL.format(mode=mode)


@pytest.fixture(scope="module")
def long(tmp_path_factory, cluster):
    """A Kubo run of many rounds that saves itself after each, and its result from one rank."""
    folder = tmp_path_factory.mktemp("long")
    (folder / "long.toml").write_text(SAVED.format(side=80, interval=0.001))
    cluster("hpcalo", "run", "-q", "long.toml", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wire(tmp_path_factory, cluster):
    """A wall that moves in more than a hundred steps, and its uninterrupted result on one rank."""
    folder = tmp_path_factory.mktemp("wire")
    (folder / "wire.toml").write_text(moving() + "[execution]\ncheckpoint_interval = 0.1\n")
    cluster("hpcalo", "run", "-q", "wire.toml", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def slowed(tmp_path_factory, cluster):
    """The PATH of a job whose `hpcalo run` would take minutes; `hpcalo restart` is as quick as ever."""
    program = tmp_path_factory.mktemp("slowed") / "hpcalo"
    slowly = f"exec {sys.executable} {SLOWLY} {PAUSE}"
    program.write_text(f'#!/bin/sh\n[ "$1" = run ] && {slowly} "$@"\nexec {shutil.which("hpcalo")} "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}:{cluster.environment['PATH']}"


@pytest.fixture(scope="module")
def steady(tmp_path_factory, cluster):
    """A scan of three walls at rest, and its result from one rank."""
    folder = tmp_path_factory.mktemp("steady")
    (folder / "one.toml").write_text(moving("steady"))
    (folder / "scan.toml").write_text(moving("steady") + SCAN)
    cluster("hpcalo", "run", "-q", "scan.toml", cwd=folder)
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


def test_array_of_a_scan(cluster, small, tmp_path):
    array = [*SMALL, "--ntasks-per-node=1", "--array=0-2"]
    job = cluster(
        "sbatch", "--parsable", *array, JOBS / "scan_array.slurm", small / "small.toml",
        cwd=tmp_path, HPCALO_SCAN="kubo.gamma=[0.03] [0.1] [0.3]", HPCALO_LAUNCHER="srun --mpi=pmix",
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


def test_scan_as_one_job(cluster, steady, tmp_path):
    """Two groups of one rank share three values; the bits are those of one rank."""
    command = ["sbatch", "--parsable", *SMALL, JOBS / "scan.slurm", steady / "scan.toml"]
    job = cluster(*command, cwd=tmp_path, HPCALO_LAUNCHER="srun --mpi=pmix")
    assert cluster.wait(job, "COMPLETED", "FAILED") == "COMPLETED", log_of(tmp_path)
    result = read_dataset(tmp_path / "scan.h5")
    assert result["drive_gradient"].tolist() == [1.0, 2.0, 4.0]
    assert result.attrs["failed_points"] == 0
    assert equal(tmp_path / "scan.h5", steady / "scan.h5")


def test_wall_scan_as_an_array(cluster, steady, tmp_path):
    """The same values as jobs of their own."""
    job = cluster(
        "sbatch", "--parsable", *SMALL, "--ntasks-per-node=1", "--array=0-1", JOBS / "scan_array.slurm",
        steady / "one.toml", cwd=tmp_path,
        HPCALO_SCAN="drive.gradient=1.0 4.0", HPCALO_LAUNCHER="srun --mpi=pmix",
    )  # fmt: skip
    whole = read_dataset(steady / "scan.h5")
    for number, place in enumerate((0, 2)):
        assert cluster.wait(f"{job}_{number}", "COMPLETED", "FAILED") == "COMPLETED", log_of(tmp_path)
        part = read_dataset(tmp_path / f"one-{number}.h5")
        for name in ("torque", "spin_accumulation"):
            assert part[name].tobytes() == whole[name][place].tobytes(), name


def saved_and_finished(cluster, folder: Path, job: str, whole: Path) -> None:
    state = cluster.wait(job, "COMPLETED", "FAILED", "TIMEOUT", "CANCELLED")
    text = log_of(folder)
    assert state == "COMPLETED", text
    assert int(cluster.field(job, "Restarts")) >= 1, text
    assert "the time limit is near: saving" in text
    assert "requeued" in text
    assert f"hpcalo restart {whole.name}" in text
    assert equal(folder / whole.name, whole)
    assert {p.suffix for p in folder.iterdir()} == {".h5", ".log"}, list(folder.iterdir())


def test_time_limit(cluster, long, wire, slowed, tmp_path):
    """SLURM's own warning saves a Kubo and a wall run; they are queued again and end with the same bits.

    The limit comes nearer than the warning once the runs have saved something, and is far away again once they are
    warned. SLURM looks at its limits twice a minute.
    """
    inputs = {"kubo": long / "long.toml", "wall": wire / "wire.toml"}
    jobs = {}
    for name, source in inputs.items():
        (tmp_path / name).mkdir()
        ranks = 2 if name == "kubo" else 1
        jobs[name] = cluster(
            "sbatch", "--parsable", *SMALL, f"--ntasks-per-node={ranks}", "--time=180", "--signal=B:USR1@7200",
            JOBS / f"{name}.slurm", source, cwd=tmp_path / name, HPCALO_LAUNCHER="srun --mpi=pmix", PATH=slowed,
        )  # fmt: skip
    for name, source in inputs.items():
        wait_for_checkpoint(tmp_path / name / source.with_suffix(".h5").name)
        cluster("scontrol", "update", f"JobId={jobs[name]}", "TimeLimit=60")
    waiting, deadline = list(inputs), time.monotonic() + HANG
    while waiting:
        assert time.monotonic() < deadline, log_of(tmp_path / waiting[0])
        for name in [name for name in waiting if "the time limit is near: saving" in log_of(tmp_path / name)]:
            cluster("scontrol", "update", f"JobId={jobs[name]}", "TimeLimit=180")
            waiting.remove(name)
        time.sleep(0.1)
    for name, source in inputs.items():
        saved_and_finished(cluster, tmp_path / name, jobs[name], source.with_suffix(".h5"))


def test_warning(cluster, long, slowed, tmp_path):
    """The same in the middle of a run, under both launchers (at once: a requeued job waits a while)."""
    command = ["sbatch", "--parsable", *SMALL, JOBS / "kubo.slurm", long / "long.toml"]
    jobs = {}
    for name, launcher in LAUNCHERS.items():
        (tmp_path / name).mkdir()
        jobs[name] = cluster(*command, cwd=tmp_path / name, HPCALO_LAUNCHER=launcher, PATH=slowed)
        wait_for_checkpoint(tmp_path / name / "long.h5")
        cluster("scancel", "--batch", "--signal=USR1", jobs[name])
    for name, job in jobs.items():
        saved_and_finished(cluster, tmp_path / name, job, long / "long.h5")
        assert "ended with 75" in log_of(tmp_path / name)


def test_a_warning_before_anything_is_computed(cluster, long, tmp_path):
    """A limit shorter than the warning: not started again and again."""
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    job = cluster(
        "sbatch", "--parsable", *SMALL, JOBS / "kubo.slurm", long / "long.toml",
        cwd=tmp_path, HPCALO_LAUNCHER=str(slow),
    )  # fmt: skip
    deadline = time.monotonic() + HANG
    while "start 1" not in log_of(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    cluster("scancel", "--batch", "--signal=USR1", job)
    assert cluster.wait(job, "COMPLETED", "FAILED") == "FAILED"
    assert cluster.field(job, "ExitCode") == "2:0"
    assert cluster.field(job, "Restarts") == "0"
    assert "the warning came before anything was computed and saved: the time limit must exceed" in log_of(tmp_path)


def wait_for_checkpoint(result: Path) -> None:
    deadline = time.monotonic() + HANG
    while not checkpoint.exists(result):
        assert time.monotonic() < deadline, "no checkpoint"
        time.sleep(0.05)


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_cancelled_and_resumed(cluster, long, slowed, tmp_path, launcher):
    options = {"cwd": tmp_path, "HPCALO_LAUNCHER": LAUNCHERS[launcher], "PATH": slowed}
    job = cluster("sbatch", "--parsable", *SMALL, JOBS / "kubo.slurm", long / "long.toml", **options)
    wait_for_checkpoint(tmp_path / "long.h5")
    cluster("scancel", job)
    assert cluster.wait(job, "CANCELLED", "COMPLETED", "FAILED") == "CANCELLED"
    deadline = time.monotonic() + HANG  # CANCELLED is said before the last process is gone, up to KillWait
    while job in cluster("squeue", "-h", "-o", "%A").split():
        assert time.monotonic() < deadline, f"job {job} does not end\n{log_of(tmp_path)}"
        time.sleep(0.2)
    assert not (tmp_path / "long.h5").exists()
    assert checkpoint.read(tmp_path / "long.h5").remarks == ()
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


@pytest.mark.parametrize("kind", ["chain", "new job"])
def test_continued_by_another_job(cluster, long, slowed, tmp_path, kind):
    """A job that may not requeue itself is warned: the next link of its chain, or a new job of the same size, goes on
    to the same bits.
    """
    command = [*SMALL, "--no-requeue", "--time=33", JOBS / "kubo.slurm", long / "long.toml"]
    command = ["bash", JOBS / "chain.sh", "2", *command] if kind == "chain" else ["sbatch", *command]
    answer = cluster(*command, cwd=tmp_path, HPCALO_LAUNCHER="srun --mpi=pmix", PATH=slowed)
    first, *others = [line.rpartition(" ")[2] for line in answer.splitlines()]
    log = tmp_path / f"kubo-{first}.log"
    wait_for_checkpoint(tmp_path / "long.h5")
    cluster("scancel", "--batch", "--signal=USR1", first)
    assert cluster.wait(first, "COMPLETED", "FAILED") == "FAILED", log.read_text()
    assert cluster.field(first, "ExitCode") == "75:0"
    said = log.read_text()
    if kind == "chain":
        assert "the next job of the chain continues" in said
    else:
        assert "requeue is not allowed here: submitting a new job" in said
        others = [line.rpartition(" ")[2] for line in said.splitlines() if line.startswith("Submitted batch job")]
    (second,) = others
    assert cluster.wait(second, "COMPLETED", "FAILED") == "COMPLETED", log_of(tmp_path)
    for name in ("NumNodes", "NumTasks", "TimeLimit", "Partition", "MinMemoryCPU"):
        assert cluster.field(second, name) == cluster.field(first, name) != "", name
    assert "hpcalo restart long.h5" in (tmp_path / f"kubo-{second}.log").read_text()
    assert equal(tmp_path / "long.h5", long / "long.h5")
    assert not list(tmp_path.glob("long.h5.*"))


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
