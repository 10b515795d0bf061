// Two-way sweep: solves streaming + relaxation + precession (no collision gain, no momentum coupling) exactly,
// for all momenta at once: a scalar tridiagonal system for F and a 3x3 block one for G per momentum.
#include "wall_common.hpp"

#include <vector>

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

// Right-hand side r + (all (h dn + hd M.dm), all hd dn M + keep h dm) for moments q at one node (r or q may be absent).
template <bool given>
inline __attribute__((always_inline)) void right_row(const double *__restrict r, const double *q, const double *m,
                                                     const double *__restrict h, const double *__restrict hd,
                                                     double *__restrict to, long np, double all, double keep) {
    const double n = all * q[0], along = all * (m[0] * q[1] + m[1] * q[2] + m[2] * q[3]);
    const double x = keep * q[1], y = keep * q[2], z = keep * q[3], xd = n * m[0], yd = n * m[1], zd = n * m[2];
#pragma omp simd
    for (long j = 0; j < np; ++j) {
        const double hj = h[j], dj = hd[j];
        to[j] = (given ? r[j] : 0.0) + n * hj + along * dj;
        to[np + j] = (given ? r[np + j] : 0.0) + x * hj + xd * dj;
        to[2 * np + j] = (given ? r[2 * np + j] : 0.0) + y * hj + yd * dj;
        to[3 * np + j] = (given ? r[3 * np + j] : 0.0) + z * hj + zd * dj;
    }
}

// z of (streaming + a - b M x) z = r + gain(q), and the row sums of z times `weight` if `sums` is given.
HPCALO_CLONES
void solve(const double *r, const double *q, const double *m, const double *h, const double *hd, const double *speed2,
           const double *face, const double *pivot_f, const double *pivot_g, double *z, double *sums, double *buffer,
           long nodes, long np, double a, double all, double keep, double weight) {
    const double ia = 1.0 / a;
    for (long i = 0; i < nodes; ++i) {
        const double *__restrict ri = r ? r + i * 4 * np : nullptr;
        if (q) {
            if (ri) right_row<true>(ri, q + 4 * i, m + 3 * i, h + i * np, hd + i * np, buffer, np, all, keep);
            else right_row<false>(nullptr, q + 4 * i, m + 3 * i, h + i * np, hd + i * np, buffer, np, all, keep);
            ri = buffer;
        }
        const double *__restrict pf = pivot_f + i * np, *__restrict pg = pivot_g + i * 9 * np, *__restrict s2 = speed2;
        const double *bl = face + 9 * i;
        const double b0 = bl[0], b1 = bl[1], b2 = bl[2], b3 = bl[3], b4 = bl[4], b5 = bl[5], b6 = bl[6], b7 = bl[7],
                     b8 = bl[8];
        double *__restrict zi = z + i * 4 * np;
        const double *__restrict before = i ? zi - 4 * np : zi;
        const bool first = i == 0;
#pragma omp simd
        for (long j = 0; j < np; ++j) {
            double f = ri[j], x = ri[np + j], y = ri[2 * np + j], w = ri[3 * np + j];
            if (!first) {
                const double s = s2[j], tx = before[np + j], ty = before[2 * np + j], tz = before[3 * np + j];
                f += s * ia * before[j];
                x += s * (b0 * tx + b1 * ty + b2 * tz);
                y += s * (b3 * tx + b4 * ty + b5 * tz);
                w += s * (b6 * tx + b7 * ty + b8 * tz);
            }
            zi[j] = pf[j] * f;
            zi[np + j] = pg[j] * x + pg[np + j] * y + pg[2 * np + j] * w;
            zi[2 * np + j] = pg[3 * np + j] * x + pg[4 * np + j] * y + pg[5 * np + j] * w;
            zi[3 * np + j] = pg[6 * np + j] * x + pg[7 * np + j] * y + pg[8 * np + j] * w;
        }
    }
    for (long i = nodes - 1; i >= 0; --i) {
        double *__restrict zi = z + i * 4 * np;
        if (i < nodes - 1) {
            const double *__restrict pf = pivot_f + i * np, *__restrict pg = pivot_g + i * 9 * np,
                         *__restrict s2 = speed2, *__restrict after = zi + 4 * np;
            const double *br = face + 9 * (i + 1);
            const double b0 = br[0], b1 = br[1], b2 = br[2], b3 = br[3], b4 = br[4], b5 = br[5], b6 = br[6], b7 = br[7],
                         b8 = br[8];
#pragma omp simd
            for (long j = 0; j < np; ++j) {
                const double s = s2[j], tx = after[np + j], ty = after[2 * np + j], tz = after[3 * np + j];
                const double x = s * (b0 * tx + b1 * ty + b2 * tz), y = s * (b3 * tx + b4 * ty + b5 * tz),
                             w = s * (b6 * tx + b7 * ty + b8 * tz);
                zi[j] += pf[j] * s * ia * after[j];
                zi[np + j] += pg[j] * x + pg[np + j] * y + pg[2 * np + j] * w;
                zi[2 * np + j] += pg[3 * np + j] * x + pg[4 * np + j] * y + pg[5 * np + j] * w;
                zi[3 * np + j] += pg[6 * np + j] * x + pg[7 * np + j] * y + pg[8 * np + j] * w;
            }
        }
        if (sums)
            for (long c = 0; c < 4; ++c) sums[4 * i + c] = weight * row_sum(zi + c * np, np);
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
        [](nb::object r, nb::object q, In<2> mag, In<2> h, In<2> hd, In<1> speed2, In<2> face, In<2> pivot_f,
           In<3> pivot_g, Out<3> z, nb::object sums, double a, double all, double keep, double dp) {
            const long nodes = z.shape(0), np = z.shape(2);
            require(z.shape(1) == 4 && (long)speed2.shape(0) == np && (long)face.shape(0) == nodes + 1 &&
                        face.shape(1) == 9 && (long)pivot_f.shape(0) == nodes && (long)pivot_f.shape(1) == np &&
                        (long)pivot_g.shape(0) == nodes && pivot_g.shape(1) == 9 && (long)pivot_g.shape(2) == np &&
                        (long)mag.shape(0) == nodes && mag.shape(1) == 3 && (long)h.shape(0) == nodes &&
                        (long)h.shape(1) == np && (long)hd.shape(0) == nodes && (long)hd.shape(1) == np,
                    "sweep_solve: shapes do not fit");
            require(!r.is_none() || !q.is_none(), "sweep_solve: a right-hand side, moments, or both are needed");
            const double *right = nullptr, *moments = nullptr;
            double *out = nullptr;
            if (!r.is_none()) {
                auto array = nb::cast<In<3>>(r);
                require((long)array.shape(0) == nodes && array.shape(1) == 4 && (long)array.shape(2) == np,
                        "sweep_solve: the right-hand side has the shape of z");
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
                out = array.data();
            }
            std::vector<double> buffer(4 * np);
            solve(right, moments, mag.data(), h.data(), hd.data(), speed2.data(), face.data(), pivot_f.data(),
                  pivot_g.data(), z.data(), out, buffer.data(), nodes, np, a, all, keep, 2.0 * dp);
        },
        "r"_a.none(), "q"_a.none(), "m"_a, "h"_a, "hd"_a, "speed2"_a, "face"_a, "pivot_f"_a, "pivot_g"_a, "z"_a,
        "sums"_a.none(), "a"_a, "all"_a, "keep"_a, "dp"_a);
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
