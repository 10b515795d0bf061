"""Two collinear channels and λ L·S: compared with a spinor model that is put together here, element by element."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.spatial.transform import Rotation
from wannier_files import bloch, write_hr, write_tb

import hpcalo.api
from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.exchange import PAULI
from hpcalo.hamiltonian.orbitals import rotation_of_harmonics
from hpcalo.hamiltonian.spin_orbit import FIRST, angular_momentum
from hpcalo.hamiltonian.turning import rotated
from hpcalo.hamiltonian.types import Crystal, WannierModel

K = np.random.default_rng(3).random((6, 3)) * [1, 1, 0]
L_SOC = 0.3
SETTINGS = {
    "quantities": ["torkance", "anomalous_hall"],
    "gamma": [0.1],
    "k": {"grid": [8, 8, 1]},
    "energies": {"minimum": -1.0, "maximum": 1.0, "points": 3, "reference": 0.0},
}
WIN = """
begin unit_cell_cart
3.0 0.0 0.0
0.0 3.0 0.0
0.0 0.0 20.0
end unit_cell_cart
begin atoms_cart
Fe 0.0 0.0 2.0
end atoms_cart
begin projections
Fe: p
end projections
"""


def channel(shift: float, share: float = 1.0) -> WannierModel:
    """p orbitals (pz, px, py) on a square lattice whose surface mixes pz with px, py; levels at ±shift, as a collinear
    calculation has them.
    """
    cells = [(0, 0, 0), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)]
    H = np.zeros((5, 3, 3), dtype=complex)
    H[0] = np.diag([0.4, 0.0, 0.0]) + shift * np.diag([share, 1.0, 1.0])
    for i, (x, y, _) in enumerate(cells[1:], 1):
        H[i] = np.diag([0.2, -0.8 if x else 0.25, -0.8 if y else 0.25])
        H[i, 0, 1], H[i, 1, 0] = 0.3 * x, -0.3 * x
        H[i, 0, 2], H[i, 2, 0] = 0.3 * y, -0.3 * y
    crystal = Crystal(
        lattice=np.diag([3.0, 3.0, 20.0]),
        periodic=(True, True, False),
        positions=np.array([[0.0, 0.0, 2.0]]),
        symbols=("Fe",),
        moments=np.zeros(1),
    )
    return WannierModel(crystal=crystal, R=np.array(cells), H_Rnn=H, centres=np.tile([0.0, 0.0, 2.0], (3, 1)))


UP, DOWN = channel(-0.5), channel(0.5, 0.7)


def wout(model: WannierModel) -> str:
    centres = [
        f"  WF centre and spread {n + 1:4d}  ( {x:9.6f}, {y:9.6f}, {z:9.6f} )  1.0"
        for n, (x, y, z) in enumerate(model.centres)
    ]
    vectors = [f" a_{i + 1} " + " ".join(f"{x:10.6f}" for x in v) for i, v in enumerate(model.crystal.lattice)]
    atom = " | Fe    1   0.00000   0.00000   0.10000   |    0.00000   0.00000   2.00000    |"
    return "\n".join([" SYSTEM", " Lattice Vectors (Ang)", *vectors, atom, " Final State", *centres, ""])


def write(folder: Path, up: str, down: str, kind: str, win: str = "", models=(UP, DOWN)) -> None:
    for name, model in zip((up, down), models, strict=True):
        (write_tb if kind == "tb" else write_hr)(folder / f"{name}_{kind}.dat", model)
        (folder / f"{name}.wout").write_text(wout(model))
    if win:
        (folder / win).write_text(WIN)


def by_hand(n: np.ndarray) -> np.ndarray:
    """H(k) at K with spin up of the majority along −n̂, λ L·S from products written out; spin up along z first."""
    px_py_pz = {1: 0, 2: 1, 0: 2}  # pz, px, py → Cartesian component
    epsilon = np.zeros((3, 3, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        epsilon[i, j, k], epsilon[j, i, k] = 1.0, -1.0
    order = [px_py_pz[i] for i in range(3)]
    L = -1j * epsilon[:, order][:, :, order]  # (L_v)_ab = −i ε_vab for p orbitals
    up, down = (bloch(m, m.H_Rnn, K) for m in (UP, DOWN))
    spin = -np.tensordot(n, PAULI, 1)
    H = np.kron(np.eye(2), 0.5 * (up + down)) + np.kron(spin, 0.5 * (up - down))
    return H + 0.5 * L_SOC * sum(np.kron(PAULI[v], L[v]) for v in range(3))


@pytest.mark.parametrize("l", [1, 2, 3])
def test_angular_momentum(l: int) -> None:
    """Commutators, levels λ l/2 and −λ(l+1)/2, and exp(−iθ·L) is the rotation of the harmonics, formed from values."""
    L = angular_momentum(l)
    np.testing.assert_allclose(L[0] @ L[1] - L[1] @ L[0], 1j * L[2], atol=1e-14)
    np.testing.assert_allclose(L[1] @ L[2] - L[2] @ L[1], 1j * L[0], atol=1e-14)
    levels = np.linalg.eigvalsh(0.5 * sum(np.kron(PAULI[v], L[v]) for v in range(3)))
    np.testing.assert_allclose(levels, np.repeat([-(l + 1) / 2, l / 2], [2 * l, 2 * l + 2]), atol=1e-13)
    vector = np.array([0.3, -1.1, 0.6])
    own = slice(FIRST[l], FIRST[l] + 2 * l + 1)
    turned = rotation_of_harmonics(Rotation.from_rotvec(vector).as_matrix())[own, own]
    np.testing.assert_allclose(expm(-1j * np.tensordot(vector, L, 1)), turned, atol=1e-13)


@pytest.mark.parametrize(
    ("up", "down", "kind", "given", "win"),
    [
        ("wannier90.up", "wannier90.dn", "hr", "wannier90", "wannier90.win"),
        ("wannier90.up", "wannier90.dn", "tb", "wannier90.dn_tb.dat", "wannier90.win"),
        ("Fe_up", "Fe_down", "tb", "Fe_up_tb.dat", "Fe.win"),
        ("Fe_up", "Fe_dn", "hr", "Fe", "Fe_up.win"),
        ("WF1", "WF2", "hr", "WF1_hr.dat", "WF1.win"),
    ],
)
def test_names_and_the_hamiltonian(tmp_path: Path, up: str, down: str, kind: str, given: str, win: str) -> None:
    """Every naming gives the matrix put together by hand, along z and along another direction, exactly."""
    write(tmp_path, up, down, kind, win)
    for n in ([0.0, 0.0, 1.0], [0.6, 0.0, 0.8]):
        model = hpcalo.api.load_model(tmp_path / given, spin_orbit={"Fe p": L_SOC}, n_hat=n)
        np.testing.assert_allclose(bloch(model, model.H_Rnn, K), by_hand(np.array(n)), atol=1e-8)
        np.testing.assert_array_equal(model.n_hat, n)
    along_z = hpcalo.api.load_model(tmp_path / given, spin_orbit={"1 p": "300 meV"})
    turned = rotated(along_z, np.array([0.6, 0.0, 0.8]))
    np.testing.assert_allclose(turned.H_Rnn, model.H_Rnn, atol=1e-12)
    np.testing.assert_allclose(turned.odd_Rnn, model.odd_Rnn, atol=1e-12)


def test_torkance_needs_spin_orbit_coupling(tmp_path: Path) -> None:
    """Zero without λ, and the note says so; with it that of the spinor model by hand; channels may be swapped."""
    write(tmp_path, "x.up", "x.dn", "tb", "x.win")
    none = hpcalo.api.load_model(tmp_path / "x.up_tb.dat")
    assert any("no spin-orbit coupling: torques" in note for note in none.notes)
    data = hpcalo.api.run({"kubo": SETTINGS}, model=none)
    assert max(np.abs(data[name]).max() for name in ("torkance_even", "torkance_odd")) < 1e-12
    model = hpcalo.api.load_model(tmp_path / "x", spin_orbit={"Fe p": L_SOC})
    data = hpcalo.api.run({"kubo": SETTINGS}, model=model)
    assert np.abs(data["torkance_even"]).max() > 1e-3
    write(tmp_path, "y.up", "y.dn", "tb", "y.win", (DOWN, UP))
    swapped = hpcalo.api.load_model(tmp_path / "y", spin_orbit={"Fe p": L_SOC})
    assert any("the majority is down" in note for note in swapped.notes)
    np.testing.assert_allclose(swapped.H_Rnn, model.H_Rnn, atol=1e-12)


@pytest.mark.parametrize("name", ["soc_hr.dat", "rssocmat.1"])
def test_given_matrices(tmp_path: Path, name: str) -> None:
    """The same coupling from a file, in blocks or by FLEUR's spin indices (hartree), also between cells."""
    write(tmp_path, "x.up", "x.dn", "hr", "x.win")
    path = tmp_path / "x"
    wanted = hpcalo.api.load_model(path, spin_orbit={"Fe p": L_SOC})
    none = hpcalo.api.load_model(path)
    soc = np.zeros_like(none.H_Rnn)
    soc[none.home] = wanted.H_Rnn[wanted.home] - none.H_Rnn[none.home]
    number = {tuple(r): i for i, r in enumerate(none.R.tolist())}
    soc[number[1, 0, 0], 0, 4], soc[number[-1, 0, 0], 4, 0] = 0.03125j, -0.03125j
    if name == "soc_hr.dat":
        write_hr(tmp_path / name, replace(none, H_Rnn=soc))
    else:
        lines = []
        for r in UP.R.tolist():
            for m, n, ii, jj in np.ndindex(3, 3, 2, 2):
                x = soc[number[tuple(r)], m + 3 * jj, n + 3 * ii] / 27.211386245981
                lines.append(" ".join(map(str, (*r, m + 1, n + 1, jj + 1, ii + 1))) + f" {x.real:.14f} {x.imag:.14f}")
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    model = hpcalo.api.load_model(path, spin_orbit_file=str(tmp_path / name))
    np.testing.assert_allclose(model.H_Rnn, none.H_Rnn + soc, atol=1e-9)
    np.testing.assert_allclose(model.odd_Rnn, none.odd_Rnn, atol=1e-12)
    with pytest.raises(InputError, match="spin_orbit_file: spin_orbit is given, too"):
        hpcalo.api.load_model(path, spin_orbit_file=str(tmp_path / name), spin_orbit={"Fe p": 0.1})


def test_signs_of_one_channel_do_not_matter(tmp_path: Path) -> None:
    flip = np.array([1.0, -1.0, 1.0])
    write(tmp_path, "x.up", "x.dn", "tb", "x.win")
    other = WannierModel(DOWN.crystal, DOWN.R, DOWN.H_Rnn * np.outer(flip, flip), DOWN.centres)
    write(tmp_path, "y.up", "y.dn", "tb", "y.win", (UP, other))
    one, two = (hpcalo.api.load_model(tmp_path / name, spin_orbit={"Fe p": L_SOC}) for name in "xy")
    np.testing.assert_allclose(one.H_Rnn, two.H_Rnn, atol=1e-12)
    assert any("the sign of 1 functions" in note for note in two.notes)


def test_files_are_those_of_both_runs(tmp_path: Path) -> None:
    write(tmp_path, "x.up", "x.dn", "hr", "x.win")
    from hpcalo.hamiltonian.loading import files, section_for  # noqa: PLC0415

    names = [path.name for path in files(section_for(str(tmp_path / "x"), {}, "test"))]
    assert names[:2] == ["x.up_hr.dat", "x.dn_hr.dat"]
    assert {"x.up.wout", "x.dn.wout", "x.win"} <= set(names)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spin_orbit": {"Fe d": 0.1}}, r"'Fe d': no function of the model has this shape; it has Fe p"),
        ({"spin_orbit": {"Co p": 0.1}}, r"'Co p': no such atom; the model has Fe"),
        ({"spin_orbit": {"7 p": 0.1}}, r"'7 p': there are atoms 1 to 1"),
        ({"spin_orbit": {"Fe": 0.1}}, r"'Fe': expected an atom and its shell p, d or f"),
    ],
)
def test_shells_that_are_not_there(tmp_path: Path, options: dict, message: str) -> None:
    write(tmp_path, "x.up", "x.dn", "tb", "x.win")
    with pytest.raises(InputError, match=message):
        hpcalo.api.load_model(tmp_path / "x", **options)


def test_what_does_not_belong_together(tmp_path: Path) -> None:
    write(tmp_path, "x.up", "x.dn", "tb")
    (tmp_path / "x.win").write_text(WIN.split("begin projections", maxsplit=1)[0])
    with pytest.raises(InputError, match=r"x\.win: has no projections that are understood, but 3 functions"):
        hpcalo.api.load_model(tmp_path / "x", spin_orbit={"Fe p": 0.1})
    order = [1, 2, 0]
    other = WannierModel(DOWN.crystal, DOWN.R, DOWN.H_Rnn[:, order][:, :, order], DOWN.centres)
    write(tmp_path, "y.up", "y.dn", "tb", "y.win", (UP, other))
    with pytest.raises(ModelError, match=r"x.*y\.up.*hoppings of the two channels are unlike|hoppings of the two"):
        hpcalo.api.load_model(tmp_path / "y")
    with pytest.raises(ModelError, match=r"no files of two channels were found, such as z\.up_hr\.dat"):
        hpcalo.api.run({"model": {"channels": str(tmp_path / "z")}, "kubo": SETTINGS})
