"""One self-contained HTML page about a result: input, provenance, figures, and checks made from its numbers."""
