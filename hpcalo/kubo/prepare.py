"""What is decided before anything is computed: reference energy, directions of the magnetization, the raw sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hpcalo.errors import InputError
from hpcalo.hamiltonian.turning import error_of_turning, note_on_turning
from hpcalo.hamiltonian.types import Crystal, Model, WannierModel
from hpcalo.kubo.config import KuboSection
from hpcalo.kubo.responses.response import Response, needed, responses
from hpcalo.kubo.states.observable import Observable
from hpcalo.kubo.states.operators import ordered
from hpcalo.kubo.states.solvers import check_need, magnetization_directions
from hpcalo.kubo.sums.request import Request
from hpcalo.kubo.sums.scattering import scattering
from hpcalo.typing import RealArray
from hpcalo.units import BOLTZMANN_EV

WARNING = "warning: "
"""Begins those notes of a model or a run that are warnings."""


def prepare(section: KuboSection, model: Model) -> tuple[float, RealArray, Request]:
    """Reference energy (eV), directions of the magnetization (A, 3) and the request.

    Raises InputError, also for responses of which the model can give nothing.
    """
    reference = reference_energy(section, model)
    n_hat = magnetization_directions(model, section.n_hat)
    request = make_request(section, reference, model.crystal)
    broadening = request.scattering and request.scattering.broadening
    if broadening and (reason := broadening.missing(model)):
        raise InputError(f"kubo.disorder: the model {model.name or '(unnamed)'} {reason}")
    provided = check_need(model, request.need())
    missing = request.need() - provided
    unknown = missing | _unknown(responses(section.quantities), model)
    return reference, n_hat, replace(request, sums=request.sums.without(missing), missing=unknown)


def _unknown(chosen: Sequence[Response], model: Model) -> frozenset[Observable]:
    """The observables that quantities require and the model does not know.

    Raises InputError if nothing of a response is left without them.
    """
    required = {observable for response in chosen for q in response.quantities for observable in q.requires}
    unknown = frozenset(observable for observable in required if observable.missing(model))
    for response in chosen:
        if all(unknown & set(q.requires) for q in response.quantities):
            reason = next(o.missing(model) for q in response.quantities for o in q.requires if o in unknown)
            raise InputError(f"kubo.quantities: {response.name}: the model {model.name or '(unnamed)'} {reason}")
    return unknown


def remarks(section: KuboSection, model: Model, n_hat: RealArray, request: Request) -> tuple[str, ...]:
    """What is inexact or left out for this model and these directions of the magnetization (A, 3), one line each."""
    warnings = [observable.inexact(model) for observable in ordered(request.need())]
    warnings += [response.unfit(n_hat) for response in responses(section.quantities)]
    for q in (q for response in responses(section.quantities) for q in response.quantities):
        warnings += [
            f"{q.name} is left out: the model {model.name or '(unnamed)'} {observable.missing(model)}"
            for observable in q.requires
            if observable in request.missing
        ]
    disorder = section.disorder.describe()
    notes = [f"disorder: {disorder}"] if disorder else []
    if isinstance(model, WannierModel):
        doubtful = error_of_turning(model, n_hat) > section.warn_error
        (warnings if doubtful else notes).append(note_on_turning(model, n_hat))
    return tuple(text for text in (*notes, *(f"{WARNING}{text}" for text in warnings if text)) if text)


def reference_energy(section: KuboSection, model: Model) -> float:
    """Zero of the energy axis, eV. Raises InputError if the model has no Fermi energy and none is given."""
    if section.energies.reference is not None:
        return section.energies.reference
    if section.energies.from_electrons:
        if model.electrons is None:
            raise InputError("kubo.energies.from_electrons: the model has no electron count; give model.electrons")
        return model.fermi_energy if model.fermi_energy is not None else 0.0
    if model.fermi_energy is None:
        raise InputError(
            "kubo.energies.reference: the model has no Fermi energy; give one here, or model.fermi_energy, "
            "or kubo.energies.from_electrons = true"
        )
    return model.fermi_energy


def make_request(section: KuboSection, reference: float, crystal: Crystal) -> Request:
    """The axes and raw sums of one pass. reference: eV, zero of the input's energies."""
    grid = section.energies
    energies = reference + np.linspace(grid.minimum, grid.maximum, grid.points)
    mu, temperatures = np.array(section.chemical_potentials), np.array(section.temperatures)
    sums = needed(responses(section.quantities))
    return Request(
        crystal=crystal,
        energies=energies,
        gammas=np.array(section.gamma),
        mu=np.repeat(reference + mu, len(temperatures)),
        kt=np.tile(BOLTZMANN_EV * temperatures, len(mu)),
        sums=sums,
        count_edges=_count_edges(energies, section.gaussian_width) if sums.count else np.zeros(0),
        window=True,
        scattering=scattering(section.disorder, reference, crystal),
    )


def _count_edges(energies: RealArray, width: float) -> RealArray:
    """Edges an eighth of the width apart, reaching eight widths beyond the energies."""
    low, high = energies[0] - 8.0 * width, energies[-1] + 8.0 * width
    return np.linspace(low, high, max(2, int(np.ceil((high - low) / (width / 8.0))) + 1))
