"""A Wannier90 run on a closed-form model of more orbitals than functions: what is beyond the functions is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from wannier_files import write_records, write_tb, write_win

from hpcalo.hamiltonian.hops import collect
from hpcalo.hamiltonian.types import Crystal, WannierModel

ONSITE = np.array([-1.0, 0.6, 5.0, 6.0, 11.0])
PLACES = np.array([[0.0, 0.0, 0.0], [1.3, 0.4, 0.3], [0.5, 1.7, -0.2], [2.1, 2.2, 0.4], [1.0, 1.0, 0.1]])
N, WINDOW = 3, 4


def larger(shift: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> WannierModel:
    """Five orbitals of a film without time reversal; bands 1 and 2, 3 and 4, 5 are apart. shift: of the origin, Å."""
    random = np.random.default_rng(7)

    def matrix(size: float) -> np.ndarray:
        return size * (random.normal(size=(5, 5)) + 1j * random.normal(size=(5, 5)))

    home = matrix(0.35)
    hops = [((0, 0, 0), np.diag(ONSITE) + 0.5 * (home + home.conj().T))]
    hops += [(r, matrix(0.22)) for r in ((1, 0, 0), (0, 1, 0), (1, 1, 0))]
    R, H = collect(hops, 5)
    crystal = Crystal(
        lattice=np.array([[3.0, 0.0, 0.0], [0.6, 3.1, 0.0], [0.0, 0.0, 8.0]]),
        periodic=(True, True, False),
        positions=np.array([[0.0, 0.0, 0.0]]),
        symbols=("X",),
        moments=np.zeros(1),
        thickness=8.0,
    )
    return WannierModel(crystal, R, H, PLACES + np.array(shift), name="larger")


class Run:
    """The files of a run on n × n k-points: bands 1 and 2 are in the functions, a third is made of bands 3 and 4.

    gauge: random unitary matrices at each k that do not change the functions' space.
    """

    def __init__(self, model: WannierModel, n: int, gauge: bool = False) -> None:
        self.model, self.n = model, n
        self.k = np.array([[i / n, j / n, 0.0] for i in range(n) for j in range(n)])
        H = np.tensordot(np.exp(2j * np.pi * self.k @ model.R.T), model.H_Rnn, 1)
        self.E, self.c = np.linalg.eigh(H)
        self.H = H
        if gauge:  # of the Bloch states, whose phases a program does not choose
            self.c = self.c * np.exp(1j * np.random.default_rng(3).uniform(0, 6, (len(H), 1, 5)))
        trial = self.c.conj().mT  # orbitals in terms of bands
        self.V = np.zeros((len(H), 5, N), dtype=complex)
        left, _, right = np.linalg.svd(trial[:, :2, :2])
        self.V[:, :2, :2] = left @ right
        third = trial[:, 2:WINDOW, 2]
        self.V[:, 2:WINDOW, 2] = third / np.linalg.norm(third, axis=1, keepdims=True)
        steps = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [1, 1, 0], [-1, -1, 0], [1, -1, 0], [-1, 1, 0]])
        target = np.rint(self.k * n).astype(int)[:, None] + steps
        self.G = np.concatenate([np.floor_divide(target, n), np.zeros((len(H), 2, 3), dtype=int)], axis=1)
        self.G[:, 8, 2], self.G[:, 9, 2] = 1, -1
        wrapped = target % n
        own = np.repeat(np.arange(len(H))[:, None], 2, axis=1)
        self.neighbours = np.concatenate([wrapped[..., 0] * n + wrapped[..., 1], own], axis=1)
        reciprocal = 2.0 * np.pi * np.linalg.inv(model.crystal.lattice).T
        self.b = (self.k[self.neighbours] + self.G - self.k[:, None]) @ reciprocal
        phases = np.exp(-1j * self.b @ model.centres.T)
        self.shifted = phases[..., None] * self.c[self.neighbours]  # |u_k+b> in the orbitals at k
        self.M = self.c.conj().mT[:, None] @ self.shifted

    def write(self, seed: Path, uhu: bool = True) -> None:
        """`_tb.dat`, `.win`, `.chk`, `.eig`, `.mmn` and `.uHu`."""
        n, nk = self.n, len(self.k)
        V = self.V
        R = np.array([(i, j, 0) for i in range(-(n // 2), n // 2 + 1) for j in range(-(n // 2), n // 2 + 1)])  # n odd
        phase = np.exp(-2j * np.pi * R @ self.k.T) / nk
        H = np.tensordot(phase, V.conj().mT @ (self.E[:, :, None] * V), 1)
        MW = V.conj().mT[:, None] @ self.M @ V[self.neighbours]
        wb = self.weights()[:, None] * self.b[0]
        A = 1j * np.einsum("ba,kbmn->kamn", wb, MW)
        for m in range(N):
            A[:, :, m, m] = -np.einsum("ba,kb->ka", wb, np.angle(MW[:, :, m, m]))
        A = np.tensordot(phase, A, 1)
        A = 0.5 * (A + A[::-1].conj().mT)
        centres = np.diagonal(A[len(R) // 2], axis1=1, axis2=2).real.T
        functions = WannierModel(self.model.crystal, R, H, centres.copy(), A_Rvnn=A)
        write_tb(seed.with_name(seed.name + "_tb.dat"), functions)
        write_win(seed.with_suffix(".win"), functions)
        text = seed.with_suffix(".win").read_text().replace("spinors = .true.", "spinors = .false.")
        seed.with_suffix(".win").write_text(text)
        rows = [f"{b + 1} {k + 1} {self.E[k, b]:.12f}" for k in range(nk) for b in range(5)]
        seed.with_suffix(".eig").write_text("\n".join(rows) + "\n")
        lines = ["written by a test", f"5 {nk} 10"]
        for k, i in np.ndindex(nk, 10):
            lines.append(" ".join(str(x) for x in (k + 1, self.neighbours[k, i] + 1, *self.G[k, i])))
            lines += [f"{z.real:.14e} {z.imag:.14e}" for z in self.M[k, i].T.ravel()]
        seed.with_suffix(".mmn").write_text("\n".join(lines) + "\n")
        self._chk(seed.with_suffix(".chk"), centres)
        if uhu:
            Hb = np.einsum("kbim,kij,kcjn->kcbmn", self.shifted.conj(), self.H, self.shifted, optimize=True)
            blocks = [np.ascontiguousarray(X) for X in Hb.reshape(-1, 5, 5)]
            write_records(seed.with_suffix(".uHu"), [b"test".ljust(60), np.array([5, nk, 10]), *blocks])

    def weights(self) -> np.ndarray:
        """Of the ten vectors: the solution with equal weights for ±b, by hand for this lattice."""
        upper = self.b[0, [0, 2, 4, 6, 8]]
        products = np.stack([2.0 * np.outer(b, b)[np.triu_indices(3)] for b in upper], axis=1)
        return np.repeat(np.linalg.lstsq(products, np.eye(3)[np.triu_indices(3)], rcond=None)[0], 2)

    def _chk(self, path: Path, centres: np.ndarray) -> None:
        nk, lattice = len(self.k), self.model.crystal.lattice
        reciprocal = 2.0 * np.pi * np.linalg.inv(lattice).T
        inside = np.repeat([[1] * WINDOW + [0] * (5 - WINDOW)], nk, axis=0)
        opt = np.ascontiguousarray(np.concatenate([self.V[:, :WINDOW], self.V[:, WINDOW:] * 0.0], axis=1).mT)
        one = np.broadcast_to(np.eye(N, dtype=complex), (nk, N, N))
        head = [b"written by a test".ljust(33), 5, 0, np.zeros(0), lattice.T, reciprocal.T, nk]
        head += [np.array([self.n, self.n, 1]), self.k, 10, N, b"postwann".ljust(20), 1, 0.0, inside]
        overlaps = np.zeros((nk, 10, N, N), dtype=complex)
        write_records(path, [*head, np.full(nk, WINDOW), opt, one, overlaps, centres])
