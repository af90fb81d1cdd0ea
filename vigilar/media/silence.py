"""Access units of AAC that sound like nothing, for the time in which a microphone sends none. Pure."""

from __future__ import annotations

_MONO = bytes((0x00, 0x00, 0x00, 0x07))
"""A single channel element without a scale factor band (ISO/IEC 14496-3 4.4.2.1): tag, gain, window and flags all 0,
then ID_END."""

_STEREO = bytes((0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0E))
"""A channel pair element, its two channels each as above."""


def silent_unit(channels: int) -> bytes | None:
    """A unit of AAC-LC without sound; None for more channels than a microphone has."""
    return {1: _MONO, 2: _STEREO}.get(channels)
