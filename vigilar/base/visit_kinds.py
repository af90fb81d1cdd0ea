"""What a visit may be called, and the words for it. One list for the bus, the database and the pages."""

from __future__ import annotations

MOTION = "motion"
"""Something moved, and it is not known what."""

KIND_WORDS: dict[str, str] = {
    "person": "Person",
    "vehicle": "Vehicle",
    "dog": "Dog",
    "cat": "Cat",
    "bird": "Bird",
    "animal": "Animal",
    MOTION: "Motion",
}
"""In the order in which they matter."""

PET_KINDS = ("cat", "dog")
"""Kinds of which one may be the household's, with a name of its own."""


def visit_title(kind: str, camera_name: str, pet_name: str = "") -> str:
    """``Person, Front door``; ``Milo, Garden`` where it is known which cat or dog it was."""
    who = pet_name if pet_name and kind in PET_KINDS else KIND_WORDS[kind]
    return f"{who}, {camera_name}"
