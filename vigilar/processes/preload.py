"""What the fork server imports before it forks the first camera process.

Imported once, these pages are shared by all camera processes; ``gc.freeze`` keeps the collector from touching, and so
copying, them. Nothing here may start a thread, open a file or a connection, or make a database engine.
"""

from __future__ import annotations

import gc

import vigilar.processes.camera  # noqa: F401 -- imported for its imports: av, cv2, numpy, sqlalchemy, paho

gc.collect()
gc.freeze()
