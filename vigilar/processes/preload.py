"""What the fork server imports before it forks the first camera process, in a house that only records.

Imported once, these pages are shared by all camera processes, and by the others as far as they need the same;
``gc.freeze`` keeps the collector from touching, and so copying, them. Nothing here may start a thread, open a file or a
connection, or make a database engine.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 -- socket loads it when it first sees an address
import gc

import vigilar.processes.camera
import vigilar.processes.entry  # noqa: F401 -- imported for its imports: cryptography, sqlite3, paho

gc.collect()
gc.freeze()
