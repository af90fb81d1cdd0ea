"""How it stands with Home Assistant, as far as it can be known. Pure, and for information only: the house does not hang
on it, so nothing of it is ever to be done.

Nobody can see who is connected to a broker. What is known is what Home Assistant says itself: a word when it comes, and
one that the broker says for it when it is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from vigilar.base.backup_state import time_words
from vigilar.health.known import Known
from vigilar.health.part import Part, State

PROCESS = "homeassistant"
PAGE = "/settings/home-assistant"


def home_assistant(known: Known) -> Part | None:
    """None where it is not switched on, or while the programs are not known."""
    found = (known.processes or {}).get(PROCESS)
    if not isinstance(found, dict):
        return None
    status = find_status(known.processes)
    is_here, sentence = home_words(status, known.now_ms, known.zone)
    state = State.OK if is_here else State.NOT_SET_UP
    return Part(id="home-assistant", title="Home Assistant", state=state, sentence=sentence, page=PAGE)


def find_status(processes: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What its process says, while it runs."""
    found = (processes or {}).get(PROCESS)
    status = found.get("status") if isinstance(found, dict) and found.get("state") == "running" else None
    return status if isinstance(status, dict) else None


def home_words(status: Mapping[str, Any] | None, now_ms: int, zone: tzinfo) -> tuple[bool, str]:
    """Whether it is there, and a sentence. ``status``: ``connected``, ``said``, ``said_ms``."""
    if status is None:
        return False, "The program for it is starting."
    if not status.get("connected"):
        return False, "The broker over which it is told cannot be reached."
    said, said_ms = status.get("said"), status.get("said_ms")
    if not isinstance(said_ms, int) or said not in ("online", "offline"):
        return False, "It has not been heard yet."
    when = time_words(said_ms, now_ms, zone)
    if said == "online":
        return True, f"It is there: it said so {_at(when)}."
    return False, f"It is not there: it left {_at(when)}."


def _at(when: str) -> str:
    return f"at {when}" if when[0].isdigit() and ":" in when[:3] else when
