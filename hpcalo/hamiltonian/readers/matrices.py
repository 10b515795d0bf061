"""Matrices of orthonormal orbitals as other programs hold them → a WannierModel with spin pairs, exchange and n̂."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpcalo.errors import InputError, ModelError, nearest, one_line
from hpcalo.hamiltonian import pairs
from hpcalo.hamiltonian.exchange import odd_part, require_exchange
from hpcalo.hamiltonian.film import as_film, periodic_directions, thickness_or_default
from hpcalo.hamiltonian.magnetization import with_magnetization
from hpcalo.hamiltonian.readers.base import Reader
from hpcalo.hamiltonian.readers.wannier90.assemble import pair_gauge, with_pairs, without_pairs
from hpcalo.hamiltonian.spin_order import find_order
from hpcalo.hamiltonian.types import Crystal, WannierModel, check_hermitian, check_shape
from hpcalo.typing import ComplexArray, IntArray, RealArray

SAME_SITE = 0.1
"""Å: centres that are closer belong to one site where no atoms are known."""
ORDERS = ("auto", "interleaved", "blocks", "none")
"""Of up and down functions, where no spin matrices tell the pairs."""
VISIBLE = 1e-5
"""Å: a position matrix is called not Hermitian from this difference on."""


@dataclass(frozen=True)
class Matrices:
    """What a file holds; degeneracies are divided out.

    lattice: (3, 3) Å. R: (nR, 3). H_Rnn: eV. centres: (N, 3) Å, None: the diagonal of A. A_Rvnn: <0m|r_v|Rn> Å.
    spin_Rvnn: <0m|σ_v|Rn>. soc_Rnn: the part of H_Rnn that is spin-orbit coupling, eV, if it is known apart. pairs: up,
    down where names tell them. positions, symbols: atoms, None: one at each centre. periodic: None: where cells of R
    lie.
    """

    lattice: RealArray
    R: IntArray
    H_Rnn: ComplexArray
    centres: RealArray | None = None
    A_Rvnn: ComplexArray | None = None
    spin_Rvnn: ComplexArray | None = None
    soc_Rnn: ComplexArray | None = None
    pairs: tuple[IntArray, IntArray] | None = None
    positions: RealArray | None = None
    symbols: tuple[str, ...] = ()
    periodic: tuple[bool, bool, bool] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wishes:
    """The keys of `[model]` that change what is made of them; `spin` as the key of this name."""

    spin: str = "auto"
    position_matrix: bool = True
    n_hat: Sequence[float] | None = None
    thickness: float | None = None
    fermi_energy: float | None = None
    electrons: float | None = None

    @classmethod
    def of(cls, reader: Reader, **changes: Any) -> Wishes:  # fields of this class
        """Those of a reader, as far as it has them, with changes."""
        return cls(**{**reader.model_dump(include={f.name for f in fields(cls)}), **changes})


def from_arrays(
    lattice: ArrayLike,
    R: ArrayLike,
    H: ArrayLike,
    *,
    r: ArrayLike | None = None,
    spin: ArrayLike | None = None,
    centres: ArrayLike | None = None,
    order: str = "auto",
    atoms: Sequence[tuple[str, Sequence[float]]] = (),
    periodic: tuple[bool, bool, bool] | None = None,
    n_hat: Sequence[float] | None = None,
    thickness: float | None = None,
    fermi_energy: float | None = None,
    electrons: float | None = None,
    name: str = "model",
) -> WannierModel:
    """A model of orthonormal functions from arrays, with its spin pairs, exchange part and direction n̂.

    lattice: (3, 3) Å, rows. R: (nR, 3) cells. H: (nR, N, N) = <0m|H|Rn>, eV, with H(−R) = H(R)†. r: (nR, 3, N, N) =
    <0m|r|Rn>, Å. spin: (nR, 3, N, N) = <0m|σ|Rn>; without it pairs are found by `order`: "auto", "interleaved" (up,
    down, up, …), "blocks" (all up, all down), "none". centres: (N, 3) Å; default: the diagonal of r at R = 0, else the
    origin. atoms: symbol and Cartesian position in Å of each; default: one at each centre. periodic: default: the
    directions in which cells of R lie. n_hat: direction of the majority moment; default: found. thickness: Å, of a
    film. fermi_energy: eV. electrons: per cell. Raises ModelError for wrong shapes, a Hamiltonian that is not
    Hermitian, pairs that are not found.
    """
    H_Rnn = np.asarray(H, dtype=np.complex128)
    if H_Rnn.ndim != 3 or H_Rnn.shape[1] != H_Rnn.shape[2]:
        raise ModelError(f"H: shape {H_Rnn.shape}, expected (nR, N, N)")
    known = np.zeros((H_Rnn.shape[1], 3)) if centres is None else np.asarray(centres, dtype=np.float64)
    matrices = Matrices(
        lattice=np.asarray(lattice, dtype=np.float64),
        R=np.asarray(R, dtype=np.int64),
        H_Rnn=H_Rnn,
        centres=known,
        A_Rvnn=None if r is None else np.asarray(r, dtype=np.complex128),
        spin_Rvnn=None if spin is None else np.asarray(spin, dtype=np.complex128),
        positions=np.array([position for _, position in atoms], dtype=np.float64) if atoms else None,
        symbols=tuple(symbol for symbol, _ in atoms),
        periodic=periodic,
    )
    if order not in ORDERS:
        raise ModelError(f"order: {order!r}: expected {', '.join(ORDERS)}{nearest(order, ORDERS)}")
    wishes = Wishes(order, n_hat=n_hat, thickness=thickness, fermi_energy=fermi_energy, electrons=electrons)
    check_shape("H", matrices.H_Rnn, (len(matrices.R), len(known), len(known)))
    check_hermitian("H", matrices.R, matrices.H_Rnn)
    return _model(matrices, wishes, name)


def wannier_model(m: Matrices, wishes: Wishes, path: Path, name: str) -> WannierModel:
    """The model of these matrices.

    Raises ModelError that begins with the path: not Hermitian, no pairs, wrong shapes. InputError: no spin matrices.
    """
    if wishes.spin == "files" and m.spin_Rvnn is None:
        raise InputError(f"{path}: has no spin matrices beside it, but spin = 'files' was given")
    try:
        return _model(m, wishes, name)
    except ModelError as problem:
        raise ModelError(f"{path}: {one_line(problem)}") from None


def _model(m: Matrices, wishes: Wishes, name: str) -> WannierModel:
    notes = list(m.notes)
    A = m.A_Rvnn
    if A is not None:
        A, gap = hermitized(m.R, A)
        if gap > VISIBLE:
            notes.append(f"position matrix made Hermitian: the file's differs by {gap:.2g} Å from its adjoint")
    home = np.flatnonzero((m.R == 0).all(axis=1))
    if len(home) != 1:
        raise ModelError(f"the cell R = 0 is listed {len(home)} times, expected once")
    if A is not None:
        centres = np.ascontiguousarray(np.diagonal(A[home[0]], axis1=1, axis2=2).real.T)
    elif m.centres is not None:
        centres = np.asarray(m.centres, dtype=np.float64)
    else:
        raise ModelError("neither a position matrix nor the centres of the functions are known")
    positions, symbols = (
        (m.positions, m.symbols) if m.positions is not None and m.symbols else sites(centres, m.lattice)
    )
    periodic = m.periodic or periodic_directions(m.R)
    thickness, about = thickness_or_default(wishes.thickness, m.lattice, periodic, positions)
    model = WannierModel(
        crystal=Crystal(
            lattice=m.lattice,
            periodic=periodic,
            positions=positions,
            symbols=symbols,
            moments=np.zeros(len(symbols)),
            thickness=thickness,
        ),
        R=m.R,
        H_Rnn=m.H_Rnn,
        centres=centres,
        A_Rvnn=A if wishes.position_matrix else None,
        spin_Rvnn=m.spin_Rvnn,
        fermi_energy=wishes.fermi_energy,
        electrons=wishes.electrons,
        name=name,
        notes=(*notes, *about),
    )
    up, down, found = _pairs(model, wishes.spin, m.pairs)
    model = model.with_notes(*found)
    if not len(up) and (model.spin_Rvnn is None or wishes.spin == "none"):
        model = replace(model, spin_Rvnn=None)
    elif not len(up):
        model = without_pairs(model, wishes.n_hat)
    else:
        model = _with_exchange(model, m.soc_Rnn, up, down, int(home[0]), wishes.n_hat)
    return model if wishes.thickness is None else as_film(model, wishes.thickness)


def _with_exchange(
    model: WannierModel, soc_Rnn: ComplexArray | None, up: IntArray, down: IntArray, home: int,
    n_hat: Sequence[float] | None,
) -> WannierModel:  # fmt: skip
    """With pairs, exchange part and n̂. The exchange is that of H without spin-orbit coupling that is known apart."""
    paired, _ = with_pairs(model, up, down, home)
    if soc_Rnn is not None and np.abs(soc_Rnn).max() > 0:
        gauge, _ = pair_gauge(model, up, down, home)
        soc = soc_Rnn if gauge is None else gauge.conj().T @ soc_Rnn @ gauge
        odd = odd_part(soc, up, down)
        share = float(np.linalg.norm(odd)) / float(np.linalg.norm(soc))
        paired = replace(paired, odd_Rnn=require_exchange(paired) - odd).with_notes(
            f"spin-orbit coupling known apart: the exchange part is that of H without it ({100 * share:.2g} % of the "
            "coupling is odd under time reversal)"
        )
    return with_magnetization(paired, n_hat)


def _pairs(
    model: WannierModel, spin: str, named: tuple[IntArray, IntArray] | None
) -> tuple[IntArray, IntArray, list[str]]:
    """up, down, and notes; none for `spin` = none, and where none are found."""
    none: IntArray = np.zeros(0, dtype=np.int64)
    if spin == "none":
        return none, none, []
    if spin in {"interleaved", "blocks"}:
        up, down = pairs.layout_pairs(model.size, spin)
        return up, down, [f"spin pairs assumed ({spin})"]
    if model.spin_Rvnn is not None:
        for v in range(3):
            check_hermitian(f"spin matrix {'xyz'[v]}", model.R, model.spin_Rvnn[:, v])
        up, down, why = pairs.told_by_spin(model.spin_Rvnn[model.home])
        return up, down, [why] if why else []
    if named is not None:
        return *named, ["spin pairs: by the names of the functions, spin matrices taken as Pauli matrices along z"]
    why = "an odd number of functions"
    if model.size % 2 == 0:
        try:
            up, down, note = find_order(model.R, model.H_Rnn, model.centres, model.crystal.lattice)
        except ModelError as problem:
            why = one_line(problem)
        else:
            return up, down, [note]
    return none, none, [f"no spin matrices: no exchange part, no torque ({why})"]


def hermitized(R: IntArray, X_R: NDArray) -> tuple[ComplexArray, float]:
    """(X + X†)/2 and the largest |X − X†|; a cell without partner −R is left as it is."""
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    partner = np.array([index.get((-r[0], -r[1], -r[2]), i) for i, r in enumerate(R.tolist())])
    adjoint = X_R[partner].conj().mT
    return 0.5 * (X_R + adjoint), float(np.abs(X_R - adjoint).max())


def sites(centres: RealArray, lattice: RealArray) -> tuple[RealArray, tuple[str, ...]]:
    """The distinct positions (modulo the lattice) of the centres, and X for each: atoms where no file names them."""
    found: list[RealArray] = []
    inverse = np.linalg.inv(lattice)
    for centre in centres:
        apart = np.array([(centre - position) @ inverse for position in found]).reshape(-1, 3)
        if not found or np.linalg.norm((apart - np.rint(apart)) @ lattice, axis=1).min() > SAME_SITE:
            found.append(centre)
    return np.array(found), ("X",) * len(found)
