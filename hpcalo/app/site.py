"""What a node of the cluster has: as given, as the batch system says, or as this machine has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from hpcalo.parallel.work import Site

WAIT = 20.0  # seconds that the batch system may take to answer


def site_of(scheduler: str, partition: str = "", cores: int | None = None, memory: int | None = None) -> Site:
    """Cores and memory (MiB) of a node: what is given, else the smallest node of the partition. Serial.

    Where no batch system answers, a node is taken to have the cores of this machine, and its memory is not known.
    """
    if cores is not None and memory is not None:
        return Site(cores, memory, "as given", sure=True)
    found = {"slurm": _slurm, "pbs": _pbs}[scheduler](partition)
    if found is None:
        origin = "as given" if cores is not None else "as on this machine; change it with --cores-per-node"
        return Site(cores or os.cpu_count() or 1, memory, origin, sure=cores is not None)
    origin, nodes = found
    return Site(cores or min(c for c, _ in nodes), memory or min(m for _, m in nodes), origin, sure=True)


def _slurm(partition: str) -> tuple[str, list[tuple[int, int]]] | None:
    answer = _ask("sinfo", "--noheader", "--exact", "--format=%P %X %Y %m", *(["-p", partition] if partition else []))
    # Partition (the default one ends with *), sockets, cores a socket, MiB
    lines = re.findall(r"^(\S+) (\d+) (\d+) (\d+)$", answer, re.MULTILINE)
    default = [line for line in lines if line[0].endswith("*")]
    lines = lines if partition or not default else default
    if not lines:
        return None
    return f"partition {lines[0][0].rstrip('*')}", [(int(s) * int(c), int(m)) for _, s, c, m in lines]


def _pbs(partition: str) -> tuple[str, list[tuple[int, int]]] | None:
    nodes = []
    for text in re.split(r"\n\s*\n", _ask("pbsnodes", "-a")):
        cores = re.search(r"resources_available\.ncpus = (\d+)", text)
        memory = re.search(r"resources_available\.mem = (\d+)kb", text)
        if cores and memory:
            nodes.append((int(cores[1]), int(memory[1]) // 1024))
    return ("smallest node of pbsnodes", nodes) if nodes else None


def _ask(*command: str) -> str:
    """What the command says; nothing where it is not there or fails."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
