"""Sends signals at random times to every command and counts how the commands end.

    python tests/bench/soak_signals.py                           50 signals to each command
    python tests/bench/soak_signals.py --signals 500 check run   500 to each of these

Each command is timed first, without a signal; then a SIGTERM, SIGINT or SIGUSR1 comes at a time that is uniform
between its start and a little after its end. The ends are counted as

    answered    one line and the documented code (75; 130 without a line for SIGINT to a command that keeps nothing)
    done        code 0: the signal came when the work was done
    at once     a second signal, a second or more after the first, ended a run in one line with 75
    too early   before the program listens: the operating system's answer (or Python's own, to SIGINT)
    WRONG       anything else: another code, a traceback, more than one line, files left behind, no end

The script prints what a wrong end said and ends with 1 if there was one. Needs no result files: it makes them.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from inputs import PULLED, RASHBA
from killing import ranks_of
from mpi_settings import mpi_settings
from program import stopped
from wannier_files import write_tb, write_win

from hpcalo.api import load_model
from hpcalo.parallel.world import alone

PROGRAM = [sys.executable, "-c", "from hpcalo.start import main; main()"]  # what the installed `hpcalo` does
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
KUBO = RASHBA.format(quantities='"torkance"', energies="", side="40")
WALL = PULLED.format(mode="quasi-static", end=1e-4, integrator="rk")
LIMIT = 180.0  # seconds until a command counts as hung

COMMANDS = {
    "check": ("check", "kubo.toml"),
    "check-wall": ("check", "wall.toml"),
    "keys": ("keys", "wall"),
    "info": ("info", "old.h5"),
    "plot": ("plot", "old.h5", "-o", "new.png"),
    "report": ("report", "old.h5", "-o", "new.html"),
    "export": ("export", "old.h5", "--quantity", "torkance_even", "-o", "new.csv"),
    "convert": ("convert", "model_tb.dat", "--spin", "none", "-o", "new-model.h5"),
    "submit": ("submit", "kubo.toml", "--dry-run"),
    "run": ("run", "kubo.toml", "-q", "-o", "new.h5"),
    "run-wall": ("run", "wall.toml", "-q", "-o", "new.h5"),
    "restart": ("restart", "stopped.h5", "-q"),
    "mpi-run": ("run", "kubo.toml", "-q", "-o", "new.h5"),
    "mpi-run-wall": ("run", "wall.toml", "-q", "-o", "new.h5"),
}
RUNS = ("run", "restart")
ENVIRONMENT = {**os.environ, **mpi_settings()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help=f"of: {', '.join(COMMANDS)} (default: all)")
    parser.add_argument("--signals", type=int, default=50, help="signals to each command")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if unknown := [name for name in options.commands if name not in COMMANDS]:
        parser.error(f"unknown command {unknown[0]}")
    chance, wrong = random.Random(options.seed), 0
    with tempfile.TemporaryDirectory(prefix="hpcalo-soak-") as folder:
        made = prepare(Path(folder) / "made")
        for name in options.commands or COMMANDS:
            counts = soak(name, made, options.signals, chance)
            wrong += counts["WRONG"]
            print(f"{name:14s}", ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())), flush=True)
    return min(wrong, 1)


def prepare(folder: Path) -> Path:
    """A folder with inputs, a result, a model file, and a run that was stopped."""
    folder.mkdir()
    (folder / "kubo.toml").write_text(KUBO)
    (folder / "wall.toml").write_text(WALL)
    subprocess.run([*PROGRAM, "run", "kubo.toml", "-q", "-o", "old.h5"], cwd=folder, env=ENVIRONMENT, check=True)
    write_tb(folder / "model_tb.dat", load_model("haldane"))
    write_win(folder / "model.win", load_model("haldane"))
    here = Path.cwd()
    os.chdir(folder)
    stopped(alone(), 1, Path("kubo.toml"), Path("stopped.h5"), after=1)
    os.chdir(here)
    return folder


def soak(name: str, made: Path, signals: int, chance: random.Random) -> Counter[str]:
    """Counts the ends of one command."""
    begin = time.monotonic()
    once(name, made, chance, None)
    takes = time.monotonic() - begin
    counts: Counter[str] = Counter()
    for _ in range(signals):
        number, moment = chance.choice(SIGNALS), chance.uniform(0.0, 1.05 * takes)
        kind, words = once(name, made, chance, number, moment, again=chance.random() < 0.2)
        counts[kind] += 1
        if kind == "WRONG":
            print(f"WRONG: {name}, {number.name} after {moment:.3f} s\n{words}", flush=True)
    return counts


def once(
    name: str,
    made: Path,
    chance: random.Random,
    number: signal.Signals | None,
    moment: float = 0.0,
    *,
    again: bool = False,
) -> tuple[str, str]:
    """Runs the command once in a fresh copy of the folder: the kind of its end, and what it said."""
    place = made.with_name("place")
    shutil.copytree(made, place)
    launcher = ["mpirun", "-n", "2"] if name.startswith("mpi-") else []
    command = [*launcher, *PROGRAM, *COMMANDS[name]]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=place, env=ENVIRONMENT, text=True, **quiet)
    try:
        if number is not None:
            time.sleep(moment)
            victims = targets(name, process, chance)
            send(victims, number)
            if again:
                time.sleep(chance.uniform(1.1, 1.5))
                send(victims, number)
        out, err = process.communicate(timeout=LIMIT)
        left = {path.name for path in place.iterdir()} - {path.name for path in made.iterdir()}
        words = f"code {process.returncode}, left {sorted(left)}\n{err}{out}"
        return kind_of_end(name, process.returncode, number, err, left), words
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        return "WRONG", f"still running after {LIMIT:.0f} s\n{err}{out}"
    finally:
        shutil.rmtree(place)


def targets(name: str, process: subprocess.Popen[str], chance: random.Random) -> list[int]:
    """The process; under a launcher one of the ranks, or all of them, as batch systems do."""
    if not name.startswith("mpi-"):
        return [process.pid]
    ranks = ranks_of(process.pid)
    return ranks if chance.random() < 0.5 else ranks[-1:]


def send(victims: list[int], number: signal.Signals) -> None:
    """Sends the signal to those that are still there."""
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def kind_of_end(name: str, code: int, number: signal.Signals | None, err: str, left: set[str]) -> str:
    """One of the kinds that the module's docstring names."""
    lines = [line for line in err.splitlines() if line.startswith("hpcalo: ") and "warning" not in line]
    runs = COMMANDS[name][0] in RUNS
    wanted = set(COMMANDS[name][COMMANDS[name].index("-o") + 1 :]) if "-o" in COMMANDS[name] else set()
    ends = (".checkpoint-a", ".checkpoint-b", ".frames")
    stays = {f"{output}{end}" for output in (*wanted, "stopped.h5") for end in ends}
    if code == 0:
        return "done" if left <= {*wanted, "stopped.h5"} and not lines else "WRONG"
    if number is None or left - (stays if runs else set()):
        return "WRONG"
    if number == signal.SIGINT and not runs and (code, err) == (130, ""):
        return "answered"
    if not lines and (code in {-number, 128 + number} or "KeyboardInterrupt" in err):
        return "too early" if not left and "__main__.py" not in err else "WRONG"
    if code != 75 or len(lines) != 1 or "Traceback" in err:
        return "WRONG"
    return "at once" if "at once" in lines[0] else "answered"


if __name__ == "__main__":
    raise SystemExit(main())
