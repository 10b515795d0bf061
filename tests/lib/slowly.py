"""The program, slowed: `python slowly.py SECONDS run a.toml …` waits so long after every step or round of work.

A run that is to be stopped in its middle is then nowhere near its end when it is stopped, on whatever machine: tests
wait for its checkpoint and need not know how long it takes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from hpcalo.__main__ import main
from hpcalo.io.keeper import Keeper
from hpcalo.parallel.rounds import Rounds


def after(pause: float, real: Callable[..., Any]) -> Callable[..., Any]:
    def late(*arguments: Any) -> Any:
        time.sleep(pause)
        return real(*arguments)

    return late


if __name__ == "__main__":
    seconds = float(sys.argv[1])
    Keeper.check, Rounds.meeting = after(seconds, Keeper.check), after(seconds, Rounds.meeting)  # type: ignore[method-assign]
    main(sys.argv[2:])
