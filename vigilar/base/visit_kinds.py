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
