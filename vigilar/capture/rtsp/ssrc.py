"""Which packets on a channel are of this session: cameras go on sending those of an earlier one on a new connection.

An old live555 forgets to drop a dead session over TCP and writes its packets to whoever has the descriptor next, until
the session times out, 65 s later. They have the same channel and payload type, but another SSRC.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from vigilar.capture.rtsp.reports import ReceiverStats
from vigilar.capture.rtsp.wire import Take

logger = logging.getLogger(__name__)

SWITCH_S = 2.0
SWITCH_PACKETS = 8
"""When so much came of another SSRC and nothing of ours, the camera's encoder has begun anew with that one: it is kept
from its first packet on (HOLD_BYTES at most). As long for a payload type that changes."""

MIXED_S = 3.0
MIXED_PACKETS = 30
"""When two streams came side by side for so long, and nothing says which is ours, both are given up once."""


OTHER_TYPES = 16
"""So many packets of one other payload type and none of the promised one: the description is wrong."""

HOLD_S = 1.0
HOLD_BYTES = 2 * 1024 * 1024
"""So long the announced SSRC is waited for while another comes: its packets are kept, as the camera may be wrong."""


class SsrcGate:
    """Stands before the track of one stream. One thread.

    Ours is, the surest first: the SSRC of the Transport header, as soon as it comes; one that was not seen before PLAY
    (``leftover``); the first that comes. Middle fragments of a picture, which ``VideoTrack.run_on`` takes, do not come
    by here: they must follow each other in sequence number and stamp.
    """

    def __init__(
        self,
        take: Take,
        payload_type: int,
        stats: ReceiverStats,
        give_up: Callable[[], None] | None = None,
        now: Callable[[], float] = time.monotonic,
        is_next: Callable[[int], bool] = lambda _sequence: False,
    ) -> None:
        """``give_up`` is called when ours cannot be told from leftovers; what it raises leaves ``add``. ``is_next``
        tells whether a sequence number is the one that follows the last packet of ours."""
        self._take, self._payload_type, self._stats = take, payload_type, stats
        self._announced: bytes | None = None
        self._leftover: frozenset[bytes] = frozenset()
        self._give_up, self._now, self._is_next = give_up, now, is_next
        self._other_type = self._meant_type = -1
        self._other_types, self._other_since_s = 0, 0.0
        self._own = b""
        self._held: list[bytearray] = []
        self._held_bytes = 0
        self._held_since_s = 0.0
        self._is_sure = False
        self._others = self._mixed = 0
        self._others_since_s = self._mixed_since_s = 0.0
        self.dropped = 0
        self.taken = 0
        self.foreign_type = -1
        """The payload type of the other stream, which is never meant."""

    def announce(self, ssrc: bytes | None) -> None:
        """What the Transport header says, if it says it."""
        self._announced = ssrc

    def begin(self, leftover: frozenset[bytes]) -> None:
        """PLAY is about to be sent; ``leftover`` came before."""
        self._leftover = leftover - {self._announced or b""}

    def add(self, data: bytearray, begin: int, end: int) -> None:
        """One RTP packet."""
        if end - begin < 12:
            return
        kind = data[begin + 1] & 0x7F
        if kind != self._payload_type:
            if kind != self._meant_type:
                self._note_type(kind)
                return
            data[begin + 1] = data[begin + 1] & 0x80 | self._payload_type
        elif self._other_types:
            self._other_types = 0
        own = self._own
        if not own or not data.startswith(own, begin + 8):
            ssrc = bytes(data[begin + 8 : begin + 12])
            if self._announced and not own and ssrc != self._announced:
                self._hold(data[begin:end])
                return
            if not self._is_ours(ssrc, data[begin + 2] << 8 | data[begin + 3]):
                if self._others and self._held_bytes < HOLD_BYTES:
                    self._keep(data[begin:end])
                return
            own = self._own
            if self._held:
                self._take_held()
        elif self._others:
            self._others, self._held, self._held_bytes = 0, [], 0
        self.taken += 1
        self._stats.note(own, data[begin + 2] << 8 | data[begin + 3])
        self._take(data, begin, end)

    def _note_type(self, payload_type: int) -> None:
        """Of a packet that is not what the description promises. When nothing else comes, it is what is meant: from the
        start, or from when the camera's settings were changed."""
        if 64 <= payload_type <= 95 or payload_type == self.foreign_type:  # the first would be RTCP (RFC 5761 4)
            return
        if payload_type != self._other_type or not self._other_types:
            self._other_type, self._other_types, self._other_since_s = payload_type, 0, self._now()
        self._other_types += 1
        if self._other_types > OTHER_TYPES and (not self.taken or self._now() - self._other_since_s > SWITCH_S):
            logger.warning("the stream comes with payload type %d instead of %d", payload_type, self._payload_type)
            self._meant_type = payload_type

    def _is_ours(self, ssrc: bytes, sequence: int) -> bool:
        if ssrc == self._announced or (not self._own and ssrc not in self._leftover):
            self.dropped += len(self._held)
            self._held, self._held_bytes = [], 0
            self._adopt(ssrc)
            return True
        if ssrc not in self._leftover and self._own and (self._is_next(sequence) or self._has_taken_over()):
            logger.debug("the stream goes on with another SSRC")
            self.dropped -= len(self._held)
            self._adopt(ssrc)
            return True
        self._drop(ssrc)
        return False

    def _hold(self, packet: bytearray) -> None:
        """Keep what came before the announced SSRC, and take it after all when that does not come."""
        ssrc = bytes(packet[8:12])
        if ssrc in self._leftover:
            self._drop(ssrc)
            return
        self._keep(packet)
        self.look()

    def _keep(self, packet: bytearray) -> None:
        if not self._held:
            self._held_since_s = self._now()
        self._held.append(packet)
        self._held_bytes += len(packet)

    def _take_held(self) -> None:
        held, self._held, self._held_bytes = self._held, [], 0
        for one in held:
            self.add(one, 0, len(one))

    def look(self) -> None:
        """Wait no longer than HOLD_S for what was announced. To be called now and then after the start."""
        if self._own or not self._held:
            return
        if self._now() - self._held_since_s > HOLD_S or self._held_bytes > HOLD_BYTES:
            logger.info("the camera announced another SSRC than it sends")
            self._announced = None
            self._take_held()

    def _adopt(self, ssrc: bytes) -> None:
        self._own, self._others = ssrc, 0
        self._is_sure = ssrc == self._announced or bool(self._leftover)

    def _has_taken_over(self) -> bool:
        now_s = self._now()
        if not self._others:
            self._others_since_s = now_s
        self._others += 1
        return self._others > SWITCH_PACKETS and now_s - self._others_since_s > SWITCH_S

    def _drop(self, ssrc: bytes) -> None:
        if not self.dropped:
            logger.warning("packets of an earlier connection still come, and are dropped")
        self.dropped += 1
        if self._is_sure or self._give_up is None or ssrc in self._leftover or not self._own:
            return
        if self._others == 1:  # the first since one of ours: they come side by side
            self._mixed += 1
            self._mixed_since_s = self._mixed_since_s or self._now()
        if self._mixed > MIXED_PACKETS and self._now() - self._mixed_since_s > MIXED_S:
            self._give_up()
