"""What is to be seen: ``groundtruth.json`` of a folder with ``clips`` and ``images``, checked as it is read.

Times are seconds in the clip. A clip whose entry names a ``sub`` brings two streams, as a camera does: each is looked
at by itself, by the same labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vigilar.base.errors import ErrorKind, ExitCode, VigilarError
from vigilar.media.packets import StreamRole

TRUTH_FILE = "groundtruth.json"
USUAL_TOLERANCE_S = 0.5
KINDS = ("person", "vehicle", "cat", "dog", "bird", "animal")
"""What a visit can be called, beside ``motion``."""

_KIND_OF_OBJECT: Mapping[str, str] = {
    **dict.fromkeys(("cat", "dog", "bird"), ""),
    **dict.fromkeys(("person", "people", "man", "woman", "child", "pedestrian"), "person"),
    **dict.fromkeys(
        ("vehicle", "vehicles", "car", "cars", "bus", "truck", "lorry", "van", "bicycle", "motorcycle"), "vehicle"
    ),
}
"""Words of ``object`` that say the kind; empty: the word itself."""
_KINDS_OF_CATEGORY: Mapping[str, frozenset[str]] = {
    "person": frozenset({"person"}),
    "vehicle": frozenset({"vehicle"}),
    "pet": frozenset({"cat", "dog"}),
    "wildlife": frozenset({"animal", "bird"}),
}
"""Where the word of ``object`` says nothing (deer, small wild cat): each of these is right."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Something is there from ``start_s`` to ``end_s``. ``kinds``: the names that are right for it, none if unknown."""

    start_s: float
    end_s: float
    what: str
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class ClipTruth:
    """One stream with its labels. ``length_s`` 0: as long as its packets say. ``main``: the clip whose small stream it
    is, itself otherwise."""

    name: str
    path: Path
    role: StreamRole
    length_s: float
    tolerance_s: float
    visits: tuple[Visit, ...]
    quiet: tuple[tuple[float, float], ...]
    main: str


@dataclass(frozen=True, slots=True)
class PictureTruth:
    """A single picture and the kinds on it; each is a set of names of which one must be said."""

    name: str
    path: Path
    objects: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """All that is labelled in a folder and is there."""

    clips: tuple[ClipTruth, ...]
    pictures: tuple[PictureTruth, ...]


def read_truth(folder: Path) -> Truth:
    """The labels of ``folder``, in the order of their names. Raises VigilarError: no labels, labels that cannot be
    read, or a labelled file that is missing."""
    path = folder / TRUTH_FILE
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise VigilarError(
            f"There is no {TRUTH_FILE} in {folder}.",
            next_step="Name the folder that holds it beside its folders clips and images.",
            exit_code=ExitCode.NOT_FOUND,
        ) from None
    except (OSError, ValueError) as error:
        raise _wrong(path, f"cannot be read: {error}") from error
    try:
        clips = tuple(_clips(folder, raw.get("clips") or {}))
        pictures = tuple(_pictures(folder, raw.get("images") or {}))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _wrong(path, f"is not as such a file must be: {type(error).__name__} {error}") from error
    for file in (*(clip.path for clip in clips), *(picture.path for picture in pictures)):
        if not file.is_file():
            raise _wrong(path, f"names {file.name}, and there is no file {file}")
    return Truth(clips, pictures)


def _wrong(path: Path, what: str) -> VigilarError:
    return VigilarError(
        f"{path} {what}.",
        kind=ErrorKind.CORRUPT,
        next_step="Correct it: clips need events and quiet spans in seconds, images a list of objects.",
        exit_code=ExitCode.CONFIG,
    )


def _clips(folder: Path, clips: Mapping[str, Any]) -> Iterator[ClipTruth]:
    for name, clip in sorted(clips.items()):
        visits = tuple(_visit(event) for event in clip.get("events", ()))
        quiet = tuple((float(start), float(end)) for start, end in clip.get("quiet", ()))
        length_s = float(clip.get("length", 0.0))
        tolerance_s = float(clip.get("tolerance", USUAL_TOLERANCE_S))
        streams = [(name, StreamRole.MAIN)]
        if clip.get("sub"):
            streams.append((clip["sub"], StreamRole.SUB))
        for stream, role in streams:
            yield ClipTruth(stream, folder / "clips" / stream, role, length_s, tolerance_s, visits, quiet, name)


def _visit(event: Mapping[str, Any]) -> Visit:
    what, category = str(event.get("object", "")), str(event.get("category", ""))
    return Visit(float(event["start"]), float(event["end"]), what, kinds_of(what, category))


def _pictures(folder: Path, images: Mapping[str, Any]) -> Iterator[PictureTruth]:
    for name, image in sorted(images.items()):
        categories = [str(one) for one in image.get("categories", ())]
        found = {kinds_of(str(what), _category_for(str(what), categories)) for what in image.get("objects", ())}
        yield PictureTruth(name, folder / "images" / name, tuple(sorted(filter(None, found), key=sorted)))


def _category_for(what: str, categories: list[str]) -> str:
    """A picture lists its categories beside its objects: what the word itself does not say is a wild animal if one is
    there, else the only category there is."""
    if what in _KIND_OF_OBJECT:
        return ""
    return "wildlife" if "wildlife" in categories else categories[0] if len(categories) == 1 else ""


def kinds_of(what: str, category: str) -> frozenset[str]:
    """The names that are right for an object, by its own word or else by its category; empty when neither says."""
    word = what.strip().lower()
    if word in _KIND_OF_OBJECT:
        return frozenset({_KIND_OF_OBJECT[word] or word})
    return _KINDS_OF_CATEGORY.get(category, frozenset())
