"""The files of `wannier_files` rewritten as other programs, compilers and people write them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from hpcalo.hamiltonian.types import WannierModel


def lines_of_tb(path: Path) -> tuple[list[str], int, int]:
    """All lines of a `_tb.dat` of `write_tb`, N, and the number of the first line after the degeneracies."""
    lines = path.read_text().split("\n")
    N, nR = int(lines[4]), int(lines[5])
    return lines, N, 6 + -(-nR // 15)


def without_positions(path: Path) -> None:
    """Ends the `_tb.dat` after H, as WannierBerri does without a position matrix."""
    lines, N, first = lines_of_tb(path)
    nR = int(lines[5])
    path.write_text("\n".join(lines[: first + nR * (N * N + 2)]) + "\n")


def shuffled(path: Path, seed: int = 0) -> None:
    """Any order of the orbitals in every block of a `_tb.dat`, and other cells first in its second half."""
    lines, N, first = lines_of_tb(path)
    size = N * N + 2
    rng = np.random.default_rng(seed)
    blocks = [lines[i : i + size] for i in range(first, first + 2 * int(lines[5]) * size, size)]
    mixed = [[*block[:2], *(block[2 + i] for i in rng.permutation(N * N))] for block in blocks]
    half = len(mixed) // 2
    second = [mixed[half + i] for i in rng.permutation(half)]
    path.write_text("\n".join([*lines[:first], *(line for block in mixed[:half] + second for line in block)]) + "\n")


def shuffled_hr(path: Path, seed: int = 0) -> None:
    """Cells innermost: all lines of an `_hr.dat` in any order that keeps the first line of each cell in its place."""
    head, rows = _head_and_rows(path)
    order = sorted(range(len(rows)), key=lambda i: (rows[i].split()[3:5], i))
    path.write_text("\n".join([*head, *(rows[i] for i in order)]) + "\n")


def second_index_fastest(path: Path) -> None:
    """The order of OpenMX and wanSOC in an `_hr.dat`: m n = 1 1, 1 2, …"""
    head, rows = _head_and_rows(path)
    N = int(head[1])
    blocks = [rows[i : i + N * N] for i in range(0, len(rows), N * N)]
    path.write_text("\n".join([*head, *(b[n * N + m] for b in blocks for m in range(N) for n in range(N))]) + "\n")


def _head_and_rows(path: Path) -> tuple[list[str], list[str]]:
    lines = path.read_text().rstrip("\n").split("\n")
    first = 3 + -(-int(lines[2]) // 15)
    return lines[:first], lines[first:]


def with_d_exponents(path: Path) -> None:
    """1.0E+00 → 1.0D+00."""
    path.write_text(re.sub(r"(\d)E([+-]\d)", r"\1D\2", path.read_text()))


def list_directed(path: Path) -> None:
    """Degeneracies as `write(*,*)` of ifort has them, with a repeat count, and zeros too."""
    text = path.read_text()
    counts = re.search(r"\n((?: +1)+\n)+", text)
    assert counts
    n = len(counts.group().split())
    text = text.replace(counts.group(), f"\n {n}*1\n", 1)
    zeros = re.sub(r"0\.0+E\+00 +0\.0+E\+00 *\n", "2*0.0\n", text)
    assert zeros != text
    path.write_text(zeros)


def in_wannierberri_layout(path: Path) -> None:
    """Lattice of `np.savetxt`, narrow indices, two blanks between the components of R."""
    lines, N, first = lines_of_tb(path)
    lattice = [" ".join(f"{float(x):.18e}" for x in line.split()) for line in lines[1:4]]
    counts = "  ".join(f"{int(x):2d}" for line in lines[6:first] for x in line.split())
    body = []
    for line in lines[first:]:
        words = line.split()
        if len(words) == 3:
            body.append("  {:3d}  {:3d}  {:3d}".format(*map(int, words)))
        else:
            values = " ".join(f"{float(x):15.8e}" for x in words[2:])
            body.append(f"{int(words[0]):3d} {int(words[1]):3d} {values}" if words else "")
    path.write_text("\n".join(["written by wannier-berri", *lattice, str(N), lines[5].strip(), counts, *body]))


def write_r(path: Path, model: WannierModel, A_Rvnn: np.ndarray, counted: bool = True) -> None:
    """`_r.dat` with more digits than Wannier90; before version 3 without the number of cells."""
    lines = [" written by a test", f"{model.size:12d}", *([f"{len(model.R):12d}"] if counted else [])]
    for r, X in zip(model.R, A_Rvnn, strict=True):
        for m in range(model.size):
            for n in range(model.size):
                values = "".join(f"{x.real:18.12f}{x.imag:18.12f}" for x in X[:, n, m])
                lines.append("".join(f"{i:5d}" for i in (*r, n + 1, m + 1)) + values)
    path.write_text("\n".join(lines) + "\n")


def records_of(path: Path) -> list[bytes]:
    """The records of a file of `write_records`."""
    data, records, position = path.read_bytes(), [], 0
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "little")
        records.append(data[position + 4 : position + 4 + size])
        position += 8 + size
    return records


def with_marks(path: Path, order: str = "<", width: int = 4, parts: int = 0) -> None:
    """The same records with other length marks; `>` turns the numbers, too. parts: bytes of a part of a long record."""
    name = "little" if order == "<" else "big"
    out = bytearray()
    for i, record in enumerate(records_of(path)):
        text = i == 0 or len(record) == 20
        size = 8 if len(record) % 8 == 0 and len(record) > 8 else 4
        data = record if text or order == "<" else np.frombuffer(record, f"<u{size}").astype(f">u{size}").tobytes()
        pieces = [data[j : j + parts] for j in range(0, len(data), parts)] if parts and data else [data]
        for j, piece in enumerate(pieces):
            head, tail = (-1 if j < len(pieces) - 1 else 1), (-1 if j else 1)
            out += (head * len(piece)).to_bytes(width, name, signed=True) + piece
            out += (tail * len(piece)).to_bytes(width, name, signed=True)
    path.write_bytes(bytes(out))


def write_formatted_chk(chk: Path) -> Path:
    """`.chk.fmt` of a checkpoint of `write_spin`, in the formats of `w90chk2chk.x -export`."""
    items = records_of(chk)
    N, excluded, nk, mesh, neighbours, functions = (
        np.frombuffer(items[i], "<i4").tolist() for i in (1, 3, 6, 7, 9, 10)
    )
    rows = [items[0].decode(), str(N[0]), str(len(excluded)), *(str(i) for i in excluded)]
    rows += ["".join(f"{x:25.17G}" for x in np.frombuffer(items[i])) for i in (4, 5)]
    rows += [str(nk[0]), " ".join(str(n) for n in mesh)]
    rows += ["".join(f"{x:25.17G}" for x in k) for k in np.frombuffer(items[8]).reshape(-1, 3)]
    rows += [str(neighbours[0]), str(functions[0]), items[11].decode(), "0"]
    for i in (13, 14):
        rows += [f"{z.real:25.17G}{z.imag:25.17G}" for z in np.frombuffer(items[i], complex)]
    rows += ["".join(f"{x:25.17G}" for x in c) for c in np.frombuffer(items[15]).reshape(-1, 3)]
    path = chk.with_name(chk.name + ".fmt")
    path.write_text("\n".join(rows) + "\n")
    return path


def write_formatted_spn(spn: Path) -> Path:
    """`.spn.fmt` of a file of `write_spin`, as `w90spn2spn.x -export` and VASP write it."""
    items = records_of(spn)
    counts = np.frombuffer(items[1], "<i4")
    rows = [items[0].decode(), f"{counts[0]:12d}{counts[1]:12d}"]
    rows += [f"{z.real:26.16E}{z.imag:26.16E}" for record in items[2:] for z in np.frombuffer(record, complex)]
    path = spn.with_name(spn.name + ".fmt")
    path.write_text("\n".join(rows) + "\n")
    return path


def with_excluded(chk: Path, spn: Path, excluded: list[int]) -> None:
    """The checkpoint names excluded bands, the spin file has them, too: each by itself, with spin up."""
    items = records_of(chk)
    items[2], items[3] = np.array([len(excluded)], "<i4").tobytes(), np.array(excluded, "<i4").tobytes()
    _write(chk, items)
    items = records_of(spn)
    N, nk = (int(n) for n in np.frombuffer(items[1], "<i4"))
    total = N + len(excluded)
    kept = np.setdiff1d(np.arange(total), np.array(excluded) - 1)
    blocks = []
    for record in items[2:]:
        row, column = np.tril_indices(N)
        full = np.zeros((total, total, 3), dtype=complex)
        full[np.arange(total), np.arange(total), 2] = 1.0
        full[kept[row], kept[column]] = np.frombuffer(record, complex).reshape(-1, 3)
        blocks.append(full[np.tril_indices(total)].tobytes())
    _write(spn, [items[0], np.array([total, nk], "<i4").tobytes(), *blocks])


def _write(path: Path, records: list[bytes]) -> None:
    marks = [len(r).to_bytes(4, "little") for r in records]
    path.write_bytes(b"".join(m + r + m for m, r in zip(marks, records, strict=True)))
