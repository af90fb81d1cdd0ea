"""From a stored event to the phone: one push an incident, what a service may answer, and what time does."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.push_service import PushService, push_service
from tests.notify_kit import NotifyHouse
from vigilar.notify.outbox import TOO_LATE
from vigilar.store.acknowledging import acknowledge
from vigilar.store.cameras import ensure_camera
from vigilar.store.deliveries import (
    Delivery,
    claim,
    expire,
    note_accepted,
    note_later,
    note_shown,
    touch_page,
)
from vigilar.store.phones import list_phones, put_phone
from vigilar.store.sessions import add_session, find_session
from vigilar.store.users import create_member, set_cameras

NODE = "box"


def titles(service: PushService) -> list[str]:
    return [one.message["notification"]["title"] for one in service.accepted()]


def test_phone_reads_who_where_and_when(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    event = house.happens(incident="Person at the front door", zones=("Path",))
    assert house.tell() == 1
    push = service.accepted()[0]
    message = push.message
    assert message["web_push"] == 8030
    assert message["notification"] == {
        "title": "Person at the front door",
        "body": "02:40. Path. Not armed.",
        "navigate": f"https://vigilar.local:49735/events/{event.id}",
        "tag": "incident-1",
        "lang": "en",
        "dir": "ltr",
        "silent": False,
        "requireInteraction": False,
        "actions": message["notification"]["actions"],
    }
    assert [one["action"] for one in message["notification"]["actions"]] == ["snooze"], "no camera of that id"
    assert {
        key: message["vigilar"][key] for key in ("incident_id", "event_id", "kind", "severity", "camera", "ts")
    } == {
        "incident_id": 1,
        "event_id": event.id,
        "kind": "person",
        "severity": "ALERT",
        "camera": "",
        "ts": event.ts_ms,
    }
    assert push.headers["urgency"] == "high"
    assert push.headers["ttl"] == str(50 * 60)
    assert house.states() == ["accepted"]


def test_service_sees_no_word_and_no_picture(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    house.happens("Annabelle, Bedroom", incident="Annabelle in the bedroom")
    house.happens("Battery", severity="INFO", kind="", incident="B")
    house.tell()
    for push in service.accepted():
        seen = push.body + " ".join(f"{key}: {value}" for key, value in push.headers.items()).encode()
        # So long that they are not in there by chance: headers hold some hundred random letters.
        for word in (b"Annabelle", b"edroom", b"person", b'"ALERT"', b"incident", b"vigilar.local"):
            assert word not in seen
    assert len({len(push.body) for push in service.accepted()}) == 1
    assert len({push.headers["topic"] for push in service.accepted()}) == 2, "each incident its own, both random"


def test_incident_is_one_push_that_changes_without_a_sound(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    event = house.happens(incident="Person at the front door")
    house.tell()
    house.retitle(1, "Person at the front door, then the drive", event)
    house.join(house.happens("Person, Drive"), 1)
    house.settle()
    assert house.let_go() == 0, "new words wait for newer ones"
    house.clock.advance(4)
    assert house.let_go() == 1
    first, second = service.accepted()
    assert second.message["notification"]["title"] == "Person at the front door, then the drive"
    assert (first.message["notification"]["silent"], second.message["notification"]["silent"]) == (False, True)
    assert first.message["notification"]["tag"] == second.message["notification"]["tag"]
    assert first.headers["topic"] == second.headers["topic"]
    house.settle()
    house.clock.advance(60)
    assert house.tell() == 0, "nothing new is told again"


def test_alarm_sounds_although_the_incident_was_told(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    house.happens("Person", severity="INFO", incident="Person at the door")
    house.tell()
    house.join(house.happens("Alarm: Front door", severity="CRITICAL", type="alarm", kind=""), 1)
    house.tell()
    assert [one.message["notification"]["silent"] for one in service.accepted()] == [False, False]
    assert service.accepted()[1].message["vigilar"]["is_critical"] is True


def test_alarm_sounds_although_it_came_while_the_push_was_on_its_way(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    house.happens("Person", severity="ALERT", incident="Person at the door")
    house.settle()
    one = claim(house.store, NODE, house.lane.name, house.now_ms())
    assert one is not None
    house.join(house.happens("Alarm: Front door", severity="CRITICAL", type="alarm", kind=""), 1)
    house.settle()
    note_accepted(house.store, one, house.now_ms())
    assert house.let_go() == 1
    assert service.accepted()[0].message["notification"]["silent"] is False


def test_loud_one_sounds_although_an_ordinary_one_was_told(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    house.happens("Person", severity="INFO", incident="Person at the door")
    house.tell()
    house.join(house.happens("Somebody came in", severity="ALERT", type="entry", kind=""), 1)
    house.settle()
    house.clock.advance(4)
    house.let_go()
    assert [one.message["notification"]["silent"] for one in service.accepted()] == [False, False]


def test_each_phone_of_each_member_is_told_once(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("a")
    house.add_phone("b")
    house.add_phone("c", house.add_member("Kim"))
    house.happens()
    assert house.tell() == 3
    assert sorted(one.phone for one in service.accepted()) == ["a", "b", "c"]


def test_locked_screen_without_names_says_kind_and_time(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    house.desk.use(replace(house.settings, shows_names=False))
    house.happens("Anna, Bedroom", severity="INFO", zones=("Anna's bed",))
    house.tell()
    shown = service.accepted()[0].message["notification"]
    assert (shown["title"], shown["body"]) == ("Person at home", "02:40. Not armed.")
    assert "Anna" not in str(service.accepted()[0].message)


def test_member_who_sees_other_cameras_by_now_is_not_told(house: NotifyHouse, service: PushService) -> None:
    kim = house.add_member("Kim")
    house.add_phone("kims", kim)
    for camera in ("front", "garden"):
        ensure_camera(house.store, camera, camera, house.now_ms())
    house.happens()
    house.happens("Broken glass", "CRITICAL", incident="Broken glass", type="sensor_glass", kind="")
    house.settle()
    set_cameras(house.store, kim, {"garden"})
    house.let_go()
    assert titles(service) == ["Broken glass"], "a danger is told to everybody"
    assert house.states() == ["failed", "accepted"]


def test_phone_that_is_another_members_by_now_is_not_told(house: NotifyHouse, service: PushService) -> None:
    phone = house.add_phone("phone")
    house.happens()
    house.settle()
    put_phone(
        house.store, house.add_member("Kim"), name="phone", endpoint=phone.endpoint, origin="", p256dh=phone.p256dh,
        auth=phone.auth, user_agent="", session_hash=None, now_ms=house.now_ms(),
    )  # fmt: skip
    house.let_go()
    assert (service.pushes, house.states()) == ([], ["failed"])


@pytest.mark.parametrize("status", [404, 410])
def test_gone_phone_is_pruned_and_told(house: NotifyHouse, service: PushService, status: int) -> None:
    house.add_phone("phone")
    service.always = (status, {})
    house.happens()
    house.tell()
    assert house.states() == ["gone"]
    assert house.phone_ids() == []
    assert house.facts() == ["phone_gone"]
    house.happens()
    assert house.tell() == 0


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_key_prunes_nobody_and_is_told_once_a_day(
    house: NotifyHouse, service: PushService, status: int
) -> None:
    house.add_phone("phone")
    service.always = (status, {})
    house.happens(severity="CRITICAL")
    for _ in range(5):
        house.tell()
        house.clock.advance(120)
    assert house.states() == ["owed"]
    assert house.facts() == ["push_rejected"]
    assert [one.state for one in list_phones(house.store)] == ["refused"]
    service.always = (201, {})
    house.clock.advance(600)
    house.tell()
    assert house.states() == ["accepted"]
    assert [one.state for one in list_phones(house.store)] == ["ok"], "the key was put right"


def test_busy_service_is_asked_again_when_it_said(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    service.answers.append((429, {"Retry-After": "120"}))
    house.happens()
    assert house.tell() == 1
    house.clock.advance(119)
    assert house.let_go() == 0
    house.clock.advance(2)
    assert house.let_go() == 1
    assert house.states() == ["accepted"]


def test_failing_service_is_asked_less_and_less(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    service.always = (500, {})
    house.happens(severity="CRITICAL")
    house.settle()
    for _ in range(3600):
        house.let_go()
        house.clock.advance(1)
    assert 15 <= len(service.pushes) <= 30, "2, 4, 8, ... 300 s, less a third by chance"


def test_what_was_not_taken_lets_what_is_new_go_first(house: NotifyHouse, service: PushService) -> None:
    """Each try may cost ten seconds where a service does not answer for one phone: the other one's news does not wait
    for all that the first is owed."""
    house.add_phone("stuck")
    for number in range(5):
        house.happens(f"Old {number}")
    service.always = (503, {})
    assert house.tell() == 5
    house.add_phone("well", house.add_member("Kim"))
    house.happens("New")
    house.settle()
    house.clock.advance(301)
    service.always = (201, {})
    house.let_go()
    new = [(one.phone, one.message["notification"]["title"]) for one in service.accepted()][:2]
    assert sorted(new) == [("stuck", "New"), ("well", "New")]
    assert titles(service)[2:] == [f"Old {number}" for number in range(5)]


def test_redirect_is_not_followed(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    service.always = (307, {"Location": f"https://{service.host}/push/other"})
    service.phone("other")
    house.happens()
    house.tell()
    assert [one.phone for one in service.pushes] == ["phone"]
    assert house.states() == ["failed"]


def test_hour_of_refusal_leaves_only_the_critical_to_be_told(house: NotifyHouse, service: PushService) -> None:
    """The stub answers 503 for an hour. Afterwards nobody is woken by what is no news; of smoke they still hear."""
    house.add_phone("phone")
    service.always = (503, {})
    house.happens("Cat, Garden", severity="INFO")
    house.happens("Person, Drive", severity="WARNING")
    house.happens("Glass broken, Kitchen", severity="ALERT")
    house.happens("Smoke, Hall", severity="CRITICAL", kind="")
    house.settle()
    for _ in range(360):
        house.let_go()
        house.clock.advance(10)
        expire(house.store, NODE, house.now_ms(), TOO_LATE)
    service.always = (201, {})
    for _ in range(60):
        house.let_go()
        house.clock.advance(10)
    assert titles(service) == ["Smoke, Hall"]
    assert house.states() == ["expired", "expired", "expired", "accepted"]


def test_cut_line_makes_all_wait_and_then_go_in_order(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    for number in range(20):
        house.happens(f"Event {number}")
    house.settle()
    service.close()
    cut_ms = house.now_ms()
    for _ in range(120):
        house.let_go()
        house.clock.advance(1)
    assert house.lane.state.waiting_since_ms == cut_ms
    house.watcher.look_at_lanes([house.lane.state])
    assert house.facts() == ["push_waiting"]
    assert set(house.states()) == {"owed"}, "nobody lost a try by it"
    with push_service(house.folder, service.port) as again:
        again.phones, again.now_s = service.phones, service.now_s
        house.lane = house.new_lane()  # the certificate is another one
        house.clock.advance(61)
        house.let_go()
        assert titles(again) == [f"Event {number}" for number in range(20)]
    service.start = lambda: None  # type: ignore[method-assign]  # closed above
    service.close = lambda: None  # type: ignore[method-assign]


def test_clock_that_is_set_back_holds_no_push_back(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    house.happens("Event 1")
    house.settle()
    house.clock.step_utc(-3600)
    house.clock.advance(10)
    house.let_go()
    assert titles(service) == ["Event 1"]


def test_open_page_has_five_seconds_before_the_phone(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    touch_page(house.store, "page-0001", house.owner, house.now_ms(), forget_before_ms=0)
    house.happens(incident="Person at the front door")
    house.settle()
    house.clock.advance(4.9)
    assert house.let_go() == 0
    house.clock.advance(0.2)
    assert house.let_go() == 1


def test_acknowledged_at_an_open_page_is_not_pushed(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    house.add_phone("kim", house.add_member("Kim"))
    touch_page(house.store, "page-0001", house.owner, house.now_ms(), forget_before_ms=0)
    house.happens(incident="Person at the front door")
    house.settle()
    house.clock.advance(2)
    assert acknowledge(house.store, house.owner, 1, house.now_ms(), "Sam took note.") == 1
    house.clock.advance(60)
    house.let_go()
    assert [one.phone for one in service.accepted()] == ["kim"]
    assert house.states() == ["acknowledged", "accepted"]


@pytest.mark.parametrize("how", ["the service was busy", "the process was killed"])
def test_acknowledged_while_on_its_way_is_not_tried_again(house: NotifyHouse, service: PushService, how: str) -> None:
    house.add_phone("phone")
    house.happens()
    house.settle()
    one = claim(house.store, NODE, house.lane.name, house.now_ms())
    assert one is not None
    assert acknowledge(house.store, house.owner, 1, house.now_ms(), "Sam took note.") == 1
    if how == "the service was busy":
        note_later(house.store, one, house.now_ms(), "It was busy.")
    else:
        assert house.restart() == 0
    house.clock.advance(400)
    assert house.let_go() == 0
    assert house.states() == ["acknowledged"]


def test_danger_is_told_without_what_a_member_may_not_see(house: NotifyHouse, service: PushService) -> None:
    for name in ("garden", "shed"):
        ensure_camera(house.store, name, name.title(), 1, NODE)
    kim = create_member(house.store, "Kim", "hash", "adult", {"garden"}, house.now_ms())
    house.add_phone("phone", kim.id)
    event = house.happens("Alarm: Shed", "CRITICAL", type="alarm", kind="", source_id="shed", zones=("Workbench",))
    assert house.tell() == 1
    message = service.accepted()[0].message
    assert message["notification"]["title"] == "Alarm", "nor where it is"
    assert message["notification"]["navigate"].endswith(f"/events/{event.id}")
    assert [one["action"] for one in message["notification"]["actions"]] == ["snooze"]
    assert (message["vigilar"]["camera"], message["vigilar"]["still"]) == ("", "")
    assert "Workbench" not in str(message)


def test_critical_does_not_wait_for_an_open_page(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    touch_page(house.store, "page-0001", house.owner, house.now_ms(), forget_before_ms=0)
    house.happens("Smoke, Hall", severity="CRITICAL", kind="", incident="Smoke, Hall")
    assert house.tell() == 1


def test_killed_between_sending_and_noting_sends_the_same_again(house: NotifyHouse, service: PushService) -> None:
    """It may have arrived, so it is told again; the phone knows it by id and revision."""
    house.add_phone("phone")
    house.happens()
    house.settle()
    one = claim(house.store, NODE, f"push:{service.host}", house.now_ms())
    assert one is not None
    house.lane._sender.send(one, house.now_ms())
    assert house.let_go() == 0, "it is on its way"
    assert house.restart() == 1
    assert house.let_go() == 1
    keys = [(push.message["vigilar"]["id"], push.message["vigilar"]["revision"]) for push in service.accepted()]
    assert keys[0] == keys[1]
    assert house.restart() == 0


def on_its_way(house: NotifyHouse, service: PushService) -> tuple[Delivery, dict[str, Any]]:
    """The service has taken it and the phone has it; the house does not know yet."""
    one = claim(house.store, NODE, f"push:{service.host}", house.now_ms())
    assert one is not None
    house.lane._sender.send(one, house.now_ms())
    return one, service.accepted()[-1].message["vigilar"]


def says_shown(house: NotifyHouse, facts: dict[str, Any]) -> None:
    assert note_shown(house.store, facts["id"], facts["token"], house.now_ms(), facts["revision"])


@pytest.mark.parametrize("is_late", [False, True], ids=["while it was away", "when it is back"])
def test_what_the_phone_showed_is_not_sent_again_after_a_kill(
    house: NotifyHouse, service: PushService, *, is_late: bool
) -> None:
    house.add_phone("phone")
    event = house.happens()
    house.settle()
    _, facts = on_its_way(house, service)
    if is_late:
        assert house.restart() == 1
        says_shown(house, facts)
    else:
        says_shown(house, facts)
        assert house.restart() == 0
    assert house.let_go() == 0
    assert (len(service.accepted()), house.states()) == (1, ["shown"])
    assert event.incident_id is not None
    house.retitle(event.incident_id, "Anna, Front door", event)
    house.settle()
    house.clock.advance(5)
    assert house.let_go() == 1
    assert service.accepted()[1].message["notification"]["silent"] is True, "new words are an update"


def test_words_that_came_while_a_shown_push_was_on_its_way_are_told(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    event = house.happens()
    house.settle()
    one, facts = on_its_way(house, service)
    assert event.incident_id is not None
    house.retitle(event.incident_id, "Anna, Front door", event)
    house.settle()
    says_shown(house, facts)
    note_accepted(house.store, one, house.now_ms())
    house.clock.advance(5)
    assert house.let_go() == 1
    assert titles(service)[1:] == ["Anna, Front door"]


def test_push_without_an_answer_that_the_phone_showed_is_not_tried_again(
    house: NotifyHouse, service: PushService
) -> None:
    house.add_phone("phone")
    house.happens()
    house.settle()
    one, facts = on_its_way(house, service)
    says_shown(house, facts)
    note_later(house.store, one, house.now_ms(), "It did not answer in time.")
    assert house.let_go() == 0
    assert house.states() == ["shown"]


def test_what_the_phone_says_it_showed_is_known(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    house.happens()
    house.tell()
    facts = service.accepted()[0].message["vigilar"]
    house.clock.advance(0.9)
    assert not note_shown(house.store, facts["id"], "guessed", house.now_ms())
    assert note_shown(house.store, facts["id"], facts["token"], house.now_ms())
    assert house.states() == ["shown"]
    assert list_phones(house.store)[0].delay_ms == 900


def test_phone_that_shows_what_it_is_told_is_in_use(house: NotifyHouse, service: PushService) -> None:
    """Else one whose member reads on its locked screen what there is, and never opens a page, would be signed out."""
    house.add_phone("phone")
    login = hashlib.sha256(b"phone").digest()
    ends = house.now_ms() + 400 * 86_400_000
    [phone] = list_phones(house.store)
    add_session(house.store, login, phone.user_id, now_ms=house.now_ms(), expires_ms=ends, device="phone")
    put_phone(
        house.store, phone.user_id, name=phone.name, endpoint=phone.endpoint, origin=phone.origin, p256dh=phone.p256dh,
        auth=phone.auth, user_agent="", session_hash=login, now_ms=house.now_ms(),
    )  # fmt: skip
    house.clock.advance(80 * 86_400)
    house.happens()
    house.tell()
    facts = service.accepted()[-1].message["vigilar"]
    assert note_shown(house.store, facts["id"], facts["token"], house.now_ms())
    house.clock.advance(80 * 86_400)
    assert find_session(house.store, login, house.now_ms()) is not None
    house.clock.advance(10 * 86_400)
    assert find_session(house.store, login, house.now_ms()) is None


def test_phone_that_shows_nothing_is_named_within_a_day(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    house.happens()
    house.tell()
    facts = service.accepted()[0].message["vigilar"]
    note_shown(house.store, facts["id"], facts["token"], house.now_ms())
    house.clock.advance(3600)
    house.happens()
    house.tell()
    for _ in range(23):
        house.watcher.look_for_silent()
        house.clock.advance(3600)
    assert house.facts() == ["phone_silent"]
    assert list_phones(house.store)[0].state == "silent"
    again = service.accepted()[1].message["vigilar"]
    note_shown(house.store, again["id"], again["token"], house.now_ms())
    assert list_phones(house.store)[0].state == "ok"


@pytest.mark.parametrize("behind_s", [2, 3 * 3600])
def test_phone_whose_clock_is_behind_is_not_taken_for_one_that_shows_nothing(
    house: NotifyHouse, service: PushService, behind_s: int
) -> None:
    house.add_phone("phone")
    house.happens()
    house.tell()
    facts = service.accepted()[0].message["vigilar"]
    house.clock.advance(0.5)
    assert note_shown(house.store, facts["id"], facts["token"], house.now_ms() - behind_s * 1000)
    [phone] = list_phones(house.store)
    assert (phone.shown_ms, phone.delay_ms) == (phone.accepted_ms, 0)
    house.clock.advance(30 * 3600)
    house.watcher.look_for_silent()
    assert house.facts() == []


def test_restart_after_a_day_tells_of_no_old_news(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    house.happens("Cat, Garden", severity="INFO")
    house.clock.advance(86_400 - 3600)
    house.happens("Smoke, Hall", severity="CRITICAL", kind="")
    house.tell()
    assert titles(service) == ["Smoke, Hall"]
