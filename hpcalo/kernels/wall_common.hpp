// Array types and compiler switches shared by the wall kernels.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#if defined(HPCALO_NO_CLONES) || !defined(__x86_64__)
#define HPCALO_CLONES
#else
#define HPCALO_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

namespace nb = nanobind;
template <int D> using In = nb::ndarray<const double, nb::ndim<D>, nb::c_contig, nb::device::cpu>;
template <int D> using Out = nb::ndarray<double, nb::ndim<D>, nb::c_contig, nb::device::cpu>;

inline void require(bool ok, const char *what) {
    if (!ok) throw nb::value_error(what);
}
