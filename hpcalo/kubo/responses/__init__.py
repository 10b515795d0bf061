"""Response functions: raw sums in, named quantities out."""
