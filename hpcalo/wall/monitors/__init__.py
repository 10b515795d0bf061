"""Scheduled observations of a running wall, one class each.

The file of a monitor is named like the monitor in `output.monitors`; `schedule` finds it.
"""
