"""FLEUR's files of operators: one element a line, `R1 R2 R3 m n component Re Im`, and WF1_r.dat.

Their layout is that of FLEUR's m_melem_io and of the older wann_pauli_rs and wann_socmat_rs. None is divided by the
degeneracies of the cells, which stand in WF1_hr.dat.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.text import numbers, read_text, whole
from hpcalo.typing import ComplexArray, IntArray, RealArray
from hpcalo.units import HARTREE_EV


def read_spin(path: Path, R: IntArray, N: int) -> ComplexArray:
    """`rspauli.1`: <0m|σ_v|Rn>, (nR, 3, N, N). Raises ModelError: missing, elements missing, other cells."""
    return _filled(path, "spin matrices", R, (N, N, 3), [3, 4, 5], 6).transpose(0, 3, 1, 2)


def read_positions(path: Path, R: IntArray, N: int) -> ComplexArray:
    """`WF1_r.dat`: <0m|r_v|Rn> in Å, (nR, 3, N, N). Raises ModelError as `read_spin`."""
    text = read_text(path, "the position matrix (_r.dat)").partition("\n")[2]
    values = numbers(text, path, 2)
    if values.size < 2 or values[0] != N:
        raise ModelError(f"{path}: is for {values[0] if values.size else 0:g} functions, the Hamiltonian has {N}")
    rows = _rows(values[2:], 11, path)
    elements = rows[:, 5::2] + 1j * rows[:, 6::2]
    return _placed(path, rows, R, (N, N), [3, 4], elements).transpose(0, 3, 1, 2)


def read_spin_orbit(path: Path, R: IntArray, N: int) -> ComplexArray:
    """`rssocmat.1`, hartree in the file: <0m|H_SOC|Rn> by the spins of both sides, eV, (nR, 2, 2, N, N).

    Between spinor functions the sum over the four is H_SOC; between functions of two channels each is a block, spin up
    first. Raises ModelError as `read_spin`.
    """
    blocks = _filled(path, "spin-orbit matrices", R, (N, N, 2, 2), [3, 4, 5, 6], 7)
    return HARTREE_EV * blocks.transpose(0, 3, 4, 1, 2)


def _filled(path: Path, what: str, R: IntArray, shape: tuple[int, ...], indices: list[int], value: int) -> ComplexArray:
    rows = _rows(numbers(read_text(path, what), path), value + 2, path)
    return _placed(path, rows, R, shape, indices, rows[:, value] + 1j * rows[:, value + 1])


def _rows(values: RealArray, columns: int, path: Path) -> RealArray:
    if values.size % columns or not values.size:
        raise ModelError(f"{path}: {values.size} numbers are no lines of {columns}: truncated, or another layout")
    return values.reshape(-1, columns)


def _placed(
    path: Path, rows: RealArray, R: IntArray, shape: tuple[int, ...], indices: list[int], values: ComplexArray
) -> ComplexArray:
    """Elements at their place in any order, each of the cells R once. Raises ModelError."""
    cells = {tuple(r): i for i, r in enumerate(R.tolist())}
    named, number = np.unique(whole(rows[:, :3], path, "cells R"), axis=0, return_inverse=True)
    if unknown := [tuple(r) for r in named.tolist() if tuple(r) not in cells]:
        raise ModelError(f"{path}: names the cell {unknown[0]}, which the Hamiltonian does not have")
    where = whole(rows[:, indices], path, "numbers of functions and components") - 1
    outside = ((where < 0) | (where >= np.array(shape))).any(axis=1)
    if outside.any():
        worst = where[int(outside.argmax())] + 1
        raise ModelError(f"{path}: a line with the numbers {worst.tolist()}, expected up to {list(shape)}")
    cell = np.array([cells[tuple(r)] for r in named.tolist()])[number.ravel()]
    flat = np.ravel_multi_index((cell, *where.T), (len(R), *shape))
    size = len(R) * int(np.prod(shape))
    if len(flat) != size or len(np.unique(flat)) != size:
        raise ModelError(
            f"{path}: {len(flat)} elements, {len(np.unique(flat))} of them different; the Hamiltonian's cells have "
            f"{size}: truncated, or made for other cells"
        )
    full = np.empty((size, *values.shape[1:]), dtype=np.complex128)
    full[flat] = values
    return full.reshape(len(R), *shape, *values.shape[1:])
