"""Expansion in powers of n̂: fields with known tensors in crystals of four point groups, and first order in Rashba's
coupling in closed form.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from kubo_runs import grid, run_sums

from hpcalo.hamiltonian.builtin import rashba
from hpcalo.hamiltonian.symmetry import parent
from hpcalo.hamiltonian.types import Crystal
from hpcalo.kubo.expansion import powers
from hpcalo.kubo.expansion.fit import fitted
from hpcalo.kubo.expansion.forms import Kind, PointOperation
from hpcalo.kubo.expansion.operations import point_operation
from hpcalo.kubo.responses.expansion import Expansion, SpiralizationExpansion
from hpcalo.kubo.responses.torkance import Torkance
from hpcalo.kubo.sums.request import TORQUE_VELOCITY
from hpcalo.units import BOHR_IN_ANGSTROM

X, Y, Z = np.eye(3)


def turn(axis, degrees):
    a, angle = np.array(axis) / np.linalg.norm(axis), np.deg2rad(degrees)
    across = np.array([[0, -a[2], a[1]], [a[2], 0, -a[0]], [-a[1], a[0], 0]])
    return np.eye(3) + np.sin(angle) * across + (1 - np.cos(angle)) * across @ across


MIRROR = np.diag([-1.0, 1.0, 1.0])
GENERATORS = {
    "C4v": (turn(Z, 90), MIRROR),
    "C3v": (turn(Z, 120), MIRROR),
    "D3d": (turn(Z, 120), turn(X, 180), -np.eye(3)),
    "Oh": (turn(Z, 90), turn([1, 1, 1], 120), -np.eye(3)),
}
SIZES = {"C4v": 8, "C3v": 6, "D3d": 12, "Oh": 48}


def group(name, *, exchange=()):
    """All operations; those of which an odd number of generators numbered in `exchange` is a factor reverse n̂."""
    elements = [(np.eye(3), 1.0)]
    steps = [(g, -1.0 if i in exchange else 1.0) for i, g in enumerate(GENERATORS[name])]
    for (a, s), (g, t) in ((e, g) for e in elements for g in steps):
        if not any(np.abs(a @ g - b).max() < 1e-9 for b, _ in elements):
            elements.append((a @ g, s * t))
    assert len(elements) == SIZES[name]
    return [PointOperation(a * np.linalg.det(a), a, s * a * np.linalg.det(a)) for a, s in elements]


def directions(count, seed=3):
    raw = np.random.default_rng(seed).normal(size=(count, 3))
    return raw / np.linalg.norm(raw, axis=1)[:, None]


def known_field(kind, order, operations, seed):
    """A function of n (A, 3): any polynomial of this order across n, averaged over the operations by hand."""
    count = order - 4 if kind.symmetric else order - 2 + order % 2  # the projectors are of order 2
    q = np.random.default_rng(seed).normal(size=(3, kind.shape[1], *[3] * count))

    def one(n):
        values = q
        while values.ndim > 2:
            values = values @ n
        if not kind.symmetric:
            return np.cross(n, values, axis=0) if order % 2 else np.cross(n, np.cross(n, values, axis=0), axis=0)
        across = np.eye(3) - np.outer(n, n)
        return across @ (values + values.T) @ across

    def field(n_hat):
        out = np.zeros((len(n_hat), *kind.shape))
        for a, n in enumerate(n_hat):
            for op in operations:
                out[a] += op.axial @ one(op.n.T @ n) @ kind.second(op).T / len(operations)
        return out

    return field


def value(tensors, n_hat, kind):
    """Σ t_ijkl n_k n_l over all indices, one after the other, apart from the program's monomials."""
    out = np.zeros((len(n_hat), *kind.shape))
    for order, tensor in tensors.items():
        place = {label: k for k, label in enumerate(powers.labels(order))}
        for indices in itertools.product(range(3), repeat=order):
            label = "".join("xyz"[c] for c in sorted(indices))
            out += tensor[..., place[label]] * np.prod(n_hat[:, indices], axis=1)[:, None, None]
    return out


FILM, BULK, BOTH = Kind((0, 1)), Kind((0, 1, 2)), Kind()


@pytest.mark.parametrize(
    ("name", "kind", "order", "exchange"),
    [
        ("C4v", FILM, 3, ()), ("C4v", FILM, 4, ()), ("C3v", FILM, 3, ()), ("C3v", FILM, 4, ()), ("C3v", BOTH, 5, ()),
        ("D3d", BOTH, 4, ()), ("D3d", BULK, 3, (2,)), ("Oh", BOTH, 6, ()),
    ],
)  # fmt: skip
def test_known_fields_are_recovered(name, kind, order, exchange):
    """Values at other directions and every element of the tensors; a group with more operations does not describe it.
    Where inversion exchanges the sublattices of an antiferromagnet (D3d), an odd torkance is allowed.
    """
    operations = group(name, exchange=exchange)
    parity = 1 if order % 2 == 0 else -1
    field = known_field(kind, order, operations, seed=order)
    n_hat, others = directions(14), directions(5, seed=8)
    fit = fitted(kind, parity, order, n_hat, operations)
    tensors = fit.tensors(fit.coefficients(field(n_hat)))
    assert set(tensors) <= set(range(1, order + 1))
    size = np.abs(field(others)).max()
    assert size > 1e-2
    assert np.abs(value(tensors, others, kind) - field(others)).max() < 1e-10 * size
    assert fit.residual(field(n_hat), order) < 1e-10
    assert fit.residual(field(n_hat), order - 2) > 1e-3
    for op in operations:
        image = np.einsum("ik,akl,jl->aij", op.axial, value(tensors, others, kind), kind.second(op))
        assert np.abs(value(tensors, others @ op.n.T, kind) - image).max() < 1e-10 * size


def test_a_crystal_with_inversion_has_no_torkance():
    for name in ("D3d", "Oh"):
        for parity in (1, -1):
            assert not fitted(BULK, parity, 5, directions(6), group(name)).blocks


def test_coefficients_of_a_square_film():
    """τ = 0.7 n × (E × ẑ) + 0.2 n × [n × (E × ẑ)] − 0.4 n × ẑ (n·E): the tensors written out by hand."""
    n_hat = directions(9)
    odd, even = np.zeros((9, 3, 2)), np.zeros((9, 3, 2))
    for a, n in enumerate(n_hat):
        for j, field in enumerate((X, Y)):
            odd[a, :, j] = 0.7 * np.cross(n, np.cross(field, Z))
            even[a, :, j] = 0.2 * np.cross(n, np.cross(n, np.cross(field, Z))) - 0.4 * np.cross(n, Z) * n[j]
    fit = fitted(FILM, -1, 5, n_hat, group("C4v"))
    first = fit.tensors(fit.coefficients(odd))
    # n × (x × z) = −n × y = (n_z, 0, −n_x);  n × (y × z) = n × x = (0, n_z, −n_y)
    expected = np.zeros((3, 2, 3))
    expected[0, 0, 2], expected[2, 0, 0], expected[1, 1, 2], expected[2, 1, 1] = 0.7, -0.7, 0.7, -0.7
    np.testing.assert_allclose(first[1], expected, atol=1e-12)
    assert all(np.abs(first[p]).max() < 1e-12 for p in (3, 5))
    fit = fitted(FILM, 1, 4, n_hat, group("C4v"))
    second = fit.tensors(fit.coefficients(even))
    labels = powers.labels(2)
    found = {(i, j, labels[k]): second[2][i, j, k] for i, j, k in np.argwhere(np.abs(second[2]) > 1e-12)}
    # −n × (n × y) = y − n (n·y) for E = x, with 1 = n·n: t_yx = 0.2 (n_x² + n_z²), t_xx = −0.2 n_x n_y …
    wanted = {
        (1, 0, "xx"): 0.2 + 0.4, (1, 0, "zz"): 0.2, (0, 0, "xy"): 0.5 * (-0.2 - 0.4), (2, 0, "yz"): 0.5 * -0.2,
        (0, 1, "yy"): -0.2 - 0.4, (0, 1, "zz"): -0.2, (1, 1, "xy"): 0.5 * (0.2 + 0.4), (2, 1, "xz"): 0.5 * 0.2,
    }  # fmt: skip
    assert found == pytest.approx(wanted, abs=1e-12)
    assert np.abs(second[4]).max() < 1e-12


def test_what_directions_do_not_determine_is_left_out():
    """n = z alone gives one number for each parity and no residual, two give one."""
    c4v = group("C4v")
    for parity, order in ((1, 2), (-1, 1)):
        fit = fitted(FILM, parity, 6, Z[None], c4v)
        assert [(b.order, b.momentum, len(b.coefficients)) for b in fit.blocks] == [(order, 1, 1)]
        assert not fit.tested(order)
    assert fitted(FILM, -1, 1, np.stack([Z, X]), c4v).tested(1)
    few = fitted(FILM, -1, 3, np.stack([Z, X]), c4v)  # order 3 takes all that is left, order 1 can be judged
    assert few.tested(1)
    assert not few.tested(3)
    tilted = np.stack([Z, (X + Z) / np.sqrt(2), X])
    assert len(fitted(FILM, 1, 8, tilted, c4v).weights) <= fitted(FILM, 1, 8, tilted, c4v).independent


def film(symbols, positions):
    lattice = np.diag([3.0, 3.0, 20.0])
    return Crystal(lattice, (True, True, False), np.array(positions), symbols, np.array([2.0, 0.0]), thickness=5.0)


def test_group_of_a_film_without_its_magnetization():
    """Mn over W in the square cell: 4mm; with the W off the axis only one mirror is left."""
    square = [point_operation(op) for op in parent(film(("Mn", "W"), [[0.0, 0, 2], [1.5, 1.5, 0]]))]
    assert len(square) == 8
    assert len(parent(film(("Mn", "W"), [[0.0, 0, 2], [1.0, 0.0, 0]]))) == 2


def first_order(energy, gamma, hopping, coupling, exchange, points):
    """Odd torkance t_xx(ẑ) and even one t_yx(ẑ) of the Rashba magnet to first order in its coupling, in e Å.

    Levels ε ± Δ/2. Within a level T = ±n × w with w = a_R (sin k_y, −sin k_x, 0), and v = ∂ε; between them T_x =
    −(Δ/2) σ_y, T_y = (Δ/2) σ_x and v_x = −a_R cos k_x σ_y.
    """
    kx, ky = (2 * np.pi * grid(points, points)[:, :2]).T
    band = -2 * hopping * (np.cos(kx) + np.cos(ky))
    up, down = band + exchange / 2, band - exchange / 2
    width_up, width_down = (1 / ((energy - e) ** 2 + gamma**2) for e in (up, down))
    slope = 2 * hopping * np.sin(kx)
    along = coupling * np.sin(kx)  # (n × w)_x at n = z: −w_y
    within = gamma**2 * (width_up**2 - width_down**2) * along * slope
    between = 2 * gamma**2 * width_up * width_down * (exchange / 2) * coupling * np.cos(kx)
    odd = np.mean(within + between) / np.pi

    def braces(a, b):
        first = gamma * (b - a) / (((energy - a) ** 2 + gamma**2) * ((energy - b) ** 2 + gamma**2))
        second = 2 * gamma / ((a - b) * ((energy - b) ** 2 + gamma**2))
        logarithm = np.log((b - energy - 1j * gamma) / (a - energy - 1j * gamma)).imag
        return first + second + 2 / (a - b) ** 2 * logarithm

    product = -(exchange / 2) * coupling * np.cos(kx)  # Im <up|T_y|down><down|v_x|up>, the other order negative
    even = np.mean(product * (braces(up, down) - braces(down, up))) / (2 * np.pi)
    return odd, even


def test_rashba_magnet_to_first_order_in_closed_form():
    """t^(1,0) and t^(2,0) of (57) with the sign of E × ẑ at every direction; other forms begin with the third order."""
    energies, gamma = np.array([-2.5, -1.9]), 0.2
    n_hat = np.concatenate([directions(5), Z[None]])
    found = {}
    for coupling in (0.01, 0.02):
        run = run_sums(
            rashba(rashba=coupling, exchange=1.2),
            grid(48, 48),
            energies,
            broadened=(TORQUE_VELOCITY,),
            sea=(TORQUE_VELOCITY,),
            gammas=[gamma],
            n_hat=n_hat,
            expansion={"order": 4},
        )
        found[coupling] = Expansion().compute(run)
    even, odd, _ = Torkance().compute(run).values()
    for e, energy in enumerate(energies):
        exact = np.array(first_order(energy, gamma, 1.0, 0.01, 1.2, 48)) / BOHR_IN_ANGSTROM
        assert odd[-1, 0, 0, 0, e] == pytest.approx(2 * exact[0], rel=2e-2)
        assert even[-1, 0, 1, 0, e] == pytest.approx(2 * exact[1], rel=2e-2)
        assert found[0.01]["t_1_0"][0, e] == pytest.approx(exact[0], rel=5e-3)
        assert found[0.01]["t_2_0"][0, e] == pytest.approx(exact[1], rel=5e-3)
        assert found[0.01]["torkance_order_1"][0, 0, 2, 0, e] == pytest.approx(exact[0], rel=5e-3)
    assert found[0.01]["torkance_residual"][:2].max() < 1e-3
    ratio = found[0.02]["torkance_residual"][0] / found[0.01]["torkance_residual"][0]
    np.testing.assert_allclose(ratio, 4.0, rtol=0.03)
    assert found[0.02]["torkance_residual"][2].max() < 2e-2 * found[0.02]["torkance_residual"][0].max()


def test_spiralization_and_residuals_by_order():
    """D of a strongly coupled Rashba magnet: every order leaves less than the one before."""
    run = run_sums(
        rashba(rashba=0.9),
        grid(24, 24),
        np.linspace(-3, -1, 3),
        sea=(TORQUE_VELOCITY,),
        thermal=(TORQUE_VELOCITY,),
        temperatures=[3000.0],
        mu=[-2.0],
        n_hat=directions(14),
        expansion={"order": 6},
    )
    found = SpiralizationExpansion().compute(run)
    left = found["spiralization_residual"][:, 0, 0]
    assert np.isnan(left[[0, 2, 4]]).all()
    assert 0.01 > left[1] > 4.0 * left[3] > 16.0 * left[5] > 0.0
    assert "spiralization_order_1" not in found
