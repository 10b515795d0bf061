"""Files that no seal vouches for: what the library would break down on, what would fill the memory, where they lead."""

from __future__ import annotations

import lzma
import os
import tarfile

import h5py
import numpy as np
import pytest
from inputs import SMALL
from limits import processor_time
from mpi4py import MPI

from hpcalo import app
from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.modelfile import read_model
from hpcalo.io.dataset import Slab, Variable
from hpcalo.io.description import describe
from hpcalo.io.hdf5 import read_dataset
from hpcalo.io.provenance import Provenance
from hpcalo.io.timeseries import Frame, TimeSeries


def result(path):
    file = h5py.File(path, "w")
    file.attrs["format"], file.attrs["format_version"] = "hpcalo result", 1
    return file


@pytest.mark.data
@pytest.mark.parametrize("name", ["frames-zeroed-block.h5.frames", "result-crash.h5", "v.h5.frames"])
def test_damage_that_breaks_the_library(tmp_path, shared, name):
    """Segmentation faults and a loop without end in HDF5 1.10.8: one line, and this process goes on."""
    path, damaged = tmp_path / name, shared / "cases" / "damaged"
    if name == "v.h5.frames":
        with tarfile.open(damaged / "restart-endless.tar.xz") as archive:
            path.write_bytes(archive.extractfile(name).read())
    else:
        path.write_bytes(lzma.decompress((damaged / f"{name}.xz").read_bytes()))
    for read in (describe, read_dataset):
        with pytest.raises(InputError, match="is damaged"):
            read(path)


@pytest.mark.data
@pytest.mark.mpi
def test_damage_is_told_on_all_ranks(comm, mpi_tmp_path, shared):
    """Under mpirun a new process, not a copy of a rank, breaks down on the model; all ranks say the same."""
    source, model = mpi_tmp_path / "a.toml", mpi_tmp_path / "m.h5"
    if comm.rank == 0:
        model.write_bytes(lzma.decompress((shared / "cases" / "damaged" / "result-crash.h5.xz").read_bytes()))
        source.write_text(SMALL.format(side=4).replace('builtin = "rashba"', 'file = "m.h5"'))
    comm.Barrier()
    with pytest.raises(ModelError, match=r"m\.h5: is damaged") as caught:
        app.run(comm, source, output=mpi_tmp_path / "a.h5", quiet=True)
    assert len(set(comm.allgather(str(caught.value)))) == 1
    comm.Barrier()


def test_announced_sizes(tmp_path):
    """4 GB of zeros in 4 MB, 1000 groups within each other, 5001 groups: none of it is unpacked or visited."""
    with result(tmp_path / "zeros.h5") as file:
        file.create_dataset("x", (2**29,), "f8", chunks=(2**23,), compression="gzip")
        file["x"].id.write_direct_chunk((0,), b"x" * 4_000_000)
    with result(tmp_path / "deep.h5") as file:
        group = file
        for _ in range(1000):
            group = group.create_group("g")
    with result(tmp_path / "many.h5") as file:
        for number in range(5001):
            file.create_group(f"g{number}")
    for name, words in {"zeros": "may unpack to", "deep": "nested more than", "many": "more than 5000"}.items():
        with processor_time(3.0), pytest.raises(InputError, match=words):
            describe(tmp_path / f"{name}.h5")


def test_other_files(tmp_path):
    """Links and data in other files, pipes and devices are refused at once, also by the reader of models."""
    with result(tmp_path / "link.h5") as file:
        file["x"] = h5py.ExternalLink("/etc/passwd", "/x")
    with result(tmp_path / "data.h5") as file:
        file.create_dataset("x", (4,), "u1", external=[("/etc/passwd", 0, 4)])
    os.mkfifo(tmp_path / "pipe.h5")
    for name, words in {"link.h5": "another file", "data.h5": "another file", "pipe.h5": "not a regular file"}.items():
        for read, error in ((describe, InputError), (read_dataset, InputError), (read_model, ModelError)):
            with pytest.raises(error, match=words):
                read(tmp_path / name)


def test_a_file_without_a_seal_says_so(tmp_path, capsys):
    with result(tmp_path / "a.h5") as file:
        file["x"] = np.arange(3.0)
    read_dataset(tmp_path / "a.h5")
    assert "a.h5: has no checksum" in capsys.readouterr().err


def series(path, frames=4):
    file = TimeSeries(path, MPI.COMM_SELF)
    x = [Variable("x", ("x",), np.arange(5.0), "nm")]
    file.create(x, lengths={"time": 6}, provenance=Provenance(), attrs={"engine": "wall"}, counters=["steps"])
    for n in range(frames):
        field = Variable("m", ("x",), Slab((5,), 0, np.sin(np.arange(5.0) + n)))
        state = [Variable("m_now", ("x",), Slab((5,), 0, np.full(5, float(n))))]
        file.append([Frame("time", float(n), (field, Variable("e", (), float(n))))], state, {"steps": n})
    return file


def test_damaged_frames_are_found(tmp_path):
    """Every byte before the checkpoint counts, those that describe the file included; entries after it do not."""
    path = tmp_path / "a.h5.frames"
    file = series(path)
    kept, counts = file.checksums(), {"time": 3}
    whole = path.read_bytes()
    TimeSeries(path, MPI.COMM_SELF).reopen(file.counts, kept)
    places = {name: (p.offset, p.nbytes) for name, p in file._locations.items()}
    later = places["m"][0] + 4 * 5 * 8, places["m"][0] + places["m"][1]
    state = [(offset, offset + size) for name, (offset, size) in places.items() if name.startswith("state/")]
    free = [later, *state, *((places[n][0] + 32, places[n][0] + 48) for n in ("e", "time"))]
    del counts
    random = np.random.default_rng(5)
    for at in random.choice(len(whole), 60, replace=False).tolist():
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        again = TimeSeries(path, MPI.COMM_SELF)
        if any(begin <= at < end for begin, end in free):
            again.reopen(file.counts, kept)
        else:
            with pytest.raises(Exception, match="is damaged"):
                again.reopen(file.counts, kept)


def test_frames_of_a_run_that_was_ending(tmp_path):
    """Killed between its last attributes and its name: it goes on; its entries are compared all the same."""
    path = tmp_path / "a.h5.frames"
    file = series(path)
    kept = file.checksums()
    file.finish({"steps": 4}, ["something happened"])
    again = TimeSeries(path, MPI.COMM_SELF)
    again.reopen(file.counts, kept)
    assert again.checksums()["sums"] == kept["sums"]
    place = again._locations["m"]
    with path.open("r+b") as raw:
        raw.seek(place.offset + 8)
        raw.write(b"\x01")
    with pytest.raises(Exception, match="m is not what the run has written"):
        TimeSeries(path, MPI.COMM_SELF).reopen(file.counts, kept)
