"""A test of each way: told as anything else is, by the same rows and the same process."""

from __future__ import annotations

import secrets
from typing import Any

from vigilar.notify.push.endpoints import BadSubscription, parse_endpoint
from vigilar.notify.push.sender import lane_of
from vigilar.store.deliveries import NewDelivery
from vigilar.store.phones import PhoneRow

LIVES_MS = 5 * 60_000
"""Whoever tests looks at the phone now."""


def phone_test(phone: PhoneRow, house_name: str, push_hosts: tuple[str, ...], now_ms: int) -> NewDelivery:
    try:
        lane = lane_of(parse_endpoint(phone.endpoint, push_hosts))
    except BadSubscription:  # the settings had its host once: the sender says so
        lane = "push:unknown"
    words = "Pushes reach this phone."
    device = f"{phone.name} ({phone.user_name})"
    return _make(lane, "push", f"phone-{phone.id}", device, house_name, words, now_ms, phone)


def way_test(lane: str, house_name: str, now_ms: int) -> NewDelivery:
    """Of a lane of ``Ways.lanes``. Sirens and lights have none: a test must not wake the street."""
    kind, _, name = lane.partition(":")
    words = {"ntfy": "What happens reaches ntfy.", "email": "What happens reaches this address."}
    device = {"email": "e-mail", "webhook": f"webhook {name}"}.get(kind, kind)
    target = device if kind == "webhook" else kind
    return _make(lane, kind, target, device, house_name, words.get(kind, "A rule can call this."), now_ms)


def _make(
    lane: str,
    way: str,
    target: str,
    device: str,
    house_name: str,
    words: str,
    now_ms: int,
    phone: PhoneRow | None = None,
) -> NewDelivery:
    content: dict[str, Any] = {
        "title": f"Test, {house_name}",
        "body": words,
        "path": "/settings/notifications",
        "tag": "test",
        "type": "test",
        "kind": "",
        "severity": "INFO",
        "camera": "",
        "ts": now_ms,
        "event_id": None,
        "incident_id": None,
        "still": "",
    }
    return NewDelivery(
        story=f"test-{secrets.token_hex(8)}",
        lane=lane,
        way=way,
        target=target,
        device=device,
        content=content,
        is_loud=True,
        is_critical=False,
        next_try_ms=now_ms,
        expires_ms=now_ms + LIVES_MS,
        topic=secrets.token_urlsafe(24),
        token=secrets.token_urlsafe(24),
        phone_id=None if phone is None else phone.id,
        user_id=None if phone is None else phone.user_id,
    )
