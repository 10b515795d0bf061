"""The page of a report: whole, escaped, self-contained, and without errors in a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from inputs import computed
from limits import HANG
from PIL import Image

import hpcalo.api
from hpcalo import app
from hpcalo.app.page import render
from hpcalo.errors import InputError, OutputError, one_line
from hpcalo.io.dataset import Result
from hpcalo.io.hdf5 import read_dataset
from hpcalo.io.seal import LENGTH, seal

TITLE = "<script>alert(1)</script> \"5 > 4\" & 'all'"
KUBO = f"""
title = {json.dumps(TITLE)}
[model]
builtin = "rashba"
fermi_energy = 0.0
[kubo]
quantities = ["torkance", "anomalous_hall", "density_of_states", "spiralization"]
gamma = [0.1]
temperatures = [300, 400]
[kubo.energies]
minimum = -4.6
maximum = 4.6
points = 231
[kubo.k]
grid = [24, 24, 1]
"""
WALL = """
[wall]
title = "Wire"
[momentum]
points = 12
[wire]
length = "80 nm"
cells = 61
[drive]
gradient = "6 K/nm"
circuit = "open"
[time]
end = "0.002 ns"
output_every = "0.0005 ns"
"""
SCAN = '\n[scan]\nkey = "drive.gradient"\nvalues = [2.0, 6.0]\n'
INPUTS = {"kubo": (KUBO, ()), "wall": (WALL, ()), "scan": (WALL + SCAN, ("wall.mode='steady'",))}
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
VOID = {"meta", "link", "img", "br"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, world: Any) -> dict[str, Path]:
    return computed(world, tmp_path_factory.mktemp("report_page"), INPUTS)


@pytest.fixture(scope="module")
def pages(files: dict[str, Path]) -> dict[str, Path]:
    return {name: app.report(path, output=path.with_suffix(".html")) for name, path in files.items()}


class Reader(HTMLParser):
    """Checks that tags close in order, and collects text, links and pictures."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on"), "an event handler"
            if name in ("src", "href", "action", "srcset", "data"):
                self.addresses.append(str(value))
            if name == "id":
                self.ids.append(str(value))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("kind", list(INPUTS))
def test_page_is_whole_and_asks_for_nothing_else(files: dict[str, Path], pages: dict[str, Path], kind: str) -> None:
    page = pages[kind].read_text()
    result = read_dataset(files[kind])
    reader = Reader(page)
    assert "script" not in reader.tags
    assert len(set(reader.ids)) == len(reader.ids)
    for address in reader.addresses:
        assert address.startswith("data:") or (address[0] == "#" and address[1:] in reader.ids), address[:80]
    assert not re.search(r"@import|url\(", page)
    assert sum(a.startswith("data:image/") for a in reader.addresses) >= (1 if kind == "scan" else 2)
    for name in (*result.variables, *result.coordinates):
        assert re.search(rf'<td class="name">{re.escape(name)}</td>', page), name
    assert result.texts["resolved_input"] in reader.text
    assert result.texts["original_input"] in reader.text
    for name in ("command", "git_revision", "source_digest", "hosts", "numpy_version", "started"):
        assert str(result.attrs[name]) in reader.text, name
    for variable in result.variables.values():
        assert variable.unit in reader.text
    assert len(page) < 4e6
    if kind == "scan":  # the quickest
        assert render(result) == page


def test_texts_of_the_file_stay_texts(files: dict[str, Path], pages: dict[str, Path], tmp_path: Path) -> None:
    page = pages["kubo"].read_text()
    assert "<script" not in page
    assert TITLE in unescape(page)
    hostile = tmp_path / "<b>.h5"
    shutil.copy(files["scan"], hostile)
    with open(hostile, "r+b") as raw:  # without the seal, which no longer fits
        raw.truncate(hostile.stat().st_size - LENGTH)
    with h5py.File(hostile, "r+") as file:
        file.attrs["hosts"] = "<img src=x onerror=alert(1)>"
        file["wall_width"].attrs["long_name"] = "</td></table><h1>mine"
        file["provenance/notes"] = "<i>note</i>\n<!-- hidden"
    seal(hostile)
    reader = Reader(render(read_dataset(hostile)))
    for text in ("<img src=x onerror=alert(1)>", "</td></table><h1>mine", "<i>note</i>", "<!-- hidden", "<b>.h5"):
        assert text in reader.text
    assert not reader.tags & {"b", "i"}


def test_a_failed_check_is_the_first_thing_to_be_seen(files: dict[str, Path]) -> None:
    result = read_dataset(files["scan"])
    assert 'class="verdict failed"' not in render(result)
    data = 2.0 * np.asarray(result["magnetization"])
    variable = result.variables["magnetization"]
    bad = Result(
        result.path,
        {**result.variables, "magnetization": type(variable)(variable.name, variable.dims, data, variable.unit)},
        result.coordinates,
        result.attrs,
        result.texts,
    )
    page = render(bad)
    assert 'class="verdict failed"' in page
    assert page.index("Length of the magnetization: failed (1 &gt; 1e-12)") < page.index('id="figures"')


def test_a_result_that_says_little_has_a_page_all_the_same(files: dict[str, Path]) -> None:
    one = read_dataset(files["kubo"])
    for engine in ("kubo", "wall"):
        bare = Result(one.path, {}, {}, {"engine": engine}, {})
        reader = Reader(render(bare))
        assert "nothing that can be drawn" in reader.text
    with pytest.raises(InputError, match="an engine that has no reports"):
        render(Result(one.path, {}, {}, {"engine": "else"}, {}))


def test_file_appears_whole_or_not_at_all(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "page.html"
    assert hpcalo.api.report(files["scan"], target) == target
    before = target.read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        app.report(files["scan"], output=target)
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OutputError, match="No space left"):
        app.report(files["scan"], output=target, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
    assert target.read_bytes() == before


def test_mistakes_are_told_in_one_line(files: dict[str, Path], tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.h5"
    raw = bytearray(files["wall"].read_bytes())
    raw[len(raw) // 2] ^= 1
    damaged.write_bytes(bytes(raw))
    (tmp_path / "text.h5").write_text("hello")
    for path, output, words in (
        (damaged, None, "checksum does not match"),
        (tmp_path / "text.h5", None, "not an HDF5 file"),
        (tmp_path / "none.h5", None, "No such file"),
        (tmp_path, None, "is a folder"),
        (files["wall"], tmp_path / "page.pdf", "must end with .html"),
    ):
        with pytest.raises(InputError) as told:
            app.report(path, output=output or tmp_path / "out.html")
        assert words in str(told.value)
        assert str(told.value) == one_line(told.value)
    assert not list(tmp_path.glob("*.html*"))


def test_command(files: dict[str, Path], launch: Any, tmp_path: Path) -> None:
    done = launch(0, "-m", "hpcalo", "report", files["scan"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "report: scan.html\n", "")
    again = launch(0, "-m", "hpcalo", "report", files["scan"])
    assert again.returncode == 5
    assert again.stderr == "hpcalo: error: scan.html: exists already; --force overwrites it\n"


# -- in a browser --------------------------------------------------------------------------------------------------

browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium (setup.sh test installs it on Debian)")


def visit(page: Path, picture: Path, *options: str) -> tuple[list[str], Any]:
    """What the page writes to the console, and what it looks like."""
    command = [
        *(str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
        *("--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND", "--force-device-scale-factor=1"),
        *("--enable-logging=stderr", f"--user-data-dir={picture.with_suffix('')}", "--window-size=1200,2600"),
        *(f"--screenshot={picture}", *options, page.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False)
    assert picture.is_file(), done.stderr[-2000:]
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    with Image.open(picture) as image:
        return console, np.asarray(image.convert("L"), dtype=float)


@browser
@pytest.mark.parametrize("kind", ["kubo", "wall"])
def test_browser_shows_it_without_errors(pages: dict[str, Path], tmp_path: Path, kind: str) -> None:
    console, grey = visit(pages[kind], tmp_path / "light.png")
    assert console == []
    assert grey[:40].mean() > 240  # light paper
    for part in (grey[:300], grey[300:1300]):  # heading; figure
        assert 0.01 < (part < 160).mean() < 0.6
    assert (grey[300:1300] > 250).mean() > 0.3


@browser
def test_browser_in_the_dark_and_on_a_telephone(pages: dict[str, Path], tmp_path: Path) -> None:
    console, grey = visit(
        pages["wall"], tmp_path / "dark.png", "--blink-settings=preferredColorScheme=0", "--window-size=500,1600"
    )
    assert console == []
    assert grey[:15].mean() < 60  # dark paper
    assert (grey[:200] > 200).mean() > 0.01  # light type on it


@browser
def test_browser_would_tell(tmp_path: Path, pages: dict[str, Path]) -> None:
    """That the console is empty means something: what the page forbids is told there."""
    page = tmp_path / "bad.html"
    page.write_text(pages["scan"].read_text().replace("<footer", "<script>alert(1)</script><footer"))
    console, _ = visit(page, tmp_path / "bad.png")
    assert any("Content Security Policy" in line for line in console), console
