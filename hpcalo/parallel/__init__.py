"""What many ranks need: communicators, agreement on errors and signals, progress, reproducible reductions."""
