"""Reference data outside the repository (HPCALO_SHARED, default ../shared)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data; the test is skipped where it is absent."""
    folder = Path(os.environ.get("HPCALO_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"reference data not found: {folder}/data (set HPCALO_SHARED)")
    return folder


@pytest.fixture(scope="session")
def shipped() -> Path:
    """The Hamiltonians that come with the program."""
    return REPOSITORY / "input" / "models"
