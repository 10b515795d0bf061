"""Files: results, checkpoints, locks, provenance; knows no engine."""
