"""The newest packets of one stream, in whole groups of pictures; at the same time the recorder's bounded queue.

The capturing thread adds, the recorder's ``RingReader`` goes through what was added. There is one copy of each packet
and one bound in bytes for both uses, and pre-roll cannot come twice or go missing, because "what is written" is a
position in the same sequence as "what came".
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from vigilar.media.packets import VIDEO, Packet, RunStart

MAX_RING_BYTES = 48 * 1024 * 1024
"""96 s of a 4 Mb/s camera: how long a disk may stand still before footage is lost."""

PACKET_OVERHEAD_BYTES = 400
"""What a packet costs beside its data (object, integers, list slot), so that tiny packets are bounded too."""


@dataclass(slots=True)
class Gop:
    """A keyframe and all up to the next, audio included. Grows while it is the newest.

    ``start`` is the keyframe's packet. ``trimmed`` counts packets taken from its front in an emergency. ``is_whole``
    is true as soon as nothing can follow any more.
    """

    run: RunStart
    start: Packet
    packets: list[Packet] = field(default_factory=list)
    size_bytes: int = 0
    trimmed: int = 0
    is_whole: bool = False
    newest_mono_ns: int = 0


@dataclass(frozen=True, slots=True)
class Loss:
    """Packets that were dropped before the reader saw them: their number and the span they covered."""

    packets: int
    from_utc_ns: int
    to_utc_ns: int


@dataclass(frozen=True, slots=True)
class GopView:
    """What a reader may know of the group it stands at before it decides.

    ``end_mono_ns`` is where it ends so far; ``is_whole`` says that nothing will be added. ``is_at_start`` is false
    when part of the group was taken already; ``unread`` counts the packets that were not.
    """

    run: RunStart
    start: Packet
    end_mono_ns: int
    is_whole: bool
    is_at_start: bool
    unread: int


class PacketRing:
    """Bounded, thread-safe; ``add`` never waits for anything but its own short lock.

    Keeps at least ``min_s`` before the newest packet, beginning with a keyframe, and all that the reader has not
    passed; drops whole groups from the front. When ``max_bytes`` is reached the front goes although it is unread, and
    the reader learns of it (policy: drop the oldest, counted).
    """

    def __init__(self, min_s: float, max_bytes: int = MAX_RING_BYTES) -> None:
        self._min_ns = int(min_s * 1e9)
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._gops: deque[Gop] = deque()
        self._first = 0  # number of the oldest group; groups are counted from 0 on
        self._run: RunStart | None = None
        self._size_bytes = 0
        self._is_skipping = False  # what remains of a group that was too large is not kept either
        self._reader: RingReader | None = None
        self.dropped_unread = 0
        self.dropped_headless = 0

    @property
    def size_bytes(self) -> int:
        """Bytes held, packets' own cost included. Any thread."""
        return self._size_bytes

    def keep(self, min_s: float) -> None:
        """Keep at least this much from now on. Any thread; more is there once it has come."""
        with self._lock:
            self._min_ns = int(min_s * 1e9)

    @property
    def is_crowded(self) -> bool:
        """Whether what waits to be decided on should be written, as else it might be dropped. Any thread."""
        return self._size_bytes * 4 > self._max_bytes * 3

    def reader(self) -> RingReader:
        """The one reader: it stands at what comes next."""
        with self._lock:
            self._reader = RingReader(self, self._first + len(self._gops))
            return self._reader

    def add(self, item: RunStart | Packet) -> None:
        """Called by the capturing thread. What comes before the first keyframe of a run cannot be decoded and is
        counted, not kept."""
        with self._lock:
            if isinstance(item, RunStart):
                self._end_newest()
                self._run = item
                self._is_skipping = False
                return
            if self._run is None or item.run != self._run.run:
                self.dropped_headless += 1
                return
            self._add_packet(self._run, item)

    def _add_packet(self, run: RunStart, packet: Packet) -> None:
        gops = self._gops
        if packet.is_keyframe and packet.kind is VIDEO:
            self._end_newest()
            self._is_skipping = False
            gops.append(Gop(run, packet))
        elif self._is_skipping or not gops or gops[-1].is_whole:
            self._count_skipped(packet)
            return
        gop = gops[-1]
        cost = len(packet.data) + PACKET_OVERHEAD_BYTES
        gop.packets.append(packet)
        gop.size_bytes += cost
        self._size_bytes += cost
        if packet.mono_ns > gop.newest_mono_ns:
            gop.newest_mono_ns = packet.mono_ns
        if len(gops) > 1 and packet.mono_ns - gops[1].start.mono_ns >= self._min_ns:
            self._drop_old(packet.mono_ns)
        if self._size_bytes > self._max_bytes:
            self._drop_excess()

    def _end_newest(self) -> None:
        if self._gops:
            self._gops[-1].is_whole = True

    def _count_skipped(self, packet: Packet) -> None:
        if self._is_skipping and self._reader:
            self.dropped_unread += 1
            self._reader._note_loss([packet])
        else:
            self.dropped_headless += 1

    def _drop_old(self, now_mono_ns: int) -> None:
        reader = self._reader
        while len(self._gops) > 1 and now_mono_ns - self._gops[1].start.mono_ns >= self._min_ns:
            if reader and reader._gop <= self._first:
                return
            self._drop_front()

    def _drop_excess(self) -> None:
        while len(self._gops) > 1 and self._size_bytes > self._max_bytes:
            self._drop_front()
        if self._size_bytes > self._max_bytes:
            self._trim(self._gops[0])

    def _drop_front(self) -> None:
        gop = self._gops.popleft()
        self._size_bytes -= gop.size_bytes
        reader = self._reader
        if reader and reader._gop <= self._first:
            unread = gop.packets[reader._index - gop.trimmed :] if reader._gop == self._first else gop.packets
            self.dropped_unread += len(unread)
            reader._gop, reader._index = self._first + 1, 0
            reader._note_loss(unread)
        self._first += 1

    def _trim(self, gop: Gop) -> None:
        """One group alone is above the bound: give up what was read of it, else all up to the next keyframe."""
        reader = self._reader
        read = reader._index - gop.trimmed if reader and reader._gop == self._first else len(gop.packets)
        if 2 * sum(len(packet.data) + PACKET_OVERHEAD_BYTES for packet in gop.packets[:read]) < gop.size_bytes:
            self._drop_front()
            self._is_skipping = True
            return
        kept = gop.packets[read:]
        gop.trimmed += read
        gop.packets = kept
        size = sum(len(packet.data) + PACKET_OVERHEAD_BYTES for packet in kept)
        self._size_bytes -= gop.size_bytes - size
        gop.size_bytes = size


class RingReader:
    """The recorder's place in the ring. One thread; the ring itself moves it when it must drop unread packets."""

    def __init__(self, ring: PacketRing, gop: int) -> None:
        self._ring = ring
        self._gop = gop
        self._index = 0  # packets of that group already taken, trimmed ones included
        self._loss: Loss | None = None

    def look(self) -> GopView | None:
        """The group at the reader's place, after passing those that are taken and whole; None when there is none."""
        with self._ring._lock:
            gop = self._current()
            if gop is None:
                return None
            unread = len(gop.packets) + gop.trimmed - self._index
            return GopView(gop.run, gop.start, self._end_of(gop), gop.is_whole, self._index == 0, unread)

    def newest_mono_ns(self) -> int:
        """Time of the newest packet in the ring, 0 while there is none."""
        with self._ring._lock:
            return self._ring._gops[-1].newest_mono_ns if self._ring._gops else 0

    def take(self) -> Sequence[Packet]:
        """All packets of the group that were not taken yet, in the order they came."""
        with self._ring._lock:
            gop = self._current()
            if gop is None:
                return ()
            taken = gop.packets[self._index - gop.trimmed :]
            self._index += len(taken)
            return taken

    def skip(self) -> None:
        """Pass the rest of a whole group."""
        with self._ring._lock:
            gop = self._current()
            if gop is not None and gop.is_whole:
                self._gop, self._index = self._gop + 1, 0

    def pop_loss(self) -> Loss | None:
        """What was dropped unread since the last call."""
        with self._ring._lock:
            loss, self._loss = self._loss, None
            return loss

    def _end_of(self, gop: Gop) -> int:
        """Where the next group begins if it is there; else the end of the newest packet."""
        following = self._gop + 1 - self._ring._first
        if following < len(self._ring._gops) and self._ring._gops[following].run is gop.run:
            return self._ring._gops[following].start.mono_ns
        return gop.newest_mono_ns + int(gop.start.duration_s * 1e9)

    def _current(self) -> Gop | None:
        ring = self._ring
        while self._gop - ring._first < len(ring._gops):
            gop = ring._gops[self._gop - ring._first]
            if not gop.is_whole or self._index < gop.trimmed + len(gop.packets):
                return gop
            self._gop, self._index = self._gop + 1, 0
        return None

    def _note_loss(self, packets: Sequence[Packet]) -> None:
        if not packets:
            return
        first, last = packets[0].utc_ns, packets[-1].utc_ns
        if self._loss:
            self._loss = Loss(
                self._loss.packets + len(packets), self._loss.from_utc_ns, max(last, self._loss.to_utc_ns)
            )
        else:
            self._loss = Loss(len(packets), first, last)
