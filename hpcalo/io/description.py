"""`hpcalo info FILE`: what a model or result file holds, in words."""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np

from hpcalo.errors import InputError, one_line
from hpcalo.io.dataset import ANCILLARY, ERROR_ROLE, NOTES, RESOLVED_INPUT, ROLE
from hpcalo.io.hdf5 import DAMAGE, FORMAT, PROVENANCE_GROUP, STATE_GROUP, open_hdf5
from hpcalo.io.netcdf import BOOKKEEPING, COORDINATE_ROLE, axis_labels, is_bare_axis, is_scale, plain, scale_names
from hpcalo.io.plausible import Plausible
from hpcalo.io.provenance import SUMMARY, WARNINGS
from hpcalo.io.uncertain import typical, with_error
from hpcalo.typing import Contents

LINE = 110  # characters of an attribute that are shown
ITEMS = 400  # quantities that are listed
FIRST = ("title", "format", "format_version", "engine", "kind")
HIDDEN = BOOKKEEPING | {"units", "long_name", "dtype", ROLE, ANCILLARY}
"""Attributes that are not listed, or have a column of their own."""


def describe(path: Path) -> str:
    """A summary of an hpcalo model or result file. Serial. Raises InputError if the file is neither or is damaged."""
    with open_hdf5(path) as file:
        try:
            attrs = {name: plain(value) for name, value in file.attrs.items()}
            if not str(attrs.get("format", "")).startswith("hpcalo"):
                raise InputError(f"{path}: is an HDF5 file, but not one of hpcalo's models or results")
            return "\n".join(_lines(path, file, attrs))
        except DAMAGE as problem:
            raise InputError(f"{path}: is damaged: {one_line(problem)[:200]}") from None


def _lines(path: Path, file: h5py.File, attrs: Contents) -> list[str]:
    lines = [f"{path}: {attrs['format']}, {path.stat().st_size:,} bytes"]
    if attrs.get("title"):
        lines.append(f"  {_short(attrs['title'])}")
    if warnings := _text(file, WARNINGS).splitlines():
        lines += ["", "warnings of the run", *(f"  {one_line(text)}" for text in warnings)]
    if summary := _text(file, SUMMARY).splitlines():
        lines += ["", *summary]
    if notes := _text(file, NOTES).splitlines():
        lines += ["", "notes of the run", *(f"  {one_line(text)}" for text in notes)]
    quantities, axes = _quantities(file)
    if axes:
        lines += ["", "axes and labels", *_columns(axes)]
    if quantities:
        head = "contents" if attrs["format"] != FORMAT else "quantities"
        if any("±" in row[3] for row in quantities):
            head += " (range ± rms of the errors)"
        lines += ["", head, *_columns(quantities[:ITEMS])]
        if len(quantities) > ITEMS:
            lines.append(f"  … and {len(quantities) - ITEMS} more")
    notes = file.get("notes")
    if isinstance(notes, h5py.Dataset) and h5py.check_string_dtype(notes.dtype) is not None:
        lines += ["", "notes", *(f"  {one_line(note)}" for note in np.atleast_1d(notes.asstr()[()])[:20])]
    rest = {name: value for name, value in attrs.items() if name not in FIRST and name != "Conventions"}
    first = {name: attrs[name] for name in FIRST[2:] if name in attrs}
    lines += ["", "attributes", *(f"  {name} = {_short(value)}" for name, value in {**first, **rest}.items())]
    text = _text(file, RESOLVED_INPUT)
    if text:
        lines += ["", "input, with all defaults", *(f"  {line}" for line in lists_in_lines(text).splitlines())]
    return lines


def lists_in_lines(text: str) -> str:
    """TOML with its short lists each in one line, as a person writes them."""

    def joined(found: re.Match[str]) -> str:
        items = [line.strip().rstrip(",") for line in found[1].splitlines()]
        line = f"[{', '.join(items)}]"
        return line if len(line) <= LINE else found[0]

    for _ in range(2):  # lists of numbers, then lists of these
        text = _LIST.sub(joined, text)
    return text


_LIST = re.compile(r"(?<=[= ])\[\n((?: +(?![\] ])[^\n]*[^\[\n],\n)+) *\]")


def _quantities(file: h5py.File) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    quantities: list[tuple[str, ...]] = []
    axes: list[tuple[str, ...]] = []
    plausible, scales = Plausible(), scale_names(file)

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if not isinstance(item, h5py.Dataset) or name.startswith(PROVENANCE_GROUP + "/") or is_bare_axis(item):
            return
        if name.startswith(STATE_GROUP + "/") and item.ndim == 0:
            return
        plausible.check(name, item)
        unit, long_name = (str(plain(item.attrs.get(key, ""))) for key in ("units", "long_name"))
        role = item.attrs.get(ROLE)
        if role == ERROR_ROLE:
            return
        auxiliary = role == COORDINATE_ROLE
        labels = [""] * item.ndim if is_scale(item) else axis_labels(item, scales)
        shape = " × ".join(f"{a} {n}".strip() for a, n in zip(labels, item.shape, strict=True)) or "number"
        if h5py.check_string_dtype(item.dtype) is not None and item.ndim == 0:
            shape = "text"
        notes = "; ".join(f"{k}: {_short(plain(v), 60)}" for k, v in item.attrs.items() if k not in HIDDEN)
        error = _error_of(file, item)
        if error is not None:
            long_name += f" (estimated error: {_short(plain(item.attrs[ANCILLARY]), 60)})"
        row = (name, shape, unit, _span(item, error), _short("; ".join(t for t in (long_name, notes) if t)))
        (axes if is_scale(item) or auxiliary else quantities).append(row)

    file.visititems(visit)
    return quantities, axes


def _error_of(file: h5py.File, dataset: h5py.Dataset) -> h5py.Dataset | None:
    """The estimated error of a quantity, if the file has it and it fits."""
    name = plain(dataset.attrs.get(ANCILLARY, ""))
    error = file.get(name) if isinstance(name, str) and name else None
    if not isinstance(error, h5py.Dataset) or error.shape != dataset.shape or error.dtype.kind != "f":
        return None
    return error


def _span(dataset: h5py.Dataset, error: h5py.Dataset | None = None) -> str:
    """First and last value of a labelled axis, the value of a number, the range of a small array; and the error.

    The error is that of the number, or the root mean square of those of the array.
    """
    if dataset.size == 0 or dataset.size > 10**6:
        return ""
    if h5py.check_string_dtype(dataset.dtype) is not None:
        values = dataset.asstr()[()]
        return _short(values if dataset.ndim == 0 else " ".join(str(v) for v in np.ravel(values)[:12]), 48)
    if dataset.dtype.kind not in "fiu":
        return ""
    values = np.asarray(dataset[()])
    if dataset.ndim == 0:
        return f"{values:.6g}" if error is None else with_error(float(values), float(error[()]))
    if np.all(np.isnan(values)):
        return "all NaN"
    return f"{np.nanmin(values):.6g} … {np.nanmax(values):.6g}" + ("" if error is None else f" ± {typical(error[()])}")


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    return [
        "  " + "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in rows
    ]


def _text(file: h5py.File, name: str) -> str:
    item = file.get(f"{PROVENANCE_GROUP}/{name}")
    if not isinstance(item, h5py.Dataset) or h5py.check_string_dtype(item.dtype) is None or item.ndim:
        return ""
    return str(item.asstr()[()])


def _short(value: object, limit: int = LINE) -> str:
    text = one_line(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
