"""Fermi surfaces: area and density of states of a cubic band, sheets that are closed, files, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from places import MODELS

from hpcalo.commands import cli
from hpcalo.hamiltonian.hops import collect
from hpcalo.hamiltonian.modelfile import write_model
from hpcalo.hamiltonian.types import Crystal, WannierModel
from hpcalo.maps.tetrahedra import areas, in_first_zone, surface

SIDE, HOP, DEPTH = 2.5, 1.0, 1.2  # Å; eV; eV above the bottom −6t


@pytest.fixture
def cubic(tmp_path: Path) -> Path:
    """One band, E = −2t Σ cos k_i a, of a simple cubic lattice without spin."""
    R, H = collect([(tuple(row), np.array([[-HOP]])) for row in np.eye(3, dtype=int).tolist()], 1)
    crystal = Crystal(SIDE * np.eye(3), (True, True, True), np.zeros((1, 3)), ("X",), np.zeros(1))
    model = WannierModel(crystal, R, H, np.zeros((1, 3)), fermi_energy=-6.0 * HOP + DEPTH, name="cubic")
    write_model(tmp_path / "cubic.h5", model)
    return tmp_path / "cubic.h5"


def by_rays() -> float:
    """The area of the sheet about Γ, 1/Å²: its radius along each direction, by bisection, on a Gauss mesh of angles."""
    z, w = np.polynomial.legendre.leggauss(24)
    phi = 2.0 * np.pi * np.arange(48) / 48
    n = np.array([[np.sqrt(1 - c * c) * np.cos(p), np.sqrt(1 - c * c) * np.sin(p), c] for c in z for p in phi])
    low, high = np.zeros(len(n)), np.full(len(n), np.pi / SIDE)
    for _ in range(60):
        r = 0.5 * (low + high)
        below = -2.0 * HOP * np.cos(SIDE * r[:, None] * n).sum(axis=1) < -6.0 * HOP + DEPTH
        low, high = np.where(below, r, low), np.where(below, high, r)
    slope = np.sin(SIDE * r[:, None] * n)
    tilt = np.linalg.norm(slope, axis=1) / (slope * n).sum(axis=1)
    return float((np.repeat(w, 48) * 2.0 * np.pi / 48 * r**2 * tilt).sum())


def run(*words: str | Path) -> str:
    result = CliRunner().invoke(cli, ["surface", *map(str, words)])
    assert result.exit_code == 0, result.output
    return result.output


def test_area_of_a_cubic_band(cubic: Path) -> None:
    """Wrong by the second order of the mesh; nearly a sphere of free electrons, 4π(E/t)/a²."""
    out = cubic.with_name("cubic.vtk")
    coarse = run(cubic, "--points", "16", "--output", cubic.with_name("coarse.frmsf"))
    coarse_area = float(coarse.partition("area ")[2].split()[0])
    assert run(cubic, "--points", "32", "--colour", "velocity", "--output", out, "--quiet") == ""
    lines = out.read_text().splitlines()
    count = int(lines[4].split()[1])
    vertices = np.array([line.split() for line in lines[5 : 5 + count]], dtype=float).reshape(-1, 3, 3)
    sides = np.cross(vertices[:, 1] - vertices[:, 0], vertices[:, 2] - vertices[:, 0])
    patches = 0.5 * np.linalg.norm(sides, axis=1)
    expected = by_rays()
    assert patches.sum() == pytest.approx(expected, rel=0.015)
    assert (4.0 * patches.sum() - coarse_area) / 3.0 == pytest.approx(expected, rel=2e-3)
    assert expected == pytest.approx(4.0 * np.pi * DEPTH / HOP / SIDE**2, rel=0.1)
    speed = np.array(lines[-count:], dtype=float)
    exact = 2.0 * HOP * SIDE * np.linalg.norm(np.sin(SIDE * vertices.reshape(-1, 3)), axis=1)
    np.testing.assert_allclose(speed, exact, atol=0.02 * exact.max())
    assert np.linalg.norm(vertices, axis=-1).max() < np.pi / SIDE  # in the first zone, about Γ


def test_sheets_are_closed() -> None:
    """Every edge belongs to two triangles, also across the ends of the mesh; the area is that of a sphere."""
    k = np.arange(12) / 12
    E = -np.cos(2 * np.pi * k)[:, None, None] - np.cos(2 * np.pi * k)[:, None] - np.cos(2 * np.pi * k) + 0.31
    found = surface(E, E)
    corners = np.round(np.mod(found.vertices + 1e-9, 1.0), 6)
    edges: dict[tuple, int] = {}
    for triangle in corners:
        for a, b in ((0, 1), (1, 2), (2, 0)):
            pair = tuple(sorted((tuple(triangle[a]), tuple(triangle[b]))))
            edges[pair] = edges.get(pair, 0) + (pair[0] != pair[1])
    assert set(edges.values()) <= {0, 2}
    np.testing.assert_allclose(found.values, 0.0, atol=1e-12)
    skew = np.array([[1.0, 0.2, 0.0], [0.0, 1.1, 0.3], [0.1, 0.0, 0.9]])
    moved = in_first_zone(found, skew)
    np.testing.assert_allclose(areas(moved, skew), areas(found, skew))


def test_files_for_fermisurfer(cubic: Path) -> None:
    out = cubic.with_name("cubic.frmsf")
    assert "band 1: area" in run(cubic, "--points", "6", "--output", out)
    numbers = out.read_text().split()
    assert numbers[:5] == ["6", "6", "6", "1", "1"]
    np.testing.assert_allclose(
        np.array(numbers[5:14], dtype=float).reshape(3, 3), 2 * np.pi / SIDE * np.eye(3), atol=1e-9
    )
    energies = np.array(numbers[14 : 14 + 216], dtype=float).reshape(6, 6, 6)
    cosines = -2.0 * HOP * np.cos(2 * np.pi * np.arange(6) / 6)
    expected = cosines[:, None, None] + cosines[:, None] + cosines + 6.0 * HOP - DEPTH
    np.testing.assert_allclose(energies, expected, atol=1e-7)
    assert len(numbers) == 14 + 2 * 216


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--colour", "spinn"], "did you mean 'spin'"),
        (["--colour", "torque_x"], "the model knows no torque"),
        (["--output", "cubic.stl"], "ends with .frmsf or .vtk"),
        (["--energy", "40"], "no band crosses"),
    ],
)
def test_refusals(cubic: Path, words: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cubic.parent)
    result = CliRunner().invoke(cli, ["surface", str(cubic), "--points", "6", *words])
    assert result.exit_code != 0
    assert message in result.output
    film = CliRunner().invoke(cli, ["surface", str(MODELS / "mnw3_dzp.h5")])
    assert "does not repeat in three directions" in film.output
