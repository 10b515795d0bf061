"""How long the tests wait. Only for what would never come: on a busy machine everything takes many times as long."""

from __future__ import annotations

HANG = 300.0
"""Seconds until a process counts as hung."""
