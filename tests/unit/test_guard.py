"""The house is armed, entered and disarmed: by clock, schedule and bus, whatever is killed in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.ready_store import open_ready_store
from vigilar.base.arm_rules import ArmRules, ModeRules, ScheduleRow
from vigilar.base.clock import SimulatedClock
from vigilar.base.errors import StoreError
from vigilar.base.ids import SENSOR_PREFIX, new_id
from vigilar.bus.client import Handler, PublishTicket
from vigilar.bus.messages import ArmRequest, MotionStart, VisitSeen
from vigilar.bus.topics import Topics
from vigilar.events.guard import Guard
from vigilar.events.processor import EventProcessor
from vigilar.events.schedule import span_on
from vigilar.events.subjects import SUBJECTS
from vigilar.store import arming
from vigilar.store.arming import ArmState, read_state
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, list_events
from vigilar.store.incident_reading import list_incidents
from vigilar.store.presence import note_devices, set_owner, set_presence
from vigilar.store.sensors import Word, ensure_sensor, note_word
from vigilar.store.users import create_owner

NODE = "box"
NOW = 1_770_000_000_000
RULES = ArmRules(
    modes=(
        ModeRules(mode="home", cameras=(), enter_s=30),
        ModeRules(mode="night", cameras=("front",), trigger="person", enter_s=0),
        ModeRules(mode="away", cameras=("front", "hall"), trigger="motion", motion_sensors=True, leave_s=60),
    ),
    alarm_s=180,
)


@dataclass
class KeepingBus:
    """A broker that keeps what is retained."""

    is_connected: bool = True
    retained: dict[str, dict[str, Any]] = field(default_factory=dict)
    handlers: dict[str, Handler] = field(default_factory=dict)

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> PublishTicket:
        if retain:
            self.retained[topic] = json.loads(payload)
        ticket = PublishTicket(qos)
        ticket._settle()
        return ticket

    def subscribe(self, topic: str, handler: Handler) -> None:
        self.handlers[topic] = handler


@dataclass
class Lab:
    store: Store
    clock: SimulatedClock
    rules: ArmRules = RULES
    bus: KeepingBus = field(default_factory=KeepingBus)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """The events process begins, or begins anew after a kill."""
        self.guard = Guard(self.store, self.bus, self.clock, NODE, self.rules, {"front": "Front", "hall": "Hall"})
        subjects = (*SUBJECTS, self.guard.subject())
        self.processor = EventProcessor(self.store, self.bus, self.clock, NODE, {}, subjects, self.guard.notice_event)
        self.turn()

    def turn(self, s: float = 0.0) -> ArmState:
        self.clock.advance(s)
        self.processor.turn(0.0)
        self.processor.turn(0.0)
        return read_state(self.store)

    def now_ms(self) -> int:
        return self.clock.utc_ns() // 1_000_000

    def arm(self, mode: str, leave_s: int = 0) -> ArmState:
        now = self.now_ms()
        arming.change_state(
            self.store,
            lambda state: arming.armed(state, mode, "Sam", "page", now, leave_s=leave_s),  # type: ignore[arg-type]
            now,
        )
        return self.turn()

    def disarm(self) -> ArmState:
        now = self.now_ms()
        arming.change_state(self.store, lambda state: arming.disarmed(state, "Sam", "page", now), now)
        return self.turn()

    def motion(self, camera_id: str = "front") -> ArmState:
        start = MotionStart(new_id(), self.now_ms(), camera_id, 1, 0.2)
        self.processor.take(Topics.motion_start(camera_id), start.dump())
        return self.turn()

    def request(self, mode: str, *, age_ms: int = 0, uid: str | None = None, arms_only: bool = False) -> ArmState:
        wish = ArmRequest(uid or new_id(), self.now_ms() - age_ms, mode, "the gate", arms_only)
        self.processor.take(Topics.ARM_REQUEST, wish.dump())
        return self.turn()

    def events(self, kind: str) -> list[StoredEvent]:
        return list_events(self.store, EventFilter(type=kind))[0]


def refuse(*_: object) -> None:
    raise StoreError("the database is locked")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_ready_store(tmp_path)) as store:
        for camera_id in ("front", "hall"):
            ensure_camera(store, camera_id, camera_id.title(), NOW, NODE)
        yield store


@pytest.fixture
def lab(store: Store) -> Lab:
    return Lab(store, SimulatedClock(utc_ns=NOW * 1_000_000))


def test_leaving_ends_at_its_second(lab: Lab) -> None:
    assert lab.arm("away", leave_s=60).mode == "disarmed"
    assert lab.bus.retained[Topics.ARM_STATE]["pending"] == {"mode": "away", "until_ts": NOW + 60_000}
    assert lab.turn(59.9).mode == "disarmed"
    assert lab.turn(0.1).mode == "away"
    told = lab.bus.retained[Topics.ARM_STATE]
    assert (told["mode"], told["by"], told["pending"]) == ("away", "Sam", None)
    assert [event.payload["title"] for event in lab.events("armed")] == ["Armed: Away"]


def test_motion_while_leaving_is_no_alarm(lab: Lab) -> None:
    lab.arm("away", leave_s=60)
    lab.motion()
    assert lab.turn(60).entry is None


def test_entry_becomes_alarm_and_ends_by_time(lab: Lab) -> None:
    lab.arm("away")
    lab.clock.advance(1)
    came_in = lab.motion("hall")
    assert came_in.entry is not None
    assert came_in.entry.trigger.where == "Hall"
    assert lab.events("alarm") == []
    lab.turn(29.9)
    assert lab.events("alarm") == []
    lab.turn(0.1)
    alarm = lab.events("alarm")[0]
    assert (alarm.severity, alarm.source_id, alarm.kept, alarm.end_ms) == ("CRITICAL", "hall", True, None)
    assert alarm.payload["title"] == "Alarm: Motion, Hall"
    assert lab.bus.retained[Topics.SIREN]["state"] == "on"
    state = lab.turn(180)
    assert (state.mode, state.is_alarm) == ("away", False)
    over = lab.events("alarm")[0]
    assert over.end_ms == lab.now_ms()
    assert over.payload["ended_by"] == "time"
    assert lab.bus.retained[Topics.SIREN]["state"] == "off"


def test_disarming_in_time_is_no_alarm(lab: Lab) -> None:
    lab.arm("away")
    lab.clock.advance(1)
    lab.motion()
    lab.turn(29)
    assert lab.disarm().is_quiet
    lab.turn(60)
    assert lab.events("alarm") == []


def test_disarming_ends_the_alarm(lab: Lab) -> None:
    lab.rules = replace(RULES, modes=tuple(replace(one, enter_s=0) for one in RULES.modes))
    lab.guard.use(lab.rules)
    lab.arm("away")
    lab.clock.advance(1)
    assert lab.motion().is_alarm
    lab.clock.advance(5)
    lab.motion("hall")
    assert lab.events("alarm")[0].payload["also"] == ["Motion, Hall"]
    lab.disarm()
    alarm = lab.events("alarm")
    assert len(alarm) == 1
    assert (alarm[0].payload["ended_by"], alarm[0].payload["is_open"]) == ("Sam", False)
    assert lab.bus.retained[Topics.SIREN]["state"] == "off"


@pytest.mark.parametrize("mode", ["home", "night"])
def test_mode_counts_only_what_it_says(lab: Lab, mode: str) -> None:
    lab.arm(mode)
    lab.clock.advance(1)
    assert lab.motion().entry is None  # at home no camera counts, at night only a person
    lab.turn(60)
    assert lab.events("alarm") == []


@pytest.mark.parametrize(("kind", "is_alarm"), [("person", True), ("cat", False), ("motion", False)])
def test_motion_that_turns_out_to_be_a_person_is_an_alarm_at_night(lab: Lab, kind: str, is_alarm: bool) -> None:
    lab.arm("night")
    lab.clock.advance(1)
    start = MotionStart(new_id(), lab.now_ms(), "front", 1, 0.2)
    lab.processor.take(Topics.motion_start("front"), start.dump())
    assert not lab.turn(2).is_alarm
    seen = VisitSeen(new_id(), lab.now_ms(), "front", start.id, kind, 0.9)
    lab.processor.take(Topics.camera_visit("front"), seen.dump())
    assert lab.turn().is_alarm is is_alarm
    assert [event.kept for event in lab.events("alarm")] == [True] * is_alarm


def test_entry_survives_a_kill(lab: Lab) -> None:
    lab.arm("away")
    lab.clock.advance(1)
    lab.motion()
    lab.clock.advance(40)
    lab.start()
    assert lab.turn().is_alarm
    lab.start()
    assert len(lab.events("alarm")) == 1


def test_state_without_its_events_gets_them_at_the_next_start(lab: Lab) -> None:
    """Killed between the row and the events that it makes."""
    now = lab.now_ms()
    arming.change_state(lab.store, lambda state: arming.armed(state, "away", "Sam", "page", now, leave_s=0), now)
    lab.start()
    lab.start()
    assert len(lab.events("armed")) == 1


def test_delay_from_a_clock_set_back_is_over(lab: Lab) -> None:
    lab.arm("away", leave_s=60)
    lab.clock.step_utc(-3600)
    assert lab.turn().mode == "away"


def test_armed_house_guards_on_when_the_clock_is_set_back(lab: Lab) -> None:
    lab.arm("away")
    lab.clock.advance(100)
    lab.clock.step_utc(-3600)
    lab.turn()
    lab.clock.advance(1)
    lab.motion()
    assert lab.turn(30).is_alarm
    assert [one.action for one in arming.list_history(lab.store, 10)] == ["alarm", "entry", "armed"]


def raise_alarm(lab: Lab) -> None:
    """Somebody comes in while the house is armed, and nobody disarms in time."""
    lab.arm("away")
    lab.clock.advance(1)
    lab.motion()
    assert lab.turn(30).is_alarm


def test_alarm_sounds_its_whole_time_when_a_millisecond_passes_at_each_look_at_the_clock(store: Store) -> None:
    class TickingClock(SimulatedClock):
        def utc_ns(self) -> int:
            self.step_utc(0.001)
            return super().utc_ns()

    lab = Lab(store, TickingClock(utc_ns=NOW * 1_000_000))
    raise_alarm(lab)
    assert lab.turn(170).is_alarm
    assert lab.bus.retained[Topics.SIREN]["state"] == "on"
    assert not lab.turn(11).is_alarm


def test_alarm_goes_on_when_the_clock_is_set_back_and_still_ends(lab: Lab) -> None:
    raise_alarm(lab)
    lab.clock.advance(100)
    lab.clock.step_utc(-3600)
    assert lab.turn().is_alarm
    siren = lab.bus.retained[Topics.SIREN]
    assert (siren["state"], siren["until_ts"]) == ("on", lab.now_ms() + 180_000)
    assert lab.turn(179).is_alarm
    assert not lab.turn(1).is_alarm


def test_alarm_is_no_longer_than_settings_that_are_made_shorter_meanwhile(lab: Lab) -> None:
    raise_alarm(lab)
    lab.guard.use(replace(RULES, alarm_s=60))
    lab.turn()
    assert lab.turn(59).is_alarm
    assert not lab.turn(1).is_alarm


def test_alarm_that_follows_at_once_leaves_the_first_ended(lab: Lab) -> None:
    lab.guard.use(replace(RULES, modes=tuple(replace(one, enter_s=0) for one in RULES.modes)))
    lab.arm("away")
    lab.clock.advance(1)
    lab.motion()
    lab.clock.advance(180)
    lab.motion("hall")  # met in the turn in which the first is over
    newest, first = lab.events("alarm")
    assert (first.payload["where"], first.payload["ended_by"]) == ("Front", "time")
    assert first.end_ms is not None
    assert (newest.payload["where"], newest.end_ms) == ("Hall", None)


class TestLeftOpen:
    """A door that stands open when the time to leave is over does not guard, and that is told."""

    @staticmethod
    def lay(lab: Lab, name: str, *, is_open: bool) -> str:
        sensor = ensure_sensor(lab.store, NODE, f"zigbee/{name}", name, lab.now_ms())
        word = Word({"contact": float(is_open)})
        note_word(lab.store, sensor.id, word, dict(word.values), lab.now_ms())
        return f"{SENSOR_PREFIX}{sensor.id}"

    def test_door_opened_while_leaving_is_told_and_the_house_armed(self, lab: Lab) -> None:
        self.lay(lab, "Front door", is_open=False)
        lab.arm("away", leave_s=60)
        door = self.lay(lab, "Front door", is_open=True)
        assert lab.turn(59).mode == "disarmed"
        state = lab.turn(1)
        assert state.mode == "away"
        assert state.bypassed == {door}
        told = lab.events("left_open")
        assert [(one.severity, one.payload["title"]) for one in told] == [("ALERT", "Armed, but left open: Front door")]
        assert lab.turn(60).alarm is None

    def test_what_was_accepted_at_arming_is_not_told_again(self, lab: Lab) -> None:
        window = self.lay(lab, "Window", is_open=True)
        now = lab.now_ms()
        accepted = frozenset({window})
        arming.change_state(
            lab.store,
            lambda state: arming.armed(state, "away", "Sam", "page", now, leave_s=60, bypassed=accepted),
            now,
        )
        self.lay(lab, "Front door", is_open=True)
        self.lay(lab, "Cellar", is_open=True)
        assert lab.turn(60).mode == "away"
        assert [one.payload["title"] for one in lab.events("left_open")] == [
            "Armed, but left open: Cellar and Front door"
        ]

    def test_nothing_open_is_nothing_told(self, lab: Lab) -> None:
        self.lay(lab, "Front door", is_open=True)
        lab.arm("away", leave_s=60)
        self.lay(lab, "Front door", is_open=False)
        assert lab.turn(60).mode == "away"
        assert lab.events("left_open") == []

    def test_house_that_is_armed_by_a_message_tells_what_is_open(self, lab: Lab) -> None:
        door = self.lay(lab, "Front door", is_open=True)
        assert lab.request("home").bypassed == {door}
        assert len(lab.events("left_open")) == 1


class TestBus:
    def test_arms_and_does_not_disarm(self, lab: Lab) -> None:
        assert lab.request("away").pending is not None
        assert lab.turn(60).mode == "away"
        assert lab.request("disarmed").mode == "away"
        assert lab.events("arm_refused")[0].payload["by"] == "the gate"

    def test_does_not_lower_the_guard(self, lab: Lab) -> None:
        lab.arm("away")
        assert lab.request("home").mode == "away"
        assert len(lab.events("arm_refused")) == 1

    def test_does_not_lower_what_is_about_to_come(self, lab: Lab) -> None:
        lab.arm("away", leave_s=60)
        state = lab.request("home")
        assert state.pending is not None
        assert state.pending.mode == "away"
        assert len(lab.events("arm_refused")) == 1
        assert lab.turn(60).mode == "away"

    def test_disarms_where_the_owner_allows(self, lab: Lab) -> None:
        lab.guard.use(replace(RULES, by_bus="arm-and-disarm"))
        lab.arm("away")
        assert lab.request("disarmed").mode == "disarmed"

    def test_who_vouches_for_arming_only_disarms_nowhere(self, lab: Lab) -> None:
        lab.guard.use(replace(RULES, by_bus="arm-and-disarm"))
        lab.arm("away")
        assert lab.request("disarmed", arms_only=True).mode == "away"
        assert len(lab.events("arm_refused")) == 1

    def test_old_future_and_repeated_wishes_are_dropped(self, lab: Lab) -> None:
        for age_ms in (61_000, -61_000):
            assert lab.request("away", age_ms=age_ms).is_quiet
        assert lab.request("home", uid="a" * 32).mode == "home"
        lab.disarm()
        assert lab.request("home", uid="a" * 32).mode == "disarmed"

    @pytest.mark.parametrize("payload", [b"away", b'{"mode":"away"}', b"[]", b"x" * 70_000])
    def test_nonsense_is_dropped(self, lab: Lab, payload: bytes) -> None:
        lab.processor.take(Topics.ARM_REQUEST, payload)
        assert lab.turn().is_quiet


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


class TestSchedule:
    NIGHT = ScheduleRow(mode="night", from_min=22 * 60, to_min=6 * 60 + 30)

    def lab_at(self, store: Store, text: str, row: ScheduleRow = NIGHT) -> Lab:
        rules = replace(RULES, schedules=(row,), time_zone="Europe/Berlin")
        return Lab(store, SimulatedClock(utc_ns=at(text) * 1_000_000), rules)

    def test_arms_and_disarms_over_midnight(self, store: Store) -> None:
        lab = self.lab_at(store, "2026-11-28T21:59:59+01:00")
        assert lab.turn().mode == "disarmed"
        assert lab.turn(1).mode == "night"
        assert lab.turn(8.5 * 3600 - 1).mode == "night"
        assert lab.turn(1).mode == "disarmed"

    @pytest.mark.parametrize(
        ("evening", "hours"), [("2026-10-24T22:00:00+02:00", 9.5), ("2026-03-28T22:00:00+01:00", 7.5)]
    )
    def test_night_of_the_summer_time_change(self, store: Store, evening: str, hours: float) -> None:
        lab = self.lab_at(store, evening)
        assert lab.turn().mode == "night"
        assert lab.turn(hours * 3600 - 1).mode == "night"
        assert lab.turn(1).mode == "disarmed"

    def test_is_not_armed_again_after_a_person_disarmed(self, store: Store) -> None:
        lab = self.lab_at(store, "2026-11-28T22:00:00+01:00")
        lab.turn()
        lab.disarm()
        lab.start()
        assert lab.turn(3600).mode == "disarmed"
        assert lab.turn(23 * 3600).mode == "night"

    def test_leaves_alone_what_a_person_set(self, store: Store) -> None:
        lab = self.lab_at(store, "2026-11-28T22:00:00+01:00")
        lab.turn()
        lab.arm("away")
        assert lab.turn(9 * 3600).mode == "away"

    def test_does_not_lower_what_a_person_set(self, store: Store) -> None:
        lab = self.lab_at(store, "2026-11-28T21:00:00+01:00")
        lab.arm("away")
        assert lab.turn(7200).mode == "away"

    def test_who_is_leaving_when_the_span_ends_leaves_an_armed_house(self, store: Store) -> None:
        """To work at the end of the night: the mode that was chosen comes, and the night does until then."""
        lab = self.lab_at(store, "2026-11-30T06:29:30+01:00")
        assert lab.turn().mode == "night"
        lab.arm("away", leave_s=60)
        assert (lab.turn(31).mode, lab.turn(28).mode, lab.turn(1).mode) == ("night", "night", "away")
        assert lab.turn(3600).mode == "away"

    def test_who_is_leaving_when_the_span_begins_leaves_the_mode_that_was_chosen(self, store: Store) -> None:
        lab = self.lab_at(store, "2026-11-29T21:59:30+01:00")
        lab.arm("away", leave_s=60)
        assert lab.turn(31).mode == "disarmed"
        assert lab.turn(29).mode == "away"
        assert lab.turn(8 * 3600).mode == "away"

    def test_span_that_guards_more_goes_before_the_mode_that_is_about_to_come(self, store: Store) -> None:
        lab = self.lab_at(store, "2026-11-29T21:59:30+01:00")
        lab.arm("home", leave_s=60)
        assert lab.turn(31).mode == "night"
        assert lab.turn(60).mode == "night"

    def test_span_that_ends_while_its_own_time_to_leave_runs_arms_nothing(self, store: Store) -> None:
        lab = self.lab_at(store, "2026-11-30T06:29:30+01:00", replace(self.NIGHT, mode="away"))
        assert lab.turn().pending is not None
        state = lab.turn(31)
        assert (state.mode, state.pending) == ("disarmed", None)
        assert lab.turn(60).mode == "disarmed"

    def test_its_own_time_to_leave_ends_with_it_where_a_person_had_armed(self, store: Store) -> None:
        lab = Lab(store, SimulatedClock(utc_ns=at("2026-11-30T06:29:20+01:00") * 1_000_000))
        lab.arm("home")
        lab.guard.use(replace(RULES, schedules=(replace(self.NIGHT, mode="away"),), time_zone="Europe/Berlin"))
        assert lab.turn(10).pending is not None
        state = lab.turn(31)
        assert (state.mode, state.pending, state.by) == ("home", None, "Sam")

    def test_box_that_was_off_arms_at_its_start(self, store: Store) -> None:
        assert self.lab_at(store, "2026-11-29T03:00:00+01:00").turn().mode == "night"

    def test_database_that_fails_costs_no_night(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        lab = self.lab_at(store, "2026-11-28T21:59:59+01:00")
        with monkeypatch.context() as broken:
            broken.setattr("vigilar.events.guard.find_unready", refuse)
            assert lab.turn(1).mode == "disarmed"
        assert lab.turn(1).mode == "night"

    def test_day_that_is_not_named_is_left_out(self, store: Store) -> None:
        saturday_only = replace(self.NIGHT, days=(5,))
        assert self.lab_at(store, "2026-11-29T22:30:00+01:00", saturday_only).turn().mode == "disarmed"
        assert self.lab_at(store, "2026-11-29T03:30:00+01:00", saturday_only).turn().mode == "night"

    def test_waits_until_nobody_is_home(self, store: Store) -> None:
        sam = create_owner(store, "Sam", "x", NOW)
        note_devices(store, {"aa:bb:cc:dd:ee:ff": "192.0.2.7"}, NOW)
        set_owner(store, "aa:bb:cc:dd:ee:ff", sam.id, "phone")
        set_presence(store, sam.id, "home", NOW)
        row = ScheduleRow(mode="home", from_min=9 * 60, to_min=17 * 60, only_if="nobody-home")
        lab = self.lab_at(store, "2026-11-30T10:00:00+01:00", row)
        assert lab.turn(60).mode == "disarmed"
        set_presence(store, sam.id, "away", lab.now_ms())
        assert lab.turn(2).mode == "home"


def test_arming_is_suggested_once_when_the_last_one_left(lab: Lab) -> None:
    sam = create_owner(lab.store, "Sam", "x", NOW)
    note_devices(lab.store, {"aa:bb:cc:dd:ee:ff": "192.0.2.7"}, NOW)
    set_owner(lab.store, "aa:bb:cc:dd:ee:ff", sam.id, "phone")
    set_presence(lab.store, sam.id, "unknown", NOW)
    lab.turn(5)
    assert lab.events("arm_suggested") == []
    set_presence(lab.store, sam.id, "away", lab.now_ms())
    for _ in range(3):
        assert lab.turn(5).mode == "disarmed"
    assert len(lab.events("arm_suggested")) == 1


@pytest.mark.parametrize(
    ("zone", "day", "minutes", "expected"),
    [
        ("Europe/Berlin", "2026-03-29", 150, "2026-03-29T01:00:00+00:00"),  # 02:30 does not exist
        ("Europe/Berlin", "2026-10-25", 150, "2026-10-25T00:30:00+00:00"),  # the first 02:30
        ("Australia/Lord_Howe", "2026-10-04", 135, "2026-10-03T15:30:00+00:00"),  # half an hour is jumped over
    ],
)
def test_start_at_a_time_that_is_odd(zone: str, day: str, minutes: int, expected: str) -> None:
    row = ScheduleRow(mode="night", from_min=minutes, to_min=600)
    assert span_on(row, date.fromisoformat(day), ZoneInfo(zone)).start_ms == at(expected)


def titles(lab: Lab) -> list[str]:
    """Of the incidents, oldest first."""
    return [one.title for one in list_incidents(lab.store, EventFilter())[0][::-1]]


def test_alarm_is_one_story_with_what_set_it_off_and_its_end(lab: Lab) -> None:
    lab.arm("away")
    lab.motion("hall")
    assert titles(lab)[1:] == ["Somebody came in: motion in the hall"]
    lab.turn(31)
    assert titles(lab)[1:] == ["Alarm: motion in the hall"]
    lab.motion("front")
    lab.disarm()
    assert titles(lab)[1:] == ["Alarm: motion in the hall, then Front, then disarmed"]


def test_entry_is_one_story_with_who_came_in(lab: Lab) -> None:
    lab.rules = replace(RULES, modes=(ModeRules(mode="home", cameras=("front",), trigger="motion", enter_s=30),))
    lab.start()
    lab.arm("home")
    lab.motion("front")
    lab.turn(1)
    assert titles(lab)[1:] == ["Somebody came in: motion at Front"]
    lab.turn(8)
    lab.disarm()
    assert titles(lab)[1:] == ["Somebody came in: motion at Front, then disarmed"]
