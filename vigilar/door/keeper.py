"""Looks after the door's certificate while the house runs: renews it, follows new addresses, hands it to HAProxy."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from vigilar.base.stop import Stop
from vigilar.base.tally import Tally
from vigilar.door.certificates import CertificateState, CertificateWish, ensure_certificate, utc_now
from vigilar.door.haproxy import ask_door
from vigilar.door.places import ADMIN_SOCKET, serving_file

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 30.0
"""A router that is restarted may give the box another address; looking costs a millisecond."""

ADMIN_TIMEOUT_S = 5.0

UNKNOWN = CertificateState("unknown", "Nobody has looked at the certificate yet.")

_failed = Tally(logger, "the certificate could not be looked after", every_s=3600.0)


class CertificateKeeper:
    """One thread. ``wish`` is asked each time, so that changed settings count at once after ``look_now``. ``on_new``
    is called when another certificate is shown: who else shows it must read it again."""

    def __init__(
        self,
        wish: Callable[[], CertificateWish],
        door_dir: Path,
        now: Callable[[], datetime] = utc_now,
        on_new: Callable[[], None] = lambda: None,
    ) -> None:
        self._wish = wish
        self._door_dir = door_dir
        self._now = now
        self._on_new = on_new
        self._stop = Stop()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="web-certificate", daemon=True)
        self._is_owed = False
        self._shown: bytes | None = None
        self.state = UNKNOWN

    def start(self) -> None:
        self._thread.start()

    def look_now(self) -> None:
        """Settings changed. Any thread."""
        self._wake.set()

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(ADMIN_TIMEOUT_S)

    def look(self) -> bool:
        """Look once; whether another certificate is shown from now on. One that HAProxy did not take is handed over
        again with the next look. Raises OSError, ValueError."""
        wish = self._wish()
        state, is_new = ensure_certificate(wish, self._now())
        is_owed = self._is_owed = is_new or self._is_owed
        if is_owed:
            hand_over(self._door_dir, serving_file(wish.secrets_dir))
            self._is_owed = False
        self.state = state
        self._notice(serving_file(wish.secrets_dir).read_bytes(), is_new=is_new)
        return is_owed

    def _notice(self, pem: bytes, *, is_new: bool) -> None:
        """Say that there is another one, whoever made it: a command may have."""
        shown = hashlib.sha256(pem).digest()
        if is_new or self._shown not in (None, shown):
            self._on_new()
        self._shown = shown

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.look()
            except (OSError, ValueError) as error:
                _failed.add(error)
                self.state = CertificateState("bad", f"The certificate cannot be looked after: {error}")
            except Exception:  # the top of this worker
                logger.exception("the certificate could not be looked after")
            self._wake.wait(LOOK_EVERY_S)


def hand_over(door_dir: Path, pem_file: Path) -> None:
    """Have the running HAProxy show the certificate in ``pem_file``; connections that are open stay (HAProxy's
    management guide, ``set ssl cert``). Without one it reads the file at its start. Raises OSError."""
    pem = pem_file.read_text(encoding="ascii").strip()
    if not (door_dir / ADMIN_SOCKET).exists():
        return
    name = re.sub(r"([\\ ;<])", r"\\\1", str(pem_file))  # as the guide says of words in a command (9.3)
    try:
        ask_door(door_dir, f"set ssl cert {name} <<\n{pem}\n\n", ADMIN_TIMEOUT_S)
        answer = ask_door(door_dir, f"commit ssl cert {name}\n", ADMIN_TIMEOUT_S)
    except ConnectionRefusedError:
        return  # it is about to start
    if "Success" not in answer:
        raise OSError(f"HAProxy does not take the certificate: {answer.strip()[:200]}")
    logger.info("the door shows a new certificate")
