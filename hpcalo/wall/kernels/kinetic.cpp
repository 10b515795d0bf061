// Parity-split kinetic operator: odd part on faces, balance of the even part on nodes.
// Layout [x][component F, Gx, Gy, Gz][p > 0]; p is innermost so that every loop over it vectorizes.
#include "common.hpp"

#include <algorithm>
#include <vector>

namespace {

// d/dp of an even (sign = +1) or odd (sign = -1) function on cell centres. Even: mirror at p = 0 and at the cutoff.
// Odd: antisymmetric at p = 0, no flux through the cutoff. The two are minus each other's transpose.
inline __attribute__((always_inline)) void slope(const double *f, double *out, long np, double inverse_2dp,
                                                 double sign) {
    out[0] = (f[1] - sign * f[0]) * inverse_2dp;
    for (long j = 1; j < np - 1; ++j) out[j] = (f[j + 1] - f[j - 1]) * inverse_2dp;
    out[np - 1] = (sign * f[np - 1] - f[np - 2]) * inverse_2dp;
}

// rate = source - v d_x e - (J/2) M' . d_p e at one face; buffer holds 8 np doubles.
inline __attribute__((always_inline)) void face_rate(const double *left, const double *right, const double *turn,
                                                     const double *v, const double *source, double *rate,
                                                     double *buffer, long np, double inverse_dx, double inverse_2dp,
                                                     double half_j) {
    for (long c = 0; c < 4; ++c)
        for (long j = 0; j < np; ++j) {
            const long k = c * np + j;
            rate[k] = (source ? source[k] : 0.0) - v[j] * inverse_dx * (right[k] - left[k]);
        }
    if (half_j == 0.0 || (turn[0] == 0.0 && turn[1] == 0.0 && turn[2] == 0.0)) return;
    double *mean = buffer, *d = buffer + 4 * np;
    for (long k = 0; k < 4 * np; ++k) mean[k] = 0.5 * (left[k] + right[k]);
    for (long c = 0; c < 4; ++c) slope(mean + c * np, d + c * np, np, inverse_2dp, 1.0);
    for (long c = 0; c < 3; ++c)
        for (long j = 0; j < np; ++j) {
            rate[j] -= half_j * turn[c] * d[(c + 1) * np + j];
            rate[(c + 1) * np + j] -= half_j * turn[c] * d[j];
        }
}

// `first` and `last`: e beyond the nodes. A distribution with moments q, if given, is added to the own e before. Of
// what comes out: o, if given; the flux of o on the faces and the moments of e on the nodes, if both are.
HPCALO_CLONES
void odd_steady(const double *first, const double *e, const double *last, double *changed, const double *q,
                const double *m, const double *h, const double *hd, const double *mf, const double *turn,
                const double *v, const double *source, double *o, double *flux, double *moments, double *buffer,
                long faces, long np, double dx, double dp, double a, double b, double half_j) {
    const double idx = 1.0 / dx, i2dp = 0.5 / dp, ia = 1.0 / a, den = 1.0 / (a * a + b * b), bb = b * b / a;
    for (long i = 0; i < faces; ++i) {
        double *out = o ? o + i * 4 * np : buffer + 8 * np;
        if (q && i + 1 < faces)
            prolong_row(e + i * 4 * np, q + 4 * i, m + 3 * i, h + i * np, hd + i * np, changed + i * 4 * np, np);
        face_rate(i ? e + (i - 1) * 4 * np : first, i + 1 < faces ? e + i * 4 * np : last, turn + 3 * i, v,
                  source ? source + i * 4 * np : nullptr, out, buffer, np, idx, i2dp, half_j);
        const double mx = mf[3 * i], my = mf[3 * i + 1], mz = mf[3 * i + 2];
        double *f = out, *x = out + np, *y = out + 2 * np, *z = out + 3 * np;
        for (long j = 0; j < np; ++j) {
            const double gx = x[j], gy = y[j], gz = z[j], along = bb * (mx * gx + my * gy + mz * gz);
            f[j] *= ia;
            x[j] = den * (a * gx + b * (my * gz - mz * gy) + along * mx);
            y[j] = den * (a * gy + b * (mz * gx - mx * gz) + along * my);
            z[j] = den * (a * gz + b * (mx * gy - my * gx) + along * mz);
        }
        if (!flux) continue;
        for (long c = 0; c < 4; ++c) flux[4 * i + c] = 2.0 * dp * row_dot(out + c * np, v, np);
        if (i + 1 < faces)
            for (long c = 0; c < 4; ++c) moments[4 * i + c] = 2.0 * dp * row_sum(e + (4 * i + c) * np, np);
    }
}

HPCALO_CLONES
void odd_rate(const double *e, const double *o, const double *mf, const double *turn, const double *v,
              const double *source, double *rate, double *buffer, long faces, long np, double dx, double dp, double a,
              double b, double half_j) {
    const double idx = 1.0 / dx, i2dp = 0.5 / dp;
    for (long i = 0; i < faces; ++i) {
        double *out = rate + i * 4 * np;
        face_rate(e + i * 4 * np, e + (i + 1) * 4 * np, turn + 3 * i, v, source ? source + i * 4 * np : nullptr, out,
                  buffer, np, idx, i2dp, half_j);
        const double mx = mf[3 * i], my = mf[3 * i + 1], mz = mf[3 * i + 2];
        const double *f = o + i * 4 * np, *x = f + np, *y = f + 2 * np, *z = f + 3 * np;
        for (long j = 0; j < np; ++j) {
            out[j] -= a * f[j];
            out[np + j] -= a * x[j] - b * (my * z[j] - mz * y[j]);
            out[2 * np + j] -= a * y[j] - b * (mz * x[j] - mx * z[j]);
            out[3 * np + j] -= a * z[j] - b * (mx * y[j] - my * x[j]);
        }
    }
}

HPCALO_CLONES
void even_balance(const double *e, const double *o, const double *m, const double *turn, const double *v,
                  const double *h, const double *hd, double *out, double *buffer, long nodes, long np, double dx,
                  double dp, double a, double b, double half_j, double inverse_tau, double inverse_tau_sf) {
    const double idx = 1.0 / dx, i2dp = 0.5 / dp;
    for (long i = 0; i < nodes; ++i) {
        const double *ol = o + i * 4 * np, *orr = o + (i + 1) * 4 * np, *ei = e + i * 4 * np;
        double *r = out + i * 4 * np;
        const double mx = m[3 * i], my = m[3 * i + 1], mz = m[3 * i + 2];
        double q[4];
        for (long c = 0; c < 4; ++c) {
            double sum = 0.0;
            for (long j = 0; j < np; ++j) {
                const long k = c * np + j;
                r[k] = v[j] * idx * (orr[k] - ol[k]) + a * ei[k];
                sum += ei[k];
            }
            q[c] = 2.0 * dp * sum;
        }
        const double *x = ei + np, *y = ei + 2 * np, *z = ei + 3 * np;
        for (long j = 0; j < np; ++j) {
            r[np + j] -= b * (my * z[j] - mz * y[j]);
            r[2 * np + j] -= b * (mz * x[j] - mx * z[j]);
            r[3 * np + j] -= b * (mx * y[j] - my * x[j]);
        }
        const double *t[2] = {turn + 3 * i, turn + 3 * (i + 1)};
        const double *s[2] = {ol, orr};
        for (int side = 0; side < 2; ++side) {
            if (half_j == 0.0 || (t[side][0] == 0.0 && t[side][1] == 0.0 && t[side][2] == 0.0)) continue;
            for (long c = 0; c < 4; ++c) slope(s[side] + c * np, buffer + c * np, np, i2dp, -1.0);
            for (long c = 0; c < 3; ++c) {
                const double w = 0.5 * half_j * t[side][c];
                for (long j = 0; j < np; ++j) {
                    r[j] += w * buffer[(c + 1) * np + j];
                    r[(c + 1) * np + j] += w * buffer[j];
                }
            }
        }
        if (inverse_tau == 0.0 && inverse_tau_sf == 0.0) continue;
        const double along = mx * q[1] + my * q[2] + mz * q[3], keep = inverse_tau - inverse_tau_sf;
        const double *hi = h + i * np, *di = hd + i * np;
        for (long j = 0; j < np; ++j) {
            const double polar = inverse_tau * di[j] * q[0];
            r[j] -= inverse_tau * (hi[j] * q[0] + di[j] * along);
            r[np + j] -= polar * mx + keep * hi[j] * q[1];
            r[2 * np + j] -= polar * my + keep * hi[j] * q[2];
            r[3 * np + j] -= polar * mz + keep * hi[j] * q[3];
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

// A source on the faces, or none.
inline const double *source_of(nb::object source, long faces, long np) {
    if (source.is_none()) return nullptr;
    auto array = nb::cast<In<3>>(source);
    require((long)array.shape(0) == faces && array.shape(1) == 4 && (long)array.shape(2) == np,
            "the source has the shape of o");
    return array.data();
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
            const double *b = nullptr;
            if (!base.is_none()) {
                auto array = nb::cast<In<3>>(base);
                require((long)array.shape(0) == nodes && array.shape(1) == 4 && (long)array.shape(2) == np,
                        "prolong: base has the shape of out");
                b = array.data();
            }
            prolong(b, q.data(), mag.data(), h.data(), hd.data(), out.data(), nodes, np, all, keep);
        },
        "base"_a.none(), "q"_a, "m"_a, "h"_a, "hd"_a, "out"_a, "all"_a, "keep"_a);
    m.def(
        "odd_steady",
        [](Out<3> e, In<3> ends, nb::object q, In<2> mag, In<2> h, In<2> hd, In<2> mf, In<2> turn, In<1> v,
           nb::object source, nb::object o, nb::object flux, nb::object moments, double dx, double dp, double a,
           double b, double half_j) {
            const long faces = mf.shape(0), np = e.shape(2);
            require(e.shape(1) == 4 && np >= 2, "odd_steady: four components and two momenta needed");
            require((long)e.shape(0) == faces - 1 && (long)e.shape(2) == np && ends.shape(0) == 2 &&
                        ends.shape(1) == 4 && (long)ends.shape(2) == np,
                    "odd_steady: one face more than nodes, and two ends");
            require((long)mf.shape(0) == faces && (long)turn.shape(0) == faces && mf.shape(1) == 3 &&
                        turn.shape(1) == 3,
                    "odd_steady: one magnetization per face");
            require((long)v.shape(0) == np, "odd_steady: one velocity per momentum");
            const double *added = nullptr;
            if (!q.is_none()) {
                auto array = nb::cast<In<2>>(q);
                require((long)array.shape(0) == faces - 1 && array.shape(1) == 4 && (long)mag.shape(0) == faces - 1 &&
                            mag.shape(1) == 3 && (long)h.shape(0) == faces - 1 && (long)h.shape(1) == np &&
                            (long)hd.shape(0) == faces - 1 && (long)hd.shape(1) == np,
                        "odd_steady: moments and weights per node");
                added = array.data();
            }
            const double *s = source_of(source, faces, np);
            double *odd = nullptr, *flow = nullptr, *sums = nullptr;
            if (!o.is_none()) {
                auto array = nb::cast<Out<3>>(o);
                require((long)array.shape(0) == faces && array.shape(1) == 4 && (long)array.shape(2) == np,
                        "odd_steady: shape of o");
                odd = array.data();
            }
            require(flux.is_none() == moments.is_none(), "odd_steady: flux and moments go together");
            if (!flux.is_none()) {
                auto array = nb::cast<Out<2>>(flux), more = nb::cast<Out<2>>(moments);
                require((long)array.shape(0) == faces && array.shape(1) == 4 && (long)more.shape(0) == faces - 1 &&
                            more.shape(1) == 4,
                        "odd_steady: four fluxes a face and four moments a node");
                flow = array.data();
                sums = more.data();
            }
            std::vector<double> buffer(12 * np);
            odd_steady(ends.data(), e.data(), ends.data() + 4 * np, e.data(), added, mag.data(), h.data(), hd.data(),
                       mf.data(), turn.data(), v.data(), s, odd, flow, sums, buffer.data(), faces, np, dx, dp, a, b,
                       half_j);
        },
        "e"_a.noconvert(), "ends"_a, "q"_a.none(), "m"_a, "h"_a, "hd"_a, "mf"_a, "turn"_a, "v"_a, "source"_a.none(),
        "o"_a.none(), "flux"_a.none(), "moments"_a.none(), "dx"_a, "dp"_a, "a"_a, "b"_a, "half_j"_a);
    m.def(
        "odd_rate",
        [](In<3> e, In<3> o, In<2> mf, In<2> turn, In<1> v, nb::object source, Out<3> rate, double dx, double dp,
           double a, double b, double half_j) {
            const long faces = o.shape(0), np = o.shape(2);
            require(o.shape(1) == 4 && e.shape(1) == 4 && np >= 2, "odd_rate: four components and two momenta needed");
            require((long)e.shape(0) == faces + 1 && (long)e.shape(2) == np,
                    "odd_rate: e needs one node more than faces");
            require((long)rate.shape(0) == faces && rate.shape(1) == 4 && (long)rate.shape(2) == np,
                    "odd_rate: shape of rate");
            require((long)mf.shape(0) == faces && (long)turn.shape(0) == faces && mf.shape(1) == 3 &&
                        turn.shape(1) == 3,
                    "odd_rate: one magnetization per face");
            require((long)v.shape(0) == np, "odd_rate: one velocity per momentum");
            const double *s = source_of(source, faces, np);
            std::vector<double> buffer(8 * np);
            odd_rate(e.data(), o.data(), mf.data(), turn.data(), v.data(), s, rate.data(), buffer.data(), faces, np, dx,
                     dp, a, b, half_j);
        },
        "e"_a, "o"_a, "mf"_a, "turn"_a, "v"_a, "source"_a.none(), "rate"_a, "dx"_a, "dp"_a, "a"_a, "b"_a, "half_j"_a);
    m.def(
        "even_balance",
        [](In<3> e, In<3> o, In<2> mag, In<2> turn, In<1> v, In<2> h, In<2> hd, Out<3> out, double dx, double dp,
           double a, double b, double half_j, double inverse_tau, double inverse_tau_sf) {
            const long nodes = out.shape(0), np = out.shape(2);
            require(out.shape(1) == 4 && e.shape(1) == 4 && o.shape(1) == 4 && np >= 2,
                    "even_balance: four components and two momenta needed");
            require((long)e.shape(0) == nodes && (long)e.shape(2) == np && (long)o.shape(0) == nodes + 1 &&
                        (long)o.shape(2) == np && (long)mag.shape(0) == nodes && mag.shape(1) == 3 &&
                        (long)turn.shape(0) == nodes + 1 && turn.shape(1) == 3,
                    "even_balance: nodes and faces do not fit");
            require((long)v.shape(0) == np && (long)h.shape(0) == nodes && (long)h.shape(1) == np &&
                        (long)hd.shape(0) == nodes && (long)hd.shape(1) == np,
                    "even_balance: weights per node and momentum");
            std::vector<double> buffer(4 * np);
            even_balance(e.data(), o.data(), mag.data(), turn.data(), v.data(), h.data(), hd.data(), out.data(),
                         buffer.data(), nodes, np, dx, dp, a, b, half_j, inverse_tau, inverse_tau_sf);
        },
        "e"_a, "o"_a, "m"_a, "turn"_a, "v"_a, "h"_a, "hd"_a, "out"_a, "dx"_a, "dp"_a, "a"_a, "b"_a, "half_j"_a,
        "inverse_tau"_a, "inverse_tau_sf"_a);
}
