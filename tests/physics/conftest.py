"""The small engine runs of tests/kubo are used here too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kubo"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
