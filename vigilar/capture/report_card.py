"""What a camera sends, in figures and in words: what each of them means for the house. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

LONG_GAP_S = 5.0
CLOCK_OFF_S = 10.0
"""Nobody minds less; the headers that some cameras tell their clock with are good to a second or two."""

LARGE_HEIGHT = 720
"""From this on looking for motion in the full picture costs a good part of a core."""

_NAMES = {"h264": "H.264", "hevc": "H.265", "mjpeg": "MJPEG", "aac": "AAC"}


@dataclass(frozen=True, slots=True)
class StreamCard:
    """One stream as it was measured. 0 or None: not known. ``keyframe_gap_s`` is the time between whole pictures, or as
    long as was waited for the second one (``is_gap_open``)."""

    codec: str
    width: int
    height: int
    fps: float = 0.0
    kbps: float = 0.0
    keyframe_gap_s: float = 0.0
    is_gap_open: bool = False
    sound: str = ""
    is_sound_missing: bool = False
    """It is offered, and none came while the picture was measured."""
    sound_note: str = ""
    how: str = "TCP"
    source_codec: str = ""
    """What the camera sends where it is converted to ``codec`` here."""

    @property
    def picture(self) -> str:
        """``1920x1080 H.264``."""
        size = f"{self.width}x{self.height} " if self.width else ""
        name = codec_name(self.codec)
        return f"{size}{codec_name(self.source_codec)}, converted to {name} here" if self.source_codec else size + name

    @property
    def sound_words(self) -> str:
        """What stands behind the picture in a sentence; empty where there is nothing to say."""
        if self.is_sound_missing:
            return "sound offered, but none came"
        if self.sound:
            return f"sound {codec_name(self.sound)}"
        return f"no sound: {self.sound_note}" if self.sound_note else ""

    @property
    def gb_a_day(self) -> float:
        """When everything is recorded."""
        return self.kbps * 86_400 / 8 / 1e6


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth knowing of a camera that works."""

    code: str
    sentence: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class ReportCard:
    """``clock_off_s``: how far the camera's clock is ahead of ours (negative: behind); None when it does not tell."""

    main: StreamCard
    small: StreamCard | None = None
    clock_off_s: float | None = None
    make: str = ""

    def rows(self) -> list[tuple[str, str]]:
        """Name and words of each line, for a person."""
        main = self.main
        rows = [("Picture", main.picture + (f", {main.fps:g} pictures a second" if main.fps else ""))]
        if self.make:
            rows.insert(0, ("Make", f"{self.make}, by its address"))
        if main.kbps:
            rows.append(("Rate", f"{main.kbps / 1000:.1f} Mbit/s"))
            rows.append(("Recordings", f"{_size_a_day(main.gb_a_day)} a day if everything is recorded"))
        rows.append(("Whole picture", _gap_words(main)))
        rows.append(("Sound", _sound_words(main)))
        if self.small is not None:
            rows.append(("Small picture", self.small.picture))
        rows.append(("Clock", clock_words(self.clock_off_s)))
        rows.append(("Comes over", main.how))
        return rows

    def notes(self) -> list[Note]:
        """The most important first."""
        notes = [
            _gap_note(self.main),
            _codec_note(self.main, self.small),
            _small_note(self.main, self.small),
            _clock_note(self.clock_off_s),
            _sound_note(self.main),
        ]
        return [note for note in notes if note is not None]

    def dump(self) -> dict[str, Any]:
        """For JSON: the figures, and the rows."""
        found = asdict(self)
        found["main"]["gb_a_day"] = round(self.main.gb_a_day, 1)
        return {**found, "rows": [list(row) for row in self.rows()]}


def codec_name(codec: str) -> str:
    """What people call a codec of libav's name."""
    return _NAMES.get(codec, codec)


def clock_words(off_s: float | None) -> str:
    if off_s is None:
        return "does not tell"
    if abs(off_s) < CLOCK_OFF_S:
        return "right"
    return f"{_lasting(abs(off_s))} {'fast' if off_s > 0 else 'slow'}"


def _gap_words(card: StreamCard) -> str:
    if not card.keyframe_gap_s:
        return "not known"
    every = f"every {card.keyframe_gap_s:.{0 if card.keyframe_gap_s >= 10 else 1}f} s"
    if card.is_gap_open:
        return f"{every} or more"
    return f"{every}, so live pictures are there within that" if card.keyframe_gap_s <= LONG_GAP_S else every


def _sound_words(card: StreamCard) -> str:
    if card.is_sound_missing:
        return "offered, but none came; recorded as soon as it does"
    if card.sound:
        return f"{codec_name(card.sound)}, is recorded too"
    return f"none: {card.sound_note}" if card.sound_note else "none"


def _gap_note(card: StreamCard) -> Note | None:
    if card.keyframe_gap_s <= LONG_GAP_S:
        return None
    more = " or more" if card.is_gap_open else ""
    return Note(
        "V-CAM-09",
        f"This camera sends a whole picture every {card.keyframe_gap_s:.0f} s{more}, so live pictures and recordings "
        "of motion begin late.",
        "Set its I-frame interval to 2-4 s, and switch off H.264+ or H.265+.",
    )


def _codec_note(card: StreamCard, small: StreamCard | None) -> Note | None:
    if card.source_codec:
        return Note(
            "",
            f"Converting {codec_name(card.source_codec)} takes up to half a core of this box.",
            "If the camera can send H.264 or H.265, set it to that.",
        )
    if card.codec != "hevc":
        return None
    instead = "the small picture" if small is not None and small.codec != "hevc" else "stills"
    return Note(
        "V-CAM-06", f"It records fine; browsers that cannot show H.265 get {instead}, or a narrow picture made here."
    )


def _small_note(card: StreamCard, small: StreamCard | None) -> Note | None:
    if small is not None or card.height < LARGE_HEIGHT:
        return None
    return Note(
        "V-CAM-07",
        "Only one picture is known of this camera. It works, but looking for motion and slow phones cost more.",
        "If the camera has a second, small stream, give its address too.",
    )


def _clock_note(off_s: float | None) -> Note | None:
    if off_s is None or abs(off_s) < CLOCK_OFF_S:
        return None
    return Note(
        "V-CAM-08",
        f"The camera's clock is {clock_words(off_s)}. Recordings carry this box's time, so only what the camera writes "
        "into its picture is wrong.",
        "Set its clock, or let it ask a time server (NTP), in the camera's own page.",
    )


def _sound_note(card: StreamCard) -> Note | None:
    if not card.is_sound_missing:
        return None
    return Note(
        "",
        "The camera offers sound, but none came. Its picture is recorded all the same.",
        "Is its microphone switched off in the camera's own app?",
    )


def _lasting(seconds: float) -> str:
    for unit, unit_s in (("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def _size_a_day(gb: float) -> str:
    return f"{gb:.0f} GB" if gb >= 10 else f"{gb:.1f} GB"
