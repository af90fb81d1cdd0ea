"""Vigilar: offline-first home security.

The folders name the flow: camera -> packets -> recordings and events -> people.
"""

__version__ = "0.1.0"
