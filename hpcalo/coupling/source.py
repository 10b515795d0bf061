"""From a finished Kubo result to the coefficients of a wall run: read, checked, reduced to lowest order, recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.coupling.advice import in_words, warnings
from hpcalo.coupling.expansion import tensors
from hpcalo.coupling.extraction import extract
from hpcalo.coupling.requirements import SECTION, check_result
from hpcalo.coupling.selection import Selection
from hpcalo.errors import InputError
from hpcalo.io.dataset import NOTES, Variable
from hpcalo.io.hdf5 import read_dataset
from hpcalo.io.plausible import changed_files_explain
from hpcalo.io.provenance import sha256
from hpcalo.kubo.expansion import powers
from hpcalo.wall.coefficients import MEANING, Coefficients
from hpcalo.wall.config import WallInput

if TYPE_CHECKING:
    from hpcalo.wall.monitors.monitor import Monitor


AXIS = "coefficient_temperature"
TORQUE, ALONG = "coefficient_torque", "coefficient_along"


@dataclass(frozen=True)
class KuboSource:
    """Coefficients from a Kubo result, and what the wall result records about it: a `CoefficientSource` of the wall."""

    coefficients: Coefficients
    warnings: tuple[str, ...]
    attrs: dict[str, object]
    texts: dict[str, str]

    @property
    def sha256(self) -> str:
        """Checksum of the file the coefficients were read from."""
        return str(self.attrs[f"{SECTION}_sha256"])

    @property
    def monitors(self) -> Mapping[str, Monitor]:
        """The heat and DMI currents that the moving wall drives."""
        from hpcalo.coupling.heat import Heat  # noqa: PLC0415  (loads PETSc)

        return {Heat.name: Heat()}

    def tables(self) -> list[Variable]:
        """The coefficients against temperature with their units, as variables of the wall's result."""
        c = self.coefficients
        out = [Variable(AXIS, (AXIS,), c.temperatures, "K", "temperatures of the coefficients")]
        for name, values in c.tables.items():
            unit, words = MEANING[name]
            about = {"lowest_order_residual": c.residual.get(name, 0.0)}
            error = c.errors.get(name)
            out.append(Variable(f"coefficient_{name}", (AXIS,), values, unit, words, about, error=error))
        return out + _tensor_tables(c)


def _tensor_tables(c: Coefficients) -> list[Variable]:
    """The tensors of (56) that act on the wall, order by order, and the axes of their indices."""
    found = {(name, p): x for name, d in c.angular.items() for p, x in tensors(d).items()}
    axes: dict[str, Variable] = {}
    out = []
    for (name, order), tensor in found.items():
        indices = f"coefficient_indices_{order}"
        axes[TORQUE] = Variable(TORQUE, (TORQUE,), np.array(["x", "y", "z"]), "", "component of the torque")
        axes[ALONG] = Variable(ALONG, (ALONG,), np.array(["x", "y"]), "", "direction of the force or the current")
        axes[indices] = Variable(indices, (indices,), np.array(powers.labels(order)), "", "indices of n")
        about = {} if np.isnan(c.angular[name].residual) else {"residual": c.angular[name].residual}
        error = None if np.isnan(tensor.errors).all() else tensor.errors
        words = f"tensor of order {order} of {name} in the direction n of the magnetization"
        sign = (
            "X_ij(n) = Σ_k X_ijk n_k + Σ_kl X_ijkl n_k n_l + …, each element counted once for every ordering of k, l, …"
        )
        dims = (TORQUE, ALONG, indices, AXIS)
        out.append(
            Variable(
                f"coefficient_{name}_order_{order}", dims, tensor.values, MEANING[name][0], words, about,
                equation="(56)", sign=sign, error=error,
            )
        )  # fmt: skip
    return [*axes.values(), *out]


def read_source(settings: WallInput) -> KuboSource | None:
    """The coefficients that the input's [electronic_structure] asks for; None without that table. Serial.

    Raises InputError, naming file and key: no such file, no Kubo result of a film, a quantity that it lacks (and what
    to ask for), a temperature, Γ or chemical potential that it has not, coefficients of another form than lowest order.
    """
    section = settings.electronic_structure
    if section is None:
        return None
    path = section.result.path
    try:
        result = read_dataset(path)
    except InputError as problem:
        raise InputError(f"{SECTION}.result: {problem}; expected a result of a Kubo run") from None
    with changed_files_explain([path], "used"):
        check_result(section, result, path)
        selection = Selection(settings, result, path)
        c = extract(selection)
        texts = {**_texts(selection), NOTES: "\n".join(in_words(settings, c))}
        return KuboSource(c, tuple(warnings(settings, selection, c)), _attrs(selection, c), texts)


def _attrs(selection: Selection, c: Coefficients) -> dict[str, object]:
    """Attributes of the wall result: where the coefficients come from."""
    r, path = selection.result, selection.path
    return {
        f"{SECTION}_file": str(path),
        f"{SECTION}_sha256": sha256(path),
        f"{SECTION}_title": str(r.attrs.get("title", "")),
        f"{SECTION}_source_digest": str(r.attrs.get("source_digest", "")),
        f"{SECTION}_finished": str(r.attrs.get("finished", "")),
        f"{SECTION}_reference_energy_eV": float(r.attrs.get("reference_energy_eV", 0.0)),
        f"{SECTION}_gamma_eV": float(np.asarray(r["gamma"])[selection.gamma]) if "gamma" in r.coordinates else 0.0,
        "cell_area_m2": c.cell_area,
        "cell_thickness_m": c.cell_thickness,
        "magnet_thickness_m": c.thickness,
    }


def _texts(selection: Selection) -> dict[str, str]:
    """Texts of the Kubo result that the wall result repeats."""
    texts = selection.result.texts
    return {f"{SECTION}_{name}": texts[name] for name in ("resolved_input", "model_sha256") if name in texts}
