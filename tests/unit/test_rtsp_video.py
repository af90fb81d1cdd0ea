"""Access units out of RTP: fragments, aggregates, losses, markers that lie, stamps that wrap, keyframes."""

from __future__ import annotations

import socket
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.rtp import IDR, SLICE, fragments, fragments_h265, interleaved, rtp
from vigilar.capture.rtsp.reorder import DecodeStamps
from vigilar.capture.rtsp.timeline import Timeline
from vigilar.capture.rtsp.video import MAX_UNIT_BYTES, VideoTrack
from vigilar.capture.rtsp.wire import Wire
from vigilar.media.bitstream import START_CODE, find_recovery_point, is_i_slice
from vigilar.media.packets import RawPacket

SPS, PPS = b"\x67\x42\x00\x1f", b"\x68\xce"
LATER_SLICE = b"\x41\x20" + b"q" * 40
"""Its header's first bit says that it is not the first slice of its picture."""


class Camera:
    """Numbers packets and gives them to a track, ``codec`` as told."""

    def __init__(self, codec: str = "h264", sequence: int = 65_533, *, has_order_numbers: bool = False) -> None:
        self.out: list[RawPacket] = []
        self.track = VideoTrack(
            *(codec, 96, 90_000, Timeline(90_000, 0), DecodeStamps(90_000, 3600, 0), self.out),
            has_order_numbers=has_order_numbers,
        )
        self.sequence = sequence

    def send(self, stamp: int, *payloads: bytes, marker: bool = True, lose: tuple[int, ...] = ()) -> None:
        """One packet for each payload, the last one with the marker if wanted."""
        for number, payload in enumerate(payloads):
            packet = rtp(payload, self.sequence, stamp, marker=marker and number == len(payloads) - 1)
            self.sequence += 1
            if number not in lose:
                self.give(packet)

    def give(self, packet: bytes) -> None:
        self.track.add(bytearray(packet), 0, len(packet))
        self.track.keep()

    @property
    def units(self) -> list[bytes]:
        return [raw.data for raw in self.out]

    @property
    def stamps(self) -> list[int | None]:
        return [raw.pts for raw in self.out]


def annexed(*nals: bytes) -> bytes:
    return b"".join(START_CODE + nal for nal in nals)


def test_single_units_become_one_access_unit() -> None:
    camera = Camera()
    camera.send(0, SPS, PPS, IDR)
    camera.send(3600, SLICE)
    assert camera.units == [annexed(SPS, PPS, IDR), annexed(SLICE)]
    assert [raw.is_keyframe for raw in camera.out] == [True, False]
    assert camera.stamps == [0, 3600]


def test_aggregate_is_taken_apart() -> None:
    stap = b"\x78" + b"".join(len(n).to_bytes(2, "big") + n for n in (SPS, PPS, IDR))
    camera = Camera()
    camera.send(0, stap)
    assert camera.units == [annexed(SPS, PPS, IDR)]


def test_start_codes_inside_of_an_aggregate_are_taken_off() -> None:
    camera = Camera()
    pack = b"\x78" + b"".join(len(nal).to_bytes(2, "big") + nal for nal in (LONG + SPS, SHORT + PPS, LONG + IDR))
    camera.send(0, pack)
    assert camera.units == [annexed(SPS, PPS, IDR)]
    assert camera.out[0].is_keyframe


def test_marker_on_each_fragment_ends_nothing() -> None:
    camera = Camera()
    for number in range(4):
        for part in [SPS, *fragments(IDR, 10), *fragments(LATER_SLICE, 10)]:
            camera.send(number * 3600, part)
    assert camera.units == [annexed(SPS, IDR, LATER_SLICE)] * 3
    assert camera.track.damaged == 0


def test_marker_ends_fragments_none_of_which_is_called_the_last() -> None:
    camera = Camera()
    for number in range(4):
        *rest, last = fragments(IDR, 10)
        camera.send(number * 3600, *rest, last[:1] + bytes((last[1] & 0xBF,)) + last[2:])
    assert camera.units == [annexed(IDR)] * 4  # each with its marker, once that is known


def test_empty_units_of_an_aggregate_are_passed_over() -> None:
    camera = Camera()
    pack = b"\x78\0\0" + b"".join(len(nal).to_bytes(2, "big") + nal for nal in (SPS, PPS)) + b"\0\0"
    camera.send(0, pack, IDR)
    assert camera.units == [annexed(SPS, PPS, IDR)]


def test_aggregate_that_lies_about_sizes_is_dropped() -> None:
    camera = Camera()
    camera.send(0, b"\x78\x00\xff" + SPS, IDR)
    camera.send(3600, SLICE)
    assert (camera.units, camera.track.damaged) == ([annexed(SLICE)], 1)


@pytest.mark.parametrize("size", [1, 2, 7, 40, 41, 42])
def test_fragments_are_joined(size: int) -> None:
    camera = Camera()
    camera.send(0, *fragments(IDR, size))
    camera.send(3600, *fragments(SLICE, size))
    assert camera.units == [annexed(IDR), annexed(SLICE)]


@pytest.mark.parametrize("lost", range(6))
def test_picture_with_a_hole_is_dropped_alone(lost: int) -> None:
    camera = Camera()
    camera.send(0, IDR)
    camera.send(3600, *fragments(SLICE, 8), lose=(lost,))
    camera.send(7200, IDR)
    camera.send(10800, SLICE)
    whole = [annexed(IDR), annexed(IDR), annexed(SLICE)]
    assert camera.units == whole
    assert camera.track.lost == 1
    assert camera.track.damaged == 1


def test_lost_whole_picture_costs_only_itself() -> None:
    camera = Camera()
    camera.send(0, IDR)
    camera.send(3600, SLICE, lose=(0,))
    camera.send(7200, SLICE)
    assert (camera.stamps, camera.track.damaged, camera.track.lost) == ([0, 7200], 0, 1)


def test_lost_end_and_beginning_cost_both() -> None:
    camera = Camera()
    first, second = fragments(IDR, 10), fragments(SLICE, 10)
    camera.send(0, *first, lose=(len(first) - 1,))
    camera.send(3600, *second, lose=(0,))
    camera.send(7200, IDR)
    assert (camera.stamps, camera.track.damaged) == ([0], 2)


def test_lost_first_slice_is_noticed() -> None:
    camera = Camera()
    camera.send(0, IDR)
    camera.send(3600, SLICE, LATER_SLICE, lose=(0,))
    camera.send(7200, SLICE, LATER_SLICE)
    assert (camera.stamps, camera.track.damaged) == ([0, 7200], 1)


def test_stream_joined_in_the_middle_of_a_picture() -> None:
    camera = Camera()
    camera.send(0, *fragments(IDR, 10)[1:])
    camera.send(3600, IDR)
    assert (camera.units, camera.track.lost) == ([annexed(IDR)], 0)


def test_without_marker_the_stamp_ends_a_picture() -> None:
    camera = Camera()
    for number in range(4):
        camera.send(number * 3600, *fragments(SLICE, 10), marker=False)
    assert camera.stamps == [0, 3600, 7200]


def test_marker_on_each_slice_is_found_out() -> None:
    camera = Camera()
    for number in range(4):
        camera.send(number * 3600, SLICE)
        camera.send(number * 3600, LATER_SLICE)
    assert camera.units == [annexed(SLICE, LATER_SLICE)] * 3
    assert camera.stamps == [0, 3600, 7200]


def test_first_slice_that_was_handed_on_costs_one_picture() -> None:
    camera = Camera()
    camera.send(0, SLICE)
    camera.out.clear()
    camera.send(0, LATER_SLICE)
    for number in (1, 2, 3):
        camera.send(number * 3600, SLICE, LATER_SLICE)
    assert camera.units == [annexed(SLICE, LATER_SLICE)] * 2


@pytest.mark.parametrize("stamp_every", [1, 2, 100])
@pytest.mark.parametrize("slices", [(SLICE,), (SLICE, LATER_SLICE)])
def test_pictures_with_neither_marker_nor_stamp_of_their_own_are_parted(
    stamp_every: int, slices: tuple[bytes, ...]
) -> None:
    camera = Camera()
    for number in range(6):
        camera.send(
            number // stamp_every * 3600, *(part for one in slices for part in fragments(one, 10)), marker=False
        )
    assert camera.units == [annexed(*slices)] * 5


def test_two_fields_stay_one_picture() -> None:
    camera = Camera()
    camera.track.has_fields = True
    for number in range(3):
        camera.send(number * 3600, SLICE, SLICE)
    assert camera.units == [annexed(SLICE, SLICE)] * 3


def test_parts_of_a_slice_stay_one_picture() -> None:
    camera = Camera()
    parts = [bytes((0x40 | kind, 0x9A)) + b"p" * 40 for kind in (2, 3, 4)]
    for number in range(3):
        camera.send(number * 3600, *parts, marker=False)
    assert camera.units == [annexed(*parts)] * 2


@pytest.mark.parametrize("has_marker", [True, False])
def test_stamp_of_each_packet_ends_no_picture(has_marker: bool) -> None:
    camera = Camera()
    for number in range(4):
        stamp = number * 3600
        for part in [*fragments(IDR, 10), LATER_SLICE]:
            camera.send(stamp, part, marker=has_marker and part is LATER_SLICE)
            stamp += 90
    assert camera.units == [annexed(IDR, LATER_SLICE)] * (4 if has_marker else 3)


@pytest.mark.parametrize("size", [10, 1000])
def test_packet_that_comes_twice_is_one(size: int) -> None:
    camera = Camera()
    for number in range(3):
        for part in (parts := fragments(IDR, size) if size < 100 else [SPS, IDR]):
            packet = rtp(part, camera.sequence, number * 3600, marker=part is parts[-1])
            camera.sequence += 1
            camera.give(packet)
            camera.give(packet)
    assert camera.units == [annexed(IDR) if size < 100 else annexed(SPS, IDR)] * 3
    assert (camera.track.lost, camera.track.damaged) == (0, 0)


@pytest.mark.parametrize("has_marker", [True, False])
@pytest.mark.parametrize("numbers", ["stand still", "2", "7", "backwards", "one a picture", "anew", "at random"])
def test_packets_without_numbers_lose_nothing(numbers: str, has_marker: bool) -> None:
    dice = Random(8)
    camera, sequence = Camera(), 5
    for number in range(100):
        parts = [bytes([*part[:-1], 10 * at + number]) for at, part in enumerate(fragments(IDR, 10))]
        for part in parts:
            camera.give(rtp(part, sequence, number * 3600, marker=has_marker and part is parts[-1]))
            sequence += {"2": 2, "7": 7, "backwards": 65_535, "anew": 1}.get(numbers, 0)
            if numbers == "at random":
                sequence = dice.randrange(65_536)
        sequence = 0 if numbers == "anew" else sequence + (numbers == "one a picture")
    assert len(camera.units) == (100 if has_marker else 99)
    assert (camera.track.damaged, camera.track.lost) == (0, 0)


def test_first_gap_of_all_is_one_when_the_next_numbers_follow() -> None:
    camera = Camera()
    camera.send(0, *fragments(IDR, 10), lose=(1,))
    camera.send(3600, SLICE)
    assert (camera.stamps, camera.track.damaged, camera.track.lost) == ([0], 1, 1)


def test_losses_here_and_there_are_no_lack_of_numbers() -> None:
    camera = Camera()
    for number in range(300):
        camera.send(number * 3600, *fragments(IDR, 10), lose=(1,))
    assert camera.track.lost == 300
    assert camera.units == []


SHORT, LONG = b"\0\0\1", b"\0\0\0\1"


@pytest.mark.parametrize(
    "payload",
    [
        LONG + SPS + LONG + PPS + LONG + IDR,
        SPS + LONG + PPS + SHORT + IDR,
        SPS + b"\0\0" + LONG + PPS + b"\0" + SHORT + IDR + b"\0\0\0",
        b"\0" + LONG + SPS + SHORT + PPS + SHORT + IDR,
    ],
)
@pytest.mark.parametrize("size", [0, 5, 7, 1000])
def test_annex_b_inside_rtp_is_taken_apart(payload: bytes, size: int) -> None:
    """Alone in a packet, and cut into fragments as if it were one unit."""
    camera = Camera()
    camera.send(0, *(fragments(payload, size) if size else (payload,)))
    camera.send(3600, SLICE)
    assert camera.units == [annexed(SPS, PPS, IDR), annexed(SLICE)]
    assert [raw.is_keyframe for raw in camera.out] == [True, False]
    assert camera.track.damaged == 0


def cut(stream: bytes, size: int) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def noise(head: bytes, count: int, seed: int) -> bytes:
    """A unit whose bytes look like any header, without a start code in it."""
    return head + bytes(byte or 3 for byte in Random(seed).randbytes(count))


@pytest.mark.parametrize("has_marker", [True, False])
@pytest.mark.parametrize("is_numbered", [True, False])
@pytest.mark.parametrize("size", [7, 300, 1400])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_annex_b_that_is_cut_by_size_alone_is_put_together(
    codec: str, size: int, is_numbered: bool, has_marker: bool
) -> None:
    """What the encoder gave, start codes inside, cut over packets that say nothing of it."""
    camera = Camera(codec)
    heads = [b"\x67", b"\x68", b"\x65\x88", b"\x41\x9a"]
    if codec == "hevc":
        heads = [h265(32, b""), h265(33, b""), h265(19, b"\x80"), h265(1, b"\x80")]
    pictures = []
    for number in range(12):
        sets, rest = [noise(heads[0], 25, number), noise(heads[1], 6, number)], heads[2]
        if number % 3:
            sets, rest = [], heads[3]
        pictures.append(annexed(*sets, noise(rest, 3000 + 17 * number, number)))
    for number, picture in enumerate(pictures):
        camera.send(number * 3600, *cut(picture, size), marker=has_marker)
        if not is_numbered:
            camera.sequence = 0
    assert camera.units == pictures[: 12 if has_marker else 11]
    assert [raw.is_keyframe for raw in camera.out] == [number % 3 == 0 for number in range(len(camera.out))]
    assert camera.track.damaged == 0


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_units_that_are_cut_by_size_alone_are_put_together(codec: str) -> None:
    """Without start codes: a unit begins with its packet, and ends with one that is not full."""
    camera = Camera(codec)
    sets, head = ([SPS, PPS], b"\x65\x88") if codec == "h264" else ([h265(32, b"v"), h265(33, b"s")], h265(19, b"\x80"))
    pictures = []
    for number in range(8):
        picture = noise(head, 3000 + 17 * number, number)
        picture = picture[:1000] + b"\xff\xff" + picture[1002:]  # where the second piece begins: no header
        pictures.append(annexed(*sets, picture))
        camera.send(number * 3600, *sets, *cut(picture, 1000))
    assert camera.units == pictures
    assert all(raw.is_keyframe for raw in camera.out)


def test_piece_that_is_lost_costs_one_picture() -> None:
    camera = Camera()
    for number in range(4):
        pieces = cut(annexed(SPS, PPS, noise(b"\x65\x88", 3000, number)), 1000)
        camera.send(number * 3600, *pieces, lose=(2,) if number == 1 else ())
    assert (camera.stamps, camera.track.damaged) == ([0, 7200, 10800], 1)


def test_sets_with_start_codes_before_fragments_are_no_pieces() -> None:
    camera = Camera()
    for number in range(3):
        camera.send(number * 3600, LONG + SPS, LONG + PPS, *fragments(IDR, 9))
    assert camera.units == [annexed(SPS, PPS, IDR)] * 3


def test_bundle_behind_other_units_is_taken_apart() -> None:
    """Fragmented information with a picture behind it, when whole units came before in the same picture."""
    sei = b"\x06\x05\x01\x80\x80"
    camera = Camera()
    camera.send(0, SPS, PPS, *fragments(sei + LONG + IDR, 9))
    assert camera.units == [annexed(SPS, PPS, sei, IDR)]
    assert camera.out[0].is_keyframe


def with_sizes(*nals: bytes, before: bytes = b"", between: bytes = b"") -> bytes:
    return b"".join(len(nal).to_bytes(2, "big") + (before if at == 0 else between) + nal for at, nal in enumerate(nals))


def test_units_with_numbers_of_their_order_are_taken() -> None:
    """STAP-B and FU-B (RFC 6184 5.7.1, 5.8)."""
    first, *rest = fragments(IDR, 10)
    camera = Camera()
    camera.send(0, b"\x79\0\x07" + with_sizes(SPS, PPS), b"\x7d" + first[1:2] + b"\0\x09" + first[2:], *rest)
    assert camera.units == [annexed(SPS, PPS, IDR)]


@pytest.mark.parametrize(("kind", "width"), [(26, 2), (27, 3)])
def test_units_of_several_times_are_pictures_of_their_own(kind: int, width: int) -> None:
    """MTAP (RFC 6184 5.7.2)."""

    def at(ticks: int) -> bytes:
        return b"\0" + ticks.to_bytes(width, "big")

    units = ((SPS, 0), (PPS, 0), (IDR, 0), (SLICE, 3600), (SLICE, 7200))
    payload = bytes((0x60 | kind,)) + b"\0\x01"
    payload += b"".join(len(nal).to_bytes(2, "big") + at(ticks) + nal for nal, ticks in units)
    camera = Camera()
    camera.send(90_000, payload)
    camera.send(90_000 + 10_800, SLICE)
    assert camera.units == [annexed(SPS, PPS, IDR), annexed(SLICE), annexed(SLICE), annexed(SLICE)]
    assert camera.stamps == [0, 3600, 7200, 10_800]


@pytest.mark.parametrize(
    "payload", [b"\x7a\0\1\0\xff\0\0\0" + SPS, b"\x7b\0\1\0\0\0\0\0\0" + SPS, b"\x7d", b"\x7e\0\0\0"]
)
def test_rare_payloads_that_lie_cost_one_picture_at_most(payload: bytes) -> None:
    camera = Camera()
    camera.send(0, payload, IDR)
    camera.send(3600, SLICE)
    assert camera.units[-1] == annexed(SLICE)


def test_h265_annex_b_inside_rtp_is_taken_apart() -> None:
    nals = [h265(32, b"v"), h265(33, b"s"), h265(34, b"p"), h265(19, b"\x80i")]
    for payloads in ((annexed(*nals),), (annexed(*nals)[4:],), fragments_h265(annexed(*nals)[4:], 5)):
        camera = Camera("hevc")
        camera.send(0, *payloads)
        assert camera.units == [annexed(*nals)]
        assert camera.out[0].is_keyframe


def test_several_slices_in_one_payload_stay_one_picture() -> None:
    camera = Camera()
    camera.send(0, SLICE + LONG + LATER_SLICE)
    assert camera.units == [annexed(SLICE, LATER_SLICE)]


def test_fragment_that_lacks_its_first_flag_is_a_beginning() -> None:
    camera = Camera()
    for number in range(3):
        first, *rest = fragments(IDR, 10)
        camera.send(number * 3600, first[:1] + bytes((first[1] & 0x7F,)) + first[2:], *rest)
    assert camera.units == [annexed(IDR)] * 2  # the first of all may have been the middle of anything


def test_fragment_that_is_beginning_and_end_is_whole() -> None:
    camera = Camera()
    camera.send(0, *fragments(IDR, 1000))
    assert camera.units == [annexed(IDR)]


def test_type_that_changes_after_the_first_fragment_does_not_count() -> None:
    camera = Camera()
    first, *rest = fragments(IDR, 10)
    camera.send(0, first, *(part[:1] + bytes((part[1] & 0xE0 | 1,)) + part[2:] for part in rest))
    assert camera.units == [annexed(IDR)]
    assert camera.out[0].is_keyframe


def test_empty_fragment_is_nothing() -> None:
    camera = Camera()
    first, *rest = fragments(IDR, 10)
    camera.send(0, first, first[:1] + bytes((first[1] & 0x1F,)), *rest)
    assert camera.units == [annexed(IDR)]


def test_marker_on_information_alone_ends_nothing() -> None:
    camera = Camera()
    camera.send(0, b"\x06\x05\x01\x80\x80")
    camera.send(0, IDR)
    assert camera.units == [annexed(b"\x06\x05\x01\x80\x80", IDR)]


def test_sets_with_the_stamp_of_the_picture_before_go_before_the_next_one() -> None:
    """Reolink's: they are marked, and only the picture has the new stamp. Without markers too."""
    for has_marker in (True, False):
        camera = Camera()
        camera.send(0, SLICE, marker=has_marker)
        camera.send(0, SPS, marker=has_marker)
        camera.send(0, PPS, marker=has_marker)
        camera.send(3600, IDR, marker=has_marker)
        camera.send(7200, SLICE, marker=has_marker)
        assert camera.units[:2] == [annexed(SLICE), annexed(SPS, PPS, IDR)]


def test_padding_bit_without_padding_does_no_harm() -> None:
    camera = Camera()
    packet = bytearray(rtp(IDR + b"\0", 5, 0, marker=True))
    packet[0] |= 0x20
    camera.give(bytes(packet))
    assert camera.units == [annexed(IDR + b"\0")]


def test_other_payload_type_with_the_same_sequence_is_no_gap() -> None:
    """As one camera sends while it turns."""
    camera = Camera()
    camera.send(0, *fragments(IDR, 10)[:2], marker=False)
    camera.give(rtp(b"turning", camera.sequence, 77, payload_type=50))
    camera.send(0, *fragments(IDR, 10)[2:])
    assert camera.units == [annexed(IDR)]


def test_parameter_sets_with_marker_or_stamp_of_their_own_go_before_the_picture() -> None:
    camera = Camera()
    camera.send(0, SPS)
    camera.send(1, PPS)
    camera.send(3600, IDR)
    assert camera.units == [annexed(SPS, PPS, IDR)]


def test_stamp_and_sequence_wrap() -> None:
    camera = Camera()
    for number in range(6):
        camera.send(2**32 - 7200 + number * 3600, *fragments(SLICE, 20))
    assert camera.stamps == [n * 3600 for n in range(6)]
    assert camera.track.lost == 0


def test_padding_csrcs_and_extension_are_left_out() -> None:
    camera = Camera()
    packet = bytearray(rtp(b"", 5, 0, marker=True))
    packet[0] = 0x80 | 0x20 | 0x10 | 2
    camera.give(bytes(packet) + b"c" * 8 + b"\0\1\0\1" + b"e" * 4 + SLICE + b"\0\0\3")
    assert camera.units == [annexed(SLICE)]


@pytest.mark.parametrize("first", [0x80 | 15, 0x80 | 0x10, 0x80 | 0x20, 0x00, 0xC0])
def test_header_that_does_not_fit_is_refused(first: int) -> None:
    camera = Camera()
    camera.give(bytes([first]) + rtp(b"\xff\xff\xff", 1, 0)[1:])
    assert (camera.units, camera.track.refused) == ([], 1)


def test_other_payload_type_is_refused() -> None:
    camera = Camera()
    camera.give(rtp(IDR, 1, 0, marker=True, payload_type=97))
    assert (camera.units, camera.track.refused) == ([], 1)


def test_too_large_picture_is_dropped() -> None:
    camera = Camera()
    big = b"\x41\x9a" + bytes(MAX_UNIT_BYTES + 10)
    camera.send(0, *fragments(big, 60_000))
    camera.send(3600, IDR)
    assert (camera.stamps, camera.track.damaged) == ([0], 1)


@pytest.mark.parametrize(
    ("sei", "slice_", "is_key"),
    [
        (b"\x06\x06\x01\x80\x80", b"\x41\x88\x80", True),  # frame count 0, slice type 7 (I)
        (b"\x06\x01\x01\x00\x06\x01\x80\x80", b"\x41\xb0", True),  # another message before; slice type 2 (I)
        (b"\x06\x06\x01\x40\x80", b"\x41\x88\x80", False),  # right only after a picture
        (b"\x06\x06\x01\x80\x80", b"\x41\x9a", False),  # slice type 5 (P)
        (b"\x06\x05\x01\x80\x80", b"\x41\x88\x80", False),  # user data
    ],
)
def test_recovery_point_with_i_picture_is_a_keyframe(sei: bytes, slice_: bytes, is_key: bool) -> None:
    camera = Camera()
    camera.send(0, sei, slice_)
    assert camera.out[0].is_keyframe is is_key


def h265(kind: int, body: bytes) -> bytes:
    return bytes((kind << 1, 1)) + body


@pytest.mark.parametrize(("kind", "is_key"), [(1, False), (15, False), (16, True), (19, True), (21, True), (22, False)])
def test_h265_keyframes_are_irap(kind: int, is_key: bool) -> None:
    camera = Camera("hevc")
    nal = h265(kind, b"\x80" + b"x" * 30)
    camera.send(0, *fragments_h265(nal, 7))
    camera.send(3600, nal)
    assert camera.units == [annexed(nal)] * 2
    assert [raw.is_keyframe for raw in camera.out] == [is_key] * 2


def test_h265_aggregate_is_taken_apart() -> None:
    nals = [h265(32, b"v"), h265(33, b"s"), h265(34, b"p"), h265(19, b"\x80i")]
    camera = Camera("hevc")
    camera.send(0, h265(48, b"".join(len(n).to_bytes(2, "big") + n for n in nals)))
    assert camera.units == [annexed(*nals)]


@pytest.mark.parametrize("extension", [b"", b"ext"])
def test_h265_packets_with_extensions_are_unpacked(extension: bytes) -> None:
    """PACI (RFC 7798 4.4.4): around a unit that stands alone, an aggregate, and fragments."""

    def extended(payload: bytes) -> bytes:
        told = (payload[0] >> 1 & 0x3F) << 9 | len(extension) << 4
        return bytes((50 << 1 | payload[0] & 0x81, payload[1])) + told.to_bytes(2, "big") + extension + payload[2:]

    key = h265(19, b"\x80" + b"i" * 40)
    aggregate = h265(48, with_sizes(h265(33, b"s"), h265(34, b"p")))
    camera = Camera("hevc")
    camera.send(0, *map(extended, (h265(32, b"v"), aggregate, *fragments_h265(key, 9))))
    assert camera.units == [annexed(h265(32, b"v"), h265(33, b"s"), h265(34, b"p"), key)]


def test_h265_numbers_of_order_are_left_out() -> None:
    """``sprop-max-don-diff`` above 0 (RFC 7798 4.4.1 to 4.4.3)."""
    key, later = h265(19, b"\x80" + b"i" * 40), h265(1, b"\x80p")
    first, *rest = fragments_h265(key, 9)
    aggregate = h265(48, b"\0\x02" + with_sizes(h265(33, b"s"), h265(34, b"p")))
    behind = len(h265(48, b"\0\x02" + with_sizes(h265(33, b"s"))))
    aggregate = aggregate[:behind] + b"\0" + aggregate[behind:]
    camera = Camera("hevc", has_order_numbers=True)
    camera.send(0, h265(32, b"\0\x01v"), aggregate, first[:3] + b"\0\x04" + first[3:], *rest)
    camera.send(3600, later[:2] + b"\0\x05" + later[2:])
    assert camera.units == [annexed(h265(32, b"v"), h265(33, b"s"), h265(34, b"p"), key), annexed(later)]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("chunk", [1, 3, 50, 1000])
def test_units_do_not_depend_on_how_bytes_arrive(codec: str, chunk: int) -> None:
    """Through the connection's buffer, where runs of fragments take the short way, and split at each byte."""
    key = IDR * 20 if codec == "h264" else h265(19, b"\x80" + b"i" * 700)
    cut = fragments if codec == "h264" else fragments_h265
    camera = Camera(codec)
    packets, sequence = [], 65_530
    for number in range(3):
        payloads = cut(key, 40)
        for at, payload in enumerate(payloads):
            packets.append(interleaved(rtp(payload, sequence, number * 3600, marker=at == len(payloads) - 1)))
            sequence += 1
    del packets[len(packets) // 2]
    feed(camera.track, b"".join(packets), chunk)
    assert camera.units == [annexed(key)] * 2
    assert (camera.stamps, camera.track.damaged, camera.track.lost) == ([0, 7200], 1, 1)


def feed(track: VideoTrack, stream: bytes, chunk: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire = Wire(ours)
        wire.is_playing = True
        wire.channels[0], wire.runs[0], wire.keep = track.add, track.run_on, track.keep
        for begin in range(0, len(stream), chunk):
            theirs.sendall(stream[begin : begin + chunk])
            wire.fill()
            wire.take()


@given(
    st.lists(st.tuples(st.binary(max_size=40), st.booleans(), st.integers(0, 3)), max_size=30),
    st.booleans(),
    st.booleans(),
)
def test_noise_raises_nothing(packets: list[tuple[bytes, bool, int]], is_h265: bool, has_order_numbers: bool) -> None:
    camera = Camera("hevc" if is_h265 else "h264", has_order_numbers=is_h265 and has_order_numbers)
    for payload, marker, stamp in packets:
        camera.send(stamp, payload, marker=marker)
        camera.give(payload)
    assert all(unit.startswith(START_CODE) for unit in camera.units)


@given(st.binary(max_size=40))
def test_noise_in_slice_and_sei_is_no_keyframe_or_one(noise: bytes) -> None:
    assert all(is_i_slice(codec, noise, 0, len(noise)) in {True, False} for codec in ("h264", "hevc"))
    assert find_recovery_point(noise, 0, len(noise)) in {True, False, None}


def test_fragments_that_neither_begin_nor_end_are_parted_by_the_marker() -> None:
    """From the first picture on, before it is known that no fragment is called the last."""
    camera, pictures = Camera(), [IDR + b"k" * 300, *(SLICE + bytes((number,)) * 300 for number in range(1, 4))]
    for number, nal in enumerate(pictures):
        bare = [bytes((one[0], one[1] & 0x1F)) + one[2:] for one in fragments(nal, 100)]
        camera.send(number * 3600, *([] if number else [SPS, PPS]), *bare)
    camera.send(4 * 3600, SLICE)
    assert camera.units == [annexed(SPS, PPS, pictures[0]), *map(annexed, pictures[1:]), annexed(SLICE)]
    assert camera.stamps == [0, 3600, 7200, 10_800, 14_400]
