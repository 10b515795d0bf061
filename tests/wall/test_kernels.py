"""C++ kernels against their NumPy twins at rtol 1e-10."""

from __future__ import annotations

import numpy as np
import pytest

from hpcalo.kernels import _wall
from hpcalo.kernels import wall_reference as twin

TOLERANCE = {"rtol": 1e-10, "atol": 1e-12}


def unit(rng, n):
    m = rng.normal(size=(n, 3))
    return m / np.linalg.norm(m, axis=1, keepdims=True)


@pytest.fixture(params=[(1, 2), (4, 5), (7, 24)], ids=lambda s: f"{s[0]}x{s[1]}")
def case(request):
    n, points = request.param
    rng = np.random.default_rng(7)
    dp = 0.1
    return {
        "n": n,
        "e": rng.normal(size=(n + 2, 4, points)),
        "o": rng.normal(size=(n + 1, 4, points)),
        "m": unit(rng, n),
        "mf": unit(rng, n + 1),
        "turn": rng.normal(size=(n + 1, 3)),
        "v": (np.arange(points) + 0.5) * dp / 5.7,
        "h": rng.random((n, points)),
        "hd": rng.normal(size=(n, points)),
        "source": rng.normal(size=(n + 1, 4, points)),
        "dx": 0.3,
        "dp": dp,
        "a": 1.3,
        "b": 0.7,
    }


@pytest.mark.parametrize("half_j", [0.0, 0.053])
@pytest.mark.parametrize("driven", [False, True])
def test_odd_part(case, half_j, driven):
    c = case
    source = c["source"] if driven else None
    out = np.empty_like(c["o"])
    arguments = (c["dx"], c["dp"], c["a"], c["b"], half_j)
    _wall.odd_steady(c["e"], c["mf"], c["turn"], c["v"], source, out, *arguments)
    np.testing.assert_allclose(
        out, twin.odd_steady(c["e"], c["mf"], c["turn"], c["v"], source, *arguments), **TOLERANCE
    )
    _wall.odd_rate(c["e"], c["o"], c["mf"], c["turn"], c["v"], source, out, *arguments)
    expected = twin.odd_rate(c["e"], c["o"], c["mf"], c["turn"], c["v"], source, *arguments)
    np.testing.assert_allclose(out, expected, **TOLERANCE)


@pytest.mark.parametrize("half_j", [0.0, 0.053])
def test_even_balance(case, half_j):
    c = case
    e = np.ascontiguousarray(c["e"][1:-1])
    out = np.empty_like(e)
    arguments = (c["dx"], c["dp"], c["a"], c["b"], half_j, 0.9, 0.01)
    _wall.even_balance(e, c["o"], c["m"], c["turn"], c["v"], c["h"], c["hd"], out, *arguments)
    expected = twin.even_balance(e, c["o"], c["m"], c["turn"], c["v"], c["h"], c["hd"], *arguments)
    np.testing.assert_allclose(out, expected, **TOLERANCE)


@pytest.mark.parametrize("half_j", [0.0, 0.053])
@pytest.mark.parametrize("added", [False, True])
def test_even_apply(case, half_j, added):
    c = case
    inner = np.ascontiguousarray(c["e"][1:-1])
    ends = np.ascontiguousarray(c["e"][[0, -1]])
    q = np.random.default_rng(2).normal(size=(c["n"], 4)) if added else None
    arguments = (c["dx"], c["dp"], c["a"], c["b"], half_j)
    out = np.empty_like(inner)
    _wall.even_apply(inner, ends, q, c["mf"], c["turn"], c["m"], c["v"], c["h"], c["hd"], out, *arguments, 0.9, 0.01)
    if q is not None:
        inner = twin.prolong(inner, q, c["m"], c["h"], c["hd"], 1.0, 1.0)
    o = twin.odd_steady(
        np.concatenate([ends[:1], inner, ends[1:]]), c["mf"], c["turn"], c["v"], None, *arguments
    )  # fmt: skip
    expected = twin.even_balance(inner, o, c["m"], c["turn"], c["v"], c["h"], c["hd"], *arguments, 0.9, 0.01)
    np.testing.assert_allclose(out, expected, **TOLERANCE)


@pytest.mark.parametrize("based", [False, True])
def test_moments_and_prolongation(case, based):
    c = case
    e = np.ascontiguousarray(c["e"][1:-1])
    q = np.empty((c["n"], 4))
    _wall.moments(e, q, c["dp"])
    np.testing.assert_allclose(q, 2 * c["dp"] * e.sum(axis=2), **TOLERANCE)
    out, base = np.empty_like(e), e if based else None
    _wall.prolong(base, q, c["m"], c["h"], c["hd"], out, 0.7, 0.6)
    np.testing.assert_allclose(out, twin.prolong(base, q, c["m"], c["h"], c["hd"], 0.7, 0.6), **TOLERANCE)


@pytest.mark.parametrize(("right", "gain"), [(True, False), (False, True), (True, True)])
def test_sweep(case, right, gain):
    """For a right-hand side, for the collision gain of given moments, and for both; with and without moments."""
    c = case
    n, points = c["n"], c["v"].size
    speed2 = (c["v"] / c["dx"]) ** 2
    face, pivot_f, pivot_g = np.empty((n + 1, 9)), np.empty((n, points)), np.empty((n, 9, points))
    _wall.sweep_factor(c["m"], c["mf"], speed2, face, pivot_f, pivot_g, c["a"], c["b"])
    r = np.ascontiguousarray(c["e"][1:-1])
    q = np.random.default_rng(2).normal(size=(n, 4)) if gain else None
    out, again, sums = np.empty_like(r), np.empty_like(r), np.empty((n, 4))
    arguments = (r if right else None, q, c["m"], c["h"], c["hd"], speed2, face, pivot_f, pivot_g)
    _wall.sweep_solve(*arguments, out, None, c["a"], 0.7, 0.6, c["dp"])
    _wall.sweep_solve(*arguments, again, sums, c["a"], 0.7, 0.6, c["dp"])
    whole = r if right else np.zeros_like(r)
    if q is not None:
        whole = twin.prolong(whole, q, c["m"], c["h"], c["hd"], 0.7, 0.6)
    expected = twin.sweep(whole, c["m"], c["mf"], c["v"], c["dx"], c["a"], c["b"])
    np.testing.assert_allclose(out, expected, **TOLERANCE)
    np.testing.assert_array_equal(again, out)
    np.testing.assert_allclose(sums, 2 * c["dp"] * expected.sum(axis=2), **TOLERANCE)


def test_spike_subtraction(case):
    c = case
    n, points = c["n"], c["v"].size
    rng = np.random.default_rng(3)
    f, g, edge = rng.normal(size=(n, points)), rng.normal(size=(n, 9, points)), rng.normal(size=(4, points))
    z = rng.normal(size=(n, 4, points))
    expected = z.copy()
    expected[:, 0] -= f * edge[0]
    expected[:, 1:] -= np.einsum("nrcp,cp->nrp", g.reshape(n, 3, 3, points), edge[1:])
    expected[n // 2 :] = z[n // 2 :]
    _wall.spike_subtract(f, g, edge, z, 0, n // 2)
    np.testing.assert_allclose(z, expected, **TOLERANCE)


def test_llg(case):
    n = case["n"]
    rng = np.random.default_rng(11)
    m = unit(rng, n + 2)
    faces = [rng.normal(size=n + 1) for _ in range(3)]
    nodes = [rng.random(n) for _ in range(3)]
    demag, zeeman, spin = rng.normal(size=(n, 3)), rng.normal(size=(n, 3)), rng.normal(size=(n, 3))
    h, rate, scale = np.empty((n, 3)), np.empty((n, 3)), rng.random(n)
    _wall.llg_field(m, *faces, *nodes, demag, zeeman, h)
    np.testing.assert_allclose(h, twin.llg_field(m, *faces, *nodes, demag, zeeman), **TOLERANCE)
    inner = np.ascontiguousarray(m[1:-1])
    _wall.llg_rate(inner, h, spin, scale, rate, 0.3, 0.2)
    np.testing.assert_allclose(rate, twin.llg_rate(inner, h, spin, scale, 0.3, 0.2), **TOLERANCE)


@pytest.mark.parametrize("u", [0.193, -0.193, 0.0])
@pytest.mark.parametrize("force", [1e-3, -1e-3, 0.0])
def test_paper(case, u, force):
    c = case
    n, points = c["n"], c["v"].size
    rng = np.random.default_rng(5)
    f0 = rng.normal(size=(points, n, 4))
    below, left, right = rng.normal(size=(n, 4)), rng.normal(size=(points, 4)), rng.normal(size=(points, 4))
    out = np.empty_like(f0)
    arguments = (u, c["dx"], c["dp"], force, 0.16, 1.0, 1e-3)
    _wall.paper_steady(c["m"], f0, below, left, right, c["v"], out, *arguments)
    expected = twin.paper_steady(c["m"], f0, below, left, right, c["v"], *arguments)
    np.testing.assert_allclose(out, expected, rtol=1e-10, atol=1e-11)


def test_shapes_are_checked(case):
    c = case
    with pytest.raises(ValueError, match="one node more than faces"):
        _wall.odd_steady(
            np.ascontiguousarray(c["e"][:-1]),
            c["mf"],
            c["turn"],
            c["v"],
            None,
            np.empty_like(c["o"]),
            1.0,
            1.0,
            1.0,
            0.0,
            0.0,
        )
