"""Rows of arming, PINs, sensors and presence, on both engines."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from tests.ready_store import lay_database
from vigilar.store import arming, pins
from vigilar.store.arming import Alarm, Decision, Entry, Line, Trigger, read_state
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, insert_event
from vigilar.store.pins import PinRow, begin_try, succeed, wait_left
from vigilar.store.presence import list_devices, list_presence, note_devices, set_owner, set_presence
from vigilar.store.sensors import Told, Word, ensure_sensor, list_readings, list_sensors, note_word, set_trouble
from vigilar.store.spans import kept_footage
from vigilar.store.users import create_owner

NOW = 1_770_000_000_000


def test_state_is_as_it_was_written(each_store: Store) -> None:
    assert read_state(each_store) == arming.ArmState()
    trigger = Trigger(7, "garden", "Motion", 'Gar"den', NOW)
    alarm = Alarm("u", "away", NOW + 5, trigger, (trigger,))
    wanted = arming.ArmState(
        mode="away", since_ms=NOW, by="Sam", how="page", pending=arming.Pending("home", NOW, "Kim", "page"),
        entry=Entry(NOW, trigger), alarm=alarm, bypassed=frozenset({"b", "a"}), schedules={"night": "2026-11-28"},
    )  # fmt: skip
    made = arming.change_state(each_store, lambda _found: Decision(wanted), NOW)
    assert made == read_state(each_store)
    assert made.change == 1
    assert arming.change_state(each_store, lambda found: Decision(found), NOW).change == 1


def test_changes_take_turns(each_store: Store) -> None:
    def arm_or_disarm(number: int) -> int:
        def decide(found: arming.ArmState) -> Decision | None:
            if found.mode == "disarmed":
                return arming.armed(found, "home", str(number), "page", NOW, leave_s=0)
            return arming.disarmed(found, str(number), "page", NOW)

        return arming.change_state(each_store, decide, NOW).change

    with ThreadPoolExecutor(4) as pool:
        changes = list(pool.map(arm_or_disarm, range(20)))
    assert sorted(changes) == list(range(1, 21))
    actions = [row.action for row in reversed(arming.list_history(each_store, 50))]
    assert actions == ["armed", "disarmed"] * 10


def test_secret_lines_are_listed_nowhere_but_for_the_guard(each_store: Store) -> None:
    with each_store.write("write") as connection:
        for action in ("armed", "duress", "disarmed"):
            arming.write_line(connection, Line(action=action, mode="home", by="", how=""), NOW)
    assert [row.action for row in arming.list_history(each_store, 9)] == ["disarmed", "armed"]
    assert [row.action for row in arming.lines_after(each_store, 0)] == ["armed", "duress", "disarmed"]


def test_tries_are_counted_before_they_are_looked_at(each_store: Store) -> None:
    assert [begin_try(each_store, "a", NOW).tries_left for _ in range(2)] == [2, 1]
    with ThreadPoolExecutor(4) as pool:
        tries = list(pool.map(lambda _number: begin_try(each_store, "a", NOW), range(8)))
    assert sorted(one.wait_ms for one in tries) == [0] + [90_000] * 7
    assert wait_left(each_store, "another", NOW + 89_999) == 1
    succeed(each_store, "a", lambda _found: None, (), NOW + 90_000)
    assert begin_try(each_store, "a", NOW + 90_000).tries_left == 2


def test_guessing_at_full_speed_over_restarts_stays_below_the_rate(tmp_path: Path) -> None:
    """Whoever tries the moment that he may, from a new device each time, with a restart after each twenty."""
    url, now, moments = lay_database(tmp_path), NOW, list[int]()
    while now < NOW + 13 * 3_600_000:
        with closing(Store.open(url)) as store:
            for _ in range(20):
                tried = begin_try(store, f"device {len(moments)}", now)
                now += tried.wait_ms
                if not tried.wait_ms:
                    moments.append(now)
    a_day = 2 * sum(NOW + 3_600_000 <= one < NOW + 13 * 3_600_000 for one in moments)
    assert a_day == 288
    assert 1_000_000 / a_day / 365.25 > 9


def test_pins_go_with_their_member(each_store: Store) -> None:
    sam = create_owner(each_store, "Sam", "x", NOW)
    line = Line(action="pin_set", mode="disarmed", by="Sam", how="page")
    pins.set_pin(each_store, sam.id, PinRow("hash", None), line, NOW)
    pins.set_pin(each_store, sam.id, PinRow("other", "duress"), line, NOW)
    assert pins.find_pin(each_store, sam.id) == PinRow("other", "duress")
    assert pins.members_with_pin(each_store) == {sam.id}
    pins.remove_pin(each_store, sam.id, line, NOW)
    assert not pins.has_any_pin(each_store)


def test_sensor_and_what_is_told_of_it_are_stored_together(each_store: Store) -> None:
    sensor = ensure_sensor(each_store, "box", "zigbee/1", "Door", NOW)
    assert ensure_sensor(each_store, "box", "zigbee/2", "Door", NOW).id == "door-2"
    told = [Told("u1", "vigilar/sensor/door/contact", b"{}")]
    note_word(each_store, sensor.id, Word({"contact": 1.0}, 50, 7), {"contact": 1.0}, NOW, told)
    set_trouble(each_store, sensor.id, NOW, [], low=True)
    found = list_sensors(each_store)[0]
    assert (found.state, found.battery, found.is_low, found.last_ms) == ({"contact": 1.0}, 50, True, NOW)
    assert [(one.kind, one.value) for one in list_readings(each_store, "door", 0)] == [("contact", 1.0)]


def test_devices_and_presence(each_store: Store) -> None:
    sam = create_owner(each_store, "Sam", "x", NOW)
    note_devices(each_store, {"aa:aa:aa:aa:aa:aa": "192.0.2.1", "bb:bb:bb:bb:bb:bb": "192.0.2.2"}, NOW)
    assert set_owner(each_store, "bb:bb:bb:bb:bb:bb", sam.id, "phone")
    set_presence(each_store, sam.id, "home", NOW)
    assert [(one.name, one.state) for one in list_presence(each_store)] == [("Sam", "home")]
    assert [one.mac for one in list_devices(each_store)] == ["bb:bb:bb:bb:bb:bb", "aa:aa:aa:aa:aa:aa"]
    assert not set_owner(each_store, "cc:cc:cc:cc:cc:cc", None, "")


def test_footage_of_all_cameras_around_an_alarm_is_kept(each_store: Store) -> None:
    for camera_id in ("front", "garden"):
        ensure_camera(each_store, camera_id, camera_id, NOW)
    event = NewEvent(uid="u", type="alarm", severity="CRITICAL", source_id="sensor/door", ts_ms=NOW, kept=True)
    insert_event(each_store, event, now_ms=NOW)
    with each_store.sql_read("look") as run:
        kept = kept_footage(run, 5_000, 10_000, NOW + 60_000)
    for camera_id in ("front", "garden"):
        assert kept.spans.touches(camera_id, NOW + 30_000, NOW + 31_000), "it goes on"
        assert not kept.spans.touches(camera_id, NOW - 7_000, NOW - 6_000)
