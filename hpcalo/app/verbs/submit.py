"""Writes a batch script for an input file and submits it.

Ranks, memory and remarks come from the estimate of `hpcalo check` and from what a node of the cluster has.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from hpcalo.app.inputs import estimate_of, load_input, output_of
from hpcalo.app.site import site_of
from hpcalo.app.timelimit import LEAST, MARGIN, UNKNOWN, clock, limit_for, seconds
from hpcalo.errors import EnvironmentMismatch, InputError, OutputError, one_line
from hpcalo.io.files import atomic_write, check_output
from hpcalo.parallel.progress import duration
from hpcalo.parallel.work import Ranks, Site, Work, choose

COMMANDS = {"slurm": "sbatch", "pbs": "qsub"}
LAUNCHERS = {"slurm": "srun --mpi=pmix --cpu-bind=cores", "pbs": "mpirun"}
LONGEST_WARNING = 300  # seconds; as in jobs/
WORD = re.compile(r"[\w.,:@+=/%-]+")
WAIT = 60.0  # seconds that the batch system may take to answer


@dataclass(frozen=True)
class Job:
    """What a user asks a batch system for.

    ntasks_per_node: None for the layout that the estimate suggests on at most `nodes` nodes. cores_per_node,
    memory_per_node (MiB): None for what the batch system says. time: `D-HH:MM:SS`, `HH:MM:SS`, or minutes; None for the
    estimate with a margin. memory: MiB a rank, None for the estimate. warning: seconds before the limit at which the
    run is to save.
    """

    nodes: int = 1
    ntasks_per_node: int | None = None
    cores_per_node: int | None = None
    memory_per_node: int | None = None
    time: str | None = None
    scheduler: str = "slurm"
    partition: str = ""
    account: str = ""
    name: str = ""
    memory: int | None = None
    warning: int | None = None
    launcher: str = ""
    modules: tuple[str, ...] = ()
    activate: str = ""


def submit(
    source: Path,
    job: Job,
    *,
    output: Path | None = None,
    overrides: Sequence[str] = (),
    dry_run: bool = False,
    force: bool = False,
) -> str:
    """Writes `INPUT.slurm` (or .pbs) beside the input, submits it, and returns the lines for the user.

    With dry_run returns the script. Serial; starts no MPI.

    Raises InputError, ModelError, OutputError; EnvironmentMismatch where the batch system's command is missing.
    """
    command = COMMANDS[job.scheduler]
    if not dry_run and shutil.which(command) is None:
        raise EnvironmentMismatch(
            f"{command} not found: this machine does not belong to a {job.scheduler.upper()} cluster; "
            "--dry-run prints the script, --scheduler chooses another batch system"
        )
    if job.time is not None:
        seconds(job.time)  # a mistake here is reported before the estimate is made
    former: list[str] = []
    name, settings = load_input(source, overrides, former.append)
    result = output_of(settings, source, output)
    work = estimate_of(name, settings, source)
    site = site_of(job.scheduler, job.partition, job.cores_per_node, job.memory_per_node)
    ranks = layout(work, job, site)
    text, notes = script(source, job, work, ranks, result, overrides, force=force)
    if dry_run:
        return text.rstrip("\n")
    check_output(result, force=force or _begun(result))
    path = source.with_suffix(f".{job.scheduler}")
    _write(path, text, force)
    notes += [f"note: {text}" for text in former]
    return "\n".join([f"script: {path}", f"layout: {ranks.why}", *notes, f"submitted: {_hand_over(command, path)}"])


def layout(work: Work, job: Job, site: Site) -> Ranks:
    """Nodes and ranks as given, or those that end first. Raises InputError where they do not fit on a node."""
    if job.ntasks_per_node is None:
        return choose(work, job.nodes, site, job.memory)
    t, total = job.ntasks_per_node, job.nodes * job.ntasks_per_node
    memory = job.memory if job.memory is not None else work.memory_request(total)
    if site.sure and t > site.cores:
        raise InputError(f"--ntasks-per-node {t}: a node has {site.cores} cores ({site.origin})")
    if site.memory is not None and t * memory > site.memory:
        fit = site.memory // memory
        raise InputError(
            f"--ntasks-per-node {t}: {t} x {memory} MiB are more than the {site.memory} MiB of a node ({site.origin}); "
            + (f"{fit} ranks fit" if fit else "not even one rank fits")
        )
    why = f"{total} ranks as requested, {memory} MiB per rank"
    if total > work.most:
        why += f"; more than {work.most} do not help: {work.tasks} {work.what}"
    return Ranks(job.nodes, t, memory, why)


def script(
    source: Path,
    job: Job,
    work: Work,
    ranks: Ranks,
    result: Path,
    overrides: Sequence[str],
    *,
    force: bool = False,
) -> tuple[str, list[str]]:
    """The text of the batch script, and lines for the user: the time limit and remarks. Raises InputError."""
    whole = work.seconds(ranks.total)
    limit = limit_for(whole) if job.time is None else seconds(job.time)
    warning = warning_of(job, work, limit)
    estimate = work.report(ranks.total).splitlines()
    notes = [f"note: {line.split(maxsplit=1)[1]}" for line in estimate if line.startswith("note ")]
    needed = work.memory(ranks.total) / 2**20
    if ranks.memory < needed:
        notes.append(f"note: {ranks.memory} MiB per rank is less than the estimated {needed:.0f} MiB")
    if whole is not None and whole > limit - warning:
        notes.append(f"note: about {math.ceil(whole / (limit - warning))} jobs of this length, one after the other")
    notes.insert(0, f"limit: {clock(limit)}: {_why(job, whole)}")
    options = [word for text in overrides for word in ("--set", text)] + (["--force"] if force else [])
    described = [
        f"# {work.engine}: {one_line(source.name)} -> {one_line(result.name)}, written by 'hpcalo submit'. Estimate:",
        "#",
    ]
    lines = [*estimate[1:], f"layout       {ranks.why}", f"limit        {clock(limit)}: {_why(job, whole)}"]
    described += [f"#   {one_line(line)}" for line in lines]
    path = source.absolute().with_suffix(f".{job.scheduler}")
    fields = {
        "description": "\n".join(described),
        "name": _word("--name", job.name or re.sub(r"[^\w.+-]", "_", source.stem)[:60] or "hpcalo"),
        "nodes": str(ranks.nodes),
        "ntasks": str(ranks.per_node),
        "memory_node": str(ranks.memory * ranks.per_node),
        "time": clock(limit) if job.scheduler == "pbs" or job.time is None else job.time,
        "extra": _extra(job),
        "warning": str(warning),
        "log": "%x-%j.log",
        "modules": " ".join(_word("--module", name) for name in job.modules),
        "activate": shlex.quote(job.activate),
        "launcher": _launcher(job),
        "folder": shlex.quote(str(Path.cwd())),
        "input": shlex.quote(str(source.absolute())),
        "result": shlex.quote(str(result)),
        "options": " ".join(map(shlex.quote, options)),
        "script": shlex.quote(str(path)),
        "limit": str(limit),
    }
    template = resources.files("hpcalo.app").joinpath(f"jobs/job.{job.scheduler}").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: fields[match[1]], template), notes


def _why(job: Job, whole: float | None) -> str:
    """Of the time limit."""
    if job.time is not None:
        return "as given"
    if whole is None:
        return "the time is not known beforehand; the job continues itself until the result is complete"
    bounds = f"{LEAST // 60} min at least, {UNKNOWN // 3600} h at most"
    return f"{MARGIN:g} times the {duration(whole)} of the estimate, {bounds}"


def warning_of(job: Job, work: Work, limit: int) -> int:
    """Seconds before the limit at which the run is to save: time for the piece of work at hand and the checkpoint.

    Raises InputError where the limit leaves no time to compute anything before it.
    """
    piece = work.task_seconds or 0.0
    least = math.ceil(2.0 * piece) + 1  # a rank may have begun another piece when the ranks agree to stop
    warning = job.warning if job.warning is not None else max(min(LONGEST_WARNING, limit // 10), least)
    if warning >= limit:
        given = f"--warning {warning}" if job.warning is not None else f"a warning {warning} s before the end"
        raise InputError(f"{given}: the time limit is only {limit} s")
    if limit - warning < work.start + piece:
        given = job.time or clock(limit)
        raise InputError(
            f"--time {given}: {limit - warning} s before the warning are too short: starting takes about "
            f"{duration(work.start)} and the first {work.what.rstrip('s')} {duration(piece)} on this machine"
        )
    return warning


def _extra(job: Job) -> str:
    given = (("partition", job.partition), ("account", job.account))
    words = [(name, _word(f"--{name}", value)) for name, value in given if value]
    form = {"slurm": {"partition": "#SBATCH --partition={}\n", "account": "#SBATCH --account={}\n"},
            "pbs": {"partition": "#PBS -q {}\n", "account": "#PBS -A {}\n"}}[job.scheduler]  # fmt: skip
    return "".join(form[name].format(value) for name, value in words)


def _word(option: str, text: str) -> str:
    """The text if it can stand in a script as it is. Raises InputError."""
    if not WORD.fullmatch(text):
        raise InputError(f"{option} {one_line(text)[:60]!r}: only letters, digits and . , : @ + = / % - are allowed")
    return text


def _launcher(job: Job) -> str:
    words = (job.launcher or LAUNCHERS[job.scheduler]).split()
    return " ".join(_word("--launcher", word) for word in words)


def _begun(result: Path) -> bool:
    from hpcalo.io import checkpoint  # noqa: PLC0415  (loads HDF5)

    return checkpoint.exists(result)


def _write(path: Path, text: str, force: bool) -> None:
    if not force and os.path.lexists(path):
        raise OutputError(
            f"{path}: exists already; --force overwrites it (and the result); it can also be submitted as it is"
        )
    with atomic_write(path, force=force) as part:
        part.write_text(text, encoding="utf-8")
        part.chmod(0o755)


def _hand_over(command: str, path: Path) -> str:
    """The batch system's answer. Raises InputError with its complaint."""
    try:
        answer = subprocess.run(
            [command, str(path)], capture_output=True, text=True, timeout=WAIT, check=False, env=dict(os.environ)
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise EnvironmentMismatch(f"{command} {path}: {one_line(problem)}") from None
    if answer.returncode:
        raise InputError(f"{command} {path}: {one_line(answer.stderr or answer.stdout)[:300]}")
    return one_line(answer.stdout)
