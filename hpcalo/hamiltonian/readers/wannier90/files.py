"""Which files of a Wannier90 run are read: decided here, before any of them is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hpcalo.errors import ModelError

FORMATS = ("tb", "hr")
SPIN_LAYOUTS = ("auto", "files", "interleaved", "blocks", "none")


@dataclass(frozen=True)
class WannierOptions:
    """What to read.

    format: tb or hr. replicas: minimal-distance replicas of seed_wsvec.dat (None: if the file exists). position_matrix:
    keep r(R) (hr has none: centres only). spin: `files` (seed.chk and seed.spn), `interleaved` or `blocks` (pairs
    assumed to be Pauli along z), `none`, or `auto` (files if both exist, else none). fermi_energy eV. electrons per
    cell. thickness Å, of a film. n_hat: direction of the majority moment (None: found). Raises ModelError for another
    format or spin.
    """

    format: str = "tb"
    replicas: bool | None = None
    position_matrix: bool = True
    spin: str = "auto"
    fermi_energy: float | None = None
    electrons: float | None = None
    thickness: float | None = None
    n_hat: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ModelError(f"format '{self.format}': expected tb or hr")
        if self.spin not in SPIN_LAYOUTS:
            raise ModelError(f"spin '{self.spin}': expected one of {', '.join(SPIN_LAYOUTS)}")


@dataclass(frozen=True)
class WannierFiles:
    """The files that are read; they need not exist where reading is going to fail without them.

    seed: what the names begin with. main: seed_tb.dat or seed_hr.dat. structure: lattice and atoms, seed.win, else
    seed.wout. centres: beside seed_hr.dat only, seed.wout, else seed_centres.xyz. replicas: seed_wsvec.dat. chk, spn:
    for the spin matrices.
    """

    seed: Path
    main: Path
    structure: Path
    centres: Path | None
    replicas: Path | None
    chk: Path | None
    spn: Path | None

    @classmethod
    def find(cls, seed: Path, options: WannierOptions) -> WannierFiles:
        """The files of the run `seed` that these options need."""

        def beside(ending: str) -> Path:
            return seed.with_name(seed.name + ending)

        win, wout, xyz = beside(".win"), beside(".wout"), beside("_centres.xyz")
        wsvec, chk, spn = beside("_wsvec.dat"), beside(".chk"), beside(".spn")
        replicas = wsvec.exists() if options.replicas is None else options.replicas
        spin = options.spin == "files" or (options.spin == "auto" and chk.exists() and spn.exists())
        return cls(
            seed=seed,
            main=beside(f"_{options.format}.dat"),
            structure=wout if wout.exists() and not win.exists() else win,
            centres=None if options.format == "tb" else xyz if xyz.exists() and not wout.exists() else wout,
            replicas=wsvec if replicas else None,
            chk=chk if spin else None,
            spn=spn if spin else None,
        )

    def all(self) -> list[Path]:
        """Each of them once, the main one first."""
        files = (self.main, self.replicas, self.structure, self.centres, self.chk, self.spn)
        return list(dict.fromkeys(path for path in files if path is not None))
