// Vector types and fixed-order sums that the wall kernels share.
#pragma once

#include "native/arrays.hpp"

#include <type_traits>

// Eight doubles side by side: one vector register of AVX-512, two of AVX, four of SSE2; the arithmetic is the same.
typedef double Eight __attribute__((vector_size(64), aligned(8), may_alias));

// Sixteen floats side by side, for what only has to be near: as many bytes as eight doubles.
typedef float Sixteen __attribute__((vector_size(64), aligned(4), may_alias));
typedef float EightSingle __attribute__((vector_size(32), aligned(4), may_alias));
template <class T> struct Lanes;
template <> struct Lanes<double> {
    typedef Eight Vector;
    static constexpr long width = 8;
};
template <> struct Lanes<float> {
    typedef Sixteen Vector;
    static constexpr long width = 16;
};
template <class T> using Vector = typename Lanes<T>::Vector;

template <class T> HPCALO_INLINE void take(Vector<T> &to, const T *from) {
    to = *reinterpret_cast<const Vector<T> *>(from);
}
template <class T> HPCALO_INLINE void keep(T *to, const Vector<T> &from) { *reinterpret_cast<Vector<T> *>(to) = from; }
HPCALO_INLINE void keep(float *to, const Eight &from) {
    *reinterpret_cast<EightSingle *>(to) = __builtin_convertvector(from, EightSingle);
}

// Far from a wall values fade below what single precision can hold; while this lives they become zero, because numbers
// in between (denormal ones) cost a hundred times an ordinary operation.
class TinyIsZero {
#if defined(__SSE__)
    unsigned before = __builtin_ia32_stmxcsr();

  public:
    TinyIsZero() { __builtin_ia32_ldmxcsr(before | 0x8040); }
    ~TinyIsZero() { __builtin_ia32_ldmxcsr(before); }
#elif defined(__aarch64__)
    unsigned long before;

  public:
    TinyIsZero() {
        asm volatile("mrs %0, fpcr" : "=r"(before));
        asm volatile("msr fpcr, %0" : : "r"(before | (1UL << 24)));
    }
    ~TinyIsZero() { asm volatile("msr fpcr, %0" : : "r"(before)); }
#else
  public:
    TinyIsZero() {}
#endif
    TinyIsZero(const TinyIsZero &) = delete;
};

struct AsItIs {
    AsItIs() {}
};
template <class T> using Precision = std::conditional_t<std::is_same_v<T, float>, TinyIsZero, AsItIs>;

// Parts of the nodes in an elimination from both ends of the wire to its middle node: left of this, right of it,
// itself. A rank that has it works on one side while it waits for what the other needs.
enum Part { LEFT_SIDE = 1, RIGHT_SIDE = 2, MIDDLE = 4 };

// Asks for memory that is used a node later: rows are shorter than what the processor's own prefetching needs to start.
template <class T> HPCALO_INLINE void ahead(const T *from, long count) {
    for (long line = 0; line < count * (long)sizeof(T); line += 64)
        __builtin_prefetch(reinterpret_cast<const char *>(from) + line);
}

HPCALO_INLINE double lanes(const double *lane) {
    return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}
HPCALO_INLINE double lanes(const float *lane) {
    double sum[8];
    for (int l = 0; l < 8; ++l) sum[l] = (double)lane[l] + (double)lane[8 + l];
    return lanes(sum);
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
template <class T> HPCALO_INLINE double row_dot(const T *a, const T *b, long count) {
    constexpr long width = Lanes<T>::width;
    Vector<T> sum[4] = {}, x, y;
    long j = 0;
    for (; j + 4 * width <= count; j += 4 * width)
        for (int i = 0; i < 4; ++i) {
            take(x, a + j + width * i);
            take(y, b + j + width * i);
            sum[i] += x * y;
        }
    for (; j + width <= count; j += width) {
        take(x, a + j);
        take(y, b + j);
        sum[0] += x * y;
    }
    sum[0] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    T lane[width];
    keep(lane, sum[0]);
    for (int l = 0; j < count; ++j, ++l) lane[l] += a[j] * b[j];
    return lanes(lane);
}

// Dot products of a row with two others.
template <class T> HPCALO_INLINE void row_dots(const T *a, const T *b, const T *c, long count, double &ab, double &ac) {
    constexpr long width = Lanes<T>::width;
    Vector<T> b0 = {}, b1 = {}, c0 = {}, c1 = {}, x, y, z;
    long j = 0;
    for (; j + 2 * width <= count; j += 2 * width) {
        take(x, a + j);
        take(y, b + j);
        take(z, c + j);
        b0 += x * y;
        c0 += x * z;
        take(x, a + j + width);
        take(y, b + j + width);
        take(z, c + j + width);
        b1 += x * y;
        c1 += x * z;
    }
    b0 += b1;
    c0 += c1;
    T bl[width], cl[width];
    keep(bl, b0);
    keep(cl, c0);
    for (int l = 0; j < count; ++j, l = (l + 1) % width) bl[l] += a[j] * b[j], cl[l] += a[j] * c[j];
    ab = lanes(bl);
    ac = lanes(cl);
}

// Products of a new vector's row with `count` basis rows and itself, then of the last basis row with all.
template <class T>
HPCALO_INLINE void basis_dots(const T *basis, long stride, long count, const T *row, long width, double *out) {
    const T *last = basis + (count - 1) * stride;
    for (long k = 0; k < count; ++k) row_dots(basis + k * stride, row, last, width, out[k], out[count + 1 + k]);
    out[count] = row_dot(row, row, width);
}

// The distribution with moments q at one node, added to y.
template <class T>
HPCALO_INLINE void prolong_row(const T *__restrict y, const double *q, const double *m, const double *__restrict h,
                               const double *__restrict hd, double *__restrict z, long np) {
    const double n = q[0], x = q[1], u = q[2], w = q[3], mx = m[0], my = m[1], mz = m[2];
    const double along = mx * x + my * u + mz * w;
#pragma omp simd
    for (long j = 0; j < np; ++j) {
        const double hj = h[j], dj = hd[j];
        z[j] = y[j] + n * hj + along * dj;
        z[np + j] = y[np + j] + x * hj + n * mx * dj;
        z[2 * np + j] = y[2 * np + j] + u * hj + n * my * dj;
        z[3 * np + j] = y[3 * np + j] + w * hj + n * mz * dj;
    }
}
