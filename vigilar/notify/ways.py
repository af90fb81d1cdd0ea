"""What the house may tell by, beside the phones: small settings of each way, as the process hands them in. ``wrong`` is
why one cannot be used, for people; empty for those that can."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal, Self

Least = Literal["all", "loud", "critical"]
"""From which level on a way is told what members are told; ``all`` is what anybody is told of."""

BUS_LANE = "bus"


@dataclass(frozen=True, slots=True, kw_only=True)
class NtfyWay:
    """An ntfy server: its address, the topic, and a login (a token has an empty ``user``)."""

    address: str
    topic: str
    least: Least = "all"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    wrong: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailWay:
    """A mail server. ``security``: ``tls`` from the first byte, ``starttls``, or ``none`` (in the house only)."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    sender: str
    to: tuple[str, ...]
    least: Least = "loud"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    wrong: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookWay:
    """One address that is called. ``secret`` signs what is sent, empty: nothing is signed."""

    name: str
    address: str
    secret: str = field(default="", repr=False)
    ca_file: str = ""
    wrong: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttWay:
    """Sirens and lights by their names in Zigbee2MQTT below ``base``; each is on for ``on_s`` seconds."""

    base: str = ""
    sirens: tuple[str, ...] = ()
    lights: tuple[str, ...] = ()
    on_s: int = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """All that the settings have."""

    ntfy: NtfyWay | None = None
    email: EmailWay | None = None
    webhooks: tuple[WebhookWay, ...] = ()
    mqtt: MqttWay = field(default_factory=MqttWay)

    @property
    def lanes(self) -> tuple[str, ...]:
        """Where messages wait, a lane each: those that can be tried without waking the street."""
        own = [name for name, way in (("ntfy", self.ntfy), ("email", self.email)) if way is not None]
        return (*own, *(f"webhook:{one.name}" for one in self.webhooks))

    @classmethod
    def parse(cls, text: str) -> Self:
        """From JSON, as the settings are cut."""
        raw = json.loads(text)
        ntfy, email = raw.get("ntfy"), raw.get("email")
        return cls(
            ntfy=None if ntfy is None else NtfyWay(**ntfy),
            email=None if email is None else EmailWay(**{**email, "to": tuple(email["to"])}),
            webhooks=tuple(WebhookWay(**one) for one in raw.get("webhooks", ())),
            mqtt=_mqtt(raw.get("mqtt", {})),
        )


def _mqtt(raw: dict[str, Any]) -> MqttWay:
    return MqttWay(**{**raw, "sirens": tuple(raw.get("sirens", ())), "lights": tuple(raw.get("lights", ()))})
