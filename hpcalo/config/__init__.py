"""Typed input: one place per option (unit, meaning, allowed values), and the reader that turns mistakes into one clear
line.
"""
