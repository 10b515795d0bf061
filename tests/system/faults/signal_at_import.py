"""Runs hpcalo and sends itself a signal at the moment when a chosen module begins to load; started by tests.

    python signal_at_import.py SIGNAL@MODULE[@RANK] … -- ARGUMENTS OF HPCALO

MODULE is the full name as the import system sees it. With a RANK only that rank of the launcher sends the signal.
Signals after the first wait until they no longer count as copies of the request before.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from hpcalo.parallel.early import SAME_REQUEST


class SignalAtImport:
    """Stands first among the finders of modules and finds nothing: the import goes on where the signal lets it."""

    def __init__(self, plan: list[str]) -> None:
        self._plan = [item.split("@") for item in plan]
        self._sent = 0

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Called by the import system for each module that is not loaded yet."""
        for number, module, *rank in [item for item in self._plan if item[1] == name]:
            self._plan.remove([number, module, *rank])
            if rank and rank[0] != os.environ.get("OMPI_COMM_WORLD_RANK"):
                continue
            if self._sent:
                time.sleep(1.2 * SAME_REQUEST)
            self._sent += 1
            os.kill(os.getpid(), signal.Signals[number])


split = sys.argv.index("--")
sys.meta_path.insert(0, SignalAtImport(sys.argv[1:split]))  # type: ignore[arg-type]
sys.argv[1:] = sys.argv[split + 1 :]

from hpcalo.start import main  # noqa: E402

main()
