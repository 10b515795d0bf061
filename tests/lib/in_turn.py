"""Commands of the program one after the other in one process: `python in_turn.py '[["keys", "wall"], ["check", …]]'`.

Starting the program takes longer than most of what it says. For each command a line of JSON: exit code, output, errors.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

SCRIPT = Path(__file__)


def read(commands: Sequence[Sequence[str]], said: str) -> list[subprocess.CompletedProcess[str]]:
    """What each command ended with, of what this script has said about them."""
    return [subprocess.CompletedProcess(a, *json.loads(b)) for a, b in zip(commands, said.splitlines(), strict=True)]


def main(commands: Sequence[Sequence[str]]) -> None:
    """Runs them."""
    from hpcalo.__main__ import main as program  # noqa: PLC0415

    for arguments in commands:
        out, err, code = io.StringIO(), io.StringIO(), 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                program(list(arguments))
            except SystemExit as end:
                code = end.code
        sys.stdout.write(json.dumps([code or 0, out.getvalue(), err.getvalue()]) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
