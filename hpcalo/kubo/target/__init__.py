"""Sums over k to an accuracy: trial levels, the strategy that gets there cheapest, and when to stop."""
