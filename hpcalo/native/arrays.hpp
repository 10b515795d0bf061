// What the kernels of both engines share: array types, argument checks, the choice of code path at run time.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <initializer_list>
#include <string>

#if defined(HPCALO_NO_CLONES) || !defined(__x86_64__)
#define HPCALO_CLONES
#else
#define HPCALO_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
#define HPCALO_INLINE inline __attribute__((always_inline))

namespace nb = nanobind;

// Arrays of D axes that a kernel reads or writes, contiguous, in memory of the processor.
template <int D, typename T = double> using In = nb::ndarray<const T, nb::ndim<D>, nb::c_contig, nb::device::cpu>;
template <int D, typename T = double> using Out = nb::ndarray<T, nb::ndim<D>, nb::c_contig, nb::device::cpu>;

// Raises ValueError in Python.
inline void require(bool ok, const char *what) {
    if (!ok) throw nb::value_error(what);
}

// Whether an array has these lengths along its axes.
template <class Array> bool has_shape(const Array &array, std::initializer_list<long> lengths) {
    size_t axis = 0;
    for (const long length : lengths)
        if ((long)array.shape(axis++) != length) return false;
    return axis == array.ndim();
}

// The data of an array that Python may leave out (None): a null pointer then. `what` is the message for a wrong shape.
template <class Array> auto *optional(const nb::object &given, std::initializer_list<long> lengths, const char *what) {
    decltype(Array().data()) data = nullptr;
    if (!given.is_none()) {
        const auto array = nb::cast<Array>(given);
        require(has_shape(array, lengths), what);
        data = array.data();
    }
    return data;
}
