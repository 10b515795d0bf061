"""The scripts in jobs/ on a real SLURM: launchers, arrays, scans, time limits, cancelled jobs, chains."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pytest
from inputs import SAVED
from limits import HANG
from places import JOBS

from hpcalo.io import checkpoint
from hpcalo.io.hdf5 import read_dataset

SIDE = 300
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
end = "{end} ns"
output_every = "{every} ns"
"""
SCAN = """
[scan]
key = "drive.gradient"
values = [1.0, 2.0, 4.0]
"""
START = 1.2  # seconds of a run before it computes
LAUNCHERS = {"srun": "srun --mpi=pmix", "mpirun": "mpirun"}
SMALL = ["--ntasks-per-node=2", "--mem-per-cpu=200M", "--time=20"]  # longer than the 300 s of warning in the scripts


@pytest.fixture(scope="module")
def small(tmp_path_factory, cluster):
    """A run of a second, and its uninterrupted result."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "small.toml").write_text(SAVED.format(side=40, interval=600.0))
    cluster("hpcalo", "run", "-q", "small.toml", cwd=folder)
    return folder


def moving(end: float, mode: str = "quasi-static") -> str:
    return WALL.format(mode=mode, end=f"{end:.4f}", every=f"{end / 100:.6f}")


# Inputs of so many times the work of the shortest one.
TEXTS = {
    "long.toml": lambda work: SAVED.format(side=int(SIDE * work**0.5), interval=0.5),
    "wire.toml": lambda work: moving(0.2 * work),
}
done: dict[Path, float] = {}  # the work of an input as it is now


def compute(cluster, source: Path, work: float) -> float:
    """Writes the input of so much work and runs it; the seconds it took."""
    source.write_text(TEXTS[source.name](work))
    done[source] = work
    begin = time.monotonic()
    cluster("hpcalo", "run", "-q", "-f", source.name, cwd=source.parent)
    return time.monotonic() - begin


def as_long(cluster, source: Path, seconds: float) -> Path:
    """The folder of an input, and of its result from one rank, that takes so long on this machine as it is now."""
    spent = compute(cluster, source, 1.0)
    if spent < seconds:
        compute(cluster, source, min(8.0, seconds / max(0.5, spent - START)))
    return source.parent


@pytest.fixture(scope="module")
def long(tmp_path_factory, cluster):
    """A run of some eight seconds on two ranks, that saves itself twice a second, and its result from one rank."""
    return as_long(cluster, tmp_path_factory.mktemp("long") / "long.toml", 15.0)


@pytest.fixture(scope="module")
def wire(tmp_path_factory, cluster):
    """A wall that moves for some ten seconds, and its uninterrupted result on one rank."""
    return as_long(cluster, tmp_path_factory.mktemp("wire") / "wire.toml", 10.0)


@pytest.fixture(scope="module")
def steady(tmp_path_factory, cluster):
    """A scan of three walls at rest, and its result from one rank."""
    folder = tmp_path_factory.mktemp("steady")
    (folder / "one.toml").write_text(moving(0.2, "steady"))
    (folder / "scan.toml").write_text(moving(0.2, "steady") + SCAN)
    cluster("hpcalo", "run", "-q", "scan.toml", cwd=folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def probe(tmp_path_factory, cluster):
    """A job that notes when it is warned: SLURM looks at its limits twice a minute, and from one time follow the
    others. It waits beside the other tests.
    """
    folder = tmp_path_factory.mktemp("probe")
    cluster(
        "sbatch", "--time=1", "--signal=B:USR1@57", "--mem=50M", "--output=/dev/null",
        "--wrap", "trap 'date +%s >warned.part; mv warned.part warned; exit' USR1; sleep 50 & wait", cwd=folder,
    )  # fmt: skip
    return folder / "warned"


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
    state = cluster.wait(job, "COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", timeout=100)
    text = log_of(folder)
    assert state == "COMPLETED", text
    assert int(cluster.field(job, "Restarts")) >= 1, text
    assert "the time limit is near: saving" in text
    assert "requeued" in text
    assert f"hpcalo restart {whole.name}" in text
    assert equal(folder / whole.name, whole)
    assert {p.suffix for p in folder.iterdir()} == {".h5", ".log"}, list(folder.iterdir())


def requeued_once(cluster, job: str, timeout: float = HANG) -> bool:
    """Whether the job has been queued again; if so it gets time enough not to be warned a second time."""
    deadline = time.monotonic() + timeout
    while cluster.field(job, "Restarts") == "0":
        assert time.monotonic() < deadline, f"job {job} neither ends nor is queued again"
        if cluster.field(job, "JobState") in ("COMPLETED", "FAILED", "TIMEOUT"):
            return False
        time.sleep(0.2)
    with suppress(AssertionError):  # it may have ended already
        cluster("scontrol", "update", f"JobId={job}", "TimeLimit=20")
    return True


def test_time_limit(cluster, long, wire, probe, tmp_path):
    """SLURM's own warning saves a Kubo and a wall run; they are queued again and end with the same bits."""
    inputs = {"kubo": (long / "long.toml", "2"), "wall": (wire / "wire.toml", "1")}
    open_ = dict(inputs)
    for attempt in range(4):
        folders = {name: tmp_path / f"{name}-{attempt}" for name in open_}
        check = int(probe.read_text()) if probe.exists() else 0
        # Before the next look at the limits: time to start, and some seconds of work, but not all of it.
        if probe.exists():
            time.sleep((check - 7 - time.time()) % 30)
        jobs = {}
        for name, (source, ranks) in open_.items():
            folders[name].mkdir()
            jobs[name] = cluster(
                "sbatch", "--parsable", *SMALL, f"--ntasks-per-node={ranks}", "--time=1", "--signal=B:USR1@57",
                JOBS / f"{name}.slurm", source, cwd=folders[name], HPCALO_LAUNCHER="srun --mpi=pmix",
            )  # fmt: skip
        requeued = [name for name, job in jobs.items() if requeued_once(cluster, job)]
        for name in requeued:
            saved_and_finished(cluster, folders[name], jobs[name], open_.pop(name)[0].with_suffix(".h5"))
        if not open_:
            return
        for source, _ in open_.values():  # over before it was warned: the machine is faster than when this was measured
            compute(cluster, source, 2.0 * done[source])
    pytest.fail(f"never warned in the middle of a run: {list(open_)}\n{log_of(tmp_path)}")


def test_warning(cluster, long, tmp_path):
    """The same in the middle of a run, under both launchers (at once: a requeued job waits a while)."""
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
def test_cancelled_and_resumed(cluster, long, tmp_path, launcher):
    options = {"cwd": tmp_path, "HPCALO_LAUNCHER": LAUNCHERS[launcher]}
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
def test_continued_by_another_job(cluster, long, tmp_path, kind):
    """A job that may not requeue itself is warned: the next link of its chain, or a new job of the same size, goes on
    to the same bits.
    """
    command = [*SMALL, "--no-requeue", "--time=33", JOBS / "kubo.slurm", long / "long.toml"]
    command = ["bash", JOBS / "chain.sh", "2", *command] if kind == "chain" else ["sbatch", *command]
    answer = cluster(*command, cwd=tmp_path, HPCALO_LAUNCHER="srun --mpi=pmix")
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
