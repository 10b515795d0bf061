"""A SLURM cluster of this one machine, on loopback, under a temporary folder; skipped where it cannot be had."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from limits import HANG

DAEMONS = ("munged", "slurmctld", "slurmd")
START = 120.0
"""Seconds that the daemons may take to start; without them the tests are skipped, so that a busy machine needs many."""
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort={port}
SlurmdPort={port1}
AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.socket,cred_expire=5
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SwitchType=switch/none
MpiDefault=pmix
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,sched_min_interval=0
KillWait=20
MinJobAge=300
JobRequeue=1
ReturnToService=2
SlurmdParameters=config_overrides
MailProg=/bin/true
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=16000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class Cluster:
    """Commands of the cluster; every one of them ends in time."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        clean = {k: v for k, v in environment.items() if not k.startswith(("SLURM_", "PMIX_", "PBS_"))}
        self.environment = {
            **clean,
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{Path(sys.executable).parent}:{clean['PATH']}",
        }

    def __call__(self, *command: str | Path, cwd: Path | None = None, **environment: str) -> str:
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            text=True,
            timeout=HANG,
            cwd=cwd,
            env={**self.environment, **environment},
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def field(self, job: str, name: str) -> str:
        """One field of `scontrol show job`."""
        words = self("scontrol", "--oneliner", "show", "job", job).split()
        return next((w.partition("=")[2] for w in words if w.startswith(name + "=")), "")

    def wait(self, job: str, *states: str, timeout: float = HANG) -> str:
        """Until the job is in one of the states; returns it."""
        deadline = time.monotonic() + timeout
        while (state := self.field(job, "JobState")) not in states:
            if time.monotonic() > deadline:
                pytest.fail(f"job {job} is {state} after {timeout} s\n{self.logs()}")
            time.sleep(0.2)
        return state

    def logs(self) -> str:
        return "\n".join(path.read_text()[-3000:] for path in sorted((self.folder / "log").glob("slurm*.log")))


@pytest.fixture(scope="session")
def cluster(launch_environment: dict[str, str]) -> Iterator[Cluster]:
    """Starts munge, slurmctld and slurmd, and ends them (and nothing else) afterwards."""
    missing = [
        name for name in (*DAEMONS, "sbatch") if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None
    ]
    if missing:
        pytest.skip(f"no batch system here: {', '.join(missing)} not installed (apt-get install slurm-wlm munge)")
    if os.geteuid() != 0:
        pytest.skip("the batch system of the tests is started by root only")
    folder = Path(tempfile.mkdtemp(prefix="hpcalo-slurm-"))
    try:
        problem = _start(folder)
        cluster = Cluster(folder, launch_environment)
        if problem:
            pytest.skip(f"the batch system does not start here: {problem}")
        yield cluster
        for job in cluster("squeue", "-h", "-o", "%A").split():
            with suppress(AssertionError):
                cluster("scancel", job)
    finally:
        _stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    """A port that is free now, and the one after it."""
    for _ in range(50):
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            with suppress(OSError, OverflowError):
                two.bind(("127.0.0.1", port + 1))
                return port
    return 16817


def _start(folder: Path) -> str:
    """Empty, or why it did not start."""
    folder.chmod(0o755)
    for name in ("state", "spool", "log", "run", "munge"):
        (folder / name).mkdir(mode=0o700 if name == "munge" else 0o755)
    key = folder / "munge" / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    port = _free_port()
    text = CONFIGURATION.format(host=socket.gethostname().split(".")[0], folder=folder, port=port, port1=port + 1)
    (folder / "slurm.conf").write_text(text)
    run, environment = folder / "run", {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    munged = ["--key-file", key, "--socket", run / "munge.socket", "--pid-file", run / "munged.pid"]
    munged += ["--log-file", folder / "log" / "munged.log", "--seed-file", folder / "munge" / "seed"]
    for command in (["/usr/sbin/munged", *munged], ["/usr/sbin/slurmctld", "-c"], ["/usr/sbin/slurmd", "-c"]):
        try:
            # Not through pipes: the daemons would keep them open.
            with open(folder / "log" / "start.log", "a+") as log:
                code = subprocess.run(
                    [str(w) for w in command], stdout=log, stderr=log, timeout=START, env=environment, check=False
                ).returncode
        except (OSError, subprocess.TimeoutExpired) as problem:
            return str(problem)
        if code:
            return f"{command[0]}: {(folder / 'log' / 'start.log').read_text()[-300:]}"
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        done = subprocess.run(
            ["sinfo", "-h", "-o", "%T"], capture_output=True, text=True, timeout=START, env=environment, check=False
        )
        if "idle" in done.stdout:
            return ""
        time.sleep(0.2)
    return "the node does not become idle"


def _stop(folder: Path) -> None:
    pids = []
    for name in reversed(DAEMONS):
        with suppress(OSError, ValueError):
            pids.append((name, int((folder / "run" / f"{name}.pid").read_text())))
    for number in (signal.SIGTERM, signal.SIGKILL):
        for name, pid in pids:
            with suppress(OSError):
                if name in Path(f"/proc/{pid}/cmdline").read_text():
                    os.kill(pid, number)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and any((folder / "run" / f"{name}.pid").exists() for name, _ in pids):
            time.sleep(0.1)
        if not any((folder / "run" / f"{name}.pid").exists() for name, _ in pids):
            return
