"""`seed.win`, `seed.wout`, `seed_centres.xyz`: lattice, atoms, spinor flag and centres of the Wannier functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.text import numbers, read_text
from hpcalo.typing import IntArray, RealArray
from hpcalo.units import BOHR_IN_ANGSTROM

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?"
_CENTRE = re.compile(rf"WF centre and spread\s+\d+\s+\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)")
_ATOM = re.compile(
    rf"^\s*\|\s+([A-Z][a-z]?\w*)\s+\d+(?:\s+{_NUMBER}){{3}}\s+\|\s+({_NUMBER})\s+({_NUMBER})\s+({_NUMBER})"
)
_GRID = re.compile(r"Grid size =\s*(\d+) x\s*(\d+) x\s*(\d+)")
_VECTOR = re.compile(rf"^\s*a_[123]\s+({_NUMBER})\s+({_NUMBER})\s+({_NUMBER})\s*$")


@dataclass(frozen=True)
class Structure:
    """lattice: (3, 3) Å rows. symbols, positions: atoms, (atoms, 3) Å; none where the file does not name them.

    spinors, mesh (of k-points, (3,)): None where the file does not say.
    """

    lattice: RealArray
    symbols: tuple[str, ...]
    positions: RealArray
    spinors: bool | None = None
    mesh: IntArray | None = None


def read_win(path: Path, lattice: RealArray | None = None) -> Structure:
    """Lattice and atoms of `seed.win`: bohr or ang, atoms_frac or atoms_cart or none.

    lattice: (3, 3) Å, for a file that does not have it. Raises ModelError without any, and for blocks that are wrong.
    """
    text = read_text(path, "the Wannier90 input (.win)")
    lines = plain_lines(text)
    cell = block(lines, "unit_cell_cart", path)
    if cell is None and lattice is None:
        raise ModelError(f"{path}: no block unit_cell_cart, and no seed_tb.dat with the lattice is read")
    if cell is not None:
        rows, scale = with_unit(cell)
        if len(rows) != 3:
            raise ModelError(f"{path}: unit_cell_cart has {len(rows)} lines with numbers, expected 3")
        lattice = scale * np.array([three_numbers(row, path) for row in rows])
    assert lattice is not None
    fractional, cartesian = block(lines, "atoms_frac", path), block(lines, "atoms_cart", path)
    rows, scale = with_unit(fractional if fractional is not None else cartesian or [])
    symbols = tuple(_symbol(row.split()[0]) for row in rows)
    places = np.array(
        [three_numbers(row.split(None, 1)[1] if len(row.split()) > 1 else "", path) for row in rows]
    ).reshape(-1, 3)
    positions = places @ lattice if fractional is not None else scale * places
    return Structure(lattice, symbols, positions, _spinors(lines), _mesh(lines))


def read_wout(path: Path) -> tuple[Structure, RealArray]:
    """Structure and centres (N, 3) Å in the final state of `seed.wout`. Raises ModelError if one is missing."""
    text = read_text(path, "the Wannier90 output (.wout)")
    # a restart appends a second run to the file: structure from the last one, centres from the last final state
    lines = text[max(text.rfind(" SYSTEM"), 0) :].splitlines()
    grid = next((m for m in map(_GRID.search, lines) if m), None)
    scale = BOHR_IN_ANGSTROM if "Lattice Vectors (Bohr)" in text else 1.0
    vectors = [m.groups() for m in map(_VECTOR.match, lines) if m][:3]
    atoms = [m.groups() for m in map(_ATOM.match, lines) if m]
    if len(vectors) != 3:
        raise ModelError(f"{path}: lattice vectors were not found: not a Wannier90 output, or truncated")
    final = text.rfind("Final State")
    centres = [[float(x) for x in m.groups()] for m in _CENTRE.finditer(text[final:])] if final >= 0 else []
    if not centres:
        raise ModelError(f"{path}: no final state with centres: truncated, or the run did not finish")
    structure = Structure(
        lattice=scale * np.array([[float(x) for x in v] for v in vectors]),
        symbols=tuple(_symbol(a[0]) for a in atoms),
        positions=scale * np.array([[float(x) for x in a[1:]] for a in atoms]).reshape(-1, 3),
        mesh=None if grid is None else np.array([int(n) for n in grid.groups()]),
    )
    return structure, scale * np.array(centres)


def read_centres(path: Path) -> RealArray:
    """Centres (N, 3) Å of `seed_centres.xyz`: its lines of kind X. Raises ModelError if there are none."""
    lines = read_text(path, "centres (_centres.xyz)").splitlines()[2:]
    centres = [three_numbers(line.split(None, 1)[1], path) for line in lines if line.split()[:1] == ["X"]]
    if not centres:
        raise ModelError(f"{path}: no line with a centre (X x y z)")
    return np.array(centres)


def plain_lines(text: str) -> list[str]:
    """Lines of an input without comments and outer spaces."""
    return [re.split(r"[!#]", line, maxsplit=1)[0].strip() for line in text.splitlines()]


def block(lines: list[str], name: str, path: Path) -> list[str] | None:
    """The lines of a block, None if there is none. Raises ModelError unless it begins and ends once."""
    begin = [i for i, line in enumerate(lines) if re.fullmatch(rf"begin\s+{name}", line, re.IGNORECASE)]
    end = [i for i, line in enumerate(lines) if re.fullmatch(rf"end\s+{name}", line, re.IGNORECASE)]
    if not begin:
        return None
    if len(begin) != 1 or len(end) != 1 or end[0] < begin[0]:
        raise ModelError(f"{path}: block {name} does not begin and end exactly once")
    return [line for line in lines[begin[0] + 1 : end[0]] if line]


def with_unit(rows: list[str]) -> tuple[list[str], float]:
    """The lines after one that names a unit, and this unit in Å."""
    first = rows[0].lower() if rows else ""
    if first.startswith("bohr"):
        return rows[1:], BOHR_IN_ANGSTROM
    return (rows[1:] if first.startswith("ang") else rows), 1.0


def three_numbers(row: str, path: Path) -> list[float]:
    """The first three words as numbers. Raises ModelError."""
    try:
        values = numbers(" ".join(row.split()[:3]), path).tolist()[:3]
    except ModelError:
        values = []
    if len(values) != 3:
        raise ModelError(f"{path}: '{row[:40]}': expected three finite numbers")
    return values


def _symbol(label: str) -> str:
    """Fe1 or FE → Fe."""
    letters = re.match(r"[A-Za-z]+", label)
    return letters.group()[:2].capitalize() if letters else label


def _mesh(lines: list[str]) -> IntArray | None:
    for line in lines:
        found = re.fullmatch(r"mp_grid\s*[:=]?\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)", line, re.IGNORECASE)
        if found:
            return np.array([int(n) for n in found.groups()])
    return None


def _spinors(lines: list[str]) -> bool | None:
    for line in lines:
        found = re.fullmatch(r"spinors\s*[:=]?\s*\.?([tf])\w*\.?", line, re.IGNORECASE)
        if found:
            return found.group(1).lower() == "t"
    return None
