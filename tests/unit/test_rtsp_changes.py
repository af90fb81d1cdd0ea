"""Cameras that change in the middle of a connection, as when somebody saves their settings: nothing is lost."""

from __future__ import annotations

import pytest

from tests.fakes.rtp import IDR, SLICE, rtp
from vigilar.capture.rtsp.reorder import DecodeStamps
from vigilar.capture.rtsp.reports import ReceiverStats
from vigilar.capture.rtsp.ssrc import HOLD_BYTES, OTHER_TYPES, SWITCH_S, SsrcGate
from vigilar.capture.rtsp.timeline import Timeline
from vigilar.capture.rtsp.video import VideoTrack
from vigilar.media.packets import RawPacket


class Camera:
    """Ten pictures a second through a gate into a track, numbered in their last byte."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.out: list[RawPacket] = []
        track = VideoTrack("h264", 96, 90_000, Timeline(90_000, 0), DecodeStamps(90_000, 9000, 0), self.out)
        self.track = track
        self.gate = SsrcGate(track.add, 96, ReceiverStats(), None, lambda: self.now_s, track.is_next)
        self.gate.begin(frozenset())
        self.number = 0

    def send(self, pictures: int, *, sequence: int = 0, stamp: int = 0, payload_type: int = 96, ssrc: int = 7) -> None:
        for _ in range(pictures):
            nal = (IDR if self.number % 10 == 0 else SLICE) + bytes((self.number,))
            place = {"sequence": sequence + self.number, "stamp": stamp + 9000 * self.number}
            packet = rtp(nal, **place, marker=True, payload_type=payload_type, ssrc=ssrc)
            self.gate.add(bytearray(packet), 0, len(packet))
            self.track.keep()
            self.number += 1
            self.now_s += 0.1

    @property
    def numbers(self) -> list[int]:
        return [raw.data[-1] for raw in self.out]


def started() -> Camera:
    camera = Camera()
    camera.send(15)
    return camera


def test_encoder_that_begins_anew_loses_no_picture() -> None:
    camera = started()
    camera.send(40, sequence=40_000, stamp=3_000_000_000, ssrc=99)
    assert camera.numbers == list(range(55))
    assert camera.gate.dropped == 0


def test_what_is_kept_of_another_ssrc_is_bounded() -> None:
    camera = started()
    big = rtp(SLICE + bytes(200_000), 9, 9, ssrc=99)
    for _ in range(100):
        camera.gate.add(bytearray(big), 0, len(big))
    assert camera.gate._held_bytes < HOLD_BYTES + len(big)
    camera.send(1)
    assert camera.gate._held_bytes == 0


@pytest.mark.parametrize("payload_type", [98, 33, 127])
def test_payload_type_that_changes_is_followed(payload_type: int) -> None:
    camera = started()
    camera.send(60, payload_type=payload_type)
    missing = sorted(set(range(75)) - set(camera.numbers))
    assert len(missing) <= max(OTHER_TYPES, SWITCH_S * 10) + 2
    assert camera.numbers[-30:] == list(range(45, 75))
    camera.send(10)
    assert camera.numbers[-10:] == list(range(75, 85)), "and back"


def test_other_type_and_other_ssrc_at_once_are_followed() -> None:
    camera = started()
    camera.send(80, payload_type=98, ssrc=99, sequence=500, stamp=77)
    assert camera.numbers[-40:] == list(range(55, 95))


def test_packets_of_another_type_beside_the_picture_are_none() -> None:
    """As one camera sends while it turns: ten of them between two pictures."""
    camera = started()
    for _ in range(30):
        for _ in range(10):
            turning = rtp(b"\x65turning", camera.number, 1, payload_type=50)
            camera.gate.add(bytearray(turning), 0, len(turning))
        camera.send(1)
    assert camera.numbers == list(range(45))


@pytest.mark.parametrize("last", [0x13, 0x80, 0xFF, 0x02])
def test_bit_of_padding_of_a_camera_that_never_pads_cuts_nothing_off(last: int) -> None:
    camera = Camera()
    packet = bytearray(rtp(IDR + bytes((last,)), 5, 0, marker=True))
    packet[0] |= 0x20
    camera.gate.add(packet, 0, len(packet))
    camera.track.keep()
    assert camera.out[0].data[4:] == IDR + bytes((last,))
