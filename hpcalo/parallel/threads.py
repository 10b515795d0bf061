"""BLAS and OpenMP threads: one a rank unless HPCALO_THREADS says otherwise, for ranks already fill the cores."""

from __future__ import annotations

import os

from hpcalo.errors import InputError

VARIABLE = "HPCALO_THREADS"
LIBRARY_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")


def requested_threads() -> int:
    """Threads per rank. Raises InputError if HPCALO_THREADS is not a positive whole number."""
    text = os.environ.get(VARIABLE, "1").strip()
    if not text.isdigit() or not 1 <= int(text) <= 4096:
        raise InputError(f"{VARIABLE}={text}: expected a number of threads per rank, 1 or more")
    return int(text)


def preset_threads() -> None:
    """Tells thread libraries that are not loaded yet how many threads to start. Raises InputError."""
    for name in LIBRARY_VARIABLES:
        os.environ[name] = str(requested_threads())


def limit_threads() -> int:
    """Limits the thread libraries, those that are loaded already and those to come (SciPy has a BLAS of its own)."""
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    preset_threads()
    threads = requested_threads()
    threadpool_limits(limits=threads)
    return threads


def thread_report() -> list[str]:
    """One line per thread library in this process: name, version, threads, file."""
    from threadpoolctl import threadpool_info  # noqa: PLC0415

    return [_line(library) for library in threadpool_info()]


def _line(library: dict[str, object]) -> str:
    version = library.get("version") or "?"
    threads = library["num_threads"]
    return f"{library['internal_api']} {version}: {threads} thread{'s' * (threads != 1)} ({library['filepath']})"
