"""One point of a scan, what all points share, and what is to be said of the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hpcalo.engine import PointContext, Preparation, RunContext
from hpcalo.errors import CheckpointError, InputError
from hpcalo.hamiltonian.loading import load_model, same_files
from hpcalo.hamiltonian.types import Model
from hpcalo.io.dataset import Variable
from hpcalo.kubo.config import KuboInput
from hpcalo.kubo.fields import coordinates
from hpcalo.kubo.prepare import prepare
from hpcalo.kubo.responses.response import responses
from hpcalo.kubo.run import compute, identity
from hpcalo.kubo.scanned.points import UNITS
from hpcalo.kubo.summing import KuboContext
from hpcalo.kubo.sums.checkpoints import PassCheckpoints
from hpcalo.parallel.guard import on_root, together
from hpcalo.scan.merge import Results
from hpcalo.scan.points import Points


@dataclass(frozen=True)
class Shared:
    """What a point needs besides its settings.

    model: None where each point has one of its own. texts: by which a restart recognizes program and model files.
    """

    model: Model | None
    texts: dict[str, str]


def prepare_scan(points: Points[KuboInput], context: RunContext) -> Preparation:
    """Checks the points; reads the model if it is the same for all of them. Serial: on rank 0.

    Raises InputError, ModelError; CheckpointError where a continued scan would have another program or model.
    """
    texts = [identity(point) for point in points.settings]
    identities = {
        "program": texts[0]["program"],
        "model_sha256": "\n".join(dict.fromkeys(text["model_sha256"] for text in texts)),
    }
    _refuse_changes(context, identities)
    sections = [point.model.model_dump() for point in points.settings]
    model = load_model(points.settings[0].model) if all(one == sections[0] for one in sections) else None
    if model is not None:
        for index, point in enumerate(points.settings):
            try:
                prepare(point.kubo, model)
            except InputError as problem:
                raise InputError(f"{context.source}: {points.prefix(index)}{problem}") from None
    title = points.settings[0].title or context.source.stem
    return Preparation(
        attrs={"title": title},
        texts={"model_sha256": identities["model_sha256"]} if identities["model_sha256"] else {},
        identity=identities,
        extras=tuple(Shared(model, text) for text in texts),
    )


def _refuse_changes(context: RunContext, now: dict[str, str]) -> None:
    if context.resume is None:
        return
    before = context.resume.texts
    if before.get("program") != now["program"]:
        how = f"by hpcalo {before.get('program')}, this is {now['program']}"
    elif not same_files(before.get("model_sha256", ""), now["model_sha256"]):
        how = "with other model files than those there are now"
    else:
        return
    raise CheckpointError(f"{context.output}: was begun {how}; run it again with --force")


def scan_point(settings: KuboInput, context: PointContext) -> Results:
    """Quantities and coordinates of one point, on rank 0 of its group. Collective over the group.

    Raises StopRequested after it has saved; HpcaloErrors on all ranks of the group.
    """
    comm, keeper, shared = context.comm, context.keeper, context.extra
    model: Model = shared.model
    if model is None:
        model = on_root(comm, lambda: load_model(settings.model))
    with together(comm):
        checkpoints = PassCheckpoints(
            keeper.result, keeper.rounds(), shared.texts, context.resume, writer=keeper.writer
        )
    run = RunContext(comm, keeper.result, keeper.result, quiet=True, resume=context.resume)
    found = compute(model, KuboContext(run, settings, checkpoints, context.name))
    axes = coordinates(found.run, responses(settings.kubo.quantities), found.reference, found.fields)
    return [*found.fields, *_numbers(found.attrs)], axes


def _numbers(attrs: Mapping[str, object]) -> list[Variable]:
    """Attributes of a run that are numbers, as variables: each point of a scan has its own."""
    numbers = {name: value for name, value in attrs.items() if isinstance(value, int | float)}
    return [
        Variable(name, (), value, *UNITS.get(name, ("", name.replace("_", " ")))) for name, value in numbers.items()
    ]
