"""A film of two unlike atoms in real atomic orbitals with overlap and position matrix, for readers of such codes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


@dataclass(frozen=True)
class Magnet:
    """Spinor H_R (nR, 2N, 2N), spin innermost, eV; S_R (nR, N, N); r_vR (3, nR, N, N) with one origin, Å."""

    lattice: np.ndarray
    positions: np.ndarray
    symbols: tuple[str, ...]
    atoms: np.ndarray
    R: np.ndarray
    h_R: np.ndarray
    exchange_R: np.ndarray
    soc_vR: np.ndarray
    S_R: np.ndarray
    r_vR: np.ndarray

    @property
    def H_R(self) -> np.ndarray:
        """Exchange is spin up minus down along z: positive raises spin up, so the majority moment is along +z."""
        N, both = len(self.atoms), np.eye(2)
        parts = [
            (self.h_R, both),
            (self.exchange_R, PAULI[2]),
            *((1j * s, p) for s, p in zip(self.soc_vR, PAULI, strict=True)),
        ]
        H = sum(np.einsum("rmn,ab->rmanb", part, spin) for part, spin in parts)
        return np.reshape(H, (len(self.R), 2 * N, 2 * N))

    @property
    def tau(self) -> np.ndarray:
        return self.positions[self.atoms]

    def write_npz(self, folder: Path, name: str) -> Path:
        """In the layout of the npz reader, whose `up` is the majority."""
        relative = self.r_vR - ((self.R @ self.lattice)[:, None] + self.tau).transpose(2, 0, 1)[:, :, None] * self.S_R
        np.savez(
            folder / f"{name}.npz",
            lattice=self.lattice, R=self.R, H_up=self.h_R - self.exchange_R, H_dn=self.h_R + self.exchange_R,
            S=self.S_R, Hsoc_x=self.soc_vR[0], Hsoc_y=self.soc_vR[1], Hsoc_z=self.soc_vR[2], orb_atom=self.atoms,
            positions=self.positions, symbols=np.array(self.symbols),
        )  # fmt: skip
        np.savez(folder / f"{name}_r.npz", R=self.R, r_x=relative[0], r_y=relative[1], r_z=relative[2])
        return folder / f"{name}.npz"


def lcao_magnet() -> Magnet:
    """An atom with two orbitals and one with one; random hopping, overlap and dipoles with the symmetries they need."""
    rng = np.random.default_rng(8)
    half = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, -1, 0)]
    R = np.array(sorted({*half, *(tuple(-i for i in r) for r in half)}))
    lattice = np.array([[2.9, 0, 0], [0.4, 3.1, 0], [0, 0, 16.0]])
    positions = np.array([[0.0, 0.0, 5.0], [1.3, 1.1, 7.0]])
    atoms = np.array([0, 0, 1])
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    partner = np.array([index[tuple(-r)] for r in R])

    def random(size: float, sign: float = 1.0, lead: tuple[int, ...] = ()) -> np.ndarray:
        X = size * rng.normal(size=(*lead, len(R), 3, 3))
        return 0.5 * (X + sign * np.swapaxes(X[..., partner, :, :], -1, -2))

    home = index[0, 0, 0]
    h, exchange, S = random(0.4), random(0.08), random(0.08)
    soc, dipoles = random(0.15, -1.0, (3,)), random(0.1, 1.0, (3,))
    exchange[home] += np.diag([0.6, 0.5, 0.2])
    S[home] += np.eye(3) - np.diag(np.diag(S[home]))
    tau = positions[atoms]
    middle = 0.5 * (tau[:, None] + tau[None] + (R @ lattice)[:, None, None])
    r_vR = middle.transpose(3, 0, 1, 2) * S + dipoles
    return Magnet(lattice, positions, ("Fe", "W"), atoms, R, h, exchange, soc, S, r_vR)
