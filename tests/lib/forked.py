"""Processes that need not load the program's libraries again: `python forked.py` loads them and then forks.

Each line that it reads is JSON, {"code", "arguments", "cwd"}: what `python -c CODE …` would do there. It answers with
[exit code, output, errors]; the code is negative where a signal ended the process. MPI starts after the fork.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

MODULES = (
    "hpcalo.__main__",
    "hpcalo.app.verbs.run",
    "hpcalo.app.verbs.restart",
    "hpcalo.kubo.run",
    "hpcalo.kubo.engine",
)


class Forked:
    """The process that forks, started by the first program."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, code: str, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, __file__],
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        words = [str(word) for word in arguments]
        self.process.stdin.write(json.dumps({"code": code, "arguments": words, "cwd": str(cwd)}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the process that forks is gone"
        return subprocess.CompletedProcess(words, *json.loads(answer))

    def close(self) -> None:
        if self.process is not None:
            self.process.communicate()


def fork(code: str, arguments: list[str], cwd: str) -> str | None:
    """Its end as JSON; None in the child, which is to run the code and end."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            for target, stream in ((0, None), (1, out), (2, err)):
                source = os.open(os.devnull, os.O_RDONLY) if stream is None else stream.fileno()
                os.dup2(source, target)
            os.chdir(cwd)
            sys.argv = ["-c", *arguments]
            return None
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said = []
        for stream in (out, err):
            stream.seek(0)
            said.append(stream.read().decode())
    return json.dumps([status, *said])


def serve() -> str | None:
    """Forks for each line; the code in a child, None at the end."""
    for line in sys.stdin:
        asked = json.loads(line)
        answer = fork(**asked)
        if answer is None:
            return str(asked["code"])
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()
    return None


if __name__ == "__main__":
    from importlib import import_module

    import_module("hpcalo.parallel.world").defer_start()
    for name in MODULES:
        import_module(name)
    if (program := serve()) is not None:
        exec(compile(program, "<forked>", "exec"), {"__name__": "__main__"})
