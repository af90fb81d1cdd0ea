"""The table of process kinds: what follows from it, and that the documents show it."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from vigilar.bus.accounts import OWNER, Account
from vigilar.bus.topics import Topics
from vigilar.config.jobs import ProcessJob
from vigilar.processes.cutting import list_accounts
from vigilar.processes.kinds import KINDS, ProcessKind, Start, StopStage, kind_of, load_function

DOCS = Path(__file__).resolve().parents[2] / "docs/architecture"
OURS = [kind for kind in KINDS if kind.start is not Start.PROGRAM]


def job_type(kind: ProcessKind) -> type[ProcessJob]:
    made = get_type_hints(load_function(kind.cut))["return"]
    found: type[ProcessJob] = next((one for one in get_args(made) if one is not type(None)), made)
    return found


def test_whole_stop_stays_below_ten_seconds() -> None:
    assert [stage.name for stage in StopStage] == ["REPORTS", "SHOWS", "STORES", "CARRIES"]
    assert sum(stage.within_s for stage in StopStage) < 9.5


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.name)
def test_row_names_functions_that_fit(kind: ProcessKind) -> None:
    entry = list(get_type_hints(load_function(kind.entry)).values())
    assert entry[0] is job_type(kind)


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.name)
def test_no_secret_and_no_address_is_live(kind: ProcessKind) -> None:
    fields = {field.name: field for field in dataclasses.fields(job_type(kind))}
    assert kind.live <= fields.keys()
    assert [name for name in kind.live if not fields[name].repr] == []
    assert not kind.live & {"data_dir", "secrets_dir", "run_dir", "bus_host", "bus_port", "bus_user", "node_id"}


def test_camera_may_speak_for_itself_only() -> None:
    accounts = {account.user: account for account in list_accounts(KINDS, ["front", "back"])}
    assert list(accounts) == [
        *("camera-front", "camera-back", "events", "web", "notify", "jobs", "sensors"),
        *("homeassistant", "ups", "owner"),
    ]
    assert accounts["owner"] is OWNER
    front = accounts["camera-front"]
    assert {topic.split("/")[2] for topic in front.says + front.hears} == {"front"}
    assert front.hears == ("vigilar/camera/front/command/#",)
    assert Topics.motion_start("front") in front.says


def test_kind_without_topics_has_no_account() -> None:
    mute = dataclasses.replace(kind_of("web", KINDS), name="mute", says=(), hears=())
    assert list_accounts([mute], []) == [OWNER]
    assert mute.account() == ""


def test_title_takes_any_camera_name() -> None:
    assert kind_of("camera/front", KINDS).title_for("Front {door}") == "The camera process of Front {door}"


def table(page: str, head: str) -> list[list[str]]:
    """The cells of the rows below the line ``head`` of a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    below = text.split(head, 1)[1].partition("\n")[2].split("\n\n", 1)[0]
    rows = [row for row in below.splitlines() if not row.startswith("|---")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_overview_shows_the_processes() -> None:
    shown = [row[:4] for row in table("overview.md", "| process | people read | start | stop |")]
    assert [row for row in shown if row[0] != "supervisor"] == [
        [
            kind.process("ID"),
            kind.title_for("NAME"),
            kind.start.value,
            f"{kind.stop.value[0]}, {kind.stop.within_s:g} s",
        ]
        for kind in KINDS
    ]


def test_bus_page_shows_the_accounts() -> None:
    shown = {row[0]: row[1:] for row in table("subsystems/bus.md", "| account | may say | may hear |")}
    assert shown == {f"`{account.user}`": [_code(account.says), _code(account.hears)] for account in _accounts()}


def _accounts() -> list[Account]:
    made = list_accounts(KINDS, ["ID"])
    return [dataclasses.replace(one, user=re.sub("ID$", "<id>", one.user)) for one in made]


def _code(topics: tuple[str, ...]) -> str:
    return ", ".join(f"`{topic.replace('/ID/', '/<id>/')}`" for topic in topics) or "nothing"
