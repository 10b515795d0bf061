// What the units of the Kubo extension share: checks of their arguments and the product of two matrix elements.
#pragma once

#include "native/arrays.hpp"

#include <nanobind/stl/complex.h>

#include <complex>
#include <cstdint>

using cdouble = std::complex<double>;

// Arguments that all pair sums have: operators X (K, N, a, N) and Y (K, N, b, N) for the bands of E (K, N), pairs (P,
// 2) of their components, weights (K,) of the points.
inline void require_pairs(const In<2> &E, const In<4, cdouble> &X, const In<4, cdouble> &Y, const In<2, int32_t> &pairs,
                          const In<1> &weights) {
    const int K = E.shape(0), N = E.shape(1), P = pairs.shape(0), NX = X.shape(2), NY = Y.shape(2);
    require(int(X.shape(0)) == K && int(X.shape(1)) == N && int(X.shape(3)) == N, "X: expected shape (K, N, a, N)");
    require(int(Y.shape(0)) == K && int(Y.shape(1)) == N && int(Y.shape(3)) == N, "Y: expected shape (K, N, b, N)");
    require(pairs.shape(1) == 2, "pairs: expected shape (P, 2)");
    require(int(weights.shape(0)) == K, "weights: expected shape (K,)");
    for (int p = 0; p < P; ++p)
        require(pairs(p, 0) >= 0 && pairs(p, 0) < NX && pairs(p, 1) >= 0 && pairs(p, 1) < NY,
                "pairs: index out of range");
}

// Im and Re of W_nm = <n|X|m><m|Y|n> = X_nm conj(Y_nm) for Hermitian X, Y; x and y point at rows of interleaved complex
// numbers.
inline double re_w(const double *x, const double *y, int m) {
    return x[2 * m] * y[2 * m] + x[2 * m + 1] * y[2 * m + 1];
}
inline double im_w(const double *x, const double *y, int m) {
    return x[2 * m + 1] * y[2 * m] - x[2 * m] * y[2 * m + 1];
}
