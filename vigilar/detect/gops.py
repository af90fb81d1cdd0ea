"""The packets that may have to be decoded after all: the GOP that is being received and the one before."""

from __future__ import annotations

from vigilar.media.packets import Packet

MAX_BYTES = 16 * 1024 * 1024
"""Of both together; 30 s at 4 Mbit/s. The packets are shared with the ring, so it is seldom more memory."""


class Gops:
    """Packets in order, from the keyframe before the newest. One thread."""

    def __init__(self) -> None:
        self._before: list[Packet] = []
        self._now: list[Packet] = []
        self._pending_from = 0
        self._bytes_before = 0
        self._bytes_now = 0

    @property
    def is_empty(self) -> bool:
        """True until the first keyframe."""
        return not self._now

    @property
    def is_full(self) -> bool:
        """The pending packets of an endless GOP must be decoded now, there is no room for more."""
        return self._bytes_now > MAX_BYTES

    def add(self, packet: Packet) -> None:
        if packet.is_keyframe:
            self._before, self._bytes_before = self._now, self._bytes_now
            self._now, self._bytes_now, self._pending_from = [], 0, 0
        self._now.append(packet)
        self._bytes_now += len(packet.data)
        if self._bytes_before + self._bytes_now > MAX_BYTES:
            self._before, self._bytes_before = [], 0

    def take_pending(self) -> list[Packet]:
        """The packets of the newest GOP that were not yet taken: what a decoder needs to get to the newest."""
        pending = self._now[self._pending_from :]
        self._pending_from = len(self._now)
        if self.is_full:
            # The decoder has them; the keyframe alone stays to say that one was there.
            self._now = self._now[:1]
            self._bytes_now, self._pending_from = len(self._now[0].data), 1
        return pending

    def whole_before(self) -> list[Packet]:
        """The GOP before the newest, from its keyframe; empty when it was not kept."""
        return self._before

    def forget_before(self) -> None:
        self._before, self._bytes_before = [], 0
