"""How the ways beside the phones go (ntfy, e-mail, webhooks): by what became of the newest message of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vigilar.store.deliveries import Delivery, last_tries
from vigilar.store.engine import Store

Mark = Literal["ok", "bad", "unknown"]


@dataclass(frozen=True, slots=True)
class WayNews:
    """``lane`` is its name in rows, ``name`` that for people. ``at_ms``: UTC ms of its newest try, None before the
    first; ``reason`` is why that did not arrive, empty when it did or nobody knows yet."""

    lane: str
    name: str
    mark: Mark
    at_ms: int | None
    reason: str = ""


def way_name(lane: str) -> str:
    """``ntfy``, ``E-mail``, ``Webhook Lamp``."""
    kind, _, name = lane.partition(":")
    return {"email": "E-mail", "webhook": f"Webhook {name}"}.get(kind, kind)


def read_news(store: Store, node_id: str, lanes: tuple[str, ...]) -> list[WayNews]:
    """Of each of ``lanes``, in their order. Raises StoreError."""
    found = last_tries(store, node_id, lanes)
    return [_news(lane, found.get(lane)) for lane in lanes]


def _news(lane: str, one: Delivery | None) -> WayNews:
    if one is None:
        return WayNews(lane, way_name(lane), "unknown", None)
    if one.state in ("owed", "failed", "expired") and one.sentence:
        return WayNews(lane, way_name(lane), "bad", one.sent_ms, one.sentence)
    is_taken = one.state == "accepted" or one.told_revision > 0
    return WayNews(lane, way_name(lane), "ok" if is_taken else "unknown", one.sent_ms)
