"""Building blocks of the input schema: sections that refuse unknown keys, and numbers that carry a unit."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError, core_schema

from hpcalo.errors import one_line


class Section(BaseModel):
    """A table of the input file: immutable, strict about types, unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, validate_default=True)


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint  # noqa: PLC0415  (slow to import, needed only where an input value is a string with a unit)

    return pint.UnitRegistry()


class Unit:
    """Marks a number with the unit it is kept in, and lets the input give it in any unit of the same kind.

    `Annotated[float, Unit("eV"), Field(gt=0)]` accepts `0.025` (eV) and `"25 meV"`; `"25 nm"` is refused by name.
    """

    def __init__(self, unit: str) -> None:
        self.unit = unit

    def convert(self, value: Any) -> Any:
        """A plain float in `self.unit`; raises PydanticCustomError for text that is no such quantity."""
        if isinstance(value, bool):
            raise PydanticCustomError("quantity", "expected a number in {unit}, not a truth value", {"unit": self.unit})
        if isinstance(value, int):
            return float(value)
        if not isinstance(value, str):
            return value
        import pint  # noqa: PLC0415

        try:
            quantity = _registry().Quantity(value)
            if quantity.unitless and self.unit != "1":
                raise PydanticCustomError(
                    "quantity", "text needs a unit ('… {unit}'), or give a plain number", {"unit": self.unit}
                )
            result = float(quantity.to("" if self.unit == "1" else self.unit).magnitude)
        except PydanticCustomError:
            raise
        except pint.DimensionalityError:
            raise PydanticCustomError("quantity", "a unit convertible to {unit} is needed", {"unit": self.unit}) from None
        except Exception as problem:  # pint lets tokenizer, attribute and arithmetic errors of the text through
            raise PydanticCustomError(
                "quantity", "not a number with a unit ({why})", {"why": one_line(problem)[:80]}
            ) from None
        if not math.isfinite(result):
            raise PydanticCustomError("quantity", "a finite number is needed", {})
        return result

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(self.convert, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        json_schema = handler(schema)
        json_schema["unit"] = self.unit
        return json_schema
