"""The list of all subjects, and the one table of event types that it makes."""

from __future__ import annotations

from vigilar.events.arming import HOUSE_SUBJECT
from vigilar.events.backup import BACKUP_SUBJECT
from vigilar.events.cameras import CAMERAS
from vigilar.events.coverage import COVERAGE_SUBJECT
from vigilar.events.notifying import NOTIFY_SUBJECT
from vigilar.events.pets import PETS_SUBJECT
from vigilar.events.power import POWER
from vigilar.events.processes import PROCESSES
from vigilar.events.proof import PROOF_SUBJECT
from vigilar.events.sensors import SENSORS
from vigilar.events.subject import all_types
from vigilar.events.upkeep import UPKEEP_SUBJECT
from vigilar.events.wildlife import WILDLIFE_SUBJECT

SUBJECTS = (
    *(CAMERAS, PROCESSES, PROOF_SUBJECT, UPKEEP_SUBJECT, BACKUP_SUBJECT, HOUSE_SUBJECT, SENSORS, POWER, NOTIFY_SUBJECT),
    *(COVERAGE_SUBJECT, PETS_SUBJECT, WILDLIFE_SUBJECT),
)

EVENT_TYPES = all_types(SUBJECTS)
