"""Calls an address with JSON, signed. Who gets it checks the signature, and the time in it against old ones that are
played again. What is sent again after a cut has the same id and revision."""

from __future__ import annotations

import hashlib
import hmac
import json
from urllib.parse import urlsplit

from vigilar.notify.outcome import ACCEPTED, Outcome, Result
from vigilar.notify.ways import WebhookWay
from vigilar.notify.web_request import NotSentError, WebDoor, is_usable
from vigilar.store.deliveries import Delivery

SIGNATURE, DELIVERY = "X-Vigilar-Signature", "X-Vigilar-Delivery"


class WebhookSender:
    """For one thread."""

    def __init__(self, way: WebhookWay) -> None:
        self._way = way
        parts = urlsplit(way.address)
        is_tls = parts.scheme == "https"
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        port = parts.port or (443 if is_tls else 80)
        self._door = WebDoor(parts.hostname or "", port, is_tls=is_tls, allows=is_usable, ca_file=way.ca_file)

    def send(self, one: Delivery, now_ms: int) -> Outcome:
        body = body_of(one, now_ms)
        headers = {"Content-Type": "application/json", "User-Agent": "Vigilar", DELIVERY: str(one.id)}
        if self._way.secret:
            headers[SIGNATURE] = sign(self._way.secret, now_ms // 1000, body)
        try:
            answer = self._door.ask("POST", self._path, headers, body)
        except NotSentError as error:
            result = Result.LATER if error.was_reached else Result.UNREACHABLE
            return Outcome(result, f"{self._way.name} did not take it. {error}")
        if 200 <= answer.status < 300:
            return ACCEPTED
        if answer.status in (408, 429) or answer.status >= 500:
            return Outcome(Result.LATER, f"{self._way.name} answered {answer.status}.", answer.retry_after_s)
        if 300 <= answer.status < 400:
            return Outcome(Result.FAILED, f"{self._way.name} sends us elsewhere, which is not followed.")
        return Outcome(Result.FAILED, f"{self._way.name} does not take it: it answered {answer.status}.")

    def close(self) -> None:
        self._door.close()


def body_of(one: Delivery, now_ms: int) -> bytes:
    keys = ("title", "body", "type", "kind", "severity", "camera", "ts", "event_id", "incident_id", "path", "rule")
    told = {key: one.content.get(key) for key in keys}
    whole = {"v": 1, "id": one.id, "revision": one.revision, "sent_ts": now_ms, **told}
    return json.dumps(whole, ensure_ascii=False).encode()


def sign(secret: str, now_s: int, body: bytes) -> str:
    """``t=<seconds>,v1=<hex>``: HMAC-SHA256 over the seconds, a dot and the body."""
    signed = f"{now_s}.".encode() + body
    return f"t={now_s},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
