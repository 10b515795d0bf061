"""Lattice and atoms of FLEUR's input `inp.xml`: lengths in bohr, fractions written as such (`1.000/8.000`)."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.text import read_text
from hpcalo.hamiltonian.readers.wannier90.win_wout import Structure
from hpcalo.typing import RealArray
from hpcalo.units import BOHR_IN_ANGSTROM

_NUMBER = re.compile(r"([-+]?[\d.]+(?:[eE][-+]?\d+)?)(?:/([\d.]+))?")


def read_inp(path: Path) -> Structure:
    """The structure of the file. Raises ModelError: no XML, no lattice as a matrix, positions not understood."""
    try:
        root = ElementTree.fromstring(read_text(path, "FLEUR's input (inp.xml)"))
    except ElementTree.ParseError as problem:
        raise ModelError(f"{path}: is no XML file: {problem}") from None
    kinds = (root.find(f".//{kind}") for kind in ("bulkLattice", "filmLattice"))
    cell = next((kind for kind in kinds if kind is not None), None)
    rows = [] if cell is None else [cell.find(f"bravaisMatrix/row-{i}") for i in (1, 2, 3)]
    if cell is None or any(row is None for row in rows):
        raise ModelError(f"{path}: no lattice as bravaisMatrix with three rows: write WF1.win by hand")
    scale = BOHR_IN_ANGSTROM * float(cell.get("scale", "1"))
    lattice = scale * np.array([_numbers((row.text if row is not None else None) or "", path) for row in rows])
    elements = {s.get("name"): s.get("element", "X") for s in root.findall(".//species")}
    symbols: list[str] = []
    positions: list[RealArray] = []
    for group in root.findall(".//atomGroup"):
        for atom in group:
            if atom.tag not in {"relPos", "absPos", "filmPos"}:
                continue
            values = np.array(_numbers(atom.text or "", path))
            if atom.tag == "relPos":
                position = values @ lattice
            elif atom.tag == "absPos":
                position = scale * values
            else:  # in the plane relative, along the normal absolute
                position = values[:2] @ lattice[:2] + np.array([0.0, 0.0, scale * values[2]])
            symbols.append(elements.get(group.get("species"), "X"))
            positions.append(position)
    if not positions:
        raise ModelError(f"{path}: no atoms (relPos, absPos or filmPos)")
    return Structure(lattice=lattice, symbols=tuple(symbols), positions=np.array(positions))


def _numbers(text: str, path: Path) -> list[float]:
    """Three numbers or fractions. Raises ModelError."""
    words = [_NUMBER.fullmatch(word) for word in text.split()]
    if len(words) != 3 or not all(words):
        raise ModelError(f"{path}: '{text.strip()[:40]}': expected three numbers or fractions")
    return [float(word[1]) / float(word[2] or 1) for word in words if word]
