"""Reading HDF5 that may be damaged or hostile: every step checked, every mistake one ModelError line."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import InputError, ModelError, one_line
from hpcalo.io.reading import open_to_read

MAX_BYTES = 16 * 2**30
"""Limit for all arrays of a model together, unpacked: more does not fit a rank, and damaged headers announce more."""
MAX_TEXTS = 100_000
MAX_ATTRIBUTE = 1000


class CheckedFile:
    """An HDF5 file of this program, opened for reading: `with CheckedFile(path, format, version) as file`.

    All methods raise ModelError naming the file and the item.
    """

    def __init__(self, path: Path, form: str, version: int, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self.left = max_bytes
        self._form, self._version = form, version

    def __enter__(self) -> CheckedFile:
        try:
            if self.path.is_dir():
                raise ModelError(f"{self.path}: is a folder; expected a model file")
            if not self.path.exists():
                raise ModelError(f"{self.path}: not found")
            self._file = open_to_read(self.path)
        except InputError as problem:
            raise ModelError(str(problem)) from None
        except (OSError, ValueError) as problem:  # ValueError: a zero byte in the name
            if isinstance(problem, OSError) and problem.filename is not None:
                raise ModelError(f"{self.path}: cannot be read: {problem.strerror}") from None
            raise ModelError(f"{self.path}: is not an intact model file: {one_line(problem)[:120]}") from None
        try:
            self._check_format()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _check_format(self) -> None:
        found = self.text_attribute("/", "format", missing="")
        if found != self._form:
            what = f"its format is '{found[:30]}'" if found else "it has no attribute format"
            raise ModelError(f"{self.path}: not a '{self._form}' file: {what} (see hpcalo convert)")
        version = self.float_attribute("/", "version")
        if version != self._version:
            raise ModelError(
                f"{self.path}: version {version:g}, but this program reads version {self._version}: convert it again"
            )

    def fail(self, name: str, text: object) -> ModelError:
        """The error with file and item named."""
        return ModelError(f"{self.path}: {name.lstrip('/') or '(top)'}: {one_line(text)[:160]}")

    def _dataset(self, name: str) -> h5py.Dataset:
        try:
            item = self._file.get(name)
        except Exception as problem:  # h5py maps the library's errors to many kinds
            raise self.fail(name, f"cannot be read: {problem}") from None
        if not isinstance(item, h5py.Dataset):
            raise self.fail(name, "is missing")
        if item.is_virtual or item.external:
            raise self.fail(name, "keeps its data in another file")
        return item

    def has(self, name: str) -> bool:
        """Whether the file has this dataset or group."""
        try:
            return name in self._file
        except Exception as problem:
            raise self.fail(name, f"cannot be read: {problem}") from None

    def shape(self, name: str) -> tuple[int, ...]:
        """The declared shape, with at least one axis."""
        shape = self._dataset(name).shape
        if not shape:
            raise self.fail(name, "is a single value, expected an array")
        return tuple(int(n) for n in shape)

    def array(
        self, name: str, *, kinds: str = "f", shape: tuple[int, ...] | None = None, attribute: str | None = None
    ) -> NDArray:
        """A dataset, or an attribute of it, in memory: finite, of these NumPy kinds and this shape (−1: any length)."""
        label = name if attribute is None else f"{name.rstrip('/')}/{attribute}"
        if attribute is not None:
            value = np.asarray(self._attribute(name, attribute))
        else:
            item = self._dataset(name)
            self._check(label, item.dtype, tuple(item.shape or ()), kinds, shape)
            size = int(np.prod(item.shape, dtype=object)) * item.dtype.itemsize
            if size > self.left:
                raise self.fail(label, f"declares {size / 2**30:.3g} GiB: more than a model may have")
            self.left -= size
            try:
                value = item[()]
            except Exception as problem:
                raise self.fail(label, f"cannot be read: {problem}") from None
        self._check(label, value.dtype, value.shape, kinds, shape)
        if value.dtype.kind in "fc" and not np.isfinite(value).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
            raise self.fail(label, f"element {where} is not finite")
        return value

    def _check(
        self, label: str, dtype: np.dtype, found: tuple[int, ...], kinds: str, shape: tuple[int, ...] | None
    ) -> None:
        if dtype.kind not in kinds:
            raise self.fail(label, f"holds {dtype}, expected {' or '.join(_KINDS[k] for k in kinds)}")
        if shape is None:
            return
        if len(found) != len(shape) or any(e not in (-1, f) for f, e in zip(found, shape, strict=True)):
            raise self.fail(label, f"shape {found}, expected {shape}".replace("-1", "any"))

    def indices(self, name: str, limit: int) -> NDArray[np.int64]:
        """A list of integers from 0 to limit − 1."""
        value = self.array(name, kinds="iu", shape=(-1,)).astype(np.int64)
        if value.size and (value.min() < 0 or value.max() >= limit):
            raise self.fail(name, f"numbers from {value.min()} to {value.max()}, allowed: 0 to {limit - 1}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, empty if the file has none of that name."""
        if not self.has(name):
            return ()
        item = self._dataset(name)
        if h5py.check_string_dtype(item.dtype) is None and item.size:
            raise self.fail(name, f"holds {item.dtype}, expected texts")
        if item.size > MAX_TEXTS:
            raise self.fail(name, f"declares {item.size} texts: more than a model may have")
        try:
            return tuple(str(t) for t in item.asstr()[()].ravel()) if item.size else ()
        except Exception as problem:
            raise self.fail(name, f"cannot be read: {problem}") from None

    def has_attribute(self, name: str, attribute: str) -> bool:
        """Whether the item has this attribute."""
        try:
            return attribute in self._file[name].attrs
        except Exception as problem:
            raise self.fail(name, f"attribute {attribute} cannot be read: {problem}") from None

    def _attribute(self, name: str, attribute: str) -> Any:  # what h5py makes of it
        try:
            attrs = self._file[name].attrs
            count = int(np.prod(attrs.get_id(attribute).shape or (1,), dtype=object))
            if count > MAX_ATTRIBUTE:
                raise ValueError(f"{count} values announced")
            return attrs[attribute]
        except KeyError:
            raise self.fail(name, f"attribute {attribute} is missing") from None
        except Exception as problem:
            raise self.fail(name, f"attribute {attribute} cannot be read: {problem}") from None

    def text_attribute(self, name: str, attribute: str, missing: str | None = None) -> str:
        """A text attribute; `missing` is returned if there is none (None: that is an error)."""
        if missing is not None and not self.has_attribute(name, attribute):
            return missing
        value = self._attribute(name, attribute)
        if isinstance(value, bytes):  # text of fixed length
            value = value.decode("utf-8", "replace")
        if not isinstance(value, str):
            raise self.fail(name, f"attribute {attribute} is not a text")
        return value

    def float_attribute(self, name: str, attribute: str) -> float:
        """A finite number."""
        try:
            value = float(self._attribute(name, attribute))
        except (TypeError, ValueError):
            raise self.fail(name, f"attribute {attribute} is not a number") from None
        if not np.isfinite(value):
            raise self.fail(name, f"attribute {attribute} is not finite")
        return value

    def optional_float(self, name: str, attribute: str) -> float | None:
        """A finite number, or None if the file does not give it."""
        return self.float_attribute(name, attribute) if self.has_attribute(name, attribute) else None


_KINDS = {"f": "real numbers", "c": "complex numbers", "i": "whole numbers", "u": "whole numbers", "b": "truth values"}
