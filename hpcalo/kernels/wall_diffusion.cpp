// Spin diffusion, the coarse problem Mom A Prolong of the steady solve: blocks of 4 x 4 in closed form (sums over
// momenta enter as numbers of a node), and their block elimination along the wire.
#include "wall_common.hpp"

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
                             const double *mf, const double *turn, double idx, double a, double b, double half_j,
                             Block &from_left, Block &from_right) {
    const double den = 1.0 / (a * a + b * b), w = b * b / a;
    Block inverse = {{1.0 / a}};
    const double cross[9] = {0, -mf[2], mf[1], mf[2], 0, -mf[0], -mf[1], mf[0], 0};
    for (int r = 0; r < 3; ++r)
        for (int c = 0; c < 3; ++c)
            inverse.a[4 * (r + 1) + c + 1] = den * ((r == c ? a : 0.0) + b * cross[3 * r + c] + w * mf[r] * mf[c]);
    const double t = 0.5 * half_j;
    const double force[16] = {0,           t * turn[0], t * turn[1], t * turn[2], t * turn[0], 0, 0, 0,
                              t * turn[1], 0,           0,           0,           t * turn[2], 0, 0, 0};
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
HPCALO_CLONES
void blocks(const double *sums, const double *m, const double *mf, const double *turn, double *out, long nodes,
            double dx, double a, double b, double half_j, double inverse_tau, double inverse_tau_sf) {
    const double idx = 1.0 / dx, keep = inverse_tau - inverse_tau_sf;
    Block ll, lr, rl, rr; // flux through the left, the right face from the node on its left, its right
    face_flux(sums, sums + 6, m, m + 3, mf, turn, idx, a, b, half_j, ll, lr);
    for (long i = 0; i < nodes; ++i) {
        const double *s = sums + 6 * (i + 1), *mi = m + 3 * (i + 1);
        face_flux(s, s + 6, mi, mi + 3, mf + 3 * (i + 1), turn + 3 * (i + 1), idx, a, b, half_j, rl, rr);
        const Block kept = weighted(s[0], s[1], mi);
        const double relax[16] = {a, 0,          0, 0,         0, a,         b * mi[2],  -b * mi[1],
                                  0, -b * mi[2], a, b * mi[0], 0, b * mi[1], -b * mi[0], a};
        Block gain = kept;
        for (int r = 0; r < 4; ++r)
            for (int c = 0; c < 4; ++c) gain.a[4 * r + c] *= r > 0 && r == c ? keep : inverse_tau;
        double local[16];
        for (int k = 0; k < 16; ++k) local[k] = relax[k] - gain.a[k];
        const Block own = times(local, kept.a);
        double *to = out + 48 * i;
        for (int k = 0; k < 16; ++k) {
            to[k] = -idx * ll.a[k];
            to[16 + k] = idx * (rl.a[k] - lr.a[k]) + own.a[k];
            to[32 + k] = idx * rr.a[k];
        }
        ll = rl;
        lr = rr;
    }
}

// Inverse by Gauss and Jordan with row exchanges; false if singular.
bool inverse(const double *from, double *out) {
    double a[4][8];
    for (int r = 0; r < 4; ++r)
        for (int c = 0; c < 4; ++c) a[r][c] = from[4 * r + c], a[r][4 + c] = r == c;
    for (int c = 0; c < 4; ++c) {
        int p = c;
        for (int r = c + 1; r < 4; ++r)
            if (std::fabs(a[r][c]) > std::fabs(a[p][c])) p = r;
        if (!(std::fabs(a[p][c]) > 0.0) || !std::isfinite(a[p][c])) return false;
        if (p != c) std::swap_ranges(a[c], a[c] + 8, a[p]);
        const double d = 1.0 / a[c][c];
        for (int k = 0; k < 8; ++k) a[c][k] *= d;
        for (int r = 0; r < 4; ++r) {
            if (r == c) continue;
            const double f = a[r][c];
            for (int k = 0; k < 8; ++k) a[r][k] -= f * a[c][k];
        }
    }
    for (int r = 0; r < 4; ++r) std::copy(a[r] + 4, a[r] + 8, out + 4 * r);
    return true;
}

// In place: [L, D, U] of each node -> [L P_before, P, P U] with P the inverse of D - L P_before U_before. Returns the
// number of nodes done: fewer than `nodes` if a pivot is singular.
HPCALO_CLONES
long factor(double *blocks, long nodes) {
    for (long i = 0; i < nodes; ++i) {
        double *l = blocks + 48 * i, *d = l + 16, *u = l + 32, p[16];
        if (i > 0) {
            const Block taken = times(l, l - 16); // L (P U) of the node before
            for (int k = 0; k < 16; ++k) d[k] -= taken.a[k];
            const Block lp = times(l, l - 32);
            std::copy(lp.a, lp.a + 16, l);
        }
        if (!inverse(d, p)) return i;
        std::copy(p, p + 16, d);
        const Block pu = times(p, u);
        std::copy(pu.a, pu.a + 16, u);
    }
    return nodes;
}

HPCALO_CLONES
void solve(const double *blocks, double *q, long nodes) {
    for (long i = 1; i < nodes; ++i) {
        double t[4];
        times(blocks + 48 * i, q + 4 * (i - 1), t);
        for (int k = 0; k < 4; ++k) q[4 * i + k] -= t[k];
    }
    for (long i = nodes - 1; i >= 0; --i) {
        double t[4], u[4] = {0, 0, 0, 0};
        times(blocks + 48 * i + 16, q + 4 * i, t);
        if (i + 1 < nodes) times(blocks + 48 * i + 32, q + 4 * (i + 1), u);
        for (int k = 0; k < 4; ++k) q[4 * i + k] = t[k] - u[k];
    }
}

} // namespace

void bind_wall_diffusion(nb::module_ &module) {
    using namespace nb::literals;
    module.def(
        "diffusion_blocks",
        [](In<2> sums, In<2> m, In<2> mf, In<2> turn, Out<4> out, double dx, double a, double b, double half_j,
           double inverse_tau, double inverse_tau_sf) {
            const long nodes = out.shape(0);
            require(out.shape(1) == 3 && out.shape(2) == 4 && out.shape(3) == 4,
                    "diffusion_blocks: three blocks a node");
            require((long)sums.shape(0) == nodes + 2 && sums.shape(1) == 6 && (long)m.shape(0) == nodes + 2 &&
                        m.shape(1) == 3,
                    "diffusion_blocks: sums and m need two ghosts");
            require((long)mf.shape(0) == nodes + 1 && mf.shape(1) == 3 && (long)turn.shape(0) == nodes + 1 &&
                        turn.shape(1) == 3,
                    "diffusion_blocks: one magnetization per face");
            blocks(sums.data(), m.data(), mf.data(), turn.data(), out.data(), nodes, dx, a, b, half_j, inverse_tau,
                   inverse_tau_sf);
        },
        "sums"_a, "m"_a, "mf"_a, "turn"_a, "out"_a, "dx"_a, "a"_a, "b"_a, "half_j"_a, "inverse_tau"_a,
        "inverse_tau_sf"_a);
    module.def(
        "block_factor",
        [](Out<4> blocks) {
            require(blocks.shape(1) == 3 && blocks.shape(2) == 4 && blocks.shape(3) == 4,
                    "block_factor: three blocks a node");
            return factor(blocks.data(), blocks.shape(0));
        },
        "blocks"_a);
    module.def(
        "block_solve",
        [](In<4> blocks, Out<2> q) {
            require(blocks.shape(1) == 3 && blocks.shape(2) == 4 && blocks.shape(3) == 4 && q.shape(1) == 4 &&
                        q.shape(0) == blocks.shape(0),
                    "block_solve: shapes do not fit");
            solve(blocks.data(), q.data(), blocks.shape(0));
        },
        "blocks"_a, "q"_a);
}
