"""What an HDF5 file announces, counted before anything is read: objects, depth, sizes, and that all is in this file.

A seal says that a file is as it was written, not that its writer meant well: the bounds hold for sealed files, too.
"""

from __future__ import annotations

from collections.abc import Iterator

import h5py
import numpy as np

MOST_OBJECTS = 5000
MOST_ATTRIBUTES = 1000
"""Of one object."""
DEEPEST = 16
"""Groups within groups; results have two."""
FREE = 2**28
"""Bytes that all arrays of a file may take beyond what it stores of them (fill values)."""
RATIO = 100
"""How much larger than the file its compressed arrays may be: numbers of a computation shrink to a fifth, and matrices
that are nearly empty to some hundredths."""
MOST_TEXTS = 10**6
"""Texts in one dataset."""
BLOCK = 2**26
"""Bytes that are read in one piece."""


def survey(file: h5py.File, *, read: bool = False) -> None:
    """Walks through the file, and counts.

    read: also reads whatever the library has to decode, as the program would later: every attribute, texts, compressed
    chunks. Plain arrays need no decoding and are left alone.

    Raises ValueError, in a few words, for what is out of bounds or keeps its data in another file. Errors of the
    library while it reads are left for those who need the data. Serial.
    """
    most, total = FREE + RATIO * int(file.id.get_filesize()), 0
    for name, item in _objects(file):
        if isinstance(item, h5py.h5d.DatasetID):
            size = _size(name, item)
            total += size
            if total > most:
                raise ValueError(
                    f"{name} declares {size / 2**30:.3g} GiB, with all before it {total / 2**30:.3g} GiB: "
                    f"a file of its size may unpack to {most / 2**30:.3g} GiB"
                )
        if h5py.h5a.get_num_attrs(item) > MOST_ATTRIBUTES:
            raise ValueError(f"{name} has more than {MOST_ATTRIBUTES} attributes")
        if read:
            _read(item)


def _objects(file: h5py.File) -> Iterator[tuple[str, h5py.h5g.GroupID | h5py.h5d.DatasetID]]:
    """Every group and dataset once. Raises ValueError where there are too many, too deep, or in another file."""
    root = h5py.h5g.open(file.id, b"/")
    waiting = [("/", root, 0)]
    seen = {h5py.h5o.get_info(root).addr}
    links = 0
    while waiting:
        path, item, depth = waiting.pop()
        yield path, item
        if not isinstance(item, h5py.h5g.GroupID):
            continue
        for name in _links(path, item, MOST_OBJECTS - links):
            links += 1
            child = h5py.h5o.open(item, name)
            address = h5py.h5o.get_info(child).addr
            if address in seen or not isinstance(child, h5py.h5g.GroupID | h5py.h5d.DatasetID):
                continue
            seen.add(address)
            if depth == DEEPEST and isinstance(child, h5py.h5g.GroupID):
                raise ValueError(f"its groups are nested more than {DEEPEST} deep")
            waiting.append((f"{path.rstrip('/')}/{name.decode('utf-8', 'replace')}", child, depth + 1))


def _links(path: str, group: h5py.h5g.GroupID, room: int) -> list[bytes]:
    """Names of what lies in the group itself. Links by name within the file are left out: they lead to the same."""
    found: list[tuple[bytes, int]] = []

    def take(name: bytes, info: h5py.h5l.LinkInfo) -> bool | None:
        found.append((name, info.type))
        return True if len(found) > room else None

    group.links.iterate(take, info=True)
    if len(found) > room:
        raise ValueError(f"it has more than {MOST_OBJECTS} objects")
    for name, kind in found:
        if kind not in (h5py.h5l.TYPE_HARD, h5py.h5l.TYPE_SOFT):
            shown = f"{path.rstrip('/')}/{name.decode('utf-8', 'replace')}"
            raise ValueError(f"{shown} is a link to another file")
    return [name for name, kind in found if kind == h5py.h5l.TYPE_HARD]


def _size(name: str, item: h5py.h5d.DatasetID) -> int:
    """Bytes of the values in memory. Raises ValueError for texts without end and for data in another file."""
    settings = item.get_create_plist()
    if settings.get_layout() == h5py.h5d.VIRTUAL or settings.get_external_count():
        raise ValueError(f"{name} keeps its data in another file")
    count = 1
    for extent in item.shape:
        count *= int(extent)
    kind = item.get_type()
    if _has_parts(kind) and count > MOST_TEXTS:
        raise ValueError(f"{name} announces {count} texts")
    return count * max(kind.get_size(), 1)


def _has_parts(kind: h5py.h5t.TypeID) -> bool:
    """Whether values lie elsewhere in the file (texts, lists): the library follows a reference for each."""
    return bool(kind.detect_class(h5py.h5t.VLEN)) or (kind.get_class() == h5py.h5t.STRING and kind.is_variable_str())


def _read(item: h5py.h5g.GroupID | h5py.h5d.DatasetID) -> None:
    """Attributes, and values unless they are plain numbers in one piece. Errors of the library do not matter here."""
    dataset = h5py.Dataset(item) if isinstance(item, h5py.h5d.DatasetID) else None
    attributes = (h5py.Group(item) if dataset is None else dataset).attrs
    for number in range(h5py.h5a.get_num_attrs(item)):
        try:
            attribute = h5py.h5a.open(item, index=number)
            if int(np.prod(attribute.shape, dtype=object)) * attribute.get_type().get_size() <= BLOCK:
                _follow(item, attributes[attribute.name.decode("utf-8", "replace")])
        except Exception:
            continue
    if dataset is None:
        return
    try:
        plain = dataset.dtype.kind in "fiubc" and not _has_parts(dataset.id.get_type())
        if plain and dataset.chunks is None:
            return
        if dataset.chunks is None or dataset.size * dataset.dtype.itemsize <= BLOCK:
            dataset[()]
            return
        for selection in dataset.iter_chunks():
            dataset[selection]
    except Exception:
        return


def _follow(item: h5py.h5g.GroupID | h5py.h5d.DatasetID, value: object) -> None:
    """Looks at what an attribute refers to: axes are named so."""
    for part in np.ravel(np.asarray(value, dtype=object))[:64]:
        for reference in np.ravel(np.asarray(part, dtype=object))[:4]:
            if isinstance(reference, h5py.Reference) and reference:
                name = h5py.h5r.get_name(reference, item)
                h5py.h5r.dereference(reference, item)
                del name
