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

} // namespace

void bind_wall_paper(nb::module_ &m) {
    using namespace nb::literals;
    m.def(
        "paper_steady",
        [](In<2> mag, In<3> f0, In<2> f0_below, In<2> left, In<2> right, In<1> v, Out<3> f, double u, double dx,
           double dp, double force, double precession, double inverse_tau, double inverse_tau_s) {
            const long nodes = mag.shape(0), np = v.shape(0);
            require(mag.shape(1) == 3 && (long)f0.shape(0) == np && (long)f0.shape(1) == nodes && f0.shape(2) == 4 &&
                        (long)f.shape(0) == np && (long)f.shape(1) == nodes && f.shape(2) == 4 &&
                        (long)f0_below.shape(0) == nodes && f0_below.shape(1) == 4 && (long)left.shape(0) == np &&
                        left.shape(1) == 4 && (long)right.shape(0) == np && right.shape(1) == 4,
                    "paper_steady: shapes do not fit");
            std::vector<double> upper(16 * nodes), y(4 * nodes);
            const double *M = mag.data(), a = std::fabs(force) / dp;
            for (long step = 0; step < np; ++step) {
                const long j = force >= 0.0 ? step : np - 1 - step;
                const double *before =
                    step == 0 ? f0_below.data() : f.data() + (force >= 0.0 ? j - 1 : j + 1) * nodes * 4;
                const double *eq = f0.data() + j * nodes * 4;
                for (long i = 0; i < nodes; ++i) {
                    double plus[16], minus[16], w[16], rhs[20];
                    split(M + 3 * i, v.data()[j], u, plus, minus);
                    const double *n = M + 3 * i;
                    const double turn[16] = {0, 0, 0, 0, 0, 0, n[2], -n[1], 0, -n[2], 0, n[0], 0, n[1], -n[0], 0};
                    // turn is -(M x); Omega G = -(J/hbar) M x G
                    double b[4];
                    for (int r = 0; r < 4; ++r) {
                        const double rate = r ? inverse_tau_s : inverse_tau;
                        for (int c = 0; c < 4; ++c)
                            w[4 * r + c] = (plus[4 * r + c] - minus[4 * r + c]) / dx + precession * turn[4 * r + c] +
                                           (r == c ? a + rate : 0.0);
                        b[r] = rate * eq[4 * i + r] + a * before[4 * i + r];
                        for (int c = 0; c < 4; ++c) {
                            if (i == 0) b[r] += plus[4 * r + c] / dx * left.data()[4 * j + c];
                            if (i == nodes - 1) b[r] -= minus[4 * r + c] / dx * right.data()[4 * j + c];
                        }
                    }
                    if (i) {
                        const double *up = upper.data() + 16 * (i - 1), *yb = y.data() + 4 * (i - 1);
                        for (int r = 0; r < 4; ++r)
                            for (int k = 0; k < 4; ++k) {
                                const double l = -plus[4 * r + k] / dx;
                                for (int c = 0; c < 4; ++c) w[4 * r + c] -= l * up[4 * k + c];
                                b[r] -= l * yb[k];
                            }
                    }
                    for (int r = 0; r < 4; ++r) {
                        for (int c = 0; c < 4; ++c) rhs[5 * r + c] = minus[4 * r + c] / dx;
                        rhs[5 * r + 4] = b[r];
                    }
                    if (!gauss(w, rhs, 5)) throw nb::value_error("paper_steady: singular block");
                    for (int r = 0; r < 4; ++r) {
                        for (int c = 0; c < 4; ++c) upper[16 * i + 4 * r + c] = rhs[5 * r + c];
                        y[4 * i + r] = rhs[5 * r + 4];
                    }
                }
                double *out = f.data() + j * nodes * 4;
                for (long i = nodes - 1; i >= 0; --i)
                    for (int r = 0; r < 4; ++r) {
                        double s = y[4 * i + r];
                        if (i < nodes - 1)
                            for (int c = 0; c < 4; ++c) s -= upper[16 * i + 4 * r + c] * out[4 * (i + 1) + c];
                        out[4 * i + r] = s;
                    }
            }
        },
        "m"_a, "f0"_a, "f0_below"_a, "left"_a, "right"_a, "v"_a, "f"_a, "u"_a, "dx"_a, "dp"_a, "force"_a,
        "precession"_a, "inverse_tau"_a, "inverse_tau_s"_a);
    m.def(
        "paper_apply",
        [](In<5> blocks, In<3> f, In<2> left, In<2> right, In<2> below, In<2> above, Out<3> out) {
            const long np = blocks.shape(0), nodes = blocks.shape(1);
            require(blocks.shape(2) == SIDES && blocks.shape(3) == 4 && blocks.shape(4) == 4 &&
                        (long)f.shape(0) == np && (long)f.shape(1) == nodes && f.shape(2) == 4 &&
                        (long)out.shape(0) == np && (long)out.shape(1) == nodes && out.shape(2) == 4 &&
                        (long)left.shape(0) == np && left.shape(1) == 4 && (long)right.shape(0) == np &&
                        right.shape(1) == 4 && (long)below.shape(0) == nodes && below.shape(1) == 4 &&
                        (long)above.shape(0) == nodes && above.shape(1) == 4,
                    "paper_apply: shapes do not fit");
            const double *x = f.data();
            for (long j = 0; j < np; ++j)
                for (long i = 0; i < nodes; ++i) {
                    const long at = 4 * (j * nodes + i);
                    const double *b = blocks.data() + CELL * (j * nodes + i);
                    double z[4] = {0, 0, 0, 0};
                    add(b + 16 * OWN, x + at, z);
                    add(b + 16 * LEFT, i ? x + at - 4 : left.data() + 4 * j, z);
                    add(b + 16 * RIGHT, i < nodes - 1 ? x + at + 4 : right.data() + 4 * j, z);
                    add(b + 16 * BELOW, j ? x + at - 4 * nodes : below.data() + 4 * i, z);
                    add(b + 16 * ABOVE, j < np - 1 ? x + at + 4 * nodes : above.data() + 4 * i, z);
                    for (int r = 0; r < 4; ++r) out.data()[at + r] = z[r];
                }
        },
        "blocks"_a, "f"_a, "left"_a, "right"_a, "below"_a, "above"_a, "out"_a);
    m.def(
        "paper_factor",
        [](In<5> blocks, Out<5> factors) {
            const long np = blocks.shape(0), nodes = blocks.shape(1);
            require(blocks.shape(2) == SIDES && blocks.shape(3) == 4 && blocks.shape(4) == 4 &&
                        (long)factors.shape(0) == np && (long)factors.shape(1) == nodes && factors.shape(2) == 2 &&
                        factors.shape(3) == 4 && factors.shape(4) == 4,
                    "paper_factor: shapes do not fit");
            for (long j = 0; j < np; ++j)
                for (long i = 0; i < nodes; ++i) {
                    const double *b = blocks.data() + CELL * (j * nodes + i);
                    double *own = factors.data() + 32 * (j * nodes + i), w[16], rhs[32];
                    for (int k = 0; k < 16; ++k) w[k] = b[16 * OWN + k];
                    if (i)
                        for (int r = 0; r < 4; ++r)
                            for (int k = 0; k < 4; ++k)
                                for (int c = 0; c < 4; ++c)
                                    w[4 * r + c] -= b[16 * LEFT + 4 * r + k] * (own - 16)[4 * k + c];
                    for (int r = 0; r < 4; ++r)
                        for (int c = 0; c < 4; ++c) {
                            rhs[8 * r + c] = r == c;
                            rhs[8 * r + 4 + c] = b[16 * RIGHT + 4 * r + c];
                        }
                    if (!gauss(w, rhs, 8)) throw nb::value_error("paper_factor: singular block");
                    for (int r = 0; r < 4; ++r)
                        for (int c = 0; c < 4; ++c) {
                            own[4 * r + c] = rhs[8 * r + c];
                            own[16 + 4 * r + c] = rhs[8 * r + 4 + c];
                        }
                }
        },
        "blocks"_a, "factors"_a);
    m.def(
        "paper_sweep",
        [](In<5> blocks, In<5> factors, In<3> r, Out<3> z, bool ascending) {
            const long np = blocks.shape(0), nodes = blocks.shape(1);
            require(blocks.shape(2) == SIDES && (long)factors.shape(0) == np && (long)factors.shape(1) == nodes &&
                        factors.shape(2) == 2 && (long)r.shape(0) == np && (long)r.shape(1) == nodes &&
                        r.shape(2) == 4 && (long)z.shape(0) == np && (long)z.shape(1) == nodes && z.shape(2) == 4,
                    "paper_sweep: shapes do not fit");
            for (long step = 0; step < np; ++step) {
                const long j = ascending ? step : np - 1 - step;
                double *own = z.data() + 4 * j * nodes;
                for (long i = 0; i < nodes; ++i) {
                    const double *b = blocks.data() + CELL * (j * nodes + i);
                    double known[4] = {0, 0, 0, 0}, y[4] = {0, 0, 0, 0};
                    if (j) add(b + 16 * BELOW, own + 4 * (i - nodes), known);
                    if (j < np - 1) add(b + 16 * ABOVE, own + 4 * (i + nodes), known);
                    if (i) add(b + 16 * LEFT, own + 4 * (i - 1), known);
                    for (int k = 0; k < 4; ++k) known[k] = r.data()[4 * (j * nodes + i) + k] - known[k];
                    add(factors.data() + 32 * (j * nodes + i), known, y);
                    for (int k = 0; k < 4; ++k) own[4 * i + k] = y[k];
                }
                for (long i = nodes - 2; i >= 0; --i) {
                    double y[4] = {0, 0, 0, 0};
                    add(factors.data() + 32 * (j * nodes + i) + 16, own + 4 * (i + 1), y);
                    for (int k = 0; k < 4; ++k) own[4 * i + k] -= y[k];
                }
            }
        },
        "blocks"_a, "factors"_a, "r"_a, "z"_a, "ascending"_a);
}
