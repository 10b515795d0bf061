"""Reader of the program's own model files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from hpcalo.config.fields import InputPath
from hpcalo.hamiltonian.readers.base import PositionMatrix, Reader, Replicas
from hpcalo.hamiltonian.types import WannierModel

if TYPE_CHECKING:
    from hpcalo.hamiltonian.types import Model


class ModelFile(Reader):
    """A model file, as `hpcalo convert` writes it."""

    source: ClassVar = "file"
    help: ClassVar = ""
    endings: ClassVar = (".h5",)

    file: InputPath = Field(description="model file of this program, for example models/fe.h5")
    replicas: Replicas = None
    position_matrix: PositionMatrix = True

    def files(self) -> list[Path]:
        """The one file."""
        return [self.file.path]

    def read(self) -> Model:
        """The model of the file. Raises ModelError; InputError for replicas that the file does not have."""
        from hpcalo.hamiltonian.modelfile import read_model  # noqa: PLC0415  (h5py is slow to load)

        model = read_model(self.file.path, self.replicas)
        if self.position_matrix:
            return model
        return (
            replace(model, A_Rvnn=None, external_Rvnn=None)
            if isinstance(model, WannierModel)
            else replace(model, r_vRnn=None)
        )
