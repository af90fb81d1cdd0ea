"""What an exported file is called: camera and house time with its zone, in characters that every system takes. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, tzinfo

_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')
"""What Windows refuses (and with it a slash and what cannot be seen)."""

_MAX_NAME = 60


def movie_name(camera_name: str, start_ms: int, zone: tzinfo, gap_count: int = 0) -> str:
    """``Front door 2026-11-28 07.30.05 CET.mp4``; ``... CET, 2 gaps.mp4`` when gaps were closed up."""
    gaps = "" if not gap_count else f", {gap_count} {'gap' if gap_count == 1 else 'gaps'}"
    return f"{safe_name(camera_name)} {name_time(start_ms, zone)}{gaps}.mp4"


def bundle_name(camera_name: str, start_ms: int, zone: tzinfo) -> str:
    """``Front door 2026-11-28 07.30.05 CET with proof.zip``"""
    return f"{safe_name(camera_name)} {name_time(start_ms, zone)} with proof.zip"


def name_time(ms: int, zone: tzinfo) -> str:
    """``2026-11-28 07.30.05 CET``: no colons, which Windows refuses. A zone without a name says its offset."""
    moment = datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone)
    name = safe_name(moment.tzname() or "UTC").replace(" ", "")
    return f"{moment:%Y-%m-%d %H.%M.%S} {name}"


def safe_name(name: str) -> str:
    """``name`` without what a file system, a shell or a mail program could take for something else."""
    text = _UNSAFE.sub(" ", unicodedata.normalize("NFC", name))
    text = "".join(char for char in text if char.isprintable())
    text = " ".join(text.split())[:_MAX_NAME].strip(" .-")
    return text or "Camera"


def ascii_name(name: str) -> str:
    """The same in ASCII, for the plain part of a header (RFC 6266 appendix D)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    plain = "".join(char if char.isprintable() else " " for char in plain)
    return " ".join(plain.replace('"', " ").replace("%", " ").split()) or "export"
