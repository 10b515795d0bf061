"""`hpcalo info` shows the input as a person writes it: the same TOML, with short lists in one line."""

from __future__ import annotations

import tomllib

import tomli_w

from hpcalo.io.description import lists_in_lines


def test_short_lists_are_in_one_line_and_mean_the_same():
    data = {
        "title": 'a "[\n1,\n]" b',
        "kubo": {
            "n_hat": [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]],
            "gamma": [0.025],
            "names": ["with, comma", "with ]", "with [", "[\n1,\n]"],
            "temperatures": [float(t) for t in range(100)],
            "tables": [{"a": 1, "b": [1, 2]}, {"a": 2}],
            "nothing": [],
        },
    }
    text = lists_in_lines(tomli_w.dumps(data))
    assert tomllib.loads(text) == data
    assert "n_hat = [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]\n" in text
    assert "gamma = [0.025]\n" in text
    assert text.count("\n    99.0,\n") == 1  # too long for a line: as it was
