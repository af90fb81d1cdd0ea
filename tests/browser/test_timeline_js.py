"""The arithmetic of the strip, run where it runs: in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import sign_in
from tests.browser.house import open_house, serve
from tests.browser.recorded_day import clock_ms

pytestmark = pytest.mark.browser

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Page]:
    """A page to load modules in."""
    with open_house(tmp_path_factory.mktemp("house"), cameras=()) as house, serve(house) as url:
        house.client()
        page = chromium.new_page()
        sign_in(page, url)
        page.goto(f"{url}/events")
        yield page
        page.close()


def in_page(page: Page, work: str, zone: str = "Europe/Berlin") -> Any:
    """What ``work`` gives, an expression over ``house`` (house_time.js) and ``t`` (timeline.js), in the browser."""
    return page.evaluate(
        """async (zone) => {
            const js = `${document.documentElement.dataset.assets}js/`;
            const { HouseTime } = await import(`${js}house_time.js`);
            const t = await import(`${js}timeline.js`);
            const house = new HouseTime(zone);
            return WORK;
        }""".replace("WORK", work),
        zone,
    )


def test_zoom_keeps_the_moment_under_the_pointer(page: Page) -> None:
    found = in_page(
        page,
        """(() => {
            const far = [];
            let view = new t.View(1.77e12, 1.77e12 + 86400000, 1000);
            const steps = [[0.5, 700], [0.01, 700], [0.5, 3], [0.0001, 999], [3, 500], [1e9, 10], [0.3, 0]];
            for (const [factor, x] of steps) {
                const about = view.msOf(x);
                const next = view.zoomed(factor, about);
                far.push([Math.abs(next.xOf(about) - x), next.span]);
                view = next;
            }
            return far;
        })()""",
    )
    assert max(away for away, _ in found) < 0.01
    assert min(span for _, span in found) == 10_000
    assert max(span for _, span in found) == 25 * HOUR_MS


@pytest.mark.parametrize(
    ("day", "hours", "labels"),
    [
        (date(2026, 10, 25), 25, ["00:00", "01:00", "02:00 CEST", "02:00 CET", "03:00", "04:00"]),
        (date(2026, 3, 29), 23, ["00:00", "01:00", "03:00", "04:00", "05:00", "06:00"]),
        (date(2026, 6, 1), 24, ["00:00", "01:00", "02:00", "03:00", "04:00", "05:00"]),
    ],
)
def test_days_are_drawn_by_real_time(page: Page, day: date, hours: int, labels: list[str]) -> None:
    noon = clock_ms(day, 12)
    start, end, ticks = in_page(
        page,
        f"""(() => {{
            const day = [house.dayStart({noon}), house.dayEnd({noon})];
            return [...day, t.ticks(new t.View(...day, 2400), house).map((one) => [one.at, one.label])];
        }})()""",
    )
    assert start == clock_ms(day, 0)
    assert end - start == hours * HOUR_MS
    assert [label for _, label in ticks][:6] == labels
    assert [at for at, _ in ticks] == list(range(start, end + 1, HOUR_MS))


def test_ticks_of_a_wide_day_are_round_hours_on_both_sides_of_the_change(page: Page) -> None:
    noon = clock_ms(date(2026, 10, 25), 12)
    labels = in_page(
        page,
        f"t.ticks(new t.View(house.dayStart({noon}), house.dayEnd({noon}), 340), house).map((one) => one.label)",
    )
    assert labels == ["00:00", "06:00", "12:00", "18:00", "00:00"]


@pytest.mark.parametrize(
    ("zone", "label"), [("Asia/Kolkata", "05:30"), ("Asia/Kathmandu", "05:45"), ("America/New_York", "19:00")]
)
def test_other_zones_have_their_own_clock(page: Page, zone: str, label: str) -> None:
    assert in_page(page, "house.clock(Date.UTC(2026, 0, 10), { seconds: false })", zone) == label
    starts = in_page(page, "house.clock(house.dayStart(Date.UTC(2026, 0, 10, 12)))", zone)
    assert starts == "00:00:00"


def test_every_label_of_every_zoom_keeps_its_distance(page: Page) -> None:
    nearest = in_page(
        page,
        """(() => {
            let nearest = 1e9;
            for (let span = 10000; span <= 25 * 3600000; span *= 1.7) {
                for (const width of [320, 358, 1400]) {
                    const view = new t.View(1.77e12 + 1234, 1.77e12 + 1234 + span, width);
                    const xs = t.ticks(view, house).map((one) => view.xOf(one.at));
                    for (let one = 1; one < xs.length; one++) nearest = Math.min(nearest, xs[one] - xs[one - 1]);
                }
            }
            return nearest;
        })()""",
    )
    assert nearest >= 50


def test_moments_and_seconds_of_the_player_agree_over_gaps(page: Page) -> None:
    found = in_page(
        page,
        """(() => {
            const list = ["#EXTM3U", "#EXT-X-PROGRAM-DATE-TIME:2026-02-02T10:00:00.000Z", "#EXTINF:2.000,", "a",
                "#EXTINF:2.000,", "b", "#EXT-X-DISCONTINUITY", "#EXT-X-PROGRAM-DATE-TIME:2026-02-02T10:05:00.000Z",
                "#EXTINF:4.000,", "c", ""];
            const pieces = t.piecesOf(list.join("\\n"));
            const ten = Date.UTC(2026, 1, 2, 10);
            return [
                [0, 1.5, 3.9, 4, 7.9].map((s) => t.momentAt(pieces, s) - ten),
                [0, 1500, 3900, 60000, 300000, 303000, 304000].map((ms) => t.secondsAt(pieces, ten + ms)),
                t.secondsAt(pieces, ten - 60000),
            ];
        })()""",
    )
    assert found[0] == [0, 1500, 3900, 300_000, 303_900]
    assert found[1] == [0, 1.5, 3.9, 4, 4, 7, None]
    assert found[2] == 0


def test_what_is_at_a_moment_is_said(page: Page) -> None:
    words = in_page(
        page,
        """(() => {
            const at = Date.UTC(2026, 2, 8, 13, 30, 7);
            const day = new t.Day({ from: at - 1e6, to: at + 1e6, spans: [{ from: at - 1e6, to: at + 5000 }],
                gaps: [{ from: at + 5000, to: at + 1e6, words: "The camera was not connected." }],
                events: [{ ts: at - 100, end_ts: at + 100, title: "Anna at the door" }] });
            return [at, at + 2000, at + 9000, at + 2e6].map((ms) => t.spoken(ms, day, at + 1e6, house));
        })()""",
    )
    assert words == [
        "14:30:07, Sunday 8 March, Anna at the door",
        "14:30:09, Sunday 8 March, recorded",
        "14:30:16, Sunday 8 March, not recorded: The camera was not connected.",
        "15:03:27, Sunday 8 March, That is still to come.",
    ]
