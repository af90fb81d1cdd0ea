"""Asks a push service to ring a phone: RFC 8030 with the headers it defines, and what each answer means."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from vigilar.base.notify_kinds import is_danger
from vigilar.notify.outcome import ACCEPTED, Outcome, Result
from vigilar.notify.push.endpoints import BadSubscription, Endpoint, parse_endpoint
from vigilar.notify.push.message import make_message
from vigilar.notify.push.seal import seal
from vigilar.notify.push.vapid import VapidKey
from vigilar.notify.web_request import Answer, NotSentError, WebDoor, is_public, is_usable
from vigilar.store.deliveries import Delivery
from vigilar.store.engine import Store
from vigilar.store.phones import PhoneRow, find_phone
from vigilar.store.users import get_user

logger = logging.getLogger(__name__)

LANE_PREFIX = "push:"

KEYS_REJECTED = "The push service rejects this house's key, or its clock is wrong."
GONE = "The push service knows this phone no more: it must be added again, in Vigilar on that phone."


@dataclass(frozen=True, slots=True)
class PushSettings:
    """``hosts`` may be asked beside the known services, ``ca_file`` vouches for their certificates."""

    hosts: tuple[str, ...] = ()
    ca_file: str = ""


def lane_of(endpoint: Endpoint) -> str:
    return f"{LANE_PREFIX}{endpoint.host}:{endpoint.port}"


class PushSender:
    """The way to one push service, for one thread. ``key`` may raise VigilarError."""

    def __init__(self, store: Store, key: Callable[[], VapidKey], settings: Callable[[], PushSettings]) -> None:
        self._store = store
        self._key = key
        self._settings = settings
        self._door: WebDoor | None = None

    def send(self, one: Delivery, now_ms: int) -> Outcome:
        """Raises StoreError when rows cannot be read, VigilarError when there is no key."""
        phone = None if one.phone_id is None else find_phone(self._store, one.phone_id)
        if phone is None:
            return Outcome(Result.FAILED, "The phone was removed.")
        if reason := self._why_not_anymore(one, phone):
            return Outcome(Result.FAILED, reason)
        try:
            endpoint = parse_endpoint(phone.endpoint, self._settings().hosts)
        except BadSubscription as error:
            return Outcome(Result.FAILED, str(error))
        body = seal(make_message(one, phone.origin), phone.p256dh, phone.auth)
        try:
            answer = self._open(endpoint).ask("POST", endpoint.path, self._headers(one, endpoint, now_ms), body)
        except NotSentError as error:
            result = Result.LATER if error.was_reached else Result.UNREACHABLE
            return Outcome(result, f"The push service of {phone.name} did not take it. {error}")
        return outcome_of(answer, phone)

    def _why_not_anymore(self, one: Delivery, phone: PhoneRow) -> str:
        """What was decided some time ago may not be for whoever holds the phone now. Empty when it still is."""
        if phone.user_id != one.user_id:
            return "The phone is another member's now."
        member = get_user(self._store, phone.user_id)
        camera = str(one.content["camera"])
        if member is None or member.cameras is None or not camera or is_danger(str(one.content["type"])):
            return ""
        return "" if camera in member.cameras else f"{member.name} does not see that camera any more."

    def close(self) -> None:
        if self._door is not None:
            self._door.close()

    def _open(self, endpoint: Endpoint) -> WebDoor:
        ca_file = self._settings().ca_file if endpoint.is_owners else ""
        allows = is_usable if endpoint.is_owners else is_public
        door = self._door
        if door is None or (door.host, door.port, door.ca_file, door.allows) != (
            endpoint.host,
            endpoint.port,
            ca_file,
            allows,
        ):
            self.close()
            door = self._door = WebDoor(endpoint.host, endpoint.port, is_tls=True, allows=allows, ca_file=ca_file)
        return door

    def _headers(self, one: Delivery, endpoint: Endpoint, now_ms: int) -> dict[str, str]:
        """``Topic`` replaces an older one that has not been delivered: random, so that it tells nothing. ``TTL`` ends
        with ours: what the phone misses by then it is not told."""
        return {
            "Authorization": self._key().authorization(endpoint.origin, now_ms // 1000),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(max(1, (one.expires_ms - now_ms) // 1000)),
            "Topic": one.topic,
            "Urgency": "high" if one.is_loud or one.is_critical else "normal",
        }


def outcome_of(answer: Answer, phone: PhoneRow) -> Outcome:
    """What an answer means (RFC 8030, 5 and 7; RFC 8292, 4.2; what the services document)."""
    status = answer.status
    if 200 <= status < 300:
        return ACCEPTED
    logger.info("the push service of %s answers %d: %s", phone.name, status, answer.text[:200])
    if status in (404, 410):
        return Outcome(Result.GONE, GONE)
    if status in (400, 401, 403):
        return Outcome(Result.REFUSED, f"{KEYS_REJECTED} It answered {status}.")
    if status == 429 or status >= 500 or status == 408:
        return Outcome(Result.LATER, f"The push service is busy: it answered {status}.", answer.retry_after_s)
    return Outcome(Result.FAILED, f"The push service does not take it: it answered {status}.")
