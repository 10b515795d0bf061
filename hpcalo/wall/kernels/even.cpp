// The even equation after the odd part is eliminated: its operator, its right-hand side, and combinations of its
// vectors, each in one pass over the nodes. Layout as in kinetic.cpp.
#include "medium.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

namespace {

HPCALO_INLINE bool turns(const double *t, double half_j) {
    return half_j != 0.0 && (t[0] != 0.0 || t[1] != 0.0 || t[2] != 0.0);
}

// The stationary odd equation at one momentum: (a - b m x) o = rate for relaxation a, precession b; F relaxes only.
struct Relaxation {
    double a, b, ia, den, bb;
    Relaxation(double a, double b) : a(a), b(b), ia(1.0 / a), den(1.0 / (a * a + b * b)), bb(b * b / a) {}
};

HPCALO_INLINE void relax(const Relaxation &k, double mx, double my, double mz, double f, double x, double y, double z,
                         double *__restrict o, long row) {
    const double along = k.bb * (mx * x + my * y + mz * z);
    o[0] = k.ia * f;
    o[row] = k.den * (k.a * x + k.b * (my * z - mz * y) + along * mx);
    o[2 * row] = k.den * (k.a * y + k.b * (mz * x - mx * z) + along * my);
    o[3 * row] = k.den * (k.a * z + k.b * (mx * y - my * x) + along * mz);
}

// Continues the rows of an odd part beyond the first and the last momentum: odd, no flux at the cutoff.
HPCALO_INLINE void odd_ends(double *o, long row, long np) {
    for (long c = 0; c < 4; ++c) {
        o[c * row] = -o[c * row + 1];
        o[c * row + np + 1] = -o[c * row + np];
    }
}

// o of one face into rows of np + 2 whose ends continue o beyond the first and last momentum (odd, no flux at the
// cutoff); `mean` holds 4 such rows.
template <bool turned>
HPCALO_INLINE void face_row(const double *__restrict l, const double *__restrict r, const double *m, const double *t,
                            const double *__restrict v, double *__restrict o, double *__restrict mean, long np,
                            double idx, double i2dp, double a, double b, double half_j) {
    const Relaxation k(a, b);
    const double mx = m[0], my = m[1], mz = m[2];
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
        relax(k, mx, my, mz, f, x, y, z, o + 1 + j, row);
    }
    odd_ends(o, row, np);
}

HPCALO_INLINE void face(const double *l, const double *r, const double *m, const double *t, const double *v, double *o,
                        double *mean, long np, double idx, double i2dp, double a, double b, double half_j) {
    if (turns(t, half_j))
        face_row<true>(l, r, m, t, v, o, mean, np, idx, i2dp, a, b, half_j);
    else
        face_row<false>(l, r, m, t, v, o, mean, np, idx, i2dp, a, b, half_j);
}

// Even part at one node from the rows of both faces; `gain` holds the weights of h, then of hd, in the four components.
template <bool turned>
HPCALO_INLINE void node_row(const double *__restrict ei, const double *__restrict p, const double *__restrict s,
                            const double *__restrict v, const double *__restrict hi, const double *__restrict di,
                            const double *m, const double *tl, const double *tr, const double *gain,
                            double *__restrict to, long np, double idx, double a, double b, double w) {
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
    const double *ghost, *q;
    const T *other, *basis;
    T *out;
    double *dots, *sums, *work;
    long count;
    double sign;
};

// sign (A z - other) for z = e + (distribution with moments q), one pass: neither o nor z is stored, the rows in use
// stay in the nearest cache. `ghost` holds z beyond the first and the last node; `other` may be absent (0). Of each
// node's result: the values if `out` is given, dot products with `count` basis vectors, with itself, and of these
// vectors with the last of them if `dots` is, moments if `sums` is.
template <class T> HPCALO_INLINE void apply(const Terms &t, const Apply<T> &k) {
    constexpr bool single = !std::is_same_v<T, double>;
    const long nodes = t.nodes, np = t.np, block = 4 * np, row = np + 2;
    const double *m = t.m, *mf = t.mf, *dm_dx = t.dm_dx, *v = t.v, *h = t.h, *hd = t.hd, *q = k.q;
    const double a = t.a, b = t.b, half_j = t.half_j, dp = t.dp, inverse_tau = t.inverse_tau;
    const double idx = 1.0 / t.dx, i2dp = 0.5 / dp, keep_rate = inverse_tau - t.inverse_tau_sf;
    double *ol = k.work, *orr = ol + 4 * row, *mean = ol + 8 * row, *now = ol + 12 * row, *next = now + block,
           *scratch = next + block;
    const double *here;
    if constexpr (single)
        here = now;
    else
        here = q ? now : k.e;
    if (here == now) prolong_row(k.e, q, m, h, hd, now, np);
    face(k.ghost, here, mf, dm_dx, v, ol, mean, np, idx, i2dp, a, b, half_j);
    for (long i = 0; i < nodes; ++i) {
        const double *after;
        if (i + 1 == nodes)
            after = k.ghost + block;
        else {
            if constexpr (single)
                after = next;
            else
                after = q ? next : k.e + (i + 1) * block;
            if (after == next)
                prolong_row(k.e + (i + 1) * block, q + 4 * (i + 1), m + 3 * (i + 1), h + (i + 1) * np,
                            hd + (i + 1) * np, next, np);
        }
        if (i + 2 < nodes) ahead(k.e + (i + 2) * block, block);
        if (i + 1 < nodes) {
            if (k.other) ahead(k.other + (i + 1) * block, block);
            for (long l = 0; l < k.count; ++l) ahead(k.basis + (l * nodes + i + 1) * block, block);
        }
        const double *tl = dm_dx + 3 * i, *tr = tl + 3, *mi = m + 3 * i;
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
            node_row<false>(here, ol, orr, v, h + i * np, hd + i * np, mi, tl, tr, gain, to, np, idx, a, b, 0.0);
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
        } else
            result = to;
        if (k.dots)
            basis_dots(k.basis + i * block, nodes * block, k.count, result, block, k.dots + i * (2 * k.count + 1));
        if (k.sums)
            for (long c = 0; c < 4; ++c) k.sums[4 * i + c] = 2.0 * dp * row_sum(to + c * np, np);
        std::swap(ol, orr);
        std::swap(now, next);
        here = after;
    }
}

HPCALO_CLONES void apply_double(const Terms &t, const Apply<double> &k) { apply(t, k); }
HPCALO_CLONES void apply_single(const Terms &t, const Apply<float> &k) { apply(t, k); }

// Minus the balance of the odd part that a source on the faces drives in the steady state: the right-hand side of the
// even equation. `squares`: of each node's values, summed.
HPCALO_CLONES
void even_rhs(const Terms &t, const double *source, double *out, double *squares, double *work) {
    const double *mf = t.mf, *dm_dx = t.dm_dx, *m = t.m, *v = t.v, half_j = t.half_j;
    const long nodes = t.nodes, np = t.np, block = 4 * np, row = np + 2;
    const double idx = 1.0 / t.dx, i2dp = 0.5 / t.dp;
    const Relaxation relaxation(t.a, t.b);
    double *ol = work, *orr = ol + 4 * row, *zero = orr + 4 * row;
    const double nothing[8] = {};
    std::fill(zero, zero + block, 0.0);
    for (long k = 0; k <= nodes; ++k) {
        const double *__restrict s = source + k * block;
        double *__restrict o = orr;
        const double mx = mf[3 * k], my = mf[3 * k + 1], mz = mf[3 * k + 2];
#pragma omp simd
        for (long j = 0; j < np; ++j) {
            relax(relaxation, mx, my, mz, s[j], s[np + j], s[2 * np + j], s[3 * np + j], o + 1 + j, row);
        }
        odd_ends(o, row, np);
        if (k > 0) {
            const long i = k - 1;
            double *to = out + i * block;
            const double *tl = dm_dx + 3 * i, *tr = tl + 3;
            if (turns(tl, half_j) || turns(tr, half_j))
                node_row<true>(zero, ol, orr, v, zero, zero, m + 3 * i, tl, tr, nothing, to, np, idx, 0.0, 0.0,
                               0.5 * half_j * i2dp);
            else
                node_row<false>(zero, ol, orr, v, zero, zero, m + 3 * i, tl, tr, nothing, to, np, idx, 0.0, 0.0, 0.0);
#pragma omp simd
            for (long j = 0; j < block; ++j) to[j] = -to[j];
            squares[i] = row_dot(to, to, block);
        }
        std::swap(ol, orr);
    }
}

template <class T> struct Collect {
    const T *basis;
    const double *c, *q, *m, *h, *hd;
    double *x, *work;
    long count, nodes, np;
    bool add;
};

// x = (x if `add`) + sum_k c_k basis_k + (distribution with moments q), one pass.
template <class T> HPCALO_INLINE void collect(const Collect<T> &a) {
    const long np = a.np, block = 4 * np;
    for (long i = 0; i < a.nodes; ++i) {
        double *to = a.x + i * block, *__restrict sum = a.work;
        for (long j = 0; j < block; ++j) sum[j] = a.add ? to[j] : 0.0;
        for (long k = 0; k < a.count; ++k) {
            const T *__restrict b = a.basis + (k * a.nodes + i) * block;
            const double ck = a.c[k];
#pragma omp simd
            for (long j = 0; j < block; ++j) sum[j] += ck * b[j];
        }
        prolong_row(sum, a.q + 4 * i, a.m + 3 * i, a.h + i * np, a.hd + i * np, to, np);
    }
}

HPCALO_CLONES void collect_double(const Collect<double> &a) { collect(a); }
HPCALO_CLONES void collect_single(const Collect<float> &a) { collect(a); }

template <class T, class Function> void bind_collect(nb::module_ &m, Function collect_) {
    using namespace nb::literals;
    m.def(
        "collect",
        [=](In<4, T> basis, In<1> c, In<2> q, In<2> mag, In<2> h, In<2> hd, Out<3> x, bool add) {
            const long nodes = x.shape(0), np = x.shape(2), count = c.shape(0);
            require(has_shape(x, {nodes, 4, np}) && has_shape(basis, {count, nodes, 4, np}) &&
                        has_shape(q, {nodes, 4}) && has_shape(mag, {nodes, 3}) && has_shape(h, {nodes, np}) &&
                        has_shape(hd, {nodes, np}),
                    "collect: shapes do not fit");
            std::vector<double> work(4 * np);
            [[maybe_unused]] const Precision<T> mode;
            collect_({basis.data(), c.data(), q.data(), mag.data(), h.data(), hd.data(), x.data(), work.data(), count,
                      nodes, np, add});
        },
        "basis"_a.noconvert(), "coefficients"_a, "q"_a, "m"_a, "h"_a, "hd"_a, "x"_a.noconvert(), "add"_a);
}

template <class T, class Function> void bind_apply(nb::module_ &m, Function apply_) {
    using namespace nb::literals;
    m.def(
        "even_apply",
        [=](const Medium &medium, In<3, T> e, In<3> ghost, nb::object q, nb::object other, double sign,
            nb::object basis, nb::object out, nb::object dots, nb::object sums) {
            const Terms &t = medium.terms();
            const long nodes = t.nodes, np = t.np;
            const long count = basis.is_none() ? 0 : (long)nb::len(basis);
            require(has_shape(e, {nodes, 4, np}) && has_shape(ghost, {2, 4, np}), "even_apply: shapes do not fit");
            std::vector<double> work(12 * (np + 2) + 12 * np);
            const Apply<T> k{
                e.data(),
                ghost.data(),
                optional<In<2>>(q, {nodes, 4}, "even_apply: four moments a node"),
                optional<In<3, T>>(other, {nodes, 4, np}, "even_apply: what is subtracted has the shape of e"),
                optional<In<4, T>>(basis, {count, nodes, 4, np}, "even_apply: basis vectors have the shape of e"),
                optional<Out<3, T>>(out, {nodes, 4, np}, "even_apply: the result has the shape of e"),
                optional<Out<2>>(dots, {nodes, 2 * count + 1}, "even_apply: two products a basis vector and one more"),
                optional<Out<2>>(sums, {nodes, 4}, "even_apply: four sums a node"),
                work.data(),
                count,
                sign};
            require(sizeof(T) == sizeof(double) || (k.q && k.out),
                    "even_apply: in single precision with moments and a result");
            [[maybe_unused]] const Precision<T> mode;
            apply_(t, k);
        },
        "medium"_a, "e"_a.noconvert(), "ghost"_a, nb::kw_only(), "q"_a.none(), "other"_a.none(), "sign"_a,
        "basis"_a.none(), "out"_a.none(), "dots"_a.none(), "sums"_a.none());
}

} // namespace

void bind_wall_even(nb::module_ &m) {
    using namespace nb::literals;
    bind_apply<double>(m, apply_double);
    bind_apply<float>(m, apply_single);
    bind_collect<double>(m, collect_double);
    bind_collect<float>(m, collect_single);
    m.def(
        "even_rhs",
        [](const Medium &medium, In<3> source, Out<3> out, Out<2> squares) {
            const Terms &t = medium.terms();
            require(has_shape(source, {t.nodes + 1, 4, t.np}) && has_shape(out, {t.nodes, 4, t.np}) &&
                        has_shape(squares, {t.nodes, 1}),
                    "even_rhs: shapes do not fit");
            std::vector<double> work(8 * (t.np + 2) + 4 * t.np);
            even_rhs(t, source.data(), out.data(), squares.data(), work.data());
        },
        "medium"_a, "source"_a, "out"_a, "squares"_a);
}
