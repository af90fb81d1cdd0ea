"""Receiver reports, field by field (RFC 3550 6.4.2)."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.rtp import sender_report
from vigilar.capture.rtsp.reports import ReceiverStats

OURS = 0xAABBCCDD
SSRC = b"\0\0\0\x07"


def fields(report: bytes) -> dict[str, int]:
    names = ("head", "kind", "words", "own", "ssrc", "lost", "highest", "jitter", "sender", "since")
    return dict(zip(names, struct.unpack(">BBHIIIIIII", report), strict=True))


def noted(*sequences: int) -> ReceiverStats:
    stats = ReceiverStats()
    for sequence in sequences:
        stats.note(SSRC, sequence)
    return stats


def test_report_before_any_packet_has_no_block() -> None:
    assert ReceiverStats().report(OURS) == bytes.fromhex("80c90001aabbccdd")


def test_report_says_what_came() -> None:
    found = fields(noted(65_534, 65_535, 0, 2).report(OURS))
    assert (found["head"], found["kind"], found["words"], found["own"]) == (0x81, 201, 7, OURS)
    assert (found["ssrc"], found["highest"], found["jitter"]) == (7, 0x10002, 0)
    assert found["lost"] == (256 // 5) << 24 | 1


def test_lost_share_is_that_since_the_last_report() -> None:
    stats = noted(0, 2)
    stats.report(OURS)
    stats.note(SSRC, 3)
    assert fields(stats.report(OURS))["lost"] == 1


def test_losses_may_be_counted_elsewhere() -> None:
    stats = ReceiverStats(lambda: 4)
    for sequence in (0, 9):
        stats.note(SSRC, sequence)
    assert fields(stats.report(OURS))["lost"] & 0xFFFFFF == 4


def test_new_ssrc_begins_a_new_count() -> None:
    stats = noted(0, 100)
    stats.note(b"\0\0\0\x08", 5)
    found = fields(stats.report(OURS))
    assert (found["ssrc"], found["highest"], found["lost"]) == (8, 5, 0)


def test_sender_report_is_given_back() -> None:
    now_s = 10.0
    stats = ReceiverStats(now=lambda: now_s)
    stats.note(SSRC, 1)
    report = sender_report(0x12345678 + 0.5, 1)
    stats.note_report(report, 0, len(report))
    now_s = 12.5
    found = fields(stats.report(OURS))
    assert (found["sender"], found["since"]) == (0x56788000, 5 * 65_536 // 2)


@pytest.mark.parametrize("data", [b"", b"\x80\xc8", bytes(27), b"\x80\xc9" + bytes(30)])
def test_what_is_no_sender_report_is_left_out(data: bytes) -> None:
    stats = noted(1)
    stats.note_report(data, 0, len(data))
    assert fields(stats.report(OURS))["sender"] == 0


@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=50))
def test_any_order_gives_a_report(sequences: list[int]) -> None:
    stats = noted(*sequences)
    assert len(stats.report(OURS)) == 32
    assert len(stats.report(OURS)) == 32
