"""`hpcalo submit` without a cluster, and what all scripts have in common."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hpcalo.errors import EnvironmentMismatch, HpcaloError, InputError, OutputError
from hpcalo.pipeline import submit as module
from hpcalo.pipeline.submit import Job, memory_estimate, seconds, submit

REPOSITORY = Path(__file__).resolve().parents[2]
JOBS = REPOSITORY / "jobs"
TEMPLATES = REPOSITORY / "hpcalo" / "pipeline" / "jobs"
LOGIC = "# -- launch and restart"


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(REPOSITORY / "input" / "rashba.toml", tmp_path / "mine.toml")
    return Path("mine.toml")


@pytest.mark.parametrize("name", ["kubo.slurm", "wall.slurm", "sweep.slurm", "sweep_array.slurm", "kubo.pbs"])
def test_launch_and_restart_are_the_same_everywhere(name):
    own = (JOBS / name).read_text().partition(LOGIC)[2]
    assert own == (TEMPLATES / f"job{Path(name).suffix}").read_text().partition(LOGIC)[2] != ""


@pytest.mark.parametrize("path", sorted(JOBS.iterdir()), ids=lambda p: p.name)
def test_scripts_are_sound(path):
    assert subprocess.run(["bash", "-n", path], capture_output=True, timeout=20, check=False).returncode == 0
    if shutil.which("shellcheck"):
        done = subprocess.run(["shellcheck", path], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("scheduler", ["slurm", "pbs"])
def test_dry_run(source, tmp_path, scheduler):
    job = Job(
        nodes=4, ntasks_per_node=8, time="1-12:00:00", scheduler=scheduler, partition="big", modules=("openmpi/4",)
    )
    text = submit(source, job, overrides=["title=a b; $(rm x)"], dry_run=True)
    assert list(tmp_path.iterdir()) == [tmp_path / "mine.toml"]
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
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
        (Job(time="10", warning=600), "the time limit is only 600 s"),
        (Job(account="x\n#SBATCH --exclusive"), "--account"),
        (Job(launcher="srun; rm"), "--launcher"),
    ):
        with pytest.raises(InputError, match=words):
            submit(source, job, dry_run=True)


def test_nothing_is_overwritten(source, monkeypatch):
    monkeypatch.setattr(module, "_hand_over", lambda command, path: "Submitted batch job 7")
    monkeypatch.setattr(module.shutil, "which", lambda name: name)
    assert submit(source, Job()).splitlines() == ["script: mine.slurm", "submitted: Submitted batch job 7"]
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
    assert memory_estimate("memory       about 193 MiB per rank") == 193
    assert memory_estimate("steady system: 5 unknowns, about 2.5e+03 MiB a rank") == 2500
