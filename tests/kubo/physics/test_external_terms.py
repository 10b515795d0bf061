"""Orbital magnetization of Wannier functions that are a part of a larger model, whose M is known without them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kubo_runs import grid, run_sums
from wannierized import Run, larger

from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.exchange import odd_part
from hpcalo.hamiltonian.modelfile import read_model, write_model
from hpcalo.hamiltonian.readers.wannier90.assemble import read_wannier90
from hpcalo.hamiltonian.readers.wannier90.files import WannierOptions
from hpcalo.hamiltonian.turning import rotated
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.kubo.abilities import abilities
from hpcalo.kubo.responses.orbital_magnetization import OrbitalMagnetization
from hpcalo.kubo.states.external import EXTERNAL
from hpcalo.kubo.states.wannier import WannierStates
from hpcalo.kubo.sums.request import VELOCITY_VELOCITY

ENERGIES = [-1.0, 0.0, 0.6, 2.0]  # in band 1, in both, in band 2, above them
GROUND, SHARE = "orbital_magnetization_ground_state", "orbital_magnetization_external"


def curves(model: WannierModel) -> dict[str, np.ndarray]:
    """The quantities along z, µ_B."""
    levels = () if model.external_Rvnn is None else (EXTERNAL,)
    pairs = {"sea": (VELOCITY_VELOCITY,), "thermal": (VELOCITY_VELOCITY,)}
    run = run_sums(model, grid(24, 24), ENERGIES, **pairs, levels=levels, temperatures=[30.0])
    return {name: values[0, 2] for name, values in OrbitalMagnetization().compute(run).items()}


def read(seed: Path, **options: object) -> WannierModel:
    return read_wannier90(seed, WannierOptions(external_terms=True, thickness=8.0, **options))


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    return curves(larger())[GROUND]


@pytest.mark.parametrize("uhu", [True, False], ids=["uHu", "sum over all bands"])
def test_the_larger_model_comes_back(tmp_path: Path, whole: np.ndarray, uhu: bool) -> None:
    """Derivatives on a mesh are off by 1/n²: what is left at 1/n² → 0 is the M of the larger model, to 1 % of its
    largest value; without external terms 45 % are missing.
    """
    found, sizes = [], (9, 13, 17)
    for n in sizes:
        Run(larger(), n).write(tmp_path / "x", uhu)
        found.append(curves(read(tmp_path / "x")))
    limit = np.polynomial.polynomial.polyfit(1.0 / np.square(sizes), [one[GROUND] for one in found], 2)[0]
    largest = np.abs(whole).max()
    np.testing.assert_allclose(limit, whole, atol=0.01 * largest)
    assert np.abs(found[-1][SHARE]).max() > 0.45 * largest


def test_what_must_not_matter(tmp_path: Path) -> None:
    """Phases of Bloch states, a mixture of the functions: to rounding; the origin: to the error of the mesh."""
    run = Run(larger(), 9)
    run.write(tmp_path / "x")
    expected = curves(read(tmp_path / "x"))
    Run(larger(), 9, gauge=True).write(tmp_path / "y")
    np.testing.assert_allclose(curves(read(tmp_path / "y"))[SHARE], expected[SHARE], atol=1e-6)
    mixture = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3, 2)) @ [1, 1j])[0]
    model = read(tmp_path / "x")
    mixed = {name: mixture.conj().T @ getattr(model, name) @ mixture for name in ("H_Rnn", "A_Rvnn", "external_Rvnn")}
    np.testing.assert_allclose(curves(replace(model, **mixed))[GROUND], expected[GROUND], atol=1e-12)
    gaps = []
    for n in (7, 13):
        Run(larger(), n).write(tmp_path / "x")
        Run(larger(shift=(0.3, -0.2, 0.0)), n).write(tmp_path / "z")
        gaps.append(np.abs(curves(read(tmp_path / "z"))[GROUND] - curves(read(tmp_path / "x"))[GROUND]).max())
    assert gaps[1] < 0.45 * gaps[0] < 0.45 * 0.1 * np.abs(expected[GROUND]).max()


def test_fewer_bands_give_less(tmp_path: Path, whole: np.ndarray) -> None:
    """Where the run knows four of the five bands a share is missing, and the notes and `info` say so."""
    Run(larger(), 9).write(tmp_path / "x", uhu=False)
    every = read(tmp_path / "x", fermi_energy=0.6)
    assert every.external_source == "x.mmn, summed over 5 bands"
    note = next(note for note in every.notes if note.startswith("external terms"))
    assert "4: " in note
    assert "5: 100 %" in note
    told = float(note.partition("the sum gives M_z = ")[2].partition(" µ_B")[0].split(", ")[-1])
    row = {ability.name: ability for ability in abilities(every)}["orbital_magnetization"]
    assert row.status == "approximate"
    assert "seed.uHu" in row.mend
    assert "x.mmn, summed over 5 bands" in EXTERNAL.inexact(every)
    assert 0.0 < abs(told) < np.abs(whole).max()
    Run(larger(), 9).write(tmp_path / "x")
    known = read(tmp_path / "x")
    assert EXTERNAL.inexact(known) == ""
    assert {a.name: a.status for a in abilities(known)}["orbital_magnetization"] == "exact"


def test_temperature_and_model_file(tmp_path: Path) -> None:
    """At 30 K in the gap as at T = 0; a model file keeps the matrices."""
    Run(larger(), 9).write(tmp_path / "x")
    model = read(tmp_path / "x")
    found = run_sums(
        model,
        grid(24, 24),
        np.linspace(1.9, 2.3, 41),
        sea=(VELOCITY_VELOCITY,),
        thermal=(VELOCITY_VELOCITY,),
        levels=(EXTERNAL,),
        temperatures=[30.0],
        mu=[2.1],
    )
    values = OrbitalMagnetization().compute(found)
    assert values["orbital_magnetization"][0, 2, 0, 0] == pytest.approx(values[GROUND][0, 2, 20], rel=1e-9)
    write_model(tmp_path / "x.h5", model)
    again = read_model(tmp_path / "x.h5")
    assert isinstance(again, WannierModel)
    np.testing.assert_allclose(again.external_Rvnn, model.external_Rvnn, atol=1e-15)
    assert again.external_source == "x.uHu"


def test_the_reversed_magnet(tmp_path: Path) -> None:
    """M(−n̂) = −M(n̂) where functions are pairs; refused where they are none."""
    Run(larger(), 9).write(tmp_path / "x")
    model = read(tmp_path / "x")
    size, cells = model.size, len(model.R)
    zero = np.zeros((cells, size, size), dtype=complex)

    def both(X: np.ndarray) -> np.ndarray:
        return np.block([[X, np.zeros_like(X)], [np.zeros_like(X), X]])

    field = np.zeros_like(both(zero))
    field[model.home] = np.diag([0.3] * size + [-0.3] * size)
    up, down = np.arange(size), np.arange(size, 2 * size)
    H = both(model.H_Rnn) + field
    magnet = replace(
        model,
        H_Rnn=H,
        A_Rvnn=both(model.A_Rvnn),
        external_Rvnn=both(model.external_Rvnn),
        centres=np.concatenate([model.centres] * 2),
        up=up,
        down=down,
        odd_Rnn=odd_part(H, up, down),
    )
    turned = rotated(magnet, -magnet.n_hat)
    np.testing.assert_allclose(curves(turned)[GROUND], -curves(magnet)[GROUND], atol=1e-9)
    spin = np.zeros((cells, 3, 2 * size, 2 * size), dtype=complex)
    spin[model.home, 2] = np.diag([1.0] * size + [-1.0] * size)
    none = np.zeros(0, dtype=np.int64)
    pairless = rotated(replace(magnet, up=none, down=none, spin_Rvnn=spin), -magnet.n_hat)
    with pytest.raises(InputError, match="no spin pairs"):
        WannierStates(pairless, frozenset({EXTERNAL}))


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (".mmn", lambda text: text[: len(text) // 2], "truncated"),
        (".mmn", lambda text: text.replace("5 81 10", "5 81 9", 1), "do not follow each other"),
        (".mmn", lambda text: text.replace("5 81 10", "4 81 10", 1), "different runs"),
        (".eig", lambda text: text[: len(text) // 2], "not three for each"),
        (".eig", lambda text: text.replace("1 1 -", "1 1 ", 1), "differs from that of x_tb.dat"),
    ],
)
def test_wrong_files(tmp_path: Path, file: str, change, message: str) -> None:
    """Named in one line; where nobody asked for external terms they are left out with a warning."""
    Run(larger(), 9).write(tmp_path / "x", uhu=False)
    path = tmp_path / f"x{file}"
    path.write_text(change(path.read_text()))
    with pytest.raises(ModelError, match=message):
        read(tmp_path / "x")
    model = read_wannier90(tmp_path / "x", WannierOptions(thickness=8.0))
    assert model.external_Rvnn is None
    assert any(note.startswith("warning: no external terms") and message in note for note in model.notes)
