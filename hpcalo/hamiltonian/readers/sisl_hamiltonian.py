"""A `sisl.Hamiltonian` → a model.

sisl's convention for X(R) and k is this program's; its spinor index is orbital × 2 + spin. The package itself is not
needed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.exchange import odd_part, spin_components, unit_vector
from hpcalo.hamiltonian.film import as_film, nearest_atoms, periodic_directions, thickness_or_default
from hpcalo.hamiltonian.magnetization import ASK, direction_of, with_magnetization
from hpcalo.hamiltonian.overlap import require_positive_overlap
from hpcalo.hamiltonian.pairs import layout_pairs
from hpcalo.hamiltonian.types import Crystal, LcaoModel, WannierModel
from hpcalo.typing import ComplexArray, IntArray, RealArray

if TYPE_CHECKING:
    import scipy.sparse
    import sisl

IMAGINARY = 1e-6
"""eV: spin-independent hopping between real orbitals may not be more imaginary than this."""
NO_SPIN_ORBIT = {
    "unpolarized": "spin does not appear in it",
    "polarized": "spin up and down do not mix in it",
    "nambu": "superconductors are not supported",
}


def from_sisl(
    hamiltonian: sisl.Hamiltonian,
    *,
    n_hat: tuple[float, float, float] | None = None,
    thickness: float | None = None,
    fermi_energy: float | None = None,
    electrons: float | None = None,
    name: str = "",
) -> LcaoModel | WannierModel:
    """A model from a `sisl.Hamiltonian` with spin-orbit (or non-collinear) spin.

    With overlap it becomes an LcaoModel: H = h_0 + Σ_v h_v ⊗ σ_v, where for real orbitals the real part of h_v is
    exchange (split into the part along n̂ and the rest, `canted_vRnn`) and its imaginary part spin-orbit coupling.
    Without overlap it becomes a WannierModel, whose exchange is what is odd under time reversal. Orbitals sit at their
    atoms; sisl has no position matrix.

    n_hat: direction of the majority moment; default: that of the exchange on the orbitals (where it cancels, their
    common axis, with a warning).
    thickness: Å, of a film. fermi_energy: eV. electrons: per cell. Raises ModelError: no such object, no spin-orbit or
    non-collinear spin, complex orbitals, not Hermitian, overlap not positive.
    """
    if not all(hasattr(hamiltonian, part) for part in ("Hk", "geometry", "spin", "orthogonal")):
        raise ModelError(f"expected a sisl.Hamiltonian, not {type(hamiltonian).__name__}")
    spin = hamiltonian.spin
    for kind, reason in NO_SPIN_ORBIT.items():
        if getattr(spin, f"is_{kind}"):
            raise ModelError(
                f"the sisl Hamiltonian is {kind}: {reason}. Torques, DMI and Hall currents of a magnet need spin-orbit "
                "coupling: in SIESTA 'Spin spin-orbit', in sisl spin='spin-orbit'"
            )
    R, H, S = _matrices(hamiltonian)
    geometry = hamiltonian.geometry
    lattice = np.array(geometry.lattice.cell, dtype=np.float64)
    positions = np.array(geometry.xyz, dtype=np.float64)
    periodic = periodic_directions(R)
    if not any(periodic):
        raise ModelError("the sisl Hamiltonian is not periodic: it connects no cells")
    used, note = thickness_or_default(thickness, lattice, periodic, positions)
    crystal = Crystal(
        lattice=lattice,
        periodic=periodic,
        positions=positions,
        symbols=tuple(str(geometry.atoms[i].symbol) for i in range(geometry.na)),
        moments=np.zeros(geometry.na),
        thickness=used,
    )
    tau = positions[np.asarray(geometry.o2a(np.arange(geometry.no)))]
    notes = (*note, "from sisl: every orbital sits at its atom (no position matrix)")
    shared: dict[str, Any] = {"fermi_energy": fermi_energy, "electrons": electrons, "name": name, "notes": notes}
    up, down = layout_pairs(H.shape[-1], "interleaved")
    if S is None:
        wannier = WannierModel(
            crystal=crystal,
            R=R,
            H_Rnn=H,
            centres=np.repeat(tau, 2, axis=0),
            up=up,
            down=down,
            odd_Rnn=odd_part(H, up, down),
            **shared,
        )
        model: LcaoModel | WannierModel = with_magnetization(wannier, n_hat)
    else:
        model = _lcao(crystal, R, H, S, tau, n_hat, shared)
    return model if thickness is None else as_film(model, thickness)


def _matrices(hamiltonian: sisl.Hamiltonian) -> tuple[IntArray, ComplexArray, RealArray | None]:
    """R (nR, 3), H(R) (nR, 2N, 2N) eV, S(R) (nR, N, N) or None for an orthogonal basis; no empty cells."""
    cells = np.array(hamiltonian.geometry.lattice.sc_off, dtype=np.int64)
    size = 2 * hamiltonian.geometry.no

    def blocks(matrix: scipy.sparse.csr_matrix) -> NDArray:
        whole = np.asarray(matrix.toarray())
        if whole.shape != (size, size * len(cells)):
            raise ModelError(f"sisl gave a matrix of shape {whole.shape} for {size} orbitals and {len(cells)} cells")
        return np.moveaxis(whole.reshape(size, len(cells), size), 1, 0)

    H = blocks(hamiltonian.Hk(gauge="lattice", format="sc:csr", dtype=np.complex128)).astype(np.complex128)
    S = None
    if not hamiltonian.orthogonal:
        S = blocks(hamiltonian.Sk(gauge="lattice", format="sc:csr", dtype=np.complex128))[:, ::2, ::2].real.copy()
    used = np.abs(H).max(axis=(1, 2)) > 0.0
    if S is not None:
        used |= np.abs(S).max(axis=(1, 2)) > 0.0
    needed = {tuple(r) for r, u in zip(cells.tolist(), used, strict=True) if u} | {(0, 0, 0)}
    keep = np.array([tuple(r) in needed or (-r[0], -r[1], -r[2]) in needed for r in cells.tolist()])
    return cells[keep], H[keep], None if S is None else S[keep].astype(np.float64)


def _lcao(
    crystal: Crystal,
    R: IntArray,
    H: ComplexArray,
    S: RealArray,
    tau: RealArray,
    n_hat: tuple[float, float, float] | None,
    shared: dict[str, Any],
) -> LcaoModel:
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
    notes = (*shared.pop("notes"), *about, f"{100 * share:.2g} % of the exchange is perpendicular to the moment")
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
        notes=notes,
        **shared,
    )
    return require_positive_overlap(model)


def _direction(
    split: RealArray, given: tuple[float, float, float] | None, symbols: tuple[str, ...]
) -> tuple[RealArray, tuple[str, ...]]:
    """n̂, how it was found, and a warning where it is uncertain, from the exchange Δ n̂ (atoms, 3) on each atom."""
    if given is not None:
        n, origin, warning = unit_vector(given), "as given", ""
    elif np.linalg.norm(split, axis=1).sum() < IMAGINARY:
        return np.array([0.0, 0.0, 1.0]), (f"warning: no exchange: magnetization direction set to z; {ASK}",)
    else:
        n, warning = direction_of(split, None, symbols)
        origin = "from the exchange on the orbitals"
    text = f"moment along ({n[0]:.4g}, {n[1]:.4g}, {n[2]:.4g}), {origin}"
    return n, (text, f"warning: {warning}") if warning else (text,)
