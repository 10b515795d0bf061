// The order-independent sum: doubles into three integers with fixed quanta, exactly, and back, rounded once.
#include "native/arrays.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace {

constexpr int LIMBS = 3;
constexpr double QUANTA[LIMBS] = {0x1p10, 0x1p-30, 0x1p-70};
constexpr int CARRY_BITS = 40; // between neighbouring quanta
constexpr size_t PIECE = 2048; // elements that stay in cache

inline int64_t bits(double x) {
    int64_t out;
    std::memcpy(&out, &x, sizeof out);
    return out;
}

HPCALO_CLONES
bool all_below(const double *values, size_t n, double limit) {
    int bad = 0;
#pragma omp simd reduction(| : bad)
    for (size_t i = 0; i < n; ++i) bad |= !(std::fabs(values[i]) < limit);
    return !bad;
}

// Adding 1.5 2^52 quanta rounds to whole ones, ties to even, and leaves their number in the last bits.
HPCALO_CLONES
void split(const double *values, size_t n, int64_t *high, int64_t *middle, int64_t *low) {
    constexpr double a = 0x1.8p52 * QUANTA[0], b = 0x1.8p52 * QUANTA[1], c = 0x1.8p52 * QUANTA[2];
    const int64_t no_a = bits(a), no_b = bits(b), no_c = bits(c);
#pragma omp simd
    for (size_t i = 0; i < n; ++i) {
        double rest = values[i];
        const double x = rest + a;
        high[i] += bits(x) - no_a;
        rest -= x - a;
        const double y = rest + b;
        middle[i] += bits(y) - no_b;
        rest -= y - b;
        low[i] += bits(rest + c) - no_c;
    }
}

// Carries upwards so that the lower limbs lie in [-2^39, 2^39): then each converts to double without rounding, and the
// additions round only where the result does.
HPCALO_CLONES
void join(const int64_t *high, const int64_t *middle, const int64_t *low, size_t n, double *out) {
    constexpr int64_t half = int64_t(1) << (CARRY_BITS - 1);
#pragma omp simd
    for (size_t i = 0; i < n; ++i) {
        int64_t carry = (low[i] + half) >> CARRY_BITS;
        const int64_t l = low[i] - carry * (int64_t(1) << CARRY_BITS);
        const int64_t m = middle[i] + carry;
        carry = (m + half) >> CARRY_BITS;
        const double rest = double(m - carry * (int64_t(1) << CARRY_BITS)) * QUANTA[1] + double(l) * QUANTA[2];
        out[i] = double(high[i] + carry) * QUANTA[0] + rest;
    }
}

// limbs (3, P, n) += values (R, n), each row to one of the P. False, and nothing added, unless |value| < limit for all.
bool add(In<2> values, In<1, int64_t> rows, Out<3, int64_t> limbs, double limit) {
    const size_t R = values.shape(0), n = values.shape(1), P = limbs.shape(1);
    require(limbs.shape(0) == LIMBS && limbs.shape(2) == n, "limbs: expected shape (3, P, n)");
    require(rows.shape(0) == R, "rows: expected shape (R,)");
    for (size_t r = 0; r < R; ++r) require(rows(r) >= 0 && size_t(rows(r)) < P, "rows: index out of range");

    nb::gil_scoped_release release;
    if (!all_below(values.data(), R * n, limit)) return false;
    for (size_t r = 0; r < R; ++r) {
        int64_t *first = limbs.data() + size_t(rows(r)) * n;
        split(values.data() + r * n, n, first, first + P * n, first + 2 * P * n);
    }
    return true;
}

// out (n,): the sum of the members among the P rows of limbs (3, P, n).
void value(In<3, int64_t> limbs, In<1, uint8_t> members, Out<1> out) {
    const size_t P = limbs.shape(1), n = limbs.shape(2);
    require(limbs.shape(0) == LIMBS && members.shape(0) == P, "members: expected shape (P,), limbs (3, P, n)");
    require(out.shape(0) == n, "out: expected shape (n,)");

    nb::gil_scoped_release release;
    int64_t sum[LIMBS][PIECE];
    for (size_t start = 0; start < n; start += PIECE) {
        const size_t size = std::min(PIECE, n - start);
        for (int limb = 0; limb < LIMBS; ++limb) {
            std::fill(sum[limb], sum[limb] + size, int64_t(0));
            for (size_t p = 0; p < P; ++p) {
                if (!members(p)) continue;
                const int64_t *row = limbs.data() + (limb * P + p) * n + start;
                for (size_t i = 0; i < size; ++i) sum[limb][i] += row[i];
            }
        }
        join(sum[0], sum[1], sum[2], size, out.data() + start);
    }
}

} // namespace

NB_MODULE(_exact, m) {
    m.doc() = "Doubles into three integers and back; hpcalo/parallel/exact_sum.py says why.";
    m.def("add", &add, nb::arg("values").noconvert(), nb::arg("rows").noconvert(), nb::arg("limbs").noconvert(),
          nb::arg("limit"), "Adds rows (R, n) to some of the rows of limbs (3, P, n); False if a value is not below limit.");
    m.def("value", &value, nb::arg("limbs").noconvert(), nb::arg("members").noconvert(), nb::arg("out").noconvert(),
          "Writes the sum of the members (P,) among the rows of limbs (3, P, n) to out (n,).");
}
