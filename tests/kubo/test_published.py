"""The printed values of the paper beside those of a result: what is compared, what is refused, what is drawn."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import numpy as np
import pytest
from places import INPUTS

from hpcalo import app
from hpcalo.errors import InputError
from hpcalo.io.dataset import Result, Variable
from hpcalo.kubo.plot import printed, published

PRINTED = {"beta_even": 5.24e-35, "beta_odd": -3.21e-36}
VOLUME = 1.58e-28  # m^3, of the paper


def paper_result(tmp_path, *, even=PRINTED["beta_even"], odd=PRINTED["beta_odd"], share=0.02):
    """A result with the paper's own β at 300 K, proportional to T; the rest follows by its formulas, spelled out."""
    t = np.array([100.0, 200.0, 300.0])
    beta = {"beta_even": np.zeros((1, 1, 3, 2, 1, 3)), "beta_odd": np.zeros((1, 1, 3, 2, 1, 3))}
    beta["beta_even"][0, 0, 1, 0, 0], beta["beta_even"][0, 0, 0, 1, 0] = even * t / 300, -even * t / 300
    beta["beta_odd"][0, 0, 0, 0, 0] = beta["beta_odd"][0, 0, 1, 1, 0] = odd * t / 300
    tilde = {}
    for part, sign in (("even", -1.0), ("odd", 1.0)):  # (40)
        tilde[f"beta_tilde_{part}"] = sign / VOLUME * t * beta[f"beta_{part}"].swapaxes(2, 3)
    one, other = tilde["beta_tilde_even"][0, 0, 1, 0, 0], tilde["beta_tilde_odd"][0, 0, 0, 0, 0]
    fmr = (2 * np.pi * 5e9 * np.deg2rad(1.0) * np.hypot(one, other))[None, None]  # (60)
    currents = {
        "heat_current_fmr": (fmr, "W/m^2"),
        "heat_current_fmr_per_width": (fmr * 1.58e-9, "W/m"),
        "temperature_gradient_fmr": (fmr / 174.0, "K/m"),
        "heat_current_spiral": (tilde["beta_tilde_even"][:1, 0, 0, 1] * 2 * np.pi / 2.3e-9, "W/m^2"),  # (63)
    }
    b = ("n_hat", "gamma", "torque", "field", "mu", "temperature")
    j = ("n_hat", "gamma", "current", "torque", "mu", "temperature")
    every = [(n, b, x, "J*m/K") for n, x in beta.items()] + [(n, j, x, "J/m^2") for n, x in tilde.items()]
    every += [(n, ("gamma", "mu", "temperature"), x, unit) for n, (x, unit) in currents.items()]
    variables = {n: Variable(n, dims, x, unit, error=share * np.abs(x)) for n, dims, x, unit in every}
    axes = {
        "n_vector": (("n_hat", "axis"), np.array([[0.0, 0.0, 1.0]])), "gamma": (("gamma",), np.array([0.025])),
        "mu": (("mu",), np.zeros(1)), "temperature": (("temperature",), t), "torque": (("torque",), list("xyz")),
        "field": (("field",), list("xy")), "current": (("current",), list("xy")),
    }  # fmt: skip
    coordinates = {n: Variable(n, dims, x) for n, (dims, x) in axes.items()}
    given = (INPUTS / "paper_kubo.toml").read_text()
    attrs = {"engine": "kubo", "title": tomllib.loads(given)["title"]}
    return Result(tmp_path / "paper.h5", variables, coordinates, attrs, {"resolved_input": given})


def test_the_papers_own_beta_gives_all_its_other_numbers(tmp_path):
    """Whoever has the paper's β has its section 5: every row agrees to the digits that are printed."""
    table = printed.rows(paper_result(tmp_path))
    assert len(table) == 9
    for row in table[:-1]:
        assert row.ratio == pytest.approx(1.0, abs=0.02), row.symbol
        assert row.verdict == "agrees to a tenth"
        assert row.error == pytest.approx(0.02 * abs(row.value), rel=1e-9)
    assert table[-1].value == pytest.approx(270e3 * 100 / 174, rel=0.02)  # printed as about 0.1 K/µm


def test_what_differs_says_why(tmp_path):
    result = paper_result(tmp_path, even=4.15e-35, odd=-8.16e-35)
    even, odd, *_ = printed.rows(result)
    assert (round(even.ratio, 3), round(odd.ratio, 1)) == (0.792, 25.4)
    assert "140 K" in even.reason
    assert (even.verdict, odd.verdict) == (even.reason, odd.reason)
    text = printed.text(result)
    assert len(text.splitlines()) == 9
    assert "printed 5.24e-35, here (4.15 ± 0.08)e-35 J*m/K, 0.79: another Hamiltonian" in text
    words = {s: printed.rows(paper_result(tmp_path, even=4.15e-35, share=s))[0].verdict for s in (0.3, 0.9)}
    assert words == {0.3: "agrees within the error", 0.9: "the error of the sum over k is too large to tell"}


def test_refusals(tmp_path):
    result = paper_result(tmp_path)
    lacking = replace(result, variables={n: v for n, v in result.variables.items() if n != "beta_tilde_odd"})
    with pytest.raises(InputError, match=r"has no beta_tilde_odd; .*input/paper_kubo\.toml"):
        printed.rows(lacking)
    other = replace(result, attrs={**result.attrs, "title": "Co/Pt"}, texts={})
    with pytest.raises(InputError, match="is not about the film of the printed values"):
        printed.rows(other)
    slower = {"resolved_input": result.texts["resolved_input"].replace("frequency = 5.0", "frequency = 4.0")}
    with pytest.raises(InputError, match=r"kubo\.heat_currents\.frequency: the printed values need 5"):
        printed.rows(replace(result, texts=slower))
    cold = Variable("temperature", ("temperature",), np.array([10.0, 20.0, 30.0]))
    with pytest.raises(InputError, match="has no temperature = 300"):
        printed.rows(replace(result, coordinates={**result.coordinates, "temperature": cold}))


def test_figure(tmp_path):
    """Figure 4 in two panels, the printed value in each, and a line of the table for every number."""
    drawn = published.figure(paper_result(tmp_path))
    even, odd, table = drawn.axes
    for axis, value in ((even, 5.24e-35), (odd, -3.21e-36)):
        (mark,) = [line for line in axis.get_lines() if line.get_label() == "printed, 300 K"]
        assert mark.get_ydata()[0] == pytest.approx(value / 8.478e-36, rel=1e-3)
        assert axis.get_ylim()[0] < mark.get_ydata()[0] < axis.get_ylim()[1]
    words = [text.get_text() for text in table.texts]
    assert len(words) == 10 * 6
    assert any("5.24" in word for word in words)


def test_the_input_is_that_of_the_main_job():
    """So that the two results hold the same numbers."""
    paper, main = (tomllib.loads((INPUTS / f"{n}.toml").read_text()) for n in ("paper_kubo", "mnw001"))
    assert paper["model"] == main["model"]
    for key in ("n_hat", "gamma", "temperatures", "k", "heat_currents"):
        assert paper["kubo"][key] == main["kubo"][key], key
    assert set(paper["kubo"]["quantities"]) <= set(main["kubo"]["quantities"])
    assert app.load_input(INPUTS / "paper_kubo.toml")[0] == "kubo"
