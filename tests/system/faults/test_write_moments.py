"""A process that dies at exactly the wrong moment of a write: what is on disk is the old file or the new one."""

from __future__ import annotations

import pytest
from inputs import RASHBA
from program import differences

from hpcalo.io import checkpoint

# The process ends, without a farewell, at call number COUNT of FUNCTION (of the module os, or of a file).
PROGRAM = """
import os, sys, signal
from hpcalo.io import files
from hpcalo.parallel.rounds import Rounds

function, count = sys.argv[1], int(sys.argv[2])
real = getattr(os, function.removesuffix("-after"))

def die(*arguments, **options):
    global count
    if function.endswith("-after"):
        real(*arguments, **options)
    count -= 1
    if count == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    if not function.endswith("-after"):
        return real(*arguments, **options)

setattr(os, function.removesuffix("-after"), die)
Rounds.meeting = lambda self: (True, False)
from hpcalo.__main__ import main
main(["run", "r.toml", "-o", "a.h5", "-q", "--force"])
"""
# os.replace renames each of the 8 checkpoints and, where it replaces an older result, the result; os.fsync is called
# twice for each file: before the rename for the file, after it for the folder.
NEW = [("replace", 1), ("replace", 2), ("replace-after", 3), ("fsync", 4), ("fsync", 17), ("fsync", 18)]
OLD = [("replace", 8), ("replace", 9), ("replace-after", 9), ("fsync-after", 18)]
MOMENTS = [(*moment, moment in OLD) for moment in NEW + OLD]


HPCALO = "from hpcalo.__main__ import main\nmain()"


@pytest.fixture(scope="module")
def whole(tmp_path_factory, forked):
    """An input, and its result."""
    folder = tmp_path_factory.mktemp("whole")
    text = RASHBA.format(quantities='"torkance"', energies="", side="20")
    (folder / "r.toml").write_text(text)
    assert forked(HPCALO, "run", "r.toml", "-o", "whole.h5", "-q", cwd=folder).returncode == 0
    return folder / "r.toml", folder / "whole.h5"


@pytest.mark.parametrize(("function", "count", "old"), MOMENTS, ids=[f"{f}-{c}" for f, c, _ in MOMENTS])
def test_killed_at(forked, whole, tmp_path, function, count, old):
    """old: the run is to replace an older result, by a rename; a new one gets its name by a link."""
    source, result = whole
    (tmp_path / "r.toml").write_text(source.read_text())
    older = b"an older result"
    if old:
        (tmp_path / "a.h5").write_bytes(older)
    assert forked(PROGRAM, function, str(count), cwd=tmp_path).returncode == -9
    if (tmp_path / "a.h5").exists() and (tmp_path / "a.h5").read_bytes() != older:
        assert differences(result, tmp_path / "a.h5") == []
    else:
        assert (tmp_path / "a.h5").exists() == old
    for path in checkpoint.generations(tmp_path / "a.h5"):
        if path.exists():
            checkpoint.read_file(path)
    command = ["restart", "a.h5"] if checkpoint.exists(tmp_path / "a.h5") else ["run", "r.toml", "-o", "a.h5"]
    again = forked(HPCALO, *command, "-q", *(["--force"] if old else []), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert differences(result, tmp_path / "a.h5") == []
    assert {path.name for path in tmp_path.iterdir()} == {"a.h5", "r.toml"}
