"""What the house puts its name to in the proof of an export: its newest checkpoint, with the key that signed it."""

from __future__ import annotations

from vigilar.playback.export.bundle import SignedCheckpoint
from vigilar.store.checkpoints import newest_checkpoint
from vigilar.store.sql import Database
from vigilar.vge.signing import BoxKey


def newest_signed(store: Database, node_id: str, key: BoxKey) -> SignedCheckpoint | None:
    """None when this box has signed none yet. Raises StoreError."""
    stored = newest_checkpoint(store, node_id)
    return SignedCheckpoint(stored.body, stored.signature, key.public) if stored is not None else None
