"""Pictures one behind the other without a hole, though nobody knows yet how long the newest is to be seen. Pure."""

from __future__ import annotations

from dataclasses import replace

from vigilar.media.packets import Kind, Packet

ANEW_S = 1.0
"""What lies between a keyframe and the picture before, if that was left out, or if the camera sends few."""


class EvenLine:
    """Packets of one run for a player that shows each at once. One thread.

    A picture that comes before its successor has no length. Guessed too short, it leaves a hole, at which a Media
    Source player waits for a keyframe (W3C MSE, coded frame processing: a distance above twice the length of the frame
    before). So each is as long as the one before it lasted, and begins where that one ends: at its own time while the
    camera is regular, and by the irregularity earlier where it is not. Nothing adds up. Sound stays as it is.

    ``may_leave_hole``: a player that jumps to the newest picture anyway is given a keyframe after a second without any
    at its own time.
    """

    def __init__(self, *, may_leave_hole: bool) -> None:
        self._may_leave_hole = may_leave_hole
        self._last: Packet | None = None
        self._shift = 0

    def place(self, packet: Packet) -> Packet:
        """The packet with decode time, presentation time and duration to be sent."""
        if packet.kind is not Kind.VIDEO:
            return packet
        last, self._last = self._last, packet
        if last is None or self._is_anew(last, packet):
            self._shift = packet.duration
            return packet
        dts = last.dts + self._shift
        return replace(packet, dts=dts, pts=dts + packet.pts - packet.dts, duration=packet.dts - last.dts)

    def _is_anew(self, last: Packet, packet: Packet) -> bool:
        return self._may_leave_hole and packet.is_keyframe and packet.dts_s - last.dts_s > ANEW_S
