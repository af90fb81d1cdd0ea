"""The sun, nights, hours watched, and what is new: the pure parts of the journal of wild animals."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest

from vigilar.store.wildlife import PET_SPECIES, Sighting
from vigilar.web.wildlife_plot import draw_raster, make_cells, mark_sun, most_rate, tint
from vigilar.wildlife.journal import Journal, Span, find_news, make_journal, span_of_nights, usual_hours
from vigilar.wildlife.novelty import Novelty, find_novelty
from vigilar.wildlife.species import COMMON, CORRECTIONS, NAMEABLE, KnownSpecies
from vigilar.wildlife.sun import sun_day
from vigilar.wildlife.watched import HOUR_MS, hours_of, without

BERLIN, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
DAY_MS = 24 * HOUR_MS


def ms(text: str, zone: tzinfo = BERLIN) -> int:
    at = datetime.fromisoformat(text)
    return int((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() * 1000)


def seen(*moments: str, said: str = "fox", kind: str = "animal", zone: tzinfo = BERLIN) -> list[Sighting]:
    return [Sighting(number, ms(one, zone), kind, "garden", said) for number, one in enumerate(moments, 1)]


def watch(span: Span, hours: set[int] | None = None, zone: tzinfo = BERLIN) -> dict[int, int]:
    """All hours of the span watched, but for those of the house's day that are not in ``hours``."""
    starts = range(span.from_ms // HOUR_MS * HOUR_MS, span.to_ms, HOUR_MS)
    return {
        one: HOUR_MS
        for one in starts
        if hours is None or datetime.fromtimestamp(one / 1000, UTC).astimezone(zone).hour in hours
    }


def journal(
    sightings: list[Sighting], now: str, nights: int, zone: tzinfo = BERLIN, watched: dict[int, int] | None = None
) -> Journal:
    span = span_of_nights(nights, ms(now, zone), zone)
    return make_journal(sightings, KnownSpecies(), watch(span) if watched is None else watched, span, zone)


# Published times (timeanddate.com, to the minute, local time); the place and date are in the row.
SUN = [
    ("Berlin, summer", date(2024, 6, 20), (52.52, 13.405), "Europe/Berlin", "04:43", "21:33"),
    ("Berlin, winter", date(2024, 12, 21), (52.52, 13.405), "Europe/Berlin", "08:15", "15:54"),
    ("Greenwich, spring", date(2024, 3, 20), (51.4779, 0.0), "Europe/London", "06:03", "18:13"),
    ("Sydney, summer", date(2024, 12, 21), (-33.8688, 151.2093), "Australia/Sydney", "05:41", "20:05"),
    ("Quito", date(2024, 9, 22), (-0.1807, -78.4678), "America/Guayaquil", "06:03", "18:10"),
    (
        "Honolulu, over the date line of UTC",
        date(2024, 7, 4),
        (21.3069, -157.8583),
        "Pacific/Honolulu",
        "05:53",
        "19:17",
    ),
]


@pytest.mark.parametrize(("place", "zone", "day", "rise", "sets"), [(p, z, d, r, s) for _, d, p, z, r, s in SUN])
def test_sun_is_where_almanacs_have_it(place: tuple[float, float], zone: str, day: date, rise: str, sets: str) -> None:
    found = sun_day(day, *place)
    for said, at_ms in ((rise, found.rise_ms), (sets, found.set_ms)):
        assert at_ms is not None
        assert abs(at_ms - ms(f"{day}T{said}", ZoneInfo(zone))) <= 2 * 60_000


@pytest.mark.parametrize(
    ("day", "latitude", "is_day"),
    [
        (date(2024, 6, 21), 69.65, True),
        (date(2024, 12, 21), 69.65, False),
        (date(2024, 12, 21), -77.85, True),
        (date(2024, 6, 21), -77.85, False),
    ],
)
def test_sun_of_polar_day_and_night_has_no_times(day: date, latitude: float, is_day: bool) -> None:
    found = sun_day(day, latitude, 18.96)
    assert (found.rise_ms, found.set_ms, found.is_polar_day) == (None, None, is_day)


def test_visits_over_midnight_are_in_one_night_and_twenty_three_has_a_column() -> None:
    found = journal(seen("2026-03-04T23:30", "2026-03-05T00:30", "2026-03-05T12:00"), "2026-03-05T13:00", 2)
    assert [one.night for one in found.visits] == [date(2026, 3, 4), date(2026, 3, 4), date(2026, 3, 5)]
    (row,) = found.rows
    assert (row.hours[23], row.hours[0], row.hours[12], sum(row.hours)) == (1, 1, 1, row.visits)


def test_span_is_whole_nights_from_noon() -> None:
    before_noon, after_noon = (span_of_nights(30, ms(f"2026-03-31T{one}"), BERLIN) for one in ("11:59", "12:00"))
    assert (before_noon.first, before_noon.last) == (date(2026, 3, 1), date(2026, 3, 30))
    assert (after_noon.last, after_noon.from_ms) == (date(2026, 3, 31), ms("2026-03-02T12:00"))


@pytest.mark.parametrize(
    ("now", "hours_in_all", "at_two"),
    [("2026-03-29T11:59:59.999", 23, 0), ("2026-10-25T11:59:59.999", 25, 2), ("2026-10-20T11:59:59.999", 24, 1)],
)
def test_night_of_changing_clocks_has_its_own_hours(now: str, hours_in_all: int, at_two: int) -> None:
    found = journal([], now, 1)
    assert round(found.watched_h) == hours_in_all
    assert found.watched_ms[2] == at_two * HOUR_MS
    assert ((found.span.last, 2) in found.by_night) is (at_two > 0)


def test_hour_that_comes_twice_counts_both() -> None:
    twice = seen("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00")
    found = journal(twice, "2026-10-25T11:00", 1)
    assert found.rows[0].hours[2] == 2
    assert found.rate(2, 2) == pytest.approx(1.0)  # two visits in two hours


def test_half_hour_zone_shares_an_hour_of_utc() -> None:
    span = span_of_nights(1, ms("2026-05-01T11:59:59.999", KOLKATA), KOLKATA)
    hour = ms("2026-05-01T03:30", KOLKATA)  # a whole hour of UTC
    found = make_journal([], KnownSpecies(), {hour: HOUR_MS}, span, KOLKATA)
    assert (found.watched_ms[3], found.watched_ms[4]) == (HOUR_MS // 2, HOUR_MS // 2)


def test_dead_camera_is_hatched_and_not_a_quiet_wood() -> None:
    span = span_of_nights(10, ms("2026-05-11T11:59:59.999"), BERLIN)
    found = journal(seen("2026-05-05T22:10"), "2026-05-11T11:59:59.999", 10, watched=watch(span, {20, 21, 22}))
    cells = make_cells(found.rows[0], found, most_rate(found))
    assert [one.hour for one in cells if one.light != "dark"] == [20, 21, 22]
    assert cells[23].words == "Fox, 23:00 to 00:00: none, not watched"
    assert cells[22].words == "Fox, 22:00 to 23:00: 1 visit, 10 h watched"
    assert (found.watched_h, found.per_night(1)) == (30.0, 1 / (30 / 24))
    raster = draw_raster(found, None, BERLIN)
    assert raster.nights[0].night == date(2026, 5, 10)
    assert (raster.dark.count("h8"), raster.dark.count("h13")) == (10, 10)  # noon to eight, and eleven to noon


def test_little_watched_hour_is_darker_for_the_same_visits() -> None:
    span = span_of_nights(10, ms("2026-05-11T11:59:59.999"), BERLIN)
    watched = {
        hour: (HOUR_MS // 4 if datetime.fromtimestamp(hour / 1000, BERLIN).hour == 3 else HOUR_MS)
        for hour in watch(span)
    }
    visits = seen("2026-05-05T02:10", "2026-05-06T02:10", "2026-05-06T03:10", "2026-05-07T03:10")
    found = journal(visits, "2026-05-11T11:59:59.999", 10, watched=watched)
    two, three = make_cells(found.rows[0], found, most_rate(found))[2:4]
    assert (two.count, two.step, two.light) == (2, 3, "")
    assert (three.count, three.step, three.light) == (2, 5, "little")


def test_tint_has_five_steps_of_doubles() -> None:
    assert [tint(rate, 16.0) for rate in (0, 0.1, 1, 2, 4, 8, 8.1, 16)] == [0, 1, 1, 2, 3, 4, 5, 5]


def test_usual_hours_need_numbers_that_carry_them() -> None:
    nights = [f"2026-05-{day:02d}T{hour}:15" for day in range(1, 9) for hour in ("22", "23")]
    found = journal(seen(*nights), "2026-05-11T11:59:59.999", 30)
    assert usual_hours(found.rows[0], found) == (22, 0)
    few = journal(seen(*nights[:6]), "2026-05-11T11:59:59.999", 30)
    assert usual_hours(few.rows[0], few) is None
    dark = journal(seen(*nights), "2026-05-11T11:59:59.999", 30, watched=watch(found.span, {21, 22, 23}))
    assert usual_hours(dark.rows[0], dark) is None


@pytest.mark.parametrize(
    ("before", "now", "step", "words"),
    [
        (None, "2026-03-10T03:12", "ever", "first ever seen here"),
        ("2025-12-31T23:59", "2026-01-01T00:01", "year", "first this year"),
        ("2026-03-01T03:12", "2026-03-20T03:12", "back", "first in 19 days"),
        ("2026-02-28T23:00", "2026-03-01T01:00", "season", "first this spring"),
        ("2026-03-09T03:12", "2026-03-10T03:12", "", ""),
        ("2025-12-01T00:30", "2025-12-08T00:30", "", ""),
    ],
)
def test_novelty_says_what_is_new(before: str | None, now: str, step: str, words: str) -> None:
    before_ms = None if before is None else ms(before)
    found = find_novelty(ms(now), before_ms, 14 * DAY_MS, BERLIN, south=False)
    assert (("", "") if found is None else (found.step, found.words)) == (step, words)


def test_seasons_of_the_south_are_the_others() -> None:
    found = find_novelty(ms("2026-03-01T01:00"), ms("2026-02-28T23:00"), 14 * DAY_MS, BERLIN, south=True)
    assert found == Novelty("season", 1, "autumn")


def test_news_of_a_list_are_those_of_each_visit() -> None:
    moments = ("2025-11-02T22:00", "2025-12-31T23:00", "2026-01-01T02:00", "2026-02-20T02:00", "2026-02-21T02:00")
    found = journal(seen(*moments), "2026-03-01T11:00", 365)
    news = find_news(found.visits, {"fox": ms("2025-11-01T22:00")}, 14 * DAY_MS, BERLIN, south=False)
    assert [(visit.sighting.event_id, novelty.step) for visit, novelty in news] == [
        (2, "back"),
        (3, "year"),
        (4, "back"),
    ]


def test_kind_counts_as_seen_whatever_it_was_named() -> None:
    mixed = [*seen("2026-05-01T02:00"), *seen("2026-05-02T02:00", said="")]
    found = journal(mixed, "2026-05-03T11:00", 30)
    news = find_news(found.visits, {"animal": ms("2026-04-01T02:00")}, 14 * DAY_MS, BERLIN, south=False)
    assert [(visit.species.key, novelty.step) for visit, novelty in news] == [("fox", "ever")]


def test_said_kinds_decide_what_is_wild() -> None:
    known = KnownSpecies()
    assert known.of_visit("cat", "") is None
    assert known.of_visit("motion", "none") is None
    cat = known.of_visit("cat", "neighbours-cat")
    assert cat is not None
    assert (cat.name, cat.tier) == ("Neighbour's cat", "nuisance")
    assert {one.key for one in COMMON if one.kind in ("cat", "dog")} == set(PET_SPECIES)
    assert {one.kind for one in (*COMMON, *CORRECTIONS.values())} <= NAMEABLE
    assert len({one.key for one in (*COMMON, *CORRECTIONS.values())}) == len(COMMON) + len(CORRECTIONS)


def test_sun_marks_follow_the_place() -> None:
    marks = mark_sun(journal([], "2024-06-21T11:00", 1), (52.52, 13.405), BERLIN)
    assert (marks.rise_text, marks.set_text, marks.words) == ("04:43", "21:33", "")
    polar = mark_sun(journal([], "2024-06-21T11:00", 1), (69.65, 18.96), ZoneInfo("Europe/Oslo"))
    assert (polar.rise, polar.words) == (None, "The sun does not set now.")


def test_hours_of_spans_are_cut_and_counted_once() -> None:
    found = hours_of([(0, HOUR_MS + 600_000), (HOUR_MS, HOUR_MS + 300_000)], 0, 3 * HOUR_MS)
    assert found == {0: HOUR_MS, HOUR_MS: 600_000, 2 * HOUR_MS: 0}
    assert without([(0, 100)], [(50, 60), (90, 200), (10, 20), (15, 20)]) == [(0, 10), (20, 50), (60, 90)]
