"""How a camera is to be opened, and what earlier connections have taught about it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from vigilar.capture.address_gate import STRICT, AddressGate
from vigilar.capture.rate_cap import USUAL_LIMIT_BPS

SOUND_RETRY_S = 600.0
"""After a camera did not answer about its sound, or hung up: an intercom call, say, may be over by then."""


@dataclass(slots=True)
class LoginMemory:
    """What the login of one camera needs; its streams share it. Each value is written by whoever learns it, whole.

    ``took_digest``: the password goes out protected, and by Basic never again. ``algorithm`` and ``reads_other`` say
    which Digest and which reading of the password let us in. ``has_tried_all``: all were refused, so that no second
    attempt is made any more; cameras count them. ``refused`` counts logins that the camera refused.
    ``is_noted``: that it took Digest is written down for later processes (``login_note``).
    """

    took_digest: bool = False
    algorithm: str = ""
    reads_other: bool = False
    has_tried_all: bool = False
    refused: int = 0
    is_noted: bool = False


@dataclass(slots=True)
class StreamMemory:
    """What the next connection to one stream should know. Written on its capture thread; ``sound_note`` is read by any.

    ``sound_note`` says for the page, behind "Sound:", why there is none; empty while nothing is known against it.
    ``has_no_marks``: nothing told where decoding may begin, so that the next connection need not wait for it;
    ``unmarked_s``: so many seconds of pictures, of all connections, have come since anything told.
    ``is_slow``: it did not answer in time, so more is given to it. ``quiet_until_s`` (monotonic): until then it may
    still send packets of an earlier session; ``has_waited_out``: it was waited for, once.
    """

    login: LoginMemory = field(default_factory=LoginMemory)
    sound_note: str = ""
    has_no_marks: bool = False
    unmarked_s: float = 0.0
    is_slow: bool = False
    has_no_udp: bool = False
    quiet_until_s: float = 0.0
    has_waited_out: bool = False
    _no_sound_until_s: float = 0.0

    @property
    def may_ask_for_sound(self) -> bool:
        return time.monotonic() >= self._no_sound_until_s

    def note_sound_trouble(self) -> None:
        """The camera must not be asked for its sound for some time, or the picture suffers."""
        self._no_sound_until_s = time.monotonic() + SOUND_RETRY_S


@dataclass(frozen=True, slots=True)
class Intake:
    """How one stream is opened. ``pins_dir`` is where certificates are remembered, None: nowhere.

    ``may_pin``: whether a certificate that is not known yet is written there. ``gate`` tells where the camera may be,
    ``limit_bps`` how much it may send, in bits a second. ``unmarked_note`` is the file that says, by being there, that
    nothing in the stream tells where decoding may begin; None: that is not noted.
    """

    wants_sound: bool = True
    transport: Literal["tcp", "udp"] = "tcp"
    pins_dir: Path | None = None
    may_pin: bool = True
    gate: AddressGate = STRICT
    limit_bps: int = USUAL_LIMIT_BPS
    memory: StreamMemory = field(default_factory=StreamMemory)
    unmarked_note: Path | None = None
