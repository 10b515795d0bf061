"""`hpcalo info`: what a file holds, and the software environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


def info(file: Path) -> str:
    """A summary of a model or result file; of a model also what it can give. Serial.

    Raises InputError if the file is neither or is damaged, ModelError for a model whose arrays are wrong.
    """
    from hpcalo.io.description import describe  # noqa: PLC0415

    text = describe(file)
    first = text.partition("\n")[0]
    if "hpcalo model" not in first:
        return text
    from hpcalo.hamiltonian.modelfile import read_model  # noqa: PLC0415
    from hpcalo.kubo.abilities import table  # noqa: PLC0415

    return "\n".join([text, *table(read_model(file))])


def environment(comm: Intracomm) -> tuple[str, bool]:
    """The libraries in words, and whether they fit together. Collective."""
    from hpcalo.io.environment import describe_environment  # noqa: PLC0415

    return describe_environment(comm)
