// Two-way sweep: solves streaming + relaxation + precession (no collision gain, no momentum coupling) exactly,
// for all momenta at once: a scalar tridiagonal system for F and a 3x3 block one for G per momentum.
//
// Elimination runs from both ends of the wire to its middle node and back, whatever rank a node belongs to, so that
// each node sees the same arithmetic on any number of ranks. Momenta go in chunks of eight (sixteen in single
// precision), which is what a chain of ranks works on in turn: pivots [node][chunk][1 of F, 9 of G][8 or 16], padded
// with zeros.
#include "common.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

namespace {

constexpr long WIDTH = 8; // of the factorization

template <class T> struct Four {
    Vector<T> f, x, y, z;
};

// Inverse of (a - b M x) as a row-major 3x3 matrix.
inline void inverse_precession(const double *m, double a, double b, double *out) {
    const double d = 1.0 / (a * a + b * b), w = b * b / a;
    const double cross[9] = {0, -m[2], m[1], m[2], 0, -m[0], -m[1], m[0], 0};
    for (int r = 0; r < 3; ++r)
        for (int c = 0; c < 3; ++c) out[3 * r + c] = d * ((r == c ? a : 0.0) + b * cross[3 * r + c] + w * m[r] * m[c]);
}

// A chunk of a row; the last one may hold fewer momenta.
template <bool full, class T> HPCALO_INLINE void load(Vector<T> &to, const T *from, long count) {
    if constexpr (full)
        take(to, from);
    else {
        T lane[Lanes<T>::width] = {};
        for (long l = 0; l < count; ++l) lane[l] = from[l];
        take(to, lane);
    }
}

template <bool full, class T> HPCALO_INLINE void store(T *to, const Vector<T> &from, long count) {
    if constexpr (full)
        keep(to, from);
    else
        for (long l = 0; l < count; ++l) to[l] = from[l];
}

// The recursion is in double precision whatever the pivots are kept in.
template <class P> struct Factor {
    const double *m, *speed2, *face;
    P *pivots;
    double *running; // pivots last found from the left and from the right; at first those beyond both ends
    long nodes, np, chunks, middle;
    double a, b;
};

// w -= (s B) P (s B) with the pivot P (10 rows) of the neighbour beyond a face with matrix B.
HPCALO_INLINE void eliminate(Eight &f, Eight *w, const Eight *p, const double *face, const Eight &s, const Eight &g) {
    f -= g * g * p[0];
    for (int c = 0; c < 3; ++c) {
        Eight t[3];
        for (int r = 0; r < 3; ++r)
            t[r] = p[1 + 3 * r] * face[c] + p[2 + 3 * r] * face[3 + c] + p[3 + 3 * r] * face[6 + c];
        for (int r = 0; r < 3; ++r)
            w[3 * r + c] -= s * s * (face[3 * r] * t[0] + face[3 * r + 1] * t[1] + face[3 * r + 2] * t[2]);
    }
}

template <class P>
HPCALO_INLINE void pivot(const Factor<P> &k, long node, const Eight *from_left, const Eight *from_right, const Eight &s,
                         const Eight &mask, Eight *p) {
    const double a = k.a, b = k.b, *mi = k.m + 3 * node, *bl = k.face + 9 * node, *br = bl + 9;
    const double local[9] = {a, b * mi[2], -b * mi[1], -b * mi[2], a, b * mi[0], b * mi[1], -b * mi[0], a};
    const Eight g = s / a;
    Eight f = a + 2.0 * g, w[9];
    for (int i = 0; i < 9; ++i) w[i] = local[i] + s * (bl[i] + br[i]);
    if (from_left) eliminate(f, w, from_left, bl, s, g);
    if (from_right) eliminate(f, w, from_right, br, s, g);
    const Eight c0 = w[4] * w[8] - w[5] * w[7], c1 = w[5] * w[6] - w[3] * w[8], c2 = w[3] * w[7] - w[4] * w[6];
    const Eight id = mask / (w[0] * c0 + w[1] * c1 + w[2] * c2);
    p[0] = mask / f;
    p[1] = c0 * id;
    p[2] = (w[2] * w[7] - w[1] * w[8]) * id;
    p[3] = (w[1] * w[5] - w[2] * w[4]) * id;
    p[4] = c1 * id;
    p[5] = (w[0] * w[8] - w[2] * w[6]) * id;
    p[6] = (w[2] * w[3] - w[0] * w[5]) * id;
    p[7] = c2 * id;
    p[8] = (w[1] * w[6] - w[0] * w[7]) * id;
    p[9] = (w[0] * w[4] - w[1] * w[3]) * id;
}

template <class P> HPCALO_INLINE void put_pivot(const Factor<P> &k, long chunk, long node, const Eight *p) {
    constexpr long width = Lanes<P>::width, parts = width / WIDTH;
    P *to = k.pivots + (node * ((k.chunks + parts - 1) / parts) + chunk / parts) * 10 * width + chunk % parts * WIDTH;
    for (int i = 0; i < 10; ++i) keep(to + i * width, p[i]);
}

template <class P> HPCALO_INLINE void factor(const Factor<P> &k, long first, long last, int parts) {
    const long from_left = std::clamp(k.middle, 0L, k.nodes), from_right = std::clamp(k.middle + 1, 0L, k.nodes);
    for (long c = first; c < last; ++c) {
        const long count = std::min(WIDTH, k.np - c * WIDTH);
        double *const running[2] = {k.running + c * 10 * WIDTH, k.running + (k.chunks + c) * 10 * WIDTH};
        Eight s, mask = {}, left[10], right[10], now[10];
        load<false>(s, k.speed2 + c * WIDTH, count);
        for (long l = 0; l < count; ++l) mask[l] = 1.0;
        for (int i = 0; i < 10; ++i) {
            take(left[i], running[0] + i * WIDTH);
            take(right[i], running[1] + i * WIDTH);
        }
        for (long l = parts & LEFT_SIDE ? 0 : from_left, r = parts & RIGHT_SIDE ? k.nodes - 1 : from_right - 1;
             l < from_left || r >= from_right; ++l, --r) {
            if (l < from_left) {
                pivot(k, l, left, nullptr, s, mask, now);
                put_pivot(k, c, l, now);
                std::copy(now, now + 10, left);
            }
            if (r >= from_right) {
                pivot(k, r, nullptr, right, s, mask, now);
                put_pivot(k, c, r, now);
                std::copy(now, now + 10, right);
            }
        }
        if (parts & MIDDLE && k.middle >= 0 && k.middle < k.nodes) {
            pivot(k, k.middle, left, right, s, mask, now);
            put_pivot(k, c, k.middle, now);
        }
        for (int i = 0; i < 10; ++i) {
            keep(running[0] + i * WIDTH, left[i]);
            keep(running[1] + i * WIDTH, right[i]);
        }
    }
}

HPCALO_CLONES void factor_double(const Factor<double> &k, long first, long last, int parts) {
    factor(k, first, last, parts);
}
HPCALO_CLONES void factor_single(const Factor<float> &k, long first, long last, int parts) {
    factor(k, first, last, parts);
}

// T: precision of the right-hand side, the result, what neighbours send, and the arithmetic.
template <class T> struct Solve {
    const T *right;
    const double *q, *m, *h, *hd;
    const T *speed2;
    const double *face;
    const T *pivots, *ghost;
    T *z, *rows; // rows: where final values wait for the next node, left and right, if z need not have them
    double *sums;
    long nodes, np, chunks, middle;
    double a, all, keep, weight;
};

// Right-hand side r + (all (h dn + hd M.dm), all hd dn M + keep h dm) for moments q at one node (either may be absent).
template <bool full, class T>
HPCALO_INLINE void right_side(const Solve<T> &k, long node, long at, long count, Four<T> &to) {
    if (k.right) {
        const T *r = k.right + node * 4 * k.np + at;
        load<full>(to.f, r, count);
        load<full>(to.x, r + k.np, count);
        load<full>(to.y, r + 2 * k.np, count);
        load<full>(to.z, r + 3 * k.np, count);
    } else
        to = Four<T>{};
    if constexpr (std::is_same_v<T, double>) {
        if (!k.q) return;
        const double *q = k.q + 4 * node, *m = k.m + 3 * node;
        const double n = k.all * q[0], along = k.all * (m[0] * q[1] + m[1] * q[2] + m[2] * q[3]);
        Vector<T> h, d;
        load<full>(h, k.h + node * k.np + at, count);
        load<full>(d, k.hd + node * k.np + at, count);
        to.f = to.f + n * h + along * d;
        to.x = to.x + (k.keep * q[1]) * h + (n * m[0]) * d;
        to.y = to.y + (k.keep * q[2]) * h + (n * m[1]) * d;
        to.z = to.z + (k.keep * q[3]) * h + (n * m[2]) * d;
    }
}

// to += s B t, the streaming from a neighbour with values t.
template <class T>
HPCALO_INLINE void stream(Four<T> &to, const T *b, const Vector<T> &s, const Vector<T> &sf, const Four<T> &t) {
    to.f += sf * t.f;
    to.x += s * (b[0] * t.x + b[1] * t.y + b[2] * t.z);
    to.y += s * (b[3] * t.x + b[4] * t.y + b[5] * t.z);
    to.z += s * (b[6] * t.x + b[7] * t.y + b[8] * t.z);
}

template <class T> HPCALO_INLINE void times_pivot(const T *pivot, const Four<T> &t, Four<T> &to) {
    Vector<T> p[10];
    for (int i = 0; i < 10; ++i) take(p[i], pivot + i * Lanes<T>::width);
    to.f = p[0] * t.f;
    to.x = p[1] * t.x + p[2] * t.y + p[3] * t.z;
    to.y = p[4] * t.x + p[5] * t.y + p[6] * t.z;
    to.z = p[7] * t.x + p[8] * t.y + p[9] * t.z;
}

template <bool full, class T> HPCALO_INLINE void get(const T *from, long row, long count, Four<T> &to) {
    load<full>(to.f, from, count);
    load<full>(to.x, from + row, count);
    load<full>(to.y, from + 2 * row, count);
    load<full>(to.z, from + 3 * row, count);
}

template <bool full, class T> HPCALO_INLINE void put(T *to, long row, long count, const Four<T> &from) {
    store<full>(to, from.f, count);
    store<full>(to + row, from.x, count);
    store<full>(to + 2 * row, from.y, count);
    store<full>(to + 3 * row, from.z, count);
}

// Values of a chunk at a node, or beyond the end of the own nodes.
template <bool full, class T> HPCALO_INLINE void values(const Solve<T> &k, long c, long node, long count, Four<T> &to) {
    const T *from = node < 0 ? k.ghost : node >= k.nodes ? k.ghost + 4 * k.np : k.z + node * 4 * k.np;
    get<full>(from + c * Lanes<T>::width, k.np, count, to);
}

// Elimination at one node with the values of the neighbours it takes in (either may be absent), beyond faces with the
// matrices bl and br.
template <bool full, class T>
HPCALO_INLINE void inward(const Solve<T> &k, long c, long node, const T *bl, const T *br, const Four<T> *left,
                          const Four<T> *right, Four<T> &y) {
    const long at = c * Lanes<T>::width, count = std::min(Lanes<T>::width, k.np - at);
    const T *p = k.pivots + (node * k.chunks + c) * 10 * Lanes<T>::width;
    Vector<T> s;
    Four<T> t;
    load<full>(s, k.speed2 + at, count);
    const Vector<T> sf = s * (T)(1.0 / k.a);
    right_side<full>(k, node, at, count, t);
    if (left) stream(t, bl, s, sf, *left);
    if (right) stream(t, br, s, sf, *right);
    times_pivot(p, t, y);
}

// Back substitution at one node from a neighbour's final values beyond the face with matrix b.
template <bool full, class T>
HPCALO_INLINE void outward(const Solve<T> &k, long c, long node, const T *b, const Four<T> &beyond, Four<T> &y) {
    const long at = c * Lanes<T>::width, count = std::min(Lanes<T>::width, k.np - at);
    const T *p = k.pivots + (node * k.chunks + c) * 10 * Lanes<T>::width;
    Vector<T> s;
    Four<T> t = {}, u;
    load<full>(s, k.speed2 + at, count);
    const Vector<T> sf = s * (T)(1.0 / k.a);
    stream(t, b, s, sf, beyond);
    times_pivot(p, t, u);
    y.f += u.f;
    y.x += u.x;
    y.y += u.y;
    y.z += u.z;
}

// Sums over the momenta of a chunk of all four components, added to sums[0 ... 3].
HPCALO_INLINE void add_sums(const Four<double> &t, double weight, double *sums) {
    typedef long Index __attribute__((vector_size(64)));
    const Index even = {0, 8, 2, 10, 4, 12, 6, 14}, odd = {1, 9, 3, 11, 5, 13, 7, 15};
    const Index low = {0, 1, 8, 9, 4, 5, 12, 13}, high = {2, 3, 10, 11, 6, 7, 14, 15};
    const Eight a = __builtin_shuffle(t.f, t.x, even) + __builtin_shuffle(t.f, t.x, odd);
    const Eight b = __builtin_shuffle(t.y, t.z, even) + __builtin_shuffle(t.y, t.z, odd);
    const Eight s = __builtin_shuffle(a, b, low) + __builtin_shuffle(a, b, high);
    for (int i = 0; i < 4; ++i) sums[i] += weight * (s[i] + s[4 + i]);
}

HPCALO_INLINE void add_sums(const Four<float> &t, double weight, double *sums) {
    typedef int Index __attribute__((vector_size(64)));
    const Index even = {0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30};
    const Index odd = {1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31};
    const Index low = {0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29};
    const Index high = {2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31};
    const Sixteen a = __builtin_shuffle(t.f, t.x, even) + __builtin_shuffle(t.f, t.x, odd);
    const Sixteen b = __builtin_shuffle(t.y, t.z, even) + __builtin_shuffle(t.y, t.z, odd);
    const Sixteen s = __builtin_shuffle(a, b, low) + __builtin_shuffle(a, b, high);
    for (int i = 0; i < 4; ++i) sums[i] += weight * (((double)s[i] + s[4 + i]) + ((double)s[8 + i] + s[12 + i]));
}

// `from`: -1 and 1, the neighbour that the elimination comes from; 0, both.
template <bool full, class T>
HPCALO_INLINE void inward_row(const Solve<T> &k, long c, long node, long from, const T *b) {
    const long count = std::min(Lanes<T>::width, k.np - c * Lanes<T>::width);
    Four<T> left, right, now;
    if (from <= 0) values<full>(k, c, node - 1, count, left);
    if (from >= 0) values<full>(k, c, node + 1, count, right);
    inward<full>(k, c, node, b, b + 9, from <= 0 ? &left : nullptr, from >= 0 ? &right : nullptr, now);
    put<full>(k.z + node * 4 * k.np + c * Lanes<T>::width, k.np, count, now);
}

// `to`: -1 and 1, the way the substitution goes; 0, this is the middle node, which has its final values. `begins`: the
// node is the first on this way.
template <bool full, class T>
HPCALO_INLINE void outward_row(const Solve<T> &k, long c, long node, long to, bool begins, const T *b) {
    const long at = c * Lanes<T>::width, count = std::min(Lanes<T>::width, k.np - at);
    Four<T> now, beyond;
    values<full>(k, c, node, count, now);
    if (to) {
        T *row = k.rows ? k.rows + (to < 0 ? 0 : 4 * k.np) + at : nullptr;
        if (row && !begins)
            get<full>(row, k.np, count, beyond);
        else
            values<full>(k, c, node - to, count, beyond);
        outward<full>(k, c, node, to < 0 ? b + 9 : b, beyond, now);
        if (row) put<full>(row, k.np, count, now);
        if (!row || node == 0 || node == k.nodes - 1) // neighbours ask for the ends
            put<full>(k.z + node * 4 * k.np + at, k.np, count, now);
    }
    if (k.sums) add_sums(now, k.weight, k.sums + 4 * node);
}

template <class T> HPCALO_INLINE void inward_node(const Solve<T> &k, long first, long last, long node, long from) {
    T b[18];
    for (int i = 0; i < 18; ++i) b[i] = (T)k.face[9 * node + i];
    for (long c = first; c < last; ++c)
        (c + 1) * Lanes<T>::width <= k.np ? inward_row<true>(k, c, node, from, b)
                                          : inward_row<false>(k, c, node, from, b);
}

template <class T>
HPCALO_INLINE void outward_node(const Solve<T> &k, long first, long last, long node, long to, bool begins) {
    T b[18];
    for (int i = 0; i < 18; ++i) b[i] = (T)k.face[9 * node + i];
    for (long c = first; c < last; ++c)
        (c + 1) * Lanes<T>::width <= k.np ? outward_row<true>(k, c, node, to, begins, b)
                                          : outward_row<false>(k, c, node, to, begins, b);
}

// Elimination in the parts `in`, then back substitution in the parts `out`; sums are added to.
template <class T> HPCALO_INLINE void solve(const Solve<T> &k, long first, long last, int in, int out) {
    const long from_left = std::clamp(k.middle, 0L, k.nodes), from_right = std::clamp(k.middle + 1, 0L, k.nodes);
    const bool here = k.middle >= 0 && k.middle < k.nodes;
    for (long l = in & LEFT_SIDE ? 0 : from_left, r = in & RIGHT_SIDE ? k.nodes - 1 : from_right - 1;
         l < from_left || r >= from_right; ++l, --r) {
        if (l < from_left) inward_node(k, first, last, l, -1);
        if (r >= from_right) inward_node(k, first, last, r, 1);
    }
    if (here && in & MIDDLE) inward_node(k, first, last, k.middle, 0);
    if (here && out & MIDDLE) outward_node(k, first, last, k.middle, 0, false);
    for (long l = out & LEFT_SIDE ? from_left - 1 : -1, r = out & RIGHT_SIDE ? from_right : k.nodes;
         l >= 0 || r < k.nodes; --l, ++r) {
        if (l >= 0) outward_node(k, first, last, l, -1, l == from_left - 1);
        if (r < k.nodes) outward_node(k, first, last, r, 1, r == from_right);
    }
}

HPCALO_CLONES void solve_double(const Solve<double> &k, long first, long last, int in, int out) {
    solve(k, first, last, in, out);
}
HPCALO_CLONES void solve_single(const Solve<float> &k, long first, long last, int in, int out) {
    solve(k, first, last, in, out);
}

template <class P, class Function> void bind_factor(nb::module_ &m, Function factor_) {
    using namespace nb::literals;
    m.def(
        "sweep_factor",
        [=](In<2> mag, In<2> mf, In<1> speed2, Out<2> face, Out<4, P> pivots, Out<4> running, double a, double b,
            long middle, long first, long last, int parts) {
            constexpr long width = Lanes<P>::width;
            const long nodes = mag.shape(0), np = speed2.shape(0), chunks = (np + WIDTH - 1) / WIDTH;
            require(nodes >= 1 && mag.shape(1) == 3 && has_shape(mf, {nodes + 1, 3}) &&
                        has_shape(face, {nodes + 1, 9}) &&
                        has_shape(pivots, {nodes, (np + width - 1) / width, 10, width}) &&
                        has_shape(running, {2, chunks, 10, WIDTH}) && 0 <= first && first <= last && last <= chunks,
                    "sweep_factor: shapes do not fit");
            for (long i = 0; i <= nodes; ++i) inverse_precession(mf.data() + 3 * i, a, b, face.data() + 9 * i);
            const Factor<P> k{
                mag.data(), speed2.data(), face.data(), pivots.data(), running.data(), nodes, np, chunks, middle, a, b};
            factor_(k, first, last, parts);
        },
        nb::kw_only(), "m"_a, "mf"_a, "speed2"_a, "face"_a, "pivots"_a.noconvert(), "running"_a.noconvert(), "a"_a,
        "b"_a, "middle"_a, "first"_a, "last"_a, "parts"_a);
}

template <class T, class Function> void bind_solve(nb::module_ &m, Function solve_) {
    using namespace nb::literals;
    m.def(
        "sweep_solve",
        [=](nb::object r, nb::object q, In<2> mag, In<2> h, In<2> hd, In<1, T> speed2, In<2> face, In<4, T> pivots,
            In<3, T> ghost, Out<3, T> z, bool whole, nb::object sums, double a, double all, double keep, double dp,
            long middle, long first, long last, int in, int out) {
            constexpr long width = Lanes<T>::width;
            const long nodes = mag.shape(0), np = speed2.shape(0), chunks = (np + width - 1) / width;
            require(nodes >= 1 && mag.shape(1) == 3 && has_shape(face, {nodes + 1, 9}) &&
                        has_shape(pivots, {nodes, chunks, 10, width}) && has_shape(ghost, {2, 4, np}) &&
                        has_shape(z, {nodes, 4, np}) && has_shape(h, {nodes, np}) && has_shape(hd, {nodes, np}) &&
                        0 <= first && first <= last && last <= chunks,
                    "sweep_solve: shapes do not fit");
            require(q.is_none() || std::is_same_v<T, double>, "sweep_solve: moments need double precision");
            require(!in || !r.is_none() || !q.is_none(), "sweep_solve: a right-hand side, moments, or both are needed");
            const T *right = optional<In<3, T>>(
                r, {nodes, 4, np}, "sweep_solve: a right-hand side for every node, component and momentum");
            const double *moments = optional<In<2>>(q, {nodes, 4}, "sweep_solve: four moments a node");
            double *total = optional<Out<2>>(sums, {nodes, 4}, "sweep_solve: four sums a node");
            std::vector<T> rows(whole ? 0 : 8 * np);
            const Solve<T> k{right,
                             moments,
                             mag.data(),
                             h.data(),
                             hd.data(),
                             speed2.data(),
                             face.data(),
                             pivots.data(),
                             ghost.data(),
                             z.data(),
                             whole ? nullptr : rows.data(),
                             total,
                             nodes,
                             np,
                             chunks,
                             middle,
                             a,
                             all,
                             keep,
                             2.0 * dp};
            [[maybe_unused]] const Precision<T> mode;
            solve_(k, first, last, in, out);
        },
        nb::kw_only(), "r"_a.none(), "q"_a.none(), "m"_a, "h"_a, "hd"_a, "speed2"_a.noconvert(), "face"_a,
        "pivots"_a.noconvert(), "ghost"_a.noconvert(), "z"_a.noconvert(), "whole"_a, "sums"_a.none(), "a"_a, "all"_a,
        "keep"_a, "dp"_a, "middle"_a, "first"_a, "last"_a, "inward"_a, "outward"_a);
}

} // namespace

void bind_wall_sweep(nb::module_ &m) {
    bind_factor<double>(m, factor_double);
    bind_factor<float>(m, factor_single);
    bind_solve<double>(m, solve_double);
    bind_solve<float>(m, solve_single);
}
