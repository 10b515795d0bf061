"""One rank's exception becomes every rank's end: one message, the right exit code, in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
from program import one_complaint

from hpcalo.errors import InputError, ModelError, short_paths
from hpcalo.parallel.failure import exit_code, message
from hpcalo.parallel.guard import RemoteFailure, on_root, raise_together, together

PROGRAM = Path(__file__).with_name("guard_program.py")

CASES = [
    ("before-collective", 2, "hpcalo: error: [rank 2] only here"),
    ("inside-computation", 2, "hpcalo: error: [rank 2] others are busy"),
    ("everywhere", 2, "hpcalo: error: the same everywhere"),
    ("two-ranks", 70, "hpcalo: internal error: [rank 1] ValueError: two of them (at guard_program.py:"),
    ("at-the-end", 70, "hpcalo: internal error: [rank 2] RuntimeError: late (at guard_program.py:"),
    ("together", 2, "hpcalo: error: found by one"),
    ("together-internal", 70, "hpcalo: internal error: [rank 2] ZeroDivisionError: a bug (at guard_program.py:"),
    ("root", 5, "hpcalo: error: cannot go there"),
    ("together-memory", 8, "hpcalo: error: [rank 2] out of memory (8 GiB)"),
    ("memory", 8, "hpcalo: error: [rank 0] out of memory"),
]


@pytest.mark.parametrize(("case", "code", "text"), CASES, ids=[c[0] for c in CASES])
def test_failure_ends_all_ranks_with_one_message(launch, case, code, text):
    result = launch(3, PROGRAM, case)
    assert one_complaint(result, code).startswith(text)


@pytest.mark.parametrize("case", ["nothing", "exit-zero"])
def test_success_is_silent(launch, case):
    result = launch(3, PROGRAM, case)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == ("done\n" if case == "nothing" else "")


def test_traceback_on_request(launch):
    result = launch(2, PROGRAM, "at-the-end", env={"HPCALO_TRACEBACK": "1"})
    assert result.stderr.count("Traceback (most recent call last)") == 1
    assert result.stderr.count("\nRuntimeError: late\n") == 1
    assert "guard_program.py" in result.stderr


def test_messages_are_one_line_and_codes_are_the_documented_ones():
    assert message(ModelError("a\n  b")) == "hpcalo: error: a b"
    assert message(InputError("x"), rank=3) == "hpcalo: error: [rank 3] x"
    assert message(KeyboardInterrupt()) == "hpcalo: interrupted"
    assert message(MemoryError("8 GiB")).startswith("hpcalo: error: out of memory (8 GiB)")
    assert [
        exit_code(e) for e in (ModelError(), KeyboardInterrupt(), ValueError(), SystemExit(4), SystemExit("x"))
    ] == [*(3, 130, 70, 4, 1)]


@pytest.mark.mpi
def test_all_ranks_raise_the_error_of_the_lowest(comm):
    raise_together(comm, None)
    with pytest.raises(ModelError, match="^from 0$" if comm.size < 3 else "^from 1$"):
        raise_together(comm, ModelError(f"from {comm.rank}") if comm.rank > 0 or comm.size < 3 else None)

    def bug():
        with together(comm):
            if comm.rank == 0:
                raise ZeroDivisionError("one")

    with pytest.raises(RemoteFailure if comm.rank else ZeroDivisionError) as caught:
        bug()
    if comm.rank:
        assert str(caught.value) == "[rank 0] ZeroDivisionError: one"


@pytest.mark.mpi
def test_rank_0_decides_once(comm):
    calls = []
    assert on_root(comm, lambda: calls.append(1) or {"answer": comm.rank}) == {"answer": 0}
    assert len(calls) == (comm.rank == 0)

    def wrong():
        raise InputError("no such key")

    with pytest.raises(InputError, match=r"^no such key$"):
        on_root(comm, wrong)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/a/run/x.h5: exists", "x.h5: exists"),
        ("'hpcalo restart /home/a/run/out/x.h5' continues", "'hpcalo restart out/x.h5' continues"),
        ("x.toml: model.file: /home/a/models/fe.h5: not found", "x.toml: model.file: ../models/fe.h5: not found"),
        ("/home/a/runs/x.h5: exists", "../runs/x.h5: exists"),
        (
            "/scratch/home/a/run/x.h5, /data/fe.h5, in /home/a/run: no",
            "/scratch/home/a/run/x.h5, /data/fe.h5, in /home/a/run: no",
        ),
    ],
)
def test_paths_in_messages_are_relative_where_that_is_shorter(monkeypatch, text, shown):
    monkeypatch.setattr(Path, "cwd", classmethod(lambda cls: cls("/home/a/run")))
    assert short_paths(text) == shown
    assert message(InputError(text)) == f"hpcalo: error: {shown}"
