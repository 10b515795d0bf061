// Array types, compiler switches and fixed-order sums shared by the wall kernels.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#if defined(HPCALO_NO_CLONES) || !defined(__x86_64__)
#define HPCALO_CLONES
#else
#define HPCALO_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
#define HPCALO_INLINE inline __attribute__((always_inline))

namespace nb = nanobind;
template <int D> using In = nb::ndarray<const double, nb::ndim<D>, nb::c_contig, nb::device::cpu>;
template <int D> using Out = nb::ndarray<double, nb::ndim<D>, nb::c_contig, nb::device::cpu>;

inline void require(bool ok, const char *what) {
    if (!ok) throw nb::value_error(what);
}

// Eight doubles side by side: one vector register of AVX-512, two of AVX, four of SSE2; the arithmetic is the same.
typedef double Eight __attribute__((vector_size(64), aligned(8), may_alias));

HPCALO_INLINE double lanes(const double *lane) {
    return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

// Sum over a row in eight fixed lanes: the same bits for every width of the vector unit.
HPCALO_INLINE double row_sum(const double *__restrict e, long np) {
    Eight sum = {};
    long j = 0;
    for (; j + 8 <= np; j += 8) sum += *reinterpret_cast<const Eight *>(e + j);
    double lane[8];
    for (int l = 0; l < 8; ++l) lane[l] = sum[l];
    for (int l = 0; j < np; ++j, ++l) lane[l] += e[j];
    return lanes(lane);
}

// Dot product of two rows, in fixed lanes as above.
HPCALO_INLINE double row_dot(const double *a, const double *b, long count) {
    Eight s0 = {}, s1 = {}, s2 = {}, s3 = {};
    long j = 0;
    for (; j + 32 <= count; j += 32) {
        const Eight *x = reinterpret_cast<const Eight *>(a + j), *y = reinterpret_cast<const Eight *>(b + j);
        s0 += x[0] * y[0];
        s1 += x[1] * y[1];
        s2 += x[2] * y[2];
        s3 += x[3] * y[3];
    }
    for (; j + 8 <= count; j += 8) s0 += *reinterpret_cast<const Eight *>(a + j) * *reinterpret_cast<const Eight *>(b + j);
    s0 = (s0 + s1) + (s2 + s3);
    double lane[8];
    for (int l = 0; l < 8; ++l) lane[l] = s0[l];
    for (int l = 0; j < count; ++j, ++l) lane[l] += a[j] * b[j];
    return lanes(lane);
}

// Dot products of a row with two others.
HPCALO_INLINE void row_dots(const double *a, const double *b, const double *c, long count, double &ab, double &ac) {
    Eight b0 = {}, b1 = {}, c0 = {}, c1 = {};
    long j = 0;
    for (; j + 16 <= count; j += 16) {
        const Eight *x = reinterpret_cast<const Eight *>(a + j), *y = reinterpret_cast<const Eight *>(b + j),
                    *z = reinterpret_cast<const Eight *>(c + j);
        b0 += x[0] * y[0];
        b1 += x[1] * y[1];
        c0 += x[0] * z[0];
        c1 += x[1] * z[1];
    }
    b0 += b1;
    c0 += c1;
    double bl[8], cl[8];
    for (int l = 0; l < 8; ++l) bl[l] = b0[l], cl[l] = c0[l];
    for (int l = 0; j < count; ++j, l = (l + 1) % 8) bl[l] += a[j] * b[j], cl[l] += a[j] * c[j];
    ab = lanes(bl);
    ac = lanes(cl);
}

// Products of a new vector's row with `count` basis rows and itself, then of the last basis row with all.
HPCALO_INLINE void basis_dots(const double *basis, long stride, long count, const double *row, long width, double *out) {
    const double *last = basis + (count - 1) * stride;
    for (long k = 0; k < count; ++k) row_dots(basis + k * stride, row, last, width, out[k], out[count + 1 + k]);
    out[count] = row_dot(row, row, width);
}
