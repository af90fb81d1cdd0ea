"""What somebody who sees only some cameras is told of an event: that it was at a camera, and not at which. Pure.

Events of the house (an alarm, somebody's coming in, arming) say in their words which cameras they come from. Their
payload keeps under ``NAMED`` the names of these cameras as they stand in the words, by id, so that the words of a
camera that is hidden are found whatever it is called since.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vigilar.base.ids import SENSOR_PREFIX

NAMED = "named_cameras"

HIDDEN = "a camera"
"""Where something was, to who does not see that camera."""

SAYS_WHERE: Mapping[str, str] = {"alarm": "Alarm", "entry": "Somebody came in", "armed": ""}
"""Types whose words say where or which cameras -> what is left of the title of one that was stored before ``NAMED``
was, empty for all of it: what cannot be told apart is not told."""

_ENTRY_WORDS = "entry house somebody came in"
"""What is looked through of ``entry``, but for the name in it (``store.events``)."""

_PLACES = frozenset({"where", "also", "reason"})


@dataclass(frozen=True, slots=True)
class Veil:
    """``seen`` are the ids of the cameras that somebody sees, ``names`` what all cameras of the house are called, by
    id, also those that were removed."""

    seen: frozenset[str]
    names: Mapping[str, str]

    def payload(self, event_type: str, source_id: str, payload: dict[str, Any]) -> dict[str, Any]:
        """The payload of an event without the names of cameras that are hidden."""
        if event_type in SAYS_WHERE and NAMED not in payload:
            kept = {key: value for key, value in payload.items() if key not in _PLACES}
            return kept | ({"title": SAYS_WHERE[event_type]} if SAYS_WHERE[event_type] else {})
        found: dict[str, Any] = _without(payload, self._hidden(source_id, payload))
        return found

    def text(self, text: str, event_type: str, source_id: str, payload: dict[str, Any]) -> str:
        """A sentence that was made of an event with this ``payload``."""
        title = str(payload.get("title") or "")
        if title:
            text = text.replace(title, str(self.payload(event_type, source_id, payload)["title"]))
        return _hide(text, self._hidden(source_id, payload))

    def _hidden(self, source_id: str, payload: dict[str, Any]) -> dict[str, bool]:
        """The words to look for, and whether each is hidden: a name of two cameras only if both are. What says nothing
        of its words is looked through for all that cameras are called now, unless it comes from one of them or from a
        sensor, which may well be called like a camera."""
        named = payload.get(NAMED)
        if isinstance(named, dict):
            names: Mapping[str, str] = named
        elif source_id in self.names or source_id.startswith(SENSOR_PREFIX):
            return {}
        else:
            names = self.names
        shown = {name for camera_id, name in names.items() if camera_id in self.seen}
        found = {camera_id: camera_id not in self.seen for camera_id in names}
        return found | {name: name not in shown for name in names.values() if name}


def says_where(word: str) -> bool:
    """Whether a word that is looked for may be found in the title of an event of the house only by a name in it."""
    return word.casefold() not in _ENTRY_WORDS


def _without(found: Any, hidden: Mapping[str, bool]) -> Any:
    if isinstance(found, str):
        return _hide(found, hidden)
    if isinstance(found, list):
        return [_without(one, hidden) for one in found]
    if isinstance(found, dict):
        return {key: _without(one, hidden) for key, one in found.items() if not hidden.get(key)}
    return found


def _hide(text: str, hidden: Mapping[str, bool]) -> str:
    """Whole words only, the longest first: the camera "Door" is not found in "Front Door". A sentence may begin with a
    name, which is then written large."""
    if not any(hidden.values()):
        return text
    shown = {one.casefold() for one, hides in hidden.items() if not hides}
    words = "|".join(re.escape(one) for one in sorted(hidden, key=len, reverse=True))

    def said(match: re.Match[str]) -> str:
        if match[0].casefold() in shown:
            return match[0]
        begins = not text[: match.start()] or text[: match.start()].endswith(". ")
        return HIDDEN[0].upper() + HIDDEN[1:] if begins else HIDDEN

    return re.sub(rf"(?<!\w)(?:{words})(?!\w)", said, text, flags=re.IGNORECASE)
