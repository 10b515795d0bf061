"""Direction of the magnetization of a WannierModel, and the moments of its atoms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hpcalo.hamiltonian import sublattices
from hpcalo.hamiltonian.exchange import pauli_on_pairs, require_exchange, shares_not_along, spin_components, unit_vector
from hpcalo.hamiltonian.film import nearest_atoms
from hpcalo.hamiltonian.types import Crystal, LcaoModel, WannierModel
from hpcalo.typing import ComplexArray, IntArray, RealArray

MESH = 8
"""k-points per direction for moments: enough for a direction and a size to a few per cent."""
SNAP = 2e-3
"""A direction closer than this (radians) to an axis, face or space diagonal is taken to be it."""
ACROSS = 0.2
"""Share of the exchange part that may be spin across the moment without a warning: a collinear magnet has a few per
cent, from spin-orbit coupling.
"""
CANCELS = 0.05
"""Net exchange of a cell, relative to the sum over its atoms, below which it has no direction of its own."""
UNEQUAL = 0.2
"""Net moment, relative to the sum over the atoms, that has a direction even so: a coarse mesh alone makes less."""
COLLINEAR = 0.9
"""Share of Σ m m^T along one axis from which moments that cancel have a common axis."""
WEAK = 1e-3
"""Exchange splitting of an atom, relative to the largest hopping, below which it may be noise."""
NO_EXCHANGE = 1e-3
"""eV; exchange splitting of an atom below which it may be noise of atomic orbitals."""
ASK = "give n_hat in [model] (hpcalo convert: --set 'n_hat=[x,y,z]')"


def occupied_spin(model: WannierModel, fermi_energy: float, mesh: int = MESH) -> tuple[float, RealArray]:
    """Electrons per cell and Σ_occ <σ_v> split over the orbitals, (3, N), on a Γ-centred mesh at T = 0."""
    axes = [np.arange(mesh if p else 1) / (mesh if p else 1) for p in model.crystal.periodic]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    total, count = np.zeros((3, model.size)), 0.0
    for block in np.array_split(points, max(1, len(points) // 64)):
        phases = np.exp(2j * np.pi * block @ model.R.T)
        energy, states = np.linalg.eigh(np.tensordot(phases, model.H_Rnn, 1))
        occupied = states * (energy < fermi_energy)[:, None, :]
        density = occupied @ states.conj().mT  # (nk, N, N): Σ_occ |n><n|
        count += float((energy < fermi_energy).sum())
        spin = _spin_of(model, phases)
        total += np.einsum("kvmn,knm->vm", spin, density).real
    return count / len(points), total / len(points)


def _spin_of(model: WannierModel, phases: NDArray) -> ComplexArray:
    if model.spin_Rvnn is None:
        return np.broadcast_to(pauli_on_pairs(model.up, model.down), (len(phases), 3, model.size, model.size))
    return np.tensordot(phases, model.spin_Rvnn, 1).astype(np.complex128)


def with_magnetization(model: WannierModel, given: Sequence[float] | None = None) -> WannierModel:
    """The model with n̂ = direction of the moment m = −µ_B<σ>, moments of the atoms along n̂, and notes on both.

    given: n̂ as the user says, which is then not searched. With a Fermi energy the moments are those of the occupied
    states. Without one the exchange part decides, which raises the energy of spins along n̂; the moments are then its
    splittings relative to the largest: enough for symmetry, no µ_B. Where the moments of the cell cancel, n̂ is their
    common axis, with a warning. Raises ModelError if the model has no exchange part.
    """
    atoms = nearest_atoms(model.centres, model.crystal.lattice, model.crystal.positions)
    split = _splittings(model, atoms)
    largest = float(np.linalg.norm(split, axis=1).max(initial=0.0))
    per_atom = split / max(largest, 1e-6)
    note = "moments of the atoms are their exchange splittings relative to the largest (no Fermi energy was given)"
    moments = None
    if model.fermi_energy is not None:
        electrons, spin = occupied_spin(model, model.fermi_energy)
        moments = per_atom = np.zeros_like(split)
        np.add.at(per_atom, atoms, -spin.T)
        size = float(np.linalg.norm(per_atom.sum(axis=0)))
        note = f"spin moment {size:.2f} µ_B and {electrons:.2f} electrons per cell on a {MESH}-point mesh"
    if given is not None:
        n, warning = unit_vector(list(given)), ""
    elif largest < WEAK * _largest_hopping(model):
        n, warning = model.n_hat, (
            f"hardly magnetic: the exchange splits the levels of no atom by more than {1e3 * largest:.2g} meV, whose "
            f"direction may be noise; n̂ is taken as ({_text(model.n_hat)}); {ASK}"
        )  # fmt: skip
    else:
        n, warning = direction_of(split, moments, model.crystal.symbols)
    numbers = sublattices.found_sublattices(split, n) if largest >= WEAK * _largest_hopping(model) else ()
    crystal = replace(model.crystal, moments=np.round(per_atom @ n, 3), sublattices=numbers)
    about = f"{note}; moment along ({_text(n)})" + (" as given" if given is not None else "")
    marked = [f"warning: {warning}"] if warning else []
    several = _notes_on_sublattices(crystal, split)
    return replace(model, crystal=crystal, n_hat=n).with_notes(about, *marked, *several, *_notes_on_direction(model, n))


def _splittings(model: WannierModel, atoms: IntArray) -> RealArray:
    """Exchange splitting Δ n̂ of each atom, summed over its orbitals, (atoms, 3) eV. atoms: of each function."""
    odd = require_exchange(model)
    split = np.zeros((len(model.crystal.symbols), 3))
    if len(model.up):
        vector = np.einsum("vii->vi", spin_components(odd[model.home], model.up, model.down)[1]).real  # ½Δ n̂ per pair
        np.add.at(split, atoms[model.up], 2 * vector.T)
    elif model.spin_Rvnn is not None:  # the diagonal of s H_odd at R = 0, with H_odd(−R) = H_odd(R)†
        np.add.at(split, atoms, np.einsum("rvij,rij->iv", model.spin_Rvnn, odd.conj()).real)
    return split


def _notes_on_sublattices(crystal: Crystal, exchange: RealArray) -> tuple[str, ...]:
    """What the sublattices are, and what turns where their moments have several directions."""
    if not crystal.sublattices:
        return ()
    kind = "collinear" if sublattices.collinear(exchange, crystal.sublattices) else "not collinear"
    what = "torque and other n̂: all moments turn together, as a rigid body"
    return (f"magnetic sublattices, {kind} ({sublattices.text(crystal)}); {what}",)


def lcao_with_sublattices(model: LcaoModel) -> LcaoModel:
    """The model with the magnetic sublattices of its atoms, if their moments have several directions, and a note.

    From the exchange on the orbitals of each atom. Moments that the files do not tell are then the splittings along n̂
    relative to the largest, so that no operation takes an atom for its opposite.
    """
    home = int(np.flatnonzero((model.R == 0).all(axis=1))[0])
    each = np.diagonal(model.down_Rnn[home] - model.up_Rnn[home])[:, None] * model.n_hat
    if model.canted_vRnn is not None:
        each = each + 2.0 * np.diagonal(model.canted_vRnn[:, home], axis1=1, axis2=2).T
    split = np.zeros_like(model.crystal.positions)
    np.add.at(split, nearest_atoms(model.tau, model.crystal.lattice, model.crystal.positions), each)
    moments = model.crystal.moments
    largest = float(np.linalg.norm(split, axis=1).max(initial=0.0))
    weak = sublattices.WEAK_ORBITALS
    numbers = sublattices.found_sublattices(split, model.n_hat, weak) if largest > NO_EXCHANGE else ()
    if not numbers:
        return model
    if not moments.any():
        moments = np.round(split @ model.n_hat / largest, 3)
    crystal = replace(model.crystal, sublattices=numbers, moments=moments)
    return replace(model, crystal=crystal).with_notes(*_notes_on_sublattices(crystal, split))


def direction_of(exchange: RealArray, moments: RealArray | None, symbols: Sequence[str]) -> tuple[RealArray, str]:
    """n̂ of a cell from the exchange splittings and the spin moments of its atoms, both (atoms, 3) along the moment.

    Returns also a warning where they cancel in the cell (else empty): n̂ is then the axis that the atoms have in common,
    towards the moment of the first magnetic one.
    """
    share, n = _net(exchange)
    if moments is not None:
        of_moments, along = _net(moments)
        if of_moments >= UNEQUAL or (of_moments >= CANCELS and share >= CANCELS):
            return snapped(along), ""
    if share >= CANCELS:
        return snapped(n), ""
    sizes = np.linalg.norm(exchange, axis=1)
    first = int(np.flatnonzero(sizes >= 0.5 * sizes.max())[0])
    begin = f"antiferromagnet: the exchange of the atoms cancels (net {100 * share:.2g} %), so no net moment tells n̂"
    strengths, axes = np.linalg.eigh(exchange.T @ exchange)
    if strengths[2] < COLLINEAR * strengths.sum():
        n = np.array([0.0, 0.0, 1.0])
        return n, f"{begin}, and the atoms have no common axis; n̂ = ({_text(n)}) names the state as it is; {ASK}"
    n = snapped(axes[:, 2] * np.sign(axes[:, 2] @ exchange[first]))
    return n, (
        f"{begin}; n̂ is the Néel vector, the moment of atom {first + 1} ({symbols[first]}), ({_text(n)}), and turns "
        f"all atoms together; if that is not meant, {ASK}"
    )


def _net(local: RealArray) -> tuple[float, RealArray]:
    """Size of the sum of vectors, relative to the sum of their sizes, and its direction."""
    net = local.sum(axis=0)
    size = float(np.linalg.norm(net))
    return size / max(float(np.linalg.norm(local, axis=1).sum()), 1e-300), net / max(size, 1e-300)


def _text(n: RealArray) -> str:
    return ", ".join(f"{x:.4g}" for x in n)


def _largest_hopping(model: WannierModel) -> float:
    """The largest matrix element of H between different orbitals or cells, eV."""
    H = np.abs(model.H_Rnn)
    np.fill_diagonal(H[model.home], 0.0)
    return float(H.max(initial=0.0))


def snapped(n: RealArray) -> RealArray:
    """n̂, or the axis, face diagonal or space diagonal that is closer than SNAP."""
    grid = np.array([(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1) if (i, j, k) != (0, 0, 0)])
    special = grid / np.linalg.norm(grid, axis=1)[:, None]
    best = special[int(np.argmax(special @ n))]
    return best + 0.0 if np.linalg.norm(best - n) < SNAP else n


def _notes_on_direction(model: WannierModel, n: RealArray) -> tuple[str, ...]:
    """How much of H_odd is not of the form Δ ⊗ σ·n̂, and a warning if that is too much for one direction."""
    if not len(model.up):
        return ()
    share, spinless = shares_not_along(require_exchange(model), n, model.up, model.down)
    text = (
        f"exchange part: {100 * share:.2g} % of it is perpendicular to the moment, "
        f"{100 * spinless:.2g} % is independent of spin"
    )
    if share <= ACROSS:
        return (text,)
    return (text, "warning: much of the exchange part is perpendicular to the moment: up and down functions "
                  "are in another order, or the magnet is not collinear")  # fmt: skip
