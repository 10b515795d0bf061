"""Time limits as batch systems write them."""

from __future__ import annotations

import math
import re

from hpcalo.errors import InputError, one_line

MARGIN = 3.0
"""Time asked for, over the estimate, which is made on another machine."""
LEAST, UNKNOWN = 15 * 60, 24 * 3600
"""Seconds that are asked for at least, and where the time is not known or longer: the job then continues itself."""


def seconds(time: str) -> int:
    """A batch system's time limit in seconds. Raises InputError."""
    match = re.fullmatch(r"(?:(\d{1,4})-)?(\d{1,6})(?::(\d\d?))?(?::(\d\d?))?", time, flags=re.ASCII)
    if match is None:
        raise InputError(f"--time {one_line(time)[:40]}: expected HH:MM:SS, D-HH:MM:SS or a number of minutes")
    days, *rest = (int(part) if part else None for part in match.groups())
    given = [part for part in rest if part is not None]
    if days is not None:  # D-HH[:MM[:SS]]
        hours, minutes, second = [*given, 0, 0][:3]
    elif len(given) == 3:
        hours, minutes, second = given
    else:  # MM[:SS], as SLURM reads it
        hours, (minutes, second) = 0, [*given, 0][:2]
    total = ((days or 0) * 24 + hours) * 3600 + minutes * 60 + second
    if not 0 < total <= 366 * 86400:
        raise InputError(f"--time {time}: is {total} s; the limit must be between a second and a year")
    return total


def clock(total: int) -> str:
    """HH:MM:SS."""
    return f"{total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}"


def limit_for(whole: float | None) -> int:
    """Seconds to ask a batch system for, for a run that is expected to take so long (None: that is not known)."""
    if whole is None:
        return UNKNOWN
    return min(max(60 * math.ceil(MARGIN * whole / 60.0), LEAST), UNKNOWN)
