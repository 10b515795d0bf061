"""A checksum at the end of an HDF5 file, so that damage is reported before the HDF5 library trips over it.

HDF5 ignores bytes after its own end of file, so any other program reads a sealed file as before; one that changes the
file cuts the seal off. A file without a seal is not checked.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from hpcalo.errors import InputError

MAGIC = b"\x89HDF\r\n\x1a\n"
HEAD = b"\nhpcalo-sha256:"
LENGTH = len(HEAD) + 64 + 1
LARGEST = 2**32  # bytes; hashing a larger file takes longer than anyone wants to wait for a look into it


def seal(path: Path) -> None:
    """Appends the checksum if it is an HDF5 file of moderate size. Raises OSError."""
    with open(path, "r+b") as file:
        if file.read(len(MAGIC)) != MAGIC or os.fstat(file.fileno()).st_size > LARGEST:
            return
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0, os.SEEK_END)
        file.write(HEAD + digest.encode() + b"\n")


def unseal(path: Path) -> None:
    """Cuts the checksum off a file that is going to be changed. Raises OSError."""
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.seek(max(0, size - LENGTH))
        if file.read(LENGTH).startswith(HEAD):
            os.truncate(file.fileno(), size - LENGTH)


def verify(path: Path) -> bool:
    """Whether the file has a seal. Raises InputError if that does not fit, OSError if the file cannot be read."""
    size = path.stat().st_size
    if not LENGTH < size <= LARGEST + LENGTH:
        return False
    with open(path, "rb") as file:
        file.seek(size - LENGTH)
        trailer = file.read(LENGTH)
        if not trailer.startswith(HEAD):
            return False
        file.seek(0)
        digest, rest = hashlib.sha256(), size - LENGTH
        while rest and (block := file.read(min(rest, 2**20))):
            digest.update(block)
            rest -= len(block)
    if trailer != HEAD + digest.hexdigest().encode() + b"\n":
        raise InputError(f"{path}: is damaged: its checksum does not match")
    return True


def checksum(path: Path) -> str:
    """The SHA-256 that the file's seal states, "" without a seal. Raises OSError."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - LENGTH))
        trailer = file.read(LENGTH)
    return trailer[len(HEAD) :].decode("ascii", "replace").strip() if trailer.startswith(HEAD) else ""
