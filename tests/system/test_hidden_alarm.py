"""An alarm by a camera that a member does not see, through the real processes: the member's phone and pages tell of
the alarm, and not where it is."""

from __future__ import annotations

import http.cookiejar
import json
import re
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.push_service import Push, PushService, push_service
from tests.ports import free_port
from tests.system.house import PASSWORD, RunningHouse, run_house, wait_for
from tests.system.push_kit import call
from tests.system.test_arming import PIN, SETTINGS, arm, state, street

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

SECRETS = re.compile("strongroom", re.IGNORECASE)


def signed_in(house: RunningHouse, name: str) -> RunningHouse:
    """The same house as another member reaches it."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    mine = replace(house, opener=opener)
    call(mine, "POST", "/api/v1/login", {"name": name, "password": PASSWORD})
    return mine


def alarm_of(service: PushService, phone: str) -> Push | None:
    """The first push of an alarm to that phone."""
    told = (one for one in service.accepted() if one.phone == phone)
    return next((one for one in told if one.message["vigilar"]["severity"] == "CRITICAL"), None)


def test_alarm_by_a_hidden_camera_is_told_without_its_name(tmp_path: Path) -> None:
    with push_service(tmp_path, free_port()) as service:
        push = f'[notify.push]\nhosts = ["{service.host}"]\nca_file = "{service.ca_file}"'
        with run_house(tmp_path / "house", {"Strongroom": street()}, SETTINGS, push) as house:
            call(house, "PUT", "/api/v1/members/me/pin", {"pin": PIN})
            wish = {"name": "Kim", "role": "adult", "password": PASSWORD, "cameras": []}
            call(house, "POST", "/api/v1/members", wish)
            kim = signed_in(house, "Kim")
            for one, name in ((house, "sam"), (kim, "Kim")):
                keys = service.phone(name).subscription()
                call(one, "POST", "/api/v1/push/subscriptions", {**keys, "name": f"{name}'s phone"})
            wait_for(lambda: state(house)["ready"], 60, "the camera is live")
            assert arm(house, "away", delay_s=0)[0] == 200
            to_sam = wait_for(lambda: alarm_of(service, "sam"), 120, "sam is told")
            to_kim = wait_for(lambda: alarm_of(service, "Kim"), 120, "Kim is told")
            assert SECRETS.search(json.dumps(to_sam.message))
            assert to_kim.message["notification"]["title"] == "Alarm: Motion, a camera"
            assert not SECRETS.search(json.dumps([one.message for one in service.accepted() if one.phone == "Kim"]))
            danger = kim.get(f"/events/{to_kim.message['vigilar']['event_id']}").decode()
            assert "Alarm: Motion, a camera" in danger
            pages = [danger, *(kim.get(path).decode() for path in ("/events", "/arm", "/system/log", "/api/v1/events"))]
            assert [bool(SECRETS.search(page)) for page in pages] == [False] * 5
            entries = [one["title"] for one in json.loads(pages[-1])["events"] if one["type"] == "entry"]
            assert set(entries) == {"Somebody came in: a camera"}
            assert SECRETS.search(house.get("/api/v1/events?type=entry").decode())
