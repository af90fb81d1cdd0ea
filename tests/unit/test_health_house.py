"""The parts of the house, one broken at a time: which sentence, which state, and what comes first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.health_kit import DAY_MS, NOW, ROOMY, RUNNING, known, line, look, problems, well
from vigilar.base import systemd
from vigilar.base.clock_sync import ClockState
from vigilar.health.house import PARTS
from vigilar.health.house_parts import CLOCK_GRACE_MS
from vigilar.health.known import Certificate, DayGap, Footage, JobsDone, Sensors, SensorTrouble
from vigilar.health.lines import DiskState, process_lines
from vigilar.health.part import State
from vigilar.web.status_words import live_sentence

_FAULT = "The disk does not answer or reports errors: nothing is recorded."
LOW = DiskState(100_000_000_000, 1_000_000_000)


def test_all_well_only_when_every_part_is_known_and_well() -> None:
    house = look()
    assert house.sentence == "All well. 1 camera recording. 24 days kept."
    assert house.mark == ("ok", "ok", "All well")
    assert [one.id for one in house.parts] == [part_id for part_id, _ in PARTS if part_id != "home-assistant"]
    for missing in ("processes", "clock", "footage", "sensors", "jobs", "certificate", "disk"):
        broken = look(**{missing: None})
        assert "All well" not in broken.sentence, missing
        assert broken.mark[0] != "ok", missing


def test_feature_that_is_absent_is_not_set_up_and_no_problem() -> None:
    house = look()
    absent = {one.id for one in house.parts if one.state is State.NOT_SET_UP}
    assert absent == {"power", "backup", "notify", "detector", "sensors"}
    assert house.part("backup").sentence == "No backup is set up: who takes this box takes the recordings."


def test_process_that_says_nothing_of_its_part_is_not_known() -> None:
    processes = {**RUNNING, "backup": {"state": "running", "status": {}}}
    house = look(processes=processes)
    assert house.part("backup").state is State.UNKNOWN
    assert house.sentence.startswith("Nothing to do. Not known: backup.")
    assert house.mark == ("unknown", "unknown", "Not all known")


@pytest.mark.parametrize(
    ("status", "state", "sentence"),
    [
        ({}, State.NOT_SET_UP, "The broker over which it is told cannot be reached."),
        ({"connected": True, "said": "", "said_ms": None}, State.NOT_SET_UP, "It has not been heard yet."),
        ({"connected": True, "said": "online", "said_ms": NOW}, State.OK, "It is there: it said so at 03:40."),
        (
            {"connected": True, "said": "offline", "said_ms": NOW},
            State.NOT_SET_UP,
            "It is not there: it left at 03:40.",
        ),
    ],
)
def test_home_assistant_is_for_information_only(status: dict[str, Any], state: State, sentence: str) -> None:
    house = look(processes={**RUNNING, "homeassistant": {"state": "running", "status": status}})
    part = house.part("home-assistant")
    assert (part.state, part.sentence, house.todos) == (state, sentence, ())
    assert house.mark == ("ok", "ok", "All well")


def test_part_that_a_process_tells_is_shown_as_it_says() -> None:
    told = {"state": "bad", "sentence": "The NAS cannot be reached.", "since_ms": NOW - 5000, "cost": "No copy."}
    late = look(processes={**RUNNING, "backup": {"state": "running", "status": {"part": told}}})
    [todo] = late.todos
    assert (todo.id, todo.since_ms, todo.cost) == ("backup", NOW - 5000, "No copy.")
    assert late.sentence == "One thing to do: The NAS cannot be reached. 24 days kept."
    fine = {"state": "ok", "sentence": "All up to 14:00.", "short": "NAS 2 min behind."}
    good = look(processes={**RUNNING, "backup": {"state": "running", "status": {"part": fine}}})
    assert good.sentence == "All well. 1 camera recording. 24 days kept. NAS 2 min behind."


def test_down_camera_says_since_when_why_cost_and_what_next() -> None:
    down = line("no-picture", reason="Nothing answers.", last_frame_ts=NOW - 42_000, next_try_ts=NOW + 8_000)
    assert down.sentence == "No picture for 00:42. Last frame 03:39:18. Nothing answers. Next try in 8 s."
    house = look(cameras=[down, well("Hall")])
    [todo] = house.todos
    assert (todo.id, todo.sentence, todo.detail) == ("camera:shed", "Shed: no picture.", down.sentence)
    assert (todo.since_ms, todo.cost) == (NOW - 42_000, "Nothing of it is recorded.")
    assert todo.button is not None
    assert todo.button.path == "/system/cameras/shed/retry"
    assert house.sentence == "One thing to do: Shed: no picture. 24 days kept."
    assert house.part("cameras").sentence == "1 of 2 recording."


def test_unheard_state_is_not_known() -> None:
    assert line("dancing").state == "unknown"
    [todo] = look(cameras=[line("dancing")]).todos
    assert (todo.state, todo.sentence) == (State.UNKNOWN, "Shed: its state is not known.")
    others = [line("live", "Hall"), line("no-picture", "Drive")]
    assert live_sentence([line("dancing"), *others]) == "1 of 3 cameras live. No picture: Drive. Not known: Shed."


def test_camera_that_starts_is_neither_well_nor_an_alarm() -> None:
    coming = [line("starting"), line("connecting", "Hall")]
    house = look(cameras=coming)
    assert house.todos == ()
    assert house.sentence == "Starting: Shed, Hall. 24 days kept."
    assert live_sentence([*coming, line("live")]) == "1 of 3 cameras live. Starting: Shed, Hall."
    assert house.mark == ("starting", "clock", "Starting")


def test_set_aside_camera_is_no_problem() -> None:
    assert problems(cameras=[line("unknown", enabled=False)]) == []


@pytest.mark.parametrize(
    ("broken", "first"),
    [
        ({"cameras": [], "disk": None}, "How full the disk is, is not known."),
        ({"cameras": [], "disk": LOW}, "The disk is nearly full."),
        ({"cameras": []}, "No camera yet. Add the first one."),
        ({"cameras": [line("no-picture")], "disk": LOW}, "Shed: no picture."),
        ({"cameras": [line("unknown")]}, "Shed: its state is not known."),
        ({"has_bus": False}, "Live updates are interrupted; recording goes on."),
        ({"processes": None}, "Whether all programs run is not known."),
        ({"locked": "Older recordings are locked.", "disk": LOW}, "Older recordings are locked."),
        ({"damaged": 2}, "2 recordings are missing, changed or damaged."),
        ({"config_error": "a.toml:3:1: x: is unknown"},
         "The settings file cannot be used. The last good settings stay in use."),
        ({"plan_problems": ["Shed cannot run."]}, "Shed cannot run."),
        ({"told": ["130 GB would have to go."]}, "130 GB would have to go."),
        ({"low_coverage": {"shed": 240_000}}, "Shed: recorded with holes."),
        ({"sensors": Sensors(3, [SensorTrouble("s", "Back door", "has not been heard for long")])},
         "Back door has not been heard for long."),
    ],
)  # fmt: skip
def test_worst_comes_first(broken: dict[str, Any], first: str) -> None:
    house = look(**broken)
    assert house.todos[0].sentence == first
    assert first in house.sentence
    assert house.mark[0] == "bad"


def test_mistake_in_the_settings_shows_line_and_fix() -> None:
    [todo] = look(config_error="vigilar.toml:3:1: x: is unknown").todos
    assert "vigilar.toml:3:1" in todo.detail
    assert "vigilar config undo" in todo.next_step


def test_recording_is_said_to_go_on_only_where_it_is_known() -> None:
    recorded = line("unknown", is_recording=True)
    assert problems(cameras=[recorded], has_bus=False)[-1] == "Live updates are interrupted; recording goes on."
    assert problems(cameras=[recorded, line("unknown", "Hall")], has_bus=False)[-1] == "Live updates are interrupted."


def test_live_camera_that_is_not_recorded_says_why() -> None:
    found = line("live", not_recording="database", is_recording=True)
    assert (found.word, found.sentence) == ("Live, not recording", "The database cannot be written.")
    assert (found.is_recording, found.is_well, found.has_picture) == (False, False, True)
    assert problems(cameras=[found]) == ["Shed: live, not recording. The database cannot be written."]
    assert live_sentence([found]) == "1 camera live. Not recording: Shed."


def test_reason_of_a_newer_program_is_still_no_all_well() -> None:
    found = line("live", not_recording="too-warm")
    assert not found.is_well
    assert found.sentence == "The reason is not known to this page."


@pytest.mark.parametrize(
    ("reason", "disk", "said", "step"),
    [
        ("disk-full", ROOMY, "The disk is full: nothing is recorded.", "Free space on that disk"),
        ("", DiskState(100_000_000_000, 1_000_000), "The disk is full: nothing is recorded.", "Free space"),
        ("disk-full", DiskState(10**11, 10**10, is_read_only=True), "The disk is read-only: nothing is recorded.", ""),
        ("disk-read-only", ROOMY, "The disk is read-only: nothing is recorded.", "A disk with faults"),
        ("disk-failed", ROOMY, "The disk does not answer or reports errors: nothing is recorded.", "Check the cable"),
        ("", DiskState(0, 0, fault="Input/output error"), _FAULT, "Check the cable"),
        ("disk-failed", None, "The disk does not answer or reports errors: nothing is recorded.", "Check the cable"),
    ],
)  # fmt: skip
def test_trouble_of_the_disk_is_one_problem_with_cost_and_step(
    reason: str, disk: DiskState | None, said: str, step: str
) -> None:
    [todo] = look(cameras=[line("live", not_recording=reason)], disk=disk).todos
    assert todo.sentence == said
    assert todo.next_step.startswith(step)


def test_disk_that_costs_some_cameras_only_says_how_many() -> None:
    cameras = [line("live", not_recording="disk-failed"), well("Hall")]
    assert problems(cameras=cameras)[0] == (
        "The disk does not answer or reports errors: 1 of 2 cameras are not recorded."
    )


def test_word_of_the_drive_comes_before_all_and_nothing_is_said_to_go_on() -> None:
    drive = "The drive for recordings does not answer."
    slow = line("live", not_recording="disk-slow")
    assert problems(cameras=[well()], disk=None, has_bus=False, drive=drive) == [drive, "Live updates are interrupted."]
    house = look(cameras=[slow], disk=None, drive=drive)
    assert [one.sentence for one in house.todos] == [drive, "The disk is too slow: nothing is recorded."]
    assert house.sentence == f"2 things to do. First: {drive}"


def test_restarting_camera_is_told_once() -> None:
    processes = {**RUNNING, "camera/shed": {"state": "waiting"}}
    assert problems(cameras=[line("restarting")], processes=processes) == ["Shed: restarting, not recording."]


def test_programs_are_called_by_the_titles_of_the_supervisor() -> None:
    told = {
        "web": {"title": "The web server", "state": "running", "restarts": 2},
        "camera/shed": {"title": "The camera process of Shed", "state": "waiting"},
        "new": "nonsense",
    }
    lines = process_lines(told)
    assert [(one.words, one.state, one.is_well, one.restarts) for one in lines] == [
        ("The web server", "Running", True, 2),
        ("The camera process of Shed", "Waiting", False, 0),
        ("new", "Unknown", False, 0),
    ]
    assert problems(lines=lines[:2]) == ["The camera process of Shed is not running."]


@pytest.mark.parametrize(
    ("folder", "log"),
    [(".", "journalctl -u vigilar"), ("none", "what vigilar start printed, in a container podman logs or docker logs")],
)
def test_log_is_sought_where_it_is(folder: str, log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "RUN_FOLDER", tmp_path / folder)
    [todo] = look(lines=process_lines({"web": {"title": "The web server", "state": "waiting"}})).todos
    assert f"the log says why: {log}" in todo.next_step


@pytest.mark.parametrize(
    ("clock", "watched_ms", "state", "todos"),
    [
        (ClockState(True, 3.0), 0, State.OK, 0),
        (None, 0, State.UNKNOWN, 0),
        (ClockState(False), CLOCK_GRACE_MS - 1, State.UNKNOWN, 0),
        (ClockState(False), CLOCK_GRACE_MS, State.WARN, 1),
    ],
)
def test_clock_out_of_step_is_told_after_a_while(
    clock: ClockState | None, watched_ms: int, state: State, todos: int
) -> None:
    house = look(clock=clock, clock_watched_ms=watched_ms)
    assert house.part("clock").state is state
    assert len(house.todos) == todos


@pytest.mark.parametrize(
    ("days", "said_state", "state", "words"),
    [
        (312, "ok", State.OK, "312 days left."),
        (13, "ok", State.WARN, "13 days left."),
        (0.5, "ok", State.WARN, "It ends today."),
        (-1, "ok", State.BAD, "It has ended."),
        (200, "bad", State.BAD, "200 days left."),
    ],
)
def test_certificate_counts_its_days(days: float, said_state: str, state: State, words: str) -> None:
    found = look(certificate=Certificate(said_state, "Known.", NOW + int(days * DAY_MS))).part("certificate")
    assert (found.state, found.sentence) == (state, f"Known. {words}")


def test_house_without_https_has_it_not_set_up() -> None:
    part = look(certificate=Certificate("warn", "There is no HTTPS.")).part("certificate")
    assert (part.state, part.sentence) == (State.NOT_SET_UP, "There is no HTTPS.")


def test_worst_gap_of_today_and_forecast_are_in_their_lines() -> None:
    house = look(worst_gap=DayGap("Shed", 19 * 60_000, "The camera was not connected."))
    assert house.part("cameras").sentence == (
        "1 of 1 recording. Longest gap today: Shed, 19 min. The camera was not connected."
    )
    assert house.part("storage").sentence == (
        "50 GB free of 100 GB. Oldest recording: 9 January. At this rate you keep 24 days (22 to 27)."
    )
    assert look(footage=Footage(None, None, "Nothing yet.")).sentence == "All well. 1 camera recording."


def test_problem_that_is_put_off_is_not_counted_and_never_all_well() -> None:
    house = look(cameras=[line("no-picture"), well("Hall")], snoozed={"camera:shed": NOW + 1})
    assert (house.todos, [one.id for one in house.put_off]) == ((), ["camera:shed"])
    assert house.sentence == "Nothing new to do. Put off: Shed. 1 camera recording. 24 days kept."
    assert house.mark == ("starting", "clock", "1 put off")
    over = look(cameras=[line("no-picture")], snoozed={"camera:shed": NOW})
    assert [one.id for one in over.todos] == ["camera:shed"]


def test_jobs_are_named_and_failures_counted() -> None:
    part = look(jobs=JobsDone(["Export 63 %"], 1, ["Export"])).part("jobs")
    assert part.sentence == "Export 63 %, 1 waits. Failed since yesterday: Export"


def test_ids_of_problems_do_not_depend_on_time() -> None:
    first = look(told=["130 GB would have to go."])
    again = look(told=["130 GB would have to go."], now_ms=NOW + 60_000)
    assert [one.id for one in first.todos] == [one.id for one in again.todos]
    assert known().now_ms == NOW


def running(status: dict[str, Any]) -> dict[str, Any]:
    return {"state": "running", "status": status}


@pytest.mark.parametrize(
    ("status", "state", "sentence"),
    [
        ({"level": "mains", "charge": 96, "runtime_s": 2460}, State.OK, "Mains. Battery 96 %, 41 min at this load."),
        ({"level": "mains"}, State.OK, "Mains."),
        ({"level": "mains", "is_worn": True}, State.WARN, "Mains. The UPS wants a new battery."),
        ({"level": "battery", "charge": 80}, State.WARN, "On battery. Battery 80 %."),
        ({"level": "low", "runtime_s": 30}, State.BAD,
         "On battery, and it gets low. Battery less than a minute at this load."),
        ({"level": "critical"}, State.BAD, "The battery is nearly empty."),
        ({"level": "unknown", "trouble": "The UPS does not answer."}, State.BAD,
         "Mains or battery, nobody knows. The UPS does not answer."),
        ({}, State.UNKNOWN, "It has not said yet how it is."),
    ],
)  # fmt: skip
def test_power_says_how_the_house_is_supplied(status: dict[str, Any], state: State, sentence: str) -> None:
    house = look(processes={**RUNNING, "ups": running(status)})
    part = house.part("power")
    assert (part.state, part.sentence) == (state, sentence)
    assert bool(part.todos) is (state in (State.WARN, State.BAD))


def test_watch_over_the_ups_that_keeps_failing_is_a_problem() -> None:
    failing = {"state": "waiting", "is_failing": True, "last_exit": "ended with exit code 3", "status": {}}
    part = look(processes={**RUNNING, "ups": failing}).part("power")
    assert (part.state, part.sentence) == (
        State.BAD,
        "Mains or battery, nobody knows. The watch over the UPS keeps failing: it ended with exit code 3.",
    )
    assert part.todos
    again = look(processes={**RUNNING, "ups": {**failing, "is_failing": False}}).part("power")
    assert (again.state, again.todos) == (State.UNKNOWN, ())


def test_battery_minutes_are_in_the_sentence_of_a_well_house() -> None:
    house = look(processes={**RUNNING, "ups": running({"level": "mains", "runtime_s": 2460})})
    assert house.sentence == "All well. 1 camera recording. 24 days kept. 41 min of battery."


def test_pushes_that_wait_are_to_do_and_those_that_went_out_are_well() -> None:
    well_out = look(processes={**RUNNING, "notify": running({"handled": 3, "waiting": 0, "reaches": 1})})
    assert well_out.part("notify").state is State.OK
    stuck = {"handled": 3, "problem": "Pushes are waiting since 14:02.", "waiting_since_ms": NOW}
    [todo] = look(processes={**RUNNING, "notify": running(stuck)}).todos
    assert (todo.id, todo.since_ms) == ("notify", NOW)
    assert todo.sentence == "Pushes are waiting since 14:02."


def test_house_without_a_phone_does_not_say_that_all_are_told() -> None:
    house = look(processes={**RUNNING, "notify": running({"handled": 3, "waiting": 0, "reaches": 0})})
    part = house.part("notify")
    assert (part.state, part.page) == (State.NOT_SET_UP, "/settings/notifications")
    assert part.sentence == "No phone is set up: who is not at an open page learns of nothing."
