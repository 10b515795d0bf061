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
    keep r(R), which beside seed_hr.dat is in seed_r.dat. spin: `files` (seed.chk and seed.spn, or their twins with
    .fmt), `interleaved` or `blocks` (pairs assumed to be Pauli along z), `none`, or `auto` (files if both exist, else
    the order that fits). fermi_energy eV. electrons per cell. thickness Å, of a film. n_hat: direction of the majority
    moment (None: found). external_terms: states beyond the functions, of seed.mmn, seed.eig, seed.chk and seed.uHu
    (None: if they exist). Raises ModelError for another format or spin.
    """

    format: str = "tb"
    replicas: bool | None = None
    position_matrix: bool = True
    spin: str = "auto"
    fermi_energy: float | None = None
    electrons: float | None = None
    thickness: float | None = None
    n_hat: tuple[float, float, float] | None = None
    external_terms: bool | None = None

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ModelError(f"format '{self.format}': expected tb or hr")
        if self.spin not in SPIN_LAYOUTS:
            raise ModelError(f"spin '{self.spin}': expected one of {', '.join(SPIN_LAYOUTS)}")


@dataclass(frozen=True)
class WannierFiles:
    """The files that are read; they need not exist where reading is going to fail without them.

    seed: what the names begin with. main: seed_tb.dat or seed_hr.dat. position: seed_r.dat beside seed_hr.dat.
    structure: atoms (and lattice), seed.win, else seed.wout. centres: of the functions, where there is no position
    matrix or one that may hold them shifted: the checkpoint if it is read anyway, seed.wout, seed_centres.xyz, the
    checkpoint.
    replicas: seed_wsvec.dat. chk, spn: for the spin matrices, each or its formatted twin (.fmt). bloch, mmn, eig, uhu:
    for states beyond the functions, the checkpoint first; external_needed: reading fails without them.
    """

    seed: Path
    main: Path
    position: Path | None
    structure: Path
    centres: Path | None
    replicas: Path | None
    chk: Path | None
    spn: Path | None
    bloch: Path | None = None
    mmn: Path | None = None
    eig: Path | None = None
    uhu: Path | None = None
    external_needed: bool = False

    @classmethod
    def find(cls, seed: Path, options: WannierOptions) -> WannierFiles:
        """The files of the run `seed` that these options need."""

        def beside(ending: str) -> Path:
            return seed.with_name(seed.name + ending)

        def first(*endings: str) -> Path | None:
            return next((path for path in map(beside, endings) if path.exists()), None)

        hr = options.format == "hr"
        chk, spn = first(".chk", ".chk.fmt"), first(".spn", ".spn.fmt")
        spin = options.spin == "files" or (options.spin == "auto" and chk is not None and spn is not None)
        position = first("_r.dat") if hr else None
        if hr and position is None:
            centres = first(".wout", "_centres.xyz") or chk
        else:
            centres = chk if spin else first(".wout") or chk or first("_centres.xyz")
        there = [first(".chk", ".chk.fmt"), first(".mmn"), first(".eig")]
        if options.external_terms is False or (options.external_terms is None and None in there):
            there = [None, None, None]
        elif options.external_terms:
            there = [path or beside(ending) for path, ending in zip(there, (".chk", ".mmn", ".eig"), strict=True)]
        return cls(
            seed=seed,
            main=beside(f"_{options.format}.dat"),
            position=position,
            structure=first(".win", ".wout") or beside(".win"),
            centres=centres,
            replicas=beside("_wsvec.dat")
            if options.replicas
            else first("_wsvec.dat")
            if options.replicas is None
            else None,
            chk=chk or beside(".chk") if spin else None,
            spn=spn or beside(".spn") if spin else None,
            bloch=there[0],
            mmn=there[1],
            eig=there[2],
            uhu=first(".uHu") if there[0] is not None else None,
            external_needed=options.external_terms is True,
        )

    def all(self) -> list[Path]:
        """Each of them once, the main one first; without those that are not there and not needed."""
        structure = self.structure if self.structure.exists() or self.main.name.endswith("_hr.dat") else None
        spin = (self.chk, self.spn)
        beyond = (self.bloch, self.mmn, self.eig, self.uhu)
        files = (self.main, self.position, self.replicas, structure, self.centres, *spin, *beyond)
        return list(dict.fromkeys(path for path in files if path is not None))
