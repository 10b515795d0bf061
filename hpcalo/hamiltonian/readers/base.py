"""What a reader is: the keys of `[model]` that belong to one kind of source, its files, and its model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from hpcalo.config.fields import Section, Unit, numbers

if TYPE_CHECKING:
    from hpcalo.hamiltonian.orbitals import Orbital
    from hpcalo.hamiltonian.replicas import Folding
    from hpcalo.hamiltonian.types import Model

Energy = Annotated[float, Unit("eV"), Field(ge=-1e4, le=1e4)]
Length = Annotated[float, Unit("angstrom"), Field(ge=1e-2, le=1e6)]

# Options of more than one reader are declared here, so that they mean the same everywhere.
Replicas = Annotated[bool | None, Field(description="use minimal-distance replicas (default: if they are known)")]
PositionMatrix = Annotated[
    bool, Field(description="use the position matrix; false: only the positions of the orbitals")
]
MainFile = Annotated[Literal["tb", "hr"], Field(description="Wannier90 file: tb (with position matrix) or hr")]
SpinPairs = Annotated[
    Literal["auto", "files", "interleaved", "blocks", "none"],
    Field(
        description="spin pairs: from the spin matrices (files), assumed (interleaved, blocks), or none; auto: from "
        "the files, without them the order whose exchange field is real and local"
    ),
]
Magnetization = Annotated[
    Annotated[tuple[float, float, float], Field(strict=False)] | None,
    BeforeValidator(numbers),
    Field(
        description="direction of the majority moment for which the Hamiltonian was made (default: found from it; "
        "to be given where the moments of the cell cancel)"
    ),
]

Sublattices = Annotated[
    Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(strict=False)] | None,
    Field(
        description="magnetic sublattice of each atom, 1, 2, …, and 0 of none: those of the torkance by sublattice "
        "(default: found from the exchange of the atoms)"
    ),
]


class Reader(Section):
    """One source of a Hamiltonian with its options.

    A subclass is one kind of source. Its fields are its keys in the table `[model]`: `source` names the one that says
    where the Hamiltonian is (an `InputPath` where it is a file), the others are options and have defaults. Four
    options are common to all.
    """

    source: ClassVar[str]
    """The key that asks for this reader; messages call the reader so, too."""
    help: ClassVar[str]
    """What `hpcalo convert` may be given, in a few words ("seed_tb.dat"); empty if there is nothing to convert."""
    endings: ClassVar[tuple[str, ...]] = ()
    """How the names of its files end, by which `hpcalo convert` and `hpcalo.api.load_model` know them."""

    thickness: Length | None = Field(
        None, description="thickness of a film: volume = area × thickness (refused for a bulk crystal)"
    )
    fermi_energy: Energy | None = Field(None, description="Fermi energy; replaces that of the file")
    electrons: Annotated[float, Field(gt=0)] | None = Field(
        None, description="electrons per cell; replaces that of the file"
    )

    sublattices: Sublattices = None

    @abstractmethod
    def files(self) -> Sequence[Path]:
        """Every file that `read` reads, the main one first; found beside it or named. Reads none of them."""

    @abstractmethod
    def read(self) -> Model:
        """The model. Serial. Raises ModelError for wrong files, InputError for options that they cannot serve.

        The common options may be ignored here: they replace what the model has once it is read.
        """

    def read_apart(self) -> tuple[Model, Folding | None]:
        """The model for a model file, and the replicas that the file keeps apart from it. Raises as `read`."""
        return self.read(), None

    def orbitals(self) -> tuple[Orbital, ...] | None:
        """The shape of each function of the model, for symmetrizing; None where the files do not tell. Serial."""
        return None

    @classmethod
    def table(cls, name: str, options: Mapping[str, object]) -> dict[str, object] | None:
        """The table `[model]` for a name given outside an input file; None if the name is of another reader.

        Raises InputError if name and options contradict each other.
        """
        return {**options, cls.source: name} if name.endswith(cls.endings) else None

    @classmethod
    def completed(cls, table: dict[str, object]) -> dict[str, object]:
        """The table as given → with what this reader adds to it before it is checked."""
        return table
