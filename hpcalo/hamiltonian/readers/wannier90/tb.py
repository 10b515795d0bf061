"""`seed_tb.dat`: lattice, H(R) and the position matrix r(R)."""

from __future__ import annotations

from pathlib import Path

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.raw import (
    Cells,
    Head,
    Matrices,
    RawWannier,
    check_count,
    fill_blocks,
    read_head,
)
from hpcalo.hamiltonian.readers.wannier90.stream import NumberStream
from hpcalo.hamiltonian.readers.wannier90.text import numbers
from hpcalo.typing import ComplexArray, IntArray


def read_tb(path: Path) -> RawWannier:
    """Reads `seed_tb.dat` of Wannier90, WannierBerri and others; the position matrix may be missing altogether.

    Raises ModelError: missing, truncated, not numbers, elements missing or twice.
    """
    with NumberStream(path, "H(R) and r(R) (_tb.dat)") as stream:
        stream.line()  # a remark with the date
        lattice = numbers("\n".join(stream.line() for _ in range(3)), path, 2)
        if lattice.size != 9:
            raise ModelError(f"{path}: lines 2 to 4 hold {lattice.size} numbers, the lattice has 9")
        head = read_head(stream, _with_H, 4)
        cells = Cells(head.cells)
        R, H_Rnn, A_Rvnn = _matrices(stream, head, cells)
    return RawWannier(R=R, degeneracy=head.degeneracy, H_Rnn=H_Rnn, A_Rvnn=A_Rvnn, lattice=lattice.reshape(3, 3))


def _matrices(stream: NumberStream, head: Head, cells: Cells) -> tuple[IntArray, ComplexArray, ComplexArray | None]:
    """R, H and r (None if the file ends before it)."""
    path, N, nR = stream.path, head.N, head.cells
    counts = tuple(head.before + nR * per_cell for per_cell in (_with_H(N), _with_H(N) + _with_r(N)))
    part = "H"
    try:
        H = Matrices(path, N, nR, 1)
        if fill_blocks(stream, cells, H):
            R = cells.all()
            H_Rnn = H.done(R)
            if stream.at_end():
                return R, H_Rnn, None
            part = "r"
            A = Matrices(path, N, nR, 3)
            if fill_blocks(stream, Cells(nR, fixed=R), A) and stream.at_end():
                return R, H_Rnn, A.done(R)
    except ModelError as problem:
        text = str(problem)
        if text.startswith(str(path)):
            raise
        check_count(stream, N, nR, counts)
        raise ModelError(f"{path}: {part}: {text}") from None
    check_count(stream, N, nR, counts)
    raise ModelError(f"{path}: {part}: its lines are out of step")


def _with_H(N: int) -> int:
    """Numbers of a cell's block of H."""
    return 3 + 4 * N * N


def _with_r(N: int) -> int:
    """Numbers of a cell's block of r."""
    return 3 + 8 * N * N
