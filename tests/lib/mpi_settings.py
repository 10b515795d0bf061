"""What ranks need on a machine of tests: root, more ranks than cores, and waits that leave the cores to others.

A shell takes it as `eval "$(python tests/lib/mpi_settings.py)"`; what its environment says already stays.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",  # else rank 0 of every job is bound to the same first core
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_btl": "self,vader",
    "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
}
SOURCE = Path(__file__).with_name("patient_wait.cpp")
LIBRARY = SOURCE.parents[2] / "build" / "patient_wait.so"


def mpi_settings() -> dict[str, str]:
    """Environment variables for `mpirun`, and for whatever starts it."""
    library = _patient_wait()
    return SETTINGS | ({"LD_PRELOAD": str(library)} if library else {})


def _patient_wait() -> Path | None:
    """The library in which waiting ranks sleep, compiled if need be; None without a compiler: tests take longer."""
    if LIBRARY.exists() and LIBRARY.stat().st_mtime >= SOURCE.stat().st_mtime:
        return LIBRARY
    if (compiler := shutil.which("g++")) is None:
        return None
    LIBRARY.parent.mkdir(exist_ok=True)
    part = LIBRARY.with_suffix(f".{os.getpid()}.so")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", SOURCE, "-o", part], check=True)
    return part.replace(LIBRARY)  # whole under its name, whoever else compiles it


if __name__ == "__main__":
    sys.stdout.writelines(
        f"export {name}={shlex.quote(value)}\n" for name, value in mpi_settings().items() if name not in os.environ
    )
