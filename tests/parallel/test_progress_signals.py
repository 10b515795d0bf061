"""Progress lines, polite stops, thread limits."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from limits import HANG
from places import INPUTS
from threadpoolctl import threadpool_info

from hpcalo.errors import InputError, Interrupted, OutputError
from hpcalo.parallel import progress as module
from hpcalo.parallel import signals
from hpcalo.parallel.progress import Progress, duration
from hpcalo.parallel.signals import StopRequest
from hpcalo.parallel.terminal import Terminal as Stream
from hpcalo.parallel.threads import limit_threads, requested_threads, thread_report


class Rank:
    def __init__(self, rank=0):
        self.rank = rank


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_log_lines_extrapolate_rank_0s_share(clock):
    stream = io.StringIO()
    with Progress(1000, "k", Rank(), share=100, label="k-points", stream=stream) as progress:
        for _ in range(50):
            clock[0] += 1
            progress.advance()
    lines = stream.getvalue().splitlines()
    assert lines[0] == "k-points: 50/1000 k (5.0%), 10 k/s, elapsed 5 s, remaining 1:35 min"
    assert lines[-1] == "k-points: 500/1000 k (50.0%), 10 k/s, elapsed 50 s, remaining 50 s"
    assert len(lines) == 10  # the last one is not said twice


def test_long_runs_do_not_fill_the_log(clock):
    stream = io.StringIO()
    with Progress(7 * 86400, "ps", Rank(), stream=stream) as progress:
        for _ in range(7 * 1440):
            clock[0] += 60
            progress.advance(60)
    assert len(stream.getvalue().splitlines()) < 1200


def test_simulated_time_and_a_continued_run(clock):
    stream = io.StringIO()
    with Progress(5.0, "ns", Rank(), stream=stream) as progress:
        progress.start_at(4.0)
        clock[0] += 10
        progress.advance(0.5)
    assert stream.getvalue().splitlines()[0] == "4.5/5 ns (90.0%), 0.05 ns/s, elapsed 10 s, remaining 10 s"


@pytest.mark.parametrize("silent", [{"comm": Rank(1)}, {"comm": Rank(), "quiet": True}])
def test_silence(clock, silent):
    stream = io.StringIO()
    with Progress(10, "k", stream=stream, **silent) as progress:
        clock[0] += 100
        progress.advance(10)
    assert stream.getvalue() == ""


def test_bar_on_a_terminal():
    stream = Terminal()
    with Progress(10, "k", Rank(), label="k-points", stream=stream) as progress:
        progress.advance(10)
    assert "k-points" in stream.getvalue()
    assert "10/10 k" in stream.getvalue()


def test_durations():
    assert [duration(t) for t in (0.4, 59, 185, 7650, 3 * 86400 + 14400)] == [
        *("0 s", "59 s", "3:05 min", "2:07:30 h", "3 d 04:00 h")
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_first_signal_is_polite_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with StopRequest() as stop:
        assert not stop.requested
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)  # the same request, delivered twice
        assert stop.requested
        assert stop.name == number.name
    assert signal.getsignal(number) is before


def test_second_request_stops_at_once(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(signals.time, "monotonic", lambda: now[0])
    with StopRequest():
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGTERM)
        now[0] = 5.0
        os.kill(os.getpid(), signal.SIGUSR1)
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.mpi
def test_ranks_agree_to_stop(comm):
    with StopRequest() as stop:
        assert not stop.agreed(comm)
        if comm.rank == comm.size - 1:
            os.kill(os.getpid(), signal.SIGUSR1)
        assert stop.agreed(comm)


def test_threads(monkeypatch):
    monkeypatch.delenv("HPCALO_THREADS", raising=False)
    assert limit_threads() == 1
    np.ones((4, 4)) @ np.ones((4, 4))
    assert {library["num_threads"] for library in threadpool_info()} == {1}
    assert any("openblas" in line and "1 thread " in line for line in thread_report())
    for wrong in ("0", "-1", "two", "1.5", ""):
        monkeypatch.setenv("HPCALO_THREADS", wrong)
        with pytest.raises(InputError, match="HPCALO_THREADS"):
            requested_threads()


@pytest.mark.parametrize("where", [">/dev/full 2>&1", ">&- 2>&-", "2>&1 | true"])
def test_a_full_or_closed_log_loses_only_text(tmp_path, where):
    """The result is written, and the run ends with 0."""
    command = f'"{sys.executable}" -m hpcalo run rashba.toml --set kubo.k.grid=[4,4,1] {where}; exit ${{PIPESTATUS[0]}}'
    (tmp_path / "rashba.toml").write_text((INPUTS / "rashba.toml").read_text())
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, timeout=HANG, check=False)
    assert done.returncode == 0
    assert (tmp_path / "rashba.h5").exists()


def test_texts_do_not_control_a_terminal():
    """Escape sequences, what UTF-8 or the stream's encoding cannot hold; a needed one reports its failure."""
    buffer = io.BytesIO()
    stream = Stream(io.TextIOWrapper(buffer, encoding="ascii"))
    stream.write("\x1b[2J\x9b \udcff Γ\r\n")
    stream.flush()
    assert buffer.getvalue() == b"\\x1b[2J\\x9b \\udcff \\u0393\r\n"
    with open("/dev/full", "w") as full:
        lost = Stream(full)
        lost.write("x" * 10)
        lost.flush()
    needed = Stream(open("/dev/full", "w"), needed=True)  # noqa: SIM115
    with pytest.raises(OutputError, match="No space left"):
        needed.write("x" * 10) and needed.flush()
