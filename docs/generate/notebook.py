"""A notebook as a page: text as it is, code as code, and what its last run printed and drew."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any


def page(path: Path) -> tuple[str, dict[str, bytes]]:
    """Markdown of the notebook, and its pictures by name."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    pictures: dict[str, bytes] = {}
    parts: list[str] = []
    for number, cell in enumerate(cells):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        elif cell["cell_type"] == "code" and source.strip():
            parts.append(f"```python\n{source}\n```")
            parts += _outputs(cell.get("outputs", []), f"{path.stem}-{number}", pictures)
        if number == 0:
            parts.append(f"*This page is a notebook: [{path.name}]({path.name}).*")
    return "\n\n".join(parts) + "\n", pictures


def _outputs(outputs: list[dict[str, Any]], stem: str, pictures: dict[str, bytes]) -> list[str]:
    parts = []
    for i, output in enumerate(outputs):
        data = output.get("data", {})
        if "image/png" in data:
            name = f"{stem}-{i}.png"
            pictures[name] = base64.b64decode("".join(data["image/png"]))
            parts.append(f"![figure]({name})")
        elif text := "".join(output.get("text", data.get("text/plain", ""))):
            parts.append(f"```text\n{text.rstrip()}\n```")
    return parts
