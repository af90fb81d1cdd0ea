"""Where the guides of this box explain what a page says: a code, or a problem of the house. Pure."""

from __future__ import annotations

_CAMERA = "V-CAM-"

_PROBLEMS = {
    "camera": "a-camera-has-no-picture",
    "cameras": "a-camera-has-no-picture",
    "coverage": "recorded-with-holes",
    "drive": "the-drive-or-the-disk",
    "disk": "the-drive-or-the-disk",
    "damaged": "recordings-that-are-damaged-or-changed",
    "history": "recordings-that-are-damaged-or-changed",
    "program": "a-program-that-does-not-run",
    "programs": "a-program-that-does-not-run",
    "bus": "a-program-that-does-not-run",
    "power": "mains-and-battery",
    "backup": "the-backup-does-not-work",
    "notify": "phones-that-are-not-told",
    "clock": "the-clock",
    "certificate": "the-certificate",
    "keys": "keys-that-are-locked-or-cannot-be-read",
    "settings": "settings-that-cannot-be-used",
    "plan": "settings-that-cannot-be-used",
    "sensor": "a-sensor",
    "detector": "recognition-is-slow",
    "told": "what-the-system-page-can-say",
}
"""Headings of the Operator Guide, by what the id of a problem begins with (``health.part.Todo``)."""


def place_of_code(code: str) -> str:
    """The path of the row that explains a code."""
    return f"/help/{'words' if code.startswith(_CAMERA) else 'codes'}#{code}"


def place_of_problem(problem_id: str) -> str:
    """The path of the heading that is about such problems."""
    return f"/help/operator#{_PROBLEMS.get(problem_id.partition(':')[0], _PROBLEMS['told'])}"
