"""The verbs of the program: input file → the engine it asks for → result, picture, report.

`app.run` is the function `run` of the module `run` below `verbs`, and so on: a module there is a verb. It is loaded
when it is first used, so that `hpcalo --help` and a misspelt key are quick. The path of an engine's data is on the page
of its own `run` module.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

_ELSEWHERE = {"environment": "verbs.info", "load_input": "inputs", "output_of": "inputs"}
"""Where a name is that has no module of its own below `verbs`."""


def __getattr__(name: str) -> Any:  # a verb's module or function
    module = f"{__name__}.{_ELSEWHERE.get(name, f'verbs.{name}')}"
    if name.startswith("_") or find_spec(module) is None:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(module), name)
