"""Every bit that the shipped inputs give, a line for each array: to see that a change of the program changes no number.

    python tests/bench/record_bits.py --output before.txt                     this checkout
    python tests/bench/record_bits.py --hpcalo ../other --compare before.txt  another one against the record

Runs all of input/, shortened where a run is long, on 1, 2 and 3 ranks; some are also stopped midway by SIGTERM and
continued. Uses only the command line and the result files, so that it also runs where the program is arranged
otherwise. About five minutes on two cores.

A line of a number is `RUN RANKS PATH TYPE SHAPE SHA-256`; a line of words (units, descriptions, equations, labels,
warnings) is `attr RUN RANKS PATH TEXT`. What tells of time, place and versions is left out. With --compare the exit
code is 1 if a number differs. Records of different processors or libraries do not compare: they round differently.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))
from mpi_settings import mpi_settings

REPOSITORY = Path(__file__).resolve().parents[2]
RESTART = "+restart"
STOPPED = 75  # exit code of a run that a signal stopped
KILLED = (-signal.SIGTERM, 128 + signal.SIGTERM)  # of one that the signal reached while Python ended or began
TRIES = 12
SHOWN = 300  # characters of a text; of a longer one the checksum is recorded
LIMIT = 300  # seconds of one run
# Attributes of a result, and texts of its record, that tell of time, place and versions.
OF_THE_RUN = {
    *("command", "finished", "folder", "git_revision", "hdf5_library", "hosts", "input_file", "job", "mpi_library"),
    *("platform", "python", "rank_layout", "ranks", "source_digest", "started", "threads_per_rank"),
    *(f"electronic_structure_{name}" for name in ("finished", "sha256", "source_digest")),
}
RECORDED_TEXTS = ("resolved_input", "notes", "warnings")
# The step in which a run is stopped is done again: how much was solved then depends on the moment.
OF_THE_MOMENT = ("linear_iterations", "linear_solves")
HDF5_OWN = {"CLASS", "NAME", "REFERENCE_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates"}


@dataclass(frozen=True)
class Run:
    """One run of an input. overrides: for --set. continued: it is also stopped midway and continued. without: names of
    a table at the input's end that is left out. needs: runs whose results it reads.
    """

    source: str
    overrides: tuple[str, ...] = ()
    continued: bool = False
    without: str = ""
    needs: tuple[str, ...] = ()


# An input that is not named here runs as it is.
RUNS = {
    "fe_ahc": Run("fe_ahc", ("kubo.k={grid=[6,6,6]}", "kubo.energies.points=101")),
    "fete": Run("fete", ("kubo.k.grid=[2,2,2]", "kubo.energies.points=51")),
    "mnw001": Run("mnw001", ("kubo.k.grid=[2,2,1]", "kubo.energies.points=21", "kubo.temperatures=[100,300]")),
    "mnw001_small": Run("mnw001_small", ("kubo.k.grid=[8,8,1]",)),
    "mnw001_coefficients": Run("mnw001_coefficients", ("kubo.k.grid=[24,24,1]",)),
    "mnw001_wall": Run("mnw001_wall", ("time.end=0.01", "time.output_every=0.005"), needs=("mnw001_coefficients",)),
    "permalloy_wall": Run("permalloy_wall", ("time.end=0.05", "time.output_every=0.01"), continued=True),
    "permalloy_wall-sweep": Run(
        "permalloy_wall",
        ("time.end=0.01", "time.output_every=0.005", "sweep.key=drive.gradient", "sweep.values=[0.5,2.0,4.0,6.0]"),
        continued=True,
    ),
    "permalloy_wall_coupled": Run("permalloy_wall_coupled", ("time.end=0.002",), continued=True),
    "permalloy_wall_kappa-fine": Run("permalloy_wall_kappa", ("wire.cells=1601",), continued=True),
    "published_kappa-single": Run("published_kappa", ("paper.cells=101",), continued=True, without="scan|sweep"),
    "permalloy_wall_temperature": Run("permalloy_wall_temperature", ("sweep.values=[150.0,200.0,250.0]",)),
    "rashba": Run("rashba", ("kubo.k.grid=[96,96,1]",), continued=True),
}


class Program:
    """The command line of one checkout, in a folder with a copy of its inputs."""

    def __init__(self, python: Path, inputs: Path, folder: Path) -> None:
        self.python, self.folder = python, folder
        self.environment = {**os.environ, **mpi_settings()}
        shutil.copytree(inputs, folder / "input")
        self.runs = {path.stem: Run(path.stem) for path in sorted(inputs.glob("*.toml"))} | RUNS
        for name, run in self.runs.items():
            text = (folder / f"input/{run.source}.toml").read_text(encoding="utf-8")
            if run.without:
                text = re.split(rf"\[(?:{run.without})\]", text)[0]
            if name != run.source:
                (folder / f"input/{name}.toml").write_text(text, encoding="utf-8")

    def place(self) -> str:
        """Where the package is imported from."""
        code = "import hpcalo; print(hpcalo.__file__)"
        return subprocess.check_output([self.python, "-c", code], cwd=self.folder, text=True).strip()

    def run(self, name: str, ranks: int) -> float:
        """Makes NAME.h5 in one go; returns the seconds from its first sign of life."""
        process = self.start(ranks, *self.arguments(name))
        begin = self.alive(name, process)
        self.ended(process, name)
        return time.monotonic() - begin

    def stop_and_continue(self, name: str, ranks: int, seconds: float) -> None:
        """Makes NAME.h5 in two parts; seconds: what the whole takes."""
        early, late = 0.0, seconds
        for _ in range(TRIES):
            (self.folder / f"{name}.h5").unlink(missing_ok=True)
            process = self.start(ranks, *self.arguments(name))
            begin = self.alive(name, process)
            middle = 0.5 * (early + late)
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, begin + middle - time.monotonic()))
            for pid in children(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            self.ended(process, name, (0, STOPPED, *KILLED))
            if (self.folder / f"{name}.h5").exists():
                late, early = middle, 0.8 * early
            elif not list(self.folder.glob(f"{name}.h5*checkpoint-*")):
                early, late = middle, 1.2 * late
            else:
                self.ended(self.start(ranks, "restart", f"{name}.h5", "-q"), name)
                return
        sys.exit(f"{name} on {ranks} ranks: could not be stopped midway in {TRIES} tries")

    def arguments(self, name: str) -> list[str]:
        overrides = [part for text in self.runs[name].overrides for part in ("--set", text)]
        return ["run", f"input/{name}.toml", "-q", "--force", *overrides]

    def start(self, ranks: int, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["mpirun", "-n", str(ranks), str(self.python), "-m", "hpcalo", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def alive(self, name: str, process: subprocess.Popen[str]) -> float:
        """Waits until the run has locked its result, which is before it computes."""
        lock, begin = self.folder / f"{name}.h5.lock", time.monotonic()
        while process.poll() is None and not lock.exists() and time.monotonic() < begin + LIMIT:
            time.sleep(0.005)
        return time.monotonic()

    def ended(self, process: subprocess.Popen[str], name: str, codes: tuple[int, ...] = (0,)) -> None:
        """Waits for the end, which has to have one of these exit codes."""
        try:
            errors = process.communicate(timeout=LIMIT)[1]
        except subprocess.TimeoutExpired:
            process.terminate()
            process.communicate()
            sys.exit(f"{name}: still running after {LIMIT} s")
        if process.returncode not in codes:
            sys.exit(f"{name}: exit code {process.returncode}\n{errors}")


def children(parent: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry.name))
    return found


def lines_of(path: Path, run: str, ranks: int) -> Iterator[str]:
    """The record of one result."""
    left_out = OF_THE_MOMENT if run.endswith(RESTART) else ()

    def number(where: str, value: object) -> str:
        array = np.ascontiguousarray(value)
        shape = "x".join(map(str, np.shape(value))) or "scalar"
        return f"{run} {ranks} {where} {array.dtype.str} {shape} {hashlib.sha256(array.tobytes()).hexdigest()}"

    def words(where: str, value: object) -> str:
        text = json.dumps(value, ensure_ascii=False)
        if len(text) > SHOWN:
            text = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
        return f"attr {run} {ranks} {where} {text}"

    def attributes(where: str, item: h5py.Group | h5py.Dataset) -> Iterator[str]:
        for name, value in item.attrs.items():
            of_the_run = where == "/" and (name in OF_THE_RUN or name.endswith("_version"))
            if of_the_run or name in HDF5_OWN or name in left_out:
                continue
            if name == "DIMENSION_LIST":
                axes = [item.file[found[0]].name if len(found) else "" for found in value]
                yield words(f"{where}@axes", axes)
            elif np.asarray(value).dtype.kind in "biufc":
                yield number(f"{where}@{name}", value)
            else:
                yield words(f"{where}@{name}", plain(value))

    def visit(group: h5py.Group) -> Iterator[str]:
        yield from attributes(group.name, group)
        for name, item in group.items():
            if isinstance(item, h5py.Group):
                yield from visit(item)
                continue
            if name in left_out or (group.name == "/provenance" and name not in RECORDED_TEXTS):
                continue
            yield from attributes(item.name, item)
            if h5py.check_string_dtype(item.dtype) is not None:
                yield words(item.name, plain(item.asstr()[()]))
            else:
                yield number(item.name, item[()])

    with h5py.File(path, "r") as file:
        yield from visit(file)


def plain(value: object) -> object:
    """Texts as JSON can hold them."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        return [plain(one) for one in value.tolist()] if value.ndim else plain(value.item())
    return value


def record(program: Program, ranks: list[int], only: list[str]) -> list[str]:
    """Sorted lines of all runs, or of those that are named."""
    wanted = [name for name in program.runs if not only or name in only or f"{name}{RESTART}" in only]
    order = [need for name in wanted for need in program.runs[name].needs if need not in wanted] + wanted
    lines: list[str] = []
    for count in ranks:
        for name in sorted(order, key=lambda n: bool(program.runs[n].needs)):
            begin = time.monotonic()
            seconds = program.run(name, count)
            result = program.folder / f"{name}.h5"
            if name in wanted and (not only or name in only):
                lines += lines_of(result, name, count)
            tell(f"{name} on {count} ranks: {time.monotonic() - begin:.1f} s")
            if program.runs[name].continued and (not only or f"{name}{RESTART}" in only):
                begin = time.monotonic()
                program.stop_and_continue(name, count, seconds)
                lines += lines_of(result, f"{name}{RESTART}", count)
                tell(f"{name}{RESTART} on {count} ranks: {time.monotonic() - begin:.1f} s")
    return sorted(lines)


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def split(line: str) -> tuple[bool, tuple[str, str, str], str]:
    """(whether it is a line of words, run and ranks and path, the rest)."""
    words = line.startswith("attr ")
    run, ranks, path, rest = line.removeprefix("attr ").split(" ", 3)
    return words, (run, ranks, path), rest


def compare(before: list[str], now: list[str], ranks: list[int], only: list[str]) -> bool:
    """Prints what differs, numbers first; returns whether any number does."""
    known: dict[bool, dict[tuple[str, str, str], str]] = {False: {}, True: {}}
    found: dict[bool, dict[tuple[str, str, str], str]] = {False: {}, True: {}}
    for lines, table in ((before, known), (now, found)):
        for line in lines:
            words, key, rest = split(line)
            if int(key[1]) in ranks and (not only or key[0] in only):
                table[words][key] = rest
    for words, name in ((False, "numbers"), (True, "words")):
        keys = sorted(key for key in {**known[words], **found[words]} if known[words].get(key) != found[words].get(key))
        print(f"{name}: {len(found[words])} recorded, {len(keys)} differ")
        for key in keys:
            print(" ", *key)
            print("    before:", known[words].get(key, "absent"))
            print("    now:   ", found[words].get(key, "absent"))
    return known[False] != found[False]


def remark(lines: list[str]) -> None:
    """Says which arrays do not have the same bits on all numbers of ranks, or after a restart."""
    bits: dict[tuple[str, str], dict[str, str]] = {}
    for line in lines:
        words, (run, ranks, path), rest = split(line)
        if not words:
            run, _, how = run.partition("+")
            bits.setdefault((run, path), {})[f"{ranks}{'+' + how if how else ''}"] = rest
    for (run, path), values in sorted(bits.items()):
        if len(set(values.values())) > 1:
            alike: dict[str, list[str]] = {}
            for ranks, rest in values.items():
                alike.setdefault(rest, []).append(ranks)
            tell(f"not the same bits: {run} {path}: {' / '.join(', '.join(ranks) for ranks in alike.values())} ranks")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--hpcalo", type=Path, help="a Python that has hpcalo, or a checkout with .venv (default: this one)"
    )
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="runs, as in the record's first column")
    parser.add_argument("--output", type=Path, help="file of the record (default: the terminal, unless --compare)")
    parser.add_argument("--compare", type=Path, help="an earlier record")
    asked = parser.parse_args()
    python, inputs = Path(sys.executable), REPOSITORY / "input"
    if asked.hpcalo is not None:
        given = asked.hpcalo.absolute()
        python, inputs = (given / ".venv/bin/python", given / "input") if given.is_dir() else (given, inputs)
    before = asked.compare.read_text(encoding="utf-8").splitlines() if asked.compare else []
    with tempfile.TemporaryDirectory(prefix="hpcalo-bits-") as folder:
        program = Program(python, inputs, Path(folder))
        names = {*program.runs, *(f"{name}{RESTART}" for name, run in program.runs.items() if run.continued)}
        if unknown := sorted(set(asked.only) - names):
            sys.exit(f"{unknown[0]}: is none of {', '.join(sorted(names))}")
        tell(f"package: {program.place()}")
        lines = record(program, asked.ranks, asked.only)
    remark(lines)
    text = "".join(f"{line}\n" for line in lines)
    if asked.output:
        asked.output.write_text(text, encoding="utf-8")
    elif not asked.compare:
        print(text, end="")
    return int(compare(before, lines, asked.ranks, asked.only)) if asked.compare else 0


if __name__ == "__main__":
    sys.exit(main())
