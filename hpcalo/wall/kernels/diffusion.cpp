// Spin diffusion, the coarse problem Mom A Prolong of the steady solve: blocks of 4 x 4 in closed form (sums over
// momenta enter as numbers of a node), and their block elimination along the wire.
#include "common.hpp"

#include <algorithm>
#include <cmath>

namespace {

struct Block {
    double a[16];
};

HPCALO_INLINE Block times(const double *x, const double *y) {
    Block out;
    for (int r = 0; r < 4; ++r)
        for (int c = 0; c < 4; ++c)
            out.a[4 * r + c] =
                (x[4 * r] * y[c] + x[4 * r + 1] * y[4 + c]) + (x[4 * r + 2] * y[8 + c] + x[4 * r + 3] * y[12 + c]);
    return out;
}

HPCALO_INLINE void times(const double *x, const double *q, double *out) {
    for (int r = 0; r < 4; ++r)
        out[r] = (x[4 * r] * q[0] + x[4 * r + 1] * q[1]) + (x[4 * r + 2] * q[2] + x[4 * r + 3] * q[3]);
}

// Moments q -> weighted sum of the distribution that has them: h, d are the sums of h and hd with that weight.
HPCALO_INLINE Block weighted(double h, double d, const double *m) {
    Block out = {{h, d * m[0], d * m[1], d * m[2], d * m[0], h, 0, 0, d * m[1], 0, h, 0, d * m[2], 0, 0, h}};
    return out;
}

// What the nodes left and right of a face drive through it (sums of v o): `sums` as in `blocks` below.
HPCALO_INLINE void face_flux(const double *left, const double *right, const double *ml, const double *mr,
                             const double *mf, const double *dm_dx, double idx, double a, double b, double half_j,
                             Block &from_left, Block &from_right) {
    const double den = 1.0 / (a * a + b * b), w = b * b / a;
    Block inverse = {{1.0 / a}};
    const double cross[9] = {0, -mf[2], mf[1], mf[2], 0, -mf[0], -mf[1], mf[0], 0};
    for (int r = 0; r < 3; ++r)
        for (int c = 0; c < 3; ++c)
            inverse.a[4 * (r + 1) + c + 1] = den * ((r == c ? a : 0.0) + b * cross[3 * r + c] + w * mf[r] * mf[c]);
    const double t = 0.5 * half_j;
    const double force[16] = {
        0, t * dm_dx[0], t * dm_dx[1], t * dm_dx[2], t * dm_dx[0], 0, 0, 0, t * dm_dx[1], 0, 0, 0, t * dm_dx[2], 0, 0,
        0};
    const double *side[2] = {left, right}, *m[2] = {ml, mr};
    Block *out[2] = {&from_left, &from_right};
    for (int i = 0; i < 2; ++i) {
        Block rate = weighted(side[i][2], side[i][3], m[i]);
        const Block pushed = times(force, weighted(side[i][4], side[i][5], m[i]).a);
        const double way = i == 0 ? idx : -idx;
        for (int k = 0; k < 16; ++k) rate.a[k] = way * rate.a[k] - pushed.a[k];
        *out[i] = times(inverse.a, rate.a);
    }
}

// out[node][offset + 1]: response of a node's moments to those of the node at offset -1, 0, 1. `sums` (nodes + 2, 6),
// zero beyond the ends of the wire: sums over all p of h, hd, v^2 h, v^2 hd, v d_p h, v d_p hd.
struct Diffusion {
    const double *sums, *m, *mf, *dm_dx;
    double *out;
    long nodes;
    double dx, a, b, half_j, inverse_tau, inverse_tau_sf;
};

HPCALO_CLONES
void blocks(const Diffusion &k) {
    const double *sums = k.sums, *m = k.m, *mf = k.mf, *dm_dx = k.dm_dx;
    const double a = k.a, b = k.b, half_j = k.half_j, inverse_tau = k.inverse_tau;
    const double idx = 1.0 / k.dx, keep = inverse_tau - k.inverse_tau_sf;
    Block ll, lr, rl, rr; // flux through the left, the right face from the node on its left, its right
    face_flux(sums, sums + 6, m, m + 3, mf, dm_dx, idx, a, b, half_j, ll, lr);
    for (long i = 0; i < k.nodes; ++i) {
        const double *s = sums + 6 * (i + 1), *mi = m + 3 * (i + 1);
        face_flux(s, s + 6, mi, mi + 3, mf + 3 * (i + 1), dm_dx + 3 * (i + 1), idx, a, b, half_j, rl, rr);
        const Block kept = weighted(s[0], s[1], mi);
        const double relax[16] = {a, 0,          0, 0,         0, a,         b * mi[2],  -b * mi[1],
                                  0, -b * mi[2], a, b * mi[0], 0, b * mi[1], -b * mi[0], a};
        Block gain = kept;
        for (int r = 0; r < 4; ++r)
            for (int c = 0; c < 4; ++c) gain.a[4 * r + c] *= r > 0 && r == c ? keep : inverse_tau;
        double local[16];
        for (int n = 0; n < 16; ++n) local[n] = relax[n] - gain.a[n];
        const Block own = times(local, kept.a);
        double *to = k.out + 48 * i;
        for (int n = 0; n < 16; ++n) {
            to[n] = -idx * ll.a[n];
            to[16 + n] = idx * (rl.a[n] - lr.a[n]) + own.a[n];
            to[32 + n] = idx * rr.a[n];
        }
        ll = rl;
        lr = rr;
    }
}

// Inverse by cofactors, made of the 2 x 2 minors of the upper and of the lower rows: no branches, so that the
// eliminations from both ends run side by side. False if singular.
HPCALO_INLINE bool inverse(const double *from, double *out) {
    double largest = 0.0, m[16];
    for (int k = 0; k < 16; ++k) largest = std::max(largest, std::fabs(from[k]));
    const double scale = 1.0 / largest; // or products of four could leave the range of numbers
    for (int k = 0; k < 16; ++k) m[k] = scale * from[k];
    const double s0 = m[0] * m[5] - m[4] * m[1], s1 = m[0] * m[6] - m[4] * m[2], s2 = m[0] * m[7] - m[4] * m[3],
                 s3 = m[1] * m[6] - m[5] * m[2], s4 = m[1] * m[7] - m[5] * m[3], s5 = m[2] * m[7] - m[6] * m[3];
    const double c0 = m[8] * m[13] - m[12] * m[9], c1 = m[8] * m[14] - m[12] * m[10], c2 = m[8] * m[15] - m[12] * m[11],
                 c3 = m[9] * m[14] - m[13] * m[10], c4 = m[9] * m[15] - m[13] * m[11],
                 c5 = m[10] * m[15] - m[14] * m[11];
    const double det = ((s0 * c5 - s1 * c4) + (s2 * c3 + s3 * c2)) + (s5 * c0 - s4 * c1), d = scale / det;
    out[0] = d * ((m[5] * c5 - m[6] * c4) + m[7] * c3);
    out[1] = d * ((m[2] * c4 - m[1] * c5) - m[3] * c3);
    out[2] = d * ((m[13] * s5 - m[14] * s4) + m[15] * s3);
    out[3] = d * ((m[10] * s4 - m[9] * s5) - m[11] * s3);
    out[4] = d * ((m[6] * c2 - m[4] * c5) - m[7] * c1);
    out[5] = d * ((m[0] * c5 - m[2] * c2) + m[3] * c1);
    out[6] = d * ((m[14] * s2 - m[12] * s5) - m[15] * s1);
    out[7] = d * ((m[8] * s5 - m[10] * s2) + m[11] * s1);
    out[8] = d * ((m[4] * c4 - m[5] * c2) + m[7] * c0);
    out[9] = d * ((m[1] * c2 - m[0] * c4) - m[3] * c0);
    out[10] = d * ((m[12] * s4 - m[13] * s2) + m[15] * s0);
    out[11] = d * ((m[9] * s2 - m[8] * s4) - m[11] * s0);
    out[12] = d * ((m[5] * c1 - m[4] * c3) - m[6] * c0);
    out[13] = d * ((m[0] * c3 - m[1] * c1) + m[2] * c0);
    out[14] = d * ((m[13] * s1 - m[12] * s3) - m[14] * s0);
    out[15] = d * ((m[8] * s3 - m[9] * s1) + m[10] * s0);
    return std::isfinite(d) && largest > 0.0;
}

// Takes the neighbour before this node in the elimination out of it: `to` and `back` couple this node to that one and
// that one, times its inverse pivot `p`, to this one. D -= to (p back), to = to p.
HPCALO_INLINE void take_out(double *d, double *to, const double *p, const double *back) {
    const Block taken = times(to, back), kept = times(to, p);
    for (int k = 0; k < 16; ++k) d[k] -= taken.a[k];
    std::copy(kept.a, kept.a + 16, to);
}

// Inverts the pivot and multiplies the coupling to the next node in the elimination, if there is one, by it.
HPCALO_INLINE bool settle(double *d, double *next) {
    double p[16];
    const bool regular = inverse(d, p);
    std::copy(p, p + 16, d);
    if (next) {
        const Block product = times(p, next);
        std::copy(product.a, product.a + 16, next);
    }
    return regular;
}

// In place, in the given parts, with P the inverse of what elimination from both ends leaves of D: [L, D, U] of each
// node
// -> [L P_before, P, P U] left of the middle node, [P L, P, U P_after] right of it, [L P_before, P, U P_after] there.
// Returns a node whose pivot is singular (what follows it is not a number), or the number of nodes.
HPCALO_CLONES
long factor(double *blocks, long nodes, long middle, int parts) {
    long on_left = nodes, on_right = nodes;
    const long first = parts & LEFT_SIDE ? 0 : middle, last = parts & RIGHT_SIDE ? nodes - 1 : middle;
    for (long l = first, r = last; l < middle || r > middle; ++l, --r) {
        double *left = blocks + 48 * l, *right = blocks + 48 * r;
        if (l < middle) {
            if (l > 0) take_out(left + 16, left, left - 32, left - 16);
            if (!settle(left + 16, left + 32)) on_left = std::min(on_left, l);
        }
        if (r > middle) {
            if (r + 1 < nodes) take_out(right + 16, right + 32, right + 64, right + 48);
            if (!settle(right + 16, right) && on_right == nodes) on_right = r;
        }
    }
    if (parts & MIDDLE) {
        double *here = blocks + 48 * middle;
        if (middle > 0) take_out(here + 16, here, here - 32, here - 16);
        if (middle + 1 < nodes) take_out(here + 16, here + 32, here + 64, here + 48);
        if (!settle(here + 16, nullptr) && on_right == nodes) on_right = middle;
    }
    return std::min(on_left, on_right);
}

// q -= coupling q_before
HPCALO_INLINE void eliminate(const double *coupling, const double *before, double *q) {
    double t[4];
    times(coupling, before, t);
    for (int k = 0; k < 4; ++k) q[k] -= t[k];
}

// q = P q - coupling x_before
HPCALO_INLINE void substitute(const double *pivot, const double *coupling, const double *before, double *q) {
    double t[4], u[4] = {};
    times(pivot, q, t);
    if (coupling) times(coupling, before, u);
    for (int k = 0; k < 4; ++k) q[k] = t[k] - u[k];
}

// Elimination in the parts `in`, then substitution in the parts `out`, in place.
HPCALO_CLONES
void solve(const double *blocks, double *q, long nodes, long middle, int in, int out) {
    for (long l = in & LEFT_SIDE ? 1 : middle, r = in & RIGHT_SIDE ? nodes - 2 : middle; l < middle || r > middle;
         ++l, --r) {
        if (l < middle) eliminate(blocks + 48 * l, q + 4 * (l - 1), q + 4 * l);
        if (r > middle) eliminate(blocks + 48 * r + 32, q + 4 * (r + 1), q + 4 * r);
    }
    if (in & MIDDLE) {
        const double *here = blocks + 48 * middle;
        if (middle > 0) eliminate(here, q + 4 * (middle - 1), q + 4 * middle);
        if (middle + 1 < nodes) eliminate(here + 32, q + 4 * (middle + 1), q + 4 * middle);
    }
    if (out & MIDDLE) substitute(blocks + 48 * middle + 16, nullptr, nullptr, q + 4 * middle);
    const long first = out & LEFT_SIDE ? 0 : middle, last = out & RIGHT_SIDE ? nodes - 1 : middle;
    for (long l = middle - 1, r = middle + 1; l >= first || r <= last; --l, ++r) {
        if (l >= first) substitute(blocks + 48 * l + 16, blocks + 48 * l + 32, q + 4 * (l + 1), q + 4 * l);
        if (r <= last) substitute(blocks + 48 * r + 16, blocks + 48 * r, q + 4 * (r - 1), q + 4 * r);
    }
}

} // namespace

void bind_wall_diffusion(nb::module_ &module) {
    using namespace nb::literals;
    module.def(
        "diffusion_blocks",
        [](In<2> sums, In<2> m, In<2> mf, In<2> dm_dx, Out<4> out, double dx, double a, double b, double half_j,
           double inverse_tau, double inverse_tau_sf) {
            const long nodes = out.shape(0);
            require(out.shape(1) == 3 && out.shape(2) == 4 && out.shape(3) == 4,
                    "diffusion_blocks: three blocks a node");
            require((long)sums.shape(0) == nodes + 2 && sums.shape(1) == 6 && (long)m.shape(0) == nodes + 2 &&
                        m.shape(1) == 3,
                    "diffusion_blocks: sums and m need two ghosts");
            require((long)mf.shape(0) == nodes + 1 && mf.shape(1) == 3 && (long)dm_dx.shape(0) == nodes + 1 &&
                        dm_dx.shape(1) == 3,
                    "diffusion_blocks: one magnetization per face");
            blocks({sums.data(), m.data(), mf.data(), dm_dx.data(), out.data(), nodes, dx, a, b, half_j, inverse_tau,
                    inverse_tau_sf});
        },
        "sums"_a, "m"_a, "mf"_a, "dm_dx"_a, "out"_a, nb::kw_only(), "dx"_a, "a"_a, "b"_a, "half_j"_a, "inverse_tau"_a,
        "inverse_tau_sf"_a);
    module.def(
        "block_factor",
        [](Out<4> blocks, long middle, int parts) {
            const long nodes = blocks.shape(0);
            require(blocks.shape(1) == 3 && blocks.shape(2) == 4 && blocks.shape(3) == 4 && 0 <= middle &&
                        middle < nodes,
                    "block_factor: three blocks a node, one of them in the middle");
            return factor(blocks.data(), nodes, middle, parts);
        },
        "blocks"_a, "middle"_a, "parts"_a);
    module.def(
        "block_solve",
        [](In<4> blocks, Out<2> q, long middle, int inward, int outward) {
            const long nodes = blocks.shape(0);
            require(blocks.shape(1) == 3 && blocks.shape(2) == 4 && blocks.shape(3) == 4 && q.shape(1) == 4 &&
                        (long)q.shape(0) == nodes && 0 <= middle && middle < nodes,
                    "block_solve: shapes do not fit");
            solve(blocks.data(), q.data(), nodes, middle, inward, outward);
        },
        "blocks"_a, "q"_a.noconvert(), "middle"_a, "inward"_a, "outward"_a);
}
