"""What the fork server imports in a house that recognises what moves: as ``preload_detect``, and tracks with it."""

from __future__ import annotations

import vigilar.processes.objects
import vigilar.processes.preload_detect  # noqa: F401 -- the last, because it freezes what is there
