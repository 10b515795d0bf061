"""Formats of other programs, one class each; a file is named like its format in `hpcalo export --to`."""
