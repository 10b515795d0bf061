"""What the launcher tells a process through its environment, known before MPI is started. Loads nothing."""

from __future__ import annotations

import os

# Variables that hold a process's rank: Open MPI, PMIx, Hydra/PMI, MVAPICH, SLURM. SLURM's own comes last: it is also
# set, to 0, in a batch script.
RANK_VARIABLES = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK", "SLURM_PROCID")

# What launchers tell MPI about the other processes of a job (Open MPI, PMIx, PMI); not the user's own settings.
JOB_VARIABLES = ("PMIX_", "PMI_", "OMPI_COMM_", "OMPI_MCA_orte_", "OMPI_MCA_ess", "OMPI_MCA_pmix")


def launcher_rank() -> int:
    """The rank that the launcher gave this process; 0 without a launcher."""
    for name in RANK_VARIABLES:
        text = os.environ.get(name, "")
        if text.isdigit():
            return int(text)
    return 0


def leave_job() -> None:
    """Makes this process one of its own; call before MPI is started.

    If a library then starts MPI (PETSc does when it is loaded), it does not wait for ranks that do not take part.
    """
    for name in [n for n in os.environ if n.startswith(JOB_VARIABLES)]:
        del os.environ[name]
