"""Moments of atoms: Bohr magnetons where occupied states are known, ratios where only the exchange part is."""

from __future__ import annotations

from pathlib import Path

import h5py
import pytest

from hpcalo.app.verbs.convert import convert


@pytest.mark.parametrize(("fermi", "moment", "unit"), [(12.6312, 2.357, "Bohr magneton"), (None, 1.0, "1")])
def test_iron(shared: Path, tmp_path: Path, fermi: float | None, moment: float, unit: str) -> None:
    convert(shared / "data/fe/Fe", tmp_path / "fe.h5", force=False, options={"fermi_energy": fermi})
    with h5py.File(tmp_path / "fe.h5") as file:
        stored = file["crystal/moments"]
        assert stored[0] == pytest.approx(moment, abs=2e-3)
        assert stored.attrs["units"] in {unit, unit.encode()}
