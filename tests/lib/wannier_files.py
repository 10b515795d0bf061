"""Wannier90 files written from a model, in the layout of Wannier90 3.1, and the Fourier sum of the types' docstring."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hpcalo.hamiltonian.exchange import pauli_on_pairs
from hpcalo.hamiltonian.types import WannierModel


def write_tb(path: Path, model: WannierModel, degeneracy: int = 1) -> None:
    """`_tb.dat` as Wannier90 3.1 writes it, every cell with this degeneracy; the diagonal of r holds the centres."""
    N, A = model.size, position_matrix(model)
    lines = [" written by a test", *(" ".join(f"{x:20.12f}" for x in row) for row in model.crystal.lattice)]
    lines += [f"{N:12d}", f"{len(model.R):12d}"]
    counts = [f"{degeneracy:5d}"] * len(model.R)
    lines += ["".join(counts[i : i + 15]) for i in range(0, len(counts), 15)]
    for r, H in zip(model.R, model.H_Rnn * degeneracy, strict=True):
        lines += ["", "".join(f"{i:5d}" for i in r)]
        for n in range(N):
            lines += [f"{m + 1:5d}{n + 1:5d}   {H[m, n].real:15.8E} {H[m, n].imag:15.8E}" for m in range(N)]
    for r, X in zip(model.R, A * degeneracy, strict=True):
        lines += ["", "".join(f"{i:5d}" for i in r)]
        for n in range(N):
            for m in range(N):
                parts = " ".join(f"{x.real:15.8E} {x.imag:15.8E}" for x in X[:, m, n])
                lines.append(f"{m + 1:5d}{n + 1:5d}   {parts}")
    path.write_text("\n".join(lines) + "\n")


def write_hr(path: Path, model: WannierModel) -> None:
    """`_hr.dat` as Wannier90 3.1 writes it."""
    N = model.size
    lines = [" written by a test", f"{N:12d}", f"{len(model.R):12d}"]
    counts = ["    1"] * len(model.R)
    lines += ["".join(counts[i : i + 15]) for i in range(0, len(counts), 15)]
    for r, H in zip(model.R, model.H_Rnn, strict=True):
        for n in range(N):
            for m in range(N):
                cells = "".join(f"{i:5d}" for i in (*r, m + 1, n + 1))
                lines.append(f"{cells}{H[m, n].real:12.6f}{H[m, n].imag:12.6f}")
    path.write_text("\n".join(lines) + "\n")


def write_win(path: Path, model: WannierModel) -> None:
    """The blocks of `.win` that are read."""
    rows = [" ".join(f"{x:.10f}" for x in v) for v in model.crystal.lattice]
    atoms = [
        f"{s} " + " ".join(f"{x:.10f}" for x in p)
        for s, p in zip(model.crystal.symbols, model.crystal.positions, strict=True)
    ]
    cell = ["begin unit_cell_cart", "ang", *rows, "end unit_cell_cart"]
    path.write_text("\n".join([*cell, "begin atoms_cart", *atoms, "end atoms_cart", "spinors = .true."]))


def write_wsvec(path: Path, model: WannierModel) -> None:
    """`_wsvec.dat` of `use_ws_distance = .false.`: each element is its own only image."""
    lines = ["written by a test"]
    for r in model.R:
        for m, n in np.ndindex(model.size, model.size):
            lines += ["".join(f"{i:5d}" for i in (*r, m + 1, n + 1)), "    1", "    0    0    0"]
    path.write_text("\n".join(lines) + "\n")


def write_spin(
    folder: Path, seed: str, model: WannierModel, scale: float = 1.0, gauge: np.ndarray | None = None
) -> None:
    """`.chk` and `.spn` of a model on the cells −1, 0, 1: its functions are the Bloch states of the 3 × 3 × 3 mesh, and
    their spin matrices Pauli matrices on the pairs, times `scale`. gauge: the functions in terms of these pairs, which
    are then in blocks.
    """
    N, k = model.size, np.array(list(np.ndindex(3, 3, 3))) / 3.0
    one = np.broadcast_to(np.eye(N, dtype=complex), (len(k), N, N))
    reciprocal = 2.0 * np.pi * np.linalg.inv(model.crystal.lattice).T
    counts = [N, 0, np.zeros(0), model.crystal.lattice.T, reciprocal.T, len(k), np.full(3, 3), k, 1, N]
    U = one if gauge is None else np.broadcast_to(gauge.T, one.shape)
    chk = [b"written by a test".ljust(33), *counts, b"postwann".ljust(20), 0, U, one, model.centres]
    write_records(folder / f"{seed}.chk", chk)
    pairs = (model.up, model.down) if gauge is None else (np.arange(N // 2), np.arange(N // 2, N))
    sigma = scale * pauli_on_pairs(*pairs)
    row, column = np.tril_indices(N)
    states = [np.ascontiguousarray(sigma[:, column, row].T)] * len(k)
    write_records(folder / f"{seed}.spn", [b"written by a test".ljust(60), np.array([N, len(k)]), *states])


def write_records(path: Path, records: Iterable[bytes | int | np.ndarray]) -> None:
    """Fortran records with their two lengths; whole numbers have four bytes. Arrays are written as NumPy has them."""
    with path.open("wb") as file:
        for record in records:
            array = np.asarray(record) if not isinstance(record, bytes) else np.frombuffer(record, dtype="S1")
            data = (array.astype("<i4") if array.dtype.kind == "i" else array).tobytes()
            file.write(len(data).to_bytes(4, "little") + data + len(data).to_bytes(4, "little"))


def position_matrix(model: WannierModel) -> np.ndarray:
    if model.A_Rvnn is not None:
        return model.A_Rvnn
    A = np.zeros((len(model.R), 3, model.size, model.size), dtype=complex)
    home = int(np.flatnonzero((model.R == 0).all(axis=1))[0])
    for v in range(3):
        A[home, v] = np.diag(model.centres[:, v])
    return A


def bloch(model: WannierModel, X: np.ndarray, k: np.ndarray) -> np.ndarray:
    """X(k), (nk, …, N, N), by the definition in the docstring of the types."""
    return np.tensordot(np.exp(2j * np.pi * np.atleast_2d(k) @ model.R.T), X, 1)
