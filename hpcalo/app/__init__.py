"""The verbs of the program: input file → the engine it asks for → result, picture, report.

A verb is loaded when it is first used, so that `hpcalo --help` and a misspelt key are quick. The path of an engine's
data is on the page of its own `run` module.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpcalo.app.inputs import load_input, output_of
    from hpcalo.app.verbs.check import check
    from hpcalo.app.verbs.convert import convert
    from hpcalo.app.verbs.export import export
    from hpcalo.app.verbs.info import environment, info
    from hpcalo.app.verbs.keys import keys
    from hpcalo.app.verbs.plot import plot
    from hpcalo.app.verbs.report import report
    from hpcalo.app.verbs.restart import restart
    from hpcalo.app.verbs.run import run
    from hpcalo.app.verbs.submit import submit

__all__ = [
    "check", "convert", "environment", "export", "info", "keys", "load_input", "output_of", "plot", "report", "restart",
    "run", "submit",
]  # fmt: skip

_ELSEWHERE = {"environment": "verbs.info", "load_input": "inputs", "output_of": "inputs"}
"""Where a name is that has no module of its own below `verbs`."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'hpcalo.app' has no attribute '{name}'")
    return getattr(import_module(f"hpcalo.app.{_ELSEWHERE.get(name, f'verbs.{name}')}"), name)
