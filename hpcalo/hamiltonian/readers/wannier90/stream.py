"""Numbers of a text file piece by piece: memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.text import encoding_of, file_size, numbers, unreadable, whole
from hpcalo.typing import IntArray, RealArray

PIECE = 2**22
"""Characters that are turned into numbers at once."""
LONGEST_LINE = 2**24
"""Characters of a line that is read by itself: a remark, a name, some numbers."""
LONGEST_WORD = 2**10


class NumberStream:
    """A text file as a row of numbers, with lines of text where they are asked for before the numbers behind them.

    All line ends, and the encodings of `text.read_text`. taken: how many numbers were handed out. Every method raises
    ModelError for what is no number, naming its line, and for binary content. A context manager: leaving it closes the
    file.
    """

    def __init__(self, path: Path, what: str) -> None:
        """Raises ModelError if the file is missing, a folder, empty or unreadable."""
        self.path, self.what = path, what
        self.size = file_size(path, what)
        try:
            # whoever is no UTF-8 is so in a remark: numbers are ASCII
            self._file: TextIO = path.open(encoding=encoding_of(path), errors="replace")
        except OSError as problem:
            raise unreadable(path, what, problem) from None
        self._rest = ""
        self._line = 1
        self._ready: list[RealArray] = []
        self.taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def line(self) -> str:
        """The next line, without its end; empty at the end of the file. Not after `take` without `by_line`."""
        text = self._one_line()
        self._line += text.count("\n")
        return text.rstrip("\n")

    def row(self) -> RealArray:
        """The numbers of the next line that is not blank; none at the end of the file. Not after `take`."""
        first = self._line
        values = numbers(self._next_line(), self.path, first)
        self.taken += len(values)
        return values

    def put_back(self, values: RealArray) -> None:
        """Gives numbers back that were handed out last."""
        self.taken -= len(values)
        self._ready = [values, *self._ready] if len(values) else self._ready

    def take(self, count: int, by_line: bool = False) -> RealArray:
        """The next numbers, fewer only if the file ends; `by_line` does not look beyond their last line."""
        have = sum(len(part) for part in self._ready)
        while have < count:
            first = self._line
            text = self._next_line() if by_line else self._piece()
            if not text:
                break
            part = numbers(text, self.path, first)
            have += len(part)
            self._ready.append(part)
        whole_row = np.concatenate(self._ready) if self._ready else np.zeros(0)
        result, left = whole_row[:count], whole_row[count:]
        self._ready = [left.copy()] if len(left) else []  # a copy: the piece itself may go
        self.taken += len(result)
        return result

    def integers(self, count: int, what: str, by_line: bool = False) -> IntArray:
        """The next whole numbers. Raises ModelError also if they are fewer or not whole."""
        values = self.take(count, by_line)
        if len(values) < count:
            raise ModelError(f"{self.path}: ends where {what} are expected: truncated")
        return whole(values, self.path, what)

    def at_end(self) -> bool:
        """Whether no number is left."""
        left = self.take(1)
        self.put_back(left)
        return not len(left)

    def count_to_end(self) -> int:
        """How many numbers the file has in all, those taken included; none is left."""
        while len(self.take(2**20)):
            pass
        return self.taken

    def _next_line(self) -> str:
        while (text := self._rest + self._one_line()) and not text.strip():
            self._rest = ""
            self._line += 1
        self._rest = ""
        self._line += text.count("\n")
        return text

    def _one_line(self) -> str:
        text = self._read(self._file.readline, LONGEST_LINE)
        if len(text) == LONGEST_LINE and not text.endswith("\n"):
            raise ModelError(f"{self.path}: line {self._line} has more than {LONGEST_LINE} characters: not such a file")
        return text

    def _piece(self) -> str:
        """Whole lines of about `PIECE` characters; of an endless line, whole words."""
        text = self._read(self._file.read, PIECE)
        whole_text = self._rest + text
        self._rest = ""
        if text:
            cut = whole_text.rfind("\n") + 1 or max(whole_text.rfind(" "), whole_text.rfind("\t")) + 1
            whole_text, self._rest = whole_text[:cut], whole_text[cut:]
            if not whole_text:
                if len(self._rest) > LONGEST_WORD:
                    raise ModelError(f"{self.path}: line {self._line}: '{self._rest[:30]}…' is not a number")
                return self._piece()
        self._line += whole_text.count("\n")
        return whole_text

    def _read(self, how: Callable[[int], str], most: int) -> str:
        try:
            text = how(most)
        except OSError as problem:
            raise unreadable(self.path, self.what, problem) from None
        if "\0" in text:
            raise ModelError(f"{self.path}: is not text; expected a file with {self.what}")
        return text
