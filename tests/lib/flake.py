"""Haldane's model on open flakes: orbital magnetization from the position operator, without any k-space."""

from __future__ import annotations

import numpy as np


def magnetization(L: int, t1: float, t2: float, onsite: float, phase: float, mu: float) -> float:
    """M = −(e/2A) Tr P (x v_y − y v_x) of L × L cells, per area in e·energy/ħ, bond length 1."""
    a1, a2 = np.sqrt(3.0) * np.array([1.0, 0.0]), np.sqrt(3.0) * np.array([0.5, 0.5 * np.sqrt(3.0)])
    sites = [(i, j, s) for i in range(L) for j in range(L) for s in range(2)]
    index = {site: n for n, site in enumerate(sites)}
    r = np.array([i * a1 + j * a2 + (1 + s) * (a1 + a2) / 3.0 for i, j, s in sites])
    H = np.zeros((len(sites), len(sites)), dtype=complex)
    for (i, j, s), n in index.items():
        H[n, n] = onsite * (1 if s else -1)
        if s == 0:
            for di, dj in ((0, 0), (-1, 0), (0, -1)):
                m = index.get((i + di, j + dj, 1))
                if m is not None:
                    H[n, m] = H[m, n] = t1
        # Second neighbours of one orientation; the others are their conjugates. A and B turn opposite ways.
        for di, dj in ((1, 0), (-1, 1), (0, -1)):
            m = index.get((i + di, j + dj, s))
            if m is not None:
                hop = t2 * np.exp(1j * phase * (1 if s == 0 else -1))
                H[n, m] += hop
                H[m, n] += np.conj(hop)
    E, c = np.linalg.eigh(H)
    occupied = c[:, mu > E]
    v = [1j * (H * (r[None, :, d] - r[:, None, d])) for d in range(2)]  # i[H, r]
    P = occupied @ occupied.conj().T
    orbital = np.trace(P @ (r[:, :1] * v[1] - r[:, 1:] * v[0]))
    area = L * L * abs(a1[0] * a2[1] - a1[1] * a2[0])
    return float(-0.5 * orbital.real / area)
