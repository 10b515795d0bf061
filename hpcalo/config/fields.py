"""Building blocks of the input schema: sections that refuse unknown keys, and numbers that carry a unit."""

from __future__ import annotations

import math
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import PydanticCustomError, core_schema

if TYPE_CHECKING:
    import pint
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue


class Section(BaseModel):
    """A table of the input file: immutable, strict about types, unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, validate_default=True)


class InputPath(str):
    """The name of a file as an input gives it, and where that file is.

    The text is the name as given, which the resolved input of a result repeats. `path` is absolute: the name, looked up
    once in the folder that `hpcalo.config.reader.validate` was given (the input file's). Nobody else joins folders and
    names, and nothing depends on the current folder afterwards.
    """

    path: Path

    def __new__(cls, text: str, folder: Path | None = None) -> Self:
        """The name `text`, looked up below `folder` (None: the current folder).

        Raises ValueError if no file can have it.
        """
        name = super().__new__(cls, text)
        name.path = (Path(text) if folder is None else folder / text).absolute()
        try:
            os.fsencode(name.path)
            str(name.path).encode("utf-8")
        except UnicodeError:
            raise ValueError("the name is not UTF-8, or this locale has not its characters") from None
        return name

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def located(value: object, check: core_schema.ValidatorFunctionWrapHandler, info: ValidationInfo) -> InputPath:
            return value if isinstance(value, cls) else cls(check(value), (info.context or {}).get("folder"))

        return core_schema.with_info_wrap_validator_function(located, core_schema.str_schema())


_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(.*)", re.ASCII | re.DOTALL)
_EXPONENT = r"(?:\*\*|\^)\s*-?[1-9](?!\s*(?:\d|\*\*|\^))"
_UNIT = re.compile(rf"(?:[^\W\d]+|[°%′]|{_EXPONENT}|[()*/·]|\s)+")
"""Names, single-digit powers, products and quotients: nothing that would have to be calculated."""
LONGEST = 60  # characters of a number with its unit


OF_PAPERS = (
    "oersted_SI = 1000 / (4 * pi) * ampere / meter = Oe_SI",
    "gauss_SI = 1e-4 * tesla = G_SI",
    "emu = 1e-3 * ampere * meter ** 2",  # a moment: 1 emu/cm³ is 1 kA/m
    "@alias hartree = Ha",
)
"""Units of papers and of other programs that pint lacks, or has in the Gaussian system only, which has no way to SI."""
_GAUSSIAN = re.compile(r"\b([kmµM]?)(Oe|G)\b")


@lru_cache(maxsize=1)
def _registry() -> pint.UnitRegistry:
    import pint  # noqa: PLC0415  (slow to import, needed only where an input value is a string with a unit)

    registry: pint.UnitRegistry = pint.UnitRegistry(preprocessors=[lambda text: _GAUSSIAN.sub(r"\1\2_SI", text)])
    for definition in OF_PAPERS:
        registry.define(definition)
    return registry


def _tidy(value: float) -> float:
    """Without the rounding of the factors: 0.5 ps is 500 fs, not 500.00000000000006."""
    return float(f"{value:.15g}")


class Unit:
    """Marks a number with the unit it is stored in, and lets the input give it in any unit of the same kind.

    `Annotated[float, Unit("eV"), Field(gt=0)]` accepts `0.025` (eV) and `"25 meV"`; `"25 nm"` is refused by name.
    """

    def __init__(self, unit: str) -> None:
        self.unit = unit

    def convert(self, value: object) -> float:
        """A plain float in `self.unit`; raises PydanticCustomError for text that is no such quantity."""
        if isinstance(value, bool):
            raise self._refusal("expected a number, not true or false")
        if isinstance(value, int):
            return self._finite(value)
        if isinstance(value, str):
            return self._finite(self._from_text(value))
        if not isinstance(value, float):
            raise self._refusal("expected a number")
        return value

    def _from_text(self, text: str) -> float:
        found = _NUMBER.fullmatch(text) if len(text) <= LONGEST else None
        number, unit = (float(found[1]), found[2].strip()) if found else (0.0, "")
        if found and unit == self.unit:
            return number
        if found is None or (unit and not _UNIT.fullmatch(unit)):
            raise self._refusal("not a number with a unit")
        if not unit:
            if self.unit == "1":
                return number
            raise self._refusal("the string has no unit")
        import pint  # noqa: PLC0415

        try:
            quantity = _registry().Quantity(number, unit)
            contexts = ("boltzmann",) if self.unit == "eV" else ()  # kelvin stand for k_B T
            return _tidy(quantity.to("" if self.unit == "1" else self.unit, *contexts).magnitude)
        except pint.UndefinedUnitError:
            raise self._refusal(f"unknown unit {unit}") from None
        except pint.DimensionalityError:
            raise self._refusal(f"{unit} cannot be converted to {self.name}") from None
        except Exception:  # pint lets tokenizer, attribute and arithmetic errors of the text through
            raise self._refusal("not a number with a unit") from None

    def _finite(self, value: float) -> float:
        try:
            if math.isfinite(result := float(value)):
                return result
        except OverflowError:
            pass
        raise self._refusal("expected a finite number")

    @property
    def name(self) -> str:
        """How a message calls the unit."""
        return "a plain number" if self.unit == "1" else self.unit

    def _refusal(self, why: str) -> PydanticCustomError:
        unit = self.unit
        advice = "give a plain number" if unit == "1" else f"give a number in {unit}, or a string such as '… {unit}'"
        text = f"{why}; {advice}".replace("{", "(").replace("}", ")")  # braces are pydantic's placeholders
        return PydanticCustomError("quantity", text)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(self.convert, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        json_schema = handler(schema)
        json_schema["unit"] = self.unit
        return json_schema


class Broadening(Unit):
    """A width that must not be zero; says where the curves without broadening are."""

    def convert(self, value: object) -> float:
        """As in `Unit`."""
        if (number := super().convert(value)) == 0.0:
            raise PydanticCustomError(
                "quantity", "must be larger than 0; the intrinsic parts (Γ → 0) are computed anyway"
            )
        return number


class MagneticField(Unit):
    """H in A/m; a text may also give it as µ₀H in tesla."""

    def __init__(self) -> None:
        super().__init__("A/m")

    def _from_text(self, text: str) -> float:
        try:
            return super()._from_text(text)
        except PydanticCustomError as problem:
            from hpcalo.units import MU_0  # noqa: PLC0415  (slow to import)

            try:
                return Unit("T")._from_text(text) / MU_0
            except PydanticCustomError:
                raise problem from None

    def _refusal(self, why: str) -> PydanticCustomError:
        text = f"{why}; give H as a number in A/m, or a string such as '… A/m' or, for µ₀H, '… mT'"
        return PydanticCustomError("quantity", text.replace("{", "(").replace("}", ")"))


Vector = tuple[float, float, float]
"""x, y, z."""


def numbers(value: object) -> object:
    """A list of a TOML file as a tuple, whole numbers in it as floats."""
    if not isinstance(value, list):
        return value
    return tuple(float(x) if isinstance(x, int) and not isinstance(x, bool) else x for x in value)


def listed(value: object) -> object:
    """A single number or text where a list is expected: a list of one."""
    return (value,) if isinstance(value, bool | int | float | str) else value


def vectors(value: object) -> object:
    """A single vector where a list of vectors is expected: a list of one."""
    plain = isinstance(value, list | tuple) and value and not any(isinstance(x, list | tuple) for x in value)
    return (value,) if plain else value


OneOrMore = BeforeValidator(listed)
"""Marks a list that may be given as a single value."""
OneOrMoreVectors = BeforeValidator(vectors)
"""Marks a list of vectors that may be given as a single vector."""
