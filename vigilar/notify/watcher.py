"""Makes events of what people must know about being told: rows for the events process, each with an id that says what
it is about, so that the same thing is told once however often it is met."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from vigilar.base.clock import Clock
from vigilar.bus.messages import NotifyFact
from vigilar.bus.topics import Topics
from vigilar.notify.outbox import LaneState
from vigilar.store import inbound
from vigilar.store.deliveries import Delivery
from vigilar.store.engine import Store
from vigilar.store.phones import delete_phone_within, set_phone_state, silent_phones

logger = logging.getLogger(__name__)

DAY_MS = 86_400_000

SILENT_AFTER_MS = 20 * 3_600_000
"""A phone that took a push and shows nothing for so long is named: within a day, as it is looked each hour at least."""

WAITING_AFTER_MS = 60_000
"""A line that is away for a minute is told; a router that starts again takes as long."""


class NotifyWatcher:
    """For all threads of one process. ``outbox.Watcher`` for the lanes, ``look`` for the process' own loop. Raises
    StoreError."""

    def __init__(self, store: Store, node_id: str, clock: Clock) -> None:
        self._store = store
        self._node_id = node_id
        self._clock = clock
        self._told_waiting: dict[str, int] = {}

    def phone_gone(self, one: Delivery, sentence: str) -> None:
        """Its subscription is over: the phone goes, and people are told."""
        if one.phone_id is None:
            return
        self._tell(f"phone-gone-{one.phone_id}", "phone_gone", one.device, {"sentence": sentence})
        with self._store.write("remove a phone") as connection:
            delete_phone_within(connection, one.phone_id, sentence)

    def phone_refused(self, one: Delivery, sentence: str) -> None:
        """The phone stays: its subscription may be good, and it is our key or our clock that is not."""
        if one.phone_id is None:
            return
        day = self._now_ms() // DAY_MS
        self._tell(f"push-rejected-{one.phone_id}-{day}", "push_rejected", one.device, {"sentence": sentence})
        set_phone_state(self._store, one.phone_id, "refused", sentence)

    def look_for_silent(self) -> None:
        """Name the phones that take pushes and show none."""
        for phone in silent_phones(self._store, taken_before_ms=self._now_ms() - SILENT_AFTER_MS):
            since = phone.shown_ms if phone.shown_ms is not None else phone.created_ms
            sentence = (
                "Its push service takes what is sent, and the phone has not said that it showed any of it. Is it off, "
                "away from home, or are its notifications switched off?"
            )
            name = f"{phone.name} ({phone.user_name})"
            detail = {"sentence": sentence, "phone": phone.id, "since_ts": since}
            self._tell(f"phone-silent-{phone.id}-{since}", "phone_silent", name, detail)
            set_phone_state(self._store, phone.id, "silent", sentence)

    def look_at_lanes(self, states: Sequence[LaneState]) -> None:
        """Tell when pushes wait, and when they go out again."""
        now_ms = self._now_ms()
        for state in states:
            since_ms = state.waiting_since_ms
            told_ms = self._told_waiting.get(state.name)
            if since_ms is not None and told_ms is None and now_ms - since_ms >= WAITING_AFTER_MS:
                detail = {"sentence": state.reason, "since_ts": since_ms}
                self._tell(f"push-waiting-{state.name}-{since_ms}", "push_waiting", "", detail)
                self._told_waiting[state.name] = since_ms
            elif since_ms is None and told_ms is not None:
                self._tell(f"push-resumed-{state.name}-{told_ms}", "push_resumed", "", {"since_ts": told_ms})
                del self._told_waiting[state.name]

    def _tell(self, uid: str, kind: str, name: str, detail: dict[str, object]) -> None:
        now_ms = self._now_ms()
        fact = NotifyFact(uid, now_ms, kind, name, detail)
        inbound.put(self._store, self._node_id, uid, Topics.NOTIFY_FACT, fact.dump(), now_ms)

    def _now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000
