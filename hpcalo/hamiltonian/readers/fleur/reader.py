"""Reader of what FLEUR writes for transport codes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from hpcalo.config.fields import InputPath
from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.base import Magnetization, PositionMatrix, Reader, SpinPairs
from hpcalo.hamiltonian.readers.fleur.operators import read_positions, read_spin, read_spin_orbit
from hpcalo.hamiltonian.readers.fleur.structure import read_inp
from hpcalo.hamiltonian.readers.matrices import Matrices, Wishes, wannier_model
from hpcalo.hamiltonian.readers.wannier90.hr import read_hr
from hpcalo.hamiltonian.readers.wannier90.win_wout import Structure, read_win, read_wout
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.typing import RealArray

MAIN = "_hr.dat"
INPUT = "inp.xml"
SPIN, SPIN_ORBIT = "rspauli.1", "rssocmat.1"


class Fleur(Reader):
    """Files of `<operators_r>` of FLEUR: WF1_hr.dat, WF1_r.dat, rspauli.1, rssocmat.1; atoms of WF1.win or inp.xml."""

    source: ClassVar = "fleur"
    help: ClassVar = "FLEUR's WF1_hr.dat beside rspauli.1"

    fleur: InputPath = Field(description="FLEUR's WF1_hr.dat, or the folder that holds it, WF1_r.dat and rspauli.1")
    spin: SpinPairs = "auto"
    position_matrix: PositionMatrix = True
    n_hat: Magnetization = None

    def files(self) -> list[Path]:
        """The Hamiltonian, what gives lattice and atoms, and the other operators as far as they are there."""
        return [path for path in self._files().values() if path is not None]

    def read(self) -> WannierModel:
        """The model. Raises ModelError, InputError."""
        files = self._files()
        main = self._main()
        raw = read_hr(main)
        N, weight = raw.H_Rnn.shape[-1], 1.0 / raw.degeneracy[:, None, None, None]
        notes: list[str] = []
        positions, spin, soc = files["positions"], files["spin"], files["spin_orbit"]
        structure, centres = self._structure(files, positions is None)
        coupling = None
        if soc is not None:
            coupling = read_spin_orbit(soc, raw.R, N).sum(axis=(1, 2)) * weight[:, 0]
            if not np.any(coupling):
                notes.append(f"{soc.name} holds only zeros (FLEUR of 2026 writes it so), and is not used")
        matrices = Matrices(
            lattice=structure.lattice,
            R=raw.R,
            H_Rnn=raw.H_Rnn * weight[:, 0],
            centres=centres,
            A_Rvnn=None if positions is None else read_positions(positions, raw.R, N) * weight,
            spin_Rvnn=None if spin is None else read_spin(spin, raw.R, N) * weight,
            soc_Rnn=coupling,
            positions=structure.positions,
            symbols=structure.symbols,
            notes=tuple(notes),
        )
        wishes = Wishes.of(self)
        return wannier_model(matrices, wishes, main, main.name.removesuffix(MAIN))

    def _main(self) -> Path:
        path = self.fleur.path
        return path / f"WF1{MAIN}" if path.is_dir() else path

    def _files(self) -> dict[str, Path | None]:
        """What is read; decided by what is there, without opening it."""
        main = self._main()
        seed = main.name.removesuffix(MAIN)
        win, wout, r = (main.with_name(f"{seed}{end}") for end in (".win", ".wout", "_r.dat"))
        positions = r if r.is_file() and self.position_matrix else None
        structure = next((path for path in (win, wout, main.with_name(INPUT)) if path.is_file()), win)
        beside = {name: main.with_name(name) for name in (SPIN, SPIN_ORBIT)}
        spin = self.spin in {"auto", "files"} and (self.spin == "files" or beside[SPIN].is_file())
        return {
            "main": main,
            "structure": structure,
            "centres": wout if positions is None and structure != wout else None,
            "positions": positions,
            "spin": beside[SPIN] if spin else None,
            "spin_orbit": beside[SPIN_ORBIT] if self.spin != "none" and beside[SPIN_ORBIT].is_file() else None,
        }

    def _structure(self, files: Mapping[str, Path | None], with_centres: bool) -> tuple[Structure, RealArray | None]:
        """Lattice and atoms; centres (N, 3) Å where the position matrix does not tell them."""
        path, beside = files["structure"], files["centres"]
        assert path is not None
        if not path.is_file():
            raise ModelError(
                f"{path}: not found (and no {path.stem}.wout, no {INPUT}): lattice and atoms must be in one of them; "
                "FLEUR's operator files do not hold them"
            )
        kinds = {".wout": lambda file: read_wout(file)[0], ".xml": read_inp}
        structure = kinds.get(path.suffix, read_win)(path)
        if not with_centres:
            return structure, None
        source = beside or path
        if not source.is_file():
            raise ModelError(f"{source}: not found (and no {path.stem}_r.dat): where the functions sit is not known")
        return structure, read_wout(source)[1]

    @classmethod
    def table(cls, name: str, options: Mapping[str, object]) -> dict[str, object] | None:
        """WF1_hr.dat or a folder that has it, with FLEUR's spin matrices or position matrix beside it."""
        path = Path(name)
        main = path / f"WF1{MAIN}" if path.is_dir() else path
        beside = [SPIN, *([main.name.replace(MAIN, "_r.dat")] if main.name.startswith("WF") else [])]
        known = main.name.endswith(MAIN) and main.is_file() and any(main.with_name(n).is_file() for n in beside)
        kept = {key: value for key, value in options.items() if key != "format"}
        return {**kept, cls.source: name} if known and options.get("format", "hr") == "hr" else None
