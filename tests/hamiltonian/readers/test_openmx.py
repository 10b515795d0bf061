"""OpenMX's .scfout, written here block by block: the same torkance as the same matrices in an npz file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lcao_magnet import Magnet, lcao_magnet

import hpcalo.api
from hpcalo.errors import ModelError

BOHR, HARTREE = 0.529177210544, 27.211386245981
MAGNET = lcao_magnet()
SETTINGS = {
    "quantities": ["torkance", "anomalous_hall"],
    "gamma": [0.1],
    "k": {"grid": [4, 4, 1]},
    "energies": {"minimum": -1.0, "maximum": 1.0, "points": 3, "reference": 0.0},
}
INPUT = """<Definition.of.Atomic.Species
 iron Fe6.0S-s2 Fe_PBE19S
 tungsten W7.0-s1 W_PBE19
Definition.of.Atomic.Species>
<Atoms.SpeciesAndCoordinates
 1 iron 0 0 5 8 6 0 0 0 0 1 off
 2 tungsten 1.3 1.1 7 6 6 0 0 0 0 1 off
Atoms.SpeciesAndCoordinates>"""


def write(path: Path, m: Magnet = MAGNET, *, order: str = "<", own_origin: bool = False, code: int = 4 * 3 + 3) -> Path:
    """Every atom has all atoms of all cells as neighbours; a second power of the position is written, too."""
    whole = lambda *x: np.array(x, dtype=f"{order}i4").tobytes()  # noqa: E731
    reals = lambda x: np.ascontiguousarray(x, dtype=f"{order}f8").tobytes()  # noqa: E731
    first = int(np.flatnonzero((m.R == 0).all(axis=1))[0])
    cells = np.concatenate([m.R[first : first + 1], np.delete(m.R, first, axis=0)])  # number 0 is cell 0
    place = {tuple(r): i for i, r in enumerate(m.R.tolist())}
    counts = np.bincount(m.atoms)
    padded = lambda x: np.concatenate([np.zeros((len(x), 1)), x], axis=1)  # noqa: E731
    neighbours = [(g, i) for i in range(len(cells)) for g in range(2)]
    data = whole(2, code, 1, 1, 1, len(cells) - 1, 2)
    data += reals(padded(cells @ m.lattice / BOHR)) + whole(*padded(cells).astype(int).ravel())
    data += whole(*counts) + whole(*[len(neighbours) - 1] * 2)
    data += whole(*[g + 1 for _ in range(2) for g, _ in neighbours]) + whole(
        *[i for _ in range(2) for _, i in neighbours]
    )
    data += reals(padded(m.lattice / BOHR)) + reals(np.zeros((3, 4))) + reals(padded(m.positions / BOHR))

    def stack(X_R: np.ndarray) -> bytes:
        parts = [np.flatnonzero(m.atoms == a) for a in range(2)]
        blocks = [X_R[place[tuple(cells[i])]][np.ix_(parts[a], parts[g])] for a in range(2) for g, i in neighbours]
        return b"".join(reals(block) for block in blocks)

    H = m.H_R / HARTREE
    uu, ud, dd = H[:, ::2, ::2], H[:, ::2, 1::2], H[:, 1::2, 1::2]
    zero = np.zeros_like(m.S_R)
    hartree = [uu.real, dd.real, ud.real, 0.25 * ud.imag, uu.imag, dd.imag, 0.75 * ud.imag]
    r_vR = m.r_vR - (m.tau.T[:, None, :, None] * m.S_R if own_origin else 0.0)
    powers = [X for v in range(3) for X in (r_vR[v] / BOHR, zero + 7.0)]
    data += b"".join(stack(X) for X in [*hartree, m.S_R, *powers, *[zero] * 9])
    data += whole(3) + reals([0.25 / HARTREE, 300.0, 0, 0, 0, 0, 0, 0, 3.0, 1.0])
    lines = INPUT.splitlines()
    data += whole(len(lines)) + b"".join(line.encode().ljust(256, b"\0") for line in lines)
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    model = hpcalo.api.load_model(MAGNET.write_npz(tmp_path_factory.mktemp("npz"), "film"))
    data = hpcalo.api.run({"kubo": SETTINGS}, model=model)
    return {name: np.asarray(data[name]) for name in ("torkance_even", "torkance_odd", "anomalous_hall")}


@pytest.mark.parametrize(("order", "own_origin"), [("<", False), (">", True)])
def test_the_same_as_npz(tmp_path: Path, order: str, own_origin: bool, expected: dict[str, np.ndarray]) -> None:
    """In both byte orders, with positions from the origin of the cell and from the atom of the left orbital."""
    model = hpcalo.api.load_model(write(tmp_path / "film.scfout", order=order, own_origin=own_origin))
    assert model.crystal.symbols == ("Fe", "W")
    assert (model.fermi_energy, model.electrons) == (pytest.approx(0.25), 3.0)
    np.testing.assert_array_equal(model.n_hat, [0, 0, 1])
    data = hpcalo.api.run({"kubo": SETTINGS}, model=model)
    for name, value in expected.items():
        np.testing.assert_allclose(np.asarray(data[name]), value, atol=1e-6 * np.abs(value).max())


def test_wrong_files(tmp_path: Path) -> None:
    path = write(tmp_path / "x.scfout")
    whole = path.read_bytes()
    for content, message in (
        (whole[: len(whole) // 2], r"x\.scfout: ends too early: truncated"),
        (whole[:20], r"x\.scfout: is not an \.scfout of OpenMX 3\.9"),
        (b"rubbish" * 1000, r"x\.scfout: is not an \.scfout of OpenMX 3\.9"),
    ):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=message):
            hpcalo.api.load_model(path)
    with pytest.raises(ModelError, match=r"is of a collinear calculation: .* need scf\.SpinPolarization nc"):
        hpcalo.api.load_model(write(path, code=4 * 3 + 1))
    with pytest.raises(ModelError, match=r"layout version 3"):
        hpcalo.api.load_model(write(path, code=4 * 2 + 3))
    wrong = lcao_magnet()
    wrong.r_vR[0, 0] += 0.3
    with pytest.raises(ModelError, match=r"position matrix differs from its adjoint by .*; position_matrix = false"):
        hpcalo.api.load_model(write(path, wrong))
    assert hpcalo.api.load_model(path, position_matrix=False).r_vRnn is None
