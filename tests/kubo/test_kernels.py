"""Each C++ kernel against its NumPy twin, and the near-degenerate limits against higher precision."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from hpcalo.kubo.kernels import _kubo, reference

PAIRS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.int32)


def random_levels(seed: int, K: int = 3, N: int = 7, spread: float = 2.0):
    rng = np.random.default_rng(seed)
    E = np.sort(rng.uniform(-spread, spread, (K, N)), axis=1)

    def hermitian(components: int):
        a = rng.normal(size=(K, components, N, N)) + 1j * rng.normal(size=(K, components, N, N))
        return np.ascontiguousarray((a + a.conj().transpose(0, 1, 3, 2)).transpose(0, 2, 1, 3))

    return E, hermitian(2), hermitian(2), rng.uniform(0.5, 1.5, K)


@pytest.mark.parametrize("N", [1, 2, 7, 18, 33])
@pytest.mark.parametrize("gamma", [1e-3, 0.025, 1.0])
def test_broadened_pairs_equals_twin(N, gamma):
    E, X, Y, weights = random_levels(N, N=N)
    gammas, energies = np.array([gamma, 2 * gamma]), np.linspace(-3, 3, 11)
    results = []
    for kernel in (_kubo.broadened_pairs, reference.broadened_pairs):
        out = np.zeros((2, 4, 2, 11))
        kernel(E, X, Y, PAIRS, gammas, energies, weights, out)
        results.append(out)
    scale = np.abs(results[1]).max(axis=(1, 3), keepdims=True)
    # The twin itself loses (gamma/distance)^2 digits at the largest broadening.
    assert np.abs((results[0] - results[1]) / (scale + 1e-300)).max() < 1e-10


def bracket_in_high_precision(a, b, energy, gamma):
    """Half the antisymmetric part of the bracket for levels a, b, with 60 digits."""
    with mpmath.workdps(60):
        x, y, g = mpmath.mpf(a) - mpmath.mpf(energy), mpmath.mpf(b) - mpmath.mpf(energy), mpmath.mpf(gamma)
        lx, ly = 1 / (x * x + g * g), 1 / (y * y + g * g)
        d = y - x
        f = g * d * lx * ly - g / d * (lx + ly) + 2 / d**2 * (mpmath.arg(y - 1j * g) - mpmath.arg(x - 1j * g))
        return float(f), float(g * g * lx * ly)


@pytest.mark.parametrize("gamma", [1e-3, 0.1, 1.0])
@pytest.mark.parametrize("distance", [1e-14, 1e-10, 1e-8, 1e-5, 1e-3, 0.0199, 0.0201, 0.3])
@pytest.mark.parametrize("energy", [-0.7, 0.0, 1e-3])
def test_near_degenerate_pair_is_exact(gamma, distance, energy):
    """Both branches of the pair kernel agree with 60-digit arithmetic, at any ratio of distance to broadening."""
    E = np.array([[0.0, distance * gamma]])
    im = np.array([[0, 1j], [-1j, 0]])
    re = np.array([[0, 1], [1, 0]], dtype=complex)
    X = np.ascontiguousarray(np.stack([im, re], axis=1)[None])  # W_01 = i for (im, re), 1 for (re, re)
    Y = np.ascontiguousarray(np.stack([re, re], axis=1)[None])
    out = np.zeros((1, 4, 2, 1))
    shift = np.array([energy * gamma])
    _kubo.broadened_pairs(E, X, Y, PAIRS, np.array([gamma]), shift, np.ones(1), out)
    even, odd = bracket_in_high_precision(E[0, 0], E[0, 1], shift[0], gamma)
    assert out[0, 0, 1, 0] == pytest.approx(2 * even, rel=2e-10, abs=0)
    assert out[0, 2, 0, 0] == pytest.approx(2 * odd, rel=1e-12, abs=0)


def test_equal_levels_do_not_depend_on_the_basis():
    """A unitary rotation inside a degenerate subspace leaves the sums unchanged."""
    E, X, Y, weights = random_levels(4, K=1, N=6)
    E[0, 2:5] = E[0, 2]
    rng = np.random.default_rng(0)
    u = np.eye(6, dtype=complex)
    u[2:5, 2:5] = np.linalg.qr(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))[0]
    gammas, energies = np.array([0.01, 0.5]), np.linspace(-2, 2, 9)
    bins = np.searchsorted(energies, E).astype(np.int32)
    results = []
    for rotation in (np.eye(6, dtype=complex), u):
        A, B = (np.ascontiguousarray(np.einsum("na,knvm,mb->kavb", rotation.conj(), Z, rotation)) for Z in (X, Y))
        wide, sea, warm = np.zeros((2, 4, 2, 9)), np.zeros((4, 3, 10)), np.zeros((4, 4, 2))
        _kubo.broadened_pairs(E, A, B, PAIRS, gammas, energies, weights, wide)
        _kubo.sea_pairs(E, A, B, PAIRS, bins, 0.0, 1e-8, weights, sea)
        _kubo.thermal_pairs(E, A, B, PAIRS, np.array([0.1, -0.2]), np.array([0.02, 0.3]), 1e-8, weights, warm)
        results.append((wide, sea, warm))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11 * np.abs(a).max())


def test_an_energy_does_not_depend_on_its_neighbours():
    """Any slice of the energy axis gives the same bits: ranks may share the axis."""
    E, X, Y, weights = random_levels(9, N=13)
    E[:, 4] = E[:, 3] + 1e-5
    energies = np.linspace(-2, 2, 17)
    whole, parts = np.zeros((1, 4, 2, 17)), np.zeros((1, 4, 2, 17))
    _kubo.broadened_pairs(E, X, Y, PAIRS, np.array([0.05]), energies, weights, whole)
    for sl in (slice(0, 3), slice(3, 4), slice(4, 17)):
        part = np.zeros((1, 4, 2, len(energies[sl])))
        _kubo.broadened_pairs(E, X, Y, PAIRS, np.array([0.05]), np.ascontiguousarray(energies[sl]), weights, part)
        parts[..., sl] = part
    assert (whole == parts).all()


@pytest.mark.parametrize("gamma", [0.01, 0.05])
@pytest.mark.parametrize("widths", [(0.4, 0.25, 0.1), (0.3, 1e-4, 0.0), (0.02, 0.03, 0.01), (1e-7, 0.0, 0.0)])
def test_mean_over_a_box_is_that_of_its_points(gamma, widths):
    """Levels that vary alike in a box, one of them in a near pair: the mean of the sums at Fermi energies moved the
    other way, by Gauss-Legendre quadrature.
    """
    _, X, Y, weights = random_levels(5, K=1, N=6)
    E = np.array([[-1.7, -1.0, 0.1, 0.1 + 1e-3 * gamma, 0.9, 1.6]])
    energies = np.concatenate([np.linspace(-2.2, 2.2, 4), E[0, [2, 4]] + 0.03])
    mean = np.zeros((1, 4, 2, len(energies)))
    boxes = np.ascontiguousarray(np.broadcast_to(widths, (1, 6, 3)))
    _kubo.broadened_pairs(E, X, Y, PAIRS, np.array([gamma]), energies, weights, mean, boxes)
    order = [int(np.clip(15 * width / gamma, 3, 600)) for width in widths]
    axes = [np.polynomial.legendre.leggauss(n) for n in (order[0], *(min(n, 30) for n in order[1:]))]
    u = sum(0.5 * w * x for w, x in zip(widths, np.meshgrid(*(x for x, _ in axes), indexing="ij"), strict=True))
    v = np.einsum("a,b,c->abc", *(0.5 * share for _, share in axes))
    points = np.zeros((1, 4, 2, energies.size * u.size))
    shifted = np.ascontiguousarray((energies[:, None] - u.ravel()).ravel())
    _kubo.broadened_pairs(E, X, Y, PAIRS, np.array([gamma]), shifted, weights, points)
    expected = points.reshape(1, 4, 2, len(energies), -1) @ v.ravel()
    scale = np.abs(expected).max(axis=(1, 3), keepdims=True)
    # What a box narrower than |E_n - E| keeps of its moments, and the least width along an edge.
    assert np.abs((mean - expected) / scale).max() < 5e-4
    if max(widths) < 1e-5:
        np.testing.assert_allclose(mean, expected, rtol=1e-9, atol=1e-9 * scale.max())


def test_sea_pairs_equals_twin():
    E, X, Y, weights = random_levels(1, N=12)
    E[:, 5] = E[:, 4] + 1e-12
    grid = np.linspace(-1.5, 1.5, 21)
    bins = np.searchsorted(grid, E).astype(np.int32)
    results = []
    for kernel in (_kubo.sea_pairs, reference.sea_pairs):
        out = np.zeros((4, 3, 22))
        kernel(E, X, Y, PAIRS, bins, 0.3, 1e-8, weights, out)
        results.append(out)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-10, atol=1e-10)
    # Fully occupied: every pair cancels.
    assert np.abs(results[0][:, 0].sum(1)).max() < 1e-10 * np.abs(results[0]).max()


@pytest.mark.parametrize("kt", [1e-3, 0.025, 0.5, 3.0])
def test_thermal_pairs_equals_twin(kt):
    E, X, Y, weights = random_levels(2, N=9)
    mu, kts = np.array([-0.4, 0.0, 5.0]), np.full(3, kt)
    results = []
    for kernel in (_kubo.thermal_pairs, reference.thermal_pairs):
        out = np.zeros((4, 4, 3))
        kernel(E, X, Y, PAIRS, mu, kts, 1e-8, weights, out)
        results.append(out)
    scale = np.abs(X).max() * np.abs(Y).max() * 9
    np.testing.assert_allclose(results[0], results[1], rtol=1e-10, atol=1e-10 * scale)
    alone, place = np.zeros((2, 4, 3)), np.arange(len(E), dtype=np.int32) % 2
    _kubo.fermi_pairs(E, X, Y, PAIRS, mu, kts, 1e-8, weights, place, alone)
    np.testing.assert_allclose(alone.sum(axis=0), results[1][:, 3], rtol=1e-10, atol=1e-10 * scale)
    twin = np.zeros_like(alone)
    reference.fermi_pairs(E, X, Y, PAIRS, mu, kts, 1e-8, weights, place, twin)
    np.testing.assert_allclose(alone, twin, rtol=1e-10, atol=1e-10 * scale)


@pytest.mark.parametrize("kt", [1e-3, 0.025, 3.0])
def test_fermi_levels_equals_twin(kt):
    E, _, _, weights = random_levels(5, N=9)
    values = np.random.default_rng(1).normal(size=(3, 2, 9))
    results = []
    for kernel in (_kubo.fermi_levels, reference.fermi_levels):
        out, place = np.zeros((2, 2, 3)), np.array([0, 1, 1], dtype=np.int32)
        kernel(E, values, np.array([-0.4, 0.0, 5.0]), np.full(3, kt), weights, place, out)
        results.append(out)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("distance", [1e-12, 1e-6, 1e-2, 0.4, 0.6, 3.0])
@pytest.mark.parametrize("centre", [-30.0, -2.0, 0.3, 8.0])
def test_thermal_weights_in_high_precision(distance, centre):
    """Pair weights of (32) and (33) against 60-digit arithmetic where the twin cancels."""
    kt = 0.025
    E = np.array([[centre * kt, (centre + distance) * kt]])
    im = np.array([[0, 1j], [-1j, 0]])
    re = np.array([[0, 1], [1, 0]], dtype=complex)
    X, Y = (np.ascontiguousarray(z[None, :, None, :]) for z in (im, re))
    out = np.zeros((1, 4, 1))
    _kubo.thermal_pairs(E, X, Y, np.zeros((1, 2), np.int32), np.zeros(1), np.array([kt]), 0.0, np.ones(1), out)
    with mpmath.workdps(60):
        a, b, t = mpmath.mpf(E[0, 0]), mpmath.mpf(E[0, 1]), mpmath.mpf(kt)

        def f(e):
            return 1 / (mpmath.exp(e / t) + 1)

        def g(e):
            return t * mpmath.log(1 + mpmath.exp(-e / t))

        d = b - a
        grand = (f(a) + f(b)) / d - 2 * (g(a) - g(b)) / d**2
        heat = 2 * (f(a) * a + g(a) - f(b) * b - g(b)) / d**2
        sea = 2 * (f(a) - f(b)) / d**2
    assert out[0, 0, 0] == pytest.approx(
        float(grand), rel=1e-9, abs=1e-10 * float(abs((f(a) + f(b)) / d)) * min(distance, 1)
    )
    assert out[0, 3, 0] == pytest.approx(float(sea), rel=1e-12)
    alone, zero = np.zeros((1, 1, 1)), np.zeros((1, 2), np.int32)
    _kubo.fermi_pairs(E, X, Y, zero, np.zeros(1), np.array([kt]), 0.0, np.ones(1), zero[:, 0].copy(), alone)
    # Levels that are not near share the rounding of their Fermi functions.
    assert alone[0, 0, 0] == pytest.approx(float(sea), rel=1e-12, abs=1e-15 / (kt * max(distance, 1e-3)) ** 2)
    assert out[0, 2, 0] == pytest.approx(float(heat), rel=1e-9, abs=1e-15 / kt / distance**2)


@pytest.mark.parametrize("N", [1, 2, 18, 33])
def test_hermitian_matrices_two_in_one(N):
    """X + iY is taken apart, with an odd number of components too; velocity and curvature of ∂H + iA as in the twin."""
    rng = np.random.default_rng(N)
    Z = rng.normal(size=(3, N, 3, N)) + 1j * rng.normal(size=(3, N, 3, N))
    for components in (5, 6):
        ours, twin = np.empty((2, 3, N, components, N), dtype=complex)
        _kubo.hermitian_parts(Z, ours)
        reference.hermitian_parts(Z, twin)
        np.testing.assert_allclose(ours, twin, rtol=0, atol=1e-15)
        np.testing.assert_array_equal(ours, ours.conj().transpose(0, 3, 2, 1))
    large = rng.normal(size=(70, 70)) + 1j * rng.normal(size=(70, 70))  # several tiles, of which the last is part
    for matrix in (large, large.T, Z[0, :, 1]):
        M = len(matrix)
        for components in (slice(0, 2), slice(1, 2)):
            ours, twin = np.zeros((2, M, 3, M), dtype=complex)
            _kubo.hermitian_pair(matrix, ours[:, components])
            reference.hermitian_pair(matrix, twin[:, components])
            np.testing.assert_allclose(ours, twin, rtol=0, atol=1e-15)
            np.testing.assert_array_equal(ours, ours.conj().transpose(2, 1, 0))
    E = np.sort(rng.uniform(-2.0, 2.0, (3, N)), axis=1)
    for directions, points in (((0, 1, 2), 3), ((0, 2), 3), ((1,), 0)):
        places = np.array(directions, dtype=np.int32)
        ours, twin = np.empty((2, 3, N, len(directions), N), dtype=complex)
        our_curvature, twin_curvature = np.empty((2, points, 3, N))
        _kubo.velocity_and_curvature(E, Z, places, ours, our_curvature)
        reference.velocity_and_curvature(E, Z, places, twin, twin_curvature)
        np.testing.assert_allclose(ours, twin, rtol=0, atol=1e-14)
        np.testing.assert_allclose(our_curvature, twin_curvature, rtol=0, atol=1e-12)


def hermitian_matrices(N: int, K: int = 21):
    """Random matrices; also diagonal, equal, zero, block diagonal, tridiagonal, degenerate, graded and tiny ones."""
    rng = np.random.default_rng(N)
    a = rng.normal(size=(K, N, N)) + 1j * rng.normal(size=(K, N, N))
    H = a + a.conj().transpose(0, 2, 1)
    H[1] = np.diag(np.diag(H[1]))
    H[2] = np.eye(N)
    H[3] = 0.0
    H[4, N // 2 :, : N // 2] = H[4, : N // 2, N // 2 :] = 0.0
    H[5] = np.triu(np.tril(H[5], 1), -1)
    vectors = np.linalg.qr(a[6])[0]
    H[6] = (vectors * (np.arange(N) // 3)) @ vectors.conj().T
    graded = 10.0 ** -np.arange(N)
    H[7] *= graded[:, None] * graded
    H[8] *= 1e-100
    H[9] *= 1e100
    return H


@pytest.mark.parametrize("N", [1, 2, 3, 8, 18, 33])
def test_eigenstates_of_small_matrices(N):
    """Against LAPACK's eigenvalues and the definition of eigenvectors; the same bits in any company."""
    H = hermitian_matrices(N)
    E, c = np.empty(H.shape[:2]), np.empty_like(H)
    assert _kubo.eigh(H, E, c)
    twin, vectors = np.empty_like(E), np.empty_like(H)
    assert reference.eigh(H, twin, vectors)
    size = np.abs(twin).max(axis=1)[:, None]
    assert (np.diff(E, axis=1) >= 0.0).all()
    assert (np.abs(E - twin) <= 1e-14 * size).all()
    assert (np.abs(H @ c - c * E[:, None]) <= 1e-14 * size[..., None]).all()
    np.testing.assert_allclose(c.conj().transpose(0, 2, 1) @ c, np.broadcast_to(np.eye(N), H.shape), atol=2e-14)
    for part in (slice(3, 4), slice(5, 18)):
        some, turned = np.empty_like(E[part]), np.empty_like(H[part])
        assert _kubo.eigh(H[part].copy(), some, turned)
        assert some.tobytes() == E[part].tobytes()
        assert turned.tobytes() == c[part].tobytes()


def test_eigenstates_that_do_not_converge_are_told():
    H = hermitian_matrices(4)
    H[5, 2, 1] = np.nan
    E, c = np.empty(H.shape[:2]), np.empty_like(H)
    assert not _kubo.eigh(H, E, c)
    with pytest.raises(ValueError, match="H: expected shape"):
        _kubo.eigh(H[:, :3].copy(), E, c)
