"""Incidents as one member sees them: in lists, one by one, and told to an open page.

Of an incident a member sees the events that they may see, and a line, severity, cameras and picture that follow from
these alone; one without any is not there for them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from vigilar.base.errors import StoreError
from vigilar.base.notify_kinds import DANGERS
from vigilar.base.veil import SAYS_WHERE
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter
from vigilar.store.incident_reading import (
    Member,
    changed_incidents,
    get_incident,
    has_type,
    members_of,
    seen_parts,
)
from vigilar.store.incidents import StoredIncident, cut_to
from vigilar.web.hub import Notice, make_notice
from vigilar.web.visible import VisibleCameras

logger = logging.getLogger(__name__)

INCIDENT = "incident"
"""The name of the notice."""

TOLD_AT_MOST = 500
"""A page that missed more of them was asked to load its list again."""


def incidents_json(store: Store, found: Sequence[StoredIncident], visible: VisibleCameras) -> list[dict[str, Any]]:
    """Those of ``found`` of which there is something to see, for the API. Times are UTC ms. Raises StoreError."""
    seen = visible.limit(EventFilter())
    members = members_of(store, [incident.id for incident in found], seen)
    return [
        _json(cut, members[incident.id])
        for incident in found
        if (cut := _cut(store, incident, members[incident.id], seen)) is not None
    ]


def find_incident_json(store: Store, incident_id: int, visible: VisibleCameras) -> dict[str, Any] | None:
    """An incident, or the one that took over its events; None when there is nothing of it to see. Raises StoreError."""
    incident = get_incident(store, incident_id)
    if incident is not None and incident.into_id is not None:
        incident = get_incident(store, incident.into_id)
    shown = [] if incident is None else incidents_json(store, [incident], visible)
    return shown[0] if shown else None


def knows_incident(store: Store, incident_id: int, visible: VisibleCameras) -> bool:
    """Whether the member may know of it: sees a part of it, or was to be told of a danger. Raises StoreError."""
    wanted = visible.limit(EventFilter())
    return bool(members_of(store, [incident_id], wanted)[incident_id]) or has_type(store, incident_id, DANGERS)


class StoryTeller:
    """Tells one open page of each incident that changed, behind the events that changed it. ``told`` is the number of
    the newest change whose incidents were told; a page may get the newest one twice, and knows it by ``change``."""

    def __init__(self, store: Store, visible: VisibleCameras, told: int) -> None:
        self._store = store
        self._visible = visible
        self._told = told

    def notices(self, up_to: int) -> Iterator[Notice]:
        """Of the incidents whose newest change is not told yet and at most ``up_to``. What changed again since comes
        with that change. While the database cannot be read there are none, and they come later."""
        if up_to <= self._told:
            return
        try:
            changed = changed_incidents(self._store, self._told, up_to, TOLD_AT_MOST + 1)
            contents = self._contents(changed) if len(changed) <= TOLD_AT_MOST else []
        except StoreError as error:
            logger.warning("incidents could not be read for an open page: %s", error)
            return
        self._told = up_to
        for content in contents:
            yield make_notice(INCIDENT, content)

    def _contents(self, changed: Sequence[StoredIncident]) -> list[dict[str, Any]]:
        ended = [one for one in changed if one.into_id is not None]
        contents = incidents_json(self._store, [one for one in changed if one.into_id is None], self._visible)
        for one in ended:
            # Who saw the event that went over sees where it went; nobody else has ever heard of this one.
            if one.into_id is not None and find_incident_json(self._store, one.into_id, self._visible) is not None:
                contents.append({"id": one.id, "change": one.change, "is_gone": True, "into": one.into_id})
        return contents


def _cut(store: Store, incident: StoredIncident, members: Sequence[Member], seen: EventFilter) -> StoredIncident | None:
    says_more = seen.cameras is not None and any(part.type in SAYS_WHERE for part in incident.parts)
    if len(members) == incident.event_count and not says_more:
        return incident if members else None
    parts = seen_parts(store, incident.id, seen)
    return cut_to(incident, parts) if parts else None


def _json(incident: StoredIncident, members: Sequence[Member]) -> dict[str, Any]:
    pictured = next((one.event_id for one in members if one.still_id == incident.still_id is not None), None)
    return {
        "id": incident.id,
        "ts": incident.start_ms,
        "end_ts": incident.end_ms,
        "title": incident.title,
        "severity": incident.severity,
        "cameras": list(incident.cameras),
        "kinds": list(incident.kinds),
        "events": [one.event_id for one in members],
        "still": f"/events/{pictured}/still.jpg?v={incident.still_id}" if pictured is not None else None,
        "is_open": any(part.open_count for part in incident.parts),
        "change": incident.change,
        "is_gone": False,
    }
