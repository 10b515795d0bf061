// The extension module of the Kubo engine: each unit binds itself in a file of its own.
#include <nanobind/nanobind.h>

namespace nb = nanobind;

NB_MODULE(_kubo, m) {
    m.doc() = "Hot loops of the Kubo engine; hpcalo/kernels/reference.py states what each computes.";
}
