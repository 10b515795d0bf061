"""Reader of Hamiltonians of SIESTA through sisl (https://zerothi.github.io/sisl), which is needed only here."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from hpcalo.config.fields import InputPath
from hpcalo.errors import InputError, ModelError, one_line
from hpcalo.hamiltonian.readers.base import Magnetization, Reader
from hpcalo.hamiltonian.readers.sisl_hamiltonian import from_sisl
from hpcalo.hamiltonian.types import Model

FORTRAN = (".TSHS", ".HSX")
"""Unformatted Fortran files."""
BESIDE_FDF = (".nc", ".TSHS", ".HSX", ".XV", ".STRUCT_OUT", ".ORB_INDX", ".EIG", ".TSDE")
"""Files of a run of SIESTA that sisl may look into for the Hamiltonian, its atoms and its Fermi energy."""


class Sisl(Reader):
    """A file that sisl reads."""

    source: ClassVar = "sisl"
    help: ClassVar = "SIESTA's file"
    endings: ClassVar = (".TSHS", ".HSX", ".nc", ".fdf")

    sisl: InputPath = Field(description="file of SIESTA that the package sisl reads: .TSHS, .HSX, .nc or .fdf")
    n_hat: Magnetization = None

    def files(self) -> list[Path]:
        """The file; of an .fdf what it includes, too, and those files of the run that sisl may look into."""
        path = self.sisl.path
        return [path, *_beside_fdf(path)] if path.suffix == ".fdf" and path.is_file() else [path]

    def read(self) -> Model:
        """The model of the file.

        Energies of such files are counted from the Fermi energy (as sisl does it), so `fermi_energy` is 0 unless
        given; a file that does not tell it (HSX of SIESTA before 5) needs it given. Raises InputError without sisl,
        ModelError.
        """
        path = self.sisl.path
        if not path.is_file():
            raise ModelError(f"{path}: not found")
        try:
            import sisl  # noqa: PLC0415
        except ImportError:
            raise InputError(f"{path}: needs sisl, which is not installed: pip install sisl") from None
        if path.suffix in FORTRAN:
            _require_whole_records(path)
        with warnings.catch_warnings(record=True) as raised:
            warnings.simplefilter("always")
            try:
                H = sisl.get_sile(str(path)).read_hamiltonian()
            except Exception as problem:  # whatever a file does to sisl's readers
                raise ModelError(f"{path}: sisl cannot read a Hamiltonian from it: {one_line(problem)[:200]}") from None
        if H is None:
            raise ModelError(f"{path}: sisl cannot read a Hamiltonian from it: it names no file that holds one")
        fermi_energy = self.fermi_energy
        if not any("Ef" in str(w.message) or "Fermi" in type(w.message).__name__ for w in raised):
            fermi_energy = fermi_energy or 0.0
        try:
            return from_sisl(
                H,
                n_hat=self.n_hat,
                name=path.stem,
                thickness=self.thickness,
                fermi_energy=fermi_energy,
                electrons=self.electrons,
            )
        except ModelError as problem:
            raise ModelError(f"{path}: {problem}") from None


def _beside_fdf(path: Path) -> list[Path]:
    """Files besides the .fdf that sisl may read for it, as far as they are there; none without sisl."""
    try:
        import sisl  # noqa: PLC0415

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file = sisl.get_sile(str(path))
            included = [Path(name) for name in file.includes()]
            label = str(file.get("SystemLabel", default="siesta"))
    except Exception:  # `read` says in one line what is wrong
        return []
    files = [*included, *(path.with_name(label + ending) for ending in BESIDE_FDF), *sorted(path.parent.glob("*.ion*"))]
    return [file for file in files if file.is_file()]


def _require_whole_records(path: Path) -> None:
    """Raises ModelError unless the file is a chain of Fortran records, each between two equal lengths, to its very end.

    sisl's Fortran readers do not come back from a file that is something else.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        position = 0
        while position < size:
            file.seek(position)
            head = file.read(4)
            length = abs(int.from_bytes(head, sys.byteorder, signed=True))  # negative: a part of a long record
            position += 8 + length
            file.seek(position - 4)
            tail = file.read(4)
            if len(tail) < 4 or abs(int.from_bytes(tail, sys.byteorder, signed=True)) != length:
                raise ModelError(f"{path}: is damaged, truncated or not an unformatted file of SIESTA")
    if not size:
        raise ModelError(f"{path}: is empty")
