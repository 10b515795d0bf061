"""Numbers that are not finite: what, when, at which node, in the words of an error message."""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.grid import Mesh
from hpcalo.wall.units import NS_IN_FS


def where_not_finite(mesh: Mesh, name: str, field: RealArray, first: int, t: float, location: str = "node") -> str:
    """Names the first value of `field` (n, ...) that is not finite; "" if all are finite.

    first: number of the node (or of the face to its left) of field[0]. t: time in fs. location: "node" or "face".
    Positions count from the left end of the window.
    """
    good = np.isfinite(field)
    if good.all():
        return ""
    bad = ~good
    index = np.unravel_index(int(np.argmax(bad)), field.shape)
    node = first + int(index[0])
    rest = [int(i) for i in index[1:]]
    part = f", {'xyz'[rest[0]]} component" if field.shape[1:] == (3,) else f", index {rest}" if rest else ""
    x = (node - 0.5 if location == "face" else node) * mesh.dx
    return (
        f"{name} is not finite at t = {t / NS_IN_FS:.6g} ns, {location} {node} (x = {x:.6g} nm){part}; "
        f"{int(bad.sum())} of {bad.size} values"
    )


class NonFiniteTracker:
    """Remembers the first value since the last accepted step that was not finite.

    A step that PETSc repeats with a smaller size is no error, so nothing is raised here: the text becomes part of the
    error only if the step fails for good.
    """

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.text = ""

    def reset(self) -> None:
        """Call at the start and after every accepted step."""
        self.text = ""

    def check(self, t: float, first: int, **fields: RealArray) -> None:
        """Remembers the first of these fields on nodes that is not finite; `_` in a name stands for a blank."""
        for name, field in fields.items():
            self.text = self.text or where_not_finite(self.mesh, name.replace("_", " "), field, first, t)

    def report(self) -> str:
        """The text of the lowest rank that has one; "" if none has. Collective."""
        return next((text for text in self.mesh.comm.allgather(self.text) if text), "")
