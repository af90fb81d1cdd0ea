"""Who is told of what, and the sentence of each step that stopped it."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import pytest

from tests.rules_kit import DAY, GUEST, KIM, NIGHT, PEOPLE, SAM, a_situation, an_event, berlin, utc
from vigilar.base.notify_kinds import WHEN, subjects_of
from vigilar.base.notify_rules import Does, Hours, NotifyRules, Profile, Quiet, Rule
from vigilar.events.subjects import EVENT_TYPES
from vigilar.rules.decide import decide, rows_of
from vigilar.rules.decision import TOLD, Decision, with_told
from vigilar.rules.situation import Situation
from vigilar.rules.words import when_words
from vigilar.store.events import StoredEvent
from vigilar.store.snoozes import Snooze

ALL_DAY = Rule(name="People", when=("person",), tell=("everyone",))
QUIET = Quiet(hours=Hours(from_min=22 * 60, to_min=7 * 60))


def told(decision: Decision) -> dict[int, str]:
    """Member -> how."""
    return {
        one.member_id: ("update" if one.is_update else "critical" if one.is_critical else "loud" if one.is_loud else "")
        for one in decision.tellings
    }


def stopped(decision: Decision, member: int) -> tuple[str, str]:
    last = decision.member_steps[member][-1]
    assert not last.passed
    return last.step, last.sentence


def rules(*listed: Rule, **changes: object) -> NotifyRules:
    return replace(NotifyRules(rules=listed, camera_names={"garden": "Garden"}), **changes)  # type: ignore[arg-type]


def a_snooze(user: int | None = None, camera: str | None = None) -> Snooze:
    return Snooze(
        id=1,
        user_id=user,
        camera_id=camera,
        made_by="Kim",
        start_ms=DAY - 60_000,
        until_ms=DAY + 3_600_000,
        ends="time",
        quiet_ms=0,
    )


def test_person_is_told_to_everyone_who_sees_the_camera() -> None:
    decision = decide(an_event(kind="person"), a_situation(), rules(ALL_DAY))
    assert told(decision) == {1: "", 2: "", 3: ""}
    assert stopped(decision, GUEST.id) == ("sees", "Gast does not see garden.")


def test_what_no_rule_is_about_is_told_to_nobody() -> None:
    decision = decide(an_event(kind="cat"), a_situation(), rules(ALL_DAY))
    assert told(decision) == {}
    assert stopped(decision, SAM.id) == ("rule", "No rule is about this.")


@pytest.mark.parametrize(
    ("at", "is_told"),
    [
        ("2026-03-08 21:59:59", False),
        ("2026-03-08 22:00:00", True),
        ("2026-03-09 00:00:00", True),
        ("2026-03-09 06:59:59", True),
        ("2026-03-09 07:00:00", False),
    ],
)
def test_hours_go_over_midnight(at: str, is_told: bool) -> None:
    rule = replace(ALL_DAY, hours=Hours(from_min=22 * 60, to_min=7 * 60))
    decision = decide(an_event(kind="person", at=berlin(at)), a_situation(berlin(at)), rules(rule))
    assert bool(told(decision)) is is_told


@pytest.mark.parametrize(
    ("at", "is_told"),
    [
        ("2026-10-24 23:59:59", False),  # 01:59:59 before the clocks go back
        ("2026-10-25 00:00:00", True),  # 02:00 CEST
        ("2026-10-25 00:15:00", True),  # 02:15 CEST
        ("2026-10-25 01:15:00", True),  # 02:15 CET, the second time
        ("2026-10-25 01:29:59", True),
        ("2026-10-25 01:30:00", False),  # 02:30 CET
    ],
)
def test_hours_of_an_autumn_night_end_at_the_second_of_two_times(at: str, is_told: bool) -> None:
    rule = replace(ALL_DAY, hours=Hours(from_min=2 * 60, to_min=2 * 60 + 30))
    decision = decide(an_event(kind="person", at=utc(at)), a_situation(utc(at)), rules(rule))
    assert bool(told(decision)) is is_told


def test_days_of_hours_are_those_on_which_they_begin() -> None:
    friday = Hours(from_min=22 * 60, to_min=7 * 60, days=(4,))
    rule = replace(ALL_DAY, hours=friday)
    saturday_early, saturday_late = berlin("2026-03-07 03:00"), berlin("2026-03-07 23:00")
    assert told(decide(an_event(kind="person", at=saturday_early), a_situation(saturday_early), rules(rule)))
    assert not told(decide(an_event(kind="person", at=saturday_late), a_situation(saturday_late), rules(rule)))


def test_rule_for_armed_house_says_that_it_was_disarmed() -> None:
    rule = replace(ALL_DAY, name="Away", modes=("away",))
    decision = decide(an_event(kind="person"), a_situation(), rules(rule))
    wanted = "“Away” did not hold: it is for armed Away, and the house was disarmed."
    assert stopped(decision, SAM.id) == ("armed", wanted)
    assert told(decide(an_event(kind="person"), a_situation(mode="away"), rules(rule)))


def test_quiet_hours_stop_ordinary_and_let_loud_through() -> None:
    event, now = an_event(kind="person", at=NIGHT), a_situation(NIGHT)
    ordinary = decide(event, now, rules(ALL_DAY, quiet=(QUIET,)))
    assert stopped(ordinary, SAM.id) == ("quiet", "Quiet hours 22:00 to 07:00 stopped it.")
    loud = decide(event, now, rules(replace(ALL_DAY, level="loud"), quiet=(QUIET,)))
    assert told(loud)[SAM.id] == "loud"


def test_quiet_hours_of_one_role_are_not_those_of_others() -> None:
    quiet = replace(QUIET, whom=("children",))
    decision = decide(an_event(kind="person", at=NIGHT), a_situation(NIGHT), rules(ALL_DAY, quiet=(quiet,)))
    assert told(decision) == {1: "", 2: ""}


@pytest.mark.parametrize(
    ("level", "snooze", "is_told"),
    [
        ("ordinary", a_snooze(), False),
        ("loud", a_snooze(), False),
        ("critical", a_snooze(), True),
        ("loud", a_snooze(user=SAM.id), False),
        ("loud", a_snooze(user=KIM.id), True),
        ("loud", a_snooze(camera="garden"), False),
        ("loud", a_snooze(camera="front-door"), True),
    ],
)
def test_snooze_stops_what_it_is_about_and_nothing_critical(level: str, snooze: Snooze, is_told: bool) -> None:
    rule = replace(ALL_DAY, level=level)  # type: ignore[arg-type]
    decision = decide(an_event(kind="person"), a_situation(snoozes=(snooze,)), rules(rule))
    assert (SAM.id in told(decision)) is is_told


def test_snooze_says_who_and_until_when() -> None:
    decision = decide(an_event(kind="person"), a_situation(snoozes=(a_snooze(camera="garden"),)), rules(ALL_DAY))
    assert stopped(decision, SAM.id) == ("snooze", "Garden was snoozed by Kim until 15:00: that stopped it.")


def test_seventh_ordinary_one_of_the_day_waits_for_the_summary() -> None:
    now = a_situation(ordinary_today={SAM.id: 6, KIM.id: 5})
    decision = decide(an_event(kind="person"), now, rules(ALL_DAY))
    assert stopped(decision, SAM.id)[0] == "limit"
    assert KIM.id in told(decision)
    assert decision.limited == (SAM.id,)
    assert told(decide(an_event(kind="person"), now, rules(replace(ALL_DAY, level="loud"))))[SAM.id] == "loud"


def test_profile_lets_only_loud_ones_through_while_at_home() -> None:
    profile = Profile(whom=("Kim",), place="home", least="loud")
    at_home = (SAM, replace(KIM, place="home"))
    decision = decide(an_event(kind="person"), a_situation(people=at_home), rules(ALL_DAY, profiles=(profile,)))
    assert told(decision) == {SAM.id: ""}
    assert stopped(decision, KIM.id) == (
        "profile",
        "To Kim at home only loud ones come: this was ordinary.",
    )
    out = (SAM, replace(KIM, place="away"))
    assert KIM.id in told(decide(an_event(kind="person"), a_situation(people=out), rules(ALL_DAY, profiles=(profile,))))


def test_incident_sounds_once_and_again_only_when_it_grows_louder() -> None:
    loud = replace(ALL_DAY, name="Loud", level="loud", modes=("away",))
    event = an_event(kind="person", incident=7)
    assert told(decide(event, a_situation(told={SAM.id: "ordinary"}), rules(ALL_DAY)))[SAM.id] == "update"
    grown = decide(event, a_situation(told={SAM.id: "ordinary"}, mode="away"), rules(ALL_DAY, loud))
    assert told(grown)[SAM.id] == "loud"
    again = decide(event, a_situation(told={SAM.id: "loud"}, mode="away"), rules(ALL_DAY, loud))
    assert told(again)[SAM.id] == "update"


def test_next_camera_of_a_told_incident_takes_the_place_of_the_push() -> None:
    rule = replace(ALL_DAY, cameras=("front-door",))
    person = an_event(kind="person", incident=7, source="garden")
    assert told(decide(person, a_situation(told={SAM.id: "loud"}), rules(rule))) == {SAM.id: "update"}
    assert told(decide(an_event(kind="motion", incident=7), a_situation(told={SAM.id: "loud"}), rules(rule))) == {}


def test_camera_that_is_down_is_told_after_three_minutes() -> None:
    rule = Rule(name="Camera down", when=("camera-down",), lasts_s=180, tell=("owners",), level="loud")
    down = an_event("camera_offline", severity="WARNING", is_open=True)
    early = decide(down, a_situation(DAY + 179_999), rules(rule))
    assert (told(early), early.look_again_ms) == ({}, DAY + 180_000)
    late = decide(down, a_situation(DAY + 180_000), rules(rule))
    assert (told(late), late.look_again_ms) == ({SAM.id: "loud"}, None)
    short = decide(down._replace(end_ms=DAY + 60_000), a_situation(DAY + 300_000), rules(rule))
    assert stopped(short, SAM.id) == (
        "lasts",
        "“Camera down” did not hold: it waits 3 min, and this was over after 1 min.",
    )


def test_cool_down_ends_with_its_time() -> None:
    rule = replace(ALL_DAY, again_after_s=600)
    early = decide(an_event(kind="person"), a_situation(held={"People": DAY - 599_999}), rules(rule))
    assert stopped(early, SAM.id)[0] == "again"
    assert told(decide(an_event(kind="person"), a_situation(held={"People": DAY - 600_000}), rules(rule)))


def test_danger_reaches_all_through_everything() -> None:
    rule = Rule(name="Danger", when=("smoke",), tell=("everyone",), level="critical")
    smoke = an_event("sensor_smoke", source="sensor/kitchen", severity="CRITICAL", at=NIGHT)
    now = a_situation(NIGHT, snoozes=(a_snooze(),), ordinary_today=dict.fromkeys(range(5), 99), is_of_camera=False)
    settings = rules(rule, quiet=(QUIET,), profiles=(Profile(whom=("everyone",), least="critical"),))
    assert told(decide(smoke, now, settings)) == dict.fromkeys((1, 2, 3, 4), "critical")


def test_what_the_house_is_up_to_is_not_told_to_children_and_guests() -> None:
    rule = Rule(name="Disk", when=("disk",), tell=("everyone",), level="loud")
    full = an_event("retention_stuck", source="upkeep", severity="ALERT")
    assert told(decide(full, a_situation(is_of_camera=False), rules(rule))) == {1: "loud", 2: "loud"}


def test_rule_acts_and_is_remembered() -> None:
    rule = replace(ALL_DAY, tell=(), does=Does(siren=True, keep=True, record_s=60, scene="home/scene"))
    decision = decide(an_event(kind="person"), a_situation(), rules(rule))
    assert [(one.kind, one.params) for one in decision.actions] == [
        ("keep", {}),
        ("record", {"camera": "garden", "seconds": 60}),
        ("siren", {}),
        ("scene", {"topic": "home/scene"}),
    ]
    assert [(one.user_id, one.rule, one.level) for one in rows_of(decision)] == [(None, "People", "rule")]


@pytest.mark.parametrize(("place", "wanted"), [("away", "critical loud"), ("unknown", "critical silent"), ("home", "")])
def test_duress_is_told_where_nobody_beside_hears_it(place: str, wanted: str) -> None:
    people = (SAM, replace(KIM, place=place), *PEOPLE[2:])  # type: ignore[arg-type]
    event = an_event("duress", source="house", severity="CRITICAL", by="Sam")
    decision = decide(event, a_situation(people=people, snoozes=(a_snooze(),), is_of_camera=False), rules())
    found = {one.member_id: "critical loud" if one.is_loud else "critical silent" for one in decision.tellings}
    assert found == ({KIM.id: wanted} if wanted else {})


def _events() -> list[StoredEvent]:
    visits = [an_event(kind=kind, incident=5) for kind in ("person", "cat", "motion")]
    others = [
        an_event("camera_offline", severity="WARNING", is_open=True),
        an_event("sensor_smoke", source="sensor/x", severity="CRITICAL"),
        an_event("duress", source="house", severity="CRITICAL", by="Sam"),
        an_event("system_started", source="system"),
    ]
    return visits + others


def _situations() -> list[Situation]:
    return [
        a_situation(now, mode=mode, snoozes=snoozes, told=told_before, ordinary_today={1: 6}, is_of_camera=of_camera)
        for now, mode, snoozes, told_before, of_camera in product(
            (DAY, NIGHT),
            ("disarmed", "away"),
            ((), (a_snooze(),), (a_snooze(user=2),)),
            ({}, {1: "ordinary", 2: "loud"}),
            (True, False),
        )
    ]


def test_each_trace_ends_in_exactly_one_of_told_and_what_stopped_it() -> None:
    settings = rules(
        replace(ALL_DAY, again_after_s=60),
        replace(ALL_DAY, name="Loud", level="loud", modes=("away",), tell=("adults",)),
        Rule(name="Down", when=("camera-down",), lasts_s=180, tell=("owners",)),
        Rule(name="Danger", when=("smoke",), tell=("everyone",), level="critical"),
        quiet=(QUIET,),
        profiles=(Profile(whom=("children",), least="loud"),),
    )
    for event, now in product(_events(), _situations()):
        decision = decide(event, now, settings)
        assert set(decision.member_steps) == {one.id for one in PEOPLE}
        for member, steps in decision.member_steps.items():
            *before, last = steps
            assert all(one.passed and one.step != TOLD for one in before)
            is_told = any(one.member_id == member for one in decision.tellings)
            assert last.passed is is_told
            assert (last.step == TOLD) is is_told
            assert all(one.sentence.endswith(".") for one in steps)


def test_decision_reads_back_from_json() -> None:
    rule = replace(ALL_DAY, does=Does(siren=True))
    decision = decide(an_event(kind="person"), a_situation(), rules(rule))
    assert Decision.parse(json.loads(json.dumps(decision.dump()))) == decision


def test_trace_of_who_was_told_stays_when_the_update_is_stopped() -> None:
    first = decide(an_event(kind="person"), a_situation(), rules(ALL_DAY))
    later = decide(an_event(kind="person"), a_situation(told={1: "ordinary"}, snoozes=(a_snooze(),)), rules(ALL_DAY))
    assert stopped(later, SAM.id)[0] == "snooze"
    assert with_told(first, later).member_steps[SAM.id] == first.member_steps[SAM.id]
    assert with_told(first, later).member_steps[GUEST.id] == later.member_steps[GUEST.id]


def test_every_type_of_event_can_be_named_in_a_rule() -> None:
    named = {name for name in EVENT_TYPES if subjects_of(name, "")}
    assert set(EVENT_TYPES) - named == {"motion", "duress"}  # by its kind; and by nobody


def test_every_word_of_a_rule_names_something() -> None:
    assert [word for word, one in WHEN.items() if one.types and not any(map(one.names, EVENT_TYPES))] == []


@pytest.mark.parametrize(
    ("level", "minutes", "is_told"),
    [("ordinary", 14, True), ("ordinary", 16, False), ("critical", 16, True), ("critical", 24 * 60, False)],
)
def test_what_is_decided_late_is_no_news(level: str, minutes: int, is_told: bool) -> None:
    late = a_situation(DAY + minutes * 60_000)
    decision = decide(an_event(kind="person"), late, rules(replace(ALL_DAY, level=level)))  # type: ignore[arg-type]
    assert (SAM.id in told(decision)) is is_told
    if not is_told:
        assert stopped(decision, SAM.id)[0] == "late"


def test_visit_that_goes_on_is_news_from_when_it_was_last_seen() -> None:
    late = a_situation(DAY + 20 * 60_000)
    at_door = an_event(kind="person", is_open=True, seen_ms=DAY + 19 * 60_000)
    assert told(decide(at_door, late, rules(ALL_DAY))) == {one.id: "" for one in PEOPLE if one != GUEST}
    unknown = an_event(kind="person", is_open=True, seen_ms=DAY + 60_000)
    assert stopped(decide(unknown, late, rules(ALL_DAY)), SAM.id) == (
        "late",
        "It was over 19 min before this was decided, and no news any more.",
    )


@pytest.mark.parametrize(("after_min", "is_told"), [(20, True), (34, True), (36, False)])
def test_visit_that_a_rule_waited_for_is_news_once_it_has_lasted(after_min: int, is_told: bool) -> None:
    loitering = replace(ALL_DAY, lasts_s=20 * 60)
    decision = decide(an_event(kind="person", is_open=True), a_situation(DAY + after_min * 60_000), rules(loitering))
    assert (SAM.id in told(decision)) is is_told


def test_state_that_goes_on_is_news_however_long_it_has() -> None:
    rule = Rule(name="Down", when=("camera-down",), lasts_s=180, tell=("owners",), level="loud")
    down = an_event("camera_offline", severity="WARNING", is_open=True)
    assert told(decide(down, a_situation(DAY + 5 * 3_600_000), rules(rule))) == {SAM.id: "loud"}


def test_two_times_of_an_autumn_night_are_told_apart() -> None:
    first, second = (
        decide(an_event(kind="person", at=utc(at)), a_situation(utc(at)), rules(ALL_DAY)).steps[0].sentence
        for at in ("2026-10-25 00:15", "2026-10-25 01:15")
    )
    assert (first, second) == ("Something, 02:15 CEST.", "Something, 02:15 CET.")


@pytest.mark.parametrize(
    ("least", "words"),
    [("INFO", "anything"), ("ALERT", "anything alert or worse"), ("CRITICAL", "anything critical")],
)
def test_nothing_is_worse_than_critical(least: str, words: str) -> None:
    assert when_words(replace(ALL_DAY, when=(), least=least)) == words
