// What the units of the Kubo extension share: array types and the choice of code path at run time.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/complex.h>

#include <complex>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace nb = nanobind;

#if defined(HPCALO_NO_CLONES) || !defined(__x86_64__)
#define HPCALO_CLONES
#else
#define HPCALO_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

using cdouble = std::complex<double>;
template <typename T, int D> using In = nb::ndarray<const T, nb::ndim<D>, nb::c_contig, nb::device::cpu>;
template <typename T, int D> using Out = nb::ndarray<T, nb::ndim<D>, nb::c_contig, nb::device::cpu>;

inline void require(bool ok, const char *what) {
    if (!ok) throw std::invalid_argument(what);
}

// Im and Re of W_nm = <n|X|m><m|Y|n> = X_nm conj(Y_nm) for Hermitian X, Y; x and y point at rows of interleaved complex
// numbers.
inline double re_w(const double *x, const double *y, int m) {
    return x[2 * m] * y[2 * m] + x[2 * m + 1] * y[2 * m + 1];
}
inline double im_w(const double *x, const double *y, int m) {
    return x[2 * m + 1] * y[2 * m] - x[2 * m] * y[2 * m + 1];
}
