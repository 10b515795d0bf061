// Vector operations of the Krylov method: dot products as sums over single nodes, in an order that does not depend on
// how nodes are shared by ranks, and combinations of basis vectors in one pass.
#include "common.hpp"

#include <algorithm>

namespace {

HPCALO_CLONES
void dots(const double *basis, const double *x, double *out, long count, long nodes, long width) {
    for (long i = 0; i < nodes; ++i)
        basis_dots(basis + i * width, nodes * width, count, x + i * width, width, out + i * (2 * count + 1));
}

constexpr long BLOCK = 512;

// The last of `count` basis vectors: scale_u (u - sum_k s_k basis_k); the new one: scale_x (x - sum_k c_k basis_k -
// c_last u) with u before the change. One pass; blocks stay in the nearest cache.
template <class T>
HPCALO_INLINE void orthogonalize(T *basis, const double *s, const double *c, T *x, long count, long size,
                                 double scale_u, double scale_x) {
    T *u = basis + (count - 1) * size;
    for (long at = 0; at < size; at += BLOCK) {
        const long n = std::min(BLOCK, size - at);
        double first[BLOCK], second[BLOCK];
        const double last = c[count - 1];
        for (long j = 0; j < n; ++j) {
            first[j] = u[at + j];
            second[j] = x[at + j] - last * first[j];
        }
        for (long k = 0; k < count - 1; ++k) {
            const T *q = basis + k * size + at;
            const double sk = s[k], ck = c[k];
#pragma omp simd
            for (long j = 0; j < n; ++j) {
                first[j] -= sk * q[j];
                second[j] -= ck * q[j];
            }
        }
        for (long j = 0; j < n; ++j) {
            u[at + j] = (T)(scale_u * first[j]);
            x[at + j] = (T)(scale_x * second[j]);
        }
    }
}

HPCALO_CLONES
void orthogonalize_double(double *basis, const double *s, const double *c, double *x, long count, long size,
                          double scale_u, double scale_x) {
    orthogonalize(basis, s, c, x, count, size, scale_u, scale_x);
}

HPCALO_CLONES
void orthogonalize_single(float *basis, const double *s, const double *c, float *x, long count, long size,
                          double scale_u, double scale_x) {
    orthogonalize(basis, s, c, x, count, size, scale_u, scale_x);
}

// out = scale (base + sum_k c_k basis_k), blocks of out stay in the nearest cache.
template <class T>
HPCALO_INLINE void combine(const T *basis, const double *c, const double *base, double *out, long count, long size,
                           double scale) {
    for (long at = 0; at < size; at += BLOCK) {
        const long n = std::min(BLOCK, size - at);
        double sum[BLOCK];
        for (long j = 0; j < n; ++j) sum[j] = base ? base[at + j] : 0.0;
        long k = 0;
        for (; k + 2 <= count; k += 2) {
            const T *a = basis + k * size + at, *b = a + size;
            const double x = c[k], y = c[k + 1];
#pragma omp simd
            for (long j = 0; j < n; ++j) sum[j] = (sum[j] + x * a[j]) + y * b[j];
        }
        if (k < count) {
            const T *a = basis + k * size + at;
            const double x = c[k];
#pragma omp simd
            for (long j = 0; j < n; ++j) sum[j] = sum[j] + x * a[j];
        }
        for (long j = 0; j < n; ++j) out[at + j] = scale * sum[j];
    }
}

HPCALO_CLONES
void combine_double(const double *basis, const double *c, const double *base, double *out, long count, long size,
                    double scale) {
    combine(basis, c, base, out, count, size, scale);
}

HPCALO_CLONES
void combine_single(const float *basis, const double *c, const double *base, double *out, long count, long size,
                    double scale) {
    combine(basis, c, base, out, count, size, scale);
}

// Bindings for both precisions of the basis; the arrays' type selects.
template <class T, class Orthogonalize, class Combine>
void bind_for(nb::module_ &m, Orthogonalize orthogonalize_, Combine combine_) {
    using namespace nb::literals;
    m.def(
        "orthogonalize",
        [=](Out<2, T> basis, In<1> s, In<1> c, Out<1, T> x, double scale_u, double scale_x) {
            const long count = basis.shape(0), size = x.shape(0);
            require(count >= 1 && (long)basis.shape(1) == size && (long)s.shape(0) == count - 1 &&
                        (long)c.shape(0) == count,
                    "orthogonalize: shapes do not fit");
            [[maybe_unused]] const Precision<T> mode;
            orthogonalize_(basis.data(), s.data(), c.data(), x.data(), count, size, scale_u, scale_x);
        },
        "basis"_a.noconvert(), "s"_a, "c"_a, "x"_a.noconvert(), "scale_u"_a, "scale_x"_a);
    m.def(
        "combine",
        [=](In<2, T> basis, In<1> c, nb::object base, Out<1> out, double scale) {
            const long count = basis.shape(0), size = out.shape(0);
            require((long)c.shape(0) == count && (count == 0 || (long)basis.shape(1) == size),
                    "combine: shapes do not fit");
            const double *from = optional<In<1>>(base, {size}, "combine: base has the size of out");
            [[maybe_unused]] const Precision<T> mode;
            combine_(basis.data(), c.data(), from, out.data(), count, size, scale);
        },
        "basis"_a.noconvert(), "coefficients"_a, "base"_a.none(), "out"_a, "scale"_a);
}

} // namespace

void bind_wall_krylov(nb::module_ &m) {
    using namespace nb::literals;
    m.def(
        "node_dots",
        [](In<3> basis, In<2> x, Out<2> out) {
            const long count = basis.shape(0), nodes = x.shape(0), width = x.shape(1);
            require((long)basis.shape(1) == nodes && (long)basis.shape(2) == width && (long)out.shape(0) == nodes &&
                        (long)out.shape(1) == 2 * count + 1,
                    "node_dots: shapes do not fit");
            dots(basis.data(), x.data(), out.data(), count, nodes, width);
        },
        "basis"_a, "x"_a, "out"_a);
    bind_for<double>(m, orthogonalize_double, combine_double);
    bind_for<float>(m, orthogonalize_single, combine_single);
}
