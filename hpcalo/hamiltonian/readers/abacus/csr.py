"""ABACUS' sparse matrices over cells, as text: of versions to 3.10 (`Matrix Dimension of H(R): …`) and of later ones.

Each block is `R1 R2 R3 count`, then the values, column numbers and row pointers of a compressed-row matrix; complex
values are `(re,im)`. In the file of positions each R has three matrices, with a count each. The last step counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.text import check_sizes, numbers, read_text
from hpcalo.typing import ComplexArray, IntArray

_STEP = re.compile(r"^.*(?:STEP:|Ionic Step).*$", re.MULTILINE)
_SIZES = (
    (r"^\s*Matrix Dimension of \w+\(R\):\s*(\d+)", r"^\s*Matrix number of \w+\(R\):\s*(\d+)"),
    (r"^\s*(\d+)\s*#\s*number of localized basis", r"^\s*(\d+)\s*#\s*number of Bravais lattice vector R"),
)


@dataclass(frozen=True)
class Sparse:
    """R: (nR, 3). X_cRmn: (components, nR, N, N), one component, three of positions. complex: as the file has them."""

    R: IntArray
    X_cRmn: ComplexArray
    complex: bool


def read_csr(path: Path, what: str, components: int = 1) -> Sparse:
    """The matrices of the file's last step, in its units. Raises ModelError: missing, truncated, another layout."""
    text = read_text(path, what)
    steps = list(_STEP.finditer(text))
    text = text[steps[-1].end() :] if steps else text
    N, nR, body = _header(text, path)
    check_sizes(N, max(nR, 1), path)
    lines = [line for line in body.splitlines() if not line.lstrip().startswith("#")]
    plain = "\n".join(lines)
    complex_values = "(" in plain
    stream = numbers(plain.translate(str.maketrans("(),[]", "     ")), path)
    R = np.zeros((nR, 3), dtype=np.int64)
    X = np.zeros((components, nR, N, N), dtype=np.complex128)
    cursor = _Cursor(stream, path)
    for i in range(nR):
        R[i] = cursor.whole(3)
        for c in range(components):
            count = int(cursor.whole(1)[0])
            if not 0 <= count <= N * N:
                raise ModelError(f"{path}: a block of {count} elements, at most {N * N} are possible: another layout")
            if not count:
                continue
            values = cursor.take((2 if complex_values else 1) * count)
            columns, ends = cursor.whole(count), cursor.whole(N + 1)
            fits = columns.min() >= 0 and columns.max() < N and ends[0] == 0 and ends[-1] == count
            if not fits or (np.diff(ends) < 0).any():
                raise ModelError(f"{path}: cell {R[i].tolist()}: column numbers or row pointers do not fit the matrix")
            rows = np.repeat(np.arange(N), np.diff(ends))
            X[c, i, rows, columns] = values[::2] + 1j * values[1::2] if complex_values else values
    if cursor.position != len(stream):
        raise ModelError(f"{path}: has numbers after its {nR} cells: another layout")
    return Sparse(R, X, complex_values)


def _header(text: str, path: Path) -> tuple[int, int, str]:
    """Number of orbitals, number of cells, and what follows them."""
    for dimension, count in _SIZES:
        first, second = (re.search(pattern, text, re.MULTILINE) for pattern in (dimension, count))
        if first and second:
            body = text[second.end() :]
            box = [match.end() for match in re.finditer(r"^\s*#-{5,}.*$|^.*CSR Format.*$", body, re.MULTILINE)]
            return int(first[1]), int(second[1]), body[box[-1] :] if box else body
    raise ModelError(f"{path}: no line with the dimension and the number of cells: not a sparse matrix of ABACUS")


class _Cursor:
    """Takes numbers one run after the other from the stream of a file."""

    def __init__(self, stream: np.ndarray, path: Path) -> None:
        self.stream, self.path, self.position = stream, path, 0

    def take(self, count: int) -> np.ndarray:
        """The next numbers. Raises ModelError at the end of the file."""
        end = self.position + count
        if end > len(self.stream):
            raise ModelError(f"{self.path}: ends inside a block: truncated")
        values = self.stream[self.position : end]
        self.position = end
        return values

    def whole(self, count: int) -> IntArray:
        """The next whole numbers. Raises ModelError."""
        values = self.take(count)
        if (values != np.rint(values)).any():
            raise ModelError(f"{self.path}: {values[values != np.rint(values)][0]:g} where a whole number is expected")
        return values.astype(np.int64)
