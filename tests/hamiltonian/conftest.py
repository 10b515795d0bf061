"""Hamiltonians that the tests of models read."""

from __future__ import annotations

from pathlib import Path

import pytest
from places import REPOSITORY


@pytest.fixture(scope="session")
def shipped() -> Path:
    """The Hamiltonians that come with the program."""
    return REPOSITORY / "input" / "models"
