"""Telling the household that their database was brought to a newer form, and where the copy of before is."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from vigilar.bus.messages import UpkeepFact
from vigilar.bus.topics import Topics
from vigilar.store import inbound
from vigilar.store.sql import Database
from vigilar.store.upgrade_copy import copies_folder, find_revision, list_copies, mark_told


def tell_upgrades(store: Database, database: Path, node_id: str) -> None:
    """An event for each upgrade that was done and is not told yet, also one of a start that died behind it; telling it
    again is no second one. Raises StoreError, OSError."""
    for copy in list_copies(database):
        if copy.is_told or find_revision(database) != copy.wanted:
            continue
        uid = hashlib.sha256(f"{node_id} database_upgraded {copy.made_ms}".encode()).hexdigest()[:32]
        kept = str(copies_folder(database) / copy.name)
        reason = f"From step {copy.found} to {copy.wanted}. The database as it was before is kept in {kept}."
        detail = {"reason": reason, "kept": kept, "from": copy.found, "to": copy.wanted}
        now_ms = time.time_ns() // 1_000_000
        fact = UpkeepFact(uid, copy.made_ms, "database_upgraded", detail)
        inbound.put(store, node_id, uid, Topics.UPKEEP_FACT, fact.dump(), now_ms)
        mark_told(database, copy)
