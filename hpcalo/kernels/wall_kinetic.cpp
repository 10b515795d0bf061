// Parity-split kinetic operator: odd part on faces, balance of the even part on nodes.
// Layout [x][component F, Gx, Gy, Gz][p > 0]; p is innermost so that every loop over it vectorizes.
#include "wall_common.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

namespace {

// d/dp of an even (sign = +1) or odd (sign = -1) function on cell centres. Even: mirror at p = 0 and at the cutoff.
// Odd: antisymmetric at p = 0, no flux through the cutoff. The two are minus each other's transpose.
inline __attribute__((always_inline)) void slope(const double *f, double *out, long np, double inverse_2dp, double sign) {
    out[0] = (f[1] - sign * f[0]) * inverse_2dp;
    for (long j = 1; j < np - 1; ++j) out[j] = (f[j + 1] - f[j - 1]) * inverse_2dp;
    out[np - 1] = (sign * f[np - 1] - f[np - 2]) * inverse_2dp;
}

// rate = source - v d_x e - (J/2) M' . d_p e at one face; buffer holds 8 np doubles.
inline __attribute__((always_inline)) void face_rate(const double *left, const double *right, const double *turn, const double *v, const double *source,
                      double *rate, double *buffer, long np, double inverse_dx, double inverse_2dp, double half_j) {
    for (long c = 0; c < 4; ++c)
        for (long j = 0; j < np; ++j) {
            const long k = c * np + j;
            rate[k] = (source ? source[k] : 0.0) - v[j] * inverse_dx * (right[k] - left[k]);
        }
    if (half_j == 0.0 || (turn[0] == 0.0 && turn[1] == 0.0 && turn[2] == 0.0)) return;
    double *mean = buffer, *d = buffer + 4 * np;
    for (long k = 0; k < 4 * np; ++k) mean[k] = 0.5 * (left[k] + right[k]);
    for (long c = 0; c < 4; ++c) slope(mean + c * np, d + c * np, np, inverse_2dp, 1.0);
    for (long c = 0; c < 3; ++c)
        for (long j = 0; j < np; ++j) {
            rate[j] -= half_j * turn[c] * d[(c + 1) * np + j];
            rate[(c + 1) * np + j] -= half_j * turn[c] * d[j];
        }
}

// The distribution with moments q at one node, added to y.
template <class T>
inline __attribute__((always_inline)) void prolong_row(const T *__restrict y, const double *q, const double *m,
                                                       const double *__restrict h, const double *__restrict hd,
                                                       double *__restrict z, long np) {
    const double n = q[0], x = q[1], u = q[2], w = q[3], mx = m[0], my = m[1], mz = m[2];
    const double along = mx * x + my * u + mz * w;
#pragma omp simd
    for (long j = 0; j < np; ++j) {
        const double hj = h[j], dj = hd[j];
        z[j] = y[j] + n * hj + along * dj;
        z[np + j] = y[np + j] + x * hj + n * mx * dj;
        z[2 * np + j] = y[2 * np + j] + u * hj + n * my * dj;
        z[3 * np + j] = y[3 * np + j] + w * hj + n * mz * dj;
    }
}

// `first` and `last`: e beyond the nodes. A distribution with moments q, if given, is added to the own e before.
HPCALO_CLONES
void odd_steady(const double *first, const double *e, const double *last, double *changed, const double *q, const double *m,
                const double *h, const double *hd, const double *mf, const double *turn, const double *v, const double *source,
                double *o, double *buffer, long faces, long np, double dx, double dp, double a, double b,
                double half_j) {
    const double idx = 1.0 / dx, i2dp = 0.5 / dp, ia = 1.0 / a, den = 1.0 / (a * a + b * b), bb = b * b / a;
    for (long i = 0; i < faces; ++i) {
        double *out = o + i * 4 * np;
        if (q && i + 1 < faces)
            prolong_row(e + i * 4 * np, q + 4 * i, m + 3 * i, h + i * np, hd + i * np, changed + i * 4 * np, np);
        face_rate(i ? e + (i - 1) * 4 * np : first, i + 1 < faces ? e + i * 4 * np : last, turn + 3 * i, v, source ? source + i * 4 * np : nullptr, out,
                  buffer, np, idx, i2dp, half_j);
        const double mx = mf[3 * i], my = mf[3 * i + 1], mz = mf[3 * i + 2];
        double *f = out, *x = out + np, *y = out + 2 * np, *z = out + 3 * np;
        for (long j = 0; j < np; ++j) {
            const double gx = x[j], gy = y[j], gz = z[j], along = bb * (mx * gx + my * gy + mz * gz);
            f[j] *= ia;
            x[j] = den * (a * gx + b * (my * gz - mz * gy) + along * mx);
            y[j] = den * (a * gy + b * (mz * gx - mx * gz) + along * my);
            z[j] = den * (a * gz + b * (mx * gy - my * gx) + along * mz);
        }
    }
}

HPCALO_CLONES
void odd_rate(const double *e, const double *o, const double *mf, const double *turn, const double *v,
              const double *source, double *rate, double *buffer, long faces, long np, double dx, double dp, double a,
              double b, double half_j) {
    const double idx = 1.0 / dx, i2dp = 0.5 / dp;
    for (long i = 0; i < faces; ++i) {
        double *out = rate + i * 4 * np;
        face_rate(e + i * 4 * np, e + (i + 1) * 4 * np, turn + 3 * i, v, source ? source + i * 4 * np : nullptr, out,
                  buffer, np, idx, i2dp, half_j);
        const double mx = mf[3 * i], my = mf[3 * i + 1], mz = mf[3 * i + 2];
        const double *f = o + i * 4 * np, *x = f + np, *y = f + 2 * np, *z = f + 3 * np;
        for (long j = 0; j < np; ++j) {
            out[j] -= a * f[j];
            out[np + j] -= a * x[j] - b * (my * z[j] - mz * y[j]);
            out[2 * np + j] -= a * y[j] - b * (mz * x[j] - mx * z[j]);
            out[3 * np + j] -= a * z[j] - b * (mx * y[j] - my * x[j]);
        }
    }
}

HPCALO_CLONES
void even_balance(const double *e, const double *o, const double *m, const double *turn, const double *v,
                  const double *h, const double *hd, double *out, double *buffer, long nodes, long np, double dx,
                  double dp, double a, double b, double half_j, double inverse_tau, double inverse_tau_sf) {
    const double idx = 1.0 / dx, i2dp = 0.5 / dp;
    for (long i = 0; i < nodes; ++i) {
        const double *ol = o + i * 4 * np, *orr = o + (i + 1) * 4 * np, *ei = e + i * 4 * np;
        double *r = out + i * 4 * np;
        const double mx = m[3 * i], my = m[3 * i + 1], mz = m[3 * i + 2];
        double q[4];
        for (long c = 0; c < 4; ++c) {
            double sum = 0.0;
            for (long j = 0; j < np; ++j) {
                const long k = c * np + j;
                r[k] = v[j] * idx * (orr[k] - ol[k]) + a * ei[k];
                sum += ei[k];
            }
            q[c] = 2.0 * dp * sum;
        }
        const double *x = ei + np, *y = ei + 2 * np, *z = ei + 3 * np;
        for (long j = 0; j < np; ++j) {
            r[np + j] -= b * (my * z[j] - mz * y[j]);
            r[2 * np + j] -= b * (mz * x[j] - mx * z[j]);
            r[3 * np + j] -= b * (mx * y[j] - my * x[j]);
        }
        const double *t[2] = {turn + 3 * i, turn + 3 * (i + 1)};
        const double *s[2] = {ol, orr};
        for (int side = 0; side < 2; ++side) {
            if (half_j == 0.0 || (t[side][0] == 0.0 && t[side][1] == 0.0 && t[side][2] == 0.0)) continue;
            for (long c = 0; c < 4; ++c) slope(s[side] + c * np, buffer + c * np, np, i2dp, -1.0);
            for (long c = 0; c < 3; ++c) {
                const double w = 0.5 * half_j * t[side][c];
                for (long j = 0; j < np; ++j) {
                    r[j] += w * buffer[(c + 1) * np + j];
                    r[(c + 1) * np + j] += w * buffer[j];
                }
            }
        }
        if (inverse_tau == 0.0 && inverse_tau_sf == 0.0) continue;
        const double along = mx * q[1] + my * q[2] + mz * q[3], keep = inverse_tau - inverse_tau_sf;
        const double *hi = h + i * np, *di = hd + i * np;
        for (long j = 0; j < np; ++j) {
            const double polar = inverse_tau * di[j] * q[0];
            r[j] -= inverse_tau * (hi[j] * q[0] + di[j] * along);
            r[np + j] -= polar * mx + keep * hi[j] * q[1];
            r[2 * np + j] -= polar * my + keep * hi[j] * q[2];
            r[3 * np + j] -= polar * mz + keep * hi[j] * q[3];
        }
    }
}

inline __attribute__((always_inline)) bool turns(const double *t, double half_j) {
    return half_j != 0.0 && (t[0] != 0.0 || t[1] != 0.0 || t[2] != 0.0);
}

// o of one face into rows of np + 2 whose ends continue o beyond the first and last momentum (odd, no flux at the
// cutoff); `mean` holds 4 such rows.
template <bool turned>
inline __attribute__((always_inline)) void face_row(const double *__restrict l, const double *__restrict r,
                                                    const double *m, const double *t, const double *__restrict v,
                                                    double *__restrict o, double *__restrict mean, long np, double idx,
                                                    double i2dp, double a, double b, double half_j) {
    const double ia = 1.0 / a, den = 1.0 / (a * a + b * b), bb = b * b / a, mx = m[0], my = m[1], mz = m[2];
    const long row = np + 2;
    const double tx = half_j * t[0], ty = half_j * t[1], tz = half_j * t[2];
    if constexpr (turned)
        for (long c = 0; c < 4; ++c) {
            double *__restrict s = mean + c * row;
#pragma omp simd
            for (long j = 0; j < np; ++j) s[j + 1] = 0.5 * (l[c * np + j] + r[c * np + j]);
            s[0] = s[1];
            s[np + 1] = s[np];
        }
#pragma omp simd
    for (long j = 0; j < np; ++j) {
        const double vj = v[j] * idx;
        double f = vj * (l[j] - r[j]), x = vj * (l[np + j] - r[np + j]), y = vj * (l[2 * np + j] - r[2 * np + j]),
               z = vj * (l[3 * np + j] - r[3 * np + j]);
        if constexpr (turned) {
            const double df = i2dp * (mean[j + 2] - mean[j]), dx = i2dp * (mean[row + j + 2] - mean[row + j]),
                         dy = i2dp * (mean[2 * row + j + 2] - mean[2 * row + j]),
                         dz = i2dp * (mean[3 * row + j + 2] - mean[3 * row + j]);
            f -= tx * dx + ty * dy + tz * dz;
            x -= tx * df;
            y -= ty * df;
            z -= tz * df;
        }
        const double along = bb * (mx * x + my * y + mz * z);
        o[1 + j] = ia * f;
        o[row + 1 + j] = den * (a * x + b * (my * z - mz * y) + along * mx);
        o[2 * row + 1 + j] = den * (a * y + b * (mz * x - mx * z) + along * my);
        o[3 * row + 1 + j] = den * (a * z + b * (mx * y - my * x) + along * mz);
    }
    for (long c = 0; c < 4; ++c) {
        o[c * row] = -o[c * row + 1];
        o[c * row + np + 1] = -o[c * row + np];
    }
}

inline __attribute__((always_inline)) void face(const double *l, const double *r, const double *m, const double *t,
                                                const double *v, double *o, double *mean, long np, double idx,
                                                double i2dp, double a, double b, double half_j) {
    if (turns(t, half_j)) face_row<true>(l, r, m, t, v, o, mean, np, idx, i2dp, a, b, half_j);
    else face_row<false>(l, r, m, t, v, o, mean, np, idx, i2dp, a, b, half_j);
}

// Even part at one node from the rows of both faces; `gain` holds the weights of h, then of hd, in the four components.
template <bool turned>
inline __attribute__((always_inline)) void node_row(const double *__restrict ei, const double *__restrict p,
                                                    const double *__restrict s, const double *__restrict v,
                                                    const double *__restrict hi, const double *__restrict di,
                                                    const double *m, const double *tl, const double *tr,
                                                    const double *gain, double *__restrict to, long np, double idx,
                                                    double a, double b, double w) {
    const long row = np + 2;
    const double mx = m[0], my = m[1], mz = m[2];
    const double gh = gain[0], xh = gain[1], yh = gain[2], zh = gain[3], gd = gain[4], xd = gain[5], yd = gain[6],
                 zd = gain[7];
    const double lx = w * tl[0], ly = w * tl[1], lz = w * tl[2], rx = w * tr[0], ry = w * tr[1], rz = w * tr[2];
#pragma omp simd
    for (long j = 0; j < np; ++j) {
        const double vj = v[j] * idx, hj = hi[j], dj = di[j];
        const double f = ei[j], x = ei[np + j], y = ei[2 * np + j], z = ei[3 * np + j];
        double tf = vj * (s[j + 1] - p[j + 1]) + a * f - gh * hj - gd * dj;
        double gx = vj * (s[row + j + 1] - p[row + j + 1]) + a * x - b * (my * z - mz * y) - xh * hj - xd * dj;
        double gy = vj * (s[2 * row + j + 1] - p[2 * row + j + 1]) + a * y - b * (mz * x - mx * z) - yh * hj - yd * dj;
        double gz = vj * (s[3 * row + j + 1] - p[3 * row + j + 1]) + a * z - b * (mx * y - my * x) - zh * hj - zd * dj;
        if constexpr (turned) {
            const double fl = p[j + 2] - p[j], fr = s[j + 2] - s[j];
            tf += lx * (p[row + j + 2] - p[row + j]) + rx * (s[row + j + 2] - s[row + j]) +
                  ly * (p[2 * row + j + 2] - p[2 * row + j]) + ry * (s[2 * row + j + 2] - s[2 * row + j]) +
                  lz * (p[3 * row + j + 2] - p[3 * row + j]) + rz * (s[3 * row + j + 2] - s[3 * row + j]);
            gx += lx * fl + rx * fr;
            gy += ly * fl + ry * fr;
            gz += lz * fl + rz * fr;
        }
        to[j] = tf;
        to[np + j] = gx;
        to[2 * np + j] = gy;
        to[3 * np + j] = gz;
    }
}

// What `apply` works on: T is what e, other, the basis, and the result are kept in; q is needed if that is single.
template <class T> struct Apply {
    const T *e;
    const double *ghost, *q, *mf, *turn, *m, *v, *h, *hd;
    const T *other, *basis;
    T *out;
    double *dots, *sums, *work;
    long nodes, np, count;
    double sign, dx, dp, a, b, half_j, inverse_tau, inverse_tau_sf;
};

// sign (A z - other) for z = e + (distribution with moments q), one pass: neither o nor z is stored, the rows in use
// stay in the nearest cache. `ghost` holds z beyond the first and the last node; `other` may be absent (0). Of each
// node's result: the values if `out` is given, dot products with `count` basis vectors, with itself, and of these vectors
// with the last of them if `dots` is, moments if `sums` is.
template <class T> HPCALO_INLINE void apply(const Apply<T> &k) {
    constexpr bool single = !std::is_same_v<T, double>;
    const long nodes = k.nodes, np = k.np, block = 4 * np, row = np + 2;
    const double *m = k.m, *mf = k.mf, *turn = k.turn, *v = k.v, *h = k.h, *hd = k.hd, *q = k.q;
    const double a = k.a, b = k.b, half_j = k.half_j, dp = k.dp, inverse_tau = k.inverse_tau;
    const double idx = 1.0 / k.dx, i2dp = 0.5 / dp, keep_rate = inverse_tau - k.inverse_tau_sf;
    double *ol = k.work, *orr = ol + 4 * row, *mean = ol + 8 * row, *now = ol + 12 * row, *next = now + block,
           *scratch = next + block;
    const double *here;
    if constexpr (single) here = now;
    else here = q ? now : k.e;
    if (here == now) prolong_row(k.e, q, m, h, hd, now, np);
    face(k.ghost, here, mf, turn, v, ol, mean, np, idx, i2dp, a, b, half_j);
    for (long i = 0; i < nodes; ++i) {
        const double *after;
        if (i + 1 == nodes) after = k.ghost + block;
        else {
            if constexpr (single) after = next;
            else after = q ? next : k.e + (i + 1) * block;
            if (after == next)
                prolong_row(k.e + (i + 1) * block, q + 4 * (i + 1), m + 3 * (i + 1), h + (i + 1) * np, hd + (i + 1) * np,
                            next, np);
        }
        if (i + 2 < nodes) ahead(k.e + (i + 2) * block, block);
        if (i + 1 < nodes) {
            if (k.other) ahead(k.other + (i + 1) * block, block);
            for (long l = 0; l < k.count; ++l) ahead(k.basis + (l * nodes + i + 1) * block, block);
        }
        const double *tl = turn + 3 * i, *tr = tl + 3, *mi = m + 3 * i;
        face(here, after, mf + 3 * (i + 1), tr, v, orr, mean, np, idx, i2dp, a, b, half_j);
        const double mx = mi[0], my = mi[1], mz = mi[2];
        const double n = 2.0 * dp * row_sum(here, np), sx = 2.0 * dp * row_sum(here + np, np),
                     sy = 2.0 * dp * row_sum(here + 2 * np, np), sz = 2.0 * dp * row_sum(here + 3 * np, np);
        const double gh = inverse_tau * n, gd = inverse_tau * (mx * sx + my * sy + mz * sz);
        const double xh = keep_rate * sx, yh = keep_rate * sy, zh = keep_rate * sz, xd = gh * mx, yd = gh * my,
                     zd = gh * mz;
        const double gain[8] = {gh, xh, yh, zh, gd, xd, yd, zd};
        double *to = scratch;
        if constexpr (!single)
            if (k.out) to = k.out + i * block;
        if (turns(tl, half_j) || turns(tr, half_j))
            node_row<true>(here, ol, orr, v, h + i * np, hd + i * np, mi, tl, tr, gain, to, np, idx, a, b,
                           0.5 * half_j * i2dp);
        else
            node_row<false>(here, ol, orr, v, h + i * np, hd + i * np, mi, tl, tr, gain, to, np, idx, a, b,
                            0.0);
        if (k.other) {
            const T *__restrict subtracted = k.other + i * block;
#pragma omp simd
            for (long j = 0; j < block; ++j) to[j] = k.sign * (to[j] - subtracted[j]);
        }
        const T *result;
        if constexpr (single) {
            T *__restrict kept = k.out + i * block;
#pragma omp simd
            for (long j = 0; j < block; ++j) kept[j] = (T)to[j];
            result = kept;
        } else result = to;
        if (k.dots) basis_dots(k.basis + i * block, nodes * block, k.count, result, block, k.dots + i * (2 * k.count + 1));
        if (k.sums)
            for (long c = 0; c < 4; ++c) k.sums[4 * i + c] = 2.0 * dp * row_sum(to + c * np, np);
        std::swap(ol, orr);
        std::swap(now, next);
        here = after;
    }
}

HPCALO_CLONES void apply_double(const Apply<double> &k) { apply(k); }
HPCALO_CLONES void apply_single(const Apply<float> &k) { apply(k); }

// Minus the balance of the odd part that a source on the faces drives in the steady state: the right-hand side of the even
// equation. `squares`: of each node's values, summed.
HPCALO_CLONES
void drive(const double *source, const double *mf, const double *turn, const double *m, const double *v, double *out,
           double *squares, double *work, long nodes, long np, double dx, double dp, double a, double b, double half_j) {
    const long block = 4 * np, row = np + 2;
    const double idx = 1.0 / dx, i2dp = 0.5 / dp, ia = 1.0 / a, den = 1.0 / (a * a + b * b), bb = b * b / a;
    double *ol = work, *orr = ol + 4 * row, *zero = orr + 4 * row;
    const double nothing[8] = {};
    std::fill(zero, zero + block, 0.0);
    for (long k = 0; k <= nodes; ++k) {
        const double *__restrict s = source + k * block;
        double *__restrict o = orr;
        const double mx = mf[3 * k], my = mf[3 * k + 1], mz = mf[3 * k + 2];
#pragma omp simd
        for (long j = 0; j < np; ++j) {
            const double x = s[np + j], y = s[2 * np + j], z = s[3 * np + j], along = bb * (mx * x + my * y + mz * z);
            o[1 + j] = ia * s[j];
            o[row + 1 + j] = den * (a * x + b * (my * z - mz * y) + along * mx);
            o[2 * row + 1 + j] = den * (a * y + b * (mz * x - mx * z) + along * my);
            o[3 * row + 1 + j] = den * (a * z + b * (mx * y - my * x) + along * mz);
        }
        for (long c = 0; c < 4; ++c) {
            o[c * row] = -o[c * row + 1];
            o[c * row + np + 1] = -o[c * row + np];
        }
        if (k > 0) {
            const long i = k - 1;
            double *to = out + i * block;
            const double *tl = turn + 3 * i, *tr = tl + 3;
            if (turns(tl, half_j) || turns(tr, half_j))
                node_row<true>(zero, ol, orr, v, zero, zero, m + 3 * i, tl, tr, nothing, to, np, idx, 0.0, 0.0,
                               0.5 * half_j * i2dp);
            else node_row<false>(zero, ol, orr, v, zero, zero, m + 3 * i, tl, tr, nothing, to, np, idx, 0.0, 0.0, 0.0);
#pragma omp simd
            for (long j = 0; j < block; ++j) to[j] = -to[j];
            squares[i] = row_dot(to, to, block);
        }
        std::swap(ol, orr);
    }
}

// x = (x if `add`) + sum_k c_k basis_k + (distribution with moments q), one pass.
template <class T>
HPCALO_INLINE void collect(const T *basis, const double *c, const double *q, const double *m, const double *h,
                           const double *hd, double *x, double *work, long count, long nodes, long np, bool add) {
    const long block = 4 * np;
    for (long i = 0; i < nodes; ++i) {
        double *to = x + i * block, *__restrict sum = work;
        for (long j = 0; j < block; ++j) sum[j] = add ? to[j] : 0.0;
        for (long k = 0; k < count; ++k) {
            const T *__restrict b = basis + (k * nodes + i) * block;
            const double ck = c[k];
#pragma omp simd
            for (long j = 0; j < block; ++j) sum[j] += ck * b[j];
        }
        prolong_row(sum, q + 4 * i, m + 3 * i, h + i * np, hd + i * np, to, np);
    }
}

HPCALO_CLONES void collect_double(const double *basis, const double *c, const double *q, const double *m, const double *h,
                                  const double *hd, double *x, double *work, long count, long nodes, long np, bool add) {
    collect(basis, c, q, m, h, hd, x, work, count, nodes, np, add);
}
HPCALO_CLONES void collect_single(const float *basis, const double *c, const double *q, const double *m, const double *h,
                                  const double *hd, double *x, double *work, long count, long nodes, long np, bool add) {
    collect(basis, c, q, m, h, hd, x, work, count, nodes, np, add);
}

// (dn, dm) of each node.
HPCALO_CLONES
void moments(const double *e, double *q, long rows, long np, double dp) {
    for (long i = 0; i < rows; ++i) q[i] = 2.0 * dp * row_sum(e + i * np, np);
}

// int v o over all p of each face and component.
HPCALO_CLONES
void flux(const double *o, const double *v, double *out, long rows, long np, double dp) {
    for (long i = 0; i < rows; ++i) out[i] = 2.0 * dp * row_dot(o + i * np, v, np);
}

// out = base + (all (h dn + hd M.dm), all hd dn M + keep h dm): the collision gain for moments q, or the distribution
// that has these moments (all = keep = 1).
HPCALO_CLONES
void prolong(const double *base, const double *q, const double *m, const double *h, const double *hd, double *out,
             long nodes, long np, double all, double keep) {
    for (long i = 0; i < nodes; ++i) {
        const double *qi = q + 4 * i, *mi = m + 3 * i, *hi = h + i * np, *di = hd + i * np;
        const double along = all * (mi[0] * qi[1] + mi[1] * qi[2] + mi[2] * qi[3]), n = all * qi[0];
        for (long c = 0; c < 4; ++c) {
            const double first = c ? keep * qi[c] : n, second = c ? n * mi[c - 1] : along;
            double *o = out + (4 * i + c) * np;
            const double *r = base ? base + (4 * i + c) * np : nullptr;
            if (r)
                for (long j = 0; j < np; ++j) o[j] = r[j] + first * hi[j] + second * di[j];
            else
                for (long j = 0; j < np; ++j) o[j] = first * hi[j] + second * di[j];
        }
    }
}

// A source on the faces, or none.
inline const double *source_of(nb::object source, long faces, long np) {
    if (source.is_none()) return nullptr;
    auto array = nb::cast<In<3>>(source);
    require((long)array.shape(0) == faces && array.shape(1) == 4 && (long)array.shape(2) == np,
            "the source has the shape of o");
    return array.data();
}

template <class T, class Function> void bind_collect(nb::module_ &m, Function collect_) {
    using namespace nb::literals;
    m.def(
        "collect",
        [=](InOf<T, 4> basis, In<1> c, In<2> q, In<2> mag, In<2> h, In<2> hd, Out<3> x, bool add) {
            const long nodes = x.shape(0), np = x.shape(2), count = c.shape(0);
            require(x.shape(1) == 4 && (long)basis.shape(0) == count && (long)basis.shape(1) == nodes && basis.shape(2) == 4 &&
                        (long)basis.shape(3) == np && (long)q.shape(0) == nodes && q.shape(1) == 4 &&
                        (long)mag.shape(0) == nodes && mag.shape(1) == 3 && (long)h.shape(0) == nodes &&
                        (long)h.shape(1) == np && (long)hd.shape(0) == nodes && (long)hd.shape(1) == np,
                    "collect: shapes do not fit");
            std::vector<double> work(4 * np);
            [[maybe_unused]] const Precision<T> mode;
            collect_(basis.data(), c.data(), q.data(), mag.data(), h.data(), hd.data(), x.data(), work.data(), count, nodes,
                     np, add);
        },
        "basis"_a.noconvert(), "coefficients"_a, "q"_a, "m"_a, "h"_a, "hd"_a, "x"_a.noconvert(), "add"_a);
}

template <class T, class Function> void bind_apply(nb::module_ &m, Function apply_) {
    using namespace nb::literals;
    m.def(
        "even_apply",
        [=](InOf<T, 3> e, In<3> ghost, nb::object q, In<2> mf, In<2> turn, In<2> mag, In<1> v, In<2> h, In<2> hd,
           nb::object other, double sign, nb::object basis, nb::object out, nb::object dots, nb::object sums, double dx,
           double dp, double a, double b, double half_j, double inverse_tau, double inverse_tau_sf) {
            const long nodes = e.shape(0), np = e.shape(2);
            require(nodes >= 1 && e.shape(1) == 4 && np >= 2 && ghost.shape(0) == 2 && ghost.shape(1) == 4 &&
                        (long)ghost.shape(2) == np && (long)mag.shape(0) == nodes && mag.shape(1) == 3 &&
                        (long)mf.shape(0) == nodes + 1 && mf.shape(1) == 3 && (long)turn.shape(0) == nodes + 1 &&
                        turn.shape(1) == 3 && (long)v.shape(0) == np && (long)h.shape(0) == nodes &&
                        (long)h.shape(1) == np && (long)hd.shape(0) == nodes && (long)hd.shape(1) == np,
                    "even_apply: shapes do not fit");
            const double *added = nullptr;
            const T *subtracted = nullptr, *vectors = nullptr;
            T *result = nullptr;
            double *products = nullptr, *totals = nullptr;
            long count = 0;
            if (!q.is_none()) {
                auto array = nb::cast<In<2>>(q);
                require((long)array.shape(0) == nodes && array.shape(1) == 4, "even_apply: four moments a node");
                added = array.data();
            }
            if (!other.is_none()) {
                auto array = nb::cast<InOf<T, 3>>(other);
                require((long)array.shape(0) == nodes && array.shape(1) == 4 && (long)array.shape(2) == np,
                        "even_apply: what is subtracted has the shape of e");
                subtracted = array.data();
            }
            if (!basis.is_none()) {
                auto array = nb::cast<InOf<T, 4>>(basis);
                require((long)array.shape(1) == nodes && array.shape(2) == 4 && (long)array.shape(3) == np,
                        "even_apply: basis vectors have the shape of e");
                vectors = array.data();
                count = array.shape(0);
            }
            if (!out.is_none()) {
                auto array = nb::cast<OutOf<T, 3>>(out);
                require((long)array.shape(0) == nodes && array.shape(1) == 4 && (long)array.shape(2) == np,
                        "even_apply: the result has the shape of e");
                result = array.data();
            }
            if (!dots.is_none()) {
                auto array = nb::cast<Out<2>>(dots);
                require((long)array.shape(0) == nodes && (long)array.shape(1) == 2 * count + 1,
                        "even_apply: two products a basis vector and one more");
                products = array.data();
            }
            if (!sums.is_none()) {
                auto array = nb::cast<Out<2>>(sums);
                require((long)array.shape(0) == nodes && array.shape(1) == 4, "even_apply: four sums a node");
                totals = array.data();
            }
            std::vector<double> work(12 * (np + 2) + 12 * np);
            require(sizeof(T) == sizeof(double) || (added && result),
                    "even_apply: in single precision with moments and a result");
            [[maybe_unused]] const Precision<T> mode;
            apply_(Apply<T>{e.data(), ghost.data(), added,  mf.data(), turn.data(), mag.data(), v.data(), h.data(), hd.data(),
                            subtracted, vectors,    result, products,  totals,      work.data(), nodes,   np,       count,
                            sign,     dx,           dp,     a,         b,           half_j,     inverse_tau, inverse_tau_sf});
        },
        "e"_a.noconvert(), "ghost"_a, "q"_a.none(), "mf"_a, "turn"_a, "m"_a, "v"_a, "h"_a, "hd"_a, "other"_a.none(), "sign"_a,
        "basis"_a.none(), "out"_a.none(), "dots"_a.none(), "sums"_a.none(), "dx"_a, "dp"_a, "a"_a, "b"_a, "half_j"_a,
        "inverse_tau"_a, "inverse_tau_sf"_a);
}

}  // namespace

void bind_wall_kinetic(nb::module_ &m) {
    using namespace nb::literals;
    bind_apply<double>(m, apply_double);
    bind_apply<float>(m, apply_single);
    bind_collect<double>(m, collect_double);
    bind_collect<float>(m, collect_single);
    m.def(
        "drive",
        [](In<3> source, In<2> mf, In<2> turn, In<2> mag, In<1> v, Out<3> out, Out<2> squares, double dx, double dp,
           double a, double b, double half_j) {
            const long nodes = out.shape(0), np = out.shape(2);
            require(out.shape(1) == 4 && np >= 2 && (long)source.shape(0) == nodes + 1 && source.shape(1) == 4 &&
                        (long)source.shape(2) == np && (long)mf.shape(0) == nodes + 1 && mf.shape(1) == 3 &&
                        (long)turn.shape(0) == nodes + 1 && turn.shape(1) == 3 && (long)mag.shape(0) == nodes &&
                        mag.shape(1) == 3 && (long)v.shape(0) == np && (long)squares.shape(0) == nodes && squares.shape(1) == 1,
                    "drive: shapes do not fit");
            std::vector<double> work(8 * (np + 2) + 4 * np);
            drive(source.data(), mf.data(), turn.data(), mag.data(), v.data(), out.data(), squares.data(), work.data(), nodes,
                  np, dx, dp, a, b, half_j);
        },
        "source"_a, "mf"_a, "turn"_a, "m"_a, "v"_a, "out"_a, "squares"_a, "dx"_a, "dp"_a, "a"_a, "b"_a, "half_j"_a);
    m.def(
        "moments",
        [](In<3> e, Out<2> q, double dp) {
            require(e.shape(1) == 4 && q.shape(1) == 4 && e.shape(0) == q.shape(0), "moments: shapes do not fit");
            moments(e.data(), q.data(), 4 * (long)e.shape(0), e.shape(2), dp);
        },
        "e"_a, "q"_a, "dp"_a);
    m.def(
        "flux",
        [](In<3> o, In<1> v, Out<2> out, double dp) {
            require(o.shape(1) == 4 && out.shape(1) == 4 && o.shape(0) == out.shape(0) && o.shape(2) == v.shape(0),
                    "flux: shapes do not fit");
            flux(o.data(), v.data(), out.data(), 4 * (long)o.shape(0), o.shape(2), dp);
        },
        "o"_a, "v"_a, "out"_a, "dp"_a);
    m.def(
        "prolong",
        [](nb::object base, In<2> q, In<2> mag, In<2> h, In<2> hd, Out<3> out, double all, double keep) {
            const long nodes = out.shape(0), np = out.shape(2);
            require(out.shape(1) == 4 && (long)q.shape(0) == nodes && q.shape(1) == 4 && (long)mag.shape(0) == nodes &&
                        mag.shape(1) == 3 && (long)h.shape(0) == nodes && (long)h.shape(1) == np &&
                        (long)hd.shape(0) == nodes && (long)hd.shape(1) == np,
                    "prolong: shapes do not fit");
            const double *b = nullptr;
            if (!base.is_none()) {
                auto array = nb::cast<In<3>>(base);
                require((long)array.shape(0) == nodes && array.shape(1) == 4 && (long)array.shape(2) == np,
                        "prolong: base has the shape of out");
                b = array.data();
            }
            prolong(b, q.data(), mag.data(), h.data(), hd.data(), out.data(), nodes, np, all, keep);
        },
        "base"_a.none(), "q"_a, "m"_a, "h"_a, "hd"_a, "out"_a, "all"_a, "keep"_a);
    m.def(
        "odd_steady",
        [](Out<3> e, In<3> ends, nb::object q, In<2> mag, In<2> h, In<2> hd, In<2> mf, In<2> turn, In<1> v, nb::object source, Out<3> o, double dx, double dp, double a,
           double b, double half_j) {
            const long faces = o.shape(0), np = o.shape(2);
            require(o.shape(1) == 4 && e.shape(1) == 4 && np >= 2, "odd_steady: four components and two momenta needed");
            require((long)e.shape(0) == faces - 1 && (long)e.shape(2) == np && ends.shape(0) == 2 && ends.shape(1) == 4 &&
                        (long)ends.shape(2) == np,
                    "odd_steady: one face more than nodes, and two ends");
            require((long)mf.shape(0) == faces && (long)turn.shape(0) == faces && mf.shape(1) == 3 && turn.shape(1) == 3,
                    "odd_steady: one magnetization per face");
            require((long)v.shape(0) == np, "odd_steady: one velocity per momentum");
            const double *added = nullptr;
            if (!q.is_none()) {
                auto array = nb::cast<In<2>>(q);
                require((long)array.shape(0) == faces - 1 && array.shape(1) == 4 && (long)mag.shape(0) == faces - 1 &&
                            mag.shape(1) == 3 && (long)h.shape(0) == faces - 1 && (long)h.shape(1) == np &&
                            (long)hd.shape(0) == faces - 1 && (long)hd.shape(1) == np,
                        "odd_steady: moments and weights per node");
                added = array.data();
            }
            const double *s = source_of(source, faces, np);
            std::vector<double> buffer(8 * np);
            odd_steady(ends.data(), e.data(), ends.data() + 4 * np, e.data(), added, mag.data(), h.data(), hd.data(), mf.data(), turn.data(), v.data(), s, o.data(),
                       buffer.data(), faces, np, dx, dp, a, b, half_j);
        },
        "e"_a.noconvert(), "ends"_a, "q"_a.none(), "m"_a, "h"_a, "hd"_a, "mf"_a, "turn"_a, "v"_a, "source"_a.none(), "o"_a, "dx"_a, "dp"_a, "a"_a, "b"_a, "half_j"_a);
    m.def(
        "odd_rate",
        [](In<3> e, In<3> o, In<2> mf, In<2> turn, In<1> v, nb::object source, Out<3> rate, double dx, double dp,
           double a, double b, double half_j) {
            const long faces = o.shape(0), np = o.shape(2);
            require(o.shape(1) == 4 && e.shape(1) == 4 && np >= 2, "odd_rate: four components and two momenta needed");
            require((long)e.shape(0) == faces + 1 && (long)e.shape(2) == np, "odd_rate: e needs one node more than faces");
            require((long)rate.shape(0) == faces && rate.shape(1) == 4 && (long)rate.shape(2) == np, "odd_rate: shape of rate");
            require((long)mf.shape(0) == faces && (long)turn.shape(0) == faces && mf.shape(1) == 3 && turn.shape(1) == 3,
                    "odd_rate: one magnetization per face");
            require((long)v.shape(0) == np, "odd_rate: one velocity per momentum");
            const double *s = source_of(source, faces, np);
            std::vector<double> buffer(8 * np);
            odd_rate(e.data(), o.data(), mf.data(), turn.data(), v.data(), s, rate.data(), buffer.data(), faces, np, dx,
                     dp, a, b, half_j);
        },
        "e"_a, "o"_a, "mf"_a, "turn"_a, "v"_a, "source"_a.none(), "rate"_a, "dx"_a, "dp"_a, "a"_a, "b"_a, "half_j"_a);
    m.def(
        "even_balance",
        [](In<3> e, In<3> o, In<2> mag, In<2> turn, In<1> v, In<2> h, In<2> hd, Out<3> out, double dx, double dp,
           double a, double b, double half_j, double inverse_tau, double inverse_tau_sf) {
            const long nodes = out.shape(0), np = out.shape(2);
            require(out.shape(1) == 4 && e.shape(1) == 4 && o.shape(1) == 4 && np >= 2,
                    "even_balance: four components and two momenta needed");
            require((long)e.shape(0) == nodes && (long)e.shape(2) == np && (long)o.shape(0) == nodes + 1 &&
                        (long)o.shape(2) == np && (long)mag.shape(0) == nodes && mag.shape(1) == 3 &&
                        (long)turn.shape(0) == nodes + 1 && turn.shape(1) == 3,
                    "even_balance: nodes and faces do not fit");
            require((long)v.shape(0) == np && (long)h.shape(0) == nodes && (long)h.shape(1) == np &&
                        (long)hd.shape(0) == nodes && (long)hd.shape(1) == np,
                    "even_balance: weights per node and momentum");
            std::vector<double> buffer(4 * np);
            even_balance(e.data(), o.data(), mag.data(), turn.data(), v.data(), h.data(), hd.data(), out.data(),
                         buffer.data(), nodes, np, dx, dp, a, b, half_j, inverse_tau, inverse_tau_sf);
        },
        "e"_a, "o"_a, "m"_a, "turn"_a, "v"_a, "h"_a, "hd"_a, "out"_a, "dx"_a, "dp"_a, "a"_a, "b"_a, "half_j"_a,
        "inverse_tau"_a, "inverse_tau_sf"_a);
}
