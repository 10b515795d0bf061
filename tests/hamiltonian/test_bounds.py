"""Model files that would fill the memory or keep a reader waiting for ever are refused before anything is read."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from limits import processor_time

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.loading import load_model, section_for
from hpcalo.hamiltonian.readers.lcao_npz import read_lcao

BLOCK = 2**20


def header(shape: tuple[int, ...]) -> bytes:
    """Of an array of doubles, as NumPy writes it."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return file.getvalue()


def deflated(head: bytes, zeros: int) -> bytes:
    """The bytes and so many zeros; blocks of zeros are compressed once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    begin = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(BLOCK)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(bytes(zeros % BLOCK)) + packer.flush()
    return begin + block * (zeros // BLOCK) + rest


@pytest.mark.parametrize(
    ("shape", "zeros"),
    [((2**40,), 0), ((2**20, 2**20, 2**20), 64), ((1,), 320 * 2**20)],
    ids=["announced", "announced beyond 64 bits", "compressed"],
)
def test_arrays_too_large_for_their_file(tmp_path: Path, shape: tuple[int, ...], zeros: int) -> None:
    """8 TiB in a header, 8 EiB in another, 320 MiB of zeros in 330 kB."""
    path, head = tmp_path / "bomb.npz", header(shape)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lattice.npy", deflated(head, zeros))
        entry = archive.filelist[0]  # what the directory at the end of the file says counts
        entry.compress_type, entry.file_size = zipfile.ZIP_DEFLATED, len(head) + zeros
        entry.CRC = zlib.crc32(head + bytes(min(zeros, 64)))  # of the many, none may be read
    with processor_time(0.5), pytest.raises(ModelError, match=r"bomb.npz: unpacks to .* GiB"):
        read_lcao(path)


@pytest.mark.parametrize("name", ["m.npz", "m.h5", "m_hr.dat", "m_tb.dat", "m.scfout", "m.gpw"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / name
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with processor_time(0.5), pytest.raises(ModelError, match="is a folder" if kind == "folder" else "not a regular"):
        load_model(section_for(str(path), {}, "here"))
