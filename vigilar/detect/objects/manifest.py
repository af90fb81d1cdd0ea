"""What is known of a model before it is opened: where it is from, what it takes and what its numbers mean."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from vigilar.base.errors import ErrorKind, ExitCode, VigilarError
from vigilar.detect.objects.detection import ObjectKind

MAX_BYTES = 200_000_000
"""No detector that a small box could use is larger."""

MAX_INPUT_PX = 1280
MAX_CLASSES = 1000

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class ModelError(VigilarError):
    """A model cannot be had, read or used; the message says which and why."""

    exit_code = ExitCode.FAILED


@dataclass(frozen=True, slots=True)
class Calibration:
    """From a model's own score to how often it is right: logit(right) = slope * logit(score) + shift."""

    slope: float = 1.0
    shift: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelManifest:
    """One model.

    ``file`` is its file of ``size_bytes`` with ``sha256`` (hexadecimal); ``source`` the https address it is from, or
    empty where it can only come from a file. ``width`` and ``height`` are pixels of its input, 1x3xHxW BGR 0..255,
    letterboxed to the top left on ``fill``. Its output is that of YOLOX, 1xNx(5 + classes): of each cell of each stride
    the distances of the middle, the logarithms of width and height, whether there is something, and scores of the
    classes (Ge et al. 2021, YOLOX). ``kinds`` says which number of a class is what; those without are not told.
    ``from_above``: classes of things that never go a way of their own, and which kind looks like them from above.
    Two boxes of one kind that share more than ``overlap`` of their union are one object.
    ``made_for`` is empty for real pictures.
    """

    name: str
    title: str
    licence: str
    file: str
    size_bytes: int
    sha256: str
    source: str
    width: int
    height: int
    kinds: Mapping[int, ObjectKind]
    strides: tuple[int, ...] = (8, 16, 32)
    fill: int = 114
    least_score: float = 0.2
    overlap: float = 0.45
    calibration: Calibration = field(default=Calibration())
    made_for: str = ""
    from_above: Mapping[int, ObjectKind] = field(default_factory=dict)

    def dump(self) -> str:
        """As JSON, the form of a manifest file."""
        raw = asdict(self)
        for key, kinds in (("kinds", self.kinds), ("from_above", self.from_above)):
            raw[key] = {str(number): kind.value for number, kind in kinds.items()}
        return json.dumps(raw, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ModelError for what is no manifest, and for one that asks for what no model should."""
        try:
            raw: dict[str, Any] = dict(json.loads(text))
            for key, given in (("kinds", raw["kinds"]), ("from_above", raw.get("from_above", {}))):
                raw[key] = {int(number): ObjectKind(kind) for number, kind in dict(given).items()}
            raw["strides"] = tuple(int(stride) for stride in raw.get("strides", (8, 16, 32)))
            raw["calibration"] = Calibration(**raw.get("calibration", {}))
            found = cls(**raw)
            problem = found.problem()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ModelError("this is not a manifest of a model", kind=ErrorKind.CORRUPT) from error
        if problem:
            raise ModelError(f"the manifest cannot be used: {problem}", kind=ErrorKind.CORRUPT)
        return found

    def problem(self) -> str:
        """What is wrong with it, as the end of a sentence; empty when nothing is. Raises TypeError for wrong types."""
        numbers, texts = (
            (self.size_bytes, self.width, self.height, self.fill),
            (self.title, self.licence, self.made_for),
        )
        if any(type(one) is not int for one in numbers) or any(type(one) is not str for one in texts):
            return "a number in it is not whole, or a text is something else"
        if not _NAME.fullmatch(self.name) or self.file != f"{self.name}.onnx":
            return "its name is not made of small letters, digits and hyphens, or its file is not called by it"
        if not _SHA256.fullmatch(self.sha256) or not 0 < self.size_bytes <= MAX_BYTES:
            return "its size or its SHA-256 is missing or out of range"
        if self.source and not self.source.startswith("https://"):
            return "its source is not an https address"
        sides = (self.width, self.height)
        if not self.strides or not all(1 <= stride <= 64 for stride in self.strides):
            return "its strides are out of range"
        if any(not 32 <= side <= MAX_INPUT_PX or side % max(self.strides) for side in sides):
            return "the size of its input is out of range"
        if not self.kinds or not all(0 <= number < MAX_CLASSES for number in (*self.kinds, *self.from_above)):
            return "its classes are out of range"
        if self.kinds.keys() & self.from_above.keys():
            return "a class of it is a kind and something else from above as well"
        if not (
            0.0 < self.least_score < 1.0
            and 0.0 < self.overlap < 1.0
            and 0 <= self.fill <= 255
            and self.calibration.slope > 0.0
        ):
            return "its scores are out of range"
        return ""

    @property
    def cells(self) -> int:
        """Rows of its output."""
        return sum((self.width // stride) * (self.height // stride) for stride in self.strides)
