"""The register of responses: it knows none of them, they enter themselves.

A response is a class with the decorator `register` in a module of `hpcalo.kubo.responses`. Those modules are loaded
when the register is first read (the input asks it for the names), not when this module is imported.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticKnownError, core_schema

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue

ROOM = "hpcalo.kubo.responses"


class Registered(Protocol):
    """What the input needs to know of a response.

    name: in `kubo.quantities`. help: one line. rank: place in lists, the smallest first. thermal: whether it
    integrates over the energy axis with −f'. units: of the variables that it adds to a result, by name.
    """

    name: ClassVar[str]
    help: ClassVar[str]
    rank: ClassVar[int]
    thermal: ClassVar[bool]

    @property
    def units(self) -> Mapping[str, str]: ...


_REGISTER: dict[str, Registered] = {}
Class = TypeVar("Class", bound=Callable[[], Registered])


def register(response: Class) -> Class:
    """Class decorator: enters an instance of the response under its name. Raises ValueError if the name is taken."""
    instance = response()
    if instance.name in _REGISTER:
        raise ValueError(f"there are two responses '{instance.name}'")
    _REGISTER[instance.name] = instance
    return response


def withdraw(name: str) -> None:
    """Removes a response from the register (for tests)."""
    del _REGISTER[name]


@cache
def _load() -> None:
    package = import_module(ROOM)
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{ROOM}.{module.name}")


def registered() -> Mapping[str, Registered]:
    """All responses by name, in the order of their rank."""
    _load()
    return {r.name: r for r in sorted(_REGISTER.values(), key=lambda r: (r.rank, r.name))}


class ResponseName:
    """Marks a text of the input as the name of a response; the allowed values are those of the register."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(_known)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        known = registered()
        return {"type": "string", "enum": list(known), "meanings": [[name, r.help] for name, r in known.items()]}


def _known(value: object) -> str:
    names = [f"'{name}'" for name in registered()]
    if not isinstance(value, str) or f"'{value}'" not in names:
        raise PydanticKnownError("literal_error", {"expected": " or ".join([", ".join(names[:-1]), names[-1]])})
    return value
