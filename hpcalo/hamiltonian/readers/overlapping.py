"""Spinor matrices of real atomic orbitals with overlap → an LcaoModel: H = h_0 + Σ_v h_v ⊗ σ_v.

Between real orbitals the real part of h_v is exchange (split into the part along n̂ and the rest, `canted_vRnn`), its
imaginary part spin-orbit coupling.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.exchange import spin_components, unit_vector
from hpcalo.hamiltonian.film import nearest_atoms
from hpcalo.hamiltonian.magnetization import ASK, direction_of, lcao_with_sublattices
from hpcalo.hamiltonian.overlap import require_positive_overlap
from hpcalo.hamiltonian.pairs import layout_pairs
from hpcalo.hamiltonian.types import Crystal, LcaoModel
from hpcalo.typing import ComplexArray, IntArray, RealArray

IMAGINARY = 1e-6
"""eV: spin-independent hopping between real orbitals may not be more imaginary than this."""


def lcao_model(
    crystal: Crystal,
    R: IntArray,
    H: ComplexArray,
    S: RealArray,
    tau: RealArray,
    n_hat: Sequence[float] | None,
    *,
    notes: Sequence[str] = (),
    fermi_energy: float | None = None,
    electrons: float | None = None,
    name: str = "",
) -> LcaoModel:
    """The model of H (nR, 2N, 2N) eV, spin innermost, and S (nR, N, N).

    tau: (N, 3) Å. n_hat: of the majority moment; None: from the exchange on the orbitals. Raises ModelError:
    complex orbitals, not Hermitian, overlap not positive.
    """
    up, down = layout_pairs(H.shape[-1], "interleaved")
    plain, vector = spin_components(H, up, down)
    worst = float(np.abs(plain.imag).max(initial=0.0))
    if worst > IMAGINARY:
        raise ModelError(
            f"the spin-independent part is imaginary (up to {worst:.3g} eV): orbitals that are not real, or a magnetic "
            "field, are not treated"
        )
    exchange = np.ascontiguousarray(vector.real)
    home = int(np.flatnonzero((R == 0).all(axis=1))[0])
    split = np.zeros_like(crystal.positions)
    atoms = nearest_atoms(tau, crystal.lattice, crystal.positions)
    np.add.at(split, atoms, 2 * np.einsum("vii->iv", exchange[:, home]))
    n, about = _direction(split, n_hat, crystal.symbols)
    along = np.tensordot(n, exchange, 1)  # Δ/2: lower for the majority spin, which is opposite to n̂
    across = exchange - n[:, None, None, None] * along
    share = float(np.linalg.norm(across)) / max(float(np.linalg.norm(exchange)), 1e-300)
    model = LcaoModel(
        crystal=crystal,
        R=R,
        up_Rnn=plain.real - along,
        down_Rnn=plain.real + along,
        S_Rnn=S,
        soc_vRnn=np.ascontiguousarray(vector.imag),
        tau=tau,
        canted_vRnn=across if share > 1e-14 else None,
        n_hat=n,
        notes=(*notes, *about, f"{100 * share:.2g} % of the exchange is perpendicular to the moment"),
        fermi_energy=fermi_energy,
        electrons=electrons,
        name=name,
    )
    return require_positive_overlap(lcao_with_sublattices(model))


def _direction(
    split: RealArray, given: Sequence[float] | None, symbols: tuple[str, ...]
) -> tuple[RealArray, tuple[str, ...]]:
    """n̂, how it was found, and a warning where it is uncertain, from the exchange Δ n̂ (atoms, 3) on each atom."""
    if given is not None:
        n, origin, warning = unit_vector(list(given)), "as given", ""
    elif np.linalg.norm(split, axis=1).sum() < IMAGINARY:
        return np.array([0.0, 0.0, 1.0]), (f"warning: no exchange: magnetization direction set to z; {ASK}",)
    else:
        n, warning = direction_of(split, None, symbols)
        origin = "from the exchange on the orbitals"
    text = f"moment along ({n[0]:.4g}, {n[1]:.4g}, {n[2]:.4g}), {origin}"
    return n, (text, f"warning: {warning}") if warning else (text,)


def relative_positions(
    r_vRnn: NDArray, S: RealArray, R: IntArray, lattice: RealArray, tau: RealArray
) -> NDArray[np.float32]:
    """<0M|r|RN> with one origin (3, nR, N, N) → <0M|(r − R − τ_N)|RN>, Å, as an LcaoModel has it."""
    shift = (R @ lattice)[:, None, :] + tau[None]  # (nR, N, 3)
    moved = r_vRnn - shift.transpose(2, 0, 1)[:, :, None, :] * S[None]
    return moved.astype(np.float32)
