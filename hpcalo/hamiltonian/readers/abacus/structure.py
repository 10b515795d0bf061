"""ABACUS' structure file STRU, its list of orbitals, and what its log says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.text import read_text
from hpcalo.typing import IntArray, RealArray
from hpcalo.units import BOHR_IN_ANGSTROM

SECTIONS = (
    "ATOMIC_SPECIES",
    "NUMERICAL_ORBITAL",
    "LATTICE_CONSTANT",
    "LATTICE_VECTORS",
    "LATTICE_PARAMETERS",
    "ATOMIC_POSITIONS",
    "NUMERICAL_DESCRIPTOR",
    "PAW_FILES",
)


def read_stru(path: Path) -> tuple[RealArray, RealArray, tuple[str, ...]]:
    """Lattice (3, 3) Å, positions (atoms, 3) Å and symbols. Raises ModelError for what is missing or not understood."""
    lines = [
        re.split(r"//|#", line, maxsplit=1)[0].strip() for line in read_text(path, "the structure (STRU)").splitlines()
    ]
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in filter(None, lines):
        if line in SECTIONS:
            current = sections.setdefault(line, [])
        else:
            current.append(line)
    if missing := [
        name for name in ("LATTICE_CONSTANT", "LATTICE_VECTORS", "ATOMIC_POSITIONS") if name not in sections
    ]:
        raise ModelError(f"{path}: no section {missing[0]}: not a STRU file, or one that needs latname of INPUT")
    try:
        constant = float(sections["LATTICE_CONSTANT"][0].split()[0]) * BOHR_IN_ANGSTROM
        lattice = constant * np.array([[float(x) for x in row.split()[:3]] for row in sections["LATTICE_VECTORS"][:3]])
        symbols, numbers, kind = _atoms(sections["ATOMIC_POSITIONS"])
    except (ValueError, IndexError):
        raise ModelError(
            f"{path}: LATTICE_CONSTANT, LATTICE_VECTORS or ATOMIC_POSITIONS are not as ABACUS has them"
        ) from None
    units = {"cartesian": constant, "cartesian_angstrom": 1.0, "cartesian_au": BOHR_IN_ANGSTROM}
    if kind == "direct":
        return lattice, numbers @ lattice, symbols
    if kind not in units:
        raise ModelError(f"{path}: positions are '{kind}': expected Direct, {', '.join(units)}")
    return lattice, numbers * units[kind], symbols


def _atoms(rows: list[str]) -> tuple[tuple[str, ...], RealArray, str]:
    """Symbols, numbers (atoms, 3), kind of coordinates; each element has label, magnetism, count and rows."""
    kind = rows[0].split()[0].lower()
    symbols: list[str] = []
    numbers: list[list[float]] = []
    line = 1
    while line < len(rows):
        label, count = rows[line].split()[0], int(rows[line + 2].split()[0])
        for row in rows[line + 3 : line + 3 + count]:
            symbols.append((re.match(r"[A-Za-z]+", label) or [label])[0][:2].capitalize())
            numbers.append([float(x) for x in row.split()[:3]])
        line += 3 + count
    if len(numbers) == 0:
        raise ValueError
    return tuple(symbols), np.array(numbers), kind


def read_orbital_atoms(path: Path) -> IntArray:
    """The atom (from 0) of each orbital without spin, from ABACUS' list `Orbital`: lines `atom element l m z name`."""
    atoms: list[int] = []
    for line in read_text(path, "the list of orbitals (Orbital)").splitlines()[1:]:
        words = line.split()
        if not words:
            break
        if not words[0].isdigit():
            raise ModelError(f"{path}: '{line.strip()[:40]}': expected atom, element, l, m, z and a name")
        atoms.append(int(words[0]))
    return np.array(atoms, dtype=np.int64)


def read_log(path: Path) -> tuple[float | None, float | None]:
    """Fermi energy (eV) and number of electrons of the last step in `running_scf.log`, as far as it tells them."""
    text = read_text(path, "the log of ABACUS")
    energies = re.findall(r"EFERMI\s*=\s*([-+.\deE]+)\s*eV", text)
    electrons = re.findall(r"(?i)number of electrons:?\s*=\s*([\d.]+)", text)
    return (float(energies[-1]) if energies else None), (float(electrons[-1]) if electrons else None)
