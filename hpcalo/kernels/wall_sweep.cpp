// Two-way sweep: solves streaming + relaxation + precession (no collision gain, no momentum coupling) exactly,
// for all momenta at once: a scalar tridiagonal system for F and a 3x3 block one for G per momentum.
#include "wall_common.hpp"

namespace {

// Inverse of (a - b M x) as a row-major 3x3 matrix.
inline void inverse_precession(const double *m, double a, double b, double *out) {
    const double d = 1.0 / (a * a + b * b), w = b * b / a;
    const double cross[9] = {0, -m[2], m[1], m[2], 0, -m[0], -m[1], m[0], 0};
    for (int r = 0; r < 3; ++r)
        for (int c = 0; c < 3; ++c) out[3 * r + c] = d * ((r == c ? a : 0.0) + b * cross[3 * r + c] + w * m[r] * m[c]);
}

HPCALO_CLONES
void factor(const double *m, const double *mf, const double *speed2, double *face, double *pivot_f, double *pivot_g,
            long nodes, long np, double a, double b) {
    for (long i = 0; i <= nodes; ++i) inverse_precession(mf + 3 * i, a, b, face + 9 * i);
    for (long i = 0; i < nodes; ++i) {
        const double *mi = m + 3 * i, *bl = face + 9 * i, *br = face + 9 * (i + 1);
        const double local[9] = {a, b * mi[2], -b * mi[1], -b * mi[2], a, b * mi[0], b * mi[1], -b * mi[0], a};
        double *pf = pivot_f + i * np, *pg = pivot_g + i * 9 * np;
        const double *qf = i ? pf - np : nullptr, *qg = i ? pg - 9 * np : nullptr;
        for (long j = 0; j < np; ++j) {
            const double s = speed2[j], g = s / a;
            pf[j] = 1.0 / (a + 2.0 * g - (qf ? g * g * qf[j] : 0.0));
            double w[9];
            for (int k = 0; k < 9; ++k) w[k] = local[k] + s * (bl[k] + br[k]);
            if (qg) {
                double t[9];
                for (int r = 0; r < 3; ++r)
                    for (int c = 0; c < 3; ++c)
                        t[3 * r + c] = qg[(3 * r) * np + j] * bl[c] + qg[(3 * r + 1) * np + j] * bl[3 + c] +
                                       qg[(3 * r + 2) * np + j] * bl[6 + c];
                for (int r = 0; r < 3; ++r)
                    for (int c = 0; c < 3; ++c)
                        w[3 * r + c] -= s * s * (bl[3 * r] * t[c] + bl[3 * r + 1] * t[3 + c] + bl[3 * r + 2] * t[6 + c]);
            }
            const double c0 = w[4] * w[8] - w[5] * w[7], c1 = w[5] * w[6] - w[3] * w[8], c2 = w[3] * w[7] - w[4] * w[6];
            const double id = 1.0 / (w[0] * c0 + w[1] * c1 + w[2] * c2);
            pg[j] = c0 * id;
            pg[np + j] = (w[2] * w[7] - w[1] * w[8]) * id;
            pg[2 * np + j] = (w[1] * w[5] - w[2] * w[4]) * id;
            pg[3 * np + j] = c1 * id;
            pg[4 * np + j] = (w[0] * w[8] - w[2] * w[6]) * id;
            pg[5 * np + j] = (w[2] * w[3] - w[0] * w[5]) * id;
            pg[6 * np + j] = c2 * id;
            pg[7 * np + j] = (w[1] * w[6] - w[0] * w[7]) * id;
            pg[8 * np + j] = (w[0] * w[4] - w[1] * w[3]) * id;
        }
    }
}

HPCALO_CLONES
void solve(const double *r, const double *speed2, const double *face, const double *pivot_f, const double *pivot_g,
           double *z, long nodes, long np, double a) {
    for (long i = 0; i < nodes; ++i) {
        const double *ri = r + i * 4 * np, *pf = pivot_f + i * np, *pg = pivot_g + i * 9 * np, *bl = face + 9 * i;
        double *zi = z + i * 4 * np;
        const double *before = zi - 4 * np;
        for (long j = 0; j < np; ++j) {
            double f = ri[j], x = ri[np + j], y = ri[2 * np + j], w = ri[3 * np + j];
            if (i) {
                const double s = speed2[j], tx = before[np + j], ty = before[2 * np + j], tz = before[3 * np + j];
                f += s / a * before[j];
                x += s * (bl[0] * tx + bl[1] * ty + bl[2] * tz);
                y += s * (bl[3] * tx + bl[4] * ty + bl[5] * tz);
                w += s * (bl[6] * tx + bl[7] * ty + bl[8] * tz);
            }
            zi[j] = pf[j] * f;
            zi[np + j] = pg[j] * x + pg[np + j] * y + pg[2 * np + j] * w;
            zi[2 * np + j] = pg[3 * np + j] * x + pg[4 * np + j] * y + pg[5 * np + j] * w;
            zi[3 * np + j] = pg[6 * np + j] * x + pg[7 * np + j] * y + pg[8 * np + j] * w;
        }
    }
    for (long i = nodes - 2; i >= 0; --i) {
        const double *pf = pivot_f + i * np, *pg = pivot_g + i * 9 * np, *br = face + 9 * (i + 1);
        double *zi = z + i * 4 * np;
        const double *after = zi + 4 * np;
        for (long j = 0; j < np; ++j) {
            const double s = speed2[j], tx = after[np + j], ty = after[2 * np + j], tz = after[3 * np + j];
            const double x = s * (br[0] * tx + br[1] * ty + br[2] * tz), y = s * (br[3] * tx + br[4] * ty + br[5] * tz),
                         w = s * (br[6] * tx + br[7] * ty + br[8] * tz);
            zi[j] += pf[j] * s / a * after[j];
            zi[np + j] += pg[j] * x + pg[np + j] * y + pg[2 * np + j] * w;
            zi[2 * np + j] += pg[3 * np + j] * x + pg[4 * np + j] * y + pg[5 * np + j] * w;
            zi[3 * np + j] += pg[6 * np + j] * x + pg[7 * np + j] * y + pg[8 * np + j] * w;
        }
    }
}

// z -= spike_f * b_F, z -= spike_g b_G for the nodes first <= i < last.
HPCALO_CLONES
void spike(const double *spike_f, const double *spike_g, const double *edge, double *z, long first, long last, long np) {
    for (long i = first; i < last; ++i) {
        const double *sf = spike_f + i * np, *sg = spike_g + i * 9 * np;
        double *zi = z + i * 4 * np;
        for (long j = 0; j < np; ++j) {
            const double x = edge[np + j], y = edge[2 * np + j], w = edge[3 * np + j];
            zi[j] -= sf[j] * edge[j];
            zi[np + j] -= sg[j] * x + sg[np + j] * y + sg[2 * np + j] * w;
            zi[2 * np + j] -= sg[3 * np + j] * x + sg[4 * np + j] * y + sg[5 * np + j] * w;
            zi[3 * np + j] -= sg[6 * np + j] * x + sg[7 * np + j] * y + sg[8 * np + j] * w;
        }
    }
}

}  // namespace

void bind_wall_sweep(nb::module_ &m) {
    using namespace nb::literals;
    m.def(
        "sweep_factor",
        [](In<2> mag, In<2> mf, In<1> speed2, Out<2> face, Out<2> pivot_f, Out<3> pivot_g, double a, double b) {
            const long nodes = mag.shape(0), np = speed2.shape(0);
            require(mag.shape(1) == 3 && mf.shape(1) == 3 && (long)mf.shape(0) == nodes + 1 &&
                        (long)face.shape(0) == nodes + 1 && face.shape(1) == 9 && (long)pivot_f.shape(0) == nodes &&
                        (long)pivot_f.shape(1) == np && (long)pivot_g.shape(0) == nodes && pivot_g.shape(1) == 9 &&
                        (long)pivot_g.shape(2) == np,
                    "sweep_factor: shapes do not fit");
            factor(mag.data(), mf.data(), speed2.data(), face.data(), pivot_f.data(), pivot_g.data(), nodes, np, a, b);
        },
        "m"_a, "mf"_a, "speed2"_a, "face"_a, "pivot_f"_a, "pivot_g"_a, "a"_a, "b"_a);
    m.def(
        "sweep_solve",
        [](In<3> r, In<1> speed2, In<2> face, In<2> pivot_f, In<3> pivot_g, Out<3> z, double a) {
            const long nodes = r.shape(0), np = r.shape(2);
            require(r.shape(1) == 4 && (long)z.shape(0) == nodes && z.shape(1) == 4 && (long)z.shape(2) == np &&
                        (long)speed2.shape(0) == np && (long)face.shape(0) == nodes + 1 && face.shape(1) == 9 &&
                        (long)pivot_f.shape(0) == nodes && (long)pivot_f.shape(1) == np &&
                        (long)pivot_g.shape(0) == nodes && pivot_g.shape(1) == 9 && (long)pivot_g.shape(2) == np,
                    "sweep_solve: shapes do not fit");
            solve(r.data(), speed2.data(), face.data(), pivot_f.data(), pivot_g.data(), z.data(), nodes, np, a);
        },
        "r"_a, "speed2"_a, "face"_a, "pivot_f"_a, "pivot_g"_a, "z"_a, "a"_a);
    m.def(
        "spike_subtract",
        [](In<2> spike_f, In<3> spike_g, In<2> edge, Out<3> z, long first, long last) {
            const long nodes = z.shape(0), np = z.shape(2);
            require(z.shape(1) == 4 && (long)spike_f.shape(0) == nodes && (long)spike_f.shape(1) == np &&
                        (long)spike_g.shape(0) == nodes && spike_g.shape(1) == 9 && (long)spike_g.shape(2) == np &&
                        edge.shape(0) == 4 && (long)edge.shape(1) == np && 0 <= first && first <= last && last <= nodes,
                    "spike_subtract: shapes do not fit");
            spike(spike_f.data(), spike_g.data(), edge.data(), z.data(), first, last, np);
        },
        "spike_f"_a, "spike_g"_a, "edge"_a, "z"_a, "first"_a, "last"_a);
}
