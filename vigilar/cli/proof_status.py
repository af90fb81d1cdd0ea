"""What ``vigilar status`` says of recordings that are not what they were."""

from __future__ import annotations

from contextlib import closing

from vigilar.base.folder_id import find_folder_id
from vigilar.config.cut import database_url
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, list_events
from vigilar.store.inventory import count_found

TOLD_FOR_MS = 30 * 86_400_000
"""How long a database that was set back is spoken of: no row can be put right that would end it."""


def proof_warnings(config: Config, places: Places, now_ms: int) -> list[str]:
    """Sentences, none while all recordings are as they were recorded. Raises StoreError."""
    node_id = find_folder_id(places.data_dir)
    if node_id is None:
        return []
    with closing(Store.open(database_url(config, places))) as store:
        count = count_found(store, node_id)
        history = EventFilter(type="history_changed", from_ms=now_ms - TOLD_FOR_MS, limit=1)
        events, _ = list_events(store, history)
    warnings = [f"{one.payload.get('reason', '')} See: vigilar check" for one in events]
    if count:
        what = "1 recording is" if count == 1 else f"{count} recordings are"
        warnings.append(f"{what} missing, changed or damaged. See: vigilar check")
    return warnings
