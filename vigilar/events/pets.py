"""The subject of pets: what is told of them. ``pets.keeper`` brings its events about."""

from __future__ import annotations

from vigilar.events.classification import EventType, Severity, Strand
from vigilar.events.subject import Subject

PETS = "pets"
"""The reporter. The source is the camera that saw the pet, so who does not see that camera hears nothing of it."""

ESCAPED = EventType("pet_escaped", Severity.ALERT, (PETS,), "{name} got out", strand=Strand.VISIT)
MISSING = EventType("pet_missing", Severity.WARNING, (PETS,), "{name} was not seen", strand=Strand.ALONE)

PETS_SUBJECT = Subject(name=PETS, types=(ESCAPED, MISSING))
