"""What the kernels of `_wall` compute, stated in NumPy: the tests compare both at rtol 1e-10.

Shapes as in the C++: e (nodes, 4, points) on nodes, o (faces, 4, points) on faces, components F, Gx, Gy, Gz; p > 0 on
cell
centres (j + 1/2) dp. a = 1/tau + shift, b = J/hbar. Each function returns what the kernel writes into its output array.
"""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray


def slope(points: int, dp: float, even: bool) -> RealArray:
    """Matrix of d/dp on cell centres, for functions even in p or odd.

    Even ones are mirrored at both ends; odd ones have no flux through the cutoff.
    """
    d = np.zeros((points, points))
    for j in range(points):
        for k, weight in ((j + 1, 0.5), (j - 1, -0.5)):
            if 0 <= k < points:
                d[j, k] += weight / dp
            elif k < 0:
                d[j, 0] += (weight if even else -weight) / dp
            else:
                d[j, points - 1] += (weight if even else -weight) / dp
    return d


def cross_matrix(m: RealArray) -> RealArray:
    """Matrix of m x."""
    return np.array([[0.0, -m[2], m[1]], [m[2], 0.0, -m[0]], [-m[1], m[0], 0.0]])


def relaxation(m: RealArray, a: float, b: float) -> RealArray:
    """4 x 4 matrix of relaxation and precession: (a F, (a - b m x) G)."""
    out = a * np.eye(4)
    out[1:, 1:] -= b * cross_matrix(m)
    return out


def force(dm_dx: RealArray, half_j: float) -> RealArray:
    """4 x 4 matrix that couples F and G: multiplies d_p in the force term (J/2) M'.d_p."""
    out = np.zeros((4, 4))
    out[0, 1:] = half_j * dm_dx
    out[1:, 0] = half_j * dm_dx
    return out


def _face_rate(
    e: RealArray, dm_dx: RealArray, v: RealArray, source: RealArray | None, dx: float, dp: float, half_j: float
) -> RealArray:
    d = slope(v.size, dp, even=True)
    out = np.zeros((dm_dx.shape[0], 4, v.size)) if source is None else source.copy()
    for i in range(dm_dx.shape[0]):
        out[i] -= v * (e[i + 1] - e[i]) / dx
        out[i] -= force(dm_dx[i], half_j) @ (0.5 * (e[i] + e[i + 1])) @ d.T
    return out


def odd_steady(
    e: RealArray,
    mf: RealArray,
    dm_dx: RealArray,
    v: RealArray,
    source: RealArray | None,
    dx: float,
    dp: float,
    a: float,
    b: float,
    half_j: float,
) -> RealArray:
    """o of v d_x e + (J/2) M'.d_p e + (a - b M x) o = source on each face."""
    rate = _face_rate(e, dm_dx, v, source, dx, dp, half_j)
    return np.stack([np.linalg.solve(relaxation(mf[i], a, b), rate[i]) for i in range(mf.shape[0])])


def odd_rate(
    e: RealArray,
    o: RealArray,
    mf: RealArray,
    dm_dx: RealArray,
    v: RealArray,
    source: RealArray | None,
    dx: float,
    dp: float,
    a: float,
    b: float,
    half_j: float,
) -> RealArray:
    """source - v d_x e - (J/2) M'.d_p e - (a - b M x) o on each face."""
    rate = _face_rate(e, dm_dx, v, source, dx, dp, half_j)
    return np.stack([rate[i] - relaxation(mf[i], a, b) @ o[i] for i in range(mf.shape[0])])


def even_balance(
    e: RealArray,
    o: RealArray,
    m: RealArray,
    dm_dx: RealArray,
    v: RealArray,
    h: RealArray,
    hd: RealArray,
    dx: float,
    dp: float,
    a: float,
    b: float,
    half_j: float,
    inverse_tau: float,
    inverse_tau_sf: float,
) -> RealArray:
    """v d_x o + (J/2) M'.d_p o + (a - b M x) e - gain(e) on each node."""
    d = slope(v.size, dp, even=False)
    out = np.empty_like(e)
    for i in range(m.shape[0]):
        out[i] = v * (o[i + 1] - o[i]) / dx + relaxation(m[i], a, b) @ e[i]
        for k in (i, i + 1):
            out[i] += 0.5 * force(dm_dx[k], half_j) @ o[k] @ d.T
        q = 2.0 * dp * e[i].sum(axis=1)
        f_bar = h[i] * q[0] + hd[i] * (m[i] @ q[1:])
        g_bar = np.outer(m[i], hd[i] * q[0]) + np.outer(q[1:], h[i])
        out[i, 0] -= inverse_tau * f_bar
        out[i, 1:] -= inverse_tau * g_bar - inverse_tau_sf * np.outer(q[1:], h[i])
    return out


def prolong(
    base: RealArray | None, q: RealArray, m: RealArray, h: RealArray, hd: RealArray, all_: float, keep: float
) -> RealArray:
    """base + (all (h dn + hd M.dm), all hd dn M + keep h dm): the distribution with moments q for all = keep = 1."""
    out = np.empty((m.shape[0], 4, h.shape[1]))
    out[:, 0] = all_ * (h * q[:, :1] + hd * np.einsum("ic,ic->i", m, q[:, 1:])[:, None])
    out[:, 1:] = keep * np.einsum("ic,ij->icj", q[:, 1:], h) + all_ * np.einsum("i,ic,ij->icj", q[:, 0], m, hd)
    return out if base is None else base + out


def sweep(r: RealArray, m: RealArray, mf: RealArray, v: RealArray, dx: float, a: float, b: float) -> RealArray:
    """e of the operator without gain and force for the right-hand side r, a dense solve for each momentum."""
    n = m.shape[0]
    out = np.empty_like(r)
    for j in range(v.size):
        s = (v[j] / dx) ** 2
        matrix = np.zeros((n, 4, n, 4))
        for i in range(n):
            left, right = (s * np.linalg.inv(relaxation(mf[k], a, b)) for k in (i, i + 1))
            matrix[i, :, i] = relaxation(m[i], a, b) + left + right
            if i:
                matrix[i, :, i - 1] = -left
            if i < n - 1:
                matrix[i, :, i + 1] = -right
        out[:, :, j] = np.linalg.solve(matrix.reshape(4 * n, 4 * n), r[:, :, j].reshape(-1)).reshape(n, 4)
    return out


def products(basis: RealArray, x: RealArray) -> RealArray:
    """By node: products of x with the basis vectors and with itself, then of the last basis vector with all of them.

    basis (k, nodes, ...), x (nodes, ...): out (nodes, 2 k + 1).
    """
    n, k = x.shape[0], basis.shape[0]
    rows = x.reshape(n, -1)
    flat = basis.reshape(k, *rows.shape)
    columns = [np.einsum("knw,nw->nk", flat, rows), np.sum(rows * rows, axis=1, keepdims=True)]
    if k:
        columns.append(np.einsum("knw,nw->nk", flat, flat[-1]))
    return np.concatenate(columns, axis=1)


def orthogonalize(
    basis: RealArray, s: RealArray, c: RealArray, x: RealArray, scale_u: float, scale_x: float
) -> tuple[RealArray, RealArray]:
    """(u, x) after: u = basis[-1] without s . basis[:-1], x without c . basis, scaled."""
    return scale_u * (basis[-1] - s @ basis[:-1]), scale_x * (x - c @ basis)


def llg_field(
    m: RealArray,
    exchange: RealArray,
    dmi_i: RealArray,
    dmi_b: RealArray,
    inverse_ms: RealArray,
    easy: RealArray,
    hard: RealArray,
    demag: RealArray,
    zeeman: RealArray,
) -> RealArray:
    """Effective field; m (nodes + 2, 3) with ghosts, exchange and DMI constants on the faces."""
    left, here, right = m[:-2], m[1:-1], m[2:]
    h = exchange[1:, None] * (right - here) + exchange[:-1, None] * (left - here)
    h[:, 0] += dmi_i[1:] * right[:, 2] - dmi_i[:-1] * left[:, 2]
    h[:, 1] += dmi_b[1:] * right[:, 2] - dmi_b[:-1] * left[:, 2]
    h[:, 2] += dmi_i[:-1] * left[:, 0] - dmi_i[1:] * right[:, 0] + dmi_b[:-1] * left[:, 1] - dmi_b[1:] * right[:, 1]
    h[:, 1] -= hard * here[:, 1]
    h[:, 2] += easy * here[:, 2]
    return inverse_ms[:, None] * h + demag * here + zeeman


def llg_rate(m: RealArray, h: RealArray, spin: RealArray, torque: RealArray, gamma: float, alpha: float) -> RealArray:
    """(1 + alpha^2) dM/dt = T + alpha M x T with T = -M x (gamma H + torque spin)."""
    t = -np.cross(m, gamma * h + torque[:, None] * spin)
    return (t + alpha * np.cross(m, t)) / (1.0 + alpha**2)


def diffusion_blocks(
    m: RealArray,
    mf: RealArray,
    dm_dx: RealArray,
    v: RealArray,
    h: RealArray,
    hd: RealArray,
    dx: float,
    dp: float,
    a: float,
    b: float,
    half_j: float,
    inverse_tau: float,
    inverse_tau_sf: float,
) -> RealArray:
    """Mom A Prolong: moments of the even equation's left side for unit moments of one node at a time, all others zero.

    m, h, hd with one node beyond both ends; out (nodes, 3 [column node - row node + 1], 4, 4).
    """
    n = m.shape[0] - 2
    out = np.zeros((n, 3, 4, 4))
    for node in range(n + 2):
        for component in range(4):
            q = np.eye(4)[component]
            e = np.zeros((n + 2, 4, v.size))
            e[node, 0] = h[node] * q[0] + hd[node] * (m[node] @ q[1:])
            e[node, 1:] = np.outer(m[node], hd[node] * q[0]) + np.outer(q[1:], h[node])
            o = odd_steady(e, mf, dm_dx, v, None, dx, dp, a, b, half_j)
            left = even_balance(
                e[1:-1], o, m[1:-1], dm_dx, v, h[1:-1], hd[1:-1], dx, dp, a, b, half_j, inverse_tau, inverse_tau_sf
            )
            for row in range(max(0, node - 2), min(n, node + 1)):
                out[row, node - row, :, component] = 2.0 * dp * left[row].sum(axis=1)
    return out


def llg_carry(before: RealArray, m: RealArray, spin: RealArray) -> RealArray:
    """The rotation that turns `before` into m, to second order in its angle, applied to the spin accumulation."""
    axis = np.cross(before, m)
    return np.asarray(spin + np.cross(axis, spin) + np.cross(axis, np.cross(axis, spin)) / 2.0)


def paper_steady(
    m: RealArray,
    f0: RealArray,
    f0_below: RealArray,
    left: RealArray,
    right: RealArray,
    v: RealArray,
    u: float,
    dx: float,
    dp: float,
    force_: float,
    precession: float,
    inverse_tau: float,
    inverse_tau_s: float,
) -> RealArray:
    """A d_x f + force d_p f + Omega f + R (f - f0) = 0, upwind.

    A dense solve in x for each momentum in upwind order.
    """
    points, n = v.size, m.shape[0]
    out = np.empty((points, n, 4))
    a = abs(force_) / dp
    rates = np.diag([inverse_tau, inverse_tau_s, inverse_tau_s, inverse_tau_s])
    order = range(points) if force_ >= 0 else range(points - 1, -1, -1)
    before = f0_below
    for j in order:
        matrix, rhs = np.zeros((n, 4, n, 4)), np.empty((n, 4))
        for i in range(n):
            stream = v[j] * np.eye(4)
            stream[0, 1:] = stream[1:, 0] = u * m[i]
            values, vectors = np.linalg.eigh(stream)
            plus = (vectors * np.maximum(values, 0.0)) @ vectors.T / dx
            minus = (vectors * np.minimum(values, 0.0)) @ vectors.T / dx
            dm_dx = np.zeros((4, 4))
            dm_dx[1:, 1:] = -precession * cross_matrix(m[i])
            matrix[i, :, i] = plus - minus + dm_dx + rates + a * np.eye(4)
            rhs[i] = rates @ f0[j, i] + a * before[i]
            if i:
                matrix[i, :, i - 1] = -plus
            else:
                rhs[i] += plus @ left[j]
            if i < n - 1:
                matrix[i, :, i + 1] = minus
            else:
                rhs[i] -= minus @ right[j]
        out[j] = np.linalg.solve(matrix.reshape(4 * n, 4 * n), rhs.reshape(-1)).reshape(n, 4)
        before = out[j]
    return out


def paper_apply(
    blocks: RealArray, f: RealArray, left: RealArray, right: RealArray, below: RealArray, above: RealArray
) -> RealArray:
    """Each cell's blocks (points, nodes, 5, 4, 4) times itself and its neighbours i - 1, i + 1, j - 1, j + 1.

    Beyond the ends the given values stand.
    """
    wide = np.concatenate([left[:, None], f, right[:, None]], axis=1)
    tall = np.concatenate([below[None], f, above[None]], axis=0)
    beside = np.stack([f, wide[:, :-2], wide[:, 2:], tall[:-2], tall[2:]], axis=2)
    return np.asarray(np.einsum("jisab,jisb->jia", blocks, beside))


def paper_pass(blocks: RealArray, r: RealArray, z: RealArray, ascending: bool) -> RealArray:
    """z after one pass over the momenta: each solves its own system in x with its neighbours' present values."""
    points, n = r.shape[:2]
    out = z.copy()
    for j in range(points) if ascending else range(points - 1, -1, -1):
        matrix, rhs = np.zeros((n, 4, n, 4)), r[j].copy()
        for i in range(n):
            own, left, right, below, above = blocks[j, i]
            matrix[i, :, i] = own
            if i:
                matrix[i, :, i - 1] = left
            if i < n - 1:
                matrix[i, :, i + 1] = right
            if j:
                rhs[i] -= below @ out[j - 1, i]
            if j < points - 1:
                rhs[i] -= above @ out[j + 1, i]
        out[j] = np.linalg.solve(matrix.reshape(4 * n, 4 * n), rhs.reshape(-1)).reshape(n, 4)
    return out
