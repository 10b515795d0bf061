"""The registry of readers, and that a reader names exactly the files it opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from opened import none_open, opened_below
from wannier_files import write_hr, write_spin, write_tb, write_win, write_wsvec

from hpcalo.config.reader import validate
from hpcalo.hamiltonian import registry
from hpcalo.hamiltonian import section as table
from hpcalo.hamiltonian.builtin import ferromagnet
from hpcalo.hamiltonian.loading import files, load_model
from hpcalo.hamiltonian.readers.base import Reader
from hpcalo.hamiltonian.registry import READERS


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with every file that a run of Wannier90 can leave, and an LCAO model with its position matrix."""
    model = ferromagnet(orbitals=2)
    write_tb(tmp_path / "x_tb.dat", model)
    write_hr(tmp_path / "x_hr.dat", model)
    write_win(tmp_path / "x.win", model)
    write_spin(tmp_path, "x", model)
    write_wsvec(tmp_path / "x_wsvec.dat", model)
    centres = [f"X {x:.8f} {y:.8f} {z:.8f}" for x, y, z in model.centres]
    (tmp_path / "x_centres.xyz").write_text("\n".join([str(len(centres)), "centres", *centres]))
    hop = np.array([0.1 * np.ones((2, 2)), np.eye(2), 0.1 * np.ones((2, 2))])
    cells = np.array([[-1, 0, 0], [0, 0, 0], [1, 0, 0]])
    spin_orbit = {f"Hsoc_{v}": 0.0 * hop for v in "xyz"}
    overlap = np.array([0, 1, 0])[:, None, None] * np.eye(2)
    atoms = {"orb_atom": np.zeros(2, dtype=int), "positions": np.zeros((1, 3)), "symbols": np.array(["Fe"])}
    chain = {"R": cells, "lattice": np.diag([2.0, 9.0, 9.0]), "H_up": hop, "H_dn": hop, "S": overlap}
    np.savez(tmp_path / "y.npz", **chain, **spin_orbit, **atoms)
    for name in ("y_r.npz", "other.npz"):
        np.savez(tmp_path / name, R=cells, **{f"r_{v}": 0.0 * hop for v in "xyz"})
    return tmp_path


@pytest.mark.parametrize(
    ("keys", "used"),
    [
        ({"wannier90": "x"}, "x_tb.dat x_wsvec.dat x.win x.chk x.spn"),
        ({"wannier90": "x", "replicas": False, "position_matrix": False}, "x_tb.dat x.win x.chk x.spn"),
        ({"wannier90": "x", "spin": "blocks"}, "x_tb.dat x_wsvec.dat x.win x.chk"),
        ({"wannier90": "x", "format": "hr", "spin": "files"}, "x_hr.dat x_wsvec.dat x.win x_centres.xyz x.chk x.spn"),
        ({"lcao": "y.npz"}, "y.npz y_r.npz"),
        ({"lcao": "y.npz", "position_file": "other.npz"}, "y.npz other.npz"),
        ({"lcao": "y.npz", "position_matrix": False}, "y.npz"),
        ({"builtin": "rashba"}, ""),
    ],
)
def test_a_reader_names_the_files_that_it_opens(run: Path, keys: dict[str, Any], used: str) -> None:
    section = validate(table.ModelSection, keys, "x.toml", run)
    with opened_below(run) as opened:
        named = [path.name for path in files(section)]
        assert none_open(), "to name files none is opened"
        load_model(section)
    assert named == used.split()
    assert opened == set(named)


def test_registry() -> None:
    assert list(READERS) == [*registry.FIRST, *sorted(READERS.keys() - set(registry.FIRST))]
    for source, reader in READERS.items():
        assert reader.__doc__
        assert source in reader.model_fields
        described = {
            n: f.description for n, f in reader.model_fields.items() if n not in table.ModelSection.model_fields
        }
        assert all(described.values())
    endings = [ending for reader in READERS.values() for ending in reader.endings]
    assert len(set(endings)) == len(endings)


class Second(Reader):
    """Another reader with the name of one that there is."""

    source: ClassVar = "lcao"
    help: ClassVar = ""

    lcao: str
    replicas: int = 3

    def files(self) -> list[Path]:
        return []

    def read(self) -> Any:
        raise NotImplementedError


def test_readers_that_contradict_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpcalo.hamiltonian.readers.sisl.Second", Second, raising=False)
    with pytest.raises(TypeError, match="both read 'lcao'"):
        registry.found_readers()
    monkeypatch.setattr(table, "READERS", {**READERS, "lcao": Second})
    with pytest.raises(TypeError, match="Second: the key replicas means something else to another reader"):
        table.with_keys_of_readers(table.Section)
