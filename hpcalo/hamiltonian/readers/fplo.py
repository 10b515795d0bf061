"""Reader of FPLO's file of Wannier functions, `+hamdata`: H and spin matrices by the vector between two functions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from hpcalo.config.fields import InputPath
from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.base import Magnetization, Reader, SpinPairs
from hpcalo.hamiltonian.readers.matrices import Matrices, Wishes, sites, wannier_model
from hpcalo.hamiltonian.readers.wannier90.text import check_sizes, numbers, read_text
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.typing import ComplexArray, IntArray, RealArray
from hpcalo.units import BOHR_IN_ANGSTROM

NAME = "+hamdata"
NOT_WHOLE = 1e-3
"""A cell R = T + c_i − c_j in lattice vectors may differ by so much from whole numbers."""


class Fplo(Reader):
    """FPLO's `+hamdata` of a full-relativistic calculation; names tell the spin pairs, positions are the centres."""

    source: ClassVar = "fplo"
    help: ClassVar = "FPLO's +hamdata"
    endings: ClassVar = (NAME,)

    fplo: InputPath = Field(description="FPLO's file +hamdata (Wannier functions, full-relativistic)")
    spin: SpinPairs = "auto"
    n_hat: Magnetization = None

    def files(self) -> list[Path]:
        """The one file."""
        return [self.fplo.path]

    def read(self) -> WannierModel:
        """The model; its energies are counted from FPLO's Fermi energy. Raises ModelError, InputError."""
        path = self.fplo.path
        text = read_text(path, "Wannier functions of FPLO (+hamdata)")
        head, _, body = text.partition("\nspin:")
        if not body:
            raise ModelError(f"{path}: no block 'spin:' with matrices: not FPLO's +hamdata, or truncated")
        (N,) = (int(n) for n in _block(head, "nwan", 1, path))
        check_sizes(N, 1, path)
        if int(_block(head, "nspin", 1, path)[0]) != 1:
            raise ModelError(f"{path}: is of two spins without spin-orbit coupling; it must be full-relativistic")
        lattice = BOHR_IN_ANGSTROM * _block(head, "lattice_vectors", 9, path).reshape(3, 3)
        centres = BOHR_IN_ANGSTROM * _block(head, "wancenters", 3 * N, path).reshape(N, 3)
        R, H, spin = _matrices(body, lattice, centres, path)
        positions, _ = sites(centres, lattice)
        names = _names(head)
        pairs = _pairs(names, N)
        matrices = Matrices(
            lattice=lattice,
            R=R,
            H_Rnn=H,
            centres=centres,
            spin_Rvnn=spin if self.spin == "files" or (pairs is None and self.spin == "auto") else None,
            pairs=pairs,
            positions=positions,
            symbols=_symbols(names, centres, positions),
            notes=("from FPLO: no position matrix, only the centres of the functions",),
        )
        fermi = 0.0 if self.fermi_energy is None else self.fermi_energy
        wishes = Wishes.of(self, fermi_energy=fermi)
        return wannier_model(matrices, wishes, path, path.parent.name)


def _block(head: str, key: str, count: int, path: Path) -> RealArray:
    """The numbers after the line `key:`. Raises ModelError if they are not there."""
    found = re.search(rf"^{key}:\s*\n((?:\s*[-+\d.eEdD]+(?:\s+[-+\d.eEdD]+)*\s*\n)+)", head + "\n", re.MULTILINE)
    values = numbers(found[1], path) if found else np.zeros(0)
    if values.size < count:
        raise ModelError(f"{path}: '{key}:' with {count} numbers not found: not FPLO's +hamdata, or truncated")
    return values[:count]


def _matrices(
    body: str, lattice: RealArray, centres: RealArray, path: Path
) -> tuple[IntArray, ComplexArray, ComplexArray | None]:
    """Cells, H (nR, N, N) eV and σ (nR, 3, N, N) or None, from blocks `Tij, Hij[, Sij]:` of one pair each."""
    if "\nend spin:" not in body:
        raise ModelError(f"{path}: no line 'end spin:': truncated")
    N = len(centres)
    pairs: list[IntArray] = []
    rows: list[RealArray] = []
    for block in re.findall(r"^Tij, Hij[^\n]*:\s*\n(.*?)^end Tij, Hij", body, re.DOTALL | re.MULTILINE):
        pair, _, lines = block.partition("\n")
        values = numbers(lines, path)
        if not values.size:
            continue
        i, j = (int(n) - 1 for n in pair.split())
        columns = len(lines.split("\n", 1)[0].split())
        if columns not in {5, 11} or values.size % columns or not (0 <= i < N and 0 <= j < N):
            raise ModelError(f"{path}: functions {pair.strip()}: lines of {columns} numbers, expected 5 or 11")
        rows.append(values.reshape(-1, columns))
        pairs.append(np.tile([i, j], (len(rows[-1]), 1)))
    if not rows or len({block.shape[1] for block in rows}) != 1:
        raise ModelError(f"{path}: no matrix elements, or some with and some without spin")
    table, pair_of = np.concatenate(rows), np.concatenate(pairs)
    exact = (BOHR_IN_ANGSTROM * table[:, :3] + centres[pair_of[:, 0]] - centres[pair_of[:, 1]]) @ np.linalg.inv(lattice)
    cells = np.rint(exact)
    if (gap := float(np.abs(exact - cells).max())) > NOT_WHOLE:
        raise ModelError(f"{path}: vectors between functions are off the lattice by {gap:.2g} of a cell")
    R, cell = np.unique(np.concatenate([cells, -cells]).astype(np.int64), axis=0, return_inverse=True)
    where = (cell.ravel()[: len(table)], pair_of[:, 0], pair_of[:, 1])
    H = np.zeros((len(R), N, N), dtype=np.complex128)
    H[where] = table[:, 3] + 1j * table[:, 4]
    if table.shape[1] == 5:
        return R, H, None
    spin = np.zeros((len(R), 3, N, N), dtype=np.complex128)
    for v in range(3):
        spin[where[0], v, where[1], where[2]] = table[:, 5 + 2 * v] + 1j * table[:, 6 + 2 * v]
    return R, H, spin


def _names(head: str) -> list[str]:
    """Names of the functions, such as `Fe1 3d-2up`; none if the file has none."""
    found = re.search(r"^wannames:\s*\n(.*?)^\w+:", head, re.DOTALL | re.MULTILINE)
    return [name.strip() for name in found[1].splitlines()] if found else []


def _pairs(names: list[str], N: int) -> tuple[IntArray, IntArray] | None:
    """up, down by the ends of the names: FPLO leaves out spin elements where H is 0, so its matrices may not tell."""
    number = {name: i for i, name in enumerate(names)}
    found = [(i, number.get(name.removesuffix("up") + "dn")) for name, i in number.items() if name.endswith("up")]
    up, down = np.array([i for i, _ in found], dtype=np.int64), [j for _, j in found]
    if None in down or 2 * len(up) != N or len(number) != N:
        return None
    return up, np.array(down, dtype=np.int64)


def _symbols(names: list[str], centres: RealArray, positions: RealArray) -> tuple[str, ...]:
    """The symbol of each site, from the name (`Fe1 3d-2up`) of the first function there; X without names."""
    symbols = []
    for position in positions:
        first = int(np.argmin(np.linalg.norm(centres - position, axis=1)))
        letters = re.match(r"\s*([A-Za-z]{1,2})", names[first]) if first < len(names) else None
        symbols.append(letters[1].capitalize() if letters else "X")
    return tuple(symbols)
