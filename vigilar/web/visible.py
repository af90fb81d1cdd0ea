"""Which cameras a member sees. It stands before every camera id that a request names and every list that names cameras.

A camera that is hidden from a member answers exactly as one that does not exist, so that nobody learns of it by trying.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from vigilar.base.notify_kinds import is_danger
from vigilar.bus.messages import EventPublished
from vigilar.config.jobs import CameraInfo
from vigilar.store import cameras as camera_rows
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, get_event, veiled
from vigilar.store.jobs import JobRow
from vigilar.store.veils import find_veil
from vigilar.web.camera_book import CameraBook
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Member, Right

SECRET_TYPES = frozenset({"duress"})
SECRET_FOR_MS = 12 * 3_600_000
"""Whoever is made to disarm must be able to show every page: what tells of it is on none of them for half a day. The
bus carries it at once, and the commands of the box show it."""


@dataclass(frozen=True, slots=True)
class VisibleCameras:
    """The cameras, and the events, that ``member`` sees. Any thread; made anew for each request.

    Events of no camera (Vigilar started, a program failed) are for those who may see the system.
    """

    member: Member
    book: CameraBook
    store: Store
    now_ms: Callable[[], int]

    def __contains__(self, camera_id: str) -> bool:
        return self.member.sees(camera_id)

    def has_job(self, row: JobRow) -> bool:
        """Whether the member may know of a job: of cameras for who sees all of them, of the house for who sees all of
        it."""
        return all(one in self for one in row.camera_ids or ("",))

    def all(self) -> tuple[CameraInfo, ...]:
        """Those of the configuration, in its order."""
        return tuple(camera for camera in self.book.all() if camera.id in self)

    def ids(self) -> frozenset[str]:
        return frozenset(camera.id for camera in self.all())

    def get(self, camera_id: str) -> CameraInfo:
        """The camera of the configuration. Raises Problem 404."""
        camera = self.book.find(camera_id) if camera_id in self else None
        if camera is None:
            raise _unknown(self.removed_name(camera_id))
        return camera

    def removed_name(self, source_id: str) -> str:
        """The name of a camera that was removed, and whose events the member sees; empty for every other source."""
        if source_id not in self or self.book.find(source_id) is not None:
            return ""
        row = camera_rows.get_camera(self.store, source_id)
        return "" if row is None else row.name

    def check_had(self, camera_id: str) -> None:
        """Raises Problem 404 unless there is, or was, such a camera: one that was removed may have footage."""
        if camera_id not in self or (self.book.find(camera_id) is None and not self._has_row(camera_id)):
            raise _unknown()

    def limit(self, wanted: EventFilter) -> EventFilter:
        """``wanted`` without the events that this member does not see."""
        return replace(
            wanted,
            cameras=self.member.cameras,
            of_house=self.member.may(Right.SEE_SYSTEM),
            secret=SECRET_TYPES,
            secret_from_ms=self.now_ms() - SECRET_FOR_MS,
        )

    def find_event(self, event_id: int) -> StoredEvent | None:
        """The event of this id as the member sees it; None for one that they do not see, or that there is not."""
        event = self._read(event_id)
        return self.veil(event) if event is not None and self.has_event(event) else None

    def find_danger(self, event_id: int) -> StoredEvent | None:
        """The event of this id, as the member is told of it, if it is a danger of which they may know without seeing
        where it was."""
        event = self._read(event_id)
        if event is None or self.has_event(event) or not self.knows_of(event):
            return None
        return self.veil(event)

    def veil(self, event: StoredEvent) -> StoredEvent:
        """The event without the names of cameras that are hidden. Those of a list that ``limit`` cuts are so already.
        Raises StoreError."""
        return veiled(event, find_veil(self.store, self.member.cameras))

    def veil_told(self, told: EventPublished) -> EventPublished:
        """The same of what is told of an event. Raises StoreError."""
        veil = find_veil(self.store, self.member.cameras)
        if veil is None:
            return told
        payload = veil.payload(told.type, told.source_id, told.payload)
        return replace(told, payload=payload, title=str(payload.get("title") or ""))

    def text_veil(self, event_id: int) -> Callable[[str], str]:
        """The same for sentences that were made of an event. Raises StoreError."""
        veil, event = find_veil(self.store, self.member.cameras), get_event(self.store, event_id)
        if veil is None or event is None:
            return str
        return lambda text: veil.text(text, event.type, event.source_id, event.payload)

    def has_event(self, event: StoredEvent) -> bool:
        return not self.is_secret(event.type, event.ts_ms) and self.has_source(event.source_id)

    def is_secret(self, event_type: str, ts_ms: int) -> bool:
        """Whether no page may show such an event yet, whoever asks."""
        return event_type in SECRET_TYPES and ts_ms >= self.now_ms() - SECRET_FOR_MS

    def knows_of(self, event: StoredEvent) -> bool:
        """Whether the member may know that this happened, though perhaps not see it: a danger to everybody is told to
        whoever is to be told."""
        return self.has_event(event) or (is_danger(event.type) and not self.is_secret(event.type, event.ts_ms))

    def has_source(self, source_id: str) -> bool:
        """Whether events of that source are seen: a camera's id, or another part of the house."""
        sees_house = self.member.may(Right.SEE_SYSTEM)
        if self.member.cameras is None:
            return sees_house or self._has_row(source_id)
        return source_id in self.member.cameras or (sees_house and not self._has_row(source_id))

    def _read(self, event_id: int) -> StoredEvent | None:
        return get_event(self.store, event_id) if event_id < 2**63 else None

    def _has_row(self, camera_id: str) -> bool:
        return camera_rows.get_camera(self.store, camera_id) is not None


def visible_cameras(member: Member) -> VisibleCameras:
    """What ``member`` sees of the house that serves this request."""
    here = parts()
    return VisibleCameras(member, here.cameras, here.store, here.now_ms)


def _unknown(removed: str = "") -> Problem:
    """``removed``: the name that it had, for who may know."""
    if not removed:
        return Problem(404, "camera.unknown", "There is no such camera.")
    next_step = "What it told stays under Events, with what it recorded until that is old or space is short."
    return Problem(404, "camera.unknown", f"{removed} was removed from Vigilar.", next_step=next_step)
