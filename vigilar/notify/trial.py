"""A test of each way: told as anything else is, by the same rows and the same process."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from vigilar.notify.push.endpoints import BadSubscription, parse_endpoint
from vigilar.notify.push.sender import lane_of
from vigilar.notify.ways import Ways
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


def way_tests(ways: Ways, house_name: str, now_ms: int) -> Iterator[NewDelivery]:
    """Those of the settings but for sirens and lights: a test must not wake the street."""
    if ways.ntfy is not None:
        yield _make("ntfy", "ntfy", "ntfy", "ntfy", house_name, "What happens reaches ntfy.", now_ms)
    if ways.email is not None:
        yield _make("email", "email", "email", "e-mail", house_name, "What happens reaches this address.", now_ms)
    for hook in ways.webhooks:
        device = f"webhook {hook.name}"
        yield _make(f"webhook:{hook.name}", "webhook", device, device, house_name, "A rule can call this.", now_ms)


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
