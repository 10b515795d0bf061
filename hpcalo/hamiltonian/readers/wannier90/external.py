"""States beyond the Wannier functions, from `.mmn`, `.eig` and, where there is one, `.uHu`.

All that is needed is made on the mesh of the run, where it turns with the functions as H does: differences of large
matrices are taken before interpolation, not after. Derivatives are Σ_b w b |u_k+b>. The component of a derivative that
lies in the calculated bands is known from `.mmn`. What H does with the rest of it only `.uHu` knows; without, the sum
over bands ends with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hpcalo.errors import ModelError, one_line
from hpcalo.hamiltonian.external import ACROSS, COMPLETE, COUPLING, CURVATURE, MOMENT, TRUNCATED
from hpcalo.hamiltonian.readers.wannier90.chk import WannierCheckpoint, read_chk, to_cells
from hpcalo.hamiltonian.readers.wannier90.files import WannierFiles
from hpcalo.hamiltonian.readers.wannier90.mmn import Overlaps, overlaps, read_eig
from hpcalo.hamiltonian.readers.wannier90.neighbours import vectors, weights
from hpcalo.hamiltonian.readers.wannier90.raw import RawWannier
from hpcalo.hamiltonian.readers.wannier90.uhu import neighbour_matrices
from hpcalo.typing import ComplexArray, RealArray
from hpcalo.units import MU_B_PER_EV_A2

PAIRS = ((1, 2), (2, 0), (0, 1))
OTHER_RUN = 0.5
"""Deviation of `.uHu` from the sum over bands, relative, beyond which it is no matrix of these states."""
SAME_H = 1e-3
"""eV, between V†EV and the Hamiltonian of the main file."""
STEPS = 4
"""Numbers of bands for which the truncated sum is reported."""


@dataclass(frozen=True)
class Beyond:
    """The external matrices on the cells of H, (nR, 9 or 12, N, N), where they are from, and notes."""

    matrices_Rvnn: ComplexArray | None = None
    source: str = ""
    notes: tuple[str, ...] = ()


def read_external(files: WannierFiles, raw: RawWannier, fermi_energy: float | None) -> Beyond:
    """What the files tell; nothing where one of `.chk`, `.mmn`, `.eig` is missing. `raw` is divided by degeneracies.

    Files that are damaged or of another run are left out with a warning: nothing but the orbital magnetization needs
    them, unless `files.external_needed`. Raises ModelError.
    """
    if files.mmn is None or files.eig is None or files.bloch is None:
        return Beyond()
    try:
        checkpoint = read_chk(files.bloch)
        E_kb = read_eig(files.eig, checkpoint.bands, len(checkpoint.k), checkpoint.excluded)
        _same_hamiltonian(files, raw, checkpoint, E_kb)
        found = _Mesh(files, checkpoint, E_kb, fermi_energy)
        matrices = to_cells(found.read(), checkpoint.k, raw.R)
    except ModelError as problem:
        if files.external_needed:
            raise
        return Beyond(notes=(f"warning: no external terms of the orbital magnetization: {one_line(problem)}",))
    matrices /= raw.degeneracy[:, None, None, None]
    return Beyond(matrices, found.source, found.notes)


def _same_hamiltonian(files: WannierFiles, raw: RawWannier, checkpoint: WannierCheckpoint, E_kb: RealArray) -> None:
    """Raises ModelError if energies and checkpoint do not make the Hamiltonian of the main file."""
    V = checkpoint.V_kbn
    H = to_cells(V.conj().mT @ (E_kb[:, :, None] * V), checkpoint.k, raw.R) / raw.degeneracy[:, None, None]
    gap = np.inf if H.shape != raw.H_Rnn.shape else float(np.abs(H - raw.H_Rnn).max())
    if gap > SAME_H:
        raise ModelError(
            f"{files.eig}: with {files.bloch} it makes a Hamiltonian that differs from that of {files.main.name} by "
            f"{gap:.2g} eV: the files are of different runs"
        )


class _Mesh:
    """The external matrices on the mesh of the run."""

    def __init__(
        self, files: WannierFiles, checkpoint: WannierCheckpoint, E_kb: RealArray, fermi_energy: float | None
    ) -> None:
        self._files, self._checkpoint, self._E, self._fermi = files, checkpoint, E_kb, fermi_energy
        self._total, self._held = 0.0, np.zeros(checkpoint.bands)  # of the derivatives beyond the functions
        self._orbital = np.zeros((checkpoint.bands, 3))

    def read(self) -> ComplexArray:
        """(nk, 9 or 12, N, N). Raises ModelError."""
        files, checkpoint = self._files, self._checkpoint
        assert files.mmn is not None
        nk, bands, N = checkpoint.V_kbn.shape
        complete = files.uhu is not None
        result = np.empty((nk, COMPLETE if complete else TRUNCATED, N, N), dtype=np.complex128)
        uhu: Iterator[ComplexArray] | None = None
        for place, point in enumerate(overlaps(files.mmn, bands, nk)):
            if files.uhu is not None and uhu is None:
                uhu = neighbour_matrices(files.uhu, bands, nk, len(point.neighbours))
            if uhu is not None and point.own != place:
                raise ModelError(f"{files.mmn}: k-points are not in the order of {files.uhu}")
            result[point.own] = self._point(point, uhu)
        return result

    @property
    def source(self) -> str:
        """Which files the matrices are from."""
        files, bands = self._files, self._checkpoint.bands
        if files.uhu is not None:
            return files.uhu.name
        return f"{files.mmn.name if files.mmn else ''}, summed over {bands} bands"

    @property
    def notes(self) -> tuple[str, ...]:
        """What was read, and of a truncated sum how it falls with the number of bands."""
        files, N = self._files, self._checkpoint.V_kbn.shape[2]
        if files.uhu is not None:
            return (f"external terms of the orbital magnetization from {files.uhu.name}: no sum over states in them",)
        bands = self._checkpoint.bands
        counts = sorted({int(n) for n in np.linspace(N, bands, STEPS + 1)[1:]} - {N})
        shares = 100.0 * np.cumsum(self._held) / max(self._total, 1e-300)
        some = ", ".join(f"{n}: {shares[n - 1]:.3g} %" for n in counts)
        text = (
            f"external terms of the orbital magnetization from {self.source}: with so many bands this share of the "
            f"functions' derivatives beyond themselves is in the sum: {some or 'none, there are no further bands'}"
        )
        orbital = np.cumsum(self._orbital, axis=0)
        if self._fermi is not None and counts:
            axis = int(np.abs(orbital[-1]).argmax())
            made = ", ".join(f"{orbital[n - 1, axis]:.4f}" for n in counts)
            text += f"; on the mesh of the run the sum gives M_{'xyz'[axis]} = {made} µ_B"
        return (
            f"{text}; what the files do not have lies at higher energies, which weigh more: seed.uHu has all of it",
        )

    def _point(self, point: Overlaps, uhu: Iterator[ComplexArray] | None) -> ComplexArray:
        """(9 or 12, N, N) at one k-point."""
        checkpoint = self._checkpoint
        V, E = checkpoint.V_kbn[point.own], self._E[point.own]
        b = vectors(checkpoint.k, point.own, point.neighbours, point.G, checkpoint.lattice)
        try:
            w = weights(b)
        except ModelError as problem:
            raise ModelError(f"{self._files.mmn}: {one_line(problem)}") from None
        MV = point.M_bmn @ checkpoint.V_kbn[point.neighbours]  # (nn, bands, N), the functions at k + b in bands at k
        derivative = np.einsum("ba,bln->aln", w[:, None] * b, MV)
        beyond = derivative - V @ (V.conj().T @ derivative)
        out = np.empty((TRUNCATED if uhu is None else COMPLETE, *V.shape[1:], V.shape[1]), dtype=np.complex128)
        Z = V.conj().T @ (E[:, None] * beyond)
        out[COUPLING], out[ACROSS] = 0.5 * (Z + Z.conj().mT), -0.5j * (Z - Z.conj().mT)
        if uhu is None:
            out[MOMENT] = _antisymmetric(beyond.conj().mT[:, None] @ (E[:, None] * beyond))
            out[CURVATURE] = _antisymmetric(beyond.conj().mT[:, None] @ beyond)
            self._measure(w, MV, V, E, beyond)
            return out
        weighted = w[:, None] * b
        C = self._between_neighbours(point, uhu, weighted, MV, E)
        inside = V.conj().T @ derivative
        H_inside = V.conj().T @ (E[:, None] * derivative)
        H = V.conj().T @ (E[:, None] * V)
        C -= inside.conj().mT[:, None] @ H_inside + H_inside.conj().mT[:, None] @ inside
        C += inside.conj().mT[:, None] @ (H @ inside)
        out[MOMENT] = _antisymmetric(C)
        return out

    def _between_neighbours(
        self, point: Overlaps, uhu: Iterator[ComplexArray], weighted: RealArray, MV: ComplexArray, E: RealArray
    ) -> ComplexArray:
        """<∂_a u|H|∂_c u>, (3, 3, N, N), from the next matrices of `.uHu`. Raises ModelError: of another run."""
        V_b = self._checkpoint.V_kbn[point.neighbours]
        nn, N = len(V_b), V_b.shape[2]
        C = np.zeros((3, 3, N, N), dtype=np.complex128)
        for second in range(nn):
            left = np.zeros((3, N, V_b.shape[1]), dtype=np.complex128)
            for first in range(nn):
                matrix = next(uhu)
                rows = V_b[first].conj().T @ matrix
                left += weighted[first][:, None, None] * rows
                if point.own == 0 and first == second:
                    summed = MV[first].conj().T @ (E[:, None] * MV[first])
                    apart = np.linalg.norm(rows @ V_b[first] - summed) / np.linalg.norm(summed)
                    if apart > OTHER_RUN:
                        raise ModelError(
                            f"{self._files.uhu}: differs by {100 * apart:.0f} % from the sum over the bands of .mmn "
                            "and .eig at the first k-point: the files are of different runs"
                        )
            C += weighted[second][None, :, None, None] * (left @ V_b[second])[:, None]
        return C

    def _measure(self, w: RealArray, MV: ComplexArray, V: ComplexArray, E: RealArray, beyond: ComplexArray) -> None:
        """Adds this k-point to what is reported about the truncated sum."""
        nk, _, N = self._checkpoint.V_kbn.shape
        inside = V.conj().T @ MV
        self._total += float(w @ (N - (np.abs(inside) ** 2).sum(axis=(1, 2)))) / nk
        self._held += np.einsum("b,bln->l", w, np.abs(MV - V @ inside) ** 2) / nk
        if self._fermi is None:
            return
        E_n, c = np.linalg.eigh(V.conj().T @ (E[:, None] * V))
        ours = beyond @ c[:, E_n < self._fermi]
        gap = E[:, None] - E_n[E_n < self._fermi]
        for v, (a, b) in enumerate(PAIRS):
            self._orbital[:, v] += MU_B_PER_EV_A2 / nk * (ours[a].conj() * ours[b] * gap).sum(axis=1).imag


def _antisymmetric(X_abnn: ComplexArray) -> ComplexArray:
    """(X_ab − X_ab†)/2i for the three pairs of axes: (3, N, N)."""
    return np.stack([-0.5j * (X_abnn[a, b] - X_abnn[a, b].conj().T) for a, b in PAIRS])
