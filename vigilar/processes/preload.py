"""Loaded once by the fork server: what every camera process needs, so that all of them share its memory."""

from __future__ import annotations

import gc

import vigilar.processes.camera  # noqa: F401  (loaded for its libraries)

gc.collect()
gc.freeze()  # the collector would write into shared pages, and each process would get copies of its own
