"""What `hpcalo info MODEL` says of what a model can give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from places import MODELS

from hpcalo.app.verbs.info import info
from hpcalo.hamiltonian.antiferromagnet import antiferromagnet
from hpcalo.hamiltonian.builtin import haldane, rashba
from hpcalo.hamiltonian.exchange import pauli_on_pairs
from hpcalo.hamiltonian.modelfile import read_model
from hpcalo.hamiltonian.types import Model
from hpcalo.kubo.abilities import abilities, table
from hpcalo.kubo.registry import registered


def rows(model: Model) -> dict[str, tuple[str, str, str]]:
    return {row.name: (row.status, row.why, row.mend) for row in abilities(model)}


def test_every_response_has_a_row() -> None:
    assert list(rows(rashba()))[:-2] == list(registered())


@pytest.mark.parametrize("model", [rashba(), antiferromagnet()], ids=lambda m: m.name)
def test_closed_form_models_are_exact(model: Model) -> None:
    found = rows(replace(model, fermi_energy=0.0))
    within_atoms = [found.pop(name) for name in ("atomic_orbital_accumulation", "atomic_orbital_conductivity")]
    assert all("which functions are s, p, d or f" in why for _, why, _ in within_atoms)
    assert {status for status, _, _ in found.values()} == {"exact"}


def test_without_spin_there_is_no_torque() -> None:
    found = rows(haldane())
    assert found["anomalous_hall"][0] == "exact"
    for name in ("torkance", "sublattice_torkance", "damping", "other n_hat"):
        status, why, mend = found[name]
        assert status == "impossible"
        assert "no exchange part" in why
        assert "seed.spn" in mend
    assert found["energies relative to the Fermi energy"][0] == "impossible"


def test_what_was_assumed_of_the_files_is_approximate() -> None:
    model = rashba().with_notes("spin pairs assumed (blocks), …", "no position matrix (x_hr.dat has none): …")
    found = rows(model)
    assert found["torkance"] == (
        "approximate",
        "no position matrix: functions are points at their centres; spin matrices taken as Pauli matrices",
        "seed_tb.dat, or seed_r.dat beside seed_hr.dat and seed.chk and seed.spn",
    )
    assert found["conductivity"][0] == "approximate"
    assert found["density_of_states"][0] == "exact"
    spin = np.zeros((len(model.R), 3, 2, 2), dtype=complex)
    spin[model.home] = pauli_on_pairs(model.up, model.down)
    none = np.zeros(0, dtype=np.int64)
    found = rows(replace(rashba(), spin_Rvnn=spin, up=none, down=none))
    assert found["torkance"][:2] == ("approximate", "functions are no spin pairs (see the notes)")
    assert found["other n_hat"][0] == "partly"


def test_shipped_models() -> None:
    """Iron's pairs are good to a per cent; the film has all it needs, and without positions lacks what needs them."""
    text = info(MODELS / "fe.h5")
    assert "  exact        conductivity" in text
    assert "functions are spin pairs to 0.89 %" in text
    assert "orbital_magnetization: states beyond the Wannier functions" in text
    film = read_model(MODELS / "mnw3_dzp.h5")
    lines = table(film)
    assert len(lines) == 3
    assert lines[2].startswith("  exact        torkance")
    bare = rows(replace(film, r_vRnn=None))
    assert bare["orbital_magnetization"] == ("impossible", "has no position matrix", "position_file of an .npz model")
    assert bare["torkance"][0] == "approximate"
    assert bare["density_of_states"][0] == "exact"
