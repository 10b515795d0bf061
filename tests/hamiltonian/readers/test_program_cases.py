"""Cases of shared/cases that other programs than Wannier90 leave: FLEUR's operators, VASP's two channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hpcalo.api


@pytest.mark.data
def test_fleur_is_the_baseline(shared: Path) -> None:
    """H, r and σ of case 20 are those of the checkpoint and spin file of case 00."""
    cases = shared / "cases"
    baseline, fleur = (hpcalo.api.load_model(next(cases.glob(name))) for name in ("00-*/x_tb.dat", "20-*/WF1_hr.dat"))
    for name in ("H_Rnn", "A_Rvnn", "spin_Rvnn", "odd_Rnn", "centres", "n_hat"):
        np.testing.assert_allclose(getattr(fleur, name), getattr(baseline, name), atol=1e-12)


@pytest.mark.data
def test_two_channels(shared: Path) -> None:
    """Case 11 from its seed and from either file: levels of both channels, and a note on what it lacks."""
    folder = next((shared / "cases").glob("11-*"))
    one, other = (hpcalo.api.load_model(folder / name) for name in ("wannier90", "wannier90.up_hr.dat"))
    np.testing.assert_array_equal(one.H_Rnn, other.H_Rnn)
    assert any("torques, DMI and Hall currents of this magnet are zero" in note for note in one.notes)
    alone = [hpcalo.api.load_model(folder / f"wannier90.{s}_hr.dat", spin="none") for s in ("up", "dn")]
    levels = [np.linalg.eigvalsh(model.H_Rnn.sum(axis=0)) for model in alone]
    np.testing.assert_allclose(np.linalg.eigvalsh(one.H_Rnn.sum(axis=0)), np.sort(np.concatenate(levels)), atol=1e-12)
