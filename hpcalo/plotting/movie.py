"""Pictures in a row as a file: GIF by Pillow, MP4 (H.264) by the ffmpeg of imageio-ffmpeg or of the system."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpcalo.errors import InputError, OutputError, one_line

if TYPE_CHECKING:
    from PIL.Image import Image

RATE = 12  # pictures a second
SHORTEST = 3.0  # seconds: few pictures are shown for longer each
HOLD = 1.0  # seconds that the last picture stays
LIMIT = 300  # seconds ffmpeg may take


def check(kind: str) -> None:
    """Raises InputError if this kind of movie cannot be made here."""
    if kind == ".mp4":
        ffmpeg()


def save(pictures: Sequence[Image], path: Path, kind: str) -> None:
    """Writes the pictures (PIL, all of one size). Raises OSError, OutputError."""
    each = max(1.0 / RATE, SHORTEST / len(pictures))
    if kind == ".gif":
        durations = [*[round(1000 * each)] * (len(pictures) - 1), round(1000 * (each + HOLD))]
        first, *others = pictures
        first.save(path, format="gif", save_all=True, append_images=others, duration=durations, loop=0)
    else:
        _mp4(pictures, path, 1.0 / each)


def ffmpeg() -> str:
    """The program's path. Raises InputError if there is none."""
    try:
        import imageio_ffmpeg  # noqa: PLC0415

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        found = shutil.which("ffmpeg")
    if found is None:
        raise InputError("an .mp4 needs ffmpeg: pip install 'hpcalo[movie]', or choose .gif")
    return found


def _mp4(pictures: Sequence[Image], path: Path, rate: float) -> None:
    """Raw pictures through a pipe; 4:2:0 colours and an even size, which every player takes."""
    width, height = pictures[0].size
    command = [
        *(ffmpeg(), "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"),
        *("-r", f"{rate:.6g}", "-i", "-", "-an", "-c:v", "libx264", "-preset", "medium", "-crf", "20"),
        *("-vf", f"tpad=stop_mode=clone:stop_duration={HOLD},pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white"),
        *("-r", "24", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-map_metadata", "-1", "-f", "mp4", str(path)),
    ]
    raw = b"".join(picture.convert("RGB").tobytes() for picture in pictures)
    try:
        done = subprocess.run(command, input=raw, capture_output=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise OutputError(f"ffmpeg did not finish within {LIMIT} s") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"]
        raise OutputError(f"ffmpeg failed: {one_line(lines[-1])[:200]}")
