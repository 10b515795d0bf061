"""The engine of maps: what the levels and the responses are on a plane of k-points."""
