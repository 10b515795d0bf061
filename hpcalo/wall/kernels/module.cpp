// The extension module of the wall engine: each unit binds itself in a file of its own.
#include <nanobind/nanobind.h>

namespace nb = nanobind;

void bind_wall_kinetic(nb::module_ &m);
void bind_wall_even(nb::module_ &m);
void bind_wall_sweep(nb::module_ &m);
void bind_wall_krylov(nb::module_ &m);
void bind_wall_diffusion(nb::module_ &m);
void bind_wall_llg(nb::module_ &m);
void bind_wall_paper(nb::module_ &m);

NB_MODULE(_wall, m) {
    m.doc() = "Hot loops of the wall engine; hpcalo/wall/kernels/reference.py states what each computes.";
    bind_wall_kinetic(m);
    bind_wall_even(m);
    bind_wall_sweep(m);
    bind_wall_krylov(m);
    bind_wall_diffusion(m);
    bind_wall_llg(m);
    bind_wall_paper(m);
}
