"""Results of scans: their points as results of their own, values against the scanned key, figures."""
