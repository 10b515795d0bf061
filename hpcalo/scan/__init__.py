"""Scans: the same run for several values of one key of the input. Knows no engine; `hpcalo.app.scan` drives them."""
