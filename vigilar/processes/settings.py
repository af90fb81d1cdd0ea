"""New settings of a running process: from the control line into its job, and from there to its parts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from vigilar.base.control import SettingsHandler
from vigilar.config.jobs import Job, with_settings

logger = logging.getLogger(__name__)


def settings_handler(job: Job, use: Callable[[Job], None]) -> SettingsHandler:
    """What a process gives to ``ControlChild.listen(on_settings=...)``: calls ``use`` with its job as it is now.

    ``job`` is that of its start. ``use`` runs on the thread ``control`` and must be quick. The level of the log is seen
    to here. The log names what changed, not its values.
    """
    current = job

    def take(settings: dict[str, Any]) -> None:
        nonlocal current
        new = with_settings(current, settings)
        changed = [field.name for field in fields(new) if getattr(new, field.name) != getattr(current, field.name)]
        logging.getLogger().setLevel(new.log_level.upper())
        use(new)
        current = new
        logger.info("new settings in use: %s", ", ".join(changed) or "none")

    return take
