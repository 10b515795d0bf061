// Hermitian matrices taken out of a product with the eigenvectors that served two of them at once: X + iY -> X and Y.
#include "common.hpp"

#include <algorithm>

namespace {

// Z (K, N, q, N) = X + iY in the eigenbasis; out (K, N, v, N): component 2j is the X of Z's component j, 2j + 1 its Y.
void hermitian_parts(In<4, cdouble> Z, Out<4, cdouble> out) {
    const int K = Z.shape(0), N = Z.shape(1), Q = Z.shape(2), V = out.shape(2);
    require(int(Z.shape(3)) == N, "Z: expected shape (K, N, q, N)");
    require(int(out.shape(0)) == K && int(out.shape(1)) == N && int(out.shape(3)) == N && (V + 1) / 2 == Q,
            "out: expected shape (K, N, 2q or 2q - 1, N)");

    nb::gil_scoped_release release;
    for (int k = 0; k < K; ++k) {
        const cdouble *z = Z.data() + size_t(k) * N * Q * N;
        cdouble *o = out.data() + size_t(k) * N * V * N;
        for (int n = 0; n < N; ++n)
            for (int q = 0; q < Q; ++q) {
                const bool both = 2 * q + 1 < V;
                const cdouble *row = z + (size_t(n) * Q + q) * N;
                cdouble *x = o + (size_t(n) * V + 2 * q) * N;
                for (int m = n; m < N; ++m) {
                    const cdouble a = row[m], b = std::conj(z[(size_t(m) * Q + q) * N + n]);
                    const cdouble sum = 0.5 * (a + b), gap = 0.5 * (a - b);
                    const cdouble y(gap.imag(), -gap.real());
                    x[m] = sum;
                    o[(size_t(m) * V + 2 * q) * N + n] = std::conj(sum);
                    if (both) {
                        x[N + m] = y;
                        o[(size_t(m) * V + 2 * q + 1) * N + n] = std::conj(y);
                    }
                }
            }
    }
}

constexpr int TILE = 32; // rows and columns that stay in cache

// One large Z (M, M) = X + iY; out (M, v, M): component 0 is X, and 1 is Y, if there are two. Any strides but out's last.
void hermitian_pair(nb::ndarray<const cdouble, nb::ndim<2>, nb::device::cpu> Z,
                    nb::ndarray<cdouble, nb::ndim<3>, nb::device::cpu> out) {
    const int M = Z.shape(0), V = out.shape(1);
    require(int(Z.shape(1)) == M, "Z: expected shape (M, M)");
    require(int(out.shape(0)) == M && int(out.shape(2)) == M && (V == 1 || V == 2) && out.stride(2) == 1,
            "out: expected shape (M, 1 or 2, M), rows contiguous");

    nb::gil_scoped_release release;
    const int64_t zn = Z.stride(0), zm = Z.stride(1), on = out.stride(0), ov = out.stride(1);
    const cdouble *z = Z.data();
    cdouble *o = out.data();
    for (int i = 0; i < M; i += TILE)
        for (int j = i; j < M; j += TILE)
            for (int n = i; n < std::min(i + TILE, M); ++n)
                for (int m = std::max(j, n); m < std::min(j + TILE, M); ++m) {
                    const cdouble a = z[n * zn + m * zm], b = std::conj(z[m * zn + n * zm]);
                    const cdouble sum = 0.5 * (a + b), gap = 0.5 * (a - b);
                    o[n * on + m] = sum;
                    o[m * on + n] = std::conj(sum);
                    if (V == 2) {
                        o[n * on + ov + m] = cdouble(gap.imag(), -gap.real());
                        o[m * on + ov + n] = cdouble(gap.imag(), gap.real());
                    }
                }
}

// From Z (K, N, a, N) = dH + iA in the eigenbasis: velocity (K, N, d, N) = dH + i[H, A] of the components `directions`,
// and curvature (K, 3, N) = -i[A, A]_nn, the pairs (yz, zx, xy), unless it is empty.
void velocity_and_curvature(In<2> E, In<4, cdouble> Z, In<1, int32_t> directions, Out<4, cdouble> velocity,
                            Out<3> curvature) {
    const int K = E.shape(0), N = E.shape(1), C = Z.shape(2), D = directions.shape(0);
    const bool curved = curvature.shape(0) > 0;
    require(int(Z.shape(0)) == K && int(Z.shape(1)) == N && int(Z.shape(3)) == N, "Z: expected shape (K, N, a, N)");
    require(int(velocity.shape(0)) == K && int(velocity.shape(1)) == N && int(velocity.shape(2)) == D &&
                int(velocity.shape(3)) == N,
            "velocity: expected shape (K, N, d, N)");
    require(!curved || (int(curvature.shape(0)) == K && int(curvature.shape(1)) == 3 && int(curvature.shape(2)) == N &&
                        C == 3),
            "curvature: expected shape (K, 3, N) and three components of Z, or no points");
    for (int d = 0; d < D; ++d) require(directions(d) >= 0 && directions(d) < C, "directions: index out of range");

    nb::gil_scoped_release release;
    for (int k = 0; k < K; ++k) {
        const double *e = E.data() + size_t(k) * N;
        const cdouble *z = Z.data() + size_t(k) * N * C * N;
        cdouble *out = velocity.data() + size_t(k) * N * D * N;
        for (int n = 0; n < N; ++n)
            for (int d = 0; d < D; ++d) {
                const int c = directions(d);
                const cdouble *row = z + (size_t(n) * C + c) * N;
                cdouble *v = out + (size_t(n) * D + d) * N;
                for (int m = n; m < N; ++m) {
                    const double gap = 0.5 * (e[n] - e[m]);
                    const cdouble a = row[m], b = std::conj(z[(size_t(m) * C + c) * N + n]);
                    const cdouble value = (0.5 + gap) * a + (0.5 - gap) * b;
                    v[m] = value;
                    out[(size_t(m) * D + d) * N + n] = std::conj(value);
                }
            }
        if (!curved) continue;
        double *w = curvature.data() + size_t(k) * 3 * N;
        std::fill(w, w + 3 * N, 0.0);
        for (int n = 0; n < N; ++n)
            for (int m = n + 1; m < N; ++m) {
                cdouble A[3]; // <n|A|m>
                for (int c = 0; c < 3; ++c) {
                    const cdouble gap = 0.5 * (z[(size_t(n) * C + c) * N + m] - std::conj(z[(size_t(m) * C + c) * N + n]));
                    A[c] = cdouble(gap.imag(), -gap.real());
                }
                for (int p = 0; p < 3; ++p) {
                    const cdouble x = A[(p + 1) % 3], y = A[(p + 2) % 3];
                    const double value = 2.0 * (x.imag() * y.real() - x.real() * y.imag()); // 2 Im(A_x,nm A_y,mn)
                    w[p * N + n] += value;
                    w[p * N + m] -= value;
                }
            }
    }
}

} // namespace

void bind_hermitian(nb::module_ &m) {
    m.def("hermitian_parts", &hermitian_parts, nb::arg("Z").noconvert(), nb::arg("out").noconvert(),
          "Writes X and Y of Z = X + iY to out (K, N, v, N); see hpcalo.kubo.kernels.reference.hermitian_parts.");
    m.def("hermitian_pair", &hermitian_pair, nb::arg("Z").noconvert(), nb::arg("out").noconvert(),
          "Writes X and Y of one large Z = X + iY (M, M) to out (M, v, M); see "
          "hpcalo.kubo.kernels.reference.hermitian_pair.");
    m.def("velocity_and_curvature", &velocity_and_curvature, nb::arg("E").noconvert(), nb::arg("Z").noconvert(),
          nb::arg("directions").noconvert(), nb::arg("velocity").noconvert(), nb::arg("curvature").noconvert(),
          "Writes the velocity (K, N, d, N) and -i[A, A]_nn (K, 3, N) of Z = dH + iA; see "
          "hpcalo.kubo.kernels.reference.velocity_and_curvature.");
}
