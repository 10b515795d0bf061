"""The table `[model]`: where the Hamiltonian comes from and what to use of it. Its keys are those of the readers."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import PrivateAttr, ValidationError, create_model, model_validator
from pydantic.fields import FieldInfo

from hpcalo.config.fields import Section
from hpcalo.hamiltonian.readers.base import Reader
from hpcalo.hamiltonian.registry import READERS

S = TypeVar("S", bound=Section)


Option = tuple[Any, FieldInfo]
"""The annotation of a key, which pydantic takes in any form, and what else it knows of it."""


def with_keys_of_readers(section: type[S]) -> type[S]:
    """The section with a key for each source, the options of each reader, and the common options, in this order.

    Raises TypeError if two readers declare one option differently.
    """
    fields: dict[str, Option] = {}
    options: dict[str, Option] = {}
    shared: dict[str, Option] = {}
    for reader in READERS.values():
        for name, info in reader.model_fields.items():
            kind: Any = info.annotation  # in any form that pydantic takes
            if name == reader.source:
                fields[name] = (kind | None, FieldInfo(default=None, description=info.description))
            elif name not in Reader.model_fields:
                if repr(info) != repr(options.get(name, (kind, info))[1]):
                    raise TypeError(f"{reader.__name__}: the key {name} means something else to another reader")
                (shared if name in options else options)[name] = (kind, info)
    common = {name: (info.annotation, info) for name, info in Reader.model_fields.items()}
    options = {name: option for name, option in options.items() if name not in shared}
    whole: dict[str, Any] = {**fields, **options, **shared, **common}
    return create_model(
        section.__name__, __base__=section, __module__=section.__module__, __doc__=section.__doc__, **whole
    )


@with_keys_of_readers
class ModelSection(Section):
    """Source of the Hamiltonian; exactly one must be given. Paths are relative to the input file."""

    _reader: Reader = PrivateAttr()

    @property
    def reader(self) -> Reader:
        """The source with its options."""
        return self._reader

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, data: object) -> object:
        if isinstance(data, dict):
            for reader in READERS.values():
                data = reader.completed(data)
        return data

    @model_validator(mode="after")
    def _one_source(self) -> ModelSection:
        given = [name for name in READERS if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"found {' and '.join(given)}" if given else "found none"
            raise ValueError(f"expected exactly one of {', '.join(READERS)}, {found}")
        reader = READERS[given[0]]
        for name, info in type(self).model_fields.items():
            if name not in reader.model_fields and getattr(self, name) != info.default:
                raise ValueError(f"{name} has no meaning for a model from {given[0]}")
        values = {name: value for name in reader.model_fields if (value := getattr(self, name)) is not None}
        try:
            self._reader = reader.model_validate(values)
        except ValidationError as problem:
            raise ValueError(problem.errors()[0]["msg"].removeprefix("Value error, ")) from None
        return self
