"""A ferromagnet of two sites that no matrix element connects, and each of them alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hpcalo.hamiltonian.builtin import ferromagnet
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.typing import RealArray

ORBITALS = (np.array([0, 2]), np.array([1, 3]))
"""Up and down of each site."""


def two_sites_apart(n_hat: RealArray) -> WannierModel:
    """All couplings between the sites cut."""
    whole = ferromagnet(orbitals=2, n_hat=tuple(n_hat))
    apart = np.zeros((4, 4))
    for one in ORBITALS:
        apart[one[:, None], one] = 1.0
    assert whole.odd_Rnn is not None
    assert whole.A_Rvnn is not None
    return replace(whole, H_Rnn=whole.H_Rnn * apart, odd_Rnn=whole.odd_Rnn * apart, A_Rvnn=whole.A_Rvnn * apart)


def part_of(model: WannierModel, chosen: np.ndarray) -> WannierModel:
    """Some of the orbitals, alone: all couplings to the others cut."""
    pairs = {int(old): new for new, old in enumerate(chosen)}
    keep = [i for i, up in enumerate(model.up) if int(up) in pairs]
    assert model.odd_Rnn is not None
    assert model.A_Rvnn is not None
    return replace(
        model,
        H_Rnn=model.H_Rnn[:, chosen[:, None], chosen],
        odd_Rnn=model.odd_Rnn[:, chosen[:, None], chosen],
        A_Rvnn=model.A_Rvnn[:, :, chosen[:, None], chosen],
        centres=model.centres[chosen],
        up=np.array([pairs[int(model.up[i])] for i in keep]),
        down=np.array([pairs[int(model.down[i])] for i in keep]),
    )
