// Pair kernel with constant broadening: sums over pairs of bands at many Fermi energies.
//
// With z_n = E_n - E - i Gamma and q_n = 1/z_n, every term of the closed forms is a product of at most two of the q's
// and of phases theta_n = arg z_n. Partial fractions in E turn the double sum over bands into one sum,
//     sum_n Re( c_n q_n ) + d_n theta_n,
// whose coefficients do not depend on E: O(N^2) once per k-point and Gamma, then O(N) per energy.
// Pairs nearer than ETA Gamma are expanded in their distance about the lower level, which adds powers q_n^p, p = 2 ...
// PMAX: no division by a small distance occurs, and equal levels are their own limit. ETA and PMAX keep both branches
// at about 1e-12.
#include "box_means.hpp"
#include "common.hpp"

#include <cmath>
#include <vector>

namespace {

constexpr double ETA = 0.02;
constexpr int PMAX = 9;

struct Near { // expansion coefficients of one band that has near partners
    int n;
    std::vector<cdouble> c; // [pair][part][p - 2]
};

// Coefficients of one row n against all levels m >= first. Rows of c: re/im of the real part of W, re/im of its
// imaginary part, d, and the coefficient of Re q^2 of levels without near partners.
constexpr int ROWS = 6;
constexpr int SERIES = 2 * (PMAX - 1);

HPCALO_CLONES
void far_row(int N, int n, int first, const double *E, double gamma, const double *x, const double *y, double *wa,
             double *wg, double *wr, double *c, bool weights) {
    if (weights) {
#pragma omp simd
        for (int m = first; m < N; ++m) {
            const double d = E[m] - E[n];
            const double s = 1.0 / (d * d + 4.0 * gamma * gamma);
            const double r = 1.0 / d;
            wa[m] = 4.0 * gamma * gamma * s * r;
            wg[m] = 2.0 * gamma * s;
            wr[m] = 4.0 * r * r;
        }
    }
    double *rr = c, *ri = c + N, *ir = c + 2 * N, *ii = c + 3 * N, *d = c + 4 * N;
    double nrr = 0, nri = 0, nir = 0, nii = 0, nd = 0;
#pragma omp simd reduction(+ : nrr, nri, nir, nii, nd)
    for (int m = first; m < N; ++m) {
        const double re = re_w(x, y, m), im = im_w(x, y, m);
        const double a = re * wa[m], g = re * wg[m], b = 2.0 * im * wg[m], e = 2.0 * im * wa[m], f = im * wr[m];
        rr[m] += a;
        nrr += a;
        ri[m] -= g;
        nri += g;
        ir[m] += b;
        nir += b;
        ii[m] += e;
        nii += e;
        d[m] += f;
        nd += f;
    }
    rr[n] -= nrr;
    ri[n] -= nri;
    ir[n] -= nir;
    ii[n] += nii;
    d[n] -= nd;
}

// Levels m in [n, first): nearer than ETA gamma, the level itself included.
void near_row(int N, int n, int first, const double *E, double gamma, const double *x, const double *y, double *c,
              cdouble *series) {
    double *rr = c, *ri = c + N, *ir = c + 2 * N, *ii = c + 3 * N;
    for (int m = n; m < first; ++m) {
        const double d = E[m] - E[n];
        const double s = 1.0 / (d * d + 4.0 * gamma * gamma);
        const double re = (m == n ? 1.0 : 2.0) * re_w(x, y, m);
        const double im = m == n ? 0.0 : 2.0 * im_w(x, y, m);
        const double ratio = d / gamma;
        // g_n g_m = Re{ q_n / 2(d + 2i gamma) - q_m / 2(d - 2i gamma) - q_n q_m / 2 }
        rr[n] += re * 0.5 * d * s;
        ri[n] -= re * gamma * s;
        rr[m] -= re * 0.5 * d * s;
        ri[m] -= re * gamma * s;
        ir[n] += im * ratio * 0.5 * d * s;
        ii[n] -= im * ratio * gamma * s;
        ir[m] -= im * ratio * 0.5 * d * s;
        ii[m] -= im * ratio * gamma * s;
        double power = 1.0; // (-d)^(p-2)
        for (int p = 2; p <= PMAX; ++p) {
            series[p - 2] -= 0.5 * re * power;
            series[PMAX - 1 + p - 2] -= 0.5 * im * ratio * power;
            if (p >= 3) { // k = p - 1:  (-1)^k (1-k)/(k+1) d^(k-1) Im q^(k+1), with (-1)^k d^(k-1) = -(-d)^(p-2)
                const double k = p - 1;
                series[PMAX - 1 + p - 2] += cdouble(0.0, im * (1.0 - k) / (k + 1.0) * power);
            }
            power *= -d;
        }
    }
}

// Of all levels at one energy: q, q^2 and theta, and q^3 of those that are wide.
struct AtEnergy {
    explicit AtEnergy(int N) : qr(N), qi(N), sr(N), si(N), theta(N), cr(N), ci(N), wide(N) {}
    std::vector<double> qr, qi, sr, si, theta, cr, ci;
    std::vector<char> wide; // whether the mean over a box is that of its corners
};

HPCALO_CLONES
void levels(int N, const double *E, double gamma, double energy, double *qr, double *qi, double *theta) {
#pragma omp simd
    for (int n = 0; n < N; ++n) {
        const double x = E[n] - energy;
        const double r = 1.0 / (x * x + gamma * gamma);
        qr[n] = x * r;
        qi[n] = gamma * r;
        theta[n] = phase(x, gamma);
    }
}

// The same, means over boxes in which level n varies by widths[n] along the three edges.
void mean_levels(int N, const double *E, const double *widths, double gamma, double energy, AtEnergy &at) {
    for (int n = 0; n < N; ++n) {
        const double x = E[n] - energy, *a = widths + 3 * n;
        const double a2 = a[0] * a[0] + a[1] * a[1] + a[2] * a[2], m2 = a2 / 12.0;
        const double fourth = a[0] * a[0] * a[0] * a[0] + a[1] * a[1] * a[1] * a[1] + a[2] * a[2] * a[2] * a[2];
        at.wide[n] = m2 > WIDE * (x * x + gamma * gamma);
        const LevelMeans f =
            at.wide[n] ? corner_means(x, gamma, a) : moment_means(x, gamma, m2, 3.0 * m2 * m2 - fourth / 120.0);
        at.qr[n] = f.qr;
        at.qi[n] = f.qi;
        at.sr[n] = f.sr;
        at.si[n] = f.si;
        at.theta[n] = f.theta;
        at.cr[n] = f.cr;
        at.ci[n] = f.ci;
    }
}

HPCALO_CLONES
void contract(int N, const double *c, const double *qr, const double *qi, const double *theta, double *real,
              double *imag) {
    const double *rr = c, *ri = c + N, *ir = c + 2 * N, *ii = c + 3 * N, *d = c + 4 * N, *r2 = c + 5 * N;
    double a = 0, b = 0;
#pragma omp simd reduction(+ : a, b)
    for (int n = 0; n < N; ++n) {
        a += rr[n] * qr[n] - ri[n] * qi[n] + r2[n] * (qr[n] * qr[n] - qi[n] * qi[n]);
        b += ir[n] * qr[n] - ii[n] * qi[n] + d[n] * theta[n];
    }
    *real = a;
    *imag = b;
}

// The same with a mean of q^2 that is not the square of that of q.
HPCALO_CLONES
void contract_means(int N, const double *c, const double *qr, const double *qi, const double *sr, const double *theta,
                    double *real, double *imag) {
    const double *rr = c, *ri = c + N, *ir = c + 2 * N, *ii = c + 3 * N, *d = c + 4 * N, *r2 = c + 5 * N;
    double a = 0, b = 0;
#pragma omp simd reduction(+ : a, b)
    for (int n = 0; n < N; ++n) {
        a += rr[n] * qr[n] - ri[n] * qi[n] + r2[n] * sr[n];
        b += ir[n] * qr[n] - ii[n] * qi[n] + d[n] * theta[n];
    }
    *real = a;
    *imag = b;
}

void broadened_pairs(In<2> E, In<4, cdouble> X, In<4, cdouble> Y, In<2, int32_t> pairs, In<1> gammas, In<1> energies,
                     In<1> weights, Out<4> out, nb::object boxes) {
    const int K = E.shape(0), N = E.shape(1), P = pairs.shape(0), G = gammas.shape(0), NE = energies.shape(0);
    const int NX = X.shape(2), NY = Y.shape(2);
    require_pairs(E, X, Y, pairs, weights);
    require(int(out.shape(0)) == G && int(out.shape(1)) == P && out.shape(2) == 2 && int(out.shape(3)) == NE,
            "out: expected shape (G, P, 2, NE)");
    const double *widths = optional<In<3>>(boxes, {K, N, 3}, "widths: expected shape (K, N, 3)");

    nb::gil_scoped_release release;
    const double *xs = reinterpret_cast<const double *>(X.data()), *ys = reinterpret_cast<const double *>(Y.data());
    std::vector<double> c(size_t(P) * ROWS * N), wa(N), wg(N), wr(N);
    std::vector<cdouble> series(size_t(P) * SERIES);
    std::vector<Near> near;
    AtEnergy at(N);
    for (int k = 0; k < K; ++k) {
        const double *e = E.data() + size_t(k) * N;
        for (int g = 0; g < G; ++g) {
            const double gamma = gammas(g);
            std::fill(c.begin(), c.end(), 0.0);
            near.clear();
            int first = 0;
            for (int n = 0; n < N; ++n) {
                if (first < n + 1) first = n + 1;
                while (first < N && e[first] - e[n] < ETA * gamma) ++first;
                std::fill(series.begin(), series.end(), cdouble(0.0));
                for (int p = 0; p < P; ++p) {
                    const double *x = xs + 2 * ((size_t(k) * N + n) * NX + pairs(p, 0)) * N;
                    const double *y = ys + 2 * ((size_t(k) * N + n) * NY + pairs(p, 1)) * N;
                    double *cp = &c[size_t(p) * ROWS * N];
                    near_row(N, n, first, e, gamma, x, y, cp, &series[size_t(p) * SERIES]);
                    far_row(N, n, first, e, gamma, x, y, wa.data(), wg.data(), wr.data(), cp, p == 0);
                    if (first == n + 1) cp[5 * N + n] = series[size_t(p) * SERIES].real();
                }
                if (first > n + 1) near.push_back({n, series});
            }
            for (int i = 0; i < NE; ++i) {
                if (widths)
                    mean_levels(N, e, widths + size_t(k) * N * 3, gamma, energies(i), at);
                else
                    levels(N, e, gamma, energies(i), at.qr.data(), at.qi.data(), at.theta.data());
                for (int p = 0; p < P; ++p) {
                    double sum[2];
                    const double *cp = &c[size_t(p) * ROWS * N];
                    if (widths)
                        contract_means(N, cp, at.qr.data(), at.qi.data(), at.sr.data(), at.theta.data(), &sum[0],
                                       &sum[1]);
                    else
                        contract(N, cp, at.qr.data(), at.qi.data(), at.theta.data(), &sum[0], &sum[1]);
                    for (const Near &row : near) {
                        const double a = at.qr[row.n], b = at.qi[row.n];
                        const double a2 = widths ? at.sr[row.n] : a * a - b * b, b2 = widths ? at.si[row.n] : 2.0 * a * b;
                        for (int part = 0; part < 2; ++part) {
                            const cdouble *t = &row.c[size_t(p) * SERIES + part * (PMAX - 1)];
                            if (at.wide[row.n]) { // in such a box higher powers of the pair's distance do not count
                                sum[part] += t[0].real() * a2 - t[0].imag() * b2;
                                sum[part] += t[1].real() * at.cr[row.n] - t[1].imag() * at.ci[row.n];
                                continue;
                            }
                            double u = t[PMAX - 2].real(), v = t[PMAX - 2].imag();
                            for (int j = PMAX - 3; j >= 0; --j) {
                                const double w = u * a - v * b + t[j].real();
                                v = u * b + v * a + t[j].imag();
                                u = w;
                            }
                            sum[part] += u * a2 - v * b2;
                        }
                    }
                    out(g, p, 0, i) += weights(k) * sum[0];
                    out(g, p, 1, i) += weights(k) * sum[1];
                }
            }
        }
    }
}

} // namespace

void bind_broadened(nb::module_ &m) {
    m.def("broadened_pairs", &broadened_pairs, nb::arg("E").noconvert(), nb::arg("X").noconvert(),
          nb::arg("Y").noconvert(), nb::arg("pairs").noconvert(), nb::arg("gammas").noconvert(),
          nb::arg("energies").noconvert(), nb::arg("weights").noconvert(), nb::arg("out").noconvert(),
          nb::arg("widths") = nb::none(),
          "Adds the k-weighted pair sums with broadening to out (G, P, 2, NE); see "
          "hpcalo.kubo.kernels.reference.broadened_pairs.");
}
