"""What the figures of a camera mean, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vigilar.capture.report_card import ReportCard, StreamCard, clock_words

MAIN = StreamCard("h264", 1920, 1080, fps=15.0, kbps=2000.0, keyframe_gap_s=2.0, sound="aac")
SMALL = StreamCard("h264", 640, 360)


def codes(card: ReportCard) -> list[str]:
    return [note.code for note in card.notes()]


def test_good_camera_has_nothing_to_say() -> None:
    card = ReportCard(MAIN, SMALL, clock_off_s=1.0)
    assert codes(card) == []
    rows = dict(card.rows())
    assert rows["Picture"] == "1920x1080 H.264, 15 pictures a second"
    assert rows["Recordings"] == "22 GB a day if everything is recorded"
    assert rows["Clock"] == "right"


def test_each_trait_has_its_code_and_its_step() -> None:
    assert codes(ReportCard(replace(MAIN, keyframe_gap_s=8.0), SMALL)) == ["V-CAM-09"]
    assert codes(ReportCard(replace(MAIN, codec="hevc"), SMALL)) == ["V-CAM-06"]
    assert codes(ReportCard(MAIN)) == ["V-CAM-07"]
    assert codes(ReportCard(MAIN, SMALL, clock_off_s=-420.0)) == ["V-CAM-08"]
    all_at_once = ReportCard(replace(MAIN, keyframe_gap_s=8.0, codec="hevc"), clock_off_s=-420.0)
    assert codes(all_at_once) == ["V-CAM-09", "V-CAM-06", "V-CAM-07", "V-CAM-08"]
    assert all(note.sentence.endswith(".") for note in all_at_once.notes())


def test_sound_that_is_offered_and_does_not_come_is_told() -> None:
    card = ReportCard(replace(MAIN, is_sound_missing=True), SMALL)
    assert dict(card.rows())["Sound"] == "offered, but none came; recorded as soon as it does"
    [note] = card.notes()
    assert "microphone" in note.next_step


def test_small_camera_needs_no_second_stream() -> None:
    assert codes(ReportCard(SMALL)) == []


@pytest.mark.parametrize(
    ("off_s", "words"),
    [(None, "does not tell"), (0.0, "right"), (9.9, "right"), (-9.9, "right"), (45.0, "45 s fast"),
     (-420.0, "7 min slow"), (7200.0, "2 h fast"), (-31_536_000.0, "365 days slow")],
)  # fmt: skip
def test_clock_is_told_in_words(off_s: float | None, words: str) -> None:
    assert clock_words(off_s) == words


def test_gap_that_was_not_seen_to_end_says_so() -> None:
    card = ReportCard(replace(MAIN, keyframe_gap_s=6.2, is_gap_open=True), SMALL)
    assert dict(card.rows())["Whole picture"] == "every 6.2 s or more"
    assert "every 6 s or more" in card.notes()[0].sentence
