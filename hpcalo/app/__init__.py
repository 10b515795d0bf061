"""The data path from the outside: input file → the engine it asks for → result, picture.

`hpcalo.kubo.run` and `hpcalo.wall.run` each hold their engine's path on one page. Modules that are slow to
load are imported where they are used, so that `hpcalo --help` and a misspelt key are quick.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpcalo.config.reader import apply_overrides, read_toml, validate
from hpcalo.errors import CheckpointError, InputError, nearest

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm
    from pydantic import BaseModel

    from hpcalo.io.checkpoint import Checkpoint

ENGINES = ("kubo", "wall")
RUNS = {"kubo": "hpcalo.kubo.run", "wall": "hpcalo.coupling.run"}
PICTURES = (".png", ".pdf", ".svg", ".gif", ".mp4")
MOVIES = (".gif", ".mp4")
PAGES = (".html", ".htm")


def load_input(source: Path, overrides: Sequence[str] = ()) -> tuple[str, BaseModel]:
    """Engine name and typed input of a TOML file. Serial. Raises InputError, naming the first mistake."""
    data = apply_overrides(read_toml(source), overrides)
    engine = _engine_of(data, source)
    schema = getattr(import_module(f"hpcalo.{engine}.config"), f"{engine.capitalize()}Input")
    return engine, validate(schema, data, str(source))


def output_of(settings: BaseModel, source: Path, given: Path | None) -> Path:
    """Where the result goes: `--output`, else the input's `output.file`, else the input's name with `.h5`, here.

    A name from inside an input file must stay below the current folder. Raises InputError.
    """
    if given is not None:
        return given
    name = getattr(getattr(settings, "output", None), "file", None)
    if not name:
        return Path(source.name).with_suffix(".h5")
    path = Path(name)
    if path.is_absolute() or not path.resolve().is_relative_to(Path.cwd().resolve()):
        raise InputError(f"{source}: output.file: {path}: lies outside the current folder; use --output to write there")
    return path


def frames_of(result: Path) -> Path:
    """Where a run in time keeps its frames until it is complete."""
    return result.with_name(f"{result.name}.frames")


def refuse_own_input(path: Path, source: Path, settings: BaseModel) -> None:
    """Raises InputError if the result would replace a file the run reads: `--force` does not mean that. Serial."""
    model, wall = getattr(settings, "model", None), getattr(settings, "wall", None)
    names = [getattr(model, name, None) for name in ("file", "lcao", "position_file")]
    read = [source, *(source.parent / name for name in names if name)]
    kubo, sweep = getattr(settings, "electronic_structure", None), getattr(settings, "sweep", None)
    others = [getattr(wall, "continue_from", None), getattr(kubo, "result", None)]
    if sweep is not None and sweep.key in {"wall.continue_from", "electronic_structure.result"}:
        others += sweep.values
    read += [source.parent / str(name) for name in others if name]
    if seed := getattr(model, "wannier90", None):
        read += [source.parent / f"{seed}{end}" for end in ("_tb.dat", "_hr.dat", "_wsvec.dat", ".win", ".chk", ".spn")]
    for file in read:
        with suppress(OSError, ValueError):
            if path.samefile(file):
                raise InputError(f"{path}: is read by this run and cannot be its output")


def run(
    comm: Intracomm,
    source: Path,
    *,
    output: Path | None = None,
    force: bool = False,
    quiet: bool = False,
    dry_run: bool = False,
    overrides: tuple[str, ...] = (),
) -> str:
    """Runs an input file, or with `dry_run` only estimates it; returns the last line for the user.

    Collective. Raises HpcaloErrors on all ranks.
    """
    from hpcalo.io.environment import check_environment  # noqa: PLC0415
    from hpcalo.io.files import check_output, prepare_output  # noqa: PLC0415
    from hpcalo.io.provenance import remember  # noqa: PLC0415
    from hpcalo.parallel.guard import on_root, together  # noqa: PLC0415
    from hpcalo.parallel.signals import end_if_asked  # noqa: PLC0415
    from hpcalo.parallel.threads import limit_threads  # noqa: PLC0415

    with together(comm):
        check_environment(comm)
        limit_threads()

    def read() -> tuple[str, BaseModel, Path]:
        engine, settings = load_input(source, overrides)
        path = output_of(settings, source, output)
        refuse_own_input(path, source, settings)
        if dry_run:
            check_output(path, force=force)
            refuse_unfinished(path, force=force)
        remember(source)
        return engine, settings, path

    engine, settings, path = on_root(comm, read)
    with together(comm):  # on all ranks: libraries that an engine loads start together (PETSc)
        module = import_module(RUNS[engine])
        check_environment(comm)
    if dry_run:
        return on_root(comm, lambda: check_settings(engine, settings, source, comm.size))
    end_if_asked(comm, "before anything was computed: run it again")
    with prepare_output(path, comm, force=force):
        on_root(comm, lambda: refuse_unfinished(path, force=force, forget=True))
        getattr(module, f"run_{engine}")(
            settings, comm, source=source, output=path, force=force, quiet=quiet, overrides=overrides
        )
    return f"result: {path}"


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
    from hpcalo.parallel.signals import end_if_asked  # noqa: PLC0415
    from hpcalo.parallel.threads import limit_threads  # noqa: PLC0415

    with together(comm):
        check_environment(comm)
        limit_threads()
    state: list[checkpoint.Checkpoint] = []

    def find() -> tuple[str, BaseModel, Path, tuple[str, ...]]:
        found = checkpoint.read(result)
        state.append(found)
        for remark in found.remarks:
            tell(comm, f"hpcalo: warning: {remark}")
        if missing := {"resolved_input", "engine", "source"} - set(found.texts):
            raise CheckpointError(f"{found.path}: has no {sorted(missing)[0]}")
        if odd := [name for name, text in found.texts.items() if "\0" in text]:
            raise CheckpointError(f"{found.path}: its {odd[0]} holds a zero byte")
        try:
            data = tomllib.loads(found.texts["resolved_input"])
        except tomllib.TOMLDecodeError as problem:
            raise CheckpointError(f"{found.path}: its input cannot be read: {problem}") from None
        engine = found.texts["engine"]
        if engine not in ENGINES:
            raise CheckpointError(f"{found.path}: is of an engine '{engine}' that this program does not have")
        schema = getattr(import_module(f"hpcalo.{engine}.config"), f"{engine.capitalize()}Input")
        overrides = tuple(text for text in found.texts.get("overrides", "").split("\n") if text)
        return engine, validate(schema, data, str(found.path)), Path(found.texts["source"]), overrides

    engine, settings, source, overrides = on_root(comm, find)
    if not force and on_root(comm, lambda: _is_finished(result, state[0])):
        with prepare_output(result, comm, force=True):  # removes what the killed run has left besides
            on_root(comm, lambda: _remove_unfinished(result))
        return f"result: {result} (was complete already)"
    end_if_asked(comm, f"before it went on; 'hpcalo restart {result}' continues")
    with prepare_output(result, comm, force=force):
        module = import_module(RUNS[engine])
        getattr(module, f"run_{engine}")(
            settings,
            comm,
            source=source,
            output=result,
            force=force,
            quiet=quiet,
            overrides=overrides,
            resume=state[0] if state else None,
        )
    return f"result: {result}"


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


def check(source: Path, overrides: Sequence[str] = (), ranks: int = 1) -> str:
    """Validates an input file and estimates the run. Serial; starts no MPI. Raises InputError, ModelError."""
    engine, settings = load_input(source, overrides)
    output_of(settings, source, None)
    return check_settings(engine, settings, source, ranks)


def refuse_unfinished(path: Path, *, force: bool, forget: bool = False) -> None:
    """Raises CheckpointError if an unfinished run of this output can be continued and would be lost; with force and
    `forget` removes it. Serial; to forget needs the output's lock.
    """
    from hpcalo.io import checkpoint  # noqa: PLC0415

    if force and forget:
        _remove_unfinished(path)
    elif not force and checkpoint.exists(path):
        raise CheckpointError(
            f"{path}: an earlier run left a checkpoint; 'hpcalo restart {path}' continues it, --force starts anew"
        )


def _remove_unfinished(result: Path) -> None:
    """Removes all that an unfinished run keeps beside its result. Serial; needs the output's lock."""
    from hpcalo.io import checkpoint  # noqa: PLC0415

    checkpoint.remove(result)
    with suppress(OSError):
        frames_of(result).unlink()


def check_settings(engine: str, settings: BaseModel, source: Path, ranks: int) -> str:
    """The engine's estimate for these settings, as text. Serial."""
    module = import_module(RUNS[engine])
    return str(getattr(module, f"check_{engine}")(settings, source=source, ranks=ranks))


def plot(results: Sequence[Path], *, output: Path | None, force: bool, quantities: tuple[str, ...] = ()) -> Path:
    """Draws results of one engine into a picture and returns its path. Serial. Raises InputError, OutputError."""
    from hpcalo.io.files import check_output  # noqa: PLC0415
    from hpcalo.io.hdf5 import read_dataset  # noqa: PLC0415
    from hpcalo.io.plausible import changed_files_explain  # noqa: PLC0415

    path = output or Path(results[0].name).with_suffix(".png")
    if path.suffix.lower() not in PICTURES:
        raise InputError(
            f"{path}: a picture's name ends with {', '.join(PICTURES)}{nearest(path.suffix.lower(), PICTURES)}"
        )
    check_output(path, force=force)
    read = [read_dataset(result) for result in results]
    engines = {str(result.attrs.get("engine", "")) for result in read}
    if len(engines) != 1 or (engine := engines.pop()) not in ENGINES:
        raise InputError(
            f"{', '.join(map(str, results))}: are not all results of one engine, and cannot share a picture"
        )
    module = import_module(f"hpcalo.{engine}.plot.figure")
    kind = path.suffix.lower()
    with changed_files_explain(results, "drawn"):
        if kind in MOVIES:
            if engine != "wall" or quantities:
                raise InputError(f"{path}: an animation is of a run of the wall as a whole; choose another ending")
            from hpcalo.plotting import movie  # noqa: PLC0415

            movie.check(kind)
            pictures = module.animate(read)
            _publish(path, force, lambda part: movie.save(pictures, part, kind))
        else:
            figure = module.draw(read, quantities)
            _publish(path, force, lambda part: figure.savefig(part, format=kind[1:]))
    return path


def report(result: Path, *, output: Path | None = None, force: bool = False) -> Path:
    """Writes the HTML page about a result and returns its path. Serial. Raises InputError, OutputError."""
    from hpcalo.io.files import check_output  # noqa: PLC0415
    from hpcalo.io.hdf5 import read_dataset  # noqa: PLC0415
    from hpcalo.io.plausible import changed_files_explain  # noqa: PLC0415

    path = output or Path(result.name).with_suffix(".html")
    if path.suffix.lower() not in PAGES:
        raise InputError(f"{path}: a report's name ends with {' or '.join(PAGES)}")
    check_output(path, force=force)
    read = read_dataset(result)
    from hpcalo.app.page import render  # noqa: PLC0415

    with changed_files_explain([result], "reported on"):
        text = render(read)
    _publish(path, force, lambda part: part.write_text(text, encoding="utf-8"))
    return path


def _publish(path: Path, force: bool, write: Callable[[Path], object]) -> None:
    """A file that appears under its name only when it is whole. Serial. Raises OutputError."""
    from hpcalo.io.files import atomic_write  # noqa: PLC0415

    with atomic_write(path, force=force) as part:
        write(part)


def _engine_of(data: dict[str, Any], source: Path) -> str:
    present = [name for name in ENGINES if name in data]
    if len(present) == 1:
        return present[0]
    if present:
        raise InputError(f"{source}: has a [kubo] and a [wall] table; an input file has one of them")
    hint = next((text for key in data if (text := nearest(key, ENGINES))), "")
    raise InputError(f"{source}: has neither a [kubo] nor a [wall] table{hint}")
