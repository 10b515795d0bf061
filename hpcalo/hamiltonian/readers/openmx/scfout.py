"""`*.scfout` of OpenMX 3.9 (layout version 3 of its read_scfout.c): neighbour by neighbour, hartree and bohr.

The block of atom `ct` and its neighbour `h` is <0 ct|X|R gh>, where gh = natn[ct][h] lies in the cell R =
atv_ijk[ncn[ct][h]].
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.text import MAX_ORBITALS, file_size
from hpcalo.typing import ComplexArray, IntArray, RealArray
from hpcalo.units import BOHR_IN_ANGSTROM, HARTREE_EV

VERSION = 3
NONCOLLINEAR = 3


@dataclass(frozen=True)
class Scfout:
    """What an .scfout file holds.

    lattice, positions Å. H_Rnn: (nR, 2N, 2N) eV, spin innermost. S_Rnn: (nR, N, N). p_pRnn: (3 · orders, nR, N, N),
    powers of the position in the order of the file, those of first order in Å. atom_of: (N,) the atom of each orbital.
    """

    lattice: RealArray
    positions: RealArray
    symbols: tuple[str, ...]
    atom_of: IntArray
    R: IntArray
    H_Rnn: ComplexArray
    S_Rnn: RealArray
    p_pRnn: RealArray
    orders: int
    fermi_energy: float
    electrons: float


class _Stream:
    """Takes numbers from the file's bytes. Raises ModelError at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        file_size(path, "OpenMX's Hamiltonian (.scfout)")  # that it can be read
        self.data = path.read_bytes()
        self.position = 0
        self.order = next((o for o in "<>" if self._plausible(o)), "")
        if not self.order:
            raise ModelError(
                f"{path}: is not an .scfout of OpenMX 3.9 (layout version {VERSION}): another version, or another file"
            )

    def _plausible(self, order: str) -> bool:
        if len(self.data) < 28:
            return False
        head = np.frombuffer(self.data, f"{order}i4", 7)
        return 0 < head[0] < 10**6 and head[1] // 4 == VERSION and 0 <= head[5] < 10**6 and 0 < head[6] < 10

    def whole(self, count: int) -> IntArray:
        """The next whole numbers of four bytes."""
        return self._take("i4", count).astype(np.int64)

    def reals(self, count: int) -> RealArray:
        """The next numbers of eight bytes."""
        return self._take("f8", count).astype(np.float64)

    def texts(self, count: int) -> list[str]:
        """The next lines of 256 characters."""
        raw = self._take("S256", count)
        return [line.split(b"\0")[0].decode("latin-1") for line in raw.tolist()]

    def _take(self, kind: str, count: int) -> NDArray:
        dtype = np.dtype(kind if kind.startswith("S") else self.order + kind)
        end = self.position + dtype.itemsize * count
        if count < 0 or end > len(self.data):
            raise ModelError(f"{self.path}: ends too early: truncated")
        values = np.frombuffer(self.data, dtype, count, self.position)
        self.position = end
        return values


@dataclass(frozen=True)
class _Neighbours:
    """For each block the orbitals of its rows and columns, and the number of its cell."""

    blocks: list[tuple[slice, slice, int]]
    cells: int
    N: int

    def read(self, stream: _Stream) -> RealArray:
        """One matrix over all blocks, (cells, N, N)."""
        full = np.zeros((self.cells, self.N, self.N))
        for rows, columns, cell in self.blocks:
            shape = (rows.stop - rows.start, columns.stop - columns.start)
            full[cell, rows, columns] = stream.reals(shape[0] * shape[1]).reshape(shape)
        return full


def read_scfout(path: Path) -> Scfout:
    """The file's content. Raises ModelError: another version, collinear, truncated, damaged."""
    stream = _Stream(path)
    atoms, code, _, _, _, last_cell, orders = (int(n) for n in stream.whole(7))
    if code % 4 != NONCOLLINEAR:
        raise ModelError(
            f"{path}: is of a collinear calculation: torques, DMI and Hall currents of a magnet need "
            "scf.SpinPolarization nc and scf.SpinOrbit.Coupling on"
        )
    stream.reals(4 * (last_cell + 1))
    cells = stream.whole(4 * (last_cell + 1)).reshape(-1, 4)[:, 1:]
    orbitals, neighbours = stream.whole(atoms), stream.whole(atoms)
    if orbitals.min() < 1 or orbitals.sum() > MAX_ORBITALS or neighbours.min() < 0:
        raise ModelError(f"{path}: {orbitals.sum()} orbitals on {atoms} atoms: damaged, or not an .scfout")
    atom = [stream.whole(int(n) + 1) - 1 for n in neighbours]
    image = [stream.whole(int(n) + 1) for n in neighbours]
    lattice = stream.reals(12).reshape(3, 4)[:, 1:]
    stream.reals(12)
    positions = stream.reals(4 * atoms).reshape(-1, 4)[:, 1:]
    ends = np.concatenate([[0], np.cumsum(orbitals)])
    part = [slice(int(a), int(b)) for a, b in pairwise(ends)]
    every_atom, every_image = np.concatenate(atom), np.concatenate(image)
    if every_atom.min() < 0 or every_atom.max() >= atoms or every_image.min() < 0 or every_image.max() > last_cell:
        raise ModelError(f"{path}: names neighbours that are not there: damaged")
    named = cells[np.unique(every_image)]
    R = np.unique(np.concatenate([named, -named]), axis=0)
    number = {tuple(r): i for i, r in enumerate(R.tolist())}
    blocks = [
        (part[c], part[int(g)], number[tuple(cells[i].tolist())])
        for c in range(atoms)
        for g, i in zip(atom[c], image[c], strict=True)
    ]
    table = _Neighbours(blocks, len(R), int(ends[-1]))
    real = [table.read(stream) for _ in range(4)]
    imaginary = [table.read(stream) for _ in range(3)]
    S = table.read(stream)
    p = np.array([table.read(stream) for _ in range(3 * orders)])
    for _ in range(3 + 4 + 2):  # momentum, density matrix and its imaginary part
        for rows, columns, _cell in blocks:
            stream.reals((rows.stop - rows.start) * (columns.stop - columns.start))
    stream.whole(1)
    values = stream.reals(10)
    lines = stream.texts(int(stream.whole(1)[0]))
    return Scfout(
        lattice=BOHR_IN_ANGSTROM * lattice,
        positions=BOHR_IN_ANGSTROM * positions,
        symbols=_symbols(lines, atoms),
        atom_of=np.repeat(np.arange(atoms), orbitals),
        R=R,
        H_Rnn=HARTREE_EV * _spinor(real, imaginary, R),
        S_Rnn=S,
        p_pRnn=BOHR_IN_ANGSTROM * p,
        orders=orders,
        fermi_energy=HARTREE_EV * float(values[0]),
        electrons=float(values[8]),
    )


def _spinor(real: list[RealArray], imaginary: list[RealArray], R: IntArray) -> ComplexArray:
    """From Hks[0..3] = Re uu, Re dd, Re ud, Im ud and iHks[0..2] = Im uu, Im dd, Im ud; du(R) is ud(−R)†."""
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    opposite = [index[-r[0], -r[1], -r[2]] for r in R.tolist()]
    up_down = real[2] + 1j * (real[3] + imaginary[2])
    nR, N = real[0].shape[:2]
    H = np.zeros((nR, 2 * N, 2 * N), dtype=np.complex128)
    H[:, ::2, ::2] = real[0] + 1j * imaginary[0]
    H[:, 1::2, 1::2] = real[1] + 1j * imaginary[1]
    H[:, ::2, 1::2] = up_down
    H[:, 1::2, ::2] = up_down[opposite].conj().mT
    return H


def _symbols(lines: list[str], atoms: int) -> tuple[str, ...]:
    """The elements from the input that the file repeats: species by the letters of their basis; X where it does not."""
    species = {w[0]: w[1] for w in _block(lines, "Definition.of.Atomic.Species") if len(w) > 1}
    labels = [w[1] for w in _block(lines, "Atoms.SpeciesAndCoordinates") if len(w) > 1]
    if len(labels) != atoms:
        return ("X",) * atoms
    letters = [re.match(r"[A-Z][a-z]?", species.get(label, label)) for label in labels]
    return tuple(found[0] if found else "X" for found in letters)


def _block(lines: list[str], name: str) -> list[list[str]]:
    text = "\n".join(lines)
    found = re.search(rf"<{re.escape(name)}(.*?){re.escape(name)}>", text, re.DOTALL | re.IGNORECASE)
    return [line.split() for line in found[1].splitlines() if line.split()] if found else []
