"""How to reach the bus. No MQTT library in here, so that who only passes it on stays small."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BusLink:
    """Where the broker listens and as whom to sign in. The password is left out of ``repr``."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
