// Two-way sweep: solves streaming + relaxation + precession (no collision gain, no momentum coupling) exactly,
// for all momenta at once: a scalar tridiagonal system for F and a 3x3 block one for G per momentum.
//
// Elimination runs from both ends of the wire to its middle node and back, whatever rank a node belongs to, so that
// each node sees the same arithmetic on any number of ranks. Momenta go in chunks of eight, which is what a chain of
// ranks works on in turn: pivots [chunk][node][1 of F, 9 of G][8], padded with zeros.
#include "wall_common.hpp"

#include <algorithm>

namespace {

constexpr long WIDTH = 8;

struct Four {
    Eight f, x, y, z;
};

// Inverse of (a - b M x) as a row-major 3x3 matrix.
inline void inverse_precession(const double *m, double a, double b, double *out) {
    const double d = 1.0 / (a * a + b * b), w = b * b / a;
    const double cross[9] = {0, -m[2], m[1], m[2], 0, -m[0], -m[1], m[0], 0};
    for (int r = 0; r < 3; ++r)
        for (int c = 0; c < 3; ++c) out[3 * r + c] = d * ((r == c ? a : 0.0) + b * cross[3 * r + c] + w * m[r] * m[c]);
}

// Eight momenta of a row; a last chunk may hold fewer.
template <bool full> HPCALO_INLINE void load(Eight &to, const double *from, long count) {
    if constexpr (full) to = *reinterpret_cast<const Eight *>(from);
    else {
        double lane[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        for (long l = 0; l < count; ++l) lane[l] = from[l];
        to = *reinterpret_cast<const Eight *>(lane);
    }
}

template <bool full> HPCALO_INLINE void store(double *to, const Eight &from, long count) {
    if constexpr (full) *reinterpret_cast<Eight *>(to) = from;
    else
        for (long l = 0; l < count; ++l) to[l] = from[l];
}

struct Factor {
    const double *m, *speed2, *face;
    double *pivots;
    const double *ghost;  // pivots of the node beyond both ends, zero at the ends of the wire
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

HPCALO_INLINE void pivot(const Factor &k, long node, const Eight *from_left, const Eight *from_right, const Eight &s,
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

HPCALO_CLONES
void factor(const Factor &k, long first, long last) {
    const long from_left = std::clamp(k.middle, 0L, k.nodes), from_right = std::clamp(k.middle + 1, 0L, k.nodes);
    for (long c = first; c < last; ++c) {
        const long count = std::min(WIDTH, k.np - c * WIDTH);
        Eight s, mask = {};
        load<false>(s, k.speed2 + c * WIDTH, count);
        for (long l = 0; l < count; ++l) mask[l] = 1.0;
        Eight *p = reinterpret_cast<Eight *>(k.pivots) + c * k.nodes * 10;
        const Eight *ghost = reinterpret_cast<const Eight *>(k.ghost);
        const Eight *left = ghost + c * 10, *right = ghost + (k.chunks + c) * 10;
        long l = 0, r = k.nodes - 1;
        while (l < from_left || r >= from_right) {
            if (l < from_left) {
                pivot(k, l, left, nullptr, s, mask, p + l * 10);
                left = p + l++ * 10;
            }
            if (r >= from_right) {
                pivot(k, r, nullptr, right, s, mask, p + r * 10);
                right = p + r-- * 10;
            }
        }
        if (k.middle >= 0 && k.middle < k.nodes) pivot(k, k.middle, left, right, s, mask, p + k.middle * 10);
    }
}

struct Solve {
    const double *right, *q, *m, *h, *hd, *speed2, *face, *pivots, *ghost;
    double *z, *sums;
    long nodes, np, middle;
    double a, all, keep, weight;
};

// Right-hand side r + (all (h dn + hd M.dm), all hd dn M + keep h dm) for moments q at one node (either may be absent).
template <bool full> HPCALO_INLINE void right_side(const Solve &k, long node, long at, long count, Four &to) {
    if (k.right) {
        const double *r = k.right + node * 4 * k.np + at;
        load<full>(to.f, r, count);
        load<full>(to.x, r + k.np, count);
        load<full>(to.y, r + 2 * k.np, count);
        load<full>(to.z, r + 3 * k.np, count);
    } else to = Four{};
    if (k.q) {
        const double *q = k.q + 4 * node, *m = k.m + 3 * node;
        const double n = k.all * q[0], along = k.all * (m[0] * q[1] + m[1] * q[2] + m[2] * q[3]);
        Eight h, d;
        load<full>(h, k.h + node * k.np + at, count);
        load<full>(d, k.hd + node * k.np + at, count);
        to.f = to.f + n * h + along * d;
        to.x = to.x + (k.keep * q[1]) * h + (n * m[0]) * d;
        to.y = to.y + (k.keep * q[2]) * h + (n * m[1]) * d;
        to.z = to.z + (k.keep * q[3]) * h + (n * m[2]) * d;
    }
}

// to += s B t, the streaming from a neighbour with values t.
HPCALO_INLINE void stream(Four &to, const double *b, const Eight &s, const Eight &sf, const Four &t) {
    to.f += sf * t.f;
    to.x += s * (b[0] * t.x + b[1] * t.y + b[2] * t.z);
    to.y += s * (b[3] * t.x + b[4] * t.y + b[5] * t.z);
    to.z += s * (b[6] * t.x + b[7] * t.y + b[8] * t.z);
}

HPCALO_INLINE void times_pivot(const Eight *p, const Four &t, Four &to) {
    to.f = p[0] * t.f;
    to.x = p[1] * t.x + p[2] * t.y + p[3] * t.z;
    to.y = p[4] * t.x + p[5] * t.y + p[6] * t.z;
    to.z = p[7] * t.x + p[8] * t.y + p[9] * t.z;
}

template <bool full> HPCALO_INLINE void get(const double *from, long row, long count, Four &to) {
    load<full>(to.f, from, count);
    load<full>(to.x, from + row, count);
    load<full>(to.y, from + 2 * row, count);
    load<full>(to.z, from + 3 * row, count);
}

template <bool full> HPCALO_INLINE void put(double *to, long row, long count, const Four &from) {
    store<full>(to, from.f, count);
    store<full>(to + row, from.x, count);
    store<full>(to + 2 * row, from.y, count);
    store<full>(to + 3 * row, from.z, count);
}

// Values of a chunk at a node, or beyond the end of the own nodes.
template <bool full> HPCALO_INLINE void values(const Solve &k, long c, long node, long count, Four &to) {
    const double *from = node < 0 ? k.ghost : node >= k.nodes ? k.ghost + 4 * k.np : k.z + node * 4 * k.np;
    get<full>(from + c * WIDTH, k.np, count, to);
}

// Elimination at one node with the values of the neighbours it takes in (either may be absent).
template <bool full>
HPCALO_INLINE void inward(const Solve &k, long c, long node, const Four *left, const Four *right, Four &y) {
    const long at = c * WIDTH, count = std::min(WIDTH, k.np - at);
    const Eight *p = reinterpret_cast<const Eight *>(k.pivots) + (c * k.nodes + node) * 10;
    Eight s;
    Four t;
    load<full>(s, k.speed2 + at, count);
    const Eight sf = s * (1.0 / k.a);
    right_side<full>(k, node, at, count, t);
    if (left) stream(t, k.face + 9 * node, s, sf, *left);
    if (right) stream(t, k.face + 9 * (node + 1), s, sf, *right);
    times_pivot(p, t, y);
}

// Back substitution at one node from a neighbour's final values beyond the face with matrix b.
template <bool full>
HPCALO_INLINE void outward(const Solve &k, long c, long node, const double *b, const Four &beyond, Four &y) {
    const long at = c * WIDTH, count = std::min(WIDTH, k.np - at);
    const Eight *p = reinterpret_cast<const Eight *>(k.pivots) + (c * k.nodes + node) * 10;
    Eight s;
    Four t = {}, u;
    load<full>(s, k.speed2 + at, count);
    const Eight sf = s * (1.0 / k.a);
    stream(t, b, s, sf, beyond);
    times_pivot(p, t, u);
    y.f += u.f;
    y.x += u.x;
    y.y += u.y;
    y.z += u.z;
}

// Sums over the eight momenta of all four components, added to sums[0 ... 3].
HPCALO_INLINE void add_sums(const Four &t, double weight, double *sums) {
    typedef long Index __attribute__((vector_size(64)));
    const Index even = {0, 8, 2, 10, 4, 12, 6, 14}, odd = {1, 9, 3, 11, 5, 13, 7, 15};
    const Index low = {0, 1, 8, 9, 4, 5, 12, 13}, high = {2, 3, 10, 11, 6, 7, 14, 15};
    const Eight a = __builtin_shuffle(t.f, t.x, even) + __builtin_shuffle(t.f, t.x, odd);
    const Eight b = __builtin_shuffle(t.y, t.z, even) + __builtin_shuffle(t.y, t.z, odd);
    const Eight s = __builtin_shuffle(a, b, low) + __builtin_shuffle(a, b, high);
    for (int i = 0; i < 4; ++i) sums[i] += weight * (s[i] + s[4 + i]);
}

// `from`: -1 and 1, the neighbour that the elimination comes from; 0, both.
template <bool full> HPCALO_INLINE void inward_row(const Solve &k, long c, long node, long from) {
    const long count = std::min(WIDTH, k.np - c * WIDTH);
    Four left, right, now;
    if (from <= 0) values<full>(k, c, node - 1, count, left);
    if (from >= 0) values<full>(k, c, node + 1, count, right);
    inward<full>(k, c, node, from <= 0 ? &left : nullptr, from >= 0 ? &right : nullptr, now);
    put<full>(k.z + node * 4 * k.np + c * WIDTH, k.np, count, now);
}

// `to`: -1 and 1, the way the substitution goes; 0, this is the middle node, which has its final values.
template <bool full> HPCALO_INLINE void outward_row(const Solve &k, long c, long node, long to) {
    const long count = std::min(WIDTH, k.np - c * WIDTH);
    Four now, beyond;
    values<full>(k, c, node, count, now);
    if (to) {
        values<full>(k, c, node - to, count, beyond);
        outward<full>(k, c, node, k.face + 9 * (to < 0 ? node + 1 : node), beyond, now);
        put<full>(k.z + node * 4 * k.np + c * WIDTH, k.np, count, now);
    }
    if (k.sums) add_sums(now, k.weight, k.sums + 4 * node);
}

HPCALO_INLINE void inward_node(const Solve &k, long first, long last, long node, long from) {
    for (long c = first; c < last; ++c)
        (c + 1) * WIDTH <= k.np ? inward_row<true>(k, c, node, from) : inward_row<false>(k, c, node, from);
}

HPCALO_INLINE void outward_node(const Solve &k, long first, long last, long node, long to) {
    for (long c = first; c < last; ++c)
        (c + 1) * WIDTH <= k.np ? outward_row<true>(k, c, node, to) : outward_row<false>(k, c, node, to);
}

HPCALO_CLONES
void solve(const Solve &k, long first, long last, bool in, bool out) {
    const long from_left = std::clamp(k.middle, 0L, k.nodes), from_right = std::clamp(k.middle + 1, 0L, k.nodes);
    const bool here = k.middle >= 0 && k.middle < k.nodes;
    if (in) {
        for (long l = 0, r = k.nodes - 1; l < from_left || r >= from_right; ++l, --r) {
            if (l < from_left) inward_node(k, first, last, l, -1);
            if (r >= from_right) inward_node(k, first, last, r, 1);
        }
        if (here) inward_node(k, first, last, k.middle, 0);
    }
    if (out) {
        if (k.sums && first == 0) std::fill(k.sums, k.sums + 4 * k.nodes, 0.0);
        if (here) outward_node(k, first, last, k.middle, 0);
        for (long l = from_left - 1, r = from_right; l >= 0 || r < k.nodes; --l, ++r) {
            if (l >= 0) outward_node(k, first, last, l, -1);
            if (r < k.nodes) outward_node(k, first, last, r, 1);
        }
    }
}

}  // namespace

void bind_wall_sweep(nb::module_ &m) {
    using namespace nb::literals;
    m.def(
        "sweep_factor",
        [](In<2> mag, In<2> mf, In<1> speed2, Out<2> face, Out<4> pivots, In<4> ghost, double a, double b, long middle,
           long first, long last) {
            const long nodes = mag.shape(0), np = speed2.shape(0), chunks = (np + WIDTH - 1) / WIDTH;
            require(nodes >= 1 && mag.shape(1) == 3 && mf.shape(1) == 3 && (long)mf.shape(0) == nodes + 1 &&
                        (long)face.shape(0) == nodes + 1 && face.shape(1) == 9 && (long)pivots.shape(0) == chunks &&
                        (long)pivots.shape(1) == nodes && pivots.shape(2) == 10 && pivots.shape(3) == WIDTH &&
                        ghost.shape(0) == 2 && (long)ghost.shape(1) == chunks && ghost.shape(2) == 10 &&
                        ghost.shape(3) == WIDTH && 0 <= first && first <= last && last <= chunks,
                    "sweep_factor: shapes do not fit");
            for (long i = 0; i <= nodes; ++i) inverse_precession(mf.data() + 3 * i, a, b, face.data() + 9 * i);
            const Factor k{mag.data(), speed2.data(), face.data(), pivots.data(), ghost.data(), nodes, np,
                           chunks,     middle,        a,           b};
            factor(k, first, last);
        },
        "m"_a, "mf"_a, "speed2"_a, "face"_a, "pivots"_a, "ghost"_a, "a"_a, "b"_a, "middle"_a, "first"_a, "last"_a);
    m.def(
        "sweep_solve",
        [](nb::object r, nb::object q, In<2> mag, In<2> h, In<2> hd, In<1> speed2, In<2> face, In<4> pivots,
           In<3> ghost, Out<3> z, nb::object sums, double a, double all, double keep, double dp,
           long middle, long first, long last, bool in, bool out) {
            const long nodes = mag.shape(0), np = speed2.shape(0), chunks = (np + WIDTH - 1) / WIDTH;
            require(nodes >= 1 && mag.shape(1) == 3 && (long)face.shape(0) == nodes + 1 && face.shape(1) == 9 &&
                        (long)pivots.shape(0) == chunks && (long)pivots.shape(1) == nodes && pivots.shape(2) == 10 &&
                        pivots.shape(3) == WIDTH && ghost.shape(0) == 2 && ghost.shape(1) == 4 &&
                        (long)ghost.shape(2) == np && (long)z.shape(0) == nodes && z.shape(1) == 4 &&
                        (long)z.shape(2) == np && (long)h.shape(0) == nodes && (long)h.shape(1) == np &&
                        (long)hd.shape(0) == nodes && (long)hd.shape(1) == np && 0 <= first && first <= last &&
                        last <= chunks,
                    "sweep_solve: shapes do not fit");
            require(!in || !r.is_none() || !q.is_none(),
                    "sweep_solve: a right-hand side, moments, or both are needed");
            const double *right = nullptr, *moments = nullptr;
            double *total = nullptr;
            if (!r.is_none()) {
                auto array = nb::cast<In<3>>(r);
                require((long)array.shape(0) == nodes && array.shape(1) == 4 && (long)array.shape(2) == np,
                        "sweep_solve: a right-hand side for every node, component and momentum");
                right = array.data();
            }
            if (!q.is_none()) {
                auto array = nb::cast<In<2>>(q);
                require((long)array.shape(0) == nodes && array.shape(1) == 4, "sweep_solve: four moments a node");
                moments = array.data();
            }
            if (!sums.is_none()) {
                auto array = nb::cast<Out<2>>(sums);
                require((long)array.shape(0) == nodes && array.shape(1) == 4, "sweep_solve: four sums a node");
                total = array.data();
            }
            const Solve k{right,       moments,       mag.data(),   h.data(), hd.data(), speed2.data(),
                          face.data(), pivots.data(), ghost.data(), z.data(), total,     nodes,
                          np,          middle,        a,            all,      keep,      2.0 * dp};
            solve(k, first, last, in, out);
        },
        "r"_a.none(), "q"_a.none(), "m"_a, "h"_a, "hd"_a, "speed2"_a, "face"_a, "pivots"_a, "ghost"_a, "z"_a,
        "sums"_a.none(), "a"_a, "all"_a, "keep"_a, "dp"_a, "middle"_a, "first"_a, "last"_a, "inward"_a,
        "outward"_a);
}
