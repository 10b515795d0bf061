"""The commands of the program, one module each; a module here is a command."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import click

from hpcalo import __version__

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
SHARED = "common"
"""The module that is no command."""


@click.group(context_settings=SETTINGS)
@click.version_option(__version__, prog_name="hpcalo")
def cli() -> None:
    """Spin caloritronics from the electronic structure to the moving domain wall, in parallel.

    \b
    hpcalo keys                               what an input file may contain
    hpcalo bands fe.h5, hpcalo maps fe.h5     look at a Hamiltonian before computing with it
    hpcalo check input/rashba.toml            is the input valid, and what will the run cost?
    hpcalo run input/rashba.toml              compute, on one process
    mpirun -n 4 hpcalo run input/mnw001.toml  compute, on four (on a cluster: srun)
    hpcalo info mnw001.h5                     what is in a result?
    hpcalo plot mnw001.h5                     draw it
    hpcalo report mnw001.h5                   a page with figures, checks, input, provenance
    hpcalo export mnw001.h5 --quantity …      a curve as CSV

    'hpcalo COMMAND --help' explains a command.
    """


for found in iter_modules(__path__):
    if found.name != SHARED:
        cli.add_command(getattr(import_module(f"{__name__}.{found.name}"), found.name))
