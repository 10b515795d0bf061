// Pair sums at finite temperature without broadening, at a list of (mu, T): the direct route to the spiralization (32),
// the energy-current response (27), the inverse thermal torque (33) and the thermally averaged sea sum.
//
// Every quantity is a pair weight times Im W_nm. Differences of thermal functions of two levels are formed without
// cancellation.
#include "common.hpp"

#include <cmath>
#include <vector>

namespace {

// 6-point Gauss-Legendre on [-1, 1], for the error of the trapezoid rule between two near levels.
constexpr double GX[3] = {0.2386191860831969086, 0.6612093864662645137, 0.9324695142031520278};
constexpr double GW[3] = {0.4679139345726910474, 0.3607615730481386076, 0.1713244923791703450};

// Second derivative of the Fermi function with respect to u = (E - mu)/kT.
inline double fermi2(double u) {
    const double c = std::cosh(0.5 * u);
    return 0.25 * std::tanh(0.5 * u) / (c * c);
}

struct Level {
    double u, f, g, s, h; // (E-mu)/kT, Fermi function, log(1+e^-u) without its linear part, f u + log(1+e^-u), f u
};

inline Level level(double energy, double mu, double kt) {
    const double u = (energy - mu) / kt, e = std::exp(-std::fabs(u)), l = std::log1p(e);
    const double f = u > 0 ? e / (1.0 + e) : 1.0 / (1.0 + e);
    const double h = f * u;
    // f u + log(1 + e^-u) is even in u and decays on both sides: write it so.
    return {u, f, l, l + std::fabs(u) * e / (1.0 + e), h};
}

// f(a) - f(b) without cancellation for near levels; w = (E_b - E_a)/kT is given, since b.u - a.u has lost its digits.
inline double fermi_difference(const Level &a, const Level &b, double w) {
    const double half = 0.5 * w;
    if (half > 20.0) return a.f - b.f;
    return 0.5 * std::sinh(half) / (std::cosh(0.5 * a.u) * std::cosh(0.5 * b.u));
}

// (trapezoid - integral) of f over [a, b] in units of kT.
inline double trapezoid_error(const Level &a, const Level &b, double w) {
    if (w < 0.5) {
        double sum = 0.0;
        for (int i = 0; i < 3; ++i)
            for (int sign = -1; sign <= 1; sign += 2) {
                const double t = 0.5 * (1.0 + sign * GX[i]);
                sum += GW[i] * t * (1.0 - t) * fermi2(a.u + t * w);
            }
        return 0.25 * w * w * w * sum;
    }
    // log(1 + e^-u) = max(-u, 0) + log1p(e^-|u|): the linear parts differ exactly.
    const double linear = std::fmax(-a.u, 0.0) - std::fmax(-b.u, 0.0);
    return 0.5 * w * (a.f + b.f) - (linear + (a.g - b.g));
}

// s(a) - s(b), s = f u + log(1 + e^-u), whose derivative is f'(u) u.
inline double heat_difference(const Level &a, const Level &b, double w) {
    if (w >= 0.5) return a.s - b.s;
    double sum = 0.0;
    for (int i = 0; i < 3; ++i)
        for (int sign = -1; sign <= 1; sign += 2) {
            const double u = a.u + 0.5 * (1.0 + sign * GX[i]) * w, c = std::cosh(0.5 * u);
            sum += GW[i] * u / (c * c);
        }
    return 0.125 * w * sum;
}

void thermal_pairs(In<2> E, In<4, cdouble> X, In<4, cdouble> Y, In<2, int32_t> pairs, In<1> mu, In<1> kt,
                   double tolerance, In<1> weights, Out<3> out) {
    const int K = E.shape(0), N = E.shape(1), P = pairs.shape(0), Q = mu.shape(0), NX = X.shape(2), NY = Y.shape(2);
    require_pairs(E, X, Y, pairs, weights);
    require(int(kt.shape(0)) == Q, "kt: expected as many temperatures as chemical potentials");
    require(int(out.shape(0)) == P && out.shape(1) == 4 && int(out.shape(2)) == Q, "out: expected shape (P, 4, Q)");

    nb::gil_scoped_release release;
    const double *xs = reinterpret_cast<const double *>(X.data()), *ys = reinterpret_cast<const double *>(Y.data());
    std::vector<Level> l(size_t(N) * Q);
    std::vector<double> im(P);
    for (int k = 0; k < K; ++k) {
        const double *e = E.data() + size_t(k) * N;
        for (int n = 0; n < N; ++n)
            for (int q = 0; q < Q; ++q) l[size_t(n) * Q + q] = level(e[n], mu(q), kt(q));
        for (int n = 0; n < N; ++n)
            for (int m = n + 1; m < N; ++m) {
                for (int p = 0; p < P; ++p)
                    im[p] = 2.0 * weights(k) *
                            im_w(xs + 2 * ((size_t(k) * N + n) * NX + pairs(p, 0)) * N,
                                 ys + 2 * ((size_t(k) * N + n) * NY + pairs(p, 1)) * N, m);
                const double d = e[m] - e[n];
                for (int q = 0; q < Q; ++q) {
                    const Level &a = l[size_t(n) * Q + q], &b = l[size_t(m) * Q + q];
                    // Both levels so far on one side that every weight underflows its share of the sum.
                    if (a.u > 45.0 || b.u < -45.0) continue;
                    const double t = kt(q), w = d / t;
                    const double grand = w > 1e-9 ? trapezoid_error(a, b, w) / (w * w) / t : 0.0;
                    double energy = 0.0, heat = 0.0, sea = 0.0;
                    if (d > tolerance) {
                        energy = (0.5 * (a.f + b.f) * w + (a.h - b.h)) / (w * w) / t;
                        heat = heat_difference(a, b, w) / (w * w) / t;
                        sea = fermi_difference(a, b, w) / (w * w) / (t * t);
                    }
                    for (int p = 0; p < P; ++p) {
                        out(p, 0, q) += im[p] * grand;
                        out(p, 1, q) += im[p] * energy;
                        out(p, 2, q) += im[p] * heat;
                        out(p, 3, q) += im[p] * sea;
                    }
                }
            }
    }
}

} // namespace

void bind_thermal(nb::module_ &m) {
    m.def("thermal_pairs", &thermal_pairs, nb::arg("E").noconvert(), nb::arg("X").noconvert(), nb::arg("Y").noconvert(),
          nb::arg("pairs").noconvert(), nb::arg("mu").noconvert(), nb::arg("kt").noconvert(), nb::arg("tolerance"),
          nb::arg("weights").noconvert(), nb::arg("out").noconvert(),
          "Adds thermal pair sums to out (P, 4, Q); see hpcalo.kubo.kernels.reference.thermal_pairs.");
}
