"""Readings become levels and words: told once each, whatever the mains do."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from vigilar.config.jobs import PlannedProcess, ProcessJob
from vigilar.power.reading import Reading, Supply, read_variables
from vigilar.power.watch import RESTORED_AFTER_S, SILENT_AFTER_S, Level, Limits, PowerWatch, Told
from vigilar.power.words import plan_steps, power_line
from vigilar.processes.kinds import KINDS
from vigilar.processes.shedding import UNWATCHED_AFTER_S, Shedding

MAINS = Reading(Supply.MAINS, charge=100, runtime_s=2400)


def battery(charge: int = 96, runtime_s: int | None = 1800, *, is_low: bool = False) -> Reading:
    return Reading(Supply.BATTERY, is_low=is_low, charge=charge, runtime_s=runtime_s)


def watch(*readings: Reading, every_s: float = 1.0) -> tuple[PowerWatch, list[list[Told]]]:
    """A watch that took these one after the other, and what it told at each."""
    made = PowerWatch(Limits())
    return made, [made.take(one, number * every_s) for number, one in enumerate(readings)]


@pytest.mark.parametrize(
    ("status", "supply", "is_low"),
    [
        ("OL", Supply.MAINS, False),
        ("OL CHRG LB", Supply.MAINS, True),
        ("OB DISCHRG", Supply.BATTERY, False),
        ("OB DISCHRG LB", Supply.BATTERY, True),
        ("FSD OL", Supply.BATTERY, True),
        ("OB CAL", Supply.MAINS, False),
        ("WAIT", Supply.UNKNOWN, False),
        ("OFF", Supply.UNKNOWN, False),
        ("", Supply.UNKNOWN, False),
    ],
)
def test_flags_say_where_power_comes_from(status: str, supply: Supply, *, is_low: bool) -> None:
    reading = read_variables({"ups.status": status})
    assert (reading.supply, reading.is_low) == (supply, is_low)


def test_numbers_that_make_no_sense_are_not_told() -> None:
    odd = {
        "ups.status": "OL",
        "battery.charge": "nan",
        "battery.runtime": "-5",
        "ups.load": "lots",
        "input.voltage": "1e300",
    }
    reading = read_variables(odd)
    assert (reading.charge, reading.runtime_s, reading.load, reading.input_v) == (None, None, None, None)


def test_power_cut_is_told_at_once_and_its_end_after_ten_seconds() -> None:
    made, told = watch(MAINS, battery(), *[MAINS] * 12)
    assert told[1] == [Told.POWER_LOSS]
    assert [one for one in told[2:] if one] == [[Told.RESTORED]]
    assert told[2 + round(RESTORED_AFTER_S)] == [Told.RESTORED]
    assert made.level is Level.MAINS


def test_flapping_mains_are_one_cut() -> None:
    made, told = watch(MAINS, *[battery(), MAINS] * 60, *[MAINS] * 12)
    assert [one for one in told if one] == [[Told.RESTORED], [Told.POWER_LOSS], [Told.RESTORED]]
    assert made.cuts == 60


def test_levels_go_down_and_are_told_once_each() -> None:
    charges = (96, 60, 49, 52, 30, 11, 10, 5)
    _, told = watch(MAINS, *[battery(charge) for charge in charges])
    assert [one for one in told[1:] if one] == [[Told.POWER_LOSS], [Told.LOW_BATTERY], [Told.CRITICAL]]


@pytest.mark.parametrize(
    ("reading", "level"),
    [
        (battery(), Level.BATTERY),
        (battery(49), Level.LOW),
        (battery(90, 599), Level.LOW),
        (battery(10), Level.CRITICAL),
        (battery(90, is_low=True), Level.CRITICAL),
        (Reading(Supply.BATTERY), Level.BATTERY),
    ],
)
def test_level_is_worst_of_charge_runtime_and_flag(reading: Reading, level: Level) -> None:
    assert watch(reading)[0].level is level


def test_silence_on_mains_is_unknown_and_stops_nothing() -> None:
    made, _ = watch(MAINS)
    told = [made.miss("No answer.", 1.0 + second) for second in range(60)]
    assert [one for one in told if one] == [[Told.SILENT]]
    assert made.level.value == "unknown"
    assert made.take(MAINS, 100.0) == [Told.HEARD]
    assert made.level.value == "mains"


def test_silence_on_battery_is_its_end() -> None:
    made, _ = watch(MAINS, battery())
    assert made.miss("No answer.", 1.0 + SILENT_AFTER_S - 0.1) == []
    assert made.miss("No answer.", 1.0 + SILENT_AFTER_S) == [Told.SILENT, Told.CRITICAL]
    assert made.level is Level.CRITICAL


def test_ups_that_never_answered_stops_nothing() -> None:
    made = PowerWatch(Limits())
    assert [made.miss("No answer.", second) for second in (0.0, 14.0, 16.0, 600.0)] == [[], [], [Told.SILENT], []]
    assert made.level is Level.UNKNOWN


def test_worn_battery_is_told_once_until_it_is_well() -> None:
    worn = Reading(Supply.MAINS, is_worn=True)
    _, told = watch(MAINS, worn, worn, MAINS, worn)
    assert [Told.WORN in one for one in told] == [False, True, False, False, True]


def test_whatever_comes_cuts_and_ends_alternate() -> None:
    """Any sequence: no second loss before an end, no level below critical within a cut."""
    dice = random.Random(5)
    for _ in range(300):
        made, at_s, is_cut = PowerWatch(Limits()), 0.0, False
        for _ in range(200):
            at_s += dice.choice((0.5, 1.0, 8.0))
            charge, low = dice.randrange(101), dice.random() < 0.1
            before = made.level
            if dice.random() < 0.2:
                told = made.miss("No answer.", at_s)
            else:
                supply = dice.choice(list(Supply))
                told = made.take(Reading(supply, is_low=low, charge=charge, runtime_s=900), at_s)
            for one in told:
                if one is Told.POWER_LOSS:
                    assert not is_cut
                    is_cut = True
                elif one is Told.RESTORED:
                    is_cut = False
                elif one is Told.CRITICAL:
                    assert before is not Level.CRITICAL
            assert made.level.is_on_battery == is_cut


def test_words_say_what_is_lost() -> None:
    status = {"level": "battery", "charge": 96, "runtime_s": 1640}
    line = power_line(status, is_set_up=True)
    assert (
        line.sentence == "On battery. Battery 96 %, 27 min at this load. Exports and backups wait; all cameras record."
    )
    assert power_line(None, is_set_up=True).state == "unknown"
    assert power_line(None, is_set_up=False).level is None
    assert power_line({"level": "unknown", "trouble": "No answer."}, is_set_up=True).state == "bad"


def test_plan_tells_the_minutes_of_each_step() -> None:
    steps = plan_steps(Limits(), {"charge": 100, "runtime_s": 2400})
    assert "in about 20 min" in steps[1].when  # half of the charge: half of what it lasts
    assert "in about 36 min" in steps[2].when
    assert [one.when for one in plan_steps(Limits(), None)][1] == "below 50 %"


def test_house_without_a_watch_over_its_ups_does_without_nothing() -> None:
    shedding = Shedding(KINDS)
    folder = Path()
    job = ProcessJob(
        data_dir=folder, secrets_dir=folder, run_dir=folder, database_url="", bus_host="", bus_port=1, bus_user="",
        bus_password="",
    )  # fmt: skip
    planned = {name: PlannedProcess(name, job) for name in ("jobs", "web")}
    assert not shedding.is_lost(1e6)
    shedding.hear({"level": "battery"}, 0.0)
    assert not shedding.is_lost(UNWATCHED_AFTER_S - 0.1)
    assert shedding.shed(planned) == ["jobs"]
    assert shedding.is_lost(UNWATCHED_AFTER_S)
    assert (shedding.level, shedding.shed(planned)) == (Level.UNKNOWN, [])
    assert not shedding.is_lost(1e6)
    assert shedding.hear({"level": "battery"}, 1e6)
    assert shedding.shed(planned) == ["jobs"]
    shedding.forget()
    assert not shedding.is_lost(2e6)
