"""Whether the sizes that an HDF5 file announces can be true: checked before memory is allocated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import h5py

from hpcalo.errors import HpcaloError, InputError, one_line
from hpcalo.io.seal import checksum

if TYPE_CHECKING:
    from hpcalo.io.dataset import Variable

RATIO = 1100  # deflate makes nothing smaller than 1032 times
FREE = 2**28  # bytes that all arrays of a file may announce beyond what is stored of them (fill values)
MAX_TEXTS = 10**6


class Plausible:
    """Checks the datasets of one file, one after the other. Raises ValueError for what cannot be true."""

    def __init__(self) -> None:
        self.left = FREE

    def check(self, name: str, dataset: h5py.Dataset) -> None:
        """Checks that the values are in this file, of a type that results have, and no more than the file can hold."""
        if dataset.is_virtual or dataset.external:
            raise ValueError(f"{name} keeps its data in another file")
        if dataset.shape is None:
            raise ValueError(f"{name} is empty")
        count = 1
        for extent in dataset.shape:
            count *= int(extent)
        if h5py.check_string_dtype(dataset.dtype) is not None:
            if count > MAX_TEXTS:
                raise ValueError(f"{name} announces {count} texts")
        elif dataset.dtype.kind not in "fiubc" or dataset.dtype.itemsize > 16:
            raise ValueError(f"{name} holds {one_line(dataset.dtype)[:40]}, which results do not have")
        size = count * max(dataset.dtype.itemsize, 8)  # integers are often converted to floating-point numbers
        self.left -= max(0, size - RATIO * int(dataset.id.get_storage_size()))
        if self.left < 0:
            raise ValueError(f"{name} announces {size / 2**30:.3g} GiB, which are not in the file")


def check_axes(variables: Mapping[str, Variable], coordinates: Mapping[str, Variable]) -> None:
    """Raises ValueError if axes of the same name have different lengths."""
    lengths: dict[str, int] = {}
    for variable in [*coordinates.values(), *variables.values()]:
        if len(set(variable.dims)) != len(variable.dims):
            raise ValueError(f"{variable.name} has two axes of the same name")
        for dim, length in zip(variable.dims, variable.shape, strict=True):
            if not dim.startswith("axis_") and lengths.setdefault(dim, length) != length:
                raise ValueError(f"axis {dim} has length {length} in {variable.name}, elsewhere {lengths[dim]}")


@contextmanager
def changed_files_explain(paths: Sequence[Path], what: str) -> Iterator[None]:
    """Surrounds the use of results. If one of them has lost its seal, an unexpected exception is the file's fault.

    Such a file was changed by another program, or is incomplete. Raises InputError: the file cannot be `what`
    ("drawn").
    """
    try:
        yield
    except HpcaloError:
        raise
    except Exception as problem:
        if not (changed := [path for path in paths if not _sealed(path)]):
            raise
        text = one_line(f"{type(problem).__name__}: {problem}")[:160]
        raise InputError(
            f"{changed[0]}: cannot be {what}: it was changed after hpcalo wrote it, or is incomplete ({text})"
        ) from problem


def _sealed(path: Path) -> bool:
    try:
        return bool(checksum(path))
    except OSError:
        return False
