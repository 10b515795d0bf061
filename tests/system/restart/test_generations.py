"""Two generations of checkpoints: torn ones are told and passed over; what does not belong together is refused."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from inputs import FILM
from journeys import rashba
from places import REPOSITORY
from program import NOTHING, SAVE, STOP, differences, meetings, stopped

from hpcalo import app
from hpcalo.errors import CheckpointError, Interrupted, OutputError
from hpcalo.io import checkpoint
from hpcalo.kubo import run as kubo
from hpcalo.kubo.sums import checkpoints as kubo_checkpoints
from hpcalo.kubo.sums import plan as kubo_plan


def interrupted(comm, folder: Path) -> None:
    """An input (r.toml), its result (whole.h5), and one (a.h5) with checkpoints number 2 (older) and 3."""
    path = rashba(comm, folder, "torkance")
    app.run(comm, path, output=folder / "whole.h5", quiet=True)
    with meetings(NOTHING, SAVE, SAVE, NOTHING, STOP), pytest.raises(Interrupted):
        app.run(comm, path, output=folder / "a.h5", quiet=True)


@pytest.fixture(scope="module")
def made(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    interrupted(world, folder)
    return folder


@pytest.fixture
def unfinished(made, tmp_path):
    """The result with two checkpoints, a copy for each test."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "a.h5"


@pytest.fixture
def source(unfinished):
    return unfinished.with_name("r.toml")


def by_age(output):
    return sorted(checkpoint.generations(output), key=lambda path: checkpoint.read_file(path).sequence)


DAMAGE = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "a little short": lambda data: data[:-200],
    "garbage": lambda data: os.urandom(5000),
    "text": lambda data: b"Segmentation fault (core dumped)\n",
    "zeros at the end": lambda data: data[: len(data) // 2] + bytes(len(data) - len(data) // 2),
    **{f"bit {n}": (lambda data, n=n: flip(data, n)) for n in range(12)},
}


def flip(data: bytes, n: int) -> bytes:
    """One bit turned; places spread over the file."""
    place = (n * 2654435761) % (8 * len(data))
    changed = bytearray(data)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_older_one_is_used_and_told(comm, tmp_path, unfinished, capsys, damage):
    older, newer = by_age(unfinished)
    newer.write_bytes(DAMAGE[damage](newer.read_bytes()))
    found = checkpoint.read(unfinished)
    assert (found.path, found.sequence) == (older, 2)
    app.restart(comm, unfinished, quiet=True)
    lines = [line for line in capsys.readouterr().err.splitlines() if "checkpoint" in line]
    assert len(lines) == 2, lines
    assert lines[0].startswith(f"hpcalo: warning: {newer.name} is damaged (")
    assert lines[1] == f"hpcalo: warning: continuing from the older {older.name}"
    assert differences(tmp_path / "whole.h5", unfinished) == []


def test_the_newest_whole_one_is_used_silently(comm, unfinished, capsys):
    older, newer = by_age(unfinished)
    older.write_bytes(older.read_bytes()[:999])
    assert checkpoint.read(unfinished).path == newer
    newer.rename(older)  # also under the other name
    assert checkpoint.read(unfinished).remarks == ()


@pytest.mark.parametrize("damage", ["empty", "garbage", "bit 3"])
def test_both_torn_is_one_line(comm, unfinished, damage):
    for path in checkpoint.generations(unfinished):
        path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(CheckpointError, match=r"no checkpoint to continue from: .*-a is damaged .*-b is damaged") as e:
        app.restart(comm, unfinished, quiet=True)
    assert "\n" not in str(e.value)
    with pytest.raises(CheckpointError, match="there is no checkpoint to continue from"):
        app.restart(comm, unfinished.with_name("nothing.h5"), quiet=True)


def test_a_new_run_leaves_an_unfinished_one_alone(comm, tmp_path, source, unfinished):
    before = [path.read_bytes() for path in checkpoint.generations(unfinished)]
    for dry in (False, True):
        with pytest.raises(CheckpointError, match=r"'hpcalo restart .*a\.h5' continues it, --force starts over"):
            app.run(comm, source, output=unfinished, quiet=True, dry_run=dry)
    app.run(comm, source, output=unfinished, quiet=True, dry_run=True, force=True)
    assert [path.read_bytes() for path in checkpoint.generations(unfinished)] == before
    app.run(comm, source, output=unfinished, quiet=True, force=True)
    assert not checkpoint.exists(unfinished)
    assert differences(tmp_path / "whole.h5", unfinished) == []


def test_a_forced_run_leaves_the_checkpoints_of_a_running_one_alone(comm, source, unfinished):
    lock = unfinished.with_name(unfinished.name + ".lock")
    lock.write_text('{"host": "elsewhere", "pid": 5}')
    with pytest.raises(OutputError, match="another run is writing it"):
        app.run(comm, source, output=unfinished, quiet=True, force=True)
    with pytest.raises(OutputError, match="another run is writing it"):
        app.restart(comm, unfinished, quiet=True)
    assert checkpoint.read(unfinished).sequence == 3


def test_changed_model_is_refused(comm, tmp_path, monkeypatch):
    model = tmp_path / "fe.h5"
    data = (REPOSITORY / "input/models/mnw3_dzp.h5").read_bytes()
    model.write_bytes(data)
    source = tmp_path / "film.toml"
    source.write_text(FILM.replace("{folder}/input/models/mnw3_dzp.h5", "fe.h5"))
    stopped(comm, 1, source, tmp_path / "a.h5", 1)
    # Other numbers in the file: nothing else would show that the sums are of two models.
    model.write_bytes(data[: -(2**10)] + bytes(2**10))
    monkeypatch.setattr(kubo, "load_model", lambda *a, real=kubo.load_model: _read_intact(real, model, data, *a))
    with pytest.raises(CheckpointError, match="with other model files than those there are now"):
        app.restart(comm, tmp_path / "a.h5", quiet=True)
    assert checkpoint.exists(tmp_path / "a.h5")


def _read_intact(real, model, data, *arguments):
    """As if the changed file were a good model of the same shape."""
    changed = model.read_bytes()
    model.write_bytes(data)
    try:
        return real(*arguments)
    finally:
        model.write_bytes(changed)


def test_changed_program_is_refused(comm, unfinished, monkeypatch):
    monkeypatch.setattr(kubo, "__version__", "99.0")
    monkeypatch.setattr(kubo_checkpoints, "__version__", "99.0")
    with pytest.raises(CheckpointError, match=r"was written by hpcalo .*, this is 99\.0; .* --force"):
        app.restart(comm, unfinished, quiet=True)


def test_other_points_or_blocks_are_refused(comm, unfinished, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(kubo_plan, "block_size", lambda size: 50)
        with pytest.raises(CheckpointError, match=r"has 4 blocks .* this calculation 8 "):
            app.restart(comm, unfinished, quiet=True)
    monkeypatch.setattr(kubo_plan.Pass, "fingerprint", lambda self: "another")
    with pytest.raises(CheckpointError, match="belongs to other k-points, energies or quantities"):
        app.restart(comm, unfinished, quiet=True)


def test_changed_input_file_does_not_matter(comm, tmp_path):
    """The checkpoint holds the whole input; the file may be gone."""
    interrupted(comm, tmp_path)
    (tmp_path / "r.toml").unlink()
    app.restart(comm, tmp_path / "a.h5", quiet=True)
    assert differences(tmp_path / "whole.h5", tmp_path / "a.h5") == []


def test_killed_after_the_rename(comm, tmp_path, unfinished):
    """The result is there, only its checkpoints were not removed: the job that comes next finds it complete."""
    result = tmp_path / "whole.h5"
    for path, name in zip(checkpoint.generations(unfinished), checkpoint.generations(result), strict=True):
        path.rename(name)
    bits = result.read_bytes()
    old = time.time() - 100
    os.utime(result, (old, old))  # an older result of the same input, that a forced run was to replace
    with pytest.raises(OutputError, match="exists already"):
        app.restart(comm, result, quiet=True)
    os.utime(result)
    assert app.restart(comm, result, quiet=True) == f"result: {result} (already complete)"
    assert result.read_bytes() == bits
    assert not checkpoint.exists(result)


def test_success_leaves_nothing_behind(comm, tmp_path, unfinished):
    (tmp_path / "a.h5.checkpoint-a.part-there-17").write_text("of a killed run")
    app.restart(comm, unfinished, quiet=True)
    assert {path.name for path in tmp_path.iterdir()} == {"a.h5", "whole.h5", "r.toml"}
