"""Input files: each mutation is a valid input or is refused in one line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from mutations import damaged_bytes, damaged_table, damaged_text, values
from places import INPUTS

from hpcalo.app import load_input, output_of
from hpcalo.errors import InputError
from hpcalo.hamiltonian.loading import load_model
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.io.provenance import resolved_toml
from hpcalo.kubo.config import KuboInput
from hpcalo.kubo.prepare import prepare

INPUTS = sorted(INPUTS.glob("*.toml"))
TABLES = [tomllib.loads(path.read_text(encoding="utf-8")) for path in INPUTS]


def use(path: Path, overrides: tuple[str, ...] = ()) -> None:
    """All that a program does with an input before it computes."""
    engine, settings = load_input(path, overrides)
    output_of(settings, path, None)
    again = tomllib.loads(resolved_toml(settings))
    assert type(settings).model_validate(again) == settings, f"{engine}: the resolved input reads back differently"
    if isinstance(settings, KuboInput) and settings.model.builtin:
        model = load_model(settings.model)
        assert isinstance(model, WannierModel)
        prepare(settings.kubo, model)


@given(st.data())
def test_tables(tmp_path_factory, survives, data):
    text = tomli_w.dumps(data.draw(st.sampled_from(TABLES).flatmap(damaged_table)))
    path = tmp_path_factory.getbasetemp() / "table.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    survives(lambda: use(path))


@given(st.data())
def test_texts(tmp_path_factory, survives, data):
    source = data.draw(st.sampled_from(INPUTS))
    path = tmp_path_factory.getbasetemp() / "text.toml"
    path.write_bytes(data.draw(damaged_text(source.read_text(encoding="utf-8"))))
    survives(lambda: use(path))


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda t: t.encode("utf-8", "replace")))
def test_anything(tmp_path_factory, survives, content):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    assert not survives(lambda: use(path))


def test_zero_bytes_are_refused_before_anything_is_computed(tmp_path):
    """HDF5 cannot keep them: the run would fail when it writes its result."""
    path = tmp_path / "a.toml"
    text = next(p for p in INPUTS if p.stem == "rashba").read_text()
    path.write_text(text.replace('title = "', 'title = "\\u0000'))
    with pytest.raises(InputError, match="zero byte"):
        use(path)


KEYS = ["kubo.gamma", "kubo.n_hat", "kubo.k.grid", "model.builtin", "title", "kubo", "a.b.c", "", "."]
TEXTS = ["[1", "1\nb=2", "25 meV", "[[]]", "", "=", "'x"]


@given(
    st.sampled_from([p for p in INPUTS if p.stem == "rashba"]),
    st.lists(
        st.tuples(
            st.sampled_from(
                ["kubo.gamma", "kubo.n_hat", "kubo.k.grid", "model.builtin", "title", "kubo", "a.b.c", "", "."]
            )
            | st.text(max_size=12),
            st.sampled_from(TEXTS) | st.text(max_size=20) | values.map(repr),
        ).map("=".join)
        | st.text(max_size=20),
        max_size=3,
    ),
)
def test_overrides(survives, source, overrides):
    survives(lambda: use(source, tuple(overrides)))


@pytest.mark.parametrize("source", INPUTS, ids=lambda p: p.stem)
def test_unharmed_inputs_pass(survives, source):
    """The property above would also hold of a program that refuses everything."""
    assert survives(lambda: use(source))


@given(damaged_bytes(b"title = 'x'\n[kubo]\nquantities = ['torkance']\n"))
def test_bytes(tmp_path_factory, survives, content):
    path = tmp_path_factory.getbasetemp() / "bytes.toml"
    path.write_bytes(content)
    assert not survives(lambda: use(path))
