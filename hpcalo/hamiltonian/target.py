"""The accuracy that an input asks for: relative to a quantity, or absolute in its unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from hpcalo.config.fields import Unit

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue

_PERCENT = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*%\s*", re.ASCII)
LARGEST = 1.0
"""A relative error above it says nothing of a value."""
ADVICE = 'give a relative error such as "1 %" or 0.01'


@dataclass(frozen=True)
class Accuracy:
    """An error that a value may have. size: share of the value's scale if relative, else in the value's unit."""

    size: float
    relative: bool

    def allowed(self, scale: float) -> float:
        """The error of a value of this scale, in the value's unit."""
        return self.size * scale if self.relative else self.size

    def __str__(self) -> str:
        return f"{100.0 * self.size:.3g} %" if self.relative else f"{self.size:.3g}"


def accuracy(value: object, unit: str | None = None) -> Accuracy:
    """`"1 %"` and 0.01 are relative; `"0.01 e*a0"` is absolute, where a unit is given to convert to.

    Raises PydanticCustomError.
    """
    if isinstance(value, str) and (found := _PERCENT.fullmatch(value)):
        return _relative(float(found[1]) / 100.0)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _relative(float(value))
    if not isinstance(value, str):
        raise PydanticCustomError("accuracy", ADVICE)
    if unit is None:
        raise PydanticCustomError("accuracy", f'{ADVICE}; absolute errors are given by quantity: NAME = "0.01 unit"')
    size = Unit(unit or "1").convert(value)
    if not size > 0.0:
        raise PydanticCustomError("accuracy", "an error must be larger than 0")
    return Accuracy(size, relative=False)


def _relative(share: float) -> Accuracy:
    if not 0.0 < share <= LARGEST:
        raise PydanticCustomError("accuracy", f"a relative error must be larger than 0 % and at most {LARGEST:.0%}")
    return Accuracy(share, relative=True)


class Target:
    """Marks a value of the input as an accuracy for all quantities, or as a table of one for each of some.

    The table's values are read by `accuracy` where the units are known; here only their kind is checked.
    """

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(_checked)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "object"}]}


def _checked(value: object) -> str | float | dict[str, str | float]:
    if not isinstance(value, Mapping):
        wish = accuracy(value)
        return value if isinstance(value, str) else wish.size
    if not value:
        raise PydanticCustomError("accuracy", "the table is empty; it holds accuracies by quantity")
    for name, one in value.items():
        if isinstance(one, str) and not _PERCENT.fullmatch(one):
            continue  # absolute, in a unit that only the quantity knows
        try:
            accuracy(one)
        except PydanticCustomError as problem:
            raise PydanticCustomError("accuracy", f"{name}: {problem.message()}".replace("{", "(")) from None
    return {str(name): one if isinstance(one, str) else float(one) for name, one in value.items()}
