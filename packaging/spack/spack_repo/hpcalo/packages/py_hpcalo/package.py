"""Spack package of hpcalo; built from a working copy (`spack develop`), since no release has been published yet."""

from spack.package import depends_on, license, variant, version
from spack_repo.builtin.build_systems.python import PythonPackage


class PyHpcalo(PythonPackage):
    """Spin caloritronics from the electronic structure to the moving domain wall, in parallel."""

    license("MIT")

    version("0.1.0")

    variant("wall", default=True, description="Runs of a domain wall, with PETSc")

    depends_on("cxx", type="build")
    depends_on("cmake@3.18:", type="build")
    depends_on("ninja", type="build")
    depends_on("py-scikit-build-core@1.1.2:", type="build")
    depends_on("py-nanobind@3.1:", type="build")

    depends_on("mpi")
    depends_on("python@3.11:3.13", type=("build", "run"))
    depends_on("py-numpy@2.0:2.3", type=("build", "run"))
    depends_on("py-scipy@1.13:", type="run")
    depends_on("py-mpi4py@4.0:", type="run")
    depends_on("py-h5py@3.11:+mpi", type="run")
    depends_on("py-pydantic@2.8:", type="run")
    depends_on("py-click@8.1:", type="run")
    depends_on("py-tqdm@4.66:", type="run")
    depends_on("py-matplotlib@3.8:", type="run")
    depends_on("py-spglib@2.5:", type="run")
    depends_on("py-threadpoolctl@3.5:", type="run")
    depends_on("py-tomli-w@1.0:", type="run")
    depends_on("py-pint@0.24:", type="run")
    depends_on("py-jinja2@3.1:", type="run")
    depends_on("py-seekpath@2.1:", type="run")
    depends_on("py-ase@3.23:", type="run")

    depends_on("petsc~complex+double+mumps", when="+wall", type="run")
    depends_on("py-petsc4py@3.18:", when="+wall", type="run")
