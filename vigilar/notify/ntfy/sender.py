"""Publishes to an ntfy topic as JSON. Source: ntfy's document on publishing ("Publish as JSON", priorities, tags)."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlsplit

from vigilar.notify.outcome import ACCEPTED, Outcome, Result
from vigilar.notify.ways import NtfyWay
from vigilar.notify.web_request import NotSentError, WebDoor, is_usable
from vigilar.store.deliveries import Delivery

URGENT, HIGH, DEFAULT, LOW = 5, 4, 3, 2

_TAGS = {"CRITICAL": ["rotating_light"], "ALERT": ["warning"]}
"""By severity: ntfy shows these as small pictures before the title."""


class NtfySender:
    """For one thread."""

    def __init__(self, way: NtfyWay) -> None:
        self._way = way
        parts = urlsplit(way.address)
        is_tls = parts.scheme == "https"
        self._path = parts.path or "/"
        port = parts.port or (443 if is_tls else 80)
        self._door = WebDoor(parts.hostname or "", port, is_tls=is_tls, allows=is_usable, ca_file=way.ca_file)

    def send(self, one: Delivery, now_ms: int) -> Outcome:  # noqa: ARG002 -- a Sender
        body = json.dumps(message_of(one, self._way.topic), ensure_ascii=False).encode()
        try:
            answer = self._door.ask("POST", self._path, self._headers(), body)
        except NotSentError as error:
            return Outcome(Result.LATER if error.was_reached else Result.UNREACHABLE, f"ntfy did not take it. {error}")
        if 200 <= answer.status < 300:
            return ACCEPTED
        if answer.status in (401, 403):
            return Outcome(Result.LATER, f"ntfy refuses the login: it answered {answer.status}.", 60.0)
        if answer.status == 429 or answer.status >= 500:
            return Outcome(Result.LATER, f"ntfy is busy: it answered {answer.status}.", answer.retry_after_s)
        return Outcome(Result.FAILED, f"ntfy does not take it: it answered {answer.status}.")

    def close(self) -> None:
        self._door.close()

    def _headers(self) -> dict[str, str]:
        way = self._way
        headers = {"Content-Type": "application/json"}
        if way.user:
            login = base64.b64encode(f"{way.user}:{way.password}".encode()).decode("ascii")
            headers["Authorization"] = f"Basic {login}"
        elif way.password:
            headers["Authorization"] = f"Bearer {way.password}"
        return headers


def message_of(one: Delivery, topic: str) -> dict[str, object]:
    """An update makes no sound: ntfy cannot put it in the place of the one before."""
    told = one.content
    priority = URGENT if one.is_critical else HIGH if one.is_loud else DEFAULT
    return {
        "topic": topic,
        "title": told["title"],
        "message": told["body"],
        "priority": LOW if one.is_update else priority,
        "tags": _TAGS.get(told["severity"], []),
    }
