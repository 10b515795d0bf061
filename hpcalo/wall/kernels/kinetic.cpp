// Parity-split kinetic operator: odd part on faces, balance of the even part on nodes.
// Layout [x][component F, Gx, Gy, Gz][p > 0]; p is innermost so that every loop over it vectorizes.
#include "medium.hpp"

#include <algorithm>
#include <vector>

namespace {

// d/dp of an even (sign = +1) or odd (sign = -1) function on cell centres. Even: mirror at p = 0 and at the cutoff.
// Odd: antisymmetric at p = 0, no flux through the cutoff. The two are minus each other's transpose.
HPCALO_INLINE void slope(const double *f, double *out, long np, double inverse_2dp, double sign) {
    out[0] = (f[1] - sign * f[0]) * inverse_2dp;
    for (long j = 1; j < np - 1; ++j) out[j] = (f[j + 1] - f[j - 1]) * inverse_2dp;
    out[np - 1] = (sign * f[np - 1] - f[np - 2]) * inverse_2dp;
}

// rate = source - v d_x e - (J/2) M' . d_p e at one face; buffer holds 8 np doubles.
HPCALO_INLINE void face_rate(const double *left, const double *right, const double *dm_dx, const double *v,
                             const double *source, double *rate, double *buffer, long np, double inverse_dx,
                             double inverse_2dp, double half_j) {
    for (long c = 0; c < 4; ++c)
        for (long j = 0; j < np; ++j) {
            const long k = c * np + j;
            rate[k] = (source ? source[k] : 0.0) - v[j] * inverse_dx * (right[k] - left[k]);
        }
    if (half_j == 0.0 || (dm_dx[0] == 0.0 && dm_dx[1] == 0.0 && dm_dx[2] == 0.0)) return;
    double *mean = buffer, *d = buffer + 4 * np;
    for (long k = 0; k < 4 * np; ++k) mean[k] = 0.5 * (left[k] + right[k]);
    for (long c = 0; c < 4; ++c) slope(mean + c * np, d + c * np, np, inverse_2dp, 1.0);
    for (long c = 0; c < 3; ++c)
        for (long j = 0; j < np; ++j) {
            rate[j] -= half_j * dm_dx[c] * d[(c + 1) * np + j];
            rate[(c + 1) * np + j] -= half_j * dm_dx[c] * d[j];
        }
}

// What the odd part on the faces is made of. `first` and `last`: e beyond the nodes. A distribution with moments q, if
// given, is added to the own e before. Of what comes out: o, if given; the flux of o on the faces and the moments of e
// on the nodes, if both are. `buffer` holds 12 np doubles.
struct Odd {
    const double *first, *last;
    double *e;
    const double *q, *source;
    double *o, *flux, *moments, *buffer;
};

HPCALO_CLONES
void odd_steady(const Terms &t, const Odd &k) {
    const long faces = t.nodes + 1, np = t.np;
    const double a = t.a, b = t.b, *v = t.v;
    const double idx = 1.0 / t.dx, i2dp = 0.5 / t.dp, ia = 1.0 / a, den = 1.0 / (a * a + b * b), bb = b * b / a;
    for (long i = 0; i < faces; ++i) {
        double *out = k.o ? k.o + i * 4 * np : k.buffer + 8 * np;
        if (k.q && i + 1 < faces)
            prolong_row(k.e + i * 4 * np, k.q + 4 * i, t.m + 3 * i, t.h + i * np, t.hd + i * np, k.e + i * 4 * np, np);
        face_rate(i ? k.e + (i - 1) * 4 * np : k.first, i + 1 < faces ? k.e + i * 4 * np : k.last, t.dm_dx + 3 * i, v,
                  k.source ? k.source + i * 4 * np : nullptr, out, k.buffer, np, idx, i2dp, t.half_j);
        const double mx = t.mf[3 * i], my = t.mf[3 * i + 1], mz = t.mf[3 * i + 2];
        double *f = out, *x = out + np, *y = out + 2 * np, *z = out + 3 * np;
        for (long j = 0; j < np; ++j) {
            const double gx = x[j], gy = y[j], gz = z[j], along = bb * (mx * gx + my * gy + mz * gz);
            f[j] *= ia;
            x[j] = den * (a * gx + b * (my * gz - mz * gy) + along * mx);
            y[j] = den * (a * gy + b * (mz * gx - mx * gz) + along * my);
            z[j] = den * (a * gz + b * (mx * gy - my * gx) + along * mz);
        }
        if (!k.flux) continue;
        for (long c = 0; c < 4; ++c) k.flux[4 * i + c] = 2.0 * t.dp * row_dot(out + c * np, v, np);
        if (i + 1 < faces)
            for (long c = 0; c < 4; ++c) k.moments[4 * i + c] = 2.0 * t.dp * row_sum(k.e + (4 * i + c) * np, np);
    }
}

// rate = source - v d_x e - (J/2) M' . d_p e - (relaxation and precession of o). `buffer` holds 8 np doubles.
struct OddRate {
    const double *e, *o, *source;
    double *rate, *buffer;
};

HPCALO_CLONES
void odd_rate(const Terms &t, const OddRate &k) {
    const long np = t.np;
    const double a = t.a, b = t.b, idx = 1.0 / t.dx, i2dp = 0.5 / t.dp;
    for (long i = 0; i <= t.nodes; ++i) {
        double *out = k.rate + i * 4 * np;
        face_rate(k.e + i * 4 * np, k.e + (i + 1) * 4 * np, t.dm_dx + 3 * i, t.v,
                  k.source ? k.source + i * 4 * np : nullptr, out, k.buffer, np, idx, i2dp, t.half_j);
        const double mx = t.mf[3 * i], my = t.mf[3 * i + 1], mz = t.mf[3 * i + 2];
        const double *f = k.o + i * 4 * np, *x = f + np, *y = f + 2 * np, *z = f + 3 * np;
        for (long j = 0; j < np; ++j) {
            out[j] -= a * f[j];
            out[np + j] -= a * x[j] - b * (my * z[j] - mz * y[j]);
            out[2 * np + j] -= a * y[j] - b * (mz * x[j] - mx * z[j]);
            out[3 * np + j] -= a * z[j] - b * (mx * y[j] - my * x[j]);
        }
    }
}

// Streaming, relaxation, precession, force and collision gain of the even part. `buffer` holds 4 np doubles.
struct Balance {
    const double *e, *o;
    double *out, *buffer;
};

HPCALO_CLONES
void even_balance(const Terms &t, const Balance &k) {
    const long np = t.np;
    const double a = t.a, b = t.b, *v = t.v, inverse_tau = t.inverse_tau, idx = 1.0 / t.dx, i2dp = 0.5 / t.dp;
    for (long i = 0; i < t.nodes; ++i) {
        const double *ol = k.o + i * 4 * np, *orr = k.o + (i + 1) * 4 * np, *ei = k.e + i * 4 * np;
        double *r = k.out + i * 4 * np;
        const double mx = t.m[3 * i], my = t.m[3 * i + 1], mz = t.m[3 * i + 2];
        double q[4];
        for (long c = 0; c < 4; ++c) {
            double sum = 0.0;
            for (long j = 0; j < np; ++j) {
                const long l = c * np + j;
                r[l] = v[j] * idx * (orr[l] - ol[l]) + a * ei[l];
                sum += ei[l];
            }
            q[c] = 2.0 * t.dp * sum;
        }
        const double *x = ei + np, *y = ei + 2 * np, *z = ei + 3 * np;
        for (long j = 0; j < np; ++j) {
            r[np + j] -= b * (my * z[j] - mz * y[j]);
            r[2 * np + j] -= b * (mz * x[j] - mx * z[j]);
            r[3 * np + j] -= b * (mx * y[j] - my * x[j]);
        }
        const double *slopes[2] = {t.dm_dx + 3 * i, t.dm_dx + 3 * (i + 1)};
        const double *s[2] = {ol, orr};
        for (int side = 0; side < 2; ++side) {
            if (t.half_j == 0.0 || (slopes[side][0] == 0.0 && slopes[side][1] == 0.0 && slopes[side][2] == 0.0))
                continue;
            for (long c = 0; c < 4; ++c) slope(s[side] + c * np, k.buffer + c * np, np, i2dp, -1.0);
            for (long c = 0; c < 3; ++c) {
                const double w = 0.5 * t.half_j * slopes[side][c];
                for (long j = 0; j < np; ++j) {
                    r[j] += w * k.buffer[(c + 1) * np + j];
                    r[(c + 1) * np + j] += w * k.buffer[j];
                }
            }
        }
        if (inverse_tau == 0.0 && t.inverse_tau_sf == 0.0) continue;
        const double along = mx * q[1] + my * q[2] + mz * q[3], keep_rate = inverse_tau - t.inverse_tau_sf;
        const double *hi = t.h + i * np, *di = t.hd + i * np;
        for (long j = 0; j < np; ++j) {
            const double polar = inverse_tau * di[j] * q[0];
            r[j] -= inverse_tau * (hi[j] * q[0] + di[j] * along);
            r[np + j] -= polar * mx + keep_rate * hi[j] * q[1];
            r[2 * np + j] -= polar * my + keep_rate * hi[j] * q[2];
            r[3 * np + j] -= polar * mz + keep_rate * hi[j] * q[3];
        }
    }
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

} // namespace

void bind_wall_kinetic(nb::module_ &m) {
    using namespace nb::literals;
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
            const double *from = optional<In<3>>(base, {nodes, 4, np}, "prolong: base has the shape of out");
            prolong(from, q.data(), mag.data(), h.data(), hd.data(), out.data(), nodes, np, all, keep);
        },
        "base"_a.none(), "q"_a, "m"_a, "h"_a, "hd"_a, "out"_a, "all"_a, "keep"_a);
    nb::class_<Medium>(m, "Medium", "The terms of the kinetic equation on a rank's part of the wire.")
        .def(nb::init<In<1>, In<2>, In<2>, In<2>, In<2>, In<2>, double, double, double, double, double, double,
                      double>(),
             nb::kw_only(), "v"_a, "h"_a, "hd"_a, "m"_a, "mf"_a, "dm_dx"_a, "dx"_a, "dp"_a, "a"_a, "b"_a, "half_j"_a,
             "inverse_tau"_a, "inverse_tau_sf"_a);
    m.def(
        "odd_steady",
        [](const Medium &medium, Out<3> e, In<3> ends, nb::object q, nb::object source, nb::object o, nb::object flux,
           nb::object moments) {
            const Terms &t = medium.terms();
            const long nodes = t.nodes, faces = nodes + 1, np = t.np;
            require(has_shape(e, {nodes, 4, np}) && has_shape(ends, {2, 4, np}),
                    "odd_steady: one face more than nodes, and two ends");
            require(flux.is_none() == moments.is_none(), "odd_steady: flux and moments go together");
            const char *four = "odd_steady: four fluxes a face and four moments a node";
            std::vector<double> buffer(12 * np);
            odd_steady(t, {ends.data(), ends.data() + 4 * np, e.data(),
                           optional<In<2>>(q, {nodes, 4}, "odd_steady: four moments a node"),
                           optional<In<3>>(source, {faces, 4, np}, "odd_steady: the source has the shape of o"),
                           optional<Out<3>>(o, {faces, 4, np}, "odd_steady: shape of o"),
                           optional<Out<2>>(flux, {faces, 4}, four), optional<Out<2>>(moments, {nodes, 4}, four),
                           buffer.data()});
        },
        "medium"_a, "e"_a.noconvert(), "ends"_a, nb::kw_only(), "q"_a.none(), "source"_a.none(), "o"_a.none(),
        "flux"_a.none(), "moments"_a.none());
    m.def(
        "odd_rate",
        [](const Medium &medium, In<3> e, In<3> o, nb::object source, Out<3> rate) {
            const Terms &t = medium.terms();
            const long faces = t.nodes + 1, np = t.np;
            require(has_shape(e, {faces + 1, 4, np}), "odd_rate: e needs one node more than faces");
            require(has_shape(o, {faces, 4, np}) && has_shape(rate, {faces, 4, np}), "odd_rate: shapes of o and rate");
            std::vector<double> buffer(8 * np);
            odd_rate(t, {e.data(), o.data(),
                         optional<In<3>>(source, {faces, 4, np}, "odd_rate: the source has the shape of o"),
                         rate.data(), buffer.data()});
        },
        "medium"_a, "e"_a, "o"_a, "source"_a.none(), "rate"_a);
    m.def(
        "even_balance",
        [](const Medium &medium, In<3> e, In<3> o, Out<3> out) {
            const Terms &t = medium.terms();
            require(has_shape(e, {t.nodes, 4, t.np}) && has_shape(out, {t.nodes, 4, t.np}) &&
                        has_shape(o, {t.nodes + 1, 4, t.np}),
                    "even_balance: nodes and faces do not fit");
            std::vector<double> buffer(4 * t.np);
            even_balance(t, {e.data(), o.data(), out.data(), buffer.data()});
        },
        "medium"_a, "e"_a, "o"_a, "out"_a);
}
