"""Dzyaloshinskii-Moriya interaction, interfacial and bulk, along a wire in x with the film's normal z."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import numpy as np
from pydantic import Field

from hpcalo.config.fields import Section, Unit
from hpcalo.typing import RealArray
from hpcalo.units import MU_0
from hpcalo.wall.magnetism.terms.dmi_tensor import DmiTensor
from hpcalo.wall.magnetism.terms.medium import Medium
from hpcalo.wall.magnetism.terms.term import LEFT, OWN, RIGHT, Term


class Dmi(Term):
    """E = int [D_i (M_z M_x' - M_x M_z') + D_b M.(curl M)] dx, on the faces between the nodes.

    D_i and D_b follow M_s(T)/M_s; an electronic structure may give D_i(T) instead, or a tensor that depends on M.
    """

    name = "dmi"
    label = "DMI"

    class Keys(Section):
        """Keys in [magnet]."""

        interfacial_dmi: Annotated[float, Unit("J/m^2")] = Field(
            default=0.0, description="D of D (M_z M_x' - M_x M_z')"
        )
        bulk_dmi: Annotated[float, Unit("J/m^2")] = Field(default=0.0, description="D of D M.(curl M)")

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.tensor: DmiTensor | None = None
        """D(M) of an electronic structure, in the place of D_i."""

    def update(self, medium: Medium) -> None:
        """`interfacial`, `bulk` (n,) J/m^2 on the nodes; `faces_i`, `faces_b` (n + 1,), D/(mu0 dx) in A^2/m^2."""
        super().update(medium)
        c = medium.coefficients
        self.interfacial: RealArray = self.keys.interfacial_dmi * medium.relative
        if c is not None and "spiralization" in c.angular:
            self.tensor = DmiTensor(medium, c.angular["spiralization"], c.cell_thickness / c.thickness)
            self.interfacial = np.zeros(medium.mesh.n)
        elif c is not None and c.has("spiralization"):
            self.interfacial = c.interfacial_dmi(medium.temperature)
        self.bulk: RealArray = self.keys.bulk_dmi * medium.relative
        inside = medium.inner_faces()
        self.faces_i = inside * medium.on_faces(self.interfacial) / (MU_0 * medium.dx)
        self.faces_b = inside * medium.on_faces(self.bulk) / (MU_0 * medium.dx)

    def field(self, m: RealArray, t: float) -> RealArray:
        """H (n, 3) in A/m."""
        left, right = m[:-2], m[2:]
        w = 1.0 / self.medium.ms
        h = np.zeros((len(m) - 2, 3))
        for faces, c in ((self.faces_i, 0), (self.faces_b, 1)):
            h[:, c] += w * (faces[1:] * right[:, 2] - faces[:-1] * left[:, 2])
            h[:, 2] += w * (faces[:-1] * left[:, c] - faces[1:] * right[:, c])
        return h if self.tensor is None else h + self.tensor_field(m)

    def tensor_field(self, m: RealArray) -> RealArray:
        """The part of H (n, 3) in A/m that belongs to `tensor`: exactly the derivative of its energy."""
        if self.tensor is None:
            return np.zeros((len(m) - 2, 3))
        by_left, by_right = self.tensor.gradients(m[:-1], m[1:])
        return self._per_node(by_right[:-1] + by_left[1:])

    def _per_node(self, gradient: RealArray) -> RealArray:
        """-gradient/(mu0 M_s dx), the gradient (n, …) of the energy by M in J/m^2."""
        scale = -1.0 / (MU_0 * self.medium.ms * self.medium.dx)
        return np.asarray(scale.reshape(-1, *(1,) * (gradient.ndim - 1)) * gradient)

    def energy(self, m: RealArray, t: float) -> RealArray:
        """J/m^2 of the face on the left of each own node, (n,)."""
        a, b = m[:-1], m[1:]
        interfacial, bulk = _twists(m)
        faces = MU_0 * self.medium.dx * (self.faces_i * interfacial + self.faces_b * bulk)
        if self.tensor is not None:
            faces = faces + self.tensor.energy(a, b)
        return np.asarray(faces[:-1])

    def powers_of_m(self, m: RealArray, t: float) -> Iterable[tuple[float, RealArray]]:
        """D_i and D_b of the input follow M_s; half of a face belongs to each of its nodes."""
        interfacial, bulk = _twists(m)
        faces = self.medium.inner_faces() * (self.keys.interfacial_dmi * interfacial + self.keys.bulk_dmi * bulk)
        return [(1.0, 0.5 * (faces[1:] + faces[:-1]))]

    def add_jacobian(self, m: RealArray, t: float, stencil: RealArray) -> None:
        """Couples z to x (interfacial) and to y (bulk) of the neighbours."""
        w = 1.0 / self.medium.ms
        for faces, c in ((self.faces_i, 0), (self.faces_b, 1)):
            stencil[:, LEFT, c, 2] -= w * faces[:-1]
            stencil[:, RIGHT, c, 2] += w * faces[1:]
            stencil[:, LEFT, 2, c] += w * faces[:-1]
            stencil[:, RIGHT, 2, c] -= w * faces[1:]
        if self.tensor is not None:
            left, mixed, right = self.tensor.hessians(m[:-1], m[1:])
            stencil[:, LEFT] += self._per_node(mixed[:-1].swapaxes(1, 2))
            stencil[:, OWN] += self._per_node(right[:-1] + left[1:])
            stencil[:, RIGHT] += self._per_node(mixed[1:])


def _twists(m: RealArray) -> tuple[RealArray, RealArray]:
    """What D_i and D_b are multiplied by on the faces (n + 1,)."""
    a, b = m[:-1], m[1:]
    return (
        np.asarray(a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]),
        np.asarray(a[:, 2] * b[:, 1] - a[:, 1] * b[:, 2]),
    )
