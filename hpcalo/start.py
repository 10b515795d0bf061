"""Where the command `hpcalo` begins: it listens for signals before anything that takes time to load."""

from hpcalo.parallel.early import listen


def main() -> None:
    """Runs the program; ends the process with the documented exit code."""
    listen()
    from hpcalo.__main__ import main as program  # noqa: PLC0415

    program()
