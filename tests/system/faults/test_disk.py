"""Full disks, folders that may not be written, and two runs of one output."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from inputs import saving
from limits import HANG
from places import SLOWLY
from program import differences, one_complaint

from hpcalo import app
from hpcalo.io import checkpoint
from hpcalo.parallel.world import alone


def test_full_while_saving(launch, small_disk, tmp_path):
    """The first checkpoints fit, then something else fills the disk; room is made, and the run goes on."""
    disk, _ = small_disk
    (disk / "a.toml").write_text(saving())
    app.run(alone(), disk / "a.toml", output=tmp_path / "whole.h5", quiet=True)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from hpcalo.io import checkpoint\n"
        "from hpcalo.parallel.rounds import Rounds\n"
        "real, Rounds.meeting = checkpoint.write, lambda self: (True, False)\n"
        "def write(result, state):\n"
        "    if state.sequence == 3:\n"
        "        try: Path('filler').write_bytes(bytes(4 * 2**20))\n"
        "        except OSError: pass\n"
        "    return real(result, state)\n"
        "checkpoint.write = write\n"
        "from hpcalo.__main__ import main\n"
        "main(['run', 'a.toml', '-q'])\n"
    )
    result = launch(2, "-c", code, cwd=disk)
    one_complaint(
        result, 5, "a.h5.checkpoint-", "the checkpoint cannot be written: No space left on device", "restart a.h5"
    )
    assert not (disk / "a.h5").exists()
    assert not list(disk.glob("*.part-*"))
    found = checkpoint.read(disk / "a.h5")
    assert (found.sequence, found.remarks) == (2, ())
    (disk / "filler").unlink()
    app.restart(alone(), disk / "a.h5", quiet=True)
    assert differences(tmp_path / "whole.h5", disk / "a.h5") == []


def test_full_at_the_end(launch, small_disk):
    """No room for the result: nothing of it is left, and no checkpoint is lost."""
    disk, _ = small_disk
    (disk / "a.toml").write_text(saving(interval=600.0, points=2001))
    (disk / "filler").write_bytes(bytes(2**21 - 2**16))
    one_complaint(launch(0, "-m", "hpcalo", "run", "a.toml", "-q", cwd=disk), 5, "a.h5", "No space left on device")
    assert {path.name for path in disk.iterdir()} == {"a.toml", "filler"}


@pytest.mark.parametrize("ranks", [0, 2])
def test_read_only(launch, small_disk, ranks):
    """Told before anything is computed, also to root."""
    disk, remount = small_disk
    (disk / "a.toml").write_text(saving())
    assert remount("ro")
    result = launch(ranks, "-m", "hpcalo", "run", "a.toml", "-q", cwd=disk)
    one_complaint(result, 5, "a.h5")
    assert "Read-only file system" in result.stderr or "no permission" in result.stderr


def test_becomes_read_only(launch_environment, small_disk, tmp_path):
    """As file systems do that find an error in themselves. The last checkpoint stands."""
    disk, remount = small_disk
    (disk / "a.toml").write_text(saving(interval=0.01, side=40))
    command = [sys.executable, SLOWLY, "0.5", "run", "a.toml", "-q"]
    process = subprocess.Popen(command, cwd=disk, env=launch_environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + HANG
    while not checkpoint.exists(disk / "a.h5") and time.monotonic() < deadline:
        time.sleep(0.01)
    while not remount("ro"):  # busy while a file is open for writing
        assert process.poll() is None, "the run was too short"
        time.sleep(0.01)
    assert process.wait(HANG) == 5
    complaint = process.stderr.read()
    assert complaint.count("hpcalo: error:") == 1
    assert "Read-only file system" in complaint
    assert remount("rw", "size=2m")
    app.restart(alone(), disk / "a.h5", quiet=True)
    app.run(alone(), disk / "a.toml", output=tmp_path / "whole.h5", quiet=True)
    assert differences(tmp_path / "whole.h5", disk / "a.h5") == []


def test_two_runs_of_one_output(launch_environment, in_turn, tmp_path):
    (tmp_path / "a.toml").write_text(saving(interval=0.01, side=120))
    command = [sys.executable, SLOWLY, "1", "run", "a.toml", "-q"]
    first = subprocess.Popen(command, cwd=tmp_path, env=launch_environment, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + HANG
        while not checkpoint.exists(tmp_path / "a.h5") and time.monotonic() < deadline:
            time.sleep(0.01)
        others = in_turn(["run", "a.toml", "-q"], ["run", "a.toml", "--force", "-q"], ["restart", "a.h5", "-q"])
        assert first.poll() is None, "the first run was too short"
        for second in others:
            one_complaint(second, 5, "another run is writing it", f"process {first.pid}")
            assert checkpoint.exists(tmp_path / "a.h5")
    finally:
        first.send_signal(signal.SIGTERM)
        first.wait(HANG)
    assert first.returncode == 75, first.stderr.read()
