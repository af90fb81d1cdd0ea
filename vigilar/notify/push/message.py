"""What a phone reads when it has opened a push: the declarative form, and beside it what our own worker needs.

Source of the form: Declarative Web Push (WebKit, 2025; W3C Push API, "Declarative push message"): a browser that knows
it shows the notification although no script runs; ``mutable`` lets our worker, where it runs, show it with its buttons
and say that it did. Browsers that do not know it hand the same JSON to the worker.
"""

from __future__ import annotations

import json
from typing import Any

from vigilar.notify.push.seal import MAX_MESSAGE_BYTES
from vigilar.notify.words import cut
from vigilar.store.deliveries import Delivery

DECLARATIVE = 8030
"""The number that marks the form: that of the RFC of web push."""

LANGUAGE = "en"

MOST_CLOSED = 8
"""Other pushes that one takes away."""


def make_message(one: Delivery, origin: str) -> bytes:
    """JSON in UTF-8, at most MAX_MESSAGE_BYTES: a title or body that does not fit is cut at a character border.

    ``origin`` is the address under which that phone has this house open, empty if it is not known.
    """
    title, body = str(one.content["title"]), str(one.content["body"])
    message = _dump(one, origin, title, body)
    while len(message) > MAX_MESSAGE_BYTES:
        longer = max(len(title), len(body))
        title, body = cut(title, max(1, longer - 10)), cut(body, max(1, longer - 10))
        message = _dump(one, origin, title, body)
    return message


def _dump(one: Delivery, origin: str, title: str, body: str) -> bytes:
    told, link = one.content, f"{origin}{one.content['path']}"
    notification: dict[str, Any] = {
        "title": title,
        "body": body,
        "navigate": link,
        "tag": told["tag"],
        "lang": LANGUAGE,
        "dir": "ltr",
        "silent": one.is_update or (one.is_critical and not one.is_loud),
        "requireInteraction": one.is_critical,
        "actions": _actions(told, origin),
    }
    vigilar = {
        "id": one.id,
        "revision": one.revision,
        "token": one.token,
        "incident_id": one.incident_id,
        "event_id": told["event_id"],
        "kind": told["kind"],
        "severity": told["severity"],
        "camera": told["camera"],
        "ts": told["ts"],
        "is_update": one.is_update,
        "is_loud": one.is_loud,
        "is_critical": one.is_critical,
        "still": told["still"],
        "closes": told.get("closes", [])[:MOST_CLOSED],
    }
    whole = {"web_push": DECLARATIVE, "mutable": True, "notification": notification, "vigilar": vigilar}
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()


def _actions(told: dict[str, Any], origin: str) -> list[dict[str, str]]:
    """Two at most (what Android shows), of which none makes the house less safe: nothing is disarmed or deleted.
    Whoever has no worker for the second one comes to the page where it is the first thing."""
    snooze = {"action": "snooze", "title": "Snooze 1 h", "navigate": f"{origin}{told['path']}"}
    if not told["camera"]:
        return [snooze]
    return [{"action": "watch", "title": "Watch live", "navigate": f"{origin}/watch/{told['camera']}"}, snooze]
