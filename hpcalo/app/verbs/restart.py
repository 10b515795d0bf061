"""`hpcalo restart`: an unfinished run goes on from the checkpoint beside its result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hpcalo.app.compute import compute
from hpcalo.app.engines import ENGINES, engine
from hpcalo.app.outputs import remove_unfinished
from hpcalo.config.reader import validate
from hpcalo.engine import RunContext
from hpcalo.errors import CheckpointError, InputError

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm
    from pydantic import BaseModel

    from hpcalo.io.checkpoint import Checkpoint


def restart(comm: Intracomm, result: Path, *, quiet: bool = False, force: bool = False) -> str:
    """Continues an unfinished run from its newest whole checkpoint; returns the last line for the user.

    Collective. Needs only the result's name: the checkpoint beside it holds the complete input. Raises HpcaloErrors on
    all ranks.
    """
    from hpcalo.io import checkpoint  # noqa: PLC0415
    from hpcalo.io.environment import check_environment  # noqa: PLC0415
    from hpcalo.io.files import prepare_output  # noqa: PLC0415
    from hpcalo.parallel.guard import on_root, together  # noqa: PLC0415
    from hpcalo.parallel.progress import tell  # noqa: PLC0415
    from hpcalo.parallel.signals import end_if_requested  # noqa: PLC0415
    from hpcalo.parallel.threads import limit_threads  # noqa: PLC0415

    with together(comm):
        check_environment(comm)
        limit_threads()
    state: list[Checkpoint] = []

    def find() -> tuple[str, BaseModel, Path, tuple[str, ...]]:
        found = checkpoint.read(result)
        state.append(found)
        for remark in found.remarks:
            tell(comm, f"hpcalo: warning: {remark}")
        return _stored_input(found)

    name, settings, source, overrides = on_root(comm, find)
    if not force and on_root(comm, lambda: _is_finished(result, state[0])):
        with prepare_output(result, comm, force=True):  # removes what else the killed run has left
            on_root(comm, lambda: remove_unfinished(result))
        return f"result: {result} (already complete)"
    end_if_requested(comm, f"before it went on; 'hpcalo restart {result}' continues")
    with prepare_output(result, comm, force=force):
        with together(comm):
            engine(name).load()
        resume = state[0] if state else None
        compute(name, settings, RunContext(comm, source, result, force, quiet, overrides, resume))
    return f"result: {result}"


def _stored_input(found: Checkpoint) -> tuple[str, BaseModel, Path, tuple[str, ...]]:
    """Engine, settings, source and overrides of the run that wrote a checkpoint. Serial. Raises CheckpointError."""
    if missing := {"resolved_input", "engine", "source"} - set(found.texts):
        raise CheckpointError(f"{found.path}: has no {sorted(missing)[0]}")
    if odd := [name for name, text in found.texts.items() if "\0" in text]:
        raise CheckpointError(f"{found.path}: its {odd[0]} holds a zero byte")
    name = found.texts["engine"]
    if name not in ENGINES:
        raise CheckpointError(f"{found.path}: belongs to an engine '{name}' that this program does not have")
    overrides = tuple(text for text in found.texts.get("overrides", "").split("\n") if text)
    source = Path(found.texts["source"])
    return name, validate(engine(name).schema, found.settings, str(found.path), source.parent), source, overrides


def _is_finished(result: Path, found: Checkpoint) -> bool:
    """Whether the checkpoint is only the rest of a run that wrote its result and died before it tidied up. Serial."""
    from hpcalo.io.hdf5 import read_dataset  # noqa: PLC0415

    if found.path is None or not result.is_file():
        return False
    if result.stat().st_mtime_ns < found.path.stat().st_mtime_ns:
        return False
    try:
        written = read_dataset(result)
    except InputError:
        return False
    return written.texts.get("resolved_input") == found.texts["resolved_input"]
