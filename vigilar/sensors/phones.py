"""Who is at home, by the phones that answer on the network.

A phone that was paired says itself where it is whenever its app is open, so it need not be chosen from a list of
hardware addresses, and a new address of it is known at once (``hear``).

A phone that answers is at home at once; one that does not answer has left only after ``away_after_s``, as phones sleep.
While nothing at all answers, the network is away and not the people: then, and until a phone that was never heard since
the start had the time to answer, it is not known. It only tells: nothing here disarms.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

from vigilar.base.clock import Clock
from vigilar.base.ids import new_id, slug
from vigilar.base.tally import Tally
from vigilar.bus.messages import PhoneHeard, PresenceTold
from vigilar.bus.topics import Topics
from vigilar.sensors.neighbours import Neighbour
from vigilar.store import presence as rows
from vigilar.store import users as user_rows
from vigilar.store.engine import Store
from vigilar.store.presence import Device, Where

logger = logging.getLogger(__name__)

LOOK_EVERY_NS = 15_000_000_000
"""Reachable means for the kernel that a device answered within some 30 s."""

MAX_NAME = 60
"""Of a device, as on its page."""

NOTE_EVERY_NS = 60_000_000_000
"""How often the time at which devices were seen is written down."""


class RetainingPublisher(Protocol):
    """What is needed of ``bus.client.MessageBus``."""

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> object: ...


class PhoneWatch:
    """All methods on one thread. Raises StoreError."""

    def __init__(
        self,
        store: Store,
        bus: RetainingPublisher,
        clock: Clock,
        away_after_s: float,
        read: Callable[[], Sequence[Neighbour]],
        nudge: Callable[[Iterable[str]], None],
        routers: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self.away_after_s = away_after_s
        self._read = read
        self._nudge = nudge
        self._routers = routers
        self._began_ns = clock.mono_ns()
        self._heard_ns: dict[str, int] = {}  # by hardware address
        self._network_ns: int | None = None
        self._look_ns = 0
        self._note_ns: int | None = None
        self._unread = Tally(logger, "the neighbours of this machine cannot be read", every_s=600.0)

    def look(self) -> None:
        """Look whether it is time; call it every second or so."""
        now_ns = self._clock.mono_ns()
        if now_ns < self._look_ns:
            return
        self._look_ns = now_ns + LOOK_EVERY_NS
        try:
            table = self._read()
        except OSError as error:
            self._unread.add(error)
            table = []
        answering = _by_mac(one for one in table if one.is_reachable)
        for mac in answering:
            self._heard_ns[mac] = now_ns
        if answering:
            self._network_ns = now_ns
        self._note(_by_mac(table), answering, now_ns)
        phones = [one for one in rows.list_devices(self._store) if one.user_id is not None]
        self._judge(phones, now_ns)
        self._nudge([*(one.address for one in phones)])

    def hear(self, heard: PhoneHeard) -> None:
        """A paired phone spoke to the pages. Who has its address on this network is its device, whatever hardware
        address it made up for itself today, and its member is at home; one from elsewhere (through a tunnel, say) is
        not, also where a router lends it an address of this network and answers for it."""
        try:
            address = str(ipaddress.ip_address(heard.address))
            table = self._read()
        except (ValueError, OSError) as error:
            self._unread.add(error)
            return
        macs = [one.mac for one in table if one.address == address]
        routers = self._routers()
        if not macs or macs[0] in {one.mac for one in table if one.address in routers}:
            return
        if heard.user_id not in {one.id for one in user_rows.list_users(self._store)}:
            return
        now_ms = self._clock.utc_ns() // 1_000_000
        rows.claim_device(self._store, macs[0], address, heard.user_id, heard.device[:MAX_NAME], now_ms)
        self._heard_ns[macs[0]] = self._network_ns = self._clock.mono_ns()
        self._look_ns = 0

    def _note(self, table: dict[str, str], answering: dict[str, str], now_ns: int) -> None:
        if self._note_ns is not None and now_ns - self._note_ns < NOTE_EVERY_NS:
            return
        self._note_ns = now_ns
        known = {one.mac for one in rows.list_devices(self._store)}
        new = {mac: address for mac, address in table.items() if mac not in known}
        if answering or new:
            rows.note_devices(self._store, {**new, **answering}, self._clock.utc_ns() // 1_000_000)

    def _judge(self, phones: Sequence[Device], now_ns: int) -> None:
        names = {one.id: one.name for one in user_rows.list_users(self._store)}
        before = {one.user_id: one.state for one in rows.list_presence(self._store)}
        for user_id in sorted({one.user_id for one in phones if one.user_id is not None}):
            macs = [one.mac for one in phones if one.user_id == user_id]
            state = self._where(macs, before.get(user_id), now_ns)
            if state != before.get(user_id) and user_id in names:
                since_ms = self._clock.utc_ns() // 1_000_000
                rows.set_presence(self._store, user_id, state, since_ms)
                self._tell(names[user_id], state, since_ms)

    def _where(self, macs: Sequence[str], before: Where | None, now_ns: int) -> Where:
        after_ns = round(self.away_after_s * 1e9)
        if self._network_ns is None or now_ns - self._network_ns > after_ns:
            return "unknown"
        heard_ns = max((self._heard_ns[mac] for mac in macs if mac in self._heard_ns), default=None)
        if heard_ns is None:
            if now_ns - self._began_ns > after_ns:
                return "away"
            return before or "unknown"
        if now_ns - heard_ns <= after_ns:
            return "home"
        return "away"

    def _tell(self, name: str, state: Where, since_ms: int) -> None:
        told = PresenceTold(new_id(), since_ms, name, state, since_ms)
        self._bus.publish(Topics.presence(slug(name)), told.dump(), retain=True)


def _by_mac(table: Iterable[Neighbour]) -> dict[str, str]:
    """The address of each device: of several that of IPv4, which can be asked without knowing the interface."""
    found: dict[str, str] = {}
    for one in table:
        if ":" not in one.address or one.mac not in found:
            found[one.mac] = one.address
    return found
