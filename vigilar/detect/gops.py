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
        self._taken = 0
        self._bytes_before = 0
        self._bytes_now = 0
        self._is_cut = False
        self.keyframe_mono_ns: int | None = None

    @property
    def is_full(self) -> bool:
        """The pending packets of an endless GOP must be taken now: no more may be held."""
        return self._bytes_now > MAX_BYTES

    def add(self, packet: Packet) -> None:
        if packet.is_keyframe:
            self._before = [] if self._is_cut else self._now
            self._bytes_before = self._bytes_now
            self._now, self._bytes_now, self._taken, self._is_cut = [], 0, 0, False
            self.keyframe_mono_ns = packet.mono_ns
        self._now.append(packet)
        self._bytes_now += len(packet.data)
        if self._bytes_before + self._bytes_now > MAX_BYTES:
            self._before, self._bytes_before = [], 0

    def take_pending(self) -> list[Packet]:
        """The packets of the newest GOP that were not yet taken: what a decoder needs to get to the newest."""
        pending = self._now[self._taken :]
        self._taken = len(self._now)
        if self.is_full:
            self._now, self._bytes_now, self._taken, self._is_cut = [], 0, 0, True
        return pending

    @property
    def pending_s(self) -> float:
        """How much of the newest GOP must be decoded to get to its newest packet, in seconds."""
        if self._taken >= len(self._now):
            return 0.0
        return (self._now[-1].mono_ns - self._now[self._taken].mono_ns) / 1e9

    def rewind(self) -> None:
        """The decoder of the newest GOP is gone, after its keyframe: that is pending again."""
        self._taken = 0

    def take_before(self) -> list[Packet]:
        """The GOP before the newest, from its keyframe; empty when it was not kept or was taken."""
        before, self._before, self._bytes_before = self._before, [], 0
        return before
