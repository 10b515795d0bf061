"""What a model can give: which responses are exact, approximate or impossible, why, and what would mend it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hpcalo.hamiltonian import pairs
from hpcalo.hamiltonian.exchange import shares_not_along
from hpcalo.hamiltonian.external import COMPLETE
from hpcalo.hamiltonian.types import LcaoModel, Model, WannierModel
from hpcalo.kubo.responses.response import Response, responses
from hpcalo.kubo.states.at_sites import SITE_SPIN, SITE_TORQUE
from hpcalo.kubo.states.external import EXTERNAL
from hpcalo.kubo.states.observable import Observable
from hpcalo.kubo.states.operators import SPIN, TORQUE, VELOCITY
from hpcalo.kubo.states.orbital_momentum import ORBITAL_CURRENT, ORBITAL_MOMENTUM
from hpcalo.kubo.states.positions import POSITIONS, WITHOUT_POSITIONS
from hpcalo.kubo.states.spin_current import SPIN_VECTOR
from hpcalo.kubo.states.sublattice_torque import SUBLATTICE_TORQUE

EXACT, APPROXIMATE, PARTLY, IMPOSSIBLE = "exact", "approximate", "partly", "impossible"
ROUNDING = 1e-6
"""Deviation of spin pairs that is rounding of a file's digits."""
MAGNETIC = frozenset({TORQUE, SUBLATTICE_TORQUE, SITE_TORQUE, SITE_SPIN, SPIN, SPIN_VECTOR})
ORBITAL = frozenset({ORBITAL_MOMENTUM, ORBITAL_CURRENT})
MENDS = {
    "exchange": "seed.chk and seed.spn of a magnetic calculation with spinors",
    "positions": "seed_tb.dat, or seed_r.dat beside seed_hr.dat",
    "dipoles": "position_file of an .npz model",
}
"""Which file mends what is missing."""

BEYOND = "seed.uHu, with seed.mmn, seed.eig and seed.chk, when it is converted"
"""Which file mends an orbital magnetization without what states beyond the Wannier functions contribute."""


@dataclass(frozen=True)
class Ability:
    """One row: what; exact, approximate, partly or impossible for the given Hamiltonian; why; and what mends it."""

    name: str
    status: str
    why: str = ""
    mend: str = ""


def abilities(model: Model) -> list[Ability]:
    """A row for every response, for other directions of the magnetization, and for the zero of energies. Serial.

    exact: no approximation beyond the Hamiltonian itself.
    """
    doubts = dict(_doubts(model))
    return [*(_of_response(response, model, doubts) for response in responses()), _turning(model), _fermi_energy(model)]


def table(model: Model) -> list[str]:
    """The rows in columns, responses with the same answer in one."""
    together: dict[tuple[str, str, str], list[str]] = {}
    for row in abilities(model):
        together.setdefault((row.status, row.why, row.mend), []).append(row.name)
    lines = []
    for (status, why, mend), names in together.items():
        reason = f": {why}" if why else ""
        lines.append(f"  {status:<12} {', '.join(names)}{reason}{f'; mended by {mend}' if mend else ''}")
    order = (EXACT, APPROXIMATE, PARTLY, IMPOSSIBLE)
    return ["", "what it can give", *sorted(lines, key=lambda line: order.index(line.split()[0]))]


def _observables(response: Response) -> set[Observable]:
    sums = response.sums
    named: set[Observable] = {o for pair in (*sums.broadened, *sums.sea, *sums.thermal, *sums.fermi) for o in pair}
    named |= {*sums.levels, *sums.fermi_levels, *sums.thermal_levels}
    return named | {other for observable in named for other in observable.requires}


def _of_response(response: Response, model: Model, doubts: dict[Observable, tuple[str, str]]) -> Ability:
    need = _observables(response)
    for observable in sorted(need, key=lambda o: o.name):
        if not observable.optional and (reason := observable.missing(model)):
            return Ability(response.name, IMPOSSIBLE, reason, MENDS["exchange"] if observable in MAGNETIC else "")
    lost = [q for q in response.quantities if any(o.missing(model) for o in q.requires)]
    if lost:
        status = IMPOSSIBLE if len(lost) == len(response.quantities) else PARTLY
        return Ability(response.name, status, "has no position matrix", MENDS["dipoles"])
    found = [doubts[o] for o in (VELOCITY, TORQUE) if o in doubts and (o in need or (o == TORQUE and need & MAGNETIC))]
    found += _beyond(model) if EXTERNAL in need else []
    if need & ORBITAL and isinstance(model, WannierModel) and model.A_Rvnn is not None:
        found.append(("states beyond the Wannier functions are not in it", ""))
    if not found:
        return Ability(response.name, EXACT)
    mend = " and ".join(mend for _, mend in found if mend)
    return Ability(response.name, APPROXIMATE, "; ".join(why for why, _ in found), mend)


def _beyond(model: Model) -> list[tuple[str, str]]:
    """What is inexact about states beyond the functions."""
    if not isinstance(model, WannierModel) or model.A_Rvnn is None:
        return []
    if model.external_Rvnn is None:
        return [("states beyond the Wannier functions (external terms) are not in it", BEYOND)]
    if model.external_Rvnn.shape[1] == COMPLETE:
        return []
    return [(f"states beyond the Wannier functions from {model.external_source} only", BEYOND)]


def _doubts(model: Model) -> Iterator[tuple[Observable, tuple[str, str]]]:
    """What is inexact: of velocities, and of torque and spin."""
    if isinstance(model, LcaoModel):
        if POSITIONS.missing(model):
            yield VELOCITY, (WITHOUT_POSITIONS.partition(":")[0], MENDS["dipoles"])
        return
    if model.A_Rvnn is None and any(note.startswith("no position matrix") for note in model.notes):
        yield VELOCITY, ("no position matrix: functions are points at their centres", MENDS["positions"])
    if model.odd_Rnn is None:
        return
    if not len(model.up):
        yield TORQUE, ("functions are no spin pairs (see the notes)", "functions that are pairs of up and down")
        return
    assumed = any(note.startswith(("spin pairs assumed", "spin order found")) for note in model.notes)
    fit = pairs.quality(model.H_Rnn, model.spin_Rvnn, model.home, model.up, model.down)
    worst = max(fit.pauli, fit.reversal, fit.imaginary)
    if assumed:
        yield TORQUE, ("spin matrices taken as Pauli matrices", "seed.chk and seed.spn")
    elif worst > ROUNDING:
        yield TORQUE, (f"functions are spin pairs to {100 * worst:.2g} %", "")


def _turning(model: Model) -> Ability:
    name = "other n_hat"
    if isinstance(model, LcaoModel):
        return Ability(name, EXACT)
    if model.odd_Rnn is None:
        return Ability(name, IMPOSSIBLE, TORQUE.missing(model), MENDS["exchange"])
    if not len(model.up):
        return Ability(name, PARTLY, "functions are no spin pairs: only the reverse of its own")
    stays = float(np.hypot(*shares_not_along(model.odd_Rnn, model.n_hat, model.up, model.down)))
    if stays < ROUNDING:
        return Ability(name, EXACT)
    return Ability(
        name, APPROXIMATE, f"{100 * stays:.2g} % of the exchange cannot turn", "a calculation for that n_hat"
    )


def _fermi_energy(model: Model) -> Ability:
    name = "energies relative to the Fermi energy"
    if model.fermi_energy is not None:
        return Ability(name, EXACT)
    return Ability(name, IMPOSSIBLE, "the model has no Fermi energy", "fermi_energy in [model], or hpcalo convert")
