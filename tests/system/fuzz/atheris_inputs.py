"""Coverage-guided fuzzing of the readers: input files (toml), Wannier90 texts (wannier90), model files (hdf5).

Not part of the test suite: it needs the package `atheris`, in an environment that has hpcalo too, and runs until it is
stopped or finds a failure. What a reader may do is what `tests/system/fuzz/conftest.py` says: take the input, or refuse
it in one line of an HpcaloError. Everything else ends the run, and libFuzzer writes the input into a file `crash-…`.

    pip install atheris
    python tests/system/fuzz/atheris_inputs.py toml -max_total_time=120
    python tests/system/fuzz/atheris_inputs.py wannier90 -max_total_time=120 -rss_limit_mb=4096
    python tests/system/fuzz/atheris_inputs.py hdf5 -max_total_time=120
    python tests/system/fuzz/atheris_inputs.py toml crash-…            one input again

Options after the target are libFuzzer's; a folder among them keeps the inputs that reached something new. Seeds are the
files in `input/` and small models that are written first. Model files are fuzzed without their seal, so that the HDF5
library reads them: its own breakdowns (SIGSEGV within libhdf5) are none of ours.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

try:
    import atheris
except ImportError:
    if __name__ == "__main__":
        sys.stderr.write("atheris_inputs.py: skipped: the package atheris is not here (pip install atheris)\n")
        sys.exit(0)
    raise

REPOSITORY = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(REPOSITORY / "tests" / "lib")]

with atheris.instrument_imports(include=["hpcalo.config", "hpcalo.hamiltonian", "hpcalo.io", "hpcalo.app"]):
    import numpy as np
    from wannier_files import write_hr, write_tb, write_win

    from hpcalo.app import load_input, output_of
    from hpcalo.errors import HpcaloError, one_line
    from hpcalo.hamiltonian.builtin import ferromagnet
    from hpcalo.hamiltonian.modelfile import read_model, write_model
    from hpcalo.hamiltonian.readers.wannier90.assemble import read_wannier90
    from hpcalo.hamiltonian.readers.wannier90.files import WannierOptions
    from hpcalo.io.seal import unseal

MODEL = ferromagnet(orbitals=2)


def finite(model: object) -> None:
    """A model that was taken has numbers in it."""
    for name, value in vars(model).items():
        if isinstance(value, np.ndarray) and not np.isfinite(value).all():
            raise AssertionError(f"{name} is not finite")


def toml(folder: Path) -> tuple[list[bytes], Callable[[bytes], None]]:
    """Input files as they are read, before anything is computed."""
    path = folder / "x.toml"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        _, settings = load_input(path)
        output_of(settings, path, None)

    return [source.read_bytes() for source in sorted((REPOSITORY / "input").glob("*.toml"))], read


def wannier90(folder: Path) -> tuple[list[bytes], Callable[[bytes], None]]:
    """The first byte chooses the file that is spoilt: _tb.dat, _hr.dat or .win."""
    write_tb(folder / "x_tb.dat", MODEL)
    write_hr(folder / "x_hr.dat", MODEL)
    write_win(folder / "x.win", MODEL)
    whole = {name: (folder / name).read_bytes() for name in ("x_tb.dat", "x_hr.dat", "x.win")}
    names = list(whole)

    def read(data: bytes) -> None:
        name = names[data[0] % len(names)] if data else names[0]
        for other, content in whole.items():
            (folder / other).write_bytes(data[1:] if other == name else content)
        form = "hr" if name == "x_hr.dat" else "tb"
        finite(read_wannier90(folder / "x", WannierOptions(format=form, spin="blocks")))

    return [bytes([number]) + whole[name] for number, name in enumerate(names)], read


def hdf5(folder: Path) -> tuple[list[bytes], Callable[[bytes], None]]:
    """Model files without their seal."""
    path = folder / "x.h5"
    write_model(path, MODEL)
    unseal(path)

    def read(data: bytes) -> None:
        path.write_bytes(data)
        finite(read_model(path))

    return [path.read_bytes()], read


TARGETS = {"toml": toml, "wannier90": wannier90, "hdf5": hdf5}


def main() -> None:
    """Starts libFuzzer on the target that the command line names."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"atheris_inputs.py: which target? {', '.join(TARGETS)}")
    with tempfile.TemporaryDirectory() as name:
        work, seeds = Path(name) / "work", Path(name) / "seeds"
        work.mkdir()
        seeds.mkdir()
        starts, read = TARGETS[sys.argv[1]](work)
        for number, content in enumerate(starts):
            (seeds / str(number)).write_bytes(content)

        def one(data: bytes) -> None:
            try:
                read(data)
            except HpcaloError as problem:
                text = str(problem)
                if text != one_line(text) or not 5 < len(text) < 900:
                    raise AssertionError(f"not a readable line: {text!r}") from problem

        given = sys.argv[2:]
        again = any(Path(word).is_file() for word in given)
        longest = max(map(len, starts)) * 2
        places = [] if again else [str(seeds)]
        atheris.Setup([sys.argv[0], f"-max_len={longest}", "-timeout=20", *given, *places], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
