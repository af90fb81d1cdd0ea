"""What the house puts its name to in the proof of an export: a checkpoint, with the key that signed it."""

from __future__ import annotations

from vigilar.playback.export.bundle import SignedCheckpoint
from vigilar.playback.export.chain import find_tip
from vigilar.store.checkpoints import StoredCheckpoint, checkpoints_since, newest_checkpoint
from vigilar.store.files import find_file_before
from vigilar.store.sql import Database
from vigilar.vge.signing import BoxKey

MOST_LOOKED_AT = 48
"""Checkpoints behind the end of a recording: two days, in which the box names it."""


def find_signed(store: Database, node_id: str, key: BoxKey, camera_id: str, to_ms: int) -> SignedCheckpoint | None:
    """The first checkpoint that names the camera's newest recording of before ``to_ms`` (UTC ms) or a later one: from
    that the way to the exported ones is short, and no word of the house on them is older. Else its newest; None when
    this box has signed none yet. Raises StoreError."""
    stored = _first_that_names(store, node_id, camera_id, to_ms) or newest_checkpoint(store, node_id)
    return SignedCheckpoint(stored.body, stored.signature, key.public) if stored is not None else None


def _first_that_names(store: Database, node_id: str, camera_id: str, to_ms: int) -> StoredCheckpoint | None:
    last = find_file_before(store, camera_id, "video", to_ms)
    if last is None:
        return None
    for one in checkpoints_since(store, node_id, last.start_ms, MOST_LOOKED_AT):
        tip = find_tip(one.body, camera_id)
        if tip is not None and tip >= last.number:
            return one
    return None
