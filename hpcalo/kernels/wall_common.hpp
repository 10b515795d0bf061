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

// Sum over a row in eight fixed lanes: the same bits for every width of the vector unit.
inline __attribute__((always_inline)) double row_sum(const double *__restrict e, long np) {
    double lane[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    long j = 0;
    for (; j + 8 <= np; j += 8)
        for (int l = 0; l < 8; ++l) lane[l] += e[j + l];
    for (int l = 0; j < np; ++j, ++l) lane[l] += e[j];
    return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}
