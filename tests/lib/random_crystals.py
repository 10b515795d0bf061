"""Hamiltonians without any symmetry on crystals that have it, for what makes them symmetric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hpcalo.hamiltonian.exchange import odd_part
from hpcalo.hamiltonian.orbitals import Orbital
from hpcalo.hamiltonian.types import Crystal, WannierModel


def random_crystal(
    lattice: np.ndarray,
    atoms: Sequence[tuple[str, Sequence[float]]],
    functions: Sequence[Sequence[Orbital]],
    reach: float,
    periodic: tuple[bool, bool, bool] = (True, True, True),
) -> tuple[WannierModel, tuple[Orbital, ...]]:
    """Random matrices between spin pairs on all atoms that are nearer than `reach` (Å), moments along z.

    atoms: symbols and fractional positions. functions: the orbitals of each atom, their position to be filled in. The
    pairs are interleaved. Returns the model and the orbital of each function.
    """
    rng = np.random.default_rng(7)
    positions = np.array([place for _, place in atoms]) @ lattice
    orbitals = [
        Orbital(o.l, o.mr, positions[a], o.z_axis, o.x_axis, o.radial)
        for a, some in enumerate(functions)
        for o in some
        for _ in range(2)
    ]
    of = np.array([a for a, some in enumerate(functions) for _ in some for _ in range(2)])
    N = len(orbitals)
    cells = np.array(list(np.ndindex(5, 5, 5))) - 2
    cells = cells[~(cells[:, [not p for p in periodic]] != 0).any(axis=1)]
    apart = (cells @ lattice)[:, None, None] + positions[of][None, None] - positions[of][None, :, None]
    near = np.linalg.norm(apart, axis=-1) < reach
    used = near.any(axis=(1, 2))
    R, near = cells[used], near[used]
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    partner = np.array([index[tuple(-r)] for r in R])

    def hermitian(*lead: int) -> np.ndarray:
        X = rng.normal(size=(len(R), *lead, N, N)) + 1j * rng.normal(size=(len(R), *lead, N, N))
        X = X * near.reshape(len(R), *[1] * len(lead), N, N)
        return 0.5 * (X + X[partner].conj().swapaxes(-1, -2))

    H, A = hermitian(), 0.1 * hermitian(3)
    home = index[0, 0, 0]
    for v in range(3):
        A[home, v] += np.diag(positions[of, v])
    up, down = np.arange(0, N, 2), np.arange(1, N, 2)
    model = WannierModel(
        crystal=Crystal(lattice, periodic, positions, tuple(s for s, _ in atoms), np.ones(len(atoms))),
        R=R,
        H_Rnn=H,
        A_Rvnn=A,
        centres=np.diagonal(A[home], axis1=1, axis2=2).real.T.copy(),
        up=up,
        down=down,
        odd_Rnn=odd_part(H, up, down),
        fermi_energy=0.0,
        name="random",
    )
    return model, tuple(orbitals)


def turned_on_sites(model: WannierModel, seed: int = 3) -> tuple[WannierModel, np.ndarray]:
    """The model with a random real rotation among the functions that sit together (both spins alike), and this
    rotation (N, N).
    """
    rng = np.random.default_rng(seed)
    gauge = np.zeros((model.size, model.size))
    places = model.crystal.positions
    fractional = (model.centres[model.up][:, None] - places[None]) @ np.linalg.inv(model.crystal.lattice)
    length = np.linalg.norm((fractional - np.rint(fractional)) @ model.crystal.lattice, axis=-1)
    nearest = length.argmin(axis=1)
    for a in range(len(places)):
        some = np.flatnonzero(nearest == a)
        q = np.linalg.qr(rng.normal(size=(len(some), len(some))))[0]
        for spin in (model.up[some], model.down[some]):
            gauge[np.ix_(spin, spin)] = q
    return gauged(model, gauge), gauge


def gauged(model: WannierModel, gauge: np.ndarray) -> WannierModel:
    """All matrices in other functions, the columns of a unitary `gauge` (N, N)."""

    def turn(X: np.ndarray | None) -> np.ndarray | None:
        return None if X is None else gauge.conj().T @ X @ gauge

    home = int(np.flatnonzero((model.R == 0).all(axis=1))[0])
    A = turn(model.A_Rvnn)
    assert A is not None
    return replace(
        model,
        H_Rnn=turn(model.H_Rnn),
        odd_Rnn=turn(model.odd_Rnn),
        spin_Rvnn=turn(model.spin_Rvnn),
        A_Rvnn=A,
        centres=np.diagonal(A[home], axis1=1, axis2=2).real.T.copy(),
    )
