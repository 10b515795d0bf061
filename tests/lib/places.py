"""Where things are in this repository."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
INPUTS = REPOSITORY / "input"
MODELS = INPUTS / "models"
JOBS = REPOSITORY / "jobs"
NOTEBOOKS = REPOSITORY / "docs" / "notebooks"
