"""Do the libraries fit together? One MPI in the process, an HDF5 that knows it, PETSc with real numbers."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import h5py

import hpcalo
from hpcalo.errors import EnvironmentMismatch, one_line
from hpcalo.io.provenance import git_revision, library_versions, one_field
from hpcalo.parallel.guard import on_root
from hpcalo.parallel.threads import thread_report

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

# How many processes a launcher says it has started, where it says so.
SIZE_VARIABLES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")


def check_environment(comm: Intracomm) -> None:
    """Cheap checks at the start of a run, of the libraries loaded so far. Raises EnvironmentMismatch."""
    problems = launcher_problems(comm.size) + library_problems(comm.size)
    if problems:
        raise EnvironmentMismatch(f"{problems[0]} ('hpcalo info --environment' shows the details)")


def launcher_problems(size: int) -> list[str]:
    """A launcher that started several processes which do not see each other."""
    for name in SIZE_VARIABLES:
        text = os.environ.get(name, "")
        # A batch script's own variables describe its first step, not a program started without a launcher.
        stepless = name.startswith("SLURM") and "SLURM_STEP_ID" not in os.environ
        if text.isdigit() and int(text) > 1 and size == 1 and not stepless:
            hint = "use 'srun --mpi=pmix' or mpirun" if name.startswith("SLURM") else "use the mpirun of that MPI"
            return [f"the launcher started {text} processes, but mpi4py's MPI ({mpi_name()}) sees only one: {hint}"]
    return []


def library_problems(size: int = 2) -> list[str]:
    """Libraries that do not fit together, for a run on `size` ranks; one line each, in words a user can act on."""
    problems = []
    if size > 1 and not h5py.get_config().mpi:
        problems.append("h5py is built without MPI: HDF5_MPI=ON and a parallel HDF5, see docs/guide/cluster.md")
    libraries = loaded_mpi_libraries()
    if len(libraries) > 1:
        problems.append(
            f"two MPI libraries in one process: {' and '.join(libraries)}; rebuild h5py, mpi4py and petsc4py"
        )
    petsc = sys.modules.get("petsc4py.PETSc")
    if petsc is not None and petsc.ScalarType().dtype.kind == "c":
        problems.append("PETSc is built with complex numbers; hpcalo needs a real build (petsc4py with PETSC_ARCH)")
    return problems


def loaded_mpi_libraries() -> list[str]:
    """The MPI libraries mapped into this process, as real paths (empty if the system does not list them)."""
    found = set()
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        path = line.partition("/")[1] + line.partition("/")[2]
        if re.match(r"libmpi(ch)?(\.so|-[0-9a-f]+\.so|_(?!cxx|mpifh|usempi|java)[a-z]*\.so)", os.path.basename(path)):
            found.add(os.path.realpath(path.removesuffix(" (deleted)")))
    return sorted(found)


def mpi_name() -> str:
    """Name and version of the MPI library that mpi4py uses."""
    from mpi4py import MPI  # noqa: PLC0415

    return one_field(MPI.Get_library_version())


def describe_environment(comm: Intracomm) -> tuple[str, bool]:
    """Versions, builds, threads and misfits, as text (on every rank), and whether all fits. Collective; loads PETSc."""
    hosts = comm.gather(platform.node(), root=0) or []
    petsc = _petsc()  # on all ranks: PETSc starts together

    def describe() -> tuple[str, bool]:
        revision = git_revision()
        lines = [
            f"hpcalo       {hpcalo.__version__}{f' ({revision[:12]})' if revision else ''} in {_folder()}",
            f"Python       {platform.python_version()} ({sys.executable})",
            f"machine      {platform.platform()}, {os.cpu_count()} cores",
            f"MPI          {mpi_name()}; {comm.size} rank{'s' * (comm.size != 1)} on {len(set(hosts))} host(s)",
            f"HDF5         {h5py.version.hdf5_version}, {'parallel' if h5py.get_config().mpi else 'SERIAL'}",
            f"PETSc        {petsc}",
        ]
        lines += [f"{name:12} {version}" for name, version in library_versions().items()]
        lines += [f"threads      {line}" for line in thread_report()]
        libraries = loaded_mpi_libraries()
        lines += [f"libmpi       {path}" for path in libraries]
        problems = launcher_problems(comm.size) + library_problems()
        lines += [f"PROBLEM      {problem}" for problem in problems] or ["all of these fit together"]
        return "\n".join(lines), not problems

    return on_root(comm, describe)


def _folder() -> Path:
    return Path(hpcalo.__file__).parent


def _petsc() -> str:
    try:
        import petsc4py  # noqa: PLC0415

        petsc4py.init([])
        from petsc4py import PETSc  # noqa: PLC0415

        kind = "complex" if PETSc.ScalarType().dtype.kind == "c" else "real"
        version = ".".join(str(part) for part in PETSc.Sys.getVersion())
        return f"{version}, {kind} numbers, petsc4py {metadata.version('petsc4py')}"
    except Exception as problem:  # a broken build fails in many ways; this report names them
        return f"NOT USABLE: {one_line(problem)[:200]}"
