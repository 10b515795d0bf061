// Fermi-sea sums without broadening at T = 0: for every pair of observables the band-resolved Berry-type coefficients,
// added to a histogram over the energy grid. A cumulative sum over the grid gives the curve, so its cost does not grow
// with the grid.
//
// A pair of levels with no grid energy between them contributes nothing to the curve (its two parts cancel); it is left
// out instead of being cancelled in floating point, which is the exact limit for near-degenerate and for equal levels.
// It does contribute to the integral of the curve over energy, a spike of finite area: the third row keeps the first
// moment of the b_n, from which exact averages over the cells of the grid follow.
#include "common.hpp"

#include <vector>

namespace {

HPCALO_CLONES
void sea_row(int N, int first, double en, const double *E, double tolerance, const double *x, const double *y,
             double *a, double *b, double *an, double *bn) {
    double sa = 0, sb = 0;
#pragma omp simd reduction(+ : sa, sb)
    for (int m = first; m < N; ++m) {
        const double d = E[m] - en;
        const double r = d > tolerance ? 1.0 / d : 0.0;
        const double first_order = im_w(x, y, m) * r, second_order = first_order * r;
        a[m] += first_order;
        b[m] -= second_order;
        sa += first_order;
        sb += second_order;
    }
    *an += sa;
    *bn += sb;
}

// Area of the spikes of the pairs (n, m), m in [n + 1, first), that share a bin: b_n E_n + b_m E_m = -Im W / (E_m -
// E_n).
double spikes(int n, int first, const double *E, double tolerance, const double *x, const double *y) {
    double area = 0;
    for (int m = n + 1; m < first; ++m) {
        const double d = E[m] - E[n];
        if (d > tolerance) area -= im_w(x, y, m) / d;
    }
    return area;
}

void sea_pairs(In<2> E, In<4, cdouble> X, In<4, cdouble> Y, In<2, int32_t> pairs, In<2, int32_t> bins, double reference,
               double tolerance, In<1> weights, Out<3> out) {
    const int K = E.shape(0), N = E.shape(1), P = pairs.shape(0), NB = out.shape(2), NX = X.shape(2), NY = Y.shape(2);
    require_pairs(E, X, Y, pairs, weights);
    require(int(bins.shape(0)) == K && int(bins.shape(1)) == N, "bins: expected shape (K, N)");
    require(int(out.shape(0)) == P && out.shape(1) == 3, "out: expected shape (P, 3, NE + 1)");
    for (int k = 0; k < K; ++k)
        for (int n = 0; n < N; ++n) require(bins(k, n) >= 0 && bins(k, n) < NB, "bins: index out of range");

    nb::gil_scoped_release release;
    const double *xs = reinterpret_cast<const double *>(X.data()), *ys = reinterpret_cast<const double *>(Y.data());
    std::vector<double> a(N), b(N);
    for (int k = 0; k < K; ++k) {
        const double *e = E.data() + size_t(k) * N;
        const int32_t *bin = bins.data() + size_t(k) * N;
        for (int p = 0; p < P; ++p) {
            std::fill(a.begin(), a.end(), 0.0);
            std::fill(b.begin(), b.end(), 0.0);
            int first = 0;
            for (int n = 0; n < N; ++n) {
                if (first < n + 1) first = n + 1;
                while (first < N && bin[first] == bin[n]) ++first;
                const double *x = xs + 2 * ((size_t(k) * N + n) * NX + pairs(p, 0)) * N;
                const double *y = ys + 2 * ((size_t(k) * N + n) * NY + pairs(p, 1)) * N;
                sea_row(N, first, e[n], e, tolerance, x, y, a.data(), b.data(), &a[n], &b[n]);
                out(p, 2, bin[n]) += weights(k) * spikes(n, first, e, tolerance, x, y);
            }
            double *second = &out(p, 0, 0), *grand = &out(p, 1, 0), *moment = &out(p, 2, 0);
            for (int n = 0; n < N; ++n) {
                second[bin[n]] += weights(k) * b[n];
                grand[bin[n]] += weights(k) * (a[n] + 2.0 * b[n] * (e[n] - reference));
                moment[bin[n]] += weights(k) * b[n] * (e[n] - reference);
            }
        }
    }
}

} // namespace

void bind_sea(nb::module_ &m) {
    m.def("sea_pairs", &sea_pairs, nb::arg("E").noconvert(), nb::arg("X").noconvert(), nb::arg("Y").noconvert(),
          nb::arg("pairs").noconvert(), nb::arg("bins").noconvert(), nb::arg("reference"), nb::arg("tolerance"),
          nb::arg("weights").noconvert(), nb::arg("out").noconvert(),
          "Adds k-weighted sea coefficients to the histogram out (P, 3, NE + 1); see "
          "hpcalo.kubo.kernels.reference.sea_pairs.");
}
