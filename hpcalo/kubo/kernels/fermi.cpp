// Sums over occupied levels with exact Fermi functions at a list of (mu, T): the sea sum of the pairs of two operators,
// and properties of single levels.
//
// A level's share of the pairs is summed before the Fermi functions are met: the cost per point (mu, T) is that of the
// levels, not of their pairs. Only pairs that are near on the scale of k_B T are taken by themselves, since the shares
// of their two levels cancel.
#include "common.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace {

constexpr double NEAR = 1e-3; // in units of the smallest k_B T
constexpr double FAR = 38.0;  // |E - mu|/k_B T beyond which a level is full or empty to the last digit

// exp(x) for |x| < 700 to two units in the last place, of a form that vectorizes: 2^n times the series of exp(r).
HPCALO_INLINE double exponential(double x) {
    constexpr double SHIFT = 0x1.8p52; // adding it rounds to whole numbers, which then are the lowest bits
    const double shifted = x * 1.4426950408889634 + SHIFT, n = shifted - SHIFT;
    const double r = (x - n * 0x1.62e42fefa39p-1) - n * 0x1.de6af278ece6p-46; // ln 2 in two parts
    double p = 1.0 / 479001600.0;
    for (const double c : {1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0,
                           1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0})
        p = p * r + c;
    int64_t bits, power;
    std::memcpy(&power, &shifted, 8);
    std::memcpy(&bits, &p, 8);
    bits += power << 52;
    std::memcpy(&p, &bits, 8);
    return p;
}

// f (Q), Fermi functions of a level; per_kt: 1/kt.
HPCALO_CLONES void fermi_functions(double e, const double *mu, const double *per_kt, int Q, double *f) {
#pragma omp simd
    for (int q = 0; q < Q; ++q) {
        const double u = (e - mu[q]) * per_kt[q];
        const double y = 1.0 / (1.0 + exponential(std::min(std::max(u, -FAR), FAR)));
        f[q] = u > FAR ? 0.0 : u < -FAR ? 1.0 : y;
    }
}

// The points (mu, T) and work space.
struct Points {
    Points(const In<1> &mu, const In<1> &kt) : Q(mu.shape(0)), mu(mu.data()), kt(kt.data()), per_kt(Q), f(Q) {
        for (int q = 0; q < Q; ++q) {
            per_kt[q] = 1.0 / kt(q);
            coldest = std::min(coldest, kt(q));
            lowest = std::min(lowest, mu(q) - FAR * kt(q));
            highest = std::max(highest, mu(q) + FAR * kt(q));
        }
    }
    int Q;
    const double *mu, *kt;
    std::vector<double> per_kt, f;
    // Below `lowest` every level is full, and above `highest` every level is empty, at all points.
    double coldest = INFINITY, lowest = INFINITY, highest = -INFINITY;
};

// out (V, Q) += sum_n f_q(E_n) values[n, v], for N levels.
void fill(const double *e, int N, const double *values, int V, Points &at, std::vector<double> &full, double *out) {
    const int Q = at.Q;
    std::fill(full.begin(), full.end(), 0.0);
    for (int n = 0; n < N; ++n) {
        const double *x = values + size_t(n) * V;
        if (e[n] < at.lowest) {
            for (int v = 0; v < V; ++v) full[v] += x[v];
        } else if (e[n] <= at.highest) {
            fermi_functions(e[n], at.mu, at.per_kt.data(), Q, at.f.data());
            for (int v = 0; v < V; ++v)
                for (int q = 0; q < Q; ++q) out[size_t(v) * Q + q] += at.f[q] * x[v];
        }
    }
    for (int v = 0; v < V; ++v)
        for (int q = 0; q < Q; ++q) out[size_t(v) * Q + q] += full[v];
}

// place (K,): numbers of the sums that each point adds to.
void require_places(const In<1, int32_t> &place, int K, int L) {
    require(int(place.shape(0)) == K, "place: expected shape (K,)");
    for (int k = 0; k < K; ++k) require(place(k) >= 0 && place(k) < L, "place: index out of range");
}

void fermi_pairs(In<2> E, In<4, cdouble> X, In<4, cdouble> Y, In<2, int32_t> pairs, In<1> mu, In<1> kt,
                 double tolerance, In<1> weights, In<1, int32_t> place, Out<3> out) {
    const int K = E.shape(0), N = E.shape(1), P = pairs.shape(0), Q = mu.shape(0), NX = X.shape(2), NY = Y.shape(2);
    require_pairs(E, X, Y, pairs, weights);
    require(int(kt.shape(0)) == Q, "kt: expected as many temperatures as chemical potentials");
    require(int(out.shape(1)) == P && int(out.shape(2)) == Q, "out: expected shape (L, P, Q)");
    require_places(place, K, out.shape(0));

    nb::gil_scoped_release release;
    const double *xs = reinterpret_cast<const double *>(X.data()), *ys = reinterpret_cast<const double *>(Y.data());
    Points at(mu, kt);
    std::vector<double> share(size_t(N) * P), full(P), im(P);
    for (int k = 0; k < K; ++k) {
        const double *e = E.data() + size_t(k) * N;
        double *sum = out.data() + size_t(place(k)) * P * Q;
        std::fill(share.begin(), share.end(), 0.0);
        for (int n = 0; n < N; ++n)
            for (int m = n + 1; m < N; ++m) {
                const double d = e[m] - e[n];
                // Both full, or both empty, everywhere: their shares cancel.
                if (d <= tolerance || e[n] > at.highest || e[m] < at.lowest) continue;
                for (int p = 0; p < P; ++p)
                    im[p] = 2.0 * weights(k) / (d * d) *
                            im_w(xs + 2 * ((size_t(k) * N + n) * NX + pairs(p, 0)) * N,
                                 ys + 2 * ((size_t(k) * N + n) * NY + pairs(p, 1)) * N, m);
                if (d > NEAR * at.coldest) {
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
                    for (int p = 0; p < P; ++p) sum[size_t(p) * Q + q] += im[p] * f;
                }
            }
        fill(e, N, share.data(), P, at, full, sum);
    }
}

void fermi_levels(In<2> E, In<3> values, In<1> mu, In<1> kt, In<1> weights, In<1, int32_t> place,
                  Out<3> out) {
    const int K = E.shape(0), N = E.shape(1), V = values.shape(1), Q = mu.shape(0);
    require(int(values.shape(0)) == K && int(values.shape(2)) == N, "values: expected shape (K, V, N)");
    require(int(kt.shape(0)) == Q, "kt: expected as many temperatures as chemical potentials");
    require(int(weights.shape(0)) == K, "weights: expected shape (K,)");
    require(int(out.shape(1)) == V && int(out.shape(2)) == Q, "out: expected shape (L, V, Q)");
    require_places(place, K, out.shape(0));

    nb::gil_scoped_release release;
    Points at(mu, kt);
    std::vector<double> share(size_t(N) * V), full(V);
    for (int k = 0; k < K; ++k) {
        for (int n = 0; n < N; ++n)
            for (int v = 0; v < V; ++v) share[size_t(n) * V + v] = weights(k) * values(k, v, n);
        fill(E.data() + size_t(k) * N, N, share.data(), V, at, full, out.data() + size_t(place(k)) * V * Q);
    }
}

} // namespace

void bind_fermi(nb::module_ &m) {
    m.def("fermi_pairs", &fermi_pairs, nb::arg("E").noconvert(), nb::arg("X").noconvert(), nb::arg("Y").noconvert(),
          nb::arg("pairs").noconvert(), nb::arg("mu").noconvert(), nb::arg("kt").noconvert(), nb::arg("tolerance"),
          nb::arg("weights").noconvert(), nb::arg("place").noconvert(), nb::arg("out").noconvert(),
          "Adds sea sums with Fermi functions to out (L, P, Q); see hpcalo.kubo.kernels.reference.fermi_pairs.");
    m.def("fermi_levels", &fermi_levels, nb::arg("E").noconvert(), nb::arg("values").noconvert(),
          nb::arg("mu").noconvert(), nb::arg("kt").noconvert(), nb::arg("weights").noconvert(),
          nb::arg("place").noconvert(), nb::arg("out").noconvert(),
          "Adds properties (K, V, N) of the levels times Fermi functions to out (L, V, Q); see "
          "hpcalo.kubo.kernels.reference.fermi_levels.");
}
