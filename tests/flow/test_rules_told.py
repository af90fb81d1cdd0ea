"""Rules from the stored event to the opened push: what is told how, what is not, and the answer to why."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.push_service import PushService
from tests.notify_kit import NotifyHouse, notify_house
from vigilar.base.day_spans import house_day, moment_ms
from vigilar.base.notify_rules import Does, Hours, NotifyRules, Quiet, Rule
from vigilar.base.zone import load_zone
from vigilar.config.load import parse_config
from vigilar.config.notify_cut import notify_rules
from vigilar.notify.ways import NtfyWay, Ways
from vigilar.rules.decide import decide
from vigilar.rules.decision import Decision
from vigilar.rules.replay import read_past, replay
from vigilar.rules.why import read_why
from vigilar.store import arming, decisions
from vigilar.store.cameras import ensure_camera
from vigilar.store.deliveries import list_deliveries_of, note_shown
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, StoredEvent, insert_event, update_event
from vigilar.store.presence import set_presence
from vigilar.store.snoozes import NewSnooze, add_snooze

HOUSE = b"""
[house]
time_zone = "Europe/Berlin"
[[camera]]
name = "Front door"
address = "demo:street"
[[camera]]
name = "Garden"
address = "demo:garden"
"""
"""Nobody wrote a rule."""

ZONE = load_zone("Europe/Berlin")
MINUTE_MS = 60_000


@pytest.fixture
def house(tmp_path: Path, service: PushService) -> Iterator[NotifyHouse]:
    with notify_house(tmp_path, service) as house:
        for camera_id, name in (("front-door", "Front door"), ("garden", "Garden")):
            ensure_camera(house.store, camera_id, name, 1)
        house.decide = decide
        use(house, notify_rules(parse_config(HOUSE, "x")))
        yield house


def use(house: NotifyHouse, rules: NotifyRules, ways: Ways | None = None) -> None:
    house.settings = replace(house.settings, rules=rules, ways=ways or Ways())
    house.desk.use(house.settings)


def go_to(house: NotifyHouse, hour: int, *, days: int = 1) -> int:
    """Set the clock to that hour of the house's day after so many; UTC ms."""
    day = house_day(house.now_ms(), ZONE) + timedelta(days=days)
    at_ms = moment_ms(day, hour * 60, ZONE)
    house.clock.advance((at_ms - house.now_ms()) / 1000)
    return at_ms


def silent(service: PushService) -> list[bool]:
    return [one.message["notification"]["silent"] for one in service.accepted()]


def test_person_at_night_is_told_loudly_without_any_setting(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    go_to(house, 2)
    event = house.happens("Person, Garden", "INFO", source_id="garden")
    house.tell()
    assert silent(service) == [False]
    why = read_why(house.store, house.settings.rules, event, house.now_ms())
    [(person, steps)] = why.members
    assert (person.name, steps[-1].step) == ("Sam", "told")
    assert [one.step for one in steps] == ["rule", "quiet", "snooze", "told"]
    assert steps[1].sentence == "Quiet hours 22:00 to 07:00: loud ones come all the same."
    assert [(one.member, one.state) for one in why.pushes] == [("Sam", "accepted")]


def test_person_at_noon_in_the_garden_is_told_to_nobody(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    go_to(house, 12)
    event = house.happens("Person, Garden", "INFO", source_id="garden")
    assert house.tell() == 0
    [(_, steps)] = read_why(house.store, house.settings.rules, event, house.now_ms()).members
    assert steps[-1].sentence == ("“Person outside at night” did not hold: it is for 23:00 to 06:00, and it was 12:00.")


def test_snoozed_camera_is_not_told_and_says_who_snoozed_it(house: NotifyHouse, service: PushService) -> None:
    house.add_phone("phone")
    now = go_to(house, 2)
    until = now + 30 * MINUTE_MS
    add_snooze(house.store, NewSnooze(user_id=None, camera_id="garden", made_by="Sam", start_ms=now, until_ms=until))
    event = house.happens("Person, Garden", "INFO", source_id="garden")
    assert house.tell() == 0
    [(_, steps)] = read_why(house.store, house.settings.rules, event, house.now_ms()).members
    assert steps[-1].sentence == "Garden was snoozed by Sam until 02:30: that stopped it."
    smoke = {"type": "sensor_smoke", "kind": "", "source_id": "sensor/kitchen"}
    house.happens("Smoke, Kitchen", "CRITICAL", **smoke)
    assert house.tell() == 1


def answer_of(house: NotifyHouse, event: StoredEvent) -> list[str]:
    """What the page of an event answers: the step that decided, and what became of each push."""
    why = read_why(house.store, house.settings.rules, event, house.now_ms())
    [(_, steps)] = why.members
    return [steps[-1].sentence, *(one.sentence for one in why.pushes)]


def test_each_reason_why_not_is_named(house: NotifyHouse, service: PushService) -> None:
    """Acceptance 50, by one rule: a person in the porch while away, quietly, not at night."""
    rule = Rule(name="Porch", when=("person",), tell=("everyone",), modes=("away",), zones=("Porch",))
    quiet = Quiet(hours=Hours(from_min=22 * 60, to_min=7 * 60))
    use(house, replace(house.settings.rules, rules=(rule,), quiet=(quiet,)))
    house.add_phone("phone")
    person: dict[str, Any] = {"source_id": "front-door", "zones": ("Porch",)}
    go_to(house, 12)
    disarmed = house.happens("Person", "INFO", **person)
    house.settle()
    assert answer_of(house, disarmed) == ["“Porch” did not hold: it is for armed Away, and the house was disarmed."]
    arm(house, is_armed=True)
    elsewhere = house.happens("Person", "INFO", source_id="front-door", zones=("Street",))
    house.settle()
    assert answer_of(house, elsewhere) == ["“Porch” did not hold: it is for Porch, and it was in Street."]
    snooze(house, 60, 0, "front-door")
    snoozed = house.happens("Person", "INFO", **person)
    house.settle()
    assert answer_of(house, snoozed) == ["Front door was snoozed by Sam until 13:00: that stopped it."]
    house.clock.advance(3700)
    told = house.happens("Person", "INFO", **person)
    house.tell()
    facts = service.accepted()[-1].message["vigilar"]
    assert note_shown(house.store, facts["id"], facts["token"], house.now_ms())
    assert answer_of(house, told) == ["Sam is told.", "Shown on phone (Sam) after 0.0 s."]
    off = house.happens("Person", "INFO", **person)
    house.tell()
    sent = "Sent to phone (Sam); whether it was shown is not known."
    assert answer_of(house, off)[1:] == [sent]
    house.clock.advance(86_400)
    never = "Sent to phone (Sam), which has not said that it showed it: it was off, or cannot reach the house."
    assert answer_of(house, off)[1:] == [never]
    go_to(house, 23)
    at_night = house.happens("Person", "INFO", **person)
    house.settle()
    assert answer_of(house, at_night) == ["Quiet hours 22:00 to 07:00 stopped it."]


def test_busy_day_gives_six_ordinary_pushes_and_one_summary(house: NotifyHouse, service: PushService) -> None:
    """As many visits at the door as a busy house has; every one is an incident of its own."""
    house.add_phone("phone")
    go_to(house, 8)
    for _ in range(40):
        house.happens("Person, Front door", "INFO", source_id="front-door", end_ms=house.now_ms() + 4000)
        house.tell()
        house.clock.advance(1200)
    assert len(service.accepted()) == 6
    go_to(house, 8)
    for _ in range(3):
        house.desk.sum_up()
        house.let_go()
    sums = service.accepted()[6:]
    assert [one.message["notification"]["title"] for one in sums] == ["34 more yesterday"]


def test_duress_is_told_where_nobody_beside_hears_it(house: NotifyHouse, service: PushService) -> None:
    use(house, house.settings.rules, Ways(ntfy=NtfyWay(address="http://127.0.0.1:1", topic="t")))
    kim, lee = house.add_member("Kim"), house.add_member("Lee")
    for name, member in (("sams", house.owner), ("kims", kim), ("lees", lee)):
        house.add_phone(name, member)
    go_to(house, 12)
    set_presence(house.store, house.owner, "home", 1)
    set_presence(house.store, kim, "away", 1)
    event = house.happens("Disarmed under duress", "CRITICAL", type="duress", kind="", source_id="house")
    assert house.tell() == 2
    assert {one.phone: one.message["notification"]["silent"] for one in service.accepted()} == {
        "kims": False,
        "lees": True,
    }
    assert house.states() == ["accepted"] * 2, "nothing goes to what belongs to nobody in particular"
    why = read_why(house.store, house.settings.rules, event, house.now_ms())
    assert {person.name: steps[-1].step for person, steps in why.members} == {
        "Sam": "duress",
        "Kim": "told",
        "Lee": "told",
    }


def camera_down(house: NotifyHouse) -> StoredEvent:
    """A camera has no picture from now on."""
    at = house.now_ms()
    down = NewEvent(
        uid="down",
        type="camera_offline",
        severity="WARNING",
        source_id="garden",
        ts_ms=at,
        payload={"title": "No picture from Garden", "camera_name": "Garden", "is_open": True},
    )
    event = insert_event(house.store, down, now_ms=at)
    assert event is not None
    return event


def test_camera_down_is_told_after_three_minutes_and_its_return_in_place(
    house: NotifyHouse, service: PushService
) -> None:
    house.add_phone("phone")
    go_to(house, 12)
    event = camera_down(house)
    assert house.tell() == 0
    house.clock.advance(179)
    house.desk.look()
    assert house.tell() == 0
    house.clock.advance(1)
    house.desk.look()
    assert house.tell() == 1
    back = {**event.payload, "is_open": False, "title": "Garden was without a picture"}
    assert update_event(house.store, event, end_ms=house.now_ms(), payload=back)
    house.tell()
    house.clock.advance(5)
    house.let_go()
    assert silent(service) == [False, True]


def test_end_that_comes_while_one_looks_again_has_the_last_word(
    house: NotifyHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera is back in the moment in which its three minutes are over: what was read before is not decided after."""
    house.add_phone("phone")
    go_to(house, 12)
    event = camera_down(house)
    assert house.tell() == 0
    house.clock.advance(180)
    threads = []
    read = decisions.due_again

    def read_and_end(store: Store, now_ms: int) -> list[StoredEvent]:
        found = read(store, now_ms)
        assert [one.id for one in found] == [event.id]
        back = {**event.payload, "is_open": False, "title": "Garden was without a picture"}
        assert update_event(house.store, event, end_ms=house.now_ms(), payload=back)
        threads.append(threading.Thread(target=house.settle))
        threads[0].start()
        threads[0].join(0.5)  # it waits for the look, or it is done with its own decision
        return found

    monkeypatch.setattr(decisions, "due_again", read_and_end)
    house.desk.look()
    threads[0].join(20)
    [one, *_] = read_why(house.store, house.settings.rules, event, house.now_ms()).steps
    assert one.sentence.startswith("Garden was without a picture")


def test_rule_that_waits_twenty_minutes_acts_then(house: NotifyHouse) -> None:
    dark = Rule(name="Dark garden", when=("camera-down",), lasts_s=20 * 60, does=Does(light=True))
    use(house, replace(house.settings.rules, rules=(dark,)))
    go_to(house, 12)
    event = camera_down(house)
    house.settle()
    assert list_deliveries_of(house.store, event.id, None) == []
    house.clock.advance(20 * 60)
    house.desk.look()
    [light] = list_deliveries_of(house.store, event.id, None)
    assert (light.way, light.target, light.state) == ("light", "light Dark garden", "owed")


def arm(house: NotifyHouse, *, is_armed: bool) -> None:
    now_ms = house.now_ms()

    def decide_on(state: arming.ArmState) -> arming.Decision | None:
        if is_armed:
            return arming.armed(state, "away", "Sam", "page", now_ms, leave_s=0)
        return arming.disarmed(state, "Sam", "page", now_ms)

    arming.change_state(house.store, decide_on, now_ms)


def snooze(house: NotifyHouse, minutes: int, quiet_minutes: int, camera_id: str | None) -> None:
    now_ms = house.now_ms()
    new = NewSnooze(
        user_id=None, camera_id=camera_id, made_by="Sam", start_ms=now_ms, until_ms=now_ms + minutes * MINUTE_MS,
        quiet_ms=quiet_minutes * MINUTE_MS,
    )  # fmt: skip
    add_snooze(house.store, new)


def test_snooze_until_quiet_ends_by_itself_once_it_was(house: NotifyHouse, service: PushService) -> None:
    """Acceptance 90."""
    house.add_phone("phone")
    go_to(house, 2)
    snooze(house, 12 * 60, 10, "garden")
    told = []
    for minutes in (5, 9, 9, 11, 30):
        house.clock.advance(minutes * 60)
        house.happens("Person, Garden", "INFO", source_id="garden", end_ms=house.now_ms() + 1000)
        told.append(house.tell() > 0)
    assert told == [False, False, False, True, True]


def test_count_that_a_rule_shows_before_it_is_saved_is_what_the_log_has(house: NotifyHouse) -> None:
    """Acceptance 91: nine days are decided as they come, with limits, cool-downs, arm modes and snoozes of every kind;
    at any hour of the last the count of seven days agrees with what was decided."""
    rules = (
        Rule(name="People", when=("person",), tell=("everyone",)),
        Rule(name="Away", when=("person",), tell=("Sam",), modes=("away",), level="loud", again_after_s=1800),
        Rule(name="Cats", when=("cat",), tell=("everyone",), again_after_s=3 * 3600, cameras=("garden",)),
    )
    use(house, NotifyRules(rules=rules, time_zone="Europe/Berlin", per_day=3))
    chance, logged = random.Random(91), list[tuple[int, set[str]]]()
    go_to(house, 0)
    for number in range(9 * 48):
        house.clock.advance(1800)
        if number % 60 == 20:
            arm(house, is_armed=number % 120 == 20)
        if number % 45 == 7:
            snooze(house, *chance.choice(((60, 0), (12 * 60, 60))), camera_id=chance.choice((None, "garden")))
        if chance.random() < 0.4:
            camera_id, kind = chance.choice(("garden", "front-door")), chance.choice(("person", "cat"))
            event = house.happens(kind, "INFO", kind=kind, source_id=camera_id, end_ms=house.now_ms() + 4000)
            house.settle()
            found = decisions.find_decision(house.store, event.id)
            assert found is not None
            told = Decision.parse(found.decision).tellings
            logged.append((event.ts_ms, {one.rule for one in told if not one.is_update}))
        if number > 8 * 48 and number % 7 == 0:
            since_ms = house.now_ms() - 7 * 86_400_000
            wanted = Counter(rule for at_ms, names in logged if at_ms >= since_ms for rule in names)
            past = read_past(house.store, house.now_ms(), [house.settings.rules])
            assert replay(past, house.settings.rules).by_rule == wanted
            assert all(wanted[one.name] for one in rules)
