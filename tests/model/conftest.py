"""Hamiltonians that the tests of models read."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def shipped() -> Path:
    """The Hamiltonians that come with the program."""
    return REPOSITORY / "input" / "models"
