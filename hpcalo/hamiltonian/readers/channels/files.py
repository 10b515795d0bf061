"""Which files two channels consist of: found from either name, or from what both begin with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpcalo.errors import ModelError, nearest_file

NAMES = (("up", "dn"), ("up", "down"), ("up", "dw"), ("spin-0", "spin-1"), ("spin1", "spin2"), ("WF1", "WF2"))
"""What the two are called: by VASP, people, WannierBerri, GPAW, people, and FLEUR."""
KINDS = ("tb", "hr")


@dataclass(frozen=True)
class ChannelFiles:
    """The two runs, and what belongs to both.

    up, down: what the names of the files of each run begin with. kind: tb or hr. structure: a common `.win` with
    lattice, atoms and projections; None where only those of the channels may be there.
    """

    up: Path
    down: Path
    kind: str
    structure: Path | None

    @classmethod
    def find(cls, path: Path, kind: str = "tb") -> ChannelFiles:
        """The channels for a main file of either, its name without the ending, or what the names of both begin with.

        kind: tb or hr, the one that is taken if both are there. Raises ModelError if there are no such two files.
        """
        name = path.name
        for ending in KINDS:
            if name.endswith(f"_{ending}.dat"):
                name, kind = name.removesuffix(f"_{ending}.dat"), ending
        for one in (kind, *(k for k in KINDS if k != kind)):
            for up, down, both in _candidates(name):
                seeds = path.with_name(up), path.with_name(down)
                if all(main_file(seed, one).is_file() for seed in seeds):
                    win = path.with_name(f"{both or 'wannier90'}.win")
                    return cls(*seeds, one, win if win.is_file() else None)
        raise ModelError(
            f"{path}: no files of two channels were found, such as {name}.up_hr.dat and {name}.dn_hr.dat"
            f"{nearest_file(path)}"
        )


def main_file(seed: Path, kind: str) -> Path:
    """seed_tb.dat or seed_hr.dat."""
    return seed.with_name(f"{seed.name}_{kind}.dat")


def _candidates(name: str) -> Iterator[tuple[str, str, str]]:
    """Names of the two runs and of what belongs to both: for the name of one run, then for a common beginning."""
    for up, down in NAMES:
        for own in (up, down):
            for match in re.finditer(rf"(?<![A-Za-z0-9]){own}(?![A-Za-z0-9])", name):
                before, after = name[: match.start()], name[match.end() :]
                both = before.rstrip("._-") + after if before else after.lstrip("._-")
                yield before + up + after, before + down + after, both
    for up, down in NAMES:
        for between in ("_", ".", "-"):
            yield f"{name}{between}{up}", f"{name}{between}{down}", name
            yield f"{up}{between}{name}", f"{down}{between}{name}", name
