"""Two models without spin → one with spin: H = (H_up + H_dn)/2 ⊗ 1 + (H_up − H_dn)/2 ⊗ σ·ŝ + H_SOC.

Without spin-orbit coupling the spin axis of a collinear calculation is arbitrary, so any ŝ is exact. n̂ is the direction
of the majority moment: the majority channel, whose levels are lower, has its spin along −n̂.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.exchange import PAULI, unit_vector
from hpcalo.hamiltonian.magnetization import with_magnetization
from hpcalo.hamiltonian.pairs import layout_pairs
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.typing import ComplexArray, IntArray, RealArray

CANCELS = 0.05
"""Sum of all splittings, relative to the sum of their sizes, below which no channel is the majority."""
APART = 0.5
"""Å: centres of the two functions of a pair that are farther apart belong to different orbitals."""
UNLIKE = 0.7
"""Correlation of the hoppings of the two channels below which the functions are not in the same order."""
IMAGINARY = 0.05
"""Weight of imaginary hopping beyond which the functions are called complex."""


SpinOrbit = tuple[IntArray, ComplexArray]
"""Cells (nR, 3) and matrices (nR, 2N, 2N), eV, in blocks: spin up along z first."""


def joined(
    up: WannierModel,
    down: WannierModel,
    soc: SpinOrbit | None,
    n_hat: NDArray | Sequence[float] | None = None,
    about: str = "",
) -> WannierModel:
    """The spinor model of two channels, both on their own cells, with replicas folded in.

    soc: None: no spin-orbit coupling. n_hat: None: z. about: where the coupling is from. Raises ModelError for channels
    that do not belong together.
    """
    n = np.array([0.0, 0.0, 1.0]) if n_hat is None else unit_vector(n_hat)
    R, both = _on_same_cells(up, down, soc)
    centres = _same_functions(up, down)
    N = up.size
    first, second = layout_pairs(2 * N, "blocks")
    sign, turned = _signs(*both["H_Rnn"])
    both = {name: (of_up, of_down * sign) for name, (of_up, of_down) in both.items()}
    H_up, H_down = both["H_Rnn"]
    notes = [*dict.fromkeys((*up.notes, *down.notes))]
    if turned:
        notes.append(f"channels: the sign of {turned} functions of channel down was turned to that of channel up")
    A_up, A_down = both.get("A_Rvnn", (None, None))
    home = int(np.flatnonzero((R == 0).all(axis=1))[0])
    notes.append(_about(H_up, H_down, home))
    if _majority(H_up, H_down, home) == "down":
        H_up, H_down, A_up, A_down = H_down, H_up, A_down, A_up
    H = _along(H_up, H_down, n)
    odd = _along(0.5 * (H_up - H_down), -0.5 * (H_up - H_down), n)
    A = None
    if A_up is not None and A_down is not None:
        A = _along(A_up, A_down, n)
    if soc is None:
        notes.append(
            "warning: no spin-orbit coupling: torques, DMI and Hall currents of this magnet are zero; give spin_orbit "
            "in [model]"
        )
    else:
        cells, coupling = soc
        number = {tuple(r): i for i, r in enumerate(R.tolist())}
        H[[number[tuple(r)] for r in cells.tolist()]] += coupling
        local = coupling[(cells == 0).all(axis=1)].sum(axis=0)
        size = float(np.abs(np.linalg.eigvalsh(local)).max())
        notes.append(f"spin-orbit coupling {about}: levels of the atoms shift by up to {1e3 * size:.3g} meV")
    notes.append(
        "channels: spin matrices taken as Pauli matrices (overlaps of up and down functions are not in the files)"
    )
    model = replace(
        up,
        R=R,
        H_Rnn=H,
        odd_Rnn=odd,
        A_Rvnn=A,
        centres=np.concatenate([centres, centres]),
        up=first,
        down=second,
        n_hat=n,
        name=up.name,
        notes=tuple(notes),
    )
    return with_magnetization(model, list(n))


def _along(X_up: ComplexArray, X_down: ComplexArray, n: RealArray) -> ComplexArray:
    """(X_up + X_dn)/2 ⊗ 1 − (X_up − X_dn)/2 ⊗ σ·n̂ in blocks: (…, N, N) each → (…, 2N, 2N)."""
    mean, half = 0.5 * (X_up + X_down), 0.5 * (X_up - X_down)
    spin = -np.tensordot(n, PAULI, 1)
    blocks = [[mean * (a == b) + half * spin[a, b] for b in range(2)] for a in range(2)]
    return np.block(blocks).astype(np.complex128)


def _on_same_cells(
    up: WannierModel, down: WannierModel, soc: SpinOrbit | None
) -> tuple[IntArray, dict[str, tuple[ComplexArray, ComplexArray]]]:
    """All cells of either and of the coupling, and H and A of both there (zero where a channel has no such cell)."""
    if up.size != down.size:
        raise ModelError(f"the channels have {up.size} and {down.size} functions; they must have the same")
    if np.abs(up.crystal.lattice - down.crystal.lattice).max() > 1e-3:
        raise ModelError("the lattices of the two channels differ")
    R = np.unique(np.concatenate([up.R, down.R, *([] if soc is None else [soc[0]])]), axis=0)
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    both = {}
    for name in ("H_Rnn", "A_Rvnn"):
        pair = []
        for model in (up, down):
            X = getattr(model, name)
            if X is None:
                break
            full = np.zeros((len(R), *X.shape[1:]), dtype=np.complex128)
            full[[index[tuple(r)] for r in model.R.tolist()]] = X
            pair.append(full)
        if len(pair) == 2:
            both[name] = (pair[0], pair[1])
    return R, both


def _same_functions(up: WannierModel, down: WannierModel) -> RealArray:
    """The mean centres (N, 3) Å. Raises ModelError if those of a pair are too far apart."""
    apart = np.linalg.norm(up.centres - down.centres, axis=1)
    if apart.max() > APART:
        m = int(apart.argmax())
        raise ModelError(
            f"function {m + 1} of channel up and of channel down are {apart[m]:.2g} Å apart: the channels must have "
            "the same functions in the same order (the same projections, few or no minimization steps)"
        )
    return 0.5 * (up.centres + down.centres)


def _signs(H_up: ComplexArray, H_down: ComplexArray) -> tuple[RealArray, int]:
    """Signs (N, N), s_i s_j, with which the functions of channel down are those of channel up; how many turn.

    Found along the strongest common hoppings. Raises ModelError if the hoppings of the channels are unlike even so.
    """
    N = H_up.shape[-1]
    common = np.einsum("rij,rij->ij", H_up.conj(), H_down).real
    weight = np.abs(common)
    np.fill_diagonal(weight, 0.0)
    sign = np.ones(N)
    done = np.zeros(N, dtype=bool)
    while not done.all():
        links = np.where(done[:, None] & ~done[None, :], weight, -1.0)
        i, j = divmod(int(links.argmax()), N)
        if links[i, j] <= 1e-12:
            j = int(np.flatnonzero(~done)[0])  # no link to what is known: a part of its own
        else:
            sign[j] = sign[i] * np.sign(common[i, j])
        done[j] = True
    product: RealArray = sign[:, None] * sign
    between = ~np.eye(N, dtype=bool)
    strength = np.linalg.norm(H_up[:, between]) * np.linalg.norm(H_down[:, between])
    alike = float((common * product)[between].sum())
    if strength > 1e-12 and alike < UNLIKE * strength:
        raise ModelError(
            f"the hoppings of the two channels are unlike (correlation {alike / strength:.2f} of 1): their functions "
            "are not the same in the same order; use the same projections and few or no minimization steps"
        )
    return product, int((sign < 0).sum())


def _majority(H_up: ComplexArray, H_down: ComplexArray, home: int) -> str:
    """The channel whose levels are lower, up or down; "" where the splittings cancel in the cell (then up counts)."""
    split = (H_down[home] - H_up[home]).diagonal().real
    if abs(split.sum()) <= CANCELS * np.abs(split).sum():
        return ""
    return "up" if split.sum() > 0 else "down"


def _about(H_up: ComplexArray, H_down: ComplexArray, home: int) -> str:
    """The exchange splitting, the majority, and how real the functions are."""
    split = (H_down[home] - H_up[home]).diagonal().real
    mean = 0.5 * (H_up + H_down)
    imaginary = float(np.linalg.norm(mean.imag)) / max(float(np.linalg.norm(mean)), 1e-300)
    major = _majority(H_up, H_down, home)
    text = (
        f"two collinear channels: down lies {split.min():.3g} to {split.max():.3g} eV above up on the functions; "
        + (f"the majority is {major}, its moment along n̂" if major else "no majority, so n̂ is along the moment of up")
    )
    if imaginary > IMAGINARY:
        return f"warning: the functions are not real ({100 * imaginary:.2g} % imaginary hopping); {text}"
    return text
