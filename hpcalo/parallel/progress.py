"""Progress as rank 0 sees it: a bar on a terminal, plain lines at growing intervals in a batch log."""

from __future__ import annotations

import time
from types import TracebackType
from typing import IO, TYPE_CHECKING, NoReturn

from hpcalo.errors import short_paths
from hpcalo.parallel.terminal import Terminal, errors

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm
    from tqdm import tqdm

FIRST_LINE = 5.0  # seconds; shorter runs leave no progress lines in a log
LINE_EVERY = (5.0, 600.0)  # seconds between lines at the start and at most: a week of work is some thousand lines


class Progress:
    """Counts work done towards `total` and shows done/total, rate, elapsed and remaining time on rank 0.

    `share` is what rank 0 will do of the total (default: all of it); what it has done is scaled up, so that the other
    ranks need not be asked. Works for counted things (`unit="k"`) and for simulated time (`total=5.0, unit="ns"`).

        with Progress(mesh.count, "k", comm, share=len(mine), quiet=quiet, label="k-points") as progress:
            for block in mine:
                ...
                progress.advance(len(block))
    """

    def __init__(
        self,
        total: float,
        unit: str,
        comm: Intracomm,
        *,
        share: float | None = None,
        quiet: bool = False,
        label: str = "",
        stream: IO[str] | None = None,
    ) -> None:
        self.total = total
        self.unit = unit
        self.label = label
        self._scale = total / share if share else 1.0
        self._done = 0.0
        self._begin = 0.0  # work that was done before this run (a restart); it does not count in the rate
        self._stream: IO[str] | Terminal = stream or errors()
        self._speaks = comm.rank == 0 and not quiet
        self._started = self._last_line = time.monotonic()
        self._last_done = 0.0
        self._bar: tqdm[NoReturn] | None = None
        if self._speaks and self._stream.isatty():
            from tqdm import tqdm  # noqa: PLC0415

            rate = "{rate_noinv_fmt}" if isinstance(total, int) else "{rate_fmt}"
            self._bar = tqdm(
                total=total,
                unit=unit,
                desc=label or None,
                file=self._stream,
                dynamic_ncols=True,
                bar_format="{l_bar}{bar}| {n:.6g}/{total:.6g} {unit} [{elapsed}<{remaining}, " + rate + "]",
            )

    def start_at(self, done: float) -> None:
        """Begins with rank 0's part `done` already finished (by the run that is being continued)."""
        self._begin = self._done = done
        if self._bar is not None:
            self._bar.initial = self._bar.n = min(done * self._scale, self.total)
            self._bar.refresh()

    def advance(self, n: float = 1) -> None:
        """Adds `n` units done by this rank. Cheap; prints only where something is due."""
        self._done += n
        if not self._speaks:
            return
        if self._bar is not None:
            self._bar.update(min(self._done * self._scale, self.total) - self._bar.n)
            return
        now = time.monotonic()
        elapsed = now - self._started
        if elapsed >= FIRST_LINE and now - self._last_line >= min(max(LINE_EVERY[0], elapsed / 20), LINE_EVERY[1]):
            self._last_line, self._last_done = now, self._done
            self._stream.write(self._line(elapsed) + "\n")
            self._stream.flush()

    def reach(self, done: float) -> None:
        """Sets the part that this rank has done, as `advance` does by what it has added."""
        self.advance(done - self._done)

    def close(self) -> None:
        """Ends the display. A log gets a last line if it had any."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        elif self._speaks and self._last_line > self._started and self._last_done != self._done:
            self._stream.write(self._line(time.monotonic() - self._started) + "\n")
            self._stream.flush()
        self._speaks = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _line(self, elapsed: float) -> str:
        done = min(self._done * self._scale, self.total)
        rate = (self._done - self._begin) * self._scale / elapsed if elapsed > 0 else 0.0
        label = f"{self.label}: " if self.label else ""
        text = f"{label}{done:.6g}/{self.total:.6g} {self.unit} ({done / self.total if self.total else 1.0:.1%})"
        text += f", {rate:.3g} {self.unit}/s, elapsed {duration(elapsed)}"
        if rate > 0 and done < self.total:
            text += f", remaining {duration((self.total - done) / rate)}"
        return text


def tell(comm: Intracomm, text: str, *, quiet: bool = False) -> None:
    """A line for the user on stderr, from rank 0 only."""
    if comm.rank == 0 and not quiet:
        say(text)


def say(text: str) -> None:
    """A line for the user on stderr, from a process that reads or writes for all."""
    stream = errors()
    stream.write(short_paths(text) + "\n")
    stream.flush()


def warn(comm: Intracomm, text: str) -> None:
    """A warning on stderr, from rank 0 only; `--quiet` does not silence it."""
    tell(comm, f"hpcalo: warning: {text}")


def duration(seconds: float) -> str:
    """The time as people write it: `42 s`, `3:05 min`, `2:07:30 h`, `3 d 04:00 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, second = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{second:02d} min"
    hours, minute = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}:{minute:02d}:{second:02d} h"
    return f"{hours // 24} d {hours % 24:02d}:{minute:02d} h"
