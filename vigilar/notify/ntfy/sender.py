"""Publishes to an ntfy topic as JSON. Sources: ntfy's documents on publishing ("Publish as JSON", priorities, tags,
"Updating notifications": from 2.16 on apps put a message in the place of the one of the same sequence id; an older
server ignores the id) and on its API ("Poll for messages", "Filter messages")."""

from __future__ import annotations

import base64
import json
import logging
from urllib.parse import urlencode, urlsplit

from vigilar.notify.outcome import ACCEPTED, Outcome, Result
from vigilar.notify.ways import NtfyWay
from vigilar.notify.web_request import NotSentError, WebDoor, is_usable
from vigilar.store.deliveries import Delivery

logger = logging.getLogger(__name__)

URGENT, HIGH, DEFAULT, LOW = 5, 4, 3, 2

CLOCKS_APART_S = 600
"""How far the clock of the server may be behind ours when it is asked what it has."""

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
            if one.tries > 1 and self._has(one):
                return ACCEPTED
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

    def _has(self, one: Delivery) -> bool:
        """Whether the server has what an earlier try may have brought: people are not told twice. One that does not
        keep messages, or does not let us read, gets it again. Raises NotSentError."""
        told = {"title": one.content["title"], "message": one.content["body"]}
        asked = {"poll": "1", "since": one.created_ms // 1000 - CLOCKS_APART_S, **told}
        path = f"{self._path.rstrip('/')}/{self._way.topic}/json?{urlencode(asked)}"
        answer = self._door.ask("GET", path, self._headers(), b"")
        if answer.status != 200:
            return False
        known = any(_is_same(line, told, one.topic) for line in answer.text.splitlines())
        if known:
            logger.info("ntfy has message %d already, it is not sent again", one.id)
        return known

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
    """An update makes no sound, and takes the place of the one before where server and app can do that."""
    told = one.content
    priority = URGENT if one.is_critical else HIGH if one.is_loud else DEFAULT
    return {
        "topic": topic,
        "sequence_id": one.topic,
        "title": told["title"],
        "message": told["body"],
        "priority": LOW if one.is_update else priority,
        "tags": _TAGS.get(told["severity"], []),
    }


def _is_same(line: str, told: dict[str, str], sequence: str) -> bool:
    """Whether a line of the server's answer is what we told; an older server knows no sequence."""
    try:
        found = json.loads(line)
        return (
            all(found.get(key) == value for key, value in told.items())
            and found.get("sequence_id", sequence) == sequence
        )
    except (ValueError, AttributeError):
        return False  # cut off, or no answer of ntfy's
