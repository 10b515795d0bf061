"""Typed input: one place per option (unit, meaning, allowed values), and a reader with clear one-line errors."""
