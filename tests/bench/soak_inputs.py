"""No input and no damaged file reaches exit code 70, a traceback or a standstill: many mutations, with seeds.

    python tests/bench/soak_inputs.py --inputs 100000 --files 10000 --seed 1
    python tests/bench/soak_inputs.py --inputs 0 --files 1 --seed 1234 --only result      one case again

Inputs are those of input/ with numbers, texts, lists and tables replaced, and go through `hpcalo check`. Files are a
result, a model, a checkpoint and the frames of an unfinished wall, sealed and without their seal, with damaged bytes;
they are read by every command that takes them. Batches run in processes of their own. Case n has the seed SEED + n.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import copy
import os
import random
import resource
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import tomli_w
from places import INPUTS

BATCH = 50
SECONDS = 60  # of the processor, for a batch's worst case
VALUES: list[Any] = [0, 1, -1, 3, 7, 10**6, 2**31, 2**63 - 1, 10**18]
VALUES += [0.0, -0.5, 1e-320, 1e-30, 1e-9, 0.1, 1e9, 1e30, 1e308, -1e308, True, False]
VALUES += ["", "x", "auto", "25 meV", "1e308 nm", "1e-320 J/m", "-3 K", "../../x", "µ" * 100, "\x1b[2J", "none"]
VALUES += [[], [0], [1e308], [[0, 0, 1]], [0, 0, 0], [1e-320, 1, 1], ["x"], {}, {"x": 1}]
KEYS = ["gamma", "mode", "file", "scan", "grid", "points", "temperatures", "x"]


def places(table: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in nested tables and lists."""
    items = table.items() if isinstance(table, dict) else enumerate(table) if isinstance(table, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def mutated_input(rng: random.Random, tables: list[dict[str, Any]]) -> dict[str, Any]:
    """One of the inputs with one to three values changed, scaled, removed or added."""
    table = copy.deepcopy(rng.choice(tables))
    for _ in range(rng.randint(1, 3)):
        path = rng.choice(list(places(table)))
        here: Any = table
        for part in path[:-1]:
            here = here[part]
        key, value = path[-1], here[path[-1]]
        kind = rng.choice(["value", "value", "scale", "scale", "drop", "other"])
        if kind == "scale" and isinstance(value, int | float) and not isinstance(value, bool):
            factor = rng.choice([1e-300, 1e-12, 1e-3, 0.5, -1, 2, 10, 1e3, 1e6, 1e12, 1e300])
            whole = isinstance(value, int) and abs(value * factor) < 2**63
            here[key] = int(value * factor) if whole else value * factor
        elif kind == "drop" and isinstance(here, dict):
            del here[key]
            if not table:
                return table
        elif kind == "other" and isinstance(here, dict):
            here[rng.choice(KEYS)] = rng.choice(VALUES)
        else:
            here[key] = rng.choice(VALUES)
    return table


def damaged(rng: random.Random, whole: bytes) -> bytes:
    """Bits flipped, words set, blocks zeroed, pieces cut out or repeated."""
    data = bytearray(whole)
    for _ in range(rng.choice([1, 1, 2, 5])):
        # The first kilobytes hold most of what describes a file.
        at = rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), 8192))
        kind = rng.choice(["flip", "byte", "word", "zeros", "cut", "remove", "repeat"])
        if kind == "flip":
            data[at] ^= 1 << rng.randrange(8)
        elif kind == "byte":
            data[at] = rng.choice([0, 1, 127, 128, 255])
        elif kind == "word":
            data[at : at + 4] = rng.choice([0, 1, 2**31 - 1, 2**32 - 1, 10**6]).to_bytes(4, "little")
        elif kind == "zeros":
            data[at : at + 64] = bytes(len(data[at : at + 64]))
        elif kind == "cut" and rng.random() < 0.3:
            del data[max(at, 1) :]
        elif kind == "remove":
            del data[at : at + rng.randint(1, 16)]
        elif kind == "repeat":
            data[at:at] = data[at : at + 16]
        data = data or bytearray(b"\0")
    return bytes(data)


def inputs(folder: Path) -> Callable[[random.Random], Callable[[], object]]:
    """`hpcalo check` of a changed input."""
    from hpcalo.app.verbs.check import check  # noqa: PLC0415

    tables = [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(INPUTS.glob("*.toml"))]
    tables = [table for table in tables if "file" not in str(table.get("model", "")) and "lcao" not in str(table)]

    def case(rng: random.Random) -> Callable[[], object]:
        path = folder / "case.toml"
        path.write_bytes(tomli_w.dumps(mutated_input(rng, tables)).encode("utf-8", "surrogatepass"))
        return lambda: check(path)

    return case


def files(folder: Path) -> dict[str, Callable[[random.Random], Callable[[], object]]]:
    """What is done with each kind of damaged file."""
    from inputs import small_wall  # noqa: PLC0415

    from hpcalo import app  # noqa: PLC0415
    from hpcalo.app.verbs.export import export  # noqa: PLC0415
    from hpcalo.errors import Interrupted  # noqa: PLC0415
    from hpcalo.hamiltonian.builtin import ferromagnet  # noqa: PLC0415
    from hpcalo.hamiltonian.modelfile import read_model, write_model  # noqa: PLC0415
    from hpcalo.io.description import describe  # noqa: PLC0415
    from hpcalo.io.hdf5 import read_dataset  # noqa: PLC0415
    from hpcalo.io.keeper import Keeper, StopRequested  # noqa: PLC0415
    from hpcalo.io.seal import LENGTH  # noqa: PLC0415
    from hpcalo.parallel.world import alone  # noqa: PLC0415

    wall = folder / "w.toml"
    wall.write_text(small_wall())
    app.run(alone(), wall, output=folder / "w.h5", quiet=True)
    write_model(folder / "m.h5", ferromagnet(orbitals=2))
    steps: list[int] = []
    ask = Keeper.check

    def stop(self: Keeper) -> None:
        steps.append(1)
        if len(steps) > 3:
            raise StopRequested("stopped")

    Keeper.check = stop  # type: ignore[method-assign]
    with contextlib.suppress(Interrupted):
        app.run(alone(), wall, output=folder / "u.h5", quiet=True)
    Keeper.check = ask  # type: ignore[method-assign]
    left = {path.name: path.read_bytes() for path in folder.glob("u.h5*")}
    result, model = (folder / "w.h5").read_bytes(), (folder / "m.h5").read_bytes()

    def unsealed(rng: random.Random, whole: bytes) -> bytes:
        return damaged(rng, whole[:-LENGTH] if rng.random() < 0.8 else whole)

    def of_result(rng: random.Random) -> Callable[[], object]:
        path = folder / "case.h5"
        path.write_bytes(unsealed(rng, result))
        uses = [describe, read_dataset, lambda p: export(p, "vtkhdf", output=folder / "o.vtkhdf", force=True)]
        return lambda: rng.choice(uses)(path)

    def of_model(rng: random.Random) -> Callable[[], object]:
        path = folder / "case.h5"
        path.write_bytes(unsealed(rng, model))
        return lambda: rng.choice([read_model, describe])(path)

    def of_rest(rng: random.Random, ending: str) -> Callable[[], object]:
        for path in folder.glob("u.h5*"):
            path.unlink()
        for name, content in left.items():
            bad = name.startswith(f"u.h5{ending}")
            (folder / name).write_bytes(damaged(rng, content) if bad else content)
        return lambda: app.restart(alone(), folder / "u.h5", quiet=True)

    return {
        "result": of_result,
        "model": of_model,
        "checkpoint": lambda rng: of_rest(rng, ".checkpoint"),
        "frames": lambda rng: of_rest(rng, ".frames"),
    }


def batch(case: Callable[[random.Random], Callable[[], object]], seeds: range, pipe: int) -> None:
    """Every case of these seeds: taken, refused in a line, or a failure, which is said with its seed."""
    from hpcalo.errors import HpcaloError, one_line  # noqa: PLC0415

    def say(text: str) -> None:
        os.write(pipe, f"{text}\n".encode("utf-8", "backslashreplace"))

    for seed in seeds:
        say(f"begin {seed}")
        use = case(random.Random(seed))
        begin = time.process_time()
        try:
            use()
            say("taken")
        except HpcaloError as problem:
            text = str(problem)
            say("refused" if text == one_line(text) and len(text) < 1500 else f"failed {seed} unreadable: {text!r}")
        except BaseException as problem:  # what the program would end with 70 on
            say(f"failed {seed} {type(problem).__name__}: {one_line(problem)[:200]}")
        if time.process_time() - begin > 2.0:
            say(f"slow {seed} {time.process_time() - begin:.1f} s")


def soak(case: Callable[[random.Random], Callable[[], object]], count: int, seed: int) -> collections.Counter[str]:
    """Counts how the cases end; in processes of their own, with limits."""
    found: collections.Counter[str] = collections.Counter()
    for first in range(seed, seed + count, BATCH):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            batch(case, range(first, min(first + BATCH, seed + count)), writing)
            os._exit(0)
        os.close(writing)
        last = ""
        with os.fdopen(reading, encoding="utf-8", errors="replace") as pipe:
            for line in pipe:
                word, _, rest = line.strip().partition(" ")
                if word == "begin":
                    last = rest
                else:
                    found[word] += 1
                    if word in {"failed", "slow"}:
                        print(f"  {word}: seed {rest}", flush=True)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code:
            found["killed"] += 1
            name = signal.Signals(-code).name if code < 0 else str(code)
            print(f"  killed: seed {last}: {name}", flush=True)
    return found


def main() -> int:
    """Runs the soak and prints one table; 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=2000)
    parser.add_argument("--files", type=int, default=200, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="input, result, model, checkpoint or frames")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)
        kinds = {"input": inputs(folder), **(files(folder) if given.files else {})}
        rows = {}
        for kind, case in kinds.items():
            count = given.inputs if kind == "input" else given.files
            if count and given.only in ("", kind):
                rows[kind] = soak(case, count, given.seed)
        columns = ("taken", "refused", "failed", "killed", "slow")
        print(f"{'':12}" + "".join(f"{column:>10}" for column in columns))
        for kind, row in rows.items():
            print(f"{kind:12}" + "".join(f"{row[column]:>10}" for column in columns))
    return int(any(row["failed"] or row["killed"] for row in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
