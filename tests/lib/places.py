"""Where things are in this repository."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
INPUTS = REPOSITORY / "input"
MODELS = INPUTS / "models"
JOBS = REPOSITORY / "jobs"
SLOWLY = REPOSITORY / "tests" / "lib" / "slowly.py"
NOTEBOOKS = REPOSITORY / "docs" / "notebooks"


def quick_tests() -> set[str]:
    """What tests/quick.txt lists."""
    lines = (REPOSITORY / "tests" / "quick.txt").read_text().splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}
