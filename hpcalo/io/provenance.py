"""Where a result comes from: program, libraries, machine, ranks, command, and the complete input."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import socket
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import tomli_w
from pydantic import BaseModel

import hpcalo
from hpcalo.errors import ModelError
from hpcalo.io.dataset import RESOLVED_INPUT
from hpcalo.io.lock import process_start_ticks
from hpcalo.parallel.guard import on_root

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

WARNINGS = "warnings"
"""Name of the text in the group `provenance` that holds the warnings of a run."""

SUMMARY = "summary"
"""Name of the text in the group `provenance` that holds the values of a run with their errors, as a table."""

LIBRARIES = ("numpy", "scipy", "h5py", "mpi4py", "petsc4py", "pydantic", "spglib")


@dataclass(frozen=True)
class Provenance:
    """Attributes for the root of a result file, and the longer texts for its group `provenance`."""

    attrs: dict[str, object] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def warned(self, lines: Iterable[str]) -> None:
        """Adds warnings of the run to the record: one line each, in the order given, none twice.

        Without any warning the text is there and empty: the run has not warned.
        """
        every = [*self.texts.get(WARNINGS, "").splitlines(), *(" ".join(line.split()) for line in lines)]
        self.texts[WARNINGS] = "\n".join(dict.fromkeys(every))


def provenance(
    comm: Intracomm,
    settings: BaseModel | Mapping[str, object],
    *,
    source: Path | None = None,
    overrides: Iterable[str] = (),
    model_sha256: str = "",
    layout: str = "",
) -> Provenance:
    """The record of this run, complete on every rank. Collective; call it when the result is ready to be written.

    model_sha256: a line `SHA-256  path` for each file of the model as it was read, on rank 0. layout: how the ranks
    shared the work, in words.
    """
    from mpi4py import MPI  # noqa: PLC0415

    hosts = comm.gather(socket.gethostname(), root=0)

    def collect() -> Provenance:
        attrs: dict[str, object] = {
            "hpcalo_version": hpcalo.__version__,
            "source_digest": source_digest(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "mpi_library": one_field(MPI.Get_library_version()),
            "hdf5_library": h5py.version.hdf5_version,
            "ranks": comm.size,
            "hosts": _list_hosts(hosts or []),
            "threads_per_rank": int(os.environ.get("OMP_NUM_THREADS", "0") or 0),
            "command": " ".join(sys.argv),
            "folder": str(Path.cwd()),
            "started": process_start().isoformat(timespec="seconds"),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        revision = git_revision()
        if revision:
            attrs["git_revision"] = revision
        if layout:
            attrs["rank_layout"] = layout
        attrs.update({f"{name}_version": version for name, version in library_versions().items()})
        job = os.environ.get("SLURM_JOB_ID") or os.environ.get("PBS_JOBID")
        if job:
            attrs["job"] = job
        texts = {RESOLVED_INPUT: resolved_toml(settings)}
        if source is not None:
            attrs["input_file"] = str(source)
            texts["original_input"] = original_text(source)
        overrides_text = "\n".join(overrides)
        if overrides_text:
            texts["overrides"] = overrides_text
        if model_sha256:
            texts["model_sha256"] = model_sha256
        return Provenance(attrs, texts)

    return on_root(comm, collect)


def remember(source: Path) -> None:
    """Reads what may change on disk while the program runs (input, program, revision). Call at the start, on rank 0."""
    for cached in (original_text, source_digest, git_revision):
        cached.cache_clear()
    original_text(source)
    source_digest()
    git_revision()


@cache
def original_text(source: Path) -> str:
    """The input file as it was at the start ("" if it could not be read)."""
    try:
        return source.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def resolved_toml(settings: BaseModel | Mapping[str, object]) -> str:
    """The complete input, defaults included, as TOML that reads back to the same settings."""
    data = settings.model_dump(mode="json", exclude_none=True) if isinstance(settings, BaseModel) else settings
    return tomli_w.dumps({key: _without_none(value) for key, value in data.items() if value is not None})


def library_versions() -> dict[str, str]:
    """Versions of the libraries that matter for a result, of those that are installed."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


@cache
def source_digest() -> str:
    """SHA-256 over the program's own Python and C++ sources: tells two working copies of one version apart."""
    package = Path(hpcalo.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(p for suffix in ("py", "cpp", "hpp") for p in package.rglob(f"*.{suffix}")):
        digest.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def git_revision() -> str | None:
    """The commit that is checked out around the package, or None. Reads the files: an MPI process should not fork."""
    root = Path(hpcalo.__file__).parent.parent
    git = root / ".git"
    try:
        if git.is_file():  # a worktree: `gitdir: PATH`
            git = (root / git.read_text().partition(":")[2].strip()).resolve()
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head if re.fullmatch("[0-9a-f]{40,64}", head) else None
        name = head.removeprefix("ref: ")
        common = git / (git / "commondir").read_text().strip() if (git / "commondir").is_file() else git
        if (common / name).is_file():
            return (common / name).read_text().strip()
        for line in (common / "packed-refs").read_text().splitlines():
            if line.endswith(" " + name):
                return line.split()[0]
    except (OSError, ValueError):
        pass
    return None


def sha256(path: Path) -> str:
    """Checksum of a file. Raises ModelError if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise ModelError(f"{path}: cannot be read: {problem.strerror}") from None


def process_start() -> datetime:
    """When this process was started (UTC)."""
    now = datetime.now(UTC).timestamp()
    ticks = process_start_ticks(os.getpid())
    if ticks is None:
        return datetime.fromtimestamp(now, UTC)
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return datetime.fromtimestamp(now - age, UTC)


def _list_hosts(hosts: list[str]) -> str:
    """The hosts and their ranks, shortened: `node1*64, node2*64`."""
    names = sorted(set(hosts))
    listed = ", ".join(f"{name}*{hosts.count(name)}" for name in names[:32])
    return listed + (f", … ({len(names)} hosts)" if len(names) > 32 else "")


def one_field(text: str) -> str:
    """The first sentence of a library's long version text."""
    return text.split(",", maxsplit=1)[0].split("\n", maxsplit=1)[0].strip().rstrip("\0")


def _without_none(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(k): _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [_without_none(v) for v in value if v is not None]
    return value
