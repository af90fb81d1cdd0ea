"""What a person said of a visit, as its event carries it: whatever comes later from cameras never takes it back."""

from __future__ import annotations

from typing import Any

SAID = "said_species"
"""Key of the payload: an object with ``species``, ``name``, ``tier``, ``by`` and ``ts`` of what was said, and
``before``, what the event was before anybody said anything."""


def keep_said(found: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
    """``payload``, which was made of an earlier state of the event, with what was said in its state ``found``."""
    if SAID in found:
        return {**payload, SAID: found[SAID], "title": found["title"]}
    return {key: value for key, value in payload.items() if key != SAID} if SAID in payload else payload
