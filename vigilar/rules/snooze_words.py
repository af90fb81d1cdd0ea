"""Snoozes in sentences for people."""

from __future__ import annotations

from datetime import tzinfo

from vigilar.base.notify_rules import NotifyRules
from vigilar.rules.words import clock_at, length_words
from vigilar.store.snoozes import Snooze


def snooze_words(snooze: Snooze, settings: NotifyRules, zone: tzinfo, verb: str = "is") -> str:
    """``Garden is snoozed by Kim until 07:00``; ``verb`` is ``was`` in what tells of the past."""
    what = "Everything" if snooze.camera_id is None else settings.camera_names.get(snooze.camera_id, snooze.camera_id)
    until = clock_at(snooze.until_ms, zone)
    if snooze.quiet_ms:
        until = f"it is quiet for {length_words(snooze.quiet_ms / 1000)}, {until} at the latest"
    return f"{what} {verb} snoozed by {snooze.made_by} until {until}"
