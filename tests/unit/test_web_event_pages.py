"""The list of events and the page of one, as a browser without script has them."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from tests.browser.house import CAMERAS, House, open_house
from tests.recording_kit import make_clip
from vigilar.base.day_spans import house_day, moment_ms
from vigilar.base.track_path import PathBox, pack_path
from vigilar.events.grouping import grouping_of
from vigilar.events.subjects import EVENT_TYPES
from vigilar.store.cameras import ensure_camera
from vigilar.store.events import StoredEvent, get_event
from vigilar.store.sensors import ensure_sensor
from vigilar.store.tracks import NewTrack, insert_track
from vigilar.web import undos as undos_module
from vigilar.web.camera_book import CameraBook
from vigilar.web.static_files import asset_address

PAGE = {"Accept": "text/html"}
JSON = {"Accept": "application/json"}
OPENED = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
"""As browsers ask for a page that a person opens."""

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
GROUPING = grouping_of(EVENT_TYPES)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.member("owner", name="ada")


def visit(house: House, ago_ms: int = HOUR) -> list[StoredEvent]:
    """Somebody in the garden, then at the front door."""
    start = house.now_ms() - ago_ms
    one = house.event(
        camera_id="garden", ts_ms=start, what="person", severity="ALERT", title="Person, Garden", grouping=GROUPING
    )
    two = house.event(
        camera_id="front-door", ts_ms=start + 15_000, what="person", title="Person, Front door", grouping=GROUPING,
        zones=("Porch",),
    )  # fmt: skip
    assert one.incident_id == two.incident_id
    return [one, two]


def page_of(client: FlaskClient, path: str = "/events") -> str:
    answer = client.get(path, headers=PAGE)
    assert answer.status_code == 200, answer.get_data(as_text=True)[:500]
    return answer.get_data(as_text=True)


def cards(page: str) -> list[str]:
    return re.findall(r'data-key="(\w+)"', page.partition("<main")[2])


def sentence(client: FlaskClient) -> str:
    return str(client.get("/events/summary").get_json()["sentence"])


class TestWay:
    """What of the list goes over the network, and what the box does for it."""

    def test_list_brings_each_symbol_along_that_it_shows(self, house: House, owner: FlaskClient) -> None:
        visit(house)
        page = owner.get("/events", headers=OPENED).get_data(as_text=True)
        head, _, body = page.partition("<main")
        assert body.count('<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path ') > 5
        assert "<use" not in body
        header = head.partition("</nav>")[2]
        assert f"{asset_address('vendor/icons.svg')}#disarmed" in header  # scripts give others to those of the header

    def test_scripts_of_the_list_come_behind_its_first_picture(self, owner: FlaskClient) -> None:
        page = page_of(owner, "/events")
        last = f'<script type="module" src="{asset_address("js/events.js")}" async></script>'
        assert re.findall(r"<(?:script|link)[^>]*/js/[^>]*>(?:</script>)?", page) == [last]
        assert page.index(last) > page.index("</main>")

    @pytest.mark.parametrize("path", ["/events", "/events/1/card"])
    def test_part_for_an_open_page_names_the_symbols_of_the_sheet(
        self, house: House, owner: FlaskClient, path: str
    ) -> None:
        visit(house)
        addresses = set(re.findall(r'<use href="([^"#]*)#', page_of(owner, path)))
        assert addresses == {asset_address("vendor/icons.svg")}

    def test_first_picture_waits_for_what_stands_behind_the_list(self, house: House, owner: FlaskClient) -> None:
        """Else a phone lays the list out and paints it once for each piece of it that it has read."""
        visit(house)
        head, _, body = page_of(owner).partition("<main")
        expected = re.findall(r'<link rel="expect" href="#(\w+)" blocking="render">', head)
        assert len(expected) == 1
        assert 'data-key="i1"' in body.partition(f'id="{expected[0]}"')[0]

    def test_list_comes_packed_to_whom_takes_that(self, house: House, owner: FlaskClient) -> None:
        visit(house)
        plain = owner.get("/events", headers=PAGE)
        packed = owner.get("/events", headers=PAGE | {"Accept-Encoding": "gzip, br"})
        assert plain.headers.get("Content-Encoding") is None
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
        assert packed.mimetype == plain.mimetype == "text/html"
        assert cards(gzip.decompress(packed.data).decode()) == cards(plain.get_data(as_text=True)) == ["i1"]
        assert len(packed.data) * 3 < len(plain.data)

    def test_words_of_the_address_are_never_packed_beside_what_is_private(
        self, house: House, owner: FlaskClient
    ) -> None:
        """Whoever can send a member to an address and see the length of its answer could guess at titles (BREACH)."""
        visit(house)
        answer = owner.get("/events?q=garden", headers=PAGE | {"Accept-Encoding": "gzip"})
        assert answer.headers.get("Content-Encoding") is None
        assert cards(answer.get_data(as_text=True)) == ["i1"]

    def test_more_cameras_are_no_more_looks_at_the_settings(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks: list[CameraBook] = []
        ask = CameraBook._read_stamp

        def look(book: CameraBook) -> tuple[int, int] | None:
            looks.append(book)
            return ask(book)

        monkeypatch.setattr(CameraBook, "_read_stamp", look)
        counts = []
        for many in (1, 4):
            (tmp_path / str(many)).mkdir()
            with open_house(tmp_path / str(many), CAMERAS[:many]) as house:
                client = house.client()
                for camera_id, _ in CAMERAS[:many]:
                    house.event(camera_id=camera_id)
                looks.clear()
                assert len(cards(page_of(client))) == many
                counts.append(len(looks))
        assert counts[0] == counts[1]


class TestSentence:
    def test_peace_is_not_told_while_a_camera_is_down(self, house: House, owner: FlaskClient) -> None:
        house.well("front-door", "garden", "drive", "shed")
        assert sentence(owner) == "Nothing has happened yet."
        event = house.event(ts_ms=house.now_ms() - 2 * MINUTE)
        owner.patch(f"/api/v1/events/{event.id}", json={"seen": True})
        assert sentence(owner).startswith("Quiet, nothing new. Last event was ")
        house.health("shed", "no-picture")
        assert sentence(owner).startswith("Nothing new. Last event was ")
        assert sentence(owner).endswith(" Shed has no picture.")
        assert "Quiet" not in page_of(owner)

    def test_silence_of_the_cameras_is_not_peace(self, house: House, owner: FlaskClient) -> None:
        event = house.event()
        owner.patch(f"/api/v1/events/{event.id}", json={"seen": True})
        assert sentence(owner).startswith("Nothing new."), "they start"
        house.well("front-door", "garden", "drive")
        house.health("shed", "unknown")
        assert sentence(owner).endswith("How the cameras are is not known.")

    def test_new_and_what_matters_are_counted_by_story(self, house: House, owner: FlaskClient) -> None:
        house.well("front-door", "garden", "drive", "shed")
        visit(house)
        house.event(camera_id="drive")
        assert re.fullmatch(r"2 new since (yesterday )?\d\d:\d\d\. 1 matters\.", sentence(owner))
        kim = house.member("adult", name="kim")
        owner.post("/events/seen", data={"all": "1"}, headers=JSON)
        assert sentence(owner).startswith("Quiet, nothing new.")
        assert sentence(kim).startswith("2 new since"), "seen is of one member"

    def test_live_but_not_recorded_is_told(self, house: House, owner: FlaskClient) -> None:
        house.well("front-door", "garden", "drive")
        house.health("shed", last_frame_ts=house.now_ms(), not_recording="disk-full")
        assert sentence(owner).endswith("Shed is not recorded.")


class TestList:
    def test_why_a_program_was_restarted_reads_as_a_sentence(self, house: House, owner: FlaskClient) -> None:
        house.event("process_restarted", "supervisor", title="The web server was restarted", reason="was not there")
        assert '<p class="second">Was not there</p>' in page_of(owner)

    def test_one_visit_is_one_card(self, house: House, owner: FlaskClient) -> None:
        one, two = visit(house)
        page = page_of(owner)
        assert cards(page) == [f"i{one.incident_id}"]
        assert f'data-events="{one.id} {two.id}"' in page
        assert "2 events: Person; Garden, Front door" in page
        assert page.count("<article") == 1

    def test_words_of_the_search_are_shown_and_can_be_taken_away(self, house: House, owner: FlaskClient) -> None:
        visit(house)
        house.event(camera_id="drive")
        page = page_of(owner, "/events?q=person+garden+today")
        assert re.findall(r'class="chip is-on" href="([^"]*)"><span>([^<]*)<', page)[:2] == [
            ("/events?q=garden+today", "Person"),
            ("/events?q=person+today", "Garden"),
        ]
        page = page_of(owner, "/events?q=person+garden")
        assert len(cards(page)) == 1
        assert 'value="person garden"' in page

    def test_what_is_not_wanted_is_not_listed(self, house: House, owner: FlaskClient) -> None:
        visit(house)
        cat = house.event(camera_id="garden", what="cat", title="Cat, Garden")
        other = house.event(camera_id="drive", what="cat", title="Cat, Drive")
        page = page_of(owner, "/events?q=cat+not+the+garden")
        assert cards(page) == [f"i{other.incident_id}"]
        assert ">Without Garden<" in page
        assert cards(page_of(owner, "/events?q=without+persons+or+drive")) == [f"i{cat.incident_id}"]

    def test_hours_that_are_not_wanted_are_not_listed(self, house: House, owner: FlaskClient) -> None:
        zone = house.parts.zone
        day = house_day(house.now_ms(), zone) - timedelta(days=3)
        noon, evening = (house.event(ts_ms=moment_ms(day, hour * 60, zone), what="cat") for hour in (12, 18))
        for text, one in (("after+5pm", noon), ("in+the+morning+or+at+noon", evening)):
            page = page_of(owner, f"/events?q=cat+not+{text}")
            assert cards(page) == [f"i{one.incident_id}"], text

    def test_any_of_several_days_is_listed(self, house: House, owner: FlaskClient) -> None:
        zone = house.parts.zone
        today = house_day(house.now_ms(), zone)
        days = [today - timedelta(days=back) for back in (3, 4, 5)]
        found = {day: house.event(ts_ms=moment_ms(day, 12 * 60, zone), what="cat") for day in days}
        night = house.event(ts_ms=moment_ms(days[2], 23 * 60, zone), what="cat")
        text = f"{days[0]}+and+{days[2]}"
        of_both = [f"i{one.incident_id}" for one in (found[days[0]], night, found[days[2]])]
        assert cards(page_of(owner, f"/events?q=cat+{text}")) == of_both
        assert cards(page_of(owner, f"/events?q=cat+{text}+after+10pm")) == of_both[1:2]
        assert cards(page_of(owner, f"/events?q=cat+not+{text}")) == [f"i{found[days[1]].incident_id}"]

    def test_search_and_filters_go_together(self, house: House, owner: FlaskClient) -> None:
        one, _ = visit(house)
        house.event(camera_id="garden", what="cat", title="Cat, Garden")
        assert len(cards(page_of(owner, "/events?camera=garden"))) == 2
        assert cards(page_of(owner, "/events?camera=garden&q=person")) == [f"i{one.incident_id}"]
        assert cards(page_of(owner, "/events?level=alert&q=cat")) == []
        assert len(cards(page_of(owner, "/events?q=zone+zeppelin"))) == 0
        assert len(cards(page_of(owner, "/events?q=background&level=alert"))) == 0, "cannot be"
        assert len(cards(page_of(owner, "/events?q=important&level=alert"))) == 1

    def test_empty_answer_names_the_filter(self, house: House, owner: FlaskClient) -> None:
        house.event()
        page = page_of(owner, "/events?q=bird&day=2026-01-05")
        assert "No event fits <q>bird</q> on Monday 5 January" in page
        assert 'href="/events">Clear filters' in page

    def test_search_with_a_wrong_letter_leads_to_what_was_meant(self, house: House, owner: FlaskClient) -> None:
        visit(house)
        page = page_of(owner, "/events?q=persn+gadren&day=2026-01-05")
        assert "No event fits <q>persn gadren</q>" in page
        link = re.search(r'Did you mean <a href="([^"]*)">person garden</a>\?', page)
        assert link is not None
        assert link[1].replace("&amp;", "&") == "/events?q=person+garden&day=2026-01-05"
        assert "Did you mean" not in page_of(owner, "/events?q=zeppelin")
        assert "Did you mean" not in page_of(owner, "/events?q=bird")

    def test_names_of_what_is_hidden_are_not_offered(self, house: House, owner: FlaskClient) -> None:
        ensure_sensor(house.store, house.node_id, "zigbee/1", "Pantry", house.now_ms())
        kid = house.member("child", {"front-door"}, name="Gregory")
        for q, word in (("gadren", "garden"), ("pantri", "pantry"), ("gregori", "gregory")):
            assert f">{word}</a>?" in page_of(owner, f"/events?q={q}")
            assert "Did you mean" not in page_of(kid, f"/events?q={q}")
        assert ">front</a>?" in page_of(kid, "/events?q=frnot")

    @pytest.mark.parametrize(
        "query",
        ["level=loud", "kind=ghost", "severity=BAD", "day=tomorrow", "month=2026-13", "month=x", "from=x", "sort=1"],
    )
    def test_bad_address_is_422(self, owner: FlaskClient, query: str) -> None:
        assert owner.get(f"/events?{query}", headers=PAGE).status_code == 422

    @pytest.mark.parametrize("q", ["%", "<script>", "'; DROP TABLE events; --", "\U0001f600" * 300, "a" * 5000, "\x00"])
    def test_any_words_are_borne(self, owner: FlaskClient, q: str) -> None:
        page = page_of(owner, f"/events?q={quote(q)}")
        assert "<script>al" not in page
        assert "<span><script>" not in page

    def test_outage_is_a_grey_row_with_its_end(self, house: House, owner: FlaskClient) -> None:
        start = house.now_ms() - HOUR
        house.event(
            "camera_offline", "shed", severity="WARNING", ts_ms=start, length_ms=19 * MINUTE, title="No picture"
        )
        page = page_of(owner)
        assert 'class="divider' in page
        assert "(19 min)" in page

    def test_day_and_month_show_where_something_was(self, house: House, owner: FlaskClient) -> None:
        house.event(ts_ms=house.now_ms() - 3 * DAY)
        page = page_of(owner)
        assert page.count("1 event, not all seen") >= 1
        day = re.search(r'href="/events\?day=([\d-]+)"[^>]*title="[^"]*1 event, not all seen"', page)
        assert day is not None
        assert len(cards(page_of(owner, f"/events?day={day[1]}"))) == 1
        month = page_of(owner, f"/events?month={day[1][:7]}")
        assert 'aria-labelledby="month-head"' in month
        assert f"day={day[1]}" in month

    def test_show_more_goes_on_where_it_ended(self, house: House, owner: FlaskClient) -> None:
        for number in range(35):
            house.event(ts_ms=house.now_ms() - number * HOUR)
        first = page_of(owner, "/events?camera=front-door")
        link = re.search(r'id="more" href="([^"]*)"', first)
        assert link is not None
        second = page_of(owner, link[1].replace("&amp;", "&"))
        assert len(cards(first) + cards(second)) == len({*cards(first), *cards(second)}) == 35

    def test_limited_member_reads_nothing_of_the_other_camera(self, house: House, owner: FlaskClient) -> None:
        visit(house)
        guest = house.member("guest", ["front-door"])
        page = page_of(guest)
        assert "Garden" not in page
        assert "Person at the front door" in page
        assert 'data-do="kept"' not in page, "keeping is not a guest's"

    def test_card_of_a_story_that_does_not_fit_is_not_sent(self, house: House, owner: FlaskClient) -> None:
        one, two = visit(house)
        for event in (one, two):
            assert owner.get(f"/events/{event.id}/card?camera=drive").status_code == 204
            answer = owner.get(f"/events/{event.id}/card?camera=garden", headers=PAGE)
            assert f'data-events="{one.id} {two.id}"' in answer.get_data(as_text=True)
        assert owner.get("/events/999/card", headers=JSON).status_code == 404


class TestDeeds:
    def test_marking_can_be_taken_back(self, house: House, owner: FlaskClient) -> None:
        one, two = visit(house)
        key = f"i{one.incident_id}"
        told = owner.post("/events/seen", data={"one": key}, headers=JSON).get_json()
        assert told["words"] == "1 card marked as seen."
        assert cards(page_of(owner, "/events?unseen=1")) == []
        back = owner.post("/events/seen", data={"undo": told["undo"]}, headers=JSON).get_json()
        assert back["words"] == "Taken back: 1 card marked as seen."
        assert cards(page_of(owner, "/events?unseen=1")) == [key]
        again = owner.post("/events/seen", data={"undo": told["undo"]}, headers=JSON)
        assert (again.status_code, again.get_json()["type"]) == (409, "undo.gone")
        assert owner.post("/events/seen?seen=0", data={"one": key}, headers=JSON).get_json()["undo"] is None
        assert two.id

    def test_undo_brings_back_what_was_and_no_more(self, house: House, owner: FlaskClient) -> None:
        first = house.event(ts_ms=house.now_ms() - HOUR)
        house.event(ts_ms=house.now_ms() - 2 * HOUR)
        owner.patch(f"/api/v1/events/{first.id}", json={"seen": True})
        told = owner.post("/events/seen", data={"all": "1"}, headers=JSON).get_json()
        assert told["words"] == "1 event marked as seen."
        owner.post("/events/seen", data={"undo": told["undo"]}, headers=JSON)
        assert owner.get(f"/api/v1/events/{first.id}").get_json()["seen"] is True

    def test_all_means_all_of_the_list_that_is_shown(self, house: House, owner: FlaskClient) -> None:
        house.event(camera_id="drive")
        house.event(camera_id="garden")
        owner.post("/events/seen?camera=drive", data={"all": "1"}, headers=JSON)
        assert len(cards(page_of(owner, "/events?unseen=1"))) == 1

    def test_somebody_elses_undo_is_not_taken(self, house: House, owner: FlaskClient) -> None:
        house.event()
        told = owner.post("/events/seen", data={"all": "1"}, headers=JSON).get_json()
        kim = house.member("adult", name="kim")
        assert kim.post("/events/seen", data={"undo": told["undo"]}, headers=JSON).status_code == 409
        assert owner.post("/events/kept", data={"undo": told["undo"]}, headers=JSON).status_code == 409
        assert owner.post("/events/seen", data={"undo": told["undo"]}, headers=JSON).status_code == 200

    def test_undo_grows_old(self, house: House, owner: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
        house.event()
        told = owner.post("/events/seen", data={"all": "1"}, headers=JSON).get_json()
        monkeypatch.setattr(undos_module, "LIVES_MS", 0)
        assert owner.post("/events/seen", data={"undo": told["undo"]}, headers=JSON).status_code == 409

    def test_story_is_kept_whole_and_let_go_again(self, house: House, owner: FlaskClient) -> None:
        events = visit(house)
        key = f"i{events[0].incident_id}"
        told = owner.post("/events/kept", data={"story": [key]}, headers=JSON).get_json()
        assert [found.kept for one in events if (found := get_event(house.store, one.id))] == [True, True]
        assert cards(page_of(owner, "/events?kept=1")) == [key]
        owner.post("/events/kept", data={"undo": told["undo"]}, headers=JSON)
        assert cards(page_of(owner, "/events?kept=1")) == []

    def test_keeping_is_not_a_childs_and_seeing_is(self, house: House, owner: FlaskClient) -> None:
        event = house.event()
        child = house.member("child")
        assert child.post("/events/kept", data={"one": f"i{event.incident_id}"}).status_code == 403
        assert child.post("/events/seen", data={"one": f"i{event.incident_id}"}, headers=JSON).status_code == 200
        assert owner

    @pytest.mark.parametrize("form", [{}, {"story": "x"}, {"story": ["i1", "nonsense"]}, {"one": "i" + "9" * 40}])
    def test_nothing_chosen_is_said(self, owner: FlaskClient, form: dict[str, str]) -> None:
        answer = owner.post("/events/seen", data=form, headers=JSON)
        assert (answer.status_code, answer.get_json()["type"]) == (422, "events.none")

    def test_hidden_story_is_not_marked(self, house: House, owner: FlaskClient) -> None:
        event = house.event(camera_id="shed")
        guest = house.member("guest", ["garden"])
        told = guest.post("/events/seen", data={"one": f"i{event.incident_id}"}, headers=JSON).get_json()
        assert told["undo"] is None
        assert owner

    def test_form_without_script_comes_back_with_a_way_back(self, house: House, owner: FlaskClient) -> None:
        event = house.event(camera_id="drive")
        answer = owner.post("/events/seen?camera=drive", data={"one": f"i{event.incident_id}"}, headers=PAGE)
        assert answer.status_code == 303
        where = answer.headers["Location"]
        assert where.startswith("/events?camera=drive&done=")
        assert where.endswith(f"#i{event.incident_id}")
        page = page_of(owner, where.partition("#")[0])
        assert "1 card marked as seen." in page
        token = re.search(r'name="undo" value="([^"]*)"', page)
        assert token is not None
        owner.post("/events/seen", data={"undo": token[1]}, headers=PAGE)
        assert len(cards(page_of(owner, "/events?unseen=1"))) == 1


class TestEventPage:
    def test_story_is_told_line_by_line(self, house: House, owner: FlaskClient) -> None:
        one, two = visit(house)
        boxes = [PathBox(two.ts_ms, 0.1, 0.2, 0.1, 0.3), PathBox(two.ts_ms + 3000, 0.5, 0.4, 0.1, 0.3)]
        new = NewTrack(
            uid="t", event_id=two.id, kind="person", score=0.9, start_ms=two.ts_ms, end_ms=two.ts_ms + 3000,
            path=pack_path(boxes), camera_id="front-door", is_stationary=False, zones=("Porch",),
        )  # fmt: skip
        assert insert_track(house.store, new)
        page = page_of(owner, f"/events/{two.id}")
        begin = page.index('class="lines"')
        story = page[begin : page.index("</ol>", begin)]
        lines = [
            " ".join(re.sub("<[^>]*>", " ", line).split()) for line in re.findall(r"<li.*?</li>", story, re.DOTALL)
        ]
        assert [line.partition(" ")[2] for line in lines] == [
            "Person, Garden",
            "left (8 s)",
            "Person, Front door shown here",
            "Person came into view",
            "Person was in Porch",
            "left (8 s)",
        ]
        assert f'href="/events/{one.id}"' in story
        assert "engine" not in page
        assert "Moving part" not in page

    def test_ones_beside_are_stories_and_keep_the_filter(self, house: House, owner: FlaskClient) -> None:
        before = house.event(camera_id="garden", ts_ms=house.now_ms() - 3 * HOUR)
        one, two = visit(house)
        after = house.event(camera_id="garden")
        house.event(camera_id="drive")
        page = page_of(owner, f"/events/{two.id}?camera=garden")
        assert re.search(rf'id="older"[^>]*href="/events/{before.id}\?camera=garden"', page)
        assert re.search(rf'id="newer"[^>]*href="/events/{after.id}\?camera=garden"', page)
        assert f'href="/events?camera=garden#i{one.incident_id}"' in page

    def test_what_else_happened_is_a_link(self, house: House, owner: FlaskClient) -> None:
        now = house.now_ms()
        event = house.event(ts_ms=now - HOUR)
        other = house.event(
            "camera_offline", "front-door", ts_ms=now - HOUR + 9_000, length_ms=None, title="No picture"
        )
        page = page_of(owner, f"/events/{event.id}")
        assert f'<a href="/events/{other.id}">No picture</a>' in page
        assert "was lost 9 s after this began" in page

    def test_still_going_is_said(self, house: House, owner: FlaskClient) -> None:
        event = house.event(length_ms=None)
        assert "still going" in page_of(owner, f"/events/{event.id}")

    def test_missing_recording_says_why(self, house: House, owner: FlaskClient) -> None:
        event = house.event(ts_ms=house.now_ms() - HOUR)
        assert "Nothing was recorded yet." in page_of(owner, f"/events/{event.id}")

    def test_address_of_a_push_leads_there(self, house: House, owner: FlaskClient) -> None:
        event = house.event()
        page = page_of(owner, f"/events/{event.id}?from=push")
        assert 'class="btn btn-primary" href="/watch/front-door"' in page

    def test_seen_and_kept_without_script(self, house: House, owner: FlaskClient) -> None:
        one, two = visit(house)
        answer = owner.post(f"/events/{two.id}/seen?camera=garden", data={"seen": "1"})
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/events/{two.id}?camera=garden")
        assert cards(page_of(owner, "/events?unseen=1")) == []
        owner.post(f"/events/{one.id}/keep", data={"kept": "1"})
        assert "Keep no longer" in page_of(owner, f"/events/{two.id}")
        owner.post(f"/events/{two.id}/seen", data={"seen": "0"})
        assert cards(page_of(owner, "/events?unseen=1")) == [f"i{one.incident_id}"]
        assert owner.post("/events/999/seen", data={"seen": "1"}).status_code == 404

    def test_clip_of_a_recorded_event_is_there(self, house: House, owner: FlaskClient, tmp_path: Path) -> None:
        clip = make_clip(tmp_path, size=(320, 180))
        shift = (house.now_ms() - MINUTE) * 1_000_000 - clip.run().utc_ns
        house.record(
            "front-door", [replace(one, utc_ns=one.utc_ns + shift) for one in islice(clip.endless(), 60)], clip.run()
        )
        event = house.event(ts_ms=house.now_ms() - MINUTE + 1000, length_ms=1000)
        page = page_of(owner, f"/events/{event.id}")
        assert f'src="/events/{event.id}/clip.mp4"' in page
        assert "Export with proof" in page


class TestWhatIsGone:
    """Where a push leads whose camera, or whose event, is not there any more."""

    @pytest.fixture
    def house(self, tmp_path: Path) -> Iterator[House]:
        """Its front door had a camera once."""
        with open_house(tmp_path, (("garden", "Garden"),)) as house:
            ensure_camera(house.store, "front-door", "Front door", 1, house.node_id)
            yield house

    def test_event_of_a_removed_camera_plays_what_is_left(
        self, house: House, owner: FlaskClient, tmp_path: Path
    ) -> None:
        """Its page said that it had no picture, while the recording of it was there."""
        clip = make_clip(tmp_path, size=(320, 180))
        shift = (house.now_ms() - MINUTE) * 1_000_000 - clip.run().utc_ns
        house.record(
            "front-door", [replace(one, utc_ns=one.utc_ns + shift) for one in islice(clip.endless(), 60)], clip.run()
        )
        event = house.event(ts_ms=house.now_ms() - MINUTE + 1000, length_ms=1000)
        page = page_of(owner, f"/events/{event.id}?from=push")
        assert f'src="/events/{event.id}/clip.mp4"' in page
        assert owner.get(f"/events/{event.id}/clip.mp4").status_code == 200
        assert re.search(
            r'id="removed">(?:front-door|Front door) was removed from Vigilar. What it recorded stays', page
        )
        assert 'href="/watch/front-door"' not in page

    def test_event_of_a_removed_camera_says_so_and_leads_on(self, house: House, owner: FlaskClient) -> None:
        event = house.event()
        page = page_of(owner, f"/events/{event.id}?from=push")
        said = "Front door was removed from Vigilar. Nothing that it recorded of this moment is left."
        assert f'{said} The story remains. <a href="/events">All events</a>' in page

    def test_live_picture_of_a_removed_camera_says_so_and_leads_on(self, house: House, owner: FlaskClient) -> None:
        """The other button of the push."""
        answer = owner.get("/watch/front-door", headers=PAGE)
        assert answer.status_code == 404
        assert "<h1>Front door was removed from Vigilar.</h1>" in answer.text
        assert 'href="/events">All events</a>' in answer.text

    def test_name_of_a_removed_camera_is_for_those_who_saw_it(self, house: House) -> None:
        child = house.member("child", ["garden"])
        event = house.event()
        for path in ("/watch/front-door", f"/events/{event.id}"):
            answer = child.get(path, headers=PAGE)
            assert answer.status_code == 404
            assert "Front door" not in answer.text.partition("<main")[2]

    def test_event_that_nobody_knows_leads_to_the_list(self, owner: FlaskClient) -> None:
        answer = owner.get("/events/999?from=push", headers=PAGE)
        assert answer.status_code == 404
        assert "Your account may not see its camera any more, or a backup from before it was restored." in answer.text
        assert 'href="/events">All events</a>' in answer.text


class TestDanger:
    """A danger is told to everybody, so the link of that push leads somewhere for everybody."""

    def test_page_says_what_it_is_and_shows_nothing_of_where(self, house: House) -> None:
        child = house.member("child", ["garden"])
        still = house.still("shed", b"\xff\xd8\xff")
        smoke = house.event(
            "sensor_smoke", "sensor/cellar", severity="CRITICAL", title="Smoke, cellar", zones=("Oven",)
        )
        alarm = house.event("alarm", "shed", severity="CRITICAL", title="Alarm: shed", still_id=still)
        assert "<h1>Smoke, cellar</h1>" in page_of(child, f"/events/{smoke.id}")
        page = page_of(child, f"/events/{alarm.id}")
        assert "You are told because it may be a danger to everybody in the house." in page
        assert "still.jpg" not in page
        assert "Oven" not in page_of(child, f"/events/{smoke.id}")
        for path in ("still.jpg", "clip.mp4", "index.m3u8", "card"):
            assert child.get(f"/events/{alarm.id}/{path}").status_code == 404
        assert child.get(f"/api/v1/events/{alarm.id}").status_code == 404

    def test_what_is_no_danger_or_a_secret_stays_unknown(self, house: House) -> None:
        child = house.member("child", ["garden"])
        hidden = house.event(camera_id="shed", severity="ALERT")
        secret = house.event("duress", "house", severity="CRITICAL")
        for event in (hidden, secret):
            assert child.get(f"/events/{event.id}", headers=PAGE).status_code == 404
