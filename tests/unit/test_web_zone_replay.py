"""What a drawing of zones would have made of last week."""

from __future__ import annotations

import struct
import time

import pytest

from vigilar.detect.zones import Bounds, Line, Role, Zone, ZoneMap, ZoneWatch
from vigilar.store.replay import PastTrack
from vigilar.web.zone_replay import Replayed, replay

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
INCLUDE = ZoneMap((Zone("left", "Left", Role.INCLUDE, LEFT),))


def packed(*feet: tuple[float, float], every_ms: int = 500) -> bytes:
    """Boxes of a tenth of the picture with these feet, as a row of ``tracks`` holds them."""
    return b"".join(
        struct.pack("<I4H", at * every_ms, *(round(part * 65_535) for part in (x - 0.05, y - 0.1, 0.1, 0.1)))
        for at, (x, y) in enumerate(feet)
    )


def test_event_stays_when_one_of_its_tracks_counts() -> None:
    tracks = [
        PastTrack(1, "person", packed((0.8, 0.5), (0.3, 0.5))),
        PastTrack(2, "person", packed((0.8, 0.5))),
        PastTrack(2, "cat", packed((0.2, 0.5))),
        PastTrack(3, "cat", packed((0.8, 0.5))),
    ]
    assert replay(INCLUDE, [1, 2, 3], tracks) == Replayed(3, 2, 0, 0)


def test_event_without_tracks_is_counted_as_before() -> None:
    tracks = [PastTrack(1, "motion", packed((0.2, 0.5))), PastTrack(2, "motion", packed((0.8, 0.5)))]
    assert replay(INCLUDE, [1, 2, 3], tracks) == Replayed(3, 2, 0, 1)


def test_track_that_made_no_event_may_make_a_new_one() -> None:
    tracks = [PastTrack(None, "dog", packed((0.2, 0.5))), PastTrack(None, "dog", packed((0.8, 0.5)))]
    assert replay(INCLUDE, [], tracks) == Replayed(0, 1, 1, 0)


def test_long_path_still_crosses_a_line_and_stays_in_a_zone() -> None:
    """A minute of walking up and down, of which only some boxes are looked at."""
    feet = [(0.2, 0.4 + 0.2 * (at // 30 % 2)) for at in range(120)]
    line = ZoneMap(lines=(Line("gate", "Gate", (0.0, 0.5), (1.0, 0.5)),))
    stay = ZoneMap((Zone("left", "Left", Role.INCLUDE, LEFT, dwell_s=50.0),))
    for zones in (line, stay):
        assert replay(zones, [1], [PastTrack(1, "person", packed(*feet))]).after == 1


def test_row_that_was_cut_is_read_as_far_as_it_goes() -> None:
    assert replay(INCLUDE, [1], [PastTrack(1, "person", packed((0.2, 0.5), (0.3, 0.5))[:-5])]).after == 1
    assert replay(INCLUDE, [1], [PastTrack(1, "person", b"\1")]).after == 0


def test_paths_that_keep_away_are_counted_without_a_look_at_each_box(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty thousand of them in a week took more than a second."""
    judged: list[int] = []
    real = ZoneWatch.add

    def noted(watch: ZoneWatch, at_ms: int, box: Bounds) -> bool:
        judged.append(at_ms)
        return real(watch, at_ms, box)

    monkeypatch.setattr(ZoneWatch, "add", noted)
    line = Line("gate", "Gate", (0.1, 0.1), (0.2, 0.4))
    tracks = [
        PastTrack(1, "person", packed((0.6, 0.5), (0.7, 0.5), (0.8, 0.5))),
        PastTrack(2, "person", packed((0.2, 0.5), (0.6, 0.5))),
    ]
    assert replay(INCLUDE, [1, 2], tracks) == Replayed(2, 1, 0, 0)
    assert judged == [0]
    assert replay(ZoneMap(lines=(line,)), [1], tracks[:1]) == Replayed(1, 0, 0, 0)
    assert judged == [0]


def test_foot_beyond_the_edge_of_the_picture_stands_on_it() -> None:
    """A box that hangs over the edge, and a zone that ends there."""
    right = ZoneMap((Zone("r", "Right", Role.INCLUDE, ((0.9, 0.0), (1.0, 0.0), (1.0, 1.0), (0.9, 1.0))),))
    over = struct.pack("<I4H", 0, 65_000, 60_000, 20_000, 20_000)
    assert replay(right, [1], [PastTrack(1, "person", over)]) == Replayed(1, 1, 0, 0)


def test_busy_week_is_counted_in_processor_time_below_a_second() -> None:
    """3,000 events with two tracks of 150 boxes each, and eight zones of twelve corners."""
    corners = tuple((0.6 + 0.05 * (at % 3), 0.1 + 0.06 * at) for at in range(12))
    zones = ZoneMap(tuple(Zone(f"z{at}", f"Z{at}", Role.INCLUDE, corners) for at in range(8)))
    path = packed(*[(0.1 + at / 400, 0.9) for at in range(150)])
    tracks = [PastTrack(at // 2, "person", path) for at in range(6000)]
    before_s = time.thread_time()
    found = replay(zones, range(3000), tracks)
    assert time.thread_time() - before_s < 1.0
    assert found == Replayed(3000, 0, 0, 0)


def test_sentence_says_what_would_have_been() -> None:
    assert Replayed(41, 6, 0, 0).sentence() == "In the last 7 days 41 events would have been 6."
    assert Replayed(41, 41, 2, 0).sentence() == "In the last 7 days 41 events would have been 41."
    assert Replayed(1, 1, 0, 0).sentence() == "1 event in the last 7 days, and as many with what is drawn here."
    assert Replayed(0, 0, 0, 0).sentence().startswith("Nothing moved here")
    assert "Of 3 it is not known" in Replayed(5, 4, 0, 3).sentence()
