"""One rank fails anywhere, or a number is not finite: all ranks end within seconds, with one line that says where."""

from __future__ import annotations

import json
from subprocess import CompletedProcess

from inputs import RASHBA
from program import one_complaint

# Cases one after the other in one job, as far as it goes: one that aborts the job is its last one. For each of the
# others a line on stdout: the exit codes of all ranks, and what they wrote on stderr.
PROGRAM = """
import io, json, sys
import numpy as np
from mpi4py import MPI
from hpcalo.kubo import run as kubo
from hpcalo.kubo.sums import passes as kubo_pass, plan as kubo_plan
from hpcalo.io import checkpoint
import h5py
from importlib import import_module

patched = []

def put(module, name, new):
    patched.append((module, name, getattr(module, name)))
    setattr(module, name, new)

def broken(module, name, call=1, error=None):
    real, left = getattr(module, name), [call]
    def fail(*arguments, **options):
        left[0] -= 1
        if mine and left[0] == 0:
            raise error or RuntimeError("broken on purpose")
        return real(*arguments, **options)
    put(module, name, fail)

def nan(module, name, call, value):
    real, left = getattr(module, name), [call]
    def spoil(*arguments, **options):
        answer = real(*arguments, **options)
        left[0] -= 1
        if mine and left[0] == 0:
            next(iter(answer.values())).flat[3] = value
        return answer
    put(module, name, spoil)

class Heard(io.StringIO):
    def write(self, text):
        sys.__stderr__.write(text)
        sys.__stderr__.flush()
        return super().write(text)

from hpcalo.parallel.rounds import Rounds
from hpcalo.__main__ import main
world = MPI.COMM_WORLD
for case in sys.argv[1:]:
  where, _, rank = case.partition("-")
  mine = world.rank == int(rank)
  failed = np.linalg.LinAlgError("Eigenvalues did not converge")
  if where == "input": broken(import_module("hpcalo.app.verbs.run"), "load_input")
  if where == "model": broken(kubo, "load_model")
  if where == "plan": broken(kubo_plan, "uniform_mesh")
  if where == "solver": broken(import_module("hpcalo.kubo.states.wannier"), "eigh", 2, failed)
  if where == "loop": broken(kubo_pass, "sum_block", 2)
  if where == "memory": broken(kubo_pass, "sum_block", 2, MemoryError())
  if where == "checkpoint": broken(checkpoint, "write", 2)
  if where == "collect": broken(kubo, "responses")
  if where == "writer": broken(h5py.Group, "create_dataset")
  if where == "rename": broken(__import__("hpcalo.io.files").io.files, "seal", 3)
  if where == "nan": nan(kubo_pass, "sum_block", 2, np.nan)
  if where == "inf": nan(kubo_pass, "sum_block", 2, -np.inf)
  if where == "huge": nan(kubo_pass, "sum_block", 2, 1e300)
  if where == "field":
    spread = kubo.spread
    def spoil(fields, comm):
        fields[0].data.flat[0] = np.nan
        return spread(fields, comm)
    put(kubo, "spread", spoil)
  if where in ("checkpoint", "rename"): put(Rounds, "meeting", lambda self: (True, False))
  sys.stderr = Heard()
  world.Barrier()
  try:
    main(["run", "r.toml", "-q", "--force", "-o", f"{where}.h5"])
    code = 0
  except SystemExit as end:
    code = end.code
  told = world.gather((code, sys.stderr.getvalue()))
  if world.rank == 0:
    print(json.dumps(list(zip(*told))), flush=True)
  for module, name, real in reversed(patched):
    setattr(module, name, real)
  patched.clear()
"""
PURPOSE = "broken on purpose"
CASES = [  # first those where all ranks end by themselves: they share a job
    ("input", 0, 70, PURPOSE),
    ("plan", 0, 70, PURPOSE),
    ("checkpoint", 0, 70, PURPOSE),
    ("writer", 0, 70, PURPOSE),
    ("field", 0, 4, "values are not finite, the first at "),
    ("solver", 2, 4, "]: Eigenvalues did not converge"),
    ("loop", 1, 70, PURPOSE),
    ("memory", 2, 8, "out of memory"),
    ("collect", 1, 70, PURPOSE),
    ("nan", 1, 4, "k-points ["),
    ("huge", 0, 4, "k-points ["),
]


def ends(launch, cases):
    """How each case ended: its exit code, the same on all ranks, and its errors. After a case that aborted its job the
    rest goes on in another one.
    """
    left = list(cases)
    while left:
        job = launch(3, "-c", PROGRAM, *left)
        lines = job.stderr.splitlines()
        for told in job.stdout.splitlines():
            codes, errors = json.loads(told)
            (code,) = set(codes)
            for line in "".join(errors).splitlines():
                lines.remove(line)
            yield CompletedProcess(left.pop(0), code, "", "".join(errors))
        if left:
            assert job.returncode != 0, job.stderr
            yield CompletedProcess(left.pop(0), job.returncode, "", "\n".join(lines))


def test_all_end_with_one_line(launch, tmp_path):
    text = RASHBA.format(quantities='"torkance", "conductivity"', energies="", side="40")
    (tmp_path / "r.toml").write_text(text)
    found = ends(launch, [f"{where}-{rank}" for where, rank, _, _ in CASES])
    for (where, rank, code, words), end in zip(CASES, found, strict=True):
        assert end.args == f"{where}-{rank}"
        one_complaint(end, code, words)
        assert not (tmp_path / f"{where}.h5").exists()
    assert not list(tmp_path.glob("*.part-*"))
