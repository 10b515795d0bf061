"""A page of docs/develop followed literally: its files written into an empty folder, its test run, a run made.

The files of a page are its Python blocks with a title. They are not written into the package; the package is told to
look into the folder, too, as it would look into its own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from in_turn import read
from limits import HANG
from places import REPOSITORY

CONFTEST = """
import {package}
{package}.__path__.append({folder!r})
"""


@dataclass(frozen=True)
class Followed:
    """`files`: paths that the page adds, relative to the repository. `folder`: where they lie. `packages`: those that
    they extend.
    """

    files: tuple[str, ...]
    folder: Path
    packages: tuple[str, ...]

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs Python in the folder with the new files in the package. Raises AssertionError where it fails."""
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=HANG, check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY / "tests" / "lib")},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done

    def hpcalo(self, *arguments: str) -> str:
        """Output of the program with the new files in the package."""
        (self.folder / "program.py").write_text(
            f"{self.extension()}import sys\nfrom hpcalo.__main__ import main\nsys.exit(main(sys.argv[1:]))\n"
        )
        return self.python("program.py", *arguments).stdout

    def in_turn(self, *commands: Sequence[str]) -> list[str]:
        """Outputs of several commands of the program in one process. Raises AssertionError where one fails."""
        (self.folder / "programs.py").write_text(
            f"{self.extension()}import json, sys\nfrom in_turn import main\nmain(json.loads(sys.argv[1]))\n"
        )
        done = read(commands, self.python("programs.py", json.dumps(commands)).stdout)
        for one in done:
            assert one.returncode == 0, f"{one.args}\n{one.stdout[-3000:]}{one.stderr[-3000:]}"
        return [one.stdout for one in done]

    def test(self) -> None:
        """Runs the page's tests."""
        (self.folder / "conftest.py").write_text(self.extension())
        tests = [str(self.folder / name) for name in self.files if Path(name).name.startswith("test_")]
        assert tests
        self.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(self.folder), *tests)

    def extension(self) -> str:
        """Python lines that make the new files part of the package."""
        folders = {package: self.folder / package.replace(".", "/") for package in self.packages}
        return "".join(CONFTEST.format(package=name, folder=str(folder)) for name, folder in folders.items())


def follow(page: str, package: str, folder: Path, *more: str, only: tuple[str, ...] = ()) -> Followed:
    """Writes the files of docs/develop/`page` below `folder` (of a page with several examples `only` these); those of
    `package` and of `more` packages are then part of them.
    """
    text = (REPOSITORY / "docs" / "develop" / page).read_text()
    found = re.findall(r'(?ms)^```python title="([^"]+)"\n(.*?)^```', text)
    if only:
        found = [(name, content) for name, content in found if name in only]
    for name, content in found:
        assert not (REPOSITORY / name).exists(), f"{name}: the page must add files, not change them"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return Followed(tuple(name for name, _ in found), folder, (package, *more))
