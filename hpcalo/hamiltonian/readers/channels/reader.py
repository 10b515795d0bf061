"""Reader of collinear calculations: one run of Wannier90 for each spin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from hpcalo.config.fields import InputPath, Unit
from hpcalo.errors import InputError, ModelError, one_line
from hpcalo.hamiltonian.film import nearest_atoms
from hpcalo.hamiltonian.pairs import layout_pairs
from hpcalo.hamiltonian.readers.base import Magnetization, MainFile, PositionMatrix, Reader, Replicas
from hpcalo.hamiltonian.readers.channels.assemble import SpinOrbit, joined
from hpcalo.hamiltonian.readers.channels.files import KINDS, ChannelFiles, main_file
from hpcalo.hamiltonian.readers.fleur.operators import read_spin_orbit
from hpcalo.hamiltonian.readers.wannier90.assemble import read_wannier90
from hpcalo.hamiltonian.readers.wannier90.files import WannierFiles, WannierOptions
from hpcalo.hamiltonian.readers.wannier90.hr import read_hr
from hpcalo.hamiltonian.readers.wannier90.projections import read_orbitals
from hpcalo.hamiltonian.readers.wannier90.win_wout import read_win
from hpcalo.hamiltonian.spin_orbit import on_site, spinor
from hpcalo.hamiltonian.types import Crystal, WannierModel

FILES = tuple(f"_{kind}.dat" for kind in KINDS)
Strength = Annotated[float, Unit("eV"), Field(ge=-100, le=100)]


class Channels(Reader):
    """Files of two collinear runs, spin up and spin down, and spin-orbit coupling given for the shells of the atoms."""

    source: ClassVar = "channels"
    help: ClassVar = "seed.up_hr.dat beside seed.dn_hr.dat"

    channels: InputPath = Field(
        description="two collinear runs of Wannier90: a file of one (seed.up_hr.dat) or the seed of both"
    )
    spin_orbit: dict[str, Strength] = Field(
        default={}, description='λ of λ L·S on the atoms, by atom and shell: {"Fe d" = "60 meV", "2 p" = 0.5}'
    )
    spin_orbit_file: InputPath | None = Field(
        default=None,
        description="the coupling itself instead of spin_orbit: a _hr.dat of all functions of spin up along z, then of "
        "spin down, or FLEUR's rssocmat.1",
    )
    format: MainFile = "tb"
    replicas: Replicas = None
    position_matrix: PositionMatrix = True
    n_hat: Magnetization = None

    def files(self) -> list[Path]:
        """The files of both runs, and the `.win` that belongs to both."""
        try:
            found = self._found()
        except ModelError:
            return [self.channels.path]
        both = [WannierFiles.find(seed, self._options(found)).all() for seed in (found.up, found.down)]
        common = [found.structure] if found.structure is not None else []
        common += [self.spin_orbit_file.path] if self.spin_orbit_file is not None else []
        return [*dict.fromkeys([both[0][0], both[1][0], *both[0], *both[1], *common])]

    def read(self) -> WannierModel:
        """The spinor model. Raises ModelError, InputError for shells that the functions do not have."""
        found = self._found()
        up, down = (read_wannier90(seed, self._options(found)) for seed in (found.up, found.down))
        if found.structure is not None:
            up = replace(up, crystal=_with_atoms(up.crystal, found.structure))
        soc = self._coupling_of_file(found, up.size) or self._spin_orbit(found, up)
        about = "on the atoms" if self.spin_orbit_file is None else f"of {self.spin_orbit_file.path.name}"
        try:
            return replace(joined(up, down, soc, self.n_hat, about), name=self.channels.path.name)
        except ModelError as problem:
            raise ModelError(f"{found.up}, {found.down.name}: {one_line(problem)}") from None

    def _found(self) -> ChannelFiles:
        return ChannelFiles.find(self.channels.path, self.format)

    def _options(self, found: ChannelFiles) -> WannierOptions:
        return WannierOptions(
            format=found.kind,
            replicas=self.replicas,
            position_matrix=self.position_matrix,
            spin="none",
            fermi_energy=self.fermi_energy,
            electrons=self.electrons,
            thickness=self.thickness,
        )

    def _coupling_of_file(self, found: ChannelFiles, N: int) -> SpinOrbit | None:
        """The coupling that a file holds. Raises InputError if `spin_orbit` is given, too, ModelError for the file."""
        if self.spin_orbit_file is None:
            return None
        if self.spin_orbit:
            raise InputError("spin_orbit_file: spin_orbit is given, too; give one of them")
        path = self.spin_orbit_file.path
        if path.name.startswith("rssocmat"):
            raw = read_hr(main_file(found.up, "hr"))
            blocks = read_spin_orbit(path, raw.R, N) / raw.degeneracy[:, None, None, None, None]
            return raw.R, np.block([[blocks[:, a, b] for b in range(2)] for a in range(2)])
        raw = read_hr(path)
        if raw.H_Rnn.shape[-1] != 2 * N:
            raise ModelError(f"{path}: is for {raw.H_Rnn.shape[-1]} functions, both channels together have {2 * N}")
        return raw.R, raw.H_Rnn / raw.degeneracy[:, None, None]

    def _spin_orbit(self, found: ChannelFiles, up: WannierModel) -> SpinOrbit | None:
        """The on-site spin-orbit coupling; None if none is requested."""
        if not self.spin_orbit:
            return None
        source = found.structure or WannierFiles.find(found.up, self._options(found)).structure
        orbitals = read_orbitals(source)
        if orbitals is None or len(orbitals) != up.size:
            has = "no projections that are understood" if orbitals is None else f"{len(orbitals)} projections"
            raise InputError(f"spin_orbit: {source}: has {has}, but {up.size} functions need their shapes")
        sites = np.stack([o.position for o in orbitals])
        atoms = nearest_atoms(sites, up.crystal.lattice, up.crystal.positions)
        first, second = layout_pairs(2 * up.size, "blocks")
        coupling = spinor(on_site(self.spin_orbit, orbitals, up.crystal.symbols, atoms), first, second)
        return np.zeros((1, 3), dtype=np.int64), coupling[None]

    @classmethod
    def table(cls, name: str, options: Mapping[str, object]) -> dict[str, object] | None:
        """A main file of either channel with that of the other beside it, or a seed that only two channels have.

        With `spin` given, a file of one channel is one of Wannier90.
        """
        alone = not name.endswith(".dat") and any(Path(f"{name}_{kind}.dat").is_file() for kind in KINDS)
        if alone or "spin" in options or (Path(name).is_file() and not name.endswith(FILES)):
            return None
        try:
            ChannelFiles.find(Path(name), str(options.get("format", "tb")))
        except ModelError:
            return None
        return {**options, cls.source: name}


def _with_atoms(crystal: Crystal, path: Path) -> Crystal:
    """The crystal with the atoms of a common `.win`, whose lattice must be the same. Raises ModelError."""
    structure = read_win(path)
    if np.abs(structure.lattice - crystal.lattice).max() > 1e-3:
        raise ModelError(f"{path}: its lattice differs from that of the channels")
    if not structure.symbols:
        return crystal
    return replace(
        crystal,
        lattice=structure.lattice,
        positions=structure.positions,
        symbols=structure.symbols,
        moments=np.zeros(len(structure.symbols)),
    )
