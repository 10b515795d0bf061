// The published equations, steady state: one 4x4 block-tridiagonal system in x per momentum, momenta in upwind order.
// With the force of a band energy that depends on x a momentum has two neighbours, and with collisions that conserve
// all: then these systems are what an iteration is preconditioned with.
#include "common.hpp"

#include <cmath>
#include <vector>

namespace {

// Upwind parts of the streaming matrix [[v, u M^T], [u M, v]]: eigenvalues v +- u on (1, +-M)/sqrt 2, v across.
void split(const double *m, double v, double u, double *plus, double *minus) {
    for (int sign = 0; sign < 2; ++sign) {
        const auto part = [&](double x) { return sign ? std::fmin(x, 0.0) : std::fmax(x, 0.0); };
        const double up = part(v + u), dn = part(v - u), tr = part(v);
        double *out = sign ? minus : plus;
        for (int r = 0; r < 4; ++r)
            for (int c = 0; c < 4; ++c) {
                if (r == 0 && c == 0)
                    out[0] = 0.5 * (up + dn);
                else if (r == 0)
                    out[c] = 0.5 * (up - dn) * m[c - 1];
                else if (c == 0)
                    out[4 * r] = 0.5 * (up - dn) * m[r - 1];
                else
                    out[4 * r + c] = (0.5 * (up + dn) - tr) * m[r - 1] * m[c - 1] + (r == c ? tr : 0.0);
            }
    }
}

// Solves the 4x4 system W X = R for `columns` right-hand sides (row-major R, in place), partial pivoting.
bool gauss(double *w, double *r, int columns) {
    for (int k = 0; k < 4; ++k) {
        int best = k;
        for (int i = k + 1; i < 4; ++i)
            if (std::fabs(w[4 * i + k]) > std::fabs(w[4 * best + k])) best = i;
        if (w[4 * best + k] == 0.0) return false;
        if (best != k) {
            for (int c = 0; c < 4; ++c) std::swap(w[4 * k + c], w[4 * best + c]);
            for (int c = 0; c < columns; ++c) std::swap(r[columns * k + c], r[columns * best + c]);
        }
        for (int i = k + 1; i < 4; ++i) {
            const double f = w[4 * i + k] / w[4 * k + k];
            for (int c = k; c < 4; ++c) w[4 * i + c] -= f * w[4 * k + c];
            for (int c = 0; c < columns; ++c) r[columns * i + c] -= f * r[columns * k + c];
        }
    }
    for (int k = 3; k >= 0; --k)
        for (int c = 0; c < columns; ++c) {
            double s = r[columns * k + c];
            for (int i = k + 1; i < 4; ++i) s -= w[4 * k + i] * r[columns * i + c];
            r[columns * k + c] = s / w[4 * k + k];
        }
    return true;
}

// z += B y for a 4x4 block.
HPCALO_INLINE void add(const double *b, const double *y, double *z) {
    for (int r = 0; r < 4; ++r)
        for (int c = 0; c < 4; ++c) z[r] += b[4 * r + c] * y[c];
}

// Blocks of one cell (momentum j, node i): the cell itself and its neighbours i - 1, i + 1, j - 1, j + 1.
enum Side { OWN, LEFT, RIGHT, BELOW, ABOVE, SIDES };
constexpr long CELL = 16 * SIDES;

// The published equations in one momentum after the other: what `steady` works on. M (nodes, 3), f0 and f (momenta,
// nodes, 4), f0_below (nodes, 4), left and right (momenta, 4): what the ends of the wire hold.
struct Upwind {
    const double *m, *f0, *f0_below, *left, *right, *v;
    double *f;
    long nodes, np;
    double u, dx, dp, force, precession, inverse_tau, inverse_tau_s;
};

// The equation of one node: w f_i = b + (what its neighbours in x bring); minus: coupling to the node on its right.
void node_equation(const Upwind &k, long j, long i, const double *before, double *plus, double *minus, double *w,
                   double *b) {
    const double *n = k.m + 3 * i, *eq = k.f0 + (j * k.nodes + i) * 4, a = std::fabs(k.force) / k.dp;
    split(n, k.v[j], k.u, plus, minus);
    // -(M x): Omega G = -(J/hbar) M x G
    const double rotation[16] = {0, 0, 0, 0, 0, 0, n[2], -n[1], 0, -n[2], 0, n[0], 0, n[1], -n[0], 0};
    for (int r = 0; r < 4; ++r) {
        const double rate = r ? k.inverse_tau_s : k.inverse_tau;
        for (int c = 0; c < 4; ++c)
            w[4 * r + c] = (plus[4 * r + c] - minus[4 * r + c]) / k.dx + k.precession * rotation[4 * r + c] +
                           (r == c ? a + rate : 0.0);
        b[r] = rate * eq[r] + a * before[4 * i + r];
        for (int c = 0; c < 4; ++c) {
            if (i == 0) b[r] += plus[4 * r + c] / k.dx * k.left[4 * j + c];
            if (i == k.nodes - 1) b[r] -= minus[4 * r + c] / k.dx * k.right[4 * j + c];
        }
    }
}

// Block elimination along the wire for each momentum in the direction of the force; false if a block is singular.
bool steady(const Upwind &k) {
    const long nodes = k.nodes;
    std::vector<double> upper(16 * nodes), y(4 * nodes);
    for (long step = 0; step < k.np; ++step) {
        const long j = k.force >= 0.0 ? step : k.np - 1 - step;
        const double *before = step == 0 ? k.f0_below : k.f + (k.force >= 0.0 ? j - 1 : j + 1) * nodes * 4;
        for (long i = 0; i < nodes; ++i) {
            double plus[16], minus[16], w[16], b[4], rhs[20];
            node_equation(k, j, i, before, plus, minus, w, b);
            if (i) {
                const double *up = upper.data() + 16 * (i - 1), *yb = y.data() + 4 * (i - 1);
                for (int r = 0; r < 4; ++r)
                    for (int n = 0; n < 4; ++n) {
                        const double l = -plus[4 * r + n] / k.dx;
                        for (int c = 0; c < 4; ++c) w[4 * r + c] -= l * up[4 * n + c];
                        b[r] -= l * yb[n];
                    }
            }
            for (int r = 0; r < 4; ++r) {
                for (int c = 0; c < 4; ++c) rhs[5 * r + c] = minus[4 * r + c] / k.dx;
                rhs[5 * r + 4] = b[r];
            }
            if (!gauss(w, rhs, 5)) return false;
            for (int r = 0; r < 4; ++r) {
                for (int c = 0; c < 4; ++c) upper[16 * i + 4 * r + c] = rhs[5 * r + c];
                y[4 * i + r] = rhs[5 * r + 4];
            }
        }
        double *out = k.f + j * nodes * 4;
        for (long i = nodes - 1; i >= 0; --i)
            for (int r = 0; r < 4; ++r) {
                double s = y[4 * i + r];
                if (i < nodes - 1)
                    for (int c = 0; c < 4; ++c) s -= upper[16 * i + 4 * r + c] * out[4 * (i + 1) + c];
                out[4 * i + r] = s;
            }
    }
    return true;
}

// What lies beyond the first and last node (left, right: (momenta, 4)) and momentum (below, above: (nodes, 4)).
struct Edges {
    const double *left, *right, *below, *above;
};

// out = A f: each cell's block and those of its four neighbours.
void apply(const double *blocks, const double *f, const Edges &edges, double *out, long np, long nodes) {
    for (long j = 0; j < np; ++j)
        for (long i = 0; i < nodes; ++i) {
            const long at = 4 * (j * nodes + i);
            const double *b = blocks + CELL * (j * nodes + i);
            double z[4] = {0, 0, 0, 0};
            add(b + 16 * OWN, f + at, z);
            add(b + 16 * LEFT, i ? f + at - 4 : edges.left + 4 * j, z);
            add(b + 16 * RIGHT, i < nodes - 1 ? f + at + 4 : edges.right + 4 * j, z);
            add(b + 16 * BELOW, j ? f + at - 4 * nodes : edges.below + 4 * i, z);
            add(b + 16 * ABOVE, j < np - 1 ? f + at + 4 * nodes : edges.above + 4 * i, z);
            for (int r = 0; r < 4; ++r) out[at + r] = z[r];
        }
}

// Block elimination along x for each momentum on its own: inverse pivot P and P U of each cell; false if singular.
bool factor(const double *blocks, double *factors, long np, long nodes) {
    for (long j = 0; j < np; ++j)
        for (long i = 0; i < nodes; ++i) {
            const double *b = blocks + CELL * (j * nodes + i);
            double *own = factors + 32 * (j * nodes + i), w[16], rhs[32];
            for (int k = 0; k < 16; ++k) w[k] = b[16 * OWN + k];
            if (i)
                for (int r = 0; r < 4; ++r)
                    for (int k = 0; k < 4; ++k)
                        for (int c = 0; c < 4; ++c) w[4 * r + c] -= b[16 * LEFT + 4 * r + k] * (own - 16)[4 * k + c];
            for (int r = 0; r < 4; ++r)
                for (int c = 0; c < 4; ++c) {
                    rhs[8 * r + c] = r == c;
                    rhs[8 * r + 4 + c] = b[16 * RIGHT + 4 * r + c];
                }
            if (!gauss(w, rhs, 8)) return false;
            for (int r = 0; r < 4; ++r)
                for (int c = 0; c < 4; ++c) {
                    own[4 * r + c] = rhs[8 * r + c];
                    own[16 + 4 * r + c] = rhs[8 * r + 4 + c];
                }
        }
    return true;
}

// One Gauss-Seidel pass over the momenta, each solved exactly in x: z from the right-hand side r.
void momentum_pass(const double *blocks, const double *factors, const double *r, double *z, long np, long nodes,
                   bool ascending) {
    for (long step = 0; step < np; ++step) {
        const long j = ascending ? step : np - 1 - step;
        double *own = z + 4 * j * nodes;
        for (long i = 0; i < nodes; ++i) {
            const double *b = blocks + CELL * (j * nodes + i);
            double known[4] = {0, 0, 0, 0}, y[4] = {0, 0, 0, 0};
            if (j) add(b + 16 * BELOW, own + 4 * (i - nodes), known);
            if (j < np - 1) add(b + 16 * ABOVE, own + 4 * (i + nodes), known);
            if (i) add(b + 16 * LEFT, own + 4 * (i - 1), known);
            for (int k = 0; k < 4; ++k) known[k] = r[4 * (j * nodes + i) + k] - known[k];
            add(factors + 32 * (j * nodes + i), known, y);
            for (int k = 0; k < 4; ++k) own[4 * i + k] = y[k];
        }
        for (long i = nodes - 2; i >= 0; --i) {
            double y[4] = {0, 0, 0, 0};
            add(factors + 32 * (j * nodes + i) + 16, own + 4 * (i + 1), y);
            for (int k = 0; k < 4; ++k) own[4 * i + k] -= y[k];
        }
    }
}

} // namespace

void bind_wall_paper(nb::module_ &m) {
    using namespace nb::literals;
    m.def(
        "paper_steady",
        [](In<2> mag, In<3> f0, In<2> f0_below, In<2> left, In<2> right, In<1> v, Out<3> f, double u, double dx,
           double dp, double force, double precession, double inverse_tau, double inverse_tau_s) {
            const long nodes = mag.shape(0), np = v.shape(0);
            require(mag.shape(1) == 3 && has_shape(f0, {np, nodes, 4}) && has_shape(f, {np, nodes, 4}) &&
                        has_shape(f0_below, {nodes, 4}) && has_shape(left, {np, 4}) && has_shape(right, {np, 4}),
                    "paper_steady: shapes do not fit");
            require(steady({mag.data(), f0.data(), f0_below.data(), left.data(), right.data(), v.data(), f.data(),
                            nodes, np, u, dx, dp, force, precession, inverse_tau, inverse_tau_s}),
                    "paper_steady: singular block");
        },
        "m"_a, "f0"_a, "f0_below"_a, "left"_a, "right"_a, "v"_a, "f"_a, nb::kw_only(), "u"_a, "dx"_a, "dp"_a, "force"_a,
        "precession"_a, "inverse_tau"_a, "inverse_tau_s"_a);
    m.def(
        "paper_apply",
        [](In<5> blocks, In<3> f, In<2> left, In<2> right, In<2> below, In<2> above, Out<3> out) {
            const long np = blocks.shape(0), nodes = blocks.shape(1);
            require(has_shape(blocks, {np, nodes, SIDES, 4, 4}) && has_shape(f, {np, nodes, 4}) &&
                        has_shape(out, {np, nodes, 4}) && has_shape(left, {np, 4}) && has_shape(right, {np, 4}) &&
                        has_shape(below, {nodes, 4}) && has_shape(above, {nodes, 4}),
                    "paper_apply: shapes do not fit");
            apply(blocks.data(), f.data(), {left.data(), right.data(), below.data(), above.data()}, out.data(), np,
                  nodes);
        },
        "blocks"_a, "f"_a, "left"_a, "right"_a, "below"_a, "above"_a, "out"_a);
    m.def(
        "paper_factor",
        [](In<5> blocks, Out<5> factors) {
            const long np = blocks.shape(0), nodes = blocks.shape(1);
            require(has_shape(blocks, {np, nodes, SIDES, 4, 4}) && has_shape(factors, {np, nodes, 2, 4, 4}),
                    "paper_factor: shapes do not fit");
            require(factor(blocks.data(), factors.data(), np, nodes), "paper_factor: singular block");
        },
        "blocks"_a, "factors"_a);
    m.def(
        "paper_pass",
        [](In<5> blocks, In<5> factors, In<3> r, Out<3> z, bool ascending) {
            const long np = blocks.shape(0), nodes = blocks.shape(1);
            require(has_shape(blocks, {np, nodes, SIDES, 4, 4}) && has_shape(factors, {np, nodes, 2, 4, 4}) &&
                        has_shape(r, {np, nodes, 4}) && has_shape(z, {np, nodes, 4}),
                    "paper_pass: shapes do not fit");
            momentum_pass(blocks.data(), factors.data(), r.data(), z.data(), np, nodes, ascending);
        },
        "blocks"_a, "factors"_a, "r"_a, "z"_a, "ascending"_a);
}
