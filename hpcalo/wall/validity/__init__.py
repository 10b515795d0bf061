"""Checks of the input as a whole, before anything is computed; `settings` runs them.

A check takes the input and returns its warnings, each beginning with the key that it is about. It raises InputError,
with the number that would do, for an input that cannot or must not run.
"""
