"""A `sisl.Hamiltonian` → a model.

sisl's convention for X(R) and k is this program's; its spinor index is orbital × 2 + spin. The package itself is not
needed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.exchange import odd_part
from hpcalo.hamiltonian.film import as_film, periodic_directions, thickness_or_default
from hpcalo.hamiltonian.magnetization import with_magnetization
from hpcalo.hamiltonian.pairs import layout_pairs
from hpcalo.hamiltonian.readers.overlapping import lcao_model
from hpcalo.hamiltonian.types import Crystal, LcaoModel, WannierModel
from hpcalo.typing import ComplexArray, IntArray, RealArray

if TYPE_CHECKING:
    import scipy.sparse
    import sisl

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
            notes=notes,
            fermi_energy=fermi_energy,
            electrons=electrons,
            name=name,
        )
        model: LcaoModel | WannierModel = with_magnetization(wannier, n_hat)
    else:
        model = lcao_model(
            crystal, R, H, S, tau, n_hat, notes=notes, fermi_energy=fermi_energy, electrons=electrons, name=name
        )
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
