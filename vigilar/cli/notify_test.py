"""``vigilar notify test``: does what happens reach people? By the running service, as anything else is told."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from vigilar.base.clock import SystemClock
from vigilar.base.errors import ExitCode, VigilarError
from vigilar.base.folder_id import find_folder_id
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import one_line, print_json, tell
from vigilar.cli.user import open_store
from vigilar.config.load import load_config
from vigilar.config.places import Places
from vigilar.config.secrets import SecretStore
from vigilar.config.way_cut import dump_ways
from vigilar.notify.trial import phone_test, way_test
from vigilar.notify.ways import Ways
from vigilar.store import owing
from vigilar.store.deliveries import Delivery, NewDelivery, find_stories
from vigilar.store.engine import Store
from vigilar.store.phones import list_phones

WAIT_S, LOOK_S = 20.0, 0.25

WORDS = {
    "owed": "not sent yet: is Vigilar running? It is tried for five minutes",
    "sent": "on its way, without an answer yet",
    "accepted": "taken",
    "shown": "shown",
    "failed": "failed",
    "gone": "gone",
    "expired": "too late",
}


@click.command("test")
@click.option("--phone", help="Only this phone, by its name.")
@with_places
@with_json
def test(places: Places, phone: str | None, as_json: bool) -> int:
    """Send a test to each phone, and by ntfy, e-mail and webhooks where the settings have them. Sirens stay silent."""
    config = load_config(places)
    now_ms = SystemClock().utc_ns() // 1_000_000
    with open_store(places) as store:
        known = list_phones(store)
        if phone is not None:
            known = [one for one in known if one.name == phone]
            if not known:
                raise VigilarError(
                    f'There is no phone "{phone}".',
                    next_step="On the phone: Settings, Notifications, Tell this device.",
                    exit_code=ExitCode.NOT_FOUND,
                )
        tests = [phone_test(one, config.house.name, config.notify.push.hosts, now_ms) for one in known]
        if phone is None:
            ways = Ways.parse(dump_ways(config, SecretStore(places.secrets_dir)))
            tests += [way_test(lane, config.house.name, now_ms) for lane in ways.lanes]
        if not tests:
            tell("There is nobody to tell: no phone was added, and the settings have no other way.")
            return ExitCode.NOT_FOUND
        owing.owe(store, find_folder_id(places.data_dir) or "", tests, now_ms)
        found = _wait(store, tests)
    if as_json:
        print_json({"tests": [{"to": one.device, "state": one.state, "sentence": one.sentence} for one in found]})
    else:
        for one in found:
            tell(one_line(f"{one.device}: {_words(one)} {one.sentence}".rstrip()))
    return ExitCode.OK if all(one.state in ("accepted", "shown") for one in found) else ExitCode.PARTLY


def _words(one: Delivery) -> str:
    if one.state == "owed" and one.sentence:
        return "not taken yet. It is tried for five minutes."
    return f"{WORDS.get(one.state, one.state)}."


def _wait(store: Store, tests: Sequence[NewDelivery]) -> list[Delivery]:
    """What became of them, when all are settled or time is up."""
    deadline_s = time.monotonic() + WAIT_S
    while True:
        found = find_stories(store, [one.story for one in tests])
        if time.monotonic() >= deadline_s or all(one.state not in ("owed", "sent") for one in found):
            return found
        time.sleep(LOOK_S)
