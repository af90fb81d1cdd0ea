"""What the fork server imports in a house that looks for motion: as ``preload``, and libav and OpenCV with it."""

from __future__ import annotations

import vigilar.media.audio
import vigilar.media.file_source
import vigilar.processes.motion
import vigilar.processes.preload  # noqa: F401 -- the last, because it freezes what is there
