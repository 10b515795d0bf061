// Sums over occupied levels with exact Fermi functions at a list of (mu, T): the sea sum of the pairs of two operators,
// and properties of single levels.
//
// A level's share of the pairs is summed before the Fermi functions are met: the cost per point (mu, T) is that of the
// levels, not of their pairs. Only pairs that are near on the scale of k_B T are taken by themselves, since the shares
// of their two levels cancel.
#include "common.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

constexpr double NEAR = 1e-3; // in units of the smallest k_B T
constexpr double FAR = 38.0;  // |E - mu|/k_B T beyond which a level is full or empty to the last digit

inline double fermi(double u) {
    const double e = std::exp(-std::fabs(u));
    return u > 0 ? e / (1.0 + e) : 1.0 / (1.0 + e);
}

// out (V, Q) += sum_n f_q(E_n) values[n, v], for N levels.
void fill(const double *e, int N, const double *values, int V, const In<1> &mu, const In<1> &kt, double lowest,
          double highest, std::vector<double> &full, double *out) {
    const int Q = mu.shape(0);
    std::fill(full.begin(), full.end(), 0.0);
    for (int n = 0; n < N; ++n) {
        const double *x = values + size_t(n) * V;
        if (e[n] < lowest) {
            for (int v = 0; v < V; ++v) full[v] += x[v];
        } else if (e[n] <= highest) {
            for (int q = 0; q < Q; ++q) {
                const double u = (e[n] - mu(q)) / kt(q);
                if (u > FAR) continue;
                const double f = u < -FAR ? 1.0 : fermi(u);
                for (int v = 0; v < V; ++v) out[size_t(v) * Q + q] += f * x[v];
            }
        }
    }
    for (int v = 0; v < V; ++v)
        for (int q = 0; q < Q; ++q) out[size_t(v) * Q + q] += full[v];
}

// Energies below which every level is full, and above which every level is empty, at all points.
void limits(const In<1> &mu, const In<1> &kt, double &lowest, double &highest) {
    lowest = INFINITY, highest = -INFINITY;
    for (size_t q = 0; q < mu.shape(0); ++q) {
        lowest = std::min(lowest, mu(q) - FAR * kt(q));
        highest = std::max(highest, mu(q) + FAR * kt(q));
    }
}

void fermi_pairs(In<2> E, In<4, cdouble> X, In<4, cdouble> Y, In<2, int32_t> pairs, In<1> mu, In<1> kt,
                 double tolerance, In<1> weights, Out<2> out) {
    const int K = E.shape(0), N = E.shape(1), P = pairs.shape(0), Q = mu.shape(0), NX = X.shape(2), NY = Y.shape(2);
    require_pairs(E, X, Y, pairs, weights);
    require(int(kt.shape(0)) == Q, "kt: expected as many temperatures as chemical potentials");
    require(int(out.shape(0)) == P && int(out.shape(1)) == Q, "out: expected shape (P, Q)");

    nb::gil_scoped_release release;
    const double *xs = reinterpret_cast<const double *>(X.data()), *ys = reinterpret_cast<const double *>(Y.data());
    double lowest, highest, coldest = INFINITY;
    limits(mu, kt, lowest, highest);
    for (int q = 0; q < Q; ++q) coldest = std::min(coldest, kt(q));
    std::vector<double> share(size_t(N) * P), full(P), im(P);
    for (int k = 0; k < K; ++k) {
        const double *e = E.data() + size_t(k) * N;
        std::fill(share.begin(), share.end(), 0.0);
        for (int n = 0; n < N; ++n)
            for (int m = n + 1; m < N; ++m) {
                const double d = e[m] - e[n];
                // Both full, or both empty, everywhere: their shares cancel.
                if (d <= tolerance || e[n] > highest || e[m] < lowest) continue;
                for (int p = 0; p < P; ++p)
                    im[p] = 2.0 * weights(k) / (d * d) *
                            im_w(xs + 2 * ((size_t(k) * N + n) * NX + pairs(p, 0)) * N,
                                 ys + 2 * ((size_t(k) * N + n) * NY + pairs(p, 1)) * N, m);
                if (d > NEAR * coldest) {
                    for (int p = 0; p < P; ++p) {
                        share[size_t(n) * P + p] += im[p];
                        share[size_t(m) * P + p] -= im[p];
                    }
                    continue;
                }
                for (int q = 0; q < Q; ++q) {
                    const double a = (e[n] - mu(q)) / kt(q), w = d / kt(q);
                    if (std::fabs(a) > FAR) continue;
                    // f(a) - f(b) of near levels without cancellation
                    const double f = 0.5 * std::sinh(0.5 * w) / (std::cosh(0.5 * a) * std::cosh(0.5 * (a + w)));
                    for (int p = 0; p < P; ++p) out(p, q) += im[p] * f;
                }
            }
        fill(e, N, share.data(), P, mu, kt, lowest, highest, full, out.data());
    }
}

void fermi_levels(In<2> E, In<3> values, In<1> mu, In<1> kt, In<1> weights, Out<2> out) {
    const int K = E.shape(0), N = E.shape(1), V = values.shape(1), Q = mu.shape(0);
    require(int(values.shape(0)) == K && int(values.shape(2)) == N, "values: expected shape (K, V, N)");
    require(int(kt.shape(0)) == Q, "kt: expected as many temperatures as chemical potentials");
    require(int(weights.shape(0)) == K, "weights: expected shape (K,)");
    require(int(out.shape(0)) == V && int(out.shape(1)) == Q, "out: expected shape (V, Q)");

    nb::gil_scoped_release release;
    double lowest, highest;
    limits(mu, kt, lowest, highest);
    std::vector<double> share(size_t(N) * V), full(V);
    for (int k = 0; k < K; ++k) {
        for (int n = 0; n < N; ++n)
            for (int v = 0; v < V; ++v) share[size_t(n) * V + v] = weights(k) * values(k, v, n);
        fill(E.data() + size_t(k) * N, N, share.data(), V, mu, kt, lowest, highest, full, out.data());
    }
}

} // namespace

void bind_fermi(nb::module_ &m) {
    m.def("fermi_pairs", &fermi_pairs, nb::arg("E").noconvert(), nb::arg("X").noconvert(), nb::arg("Y").noconvert(),
          nb::arg("pairs").noconvert(), nb::arg("mu").noconvert(), nb::arg("kt").noconvert(), nb::arg("tolerance"),
          nb::arg("weights").noconvert(), nb::arg("out").noconvert(),
          "Adds sea sums with Fermi functions to out (P, Q); see hpcalo.kubo.kernels.reference.fermi_pairs.");
    m.def("fermi_levels", &fermi_levels, nb::arg("E").noconvert(), nb::arg("values").noconvert(),
          nb::arg("mu").noconvert(), nb::arg("kt").noconvert(), nb::arg("weights").noconvert(),
          nb::arg("out").noconvert(),
          "Adds properties (K, V, N) of the levels times Fermi functions to out (V, Q); see "
          "hpcalo.kubo.kernels.reference.fermi_levels.");
}
