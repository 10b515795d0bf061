"""The points of a scan: the settings of each, and the axis that tells them apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Generic, TypeVar, Union, get_args, get_origin

import numpy as np
from pydantic import BaseModel

from hpcalo.config.fields import Unit
from hpcalo.config.reader import set_value, validate
from hpcalo.errors import InputError
from hpcalo.scan.section import FORMER, ScanSection
from hpcalo.typing import Array

S = TypeVar("S", bound=BaseModel)

EXCLUDED = {
    "scan": "a scan cannot scan itself",
    FORMER: "a scan cannot scan itself",
    "output.file": "all points are in one result",
    "execution": "it is the same for all points",
}
"""Keys that no point can have for itself, and why."""


@dataclass(frozen=True)
class Axis:
    """The scanned key.

    values: (points), numbers in `unit` where the key is a number, else texts. given: the values as they stand in the
    input.
    """

    key: str
    values: Array
    unit: str
    given: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the axis in the result."""
        return self.key.replace(".", "_")

    def point(self, index: int) -> str:
        """A point in a message: `drive.gradient = 2.0`."""
        return f"{self.key} = {self.given[index]}"


@dataclass(frozen=True)
class Points(Generic[S]):
    """The points of a scan, or the one point of a run without a scan (`axis` None).

    settings: of each point. most_groups: groups that the ranks may be split into. base: the input without
    its scan.
    """

    settings: tuple[S, ...]
    axis: Axis | None = None
    most_groups: int = 1
    base: S | None = None

    def __len__(self) -> int:
        return len(self.settings)

    def groups(self, ranks: int) -> int:
        """Groups that so many ranks are split into."""
        return min(self.most_groups, ranks)

    def prefix(self, index: int) -> str:
        """How a refusal of one point's settings begins; "" without a scan."""
        return "" if self.axis is None else f"scan.key: {self.axis.point(index)}: "


Marked = tuple[object, tuple[object, ...]]
"""What an annotation allows, and the marks on it."""


def scan_of(settings: BaseModel) -> ScanSection | None:
    """The table [scan] of an input; None where it has none or its engine offers no scans."""
    return getattr(settings, "scan", None)


def points_of(settings: S, source: Path) -> Points[S]:
    """One settings per value of the scan, each checked against the schema. source: the input file.

    Raises InputError, naming the file.
    """
    scan = scan_of(settings)
    if scan is None:
        return Points((settings,), base=settings)
    where = f"{source}: scan.key"
    for key, why in {**EXCLUDED, **scan.excluded}.items():
        if f"{scan.key}.".startswith(f"{key}."):
            raise InputError(f"{where}: {scan.key} cannot be scanned: {why}")
    base = settings.model_dump(mode="json", exclude_none=True)
    base.pop("scan")
    points = []
    for value in scan.values:
        data = deepcopy(base)
        set_value(data, scan.key.split("."), list(value) if isinstance(value, tuple) else value, where)
        points.append(validate(type(settings), data, f"{where}: {scan.key} = {_text(value)}", source.parent))
    most = min(scan.groups or len(points), len(points))
    return Points(tuple(points), _axis(scan, points), most, settings.model_copy(update={"scan": None}))


def unit_of(schema: type[BaseModel], key: str) -> str:
    """Unit of a key of the input; "" where it has none."""
    found: list[Marked] = [(schema, ())]
    for part in key.split("."):
        found = [below for kind, _ in found for below in _below(kind, part)]
    found += [one for kind, _ in found for one in _items(kind)]  # a single value where the key takes several
    return next((m.unit for _, marks in found for m in marks if isinstance(m, Unit) and m.unit != "1"), "")


def _items(kind: object) -> list[Marked]:
    """What the items of a list of any length may be; nothing for other kinds."""
    item, *rest = get_args(kind) if get_origin(kind) is tuple else (None,)
    return list(_alternatives(item)) if rest == [Ellipsis] else []


def _axis(scan: ScanSection, points: Sequence[BaseModel]) -> Axis:
    path = scan.key.split(".")
    given = tuple(_text(value) for value in scan.values)
    found = [_alone(_at(point, path)) for point in points]
    if all(type(one) in {int, float} for one in found):
        return Axis(scan.key, np.array(found), unit_of(type(points[0]), scan.key), given)
    return Axis(scan.key, np.array(given), "", given)


def _at(point: BaseModel, path: Sequence[str]) -> object:
    """The value of a key that `points_of` has set; None where the schema has taken it for something else."""
    here: object = point
    for part in path:
        if isinstance(here, tuple | list):
            here = here[int(part)]
        else:
            here = here.get(part) if isinstance(here, dict) else getattr(here, part, None)
    return here


def _alone(value: object) -> object:
    """The only item of a list that was given as a single value."""
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value


def _text(value: object) -> str:
    """As in the input."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(_text(v) for v in value)}]" if isinstance(value, tuple) else str(value)


def _alternatives(kind: object, marks: tuple[object, ...] = ()) -> Iterator[Marked]:
    """What an annotation allows, each with the marks on it."""
    if get_origin(kind) is Annotated:
        inner, *more = get_args(kind)
        yield from _alternatives(inner, (*marks, *more))
    elif get_origin(kind) in {Union, UnionType}:
        for one in get_args(kind):
            yield from _alternatives(one, marks)
    else:
        yield kind, marks


def _below(kind: object, part: str) -> list[Marked]:
    """What a key or the number of an item leads to; nothing for tables of free keys."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(part)
        return [] if field is None else list(_alternatives(field.annotation, tuple(field.metadata)))
    items = [one for one in get_args(kind) if one is not Ellipsis]
    if get_origin(kind) is not tuple or not part.isdigit() or not items:
        return []
    return list(_alternatives(items[min(int(part), len(items) - 1)]))
