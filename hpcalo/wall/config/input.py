"""The wall's whole input: spinor Boltzmann equation (SBE) coupled to the Landau-Lifshitz-Gilbert equation (LLG).

One table per concern; every number carries its unit. A single value that is not physical is refused here; what depends
on several values (mesh against mean free path, wall against wire) is checked in `hpcalo.wall.validity`.
"""

from __future__ import annotations

from pydantic import model_validator

from hpcalo.config.common import Execution
from hpcalo.scan.section import Scannable
from hpcalo.wall.config.drive import Drive
from hpcalo.wall.config.electronic_structure import ElectronicStructure
from hpcalo.wall.config.electrons import Electrons, Momentum
from hpcalo.wall.config.heat import Heat
from hpcalo.wall.config.magnet import Magnet
from hpcalo.wall.config.model import WallSection
from hpcalo.wall.config.numerics import Solver, Time
from hpcalo.wall.config.output import Output
from hpcalo.wall.config.published import Paper
from hpcalo.wall.config.scan import Scan
from hpcalo.wall.config.wire import Texture, Wire

GROUP_OF_TABLE = {"heat": "electronic_structure", "ledger": "heat"}
"""Groups of results that only a table of the input makes possible."""
GROUPS_WITH_TABLE = {"electronic_structure": ("heat",), "heat": ("ledger", "motive")}
"""Groups that are written with a table of the input if none is named."""


class WallInput(Scannable):
    """The whole input file of a wall calculation."""

    wall: WallSection = WallSection()
    electrons: Electrons = Electrons()
    momentum: Momentum = Momentum()
    magnet: Magnet = Magnet()
    wire: Wire = Wire()
    texture: Texture = Texture()
    drive: Drive = Drive()
    heat: Heat | None = None
    time: Time = Time()
    solver: Solver = Solver()
    paper: Paper = Paper()
    electronic_structure: ElectronicStructure | None = None
    output: Output = Output()
    execution: Execution = Execution()
    scan: Scan | None = None

    @model_validator(mode="before")
    @classmethod
    def _groups_by_default(cls, data: object) -> object:
        """Groups written if none is named: 'heat' with an electronic structure, 'ledger' and 'motive' with [heat]."""
        if not isinstance(data, dict):
            return data
        tables = [groups for table, groups in GROUPS_WITH_TABLE.items() if data.get(table) is not None]
        more = [{"name": group} for groups in tables for group in groups]
        output = data.get("output", {})
        if more and isinstance(output, dict) and "monitors" not in output:
            groups = [{"name": m.name, "every": m.every} for m in Output().monitors]
            return {**data, "output": {**output, "monitors": [*groups, *more]}}
        return data

    @model_validator(mode="after")
    def _groups_need_tables(self) -> WallInput:
        for group, table in GROUP_OF_TABLE.items():
            if getattr(self, table) is None and any(m.name == group for m in self.output.monitors):
                raise ValueError(f"output.monitors: '{group}' needs the table [{table}]")
        return self
