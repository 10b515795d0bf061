"""What responses by site share: the names of their quantities, their axes, sums over layers, and the check of sums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from hpcalo.hamiltonian import sites
from hpcalo.io.checks import Check, below, relative
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.profile import LAYER, SITE, profile_panel
from hpcalo.kubo.responses.checking import EXACT, array, significant
from hpcalo.kubo.responses.field_driven import FieldDriven
from hpcalo.kubo.responses.response import Axis, Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.observable import Operator
from hpcalo.typing import RealArray

AXES = (
    Axis(SITE, lambda run: sites.labels(run.crystal), "atom to which orbitals are nearest"),
    Axis(LAYER, lambda run: sites.layers(run.crystal)[0], "layer of a film: elements, height above the lowest"),
)


def by_site(whole: Sequence[Quantity], of: str) -> tuple[Quantity, ...]:
    """`site_X` and, of films, `layer_X` for each quantity X. of: the first index of the tensors, before which they go.

    What is by layer follows from what is by site.
    """
    found = []
    for one in whole:
        i = one.dims.index(of)
        for place, words in ((SITE, "each site"), (LAYER, "each layer")):
            quantity = replace(
                one,
                name=f"{place}_{one.name}",
                dims=(*one.dims[:i], place, *one.dims[i:]),
                long_name=f"{one.long_name} of {words}",
                sign=f"{one.sign}, of ½{{P_A, X}} with P_A on the orbitals of A",
            )
            found.append(replace(quantity, optional=True, aside=True) if place == LAYER else quantity)
    return tuple(found)


def with_layers(run: RunSums, values: dict[str, tuple[RealArray, int]]) -> dict[str, RealArray]:
    """`site_X`, and of films `layer_X`, from the values of X by site and the place of the site's axis in them."""
    names, belong = sites.layers(run.crystal)
    out = {}
    for name, (by_site, axis) in values.items():
        out[f"{SITE}_{name}"] = by_site
        if names:
            layers = np.asarray(np.tensordot(belong, by_site, (1, axis)), dtype=np.float64)
            out[f"{LAYER}_{name}"] = np.moveaxis(layers, 0, axis)
    return out


def adds_up(result: Result, names: Sequence[str]) -> Iterator[Check]:
    """The sum of `site_X` over sites is X."""
    for total in names:
        name = f"{SITE}_{total}"
        if significant(result, name, total):
            axis = list(result.variables[name].dims).index(SITE)
            gap = relative(array(result, name).sum(axis=axis) - array(result, total), array(result, name))
            yield below(f"Sum of {name} over sites", f"{total}, relative", gap, EXACT)


class SiteDriven(Response):
    """By site and by layer the quantities of one `FieldDriven`, `whole`, which are their sums.

    observable: that of `whole` by site. of: the first index of its tensors. first_panel: rank of the panel of the even
    part, before that of the odd one. driven: `whole` by site.
    """

    whole: ClassVar[FieldDriven]
    observable: ClassVar[Operator]
    of: ClassVar[str]
    first_panel: ClassVar[int]
    driven: ClassVar[FieldDriven]

    def __init_subclass__(cls) -> None:
        whole = cls.whole
        cls.driven = replace(whole, observable=cls.observable)
        cls.thermal = whole.thermal
        cls.sums = cls.driven.sums
        cls.quantities = by_site(whole.quantities(), cls.of)
        cls.panels = tuple(
            profile_panel(f"{whole.name}_{part}", replace(whole.label, words=f"{part} {whole.label.words}"), rank=rank)
            for rank, part in enumerate(("even", "odd"), cls.first_panel)
        )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        values = self.driven.compute(run)
        places = {one.name: one.dims.index(self.of) for one in self.whole.quantities()}
        return with_layers(run, {name: (values[name], place) for name, place in places.items()})

    def checks(self, result: Result) -> Iterator[Check]:
        yield from adds_up(result, [one.name for one in self.whole.quantities()])
