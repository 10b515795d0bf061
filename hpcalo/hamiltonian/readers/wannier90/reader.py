"""Reader of Wannier90 runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from hpcalo.config.fields import InputPath
from hpcalo.errors import InputError
from hpcalo.hamiltonian.orbitals import Orbital
from hpcalo.hamiltonian.readers.base import Magnetization, MainFile, PositionMatrix, Reader, Replicas, SpinPairs
from hpcalo.hamiltonian.readers.wannier90.assemble import read_wannier90, read_with_replicas
from hpcalo.hamiltonian.readers.wannier90.files import WannierFiles, WannierOptions
from hpcalo.hamiltonian.readers.wannier90.projections import read_orbitals
from hpcalo.hamiltonian.replicas import Folding
from hpcalo.hamiltonian.types import WannierModel

FORMAT = {"_tb.dat": "tb", "_hr.dat": "hr"}


class Wannier90(Reader):
    """Files of a Wannier90 run `seed`: seed_tb.dat or seed_hr.dat, and what lies beside them."""

    source: ClassVar = "wannier90"
    help: ClassVar = "seed_tb.dat, seed_hr.dat, the seed alone"
    endings: ClassVar = tuple(FORMAT)

    wannier90: InputPath = Field(description="path of the files without the ending: data/Fe for data/Fe_tb.dat")
    format: MainFile = "tb"
    spin: SpinPairs = "auto"
    replicas: Replicas = None
    position_matrix: PositionMatrix = True
    n_hat: Magnetization = None
    external_terms: bool | None = Field(
        None,
        description="orbital magnetization: use the states beyond the Wannier functions, of seed.uHu, or of seed.mmn "
        "and seed.eig as far as their bands reach (default: if these and seed.chk are there)",
    )

    @property
    def options(self) -> WannierOptions:
        """The options as the functions below this class have them."""
        return WannierOptions(**self.model_dump(exclude={"wannier90", "sublattices"}))

    def files(self) -> list[Path]:
        """The files of the run that these options need, as far as they are there."""
        return WannierFiles.find(self.wannier90.path, self.options).all()

    def read(self) -> WannierModel:
        """The model, replicas folded in. Raises ModelError."""
        return read_wannier90(self.wannier90.path, self.options)

    def read_apart(self) -> tuple[WannierModel, Folding | None]:
        """The replicas stay apart, so that a model file serves with and without them. Raises ModelError."""
        return read_with_replicas(self.wannier90.path, self.options)

    def orbitals(self) -> tuple[Orbital, ...] | None:
        """What the functions were projected on; None without projections, or if they are uncertain."""
        path = WannierFiles.find(self.wannier90.path, self.options).structure
        return read_orbitals(path) if path.exists() else None

    @classmethod
    def table(cls, name: str, options: Mapping[str, object]) -> dict[str, object] | None:
        """A main file also says the format; any name without an ending that is no file may be a seed."""
        for ending, kind in FORMAT.items():
            if name.endswith(ending):
                if options.get("format", kind) != kind:
                    raise InputError(f"{name}: is a {kind} file, but --format {options['format']} was given")
                return {"format": kind, **options, "wannier90": name.removesuffix(ending)}
        main = Path(f"{name}_{options.get('format', 'tb')}.dat")
        other = not main.exists() and (Path(name).is_file() or Path(name).suffix)
        return None if other else {**options, "wannier90": name}
