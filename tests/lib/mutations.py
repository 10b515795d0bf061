"""Ways to spoil a file or a nested table."""

from __future__ import annotations

import copy
import datetime
import os
from typing import Any

from hypothesis import strategies as st

LONG = int(os.environ.get("HPCALO_FUZZ", "0"))  # cases a test, where more than the default are wanted
TOKENS = [
    "nan",
    "inf",
    "-inf",
    "-1",
    "0",
    "1e999",
    "1e-400",
    "99999999999999999999",
    "*****",
    "x",
    "",
    "1.5",
    "2147483648",
]
TOKENS += ["-0", "\0", "1,0", "0x10", "_", "é", "1e5", "1 1", "T", "end", "65536", "2147483648"]


@st.composite
def damaged_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes flipped, cut off, inserted, removed, repeated; up to four times."""
    result = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(result) - 1, 0)))
        kind = draw(st.sampled_from(["flip", "set", "cut", "insert", "remove", "repeat", "word"]))
        length = draw(st.integers(1, 40))
        if kind == "flip" and result:
            result[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "set" and result:
            result[place] = draw(st.sampled_from([0, 1, 127, 128, 255]))
        elif kind == "cut":
            del result[place:]
        elif kind == "insert":
            result[place:place] = draw(st.binary(min_size=1, max_size=40))
        elif kind == "remove":
            del result[place : place + length]
        elif kind == "repeat":
            result[place:place] = result[place : place + length]
        else:
            result[place : place + 4] = draw(st.sampled_from([0, 1, -1, 2**31 - 1, -(2**31), 10**6])).to_bytes(
                4, "little", signed=True
            )
    return bytes(result)


@st.composite
def damaged_text(draw: st.DrawFn, text: str) -> bytes:
    """Words and lines replaced, removed, repeated, swapped; now and then bytes as well."""
    lines = text.split("\n")
    for _ in range(draw(st.integers(1, 4))):
        number = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["word", "word", "word", "drop", "repeat", "swap", "blank"]))
        if kind == "word":
            words = lines[number].split()
            if words:
                words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(TOKENS) | st.text(max_size=8))
                lines[number] = " ".join(words)
        elif kind == "drop" and len(lines) > 1:
            del lines[number]
        elif kind == "repeat":
            lines.insert(number, lines[number])
        elif kind == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[number], lines[other] = lines[other], lines[number]
        else:
            lines.insert(number, "")
    data = "\n".join(lines).encode("utf-8", "replace")
    return draw(damaged_bytes(data)) if draw(st.integers(0, 4)) == 0 else data


WORDS = [
    "25 meV",
    "25 nm",
    "300",
    "9**9**9**9 eV",
    "1e400 K",
    "-3 K",
    "nan",
    "torkanse",
    "torkance",
    "../../x",
    "/etc/x",
]
WORDS += [
    "__import__('os').system('true') eV",
    "auto",
    "\0",
    "a\nb",
    "\x1b[2J",
    "µ" * 200,
    "{0} eV",
    "%s",
    "eV" * 25,
]
scalars = (
    st.none().map(lambda _: True)
    | st.booleans()
    | st.integers(-3, 5)
    | st.sampled_from([2**31, 2**63, -(2**63), 10**12, 10**400])
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.sampled_from(WORDS)
    | st.text(max_size=12)
    | st.just(datetime.date(2020, 2, 2))
    | st.just(datetime.time(1, 2, 3))
    | st.just(datetime.datetime(2020, 2, 2, 3, 4, 5))
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def damaged_table(draw: st.DrawFn, table: dict[str, Any]) -> dict[str, Any]:
    """Values replaced, keys misspelt, removed, added, moved; up to three times, at any depth."""
    result = copy.deepcopy(table)
    for _ in range(draw(st.integers(1, 3))):
        here: Any = result
        while True:
            deeper = [
                v for v in (here.values() if isinstance(here, dict) else here) if isinstance(v, dict | list) and v
            ]
            if not deeper or draw(st.integers(0, 3)) == 0:
                break
            here = draw(st.sampled_from(deeper))
        if isinstance(here, list):
            if here:
                here[draw(st.integers(0, len(here) - 1))] = draw(values)
            continue
        keys = list(here)
        kind = draw(st.sampled_from(["value", "value", "value", "misspell", "drop", "add"]))
        key = draw(st.sampled_from(keys)) if keys else ""
        if kind == "value" and keys:
            here[key] = draw(values)
        elif kind == "misspell" and keys:
            here[key[:1] + key[2:] + "x"] = here.pop(key)
        elif kind == "drop" and keys:
            del here[key]
        else:
            here[draw(st.sampled_from(["gama", "file", "k", "sweep", "units"]) | st.text(max_size=10))] = draw(values)
    return result
