"""How often to look while nothing moves, by what decoding costs.

To look at a P-frame all before it back to the keyframe must be decoded, so two looks a second cost most of a full
decode: right for a small stream (640x360 at 10 a second: 0.5 to 1 % of a core), too much for a large one (1080p at 25:
10 %), of which only keyframes are decoded. A small stream that has been still for a while rests: its keyframes are
looked at, and in between what follows the largest of its packets (``packetsize.is_loud``).
"""

from __future__ import annotations

from vigilar.media.packets import Packet, StreamInfo, StreamRole

SMALL_LOOK_S = 0.5
"""Two looks a second (features.md A4)."""
LARGE_LOOK_S = 5.0
"""A large stream whose keyframes lie further apart is decoded up to a P-frame after this long: the pre-roll."""
KEYFRAME_GAP_S = 0.45
"""Keyframes closer together than this are not all looked at (some cameras send nothing else)..."""
LONG_GOP_S = 0.9
"""...those of longer GOPs are, whenever the last look was: it aligns the looks with the keyframes, and the tail of a
GOP after its last look need not be decoded (a fifth of the packets of a small stream)."""
REST_AFTER_S = 5.0
"""So long nothing has stirred in a small stream, and it rests..."""
REST_GOP_S = 2.5
"""...if its keyframes are no further apart: motion is found within this at the latest, well inside the pre-roll."""
NEAR_SHARE, NEAR_S = 0.1, 0.5
"""In the last tenth of a group, and no longer than this, a hint waits for the next keyframe: that is decoded alone, and
to know it so much sooner nine tenths of a group would be decoded first."""
MOVING_LOOK_S = 1.0
"""A motion that goes on is looked at no more often: whether it still does."""
HINT_GAP_S = 0.2
"""No look on a hint sooner than this after the last look."""
SMALL_MAIN_PX_S = 640 * 480 * 31
"""Pixels a second up to which a main stream is small; 31 for cameras that say 30 and send a little more."""
SMALL_SUB_PX_S = 1280 * 720 * 31
"""A sub stream was chosen by the owner to be looked at; only an absurd one is treated as large."""
USUAL_RATE = 25.0


class Pace:
    """Says when a look is due. One per run."""

    def __init__(self, role: StreamRole, info: StreamInfo) -> None:
        self._limit_px_s = SMALL_SUB_PX_S if role is StreamRole.SUB else SMALL_MAIN_PX_S
        self._picture_px = info.width * info.height
        self.is_small = self._picture_px * float(info.frame_rate or USUAL_RATE) <= self._limit_px_s
        self._keyframe_ns: int | None = None
        self._packets = 0
        self._gop_s = 0.0
        self._longest_gop_s = 0.0

    def count(self, packet: Packet) -> None:
        """Every packet of the run passes here: what a camera says of its rate is often wrong, so it is measured."""
        self._packets += 1
        if not packet.is_keyframe:
            return
        if self._keyframe_ns is not None and packet.mono_ns > self._keyframe_ns:
            self._gop_s = (packet.mono_ns - self._keyframe_ns) / 1e9
            self._longest_gop_s = max(self._longest_gop_s, self._gop_s)
            if self._picture_px and self._packets > 4:
                self.is_small = self._picture_px * self._packets / self._gop_s <= self._limit_px_s
        self._keyframe_ns, self._packets = packet.mono_ns, 0

    def is_due(self, packet: Packet, since_look_s: float, *, may_rest: bool) -> bool:
        """Whether ``packet`` should be looked at, ``since_look_s`` after the last look.

        ``may_rest``: nothing has stirred for REST_AFTER_S, and large packets will tell.
        """
        if packet.is_keyframe:
            return self._gop_s >= LONG_GOP_S or since_look_s >= KEYFRAME_GAP_S - _early_s(packet)
        if self.is_small and may_rest and 0.0 < self._gop_s <= REST_GOP_S:
            return since_look_s >= REST_GOP_S
        return since_look_s >= (SMALL_LOOK_S if self.is_small else LARGE_LOOK_S) - _early_s(packet)

    def is_due_moving(self, packet: Packet, since_look_s: float) -> bool:
        """The same during a motion that goes on: its keyframes, and where they are rare also what lies between."""
        if packet.is_keyframe:
            return self._gop_s >= LONG_GOP_S or since_look_s >= MOVING_LOOK_S - _early_s(packet)
        return not 0.0 < self._gop_s <= REST_GOP_S and since_look_s >= MOVING_LOOK_S - _early_s(packet)

    def is_keyframe_near(self, packet: Packet) -> bool:
        """Whether the next keyframe, if it comes after as long as the last did, is hardly later than ``packet``."""
        if self._keyframe_ns is None or self._gop_s == 0.0:
            return False
        left_s = self._gop_s - (packet.mono_ns - self._keyframe_ns) / 1e9
        return 0.0 < left_s <= min(NEAR_SHARE * self._gop_s, NEAR_S)

    @property
    def worst_delay_s(self) -> float:
        """How long after its first frame motion may be found at the latest; the pre-roll must reach further back."""
        longest_s = self._longest_gop_s or LARGE_LOOK_S
        if self.is_small:
            return min(REST_GOP_S, max(SMALL_LOOK_S, longest_s))
        return min(LARGE_LOOK_S, longest_s)


def _early_s(packet: Packet) -> float:
    """So much before its time a look is in time."""
    return min(packet.duration_s / 2, 0.05)
