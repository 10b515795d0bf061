"""hpcalo from Python: open a result, load a model, compute without an input file or a result file.

    import hpcalo

    data = hpcalo.open("mnw001.h5")                      # an xarray.Dataset with named axes and units
    model = hpcalo.api.load_model("Fe_tb.dat", fermi_energy=12.6312)
    data = hpcalo.api.run({"kubo": {"quantities": ["anomalous_hall"], "k": {"grid": [16, 16, 16]}}}, model=model)

Needs xarray and h5netcdf. Settings have the keys and units of an input file. The result equals, attribute by attribute,
what the command line writes.
"""

from __future__ import annotations

import copy
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from pydantic import BaseModel

from hpcalo.app.compute import compute
from hpcalo.app.engines import engine
from hpcalo.app.inputs import typed
from hpcalo.app.verbs import check as checking
from hpcalo.app.verbs import convert as converting
from hpcalo.app.verbs import export as exporting
from hpcalo.app.verbs import plot as plotting
from hpcalo.app.verbs.report import report as write_report
from hpcalo.config.reader import read_toml
from hpcalo.engine import RunContext
from hpcalo.errors import InputError, Interrupted
from hpcalo.hamiltonian import loading, modelfile
from hpcalo.hamiltonian.readers.matrices import from_arrays
from hpcalo.hamiltonian.readers.pythtb import from_pythtb
from hpcalo.hamiltonian.readers.sisl_hamiltonian import from_sisl
from hpcalo.hamiltonian.types import Model
from hpcalo.io.hdf5 import FORMAT, PROVENANCE_GROUP, open_hdf5
from hpcalo.io.netcdf import COORDINATE_ROLE, ROLE, plain
from hpcalo.io.provenance import WARNINGS
from hpcalo.parallel.guard import on_root, together
from hpcalo.parallel.world import world

if TYPE_CHECKING:
    import xarray
    from mpi4py.MPI import Intracomm

__all__ = [
    "check", "convert", "export", "from_arrays", "from_pythtb", "from_sisl", "load_model", "open", "plot", "report",
    "run",
]  # fmt: skip

IN_PYTHON = "(python)"
"""What stands for the input file's name in messages and in the record."""


def open(path: str | os.PathLike[str]) -> xarray.Dataset:
    """A result file as an xarray.Dataset; arrays are read when they are used, `.load()` reads all of them.

    Axes are named and labelled, every variable has `units`, `long_name`, and where it applies `equation`,
    `sign_convention` and `parity_under_reversal_of_magnetization` among its `attrs`; an estimated error of X is the
    variable `X_error`, which the attribute `ancillary_variables` of X names. The complete input is in
    `attrs["resolved_input"]`, the warnings of the run in `attrs["warnings"]`, one per line. Raises InputError if the
    file is not a result, ImportError without xarray and h5netcdf.
    """
    xarray = _xarray()
    file = Path(path)
    with open_hdf5(file) as opened:
        kind = plain(opened.attrs.get("format", ""))
        if kind == modelfile.FORMAT:
            raise InputError(f"{file}: is a model, not a result; hpcalo.api.load_model reads it")
        if kind != FORMAT:
            raise InputError(f"{file}: is not an hpcalo result")
        group = opened.get(PROVENANCE_GROUP, {})
        texts = {name: str(group[name].asstr()[()]) for name in ("resolved_input", WARNINGS) if name in group}
    dataset = xarray.open_dataset(file, engine="h5netcdf", decode_times=False)
    dataset.attrs.update(texts)
    labels = [name for name, array in dataset.data_vars.items() if array.attrs.get(ROLE) == COORDINATE_ROLE]
    return dataset.set_coords(labels)


def load_model(source: str | os.PathLike[str], **options: object) -> Model:
    """A Hamiltonian from a file, or a built-in model by its name.

    A file is a model file (.h5), an atomic-orbital .npz, a Wannier90 file or seed, or one that sisl reads (.TSHS, .HSX,
    .nc, .fdf). Objects of sisl and PythTB: `from_sisl`, `from_pythtb`.

    `options` are keys of the input's table `[model]`, with its units: `fermi_energy`, `electrons`, `thickness`,
    `replicas`, `spin`, …; for a built-in model its parameters. Raises InputError, ModelError.

        load_model("mnw9.h5")      load_model("data/Fe_tb.dat", replicas=False)      load_model("rashba", exchange=0.5)
    """
    return loading.load_model(loading.section_for(os.fspath(source), options, "load_model"))


def convert(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    force: bool = False,
    symmetrize: float | None = None,
    **options: object,
) -> Model:
    """Writes a model file, as `hpcalo convert`, and returns the model.

    options: keys of the table `[model]`. symmetrize: make the model exactly symmetric unless H (eV) or spin deviate by
    more than this. Raises InputError, ModelError, OutputError.
    """
    path = None if output is None else Path(output)
    return converting.convert(Path(source), path, force=force, options=options, symmetrize=symmetrize)[1]


def check(source: str | os.PathLike[str], overrides: Sequence[str] = (), ranks: int = 1) -> str:
    """What `hpcalo check` says of an input file: whether it is valid, and the cost. Raises InputError, ModelError."""
    return checking.check(Path(source), overrides, ranks)


def plot(
    results: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str] | None = None,
    *,
    quantities: Sequence[str] = (),
    select: Mapping[str, str] | None = None,
    x: str = "",
    y: str = "",
    width: str = "",
    style: str = "",
    force: bool = False,
) -> Path:
    """Draws one or several result files, as `hpcalo plot` with these options, and returns the picture's path.

    Raises InputError, OutputError.
    """
    several = [results] if isinstance(results, str | os.PathLike) else results
    path = None if output is None else Path(output)
    choice = plotting.Choice(select or {}, x, y, width, style)
    files = [Path(one) for one in several]
    return plotting.plot(files, output=path, force=force, quantities=tuple(quantities), choice=choice)


def export(
    result: str | os.PathLike[str],
    to: str,
    quantities: Sequence[str] = (),
    *,
    output: str | os.PathLike[str] | None = None,
    along: str | None = None,
    select: Mapping[str, str] | None = None,
    force: bool = False,
) -> str:
    """Writes a result in another format ("csv", "vtkhdf", "xdmf", "ovf"), as `hpcalo export`, and says what it wrote.

    along: axis of the rows or frames. select: axis → entry. Raises InputError, OutputError.
    """
    path = None if output is None else Path(output)
    return exporting.export(Path(result), to, quantities, output=path, along=along, select=select, force=force)


def report(
    result: str | os.PathLike[str], output: str | os.PathLike[str] | None = None, *, force: bool = False
) -> Path:
    """Writes the HTML page about a result file, as `hpcalo report`, and returns its path.

    Raises InputError if the file is not a result, OutputError if the page cannot be written or exists (without force).
    """
    return write_report(Path(result), output=None if output is None else Path(output), force=force)


def run(
    settings: Mapping[str, object] | str | os.PathLike[str],
    comm: Intracomm | None = None,
    *,
    model: Model | None = None,
    overrides: tuple[str, ...] = (),
    quiet: bool = True,
) -> xarray.Dataset:
    """Computes and returns the result in memory.

    settings: the tables of an input file as nested dictionaries, or the path of an input file. model: a Hamiltonian
    that replaces the table `[model]` (Kubo runs). overrides: as `--set`, for example `("kubo.k.grid=[64,64,1]",)`.
    comm: the ranks that compute together, by default all ranks of the job; every one of them must call this function,
    and each gets the whole result. Paths in a dictionary are relative to the current folder. Call it from the main
    thread. Raises the errors of `hpcalo run`; Interrupted after Ctrl-C.
    """
    _xarray()
    own = comm is None
    ranks = world() if comm is None else comm
    try:
        source = Path(IN_PYTHON) if isinstance(settings, Mapping) else Path(settings)
        with _scratch(ranks) as folder:

            def read() -> tuple[str, BaseModel]:
                data = copy.deepcopy(dict(settings)) if isinstance(settings, Mapping) else read_toml(source)
                if model is not None:
                    modelfile.write_model(folder / "model.h5", model)
                    data["model"] = {"file": str((folder / "model.h5").absolute())}
                return typed(data, source, overrides)

            name, tables = on_root(ranks, read)
            with together(ranks):
                engine(name).load()
            context = RunContext(ranks, source, folder / "result.h5", quiet=quiet, overrides=overrides)
            try:
                compute(name, tables, context)
            except Interrupted as stop:
                raise Interrupted(str(stop).partition(";")[0]) from None  # what it saved goes with the folder
            return on_root(ranks, lambda: _loaded(folder / "result.h5"))
    finally:
        if own:
            ranks.Free()


def _loaded(path: Path) -> xarray.Dataset:
    with open(path) as dataset:
        return dataset.load()


@contextmanager
def _scratch(comm: Intracomm) -> Iterator[Path]:
    """A folder that all ranks see: one process takes the system's, several the current folder's file system."""
    place = None if comm.size == 1 else "."
    folder = on_root(comm, lambda: Path(tempfile.mkdtemp(prefix=".hpcalo-", dir=place)))
    try:
        yield folder
    finally:
        if comm.rank == 0:
            shutil.rmtree(folder, ignore_errors=True)


def _xarray() -> ModuleType:
    try:
        import h5netcdf  # noqa: F401, PLC0415  (xarray finds it by its name)
        import xarray  # noqa: PLC0415
    except ImportError as problem:
        raise ImportError(f"xarray and h5netcdf are needed ({problem}): pip install xarray h5netcdf") from None
    return xarray
