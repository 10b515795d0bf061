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
from hpcalo.wall.config.magnet import Magnet
from hpcalo.wall.config.model import WallSection
from hpcalo.wall.config.numerics import Solver, Time
from hpcalo.wall.config.output import Output
from hpcalo.wall.config.published import Paper
from hpcalo.wall.config.scan import Scan
from hpcalo.wall.config.wire import Texture, Wire


class WallInput(Scannable):
    """The whole input file of a wall calculation."""

    wall: WallSection = WallSection()
    electrons: Electrons = Electrons()
    momentum: Momentum = Momentum()
    magnet: Magnet = Magnet()
    wire: Wire = Wire()
    texture: Texture = Texture()
    drive: Drive = Drive()
    time: Time = Time()
    solver: Solver = Solver()
    paper: Paper = Paper()
    electronic_structure: ElectronicStructure | None = None
    output: Output = Output()
    execution: Execution = Execution()
    scan: Scan | None = None

    @model_validator(mode="before")
    @classmethod
    def _heat_by_default(cls, data: object) -> object:
        """With an electronic structure the group 'heat' is one of those that are written if none is named."""
        if not isinstance(data, dict) or data.get("electronic_structure") is None:
            return data
        output = data.get("output", {})
        if isinstance(output, dict) and "monitors" not in output:
            groups = [{"name": m.name, "every": m.every} for m in Output().monitors]
            return {**data, "output": {**output, "monitors": [*groups, {"name": "heat"}]}}
        return data

    @model_validator(mode="after")
    def _heat_needs_coefficients(self) -> WallInput:
        if self.electronic_structure is None and any(m.name == "heat" for m in self.output.monitors):
            raise ValueError("output.monitors: 'heat' needs the table [electronic_structure]")
        return self
