"""C++ kernels against their NumPy twins at rtol 1e-10."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hpcalo.wall.kernels import _wall
from hpcalo.wall.kernels import reference as twin

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
        "dm_dx": rng.normal(size=(n + 1, 3)),
        "v": (np.arange(points) + 0.5) * dp / 5.7,
        "h": rng.random((n, points)),
        "hd": rng.normal(size=(n, points)),
        "source": rng.normal(size=(n + 1, 4, points)),
        "dx": 0.3,
        "dp": dp,
        "a": 1.3,
        "b": 0.7,
    }


def medium(c, half_j, inverse_tau=0.0, inverse_tau_sf=0.0):
    names = ("v", "h", "hd", "m", "mf", "dm_dx", "dx", "dp", "a", "b")
    rates = {"half_j": half_j, "inverse_tau": inverse_tau, "inverse_tau_sf": inverse_tau_sf}
    return _wall.Medium(**{name: c[name] for name in names}, **rates)


NOTHING = {"q": None, "source": None, "o": None, "flux": None, "moments": None}


@pytest.mark.parametrize("half_j", [0.0, 0.053])
@pytest.mark.parametrize("driven", [False, True])
def test_odd_part(case, half_j, driven):
    c = case
    source = c["source"] if driven else None
    out = np.empty_like(c["o"])
    arguments = (c["dx"], c["dp"], c["a"], c["b"], half_j)
    inner, ends = np.ascontiguousarray(c["e"][1:-1]), np.ascontiguousarray(c["e"][[0, -1]])
    terms = medium(c, half_j)
    _wall.odd_steady(terms, inner, ends, **NOTHING | {"source": source, "o": out})
    np.testing.assert_allclose(
        out, twin.odd_steady(c["e"], c["mf"], c["dm_dx"], c["v"], source, *arguments), **TOLERANCE
    )
    _wall.odd_rate(terms, c["e"], c["o"], source, out)
    expected = twin.odd_rate(c["e"], c["o"], c["mf"], c["dm_dx"], c["v"], source, *arguments)
    np.testing.assert_allclose(out, expected, **TOLERANCE)


@pytest.mark.parametrize("half_j", [0.0, 0.053])
def test_driven(case, half_j):
    """o with a distribution added to e on the way; the right-hand side that a source gives, in one pass."""
    c, arguments = case, (case["dx"], case["dp"], case["a"], case["b"], half_j)
    out = np.empty_like(c["o"])
    inner, ends = np.ascontiguousarray(c["e"][1:-1]), np.ascontiguousarray(c["e"][[0, -1]])
    terms, given = medium(c, half_j), NOTHING | {"source": c["source"]}
    q = np.random.default_rng(4).normal(size=(c["n"], 4))
    more = twin.prolong(inner, q, c["m"], c["h"], c["hd"], 1.0, 1.0)
    flux, moments, again = np.empty((c["n"] + 1, 4)), np.empty((c["n"], 4)), inner.copy()
    _wall.odd_steady(terms, inner, ends, **given | {"q": q, "o": out})
    _wall.odd_steady(terms, again, ends, **given | {"q": q, "flux": flux, "moments": moments})
    np.testing.assert_array_equal(again, inner)
    np.testing.assert_allclose(moments, 2 * c["dp"] * inner.sum(axis=2), **TOLERANCE)
    np.testing.assert_allclose(flux, 2 * c["dp"] * (c["v"] * out).sum(axis=2), **TOLERANCE)
    np.testing.assert_allclose(inner, more, **TOLERANCE)
    around = np.concatenate([ends[:1], more, ends[1:]])
    expected = twin.odd_steady(around, c["mf"], c["dm_dx"], c["v"], c["source"], *arguments)
    np.testing.assert_allclose(out, expected, **TOLERANCE)
    nothing = np.zeros_like(c["e"])
    o = twin.odd_steady(nothing, c["mf"], c["dm_dx"], c["v"], c["source"], *arguments)
    expected = -twin.even_balance(nothing[1:-1], o, c["m"], c["dm_dx"], c["v"], c["h"], c["hd"], *arguments, 0.0, 0.0)
    right, squares = np.empty_like(inner), np.empty((c["n"], 1))
    _wall.even_rhs(terms, c["source"], right, squares)
    np.testing.assert_allclose(right, expected, **TOLERANCE)
    np.testing.assert_allclose(squares[:, 0], (expected**2).sum(axis=(1, 2)), **TOLERANCE)


@pytest.mark.parametrize("half_j", [0.0, 0.053])
def test_even_balance(case, half_j):
    c = case
    e = np.ascontiguousarray(c["e"][1:-1])
    out = np.empty_like(e)
    arguments = (c["dx"], c["dp"], c["a"], c["b"], half_j, 0.9, 0.01)
    _wall.even_balance(medium(c, half_j, 0.9, 0.01), e, c["o"], out)
    expected = twin.even_balance(e, c["o"], c["m"], c["dm_dx"], c["v"], c["h"], c["hd"], *arguments)
    np.testing.assert_allclose(out, expected, **TOLERANCE)


@pytest.mark.parametrize("half_j", [0.0, 0.053])
@pytest.mark.parametrize("added", [False, True])
@pytest.mark.parametrize("kept", ["values", "reductions", "all"])
def test_even_apply(case, half_j, added, kept):
    """Values, moments and dot products of sign (A z - other), in any combination."""
    c = case
    inner = np.ascontiguousarray(c["e"][1:-1])
    ends = np.ascontiguousarray(c["e"][[0, -1]])
    rng = np.random.default_rng(2)
    q = rng.normal(size=(c["n"], 4)) if added else None
    basis = rng.normal(size=(3, *inner.shape))
    arguments = (c["dx"], c["dp"], c["a"], c["b"], half_j)
    out, dots, sums = np.empty_like(inner), np.empty((c["n"], 7)), np.empty((c["n"], 4))
    plain = kept == "values"
    other, sign = (None, 1.0) if plain else (rng.normal(size=inner.shape), -1.0)
    every = {"basis": basis, "out": out, "dots": dots, "sums": sums}
    left_out = {"values": ("basis", "dots", "sums"), "reductions": ("out",), "all": ()}[kept]
    results = every | dict.fromkeys(left_out)
    _wall.even_apply(medium(c, half_j, 0.9, 0.01), inner, ends, q=q, other=other, sign=sign, **results)
    if q is not None:
        inner = twin.prolong(inner, q, c["m"], c["h"], c["hd"], 1.0, 1.0)
    o = twin.odd_steady(
        np.concatenate([ends[:1], inner, ends[1:]]), c["mf"], c["dm_dx"], c["v"], None, *arguments
    )  # fmt: skip
    expected = twin.even_balance(inner, o, c["m"], c["dm_dx"], c["v"], c["h"], c["hd"], *arguments, 0.9, 0.01)
    if not plain:
        expected = sign * (expected - other)
        np.testing.assert_allclose(dots, twin.products(basis, expected), rtol=1e-10, atol=1e-9)
        np.testing.assert_allclose(sums, 2 * c["dp"] * expected.sum(axis=2), rtol=1e-10, atol=1e-10)
    if kept != "reductions":
        np.testing.assert_allclose(out, expected, **TOLERANCE)


def test_flux(case):
    c = case
    out = np.empty((c["n"] + 1, 4))
    _wall.flux(c["o"], c["v"], out, c["dp"])
    np.testing.assert_allclose(out, 2 * c["dp"] * (c["o"] @ c["v"]), **TOLERANCE)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_krylov_vectors(count):
    """Dot products by node, combinations, and the removal of a basis from the last and from a new vector."""
    rng = np.random.default_rng(9)
    n, width = 7, 4 * 37
    basis, x = rng.normal(size=(count, n, width)), rng.normal(size=(n, width))
    dots = np.empty((n, 2 * count + 1))
    _wall.node_dots(basis, x, dots)
    np.testing.assert_allclose(dots, twin.products(basis, x), **TOLERANCE)
    flat, c = basis.reshape(count, n * width), rng.normal(size=count)
    for base in (None, x.reshape(-1)):
        out = np.empty(n * width)
        _wall.combine(flat, c, base, out, 0.3)
        expected = 0.3 * (c @ flat + (0.0 if base is None else base))
        np.testing.assert_allclose(out, expected, **TOLERANCE)
    if count:
        s, new = rng.normal(size=count - 1), x.reshape(-1).copy()
        u, expected = twin.orthogonalize(flat, s, c, new, 0.7, 1.9)
        _wall.orthogonalize(flat, s, c, new, 0.7, 1.9)
        np.testing.assert_allclose(flat[-1], u, **TOLERANCE)
        np.testing.assert_allclose(new, expected, **TOLERANCE)


SINGLE = {"rtol": 2e-5, "atol": 2e-5}


@pytest.mark.parametrize("half_j", [0.0, 0.053])
def test_single_precision(case, half_j):
    """The same operator on numbers kept in single precision: values, dot products, moments, and the sums of vectors."""
    c = case
    rng = np.random.default_rng(2)
    inner, ends = c["e"][1:-1].astype(np.float32), np.ascontiguousarray(c["e"][[0, -1]])
    q, basis = rng.normal(size=(c["n"], 4)), rng.normal(size=(3, *inner.shape)).astype(np.float32)
    other, out = rng.normal(size=inner.shape).astype(np.float32), np.empty_like(inner)
    dots, sums = np.empty((c["n"], 7)), np.empty((c["n"], 4))
    terms = medium(c, half_j, 0.9, 0.01)
    given = {"other": other, "sign": -1.0, "basis": basis, "out": out, "dots": dots, "sums": sums}
    _wall.even_apply(terms, inner, ends, q=q, **given)
    z = inner.astype(float)
    expected, exact_dots, exact_sums = np.empty_like(z), np.empty_like(dots), np.empty_like(sums)
    _wall.even_apply(
        terms, z, ends, q=q, other=other.astype(float), sign=-1.0, basis=basis.astype(float), out=expected,
        dots=exact_dots, sums=exact_sums,
    )  # fmt: skip
    np.testing.assert_array_equal(out, expected.astype(np.float32))  # arithmetic is in double precision
    np.testing.assert_array_equal(sums, exact_sums)
    scale = np.abs(exact_dots).max()
    np.testing.assert_allclose(dots / scale, exact_dots / scale, **SINGLE)
    with pytest.raises(ValueError, match="with moments and a result"):
        _wall.even_apply(terms, inner, ends, q=None, **given)


@pytest.mark.parametrize("kept", [np.float32, np.float64])
@pytest.mark.parametrize("add", [False, True])
def test_collect(case, kept, add):
    c, rng = case, np.random.default_rng(3)
    basis, x = rng.normal(size=(3, c["n"], 4, c["v"].size)).astype(kept), c["e"][1:-1].copy()
    coefficients, q = rng.normal(size=3), rng.normal(size=(c["n"], 4))
    expected = add * x + twin.prolong(
        np.einsum("k,knac->nac", coefficients, basis), q, c["m"], c["h"], c["hd"], 1.0, 1.0
    )
    _wall.collect(basis, coefficients, q, c["m"], c["h"], c["hd"], x, add)
    np.testing.assert_allclose(x, expected, **TOLERANCE)


def test_tiny_numbers_stay_elsewhere(case):
    """Kernels in single precision take what is below 1e-38 for zero; the rest of the program does not."""
    c, tiny = case, np.float32(1e-42)
    x = np.full((c["n"], 4, c["v"].size), tiny)
    sum_ = np.zeros(x.shape)
    _wall.collect(x[None], np.ones(1), np.zeros((c["n"], 4)), c["m"], c["h"], c["hd"], sum_, False)
    assert not sum_.any()
    assert tiny * np.float32(1.0) == tiny != 0.0


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


def sweep_in_parts(c, cuts, r, q, kept=np.float64, *, whole=True):
    """z and its moments by the kernels, the wire cut as ranks share it: each part is given what it waits for."""
    n, points = c["n"], c["v"].size
    speed2, chunks, middle = (c["v"] / c["dx"]) ** 2, -(-points // 8), n // 2
    width = 8 if kept is np.float64 else 16
    wide = -(-points // width)
    parts = [slice(a, b) for a, b in pairwise(cuts)]
    z, sums = np.empty((n, 4, points), dtype=kept), np.empty((n, 4))
    pivots = [np.zeros((p.stop - p.start, wide, 10, width), dtype=kept) for p in parts]
    runnings = [np.zeros((2, chunks, 10, 8)) for _ in parts]
    faces = [np.empty((p.stop - p.start + 1, 9)) for p in parts]
    inward = sorted(range(len(parts)), key=lambda i: min(abs(parts[i].start - middle), abs(parts[i].stop - 1 - middle))
                    * (not parts[i].start <= middle < parts[i].stop), reverse=True)  # fmt: skip

    def of(field, p):
        return np.ascontiguousarray(field[p])

    for i in inward:
        p, running = parts[i], runnings[i]
        if i and p.start <= middle:
            running[0] = runnings[i - 1][0]
        if i < len(parts) - 1 and p.stop > middle:
            running[1] = runnings[i + 1][1]
        mf = c["mf"][p.start : p.stop + 1].copy()
        for first in range(chunks):
            for sides in (7,) if len(parts) == 1 else (2, 1, 4):
                _wall.sweep_factor(
                    m=of(c["m"], p), mf=mf, speed2=speed2, face=faces[i], pivots=pivots[i], running=running,
                    a=c["a"], b=c["b"], middle=middle - p.start, first=first, last=first + 1, parts=sides,
                )  # fmt: skip
    for stage, order in ((0, inward), (1, inward[::-1])):
        for i in order:
            p, ghost = parts[i], np.zeros((2, 4, points), dtype=kept)
            for side, node in ((0, p.start - 1), (1, p.stop)):
                if 0 <= node < n:
                    ghost[side] = z[node]
            part, part_sums = of(z, p), np.zeros((p.stop - p.start, 4))
            _wall.sweep_solve(
                r=None if r is None else of(r, p), q=None if q is None else of(q, p), m=of(c["m"], p),
                h=of(c["h"], p), hd=of(c["hd"], p), speed2=speed2.astype(kept), face=faces[i], pivots=pivots[i],
                ghost=ghost, z=part, whole=whole, sums=part_sums, a=c["a"], all=0.7, keep=0.6, dp=c["dp"],
                middle=middle - p.start, first=0, last=wide, inward=7 * (stage == 0), outward=7 * (stage == 1),
            )  # fmt: skip
            z[p], sums[p] = part, part_sums
    return z, sums


@pytest.mark.parametrize(("right", "gain"), [(True, False), (False, True), (True, True)])
def test_sweep(case, right, gain):
    """For a right-hand side, for the collision gain of given moments, and for both; in parts with the same bits."""
    c = case
    n = c["n"]
    r = np.ascontiguousarray(c["e"][1:-1]) if right else None
    q = np.random.default_rng(2).normal(size=(n, 4)) if gain else None
    out, sums = sweep_in_parts(c, (0, n), r, q)
    whole = r if right else np.zeros_like(c["e"][1:-1])
    if q is not None:
        whole = twin.prolong(whole, q, c["m"], c["h"], c["hd"], 0.7, 0.6)
    expected = twin.sweep(whole, c["m"], c["mf"], c["v"], c["dx"], c["a"], c["b"])
    np.testing.assert_allclose(out, expected, **TOLERANCE)
    np.testing.assert_allclose(sums, 2 * c["dp"] * expected.sum(axis=2), **TOLERANCE)
    for cuts in {(0, n // 2, n), (0, (n + 1) // 2, n), (0, 1, n), tuple(range(n + 1))}:
        if len(set(cuts)) == len(cuts):
            again, again_sums = sweep_in_parts(c, cuts, r, q)
            np.testing.assert_array_equal(again, out)
            np.testing.assert_array_equal(again_sums, sums)
            only_sums = sweep_in_parts(c, cuts, r, q, whole=False)[1]
            np.testing.assert_array_equal(only_sums, sums)


def test_sweep_in_single_precision(case):
    """Near the exact sweep, its moments are those of what it returns, and in parts it has the same bits."""
    c, n = case, case["n"]
    r = c["e"][1:-1].astype(np.float32)
    out, sums = sweep_in_parts(c, (0, n), r, None, np.float32)
    expected = twin.sweep(r.astype(float), c["m"], c["mf"], c["v"], c["dx"], c["a"], c["b"])
    np.testing.assert_allclose(out, expected, **SINGLE)
    np.testing.assert_allclose(sums, 2 * c["dp"] * out.astype(float).sum(axis=2), **SINGLE)
    again, again_sums = sweep_in_parts(c, tuple(range(n + 1)), r, None, np.float32)
    np.testing.assert_array_equal(again, out)
    np.testing.assert_array_equal(again_sums, sums)


def test_llg(case):
    n = case["n"]
    rng = np.random.default_rng(11)
    m = unit(rng, n + 2)
    faces = [rng.normal(size=n + 1) for _ in range(3)]
    nodes = [rng.random(n) for _ in range(3)]
    demag, zeeman, spin = rng.normal(size=(n, 3)), rng.normal(size=(n, 3)), rng.normal(size=(n, 3))
    h, rate, scale = np.empty((n, 3)), np.empty((n, 3)), rng.random(n)
    names = ("exchange", "dmi_i", "dmi_b", "inverse_ms", "easy", "hard", "demag", "zeeman")
    _wall.llg_field(m, **dict(zip(names, (*faces, *nodes, demag, zeeman), strict=True)), h=h)
    np.testing.assert_allclose(h, twin.llg_field(m, *faces, *nodes, demag, zeeman), **TOLERANCE)
    inner = np.ascontiguousarray(m[1:-1])
    _wall.llg_rate(inner, h, spin, scale, rate, 0.3, 0.2)
    np.testing.assert_allclose(rate, twin.llg_rate(inner, h, spin, scale, 0.3, 0.2), **TOLERANCE)


def test_carry(case):
    rng = np.random.default_rng(12)
    before, m, spin = unit(rng, case["n"]), unit(rng, case["n"]), rng.normal(size=(case["n"], 3))
    out = np.empty_like(spin)
    _wall.llg_carry(before, m, spin, out)
    np.testing.assert_allclose(out, twin.llg_carry(before, m, spin), **TOLERANCE)


def weight_sums(v, h, hd, dp):
    slope = twin.slope(v.size, dp, even=True)
    return 2 * dp * np.stack(
        [h.sum(1), hd.sum(1), h @ v**2, hd @ v**2, h @ slope.T @ v, hd @ slope.T @ v], axis=1
    )  # fmt: skip


@pytest.mark.parametrize("half_j", [0.0, 0.053])
def test_diffusion_blocks(case, half_j):
    """The closed form in sums over momenta against the operator applied to unit moments of one node at a time."""
    c, n = case, case["n"]
    rng = np.random.default_rng(13)
    m, h, hd = unit(rng, n + 2), rng.random((n + 2, c["v"].size)), rng.normal(size=(n + 2, c["v"].size))
    named = {"dx": c["dx"], "a": c["a"], "b": c["b"], "half_j": half_j, "inverse_tau": 1.1, "inverse_tau_sf": 0.2}
    out = np.empty((n, 3, 4, 4))
    _wall.diffusion_blocks(weight_sums(c["v"], h, hd, c["dp"]), m, c["mf"], c["dm_dx"], out, **named)
    expected = twin.diffusion_blocks(
        m, c["mf"], c["dm_dx"], c["v"], h, hd, c["dx"], c["dp"], c["a"], c["b"], half_j, 1.1, 0.2
    )
    np.testing.assert_allclose(out, expected, **TOLERANCE)


def test_block_elimination(case):
    n = case["n"]
    rng = np.random.default_rng(14)
    blocks, q = rng.normal(size=(n, 3, 4, 4)), rng.normal(size=(n, 4))
    blocks[:, 1] += 8.0 * np.eye(4)
    whole = np.zeros((n + 2, 4, n + 2, 4))
    for i in range(n):
        for offset in range(3):
            whole[i + 1, :, i + offset] = blocks[i, offset]
    expected = np.linalg.solve(whole[1:-1, :, 1:-1].reshape(4 * n, 4 * n), q.reshape(-1)).reshape(n, 4)
    parted, x = blocks.copy(), q.copy()
    assert _wall.block_factor(blocks, n // 2, 7) == n
    _wall.block_solve(blocks, q, n // 2, 7, 7)
    np.testing.assert_allclose(q, expected, rtol=1e-10, atol=1e-12)
    for sides in (2, 1, 4):  # one after the other, as ranks share them
        assert _wall.block_factor(parted, n // 2, sides) == n
    np.testing.assert_array_equal(parted, blocks)
    for inward, outward in ((2, 0), (1, 0), (4, 4), (0, 1), (0, 2)):
        _wall.block_solve(parted, x, n // 2, inward, outward)
    np.testing.assert_array_equal(x, q)
    singular = np.zeros((n, 3, 4, 4))
    singular[:, 1] = np.eye(4)
    singular[n - 1, 1, 2, 2] = 0.0
    assert _wall.block_factor(singular, n // 2, 7) == n - 1


@pytest.mark.parametrize("size", [1.0, 1e-90, 1e90])
def test_inverse_of_a_block(size):
    """Also where products of four numbers leave their range, and of a block whose rows are of unlike sizes."""
    rng = np.random.default_rng(15)
    for _ in range(200):
        block = size * rng.normal(size=(4, 4)) * 10.0 ** rng.uniform(-2, 2, size=(4, 1))
        blocks = np.zeros((1, 3, 4, 4))
        blocks[0, 1] = block
        assert _wall.block_factor(blocks, 0, 7) == 1
        error = np.abs(blocks[0, 1] @ block - np.eye(4)).max()
        assert error < 1e-14 * np.linalg.cond(block)


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
    names = ("u", "dx", "dp", "force", "precession", "inverse_tau", "inverse_tau_s")
    given = dict(zip(names, arguments, strict=True))
    _wall.paper_steady(c["m"], f0, below, left, right, c["v"], out, **given)
    expected = twin.paper_steady(c["m"], f0, below, left, right, c["v"], *arguments)
    np.testing.assert_allclose(out, expected, rtol=1e-10, atol=1e-11)


def test_paper_blocks(case):
    """Application and both directions of the sweep on blocks that are no model's."""
    n, points = case["n"], 5
    rng = np.random.default_rng(6)
    blocks = rng.normal(size=(points, n, 5, 4, 4))
    blocks[:, :, 0] += 12.0 * np.eye(4)
    f, r = rng.normal(size=(2, points, n, 4))
    edges = [rng.normal(size=(length, 4)) for length in (points, points, n, n)]
    out = np.empty_like(f)
    _wall.paper_apply(blocks, f, *edges, out)
    np.testing.assert_allclose(out, twin.paper_apply(blocks, f, *edges), rtol=1e-10, atol=1e-12)
    factors = np.empty((points, n, 2, 4, 4))
    _wall.paper_factor(blocks, factors)
    for ascending in (True, False):
        z = f.copy()
        _wall.paper_pass(blocks, factors, r, z, ascending)
        np.testing.assert_allclose(z, twin.paper_pass(blocks, r, f, ascending), rtol=1e-10, atol=1e-12)
    with pytest.raises(ValueError, match="singular block"):
        _wall.paper_factor(np.zeros_like(blocks), factors)
    with pytest.raises(ValueError, match="paper_apply: shapes"):
        _wall.paper_apply(blocks, f[:, 1:].copy(), *edges, out)


def test_shapes_are_checked(case):
    c = case
    terms = medium(c, 0.0)
    with pytest.raises(ValueError, match="one face more than nodes"):
        _wall.odd_steady(terms, c["e"], np.zeros((2, 4, c["v"].size)), **NOTHING | {"o": np.empty_like(c["o"])})
    with pytest.raises(ValueError, match="one face more than nodes"):
        medium({**c, "mf": c["m"]}, 0.0)
