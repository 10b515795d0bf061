// The extension module of the Kubo engine: each unit binds itself in a file of its own.
#include "common.hpp"

void bind_broadened(nb::module_ &m);
void bind_eigen(nb::module_ &m);
void bind_fermi(nb::module_ &m);
void bind_hermitian(nb::module_ &m);
void bind_sea(nb::module_ &m);
void bind_thermal(nb::module_ &m);

NB_MODULE(_kubo, m) {
    m.doc() = "Hot loops of the Kubo engine; hpcalo/kubo/kernels/reference.py states what each computes.";
    bind_broadened(m);
    bind_eigen(m);
    bind_fermi(m);
    bind_hermitian(m);
    bind_sea(m);
    bind_thermal(m);
}
