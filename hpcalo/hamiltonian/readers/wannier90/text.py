"""Shared by the readers: text in any usual encoding, numbers in bulk, and clear one-line errors."""

from __future__ import annotations

import codecs
import re
import warnings
from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError, nearest_file
from hpcalo.typing import IntArray, RealArray

MAX_FILE_BYTES = 4 * 2**30  # of what is read at once; matrices are streamed and may be larger
MAX_REPEATED = 2 * 10**6  # numbers that repeat counts may stand for in one piece of text
MAX_ORBITALS = 5000
MAX_CELLS = 200_000
_EXPONENT_WITHOUT_E = re.compile(r"(\d)([+-]\d{3})(?=\s|$)")
_GLUED = re.compile(r"(\.\d{6,})(?=-\d*\.)")
_COMPLEX = re.compile(r"\(\s*([^\s,()]+)\s*,\s*([^\s,()]+)\s*\)")
_REPEATED = re.compile(r"(?<!\S)(\d{1,8})\*([^\s*]+)")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def file_size(path: Path, what: str) -> int:
    """Bytes of the file. Raises ModelError if it is missing, a folder, empty or unreadable."""
    try:
        if path.is_dir():
            raise ModelError(f"{path}: is a folder; expected a file with {what}")
        size = path.stat().st_size
        if size == 0:
            raise ModelError(f"{path}: is empty; expected a file with {what}")
        path.open("rb").close()
    except (OSError, ValueError) as problem:
        raise unreadable(path, what, problem) from None
    return size


def unreadable(path: Path, what: str, problem: OSError | ValueError) -> ModelError:
    """The line for a file that the system does not hand out."""
    reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
    hint = nearest_file(path) if isinstance(problem, FileNotFoundError) else ""
    return ModelError(f"{path}: cannot read {what}: {reason}{hint}")


def encoding_of(path: Path) -> str:
    """The encoding that the file's first bytes tell; UTF-8, of which ASCII is a part, without such a mark."""
    with path.open("rb") as file:
        head = file.read(4)
    return next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")


def read_text(path: Path, what: str) -> str:
    """The file as text with plain line ends: UTF-8, UTF-16 with its mark, else Latin-1.

    Raises ModelError as `file_size`, for an absurdly large file and for binary content.
    """
    size = file_size(path, what)
    if size > MAX_FILE_BYTES:
        raise ModelError(f"{path}: {size / 2**30:.1f} GiB: too large to be a file with {what}")
    try:
        data, encoding = path.read_bytes(), encoding_of(path)
    except OSError as problem:
        raise unreadable(path, what, problem) from None
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("latin-1") if encoding == "utf-8" else "\0"
    if "\0" in text:
        raise ModelError(f"{path}: is not text; expected a file with {what}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def numbers(text: str, path: Path, first_line: int = 1) -> RealArray:
    """All blank-separated numbers of the text, in bulk.

    Fortran's habits are understood: D exponents, an exponent of three digits without its letter (`0.12345678-100`),
    fixed-format numbers without a blank between them, repeat counts (`3*0.5`) and complex numbers in parentheses.
    Raises ModelError naming line and text of the first thing that is no number; `first_line` is the line number of the
    beginning of the text.
    """
    values = _parse(text)
    if values is None:
        repaired = _repaired(text)
        values = _parse(repaired)
        if values is None:
            raise ModelError(_first_mistake(repaired, path, first_line))
    if not np.isfinite(values).all():
        raise ModelError(_first_mistake(text, path, first_line))
    return values


def _repaired(text: str) -> str:
    text = _GLUED.sub(r"\1 ", text.replace("D", "E").replace("d", "e"))
    text = _COMPLEX.sub(r"\1 \2", _EXPONENT_WITHOUT_E.sub(r"\1E\2", text))
    if "*" not in text or sum(int(count) for count, _ in _REPEATED.findall(text)) > MAX_REPEATED:
        return text
    return _REPEATED.sub(lambda found: " ".join([found[2]] * int(found[1])), text)


def _parse(text: str) -> RealArray | None:
    if not text or text.isspace():
        return np.zeros(0)  # NumPy makes a −1 of blanks alone
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # NumPy warns of what is not a number
        try:
            return np.fromstring(text, sep=" ")
        except (DeprecationWarning, ValueError):
            return None


def _first_mistake(text: str, path: Path, first_line: int) -> str:
    for number, line in enumerate(text.split("\n"), first_line):
        for token in line.split():
            if "**" in token or token == "*":
                return f"{path}: line {number}: '{token[:30]}': a number did not fit into its Fortran field"
            try:
                value = float(token)
            except ValueError:
                return f"{path}: line {number}: '{token[:30]}' is not a number"
            if not np.isfinite(value):
                return f"{path}: line {number}: '{token[:30]}' is not a finite number"
    return f"{path}: contains something that is not a number"


def check_sizes(N: int, nR: int, path: Path) -> None:
    """Raises ModelError for counts of orbitals and cells that no usable file has."""
    if not 1 <= N <= MAX_ORBITALS:
        raise ModelError(f"{path}: {N} Wannier functions, expected 1 to {MAX_ORBITALS}")
    if not 1 <= nR <= MAX_CELLS:
        raise ModelError(f"{path}: {nR} cells R, expected 1 to {MAX_CELLS}")


def whole(values: RealArray, path: Path, what: str) -> IntArray:
    """The values as integers. Raises ModelError if one is not whole."""
    result = np.rint(values)
    wrong = values[(values != result) | (np.abs(result) > 2**31)]
    if wrong.size:
        raise ModelError(f"{path}: {what}: {wrong[0]:g} is not a whole number (the columns are shifted)")
    return result.astype(np.int64)
