"""The way from the recordings of an export to the one that a checkpoint names.

A checkpoint names the newest closed file of each camera, and the core of each file holds the link of the one before it.
So who has the cores and the tags of CLOSE of all files between, a few hundred bytes each, can walk from the link that
is named back to those of the export.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from vigilar.playback.library import Library
from vigilar.vge.format import PREVIOUS_LINK

MOST_FILES = 2_000
"""One megabyte of the manifest; with a checkpoint an hour there are some dozens."""


def find_tip(body: str, camera_id: str) -> int | None:
    """The number of the camera's newest closed recording that a checkpoint names; None when it names none."""
    for line in body.splitlines():
        words = line.split(" ")
        if words[:3] == ["file", camera_id, "video"] and len(words) == 5 and words[3].isdecimal():
            return int(words[3])
    return None


def make_chain(library: Library, camera_id: str, body: str, exported: Collection[int]) -> list[dict[str, str]]:
    """Cores and tags of the closed files between those that are exported (their numbers) and the one that is named.

    One that is not there or cannot be opened is left out: what lies before it is not named then.
    """
    tip = find_tip(body, camera_id)
    if tip is None or not exported or tip - min(exported) > MOST_FILES:
        return []
    return [
        {"core": one.core_bytes.hex(), "close_tag": one.close_tag.hex()}
        for number, one in library.closings(camera_id, min(exported) + 1, tip)
        if number not in exported and one.close_tag is not None
    ]


def previous_link(core: bytes) -> str:
    """The link, in hex, of the file before the one with this core."""
    return core[PREVIOUS_LINK].hex()


def find_named(before: Mapping[str, str], body: str) -> set[str]:
    """Those links that stand in ``body``, and all that the walk back from these meets. ``before``: link of a file to
    that of the file before it."""
    found: set[str] = set()
    for named in (one for one in before if one in body):
        at = named
        while at in before and at not in found:
            found.add(at)
            at = before[at]
    return found
