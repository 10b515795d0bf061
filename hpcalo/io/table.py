"""A small table of texts, for the terminal, for the texts of a result file and for the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows of texts below a head. loud: whether each row deserves attention. remarks: lines below the table."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    loud: tuple[bool, ...] = ()
    remarks: tuple[str, ...] = ()

    def text(self) -> str:
        """The table in columns; loud rows end with an exclamation mark."""
        marks = self.loud or (False,) * len(self.rows)
        lines = [f"  {line}" for line in _columns([self.head, *self.rows], [False, *marks])] if self.rows else []
        return "\n".join([self.title, *lines, *(f"  {remark}" for remark in self.remarks)])


def _columns(rows: Sequence[Sequence[str]], marks: Sequence[bool]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [f"{line}  !" if mark else line.rstrip() for line, mark in zip(padded, marks, strict=True)]
