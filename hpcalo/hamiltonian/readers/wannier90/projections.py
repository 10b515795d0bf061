"""The projections of `seed.win` or `seed.wout`, in the order in which Wannier90 numbers its functions.

Wannier90 takes the lines of the block one after the other and in each runs over the atoms, then over l from −5 to 3,
then over mr, and innermost over the two spins, whatever order the line has: `Fe: sp3d2;dxy;dxz;dyz` gives sp3d2-1 …
sp3d2-6, dxz, dyz, dxy (param_get_projections of Wannier90 3.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hpcalo.hamiltonian.orbitals import HARMONICS, HYBRIDS, Orbital, angular_functions
from hpcalo.hamiltonian.readers.wannier90.text import read_text
from hpcalo.hamiltonian.readers.wannier90.win_wout import (
    Structure,
    block,
    plain_lines,
    read_win,
    read_wout,
    three_numbers,
    with_unit,
)
from hpcalo.typing import RealArray

OTHER_ORDER = ("select_projections", "auto_projections")
"""Keys that make the functions others than the block says."""
NEAR = 0.1
"""Å: `.wout` prints positions with two decimals; they are those of the atom that is nearer."""

_SPIN = re.compile(r"\((u|d|u,d|d,u)\)")
_AXIS = re.compile(r"\[[^\]]*\]")
_NUMBER = r"\s*(-?\d+\.\d+)"
_ROW = re.compile(rf"^\s*\|{3 * _NUMBER}\s+(-?\d+)\s+(\d+)\s+(\d+){6 * _NUMBER}\s+(\d+\.\d+)\s*\|")


class _UnknownError(Exception):
    """A projection that is not understood."""


def _names() -> dict[str, tuple[tuple[int, int], ...]]:
    """Name → (l, mr) of its functions."""
    names: dict[str, tuple[tuple[int, int], ...]] = {"fz2": ((3, 1),)}
    for l, functions in enumerate(HARMONICS):
        names["spdf"[l]] = tuple((l, mr) for mr in angular_functions(l))
        names |= {name: ((l, mr + 1),) for mr, name in enumerate(functions)}
    for l, (name, count) in HYBRIDS.items():
        names[name] = tuple((l, mr) for mr in range(1, count + 1))
        names |= {f"{name}-{mr}": ((l, mr),) for mr in range(1, count + 1)}
    return names


NAMES = _names()


def read_orbitals(path: Path) -> tuple[Orbital, ...] | None:
    """The orbital of each function (both spins have one each) from `.win`, or from the table of `.wout`.

    None where there are no projections, or some that are not understood (then the data must tell). Raises ModelError
    for a file that cannot be read.
    """
    try:
        if path.suffix == ".win":
            return tuple(_of_win(path)) or None
        return tuple(_of_wout(path)) or None
    except (_UnknownError, ValueError, KeyError):
        return None


def _of_win(path: Path) -> Iterator[Orbital]:
    structure = read_win(path)
    lines = plain_lines(read_text(path, "the Wannier90 input (.win)"))
    if any(re.match(rf"{key}\b(?!\s*[:=]?\s*\.?f)", line, re.IGNORECASE) for line in lines for key in OTHER_ORDER):
        raise _UnknownError
    rows, scale = with_unit(block(lines, "projections", path) or [])
    labels = _labels(lines, path)
    for row in rows:
        yield from _of_line("".join(row.lower().split()), structure, labels, scale, path)


def _labels(lines: list[str], path: Path) -> list[str]:
    """The atoms' labels as the block of atoms has them (Fe1), in lower case."""
    atoms = block(lines, "atoms_frac", path)
    rows, _ = with_unit(atoms if atoms is not None else block(lines, "atoms_cart", path) or [])
    return [row.split()[0].lower() for row in rows]


def _of_line(line: str, structure: Structure, labels: list[str], scale: float, path: Path) -> Iterator[Orbital]:
    """The functions of one line, in Wannier90's order."""
    spin = _SPIN.search(line)
    spins = 1 if structure.spinors is not True or (spin and "," not in spin[1]) else 2
    site, _, rest = _AXIS.sub("", _SPIN.sub("", line)).partition(":")
    angular, *options = rest.split(":")
    given = dict(option.split("=", 1) for option in options if option)
    if unknown := given.keys() - {"z", "x", "r", "zona", "b"}:
        raise _UnknownError(unknown)
    axes = {
        f"{name}_axis": np.array(three_numbers(given[name].replace(",", " "), path)) for name in "xz" if name in given
    }
    radial = f"{int(given.get('r', '1'))} {float(given.get('zona', '1'))}"
    for position in _positions(site, structure, labels, scale, path):
        for l, mr in sorted({function for part in angular.split(";") for function in _functions(part)}):
            for _ in range(spins):
                yield Orbital(l, mr, position, radial=radial, **axes)


def _positions(site: str, structure: Structure, labels: list[str], scale: float, path: Path) -> list[RealArray]:
    if site.startswith("f="):
        return [np.array(three_numbers(site[2:].replace(",", " "), path)) @ structure.lattice]
    if site.startswith("c="):
        return [scale * np.array(three_numbers(site[2:].replace(",", " "), path))]
    found = [position for label, position in zip(labels, structure.positions, strict=True) if label == site]
    if not found:
        raise _UnknownError(site)
    return found


def _functions(part: str) -> list[tuple[int, int]]:
    """`l=2,mr=1,4` or `dz2,dxy` → [(l, mr), …]."""
    if part.startswith("l="):
        number, _, chosen = part[2:].partition(",mr=")
        l = int(number)
        return [(l, mr) for mr in ([int(m) for m in chosen.split(",")] if chosen else angular_functions(l))]
    return [function for name in part.split(",") for function in NAMES[name]]


def _of_wout(path: Path) -> Iterator[Orbital]:
    structure, _ = read_wout(path)
    text = read_text(path, "the Wannier90 output (.wout)")
    table = text[max(text.rfind("PROJECTIONS"), 0) :].partition("K-POINT GRID")[0]
    for row in map(_ROW.match, table.splitlines()):
        if row is None:
            continue
        values = [float(x) for x in row.groups()]
        position = _nearest(np.array(values[:3]) @ structure.lattice, structure)
        l, mr, radial = (int(x) for x in values[3:6])
        yield Orbital(
            l,
            mr,
            position,
            z_axis=np.array(values[6:9]),
            x_axis=np.array(values[9:12]),
            radial=f"{radial} {values[12]}",
        )


def _nearest(position: RealArray, structure: Structure) -> RealArray:
    """The atom at this roughly known position, or the position itself."""
    apart = (structure.positions - position) @ np.linalg.inv(structure.lattice)
    distance = np.linalg.norm((apart - np.rint(apart)) @ structure.lattice, axis=1)
    return structure.positions[int(distance.argmin())] if distance.min(initial=np.inf) < NEAR else position
