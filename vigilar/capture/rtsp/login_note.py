"""Which cameras have taken the password protected, beyond the life of a process: from then on it never goes to their
address by Basic, which shows it to everybody in the network. One empty file for each host and port."""

from __future__ import annotations

import logging
from pathlib import Path

from vigilar.base.atomic import fsync_folder, make_private_folder, write_atomic
from vigilar.capture.rtsp.address import Address
from vigilar.capture.rtsp.intake import LoginMemory
from vigilar.capture.rtsp.tls import pin_name

logger = logging.getLogger(__name__)

FOLDER = "protected-logins"


class LoginNotes:
    """``folder`` is that of the secrets, None: nothing is known and nothing noted."""

    def __init__(self, folder: Path | None, may_write: bool) -> None:
        self._folder, self._may_write = folder and folder / FOLDER, may_write

    def recall(self, address: Address, memory: LoginMemory) -> None:
        """Into ``memory`` what earlier processes have learned; and whether its owner wants that forgotten."""
        if self.took_digest(address):
            memory.took_digest = memory.is_noted = True
        elif memory.is_noted:
            memory.took_digest = memory.is_noted = False

    def remember(self, address: Address, memory: LoginMemory) -> None:
        """The login of ``memory`` was taken."""
        if memory.took_digest and not memory.is_noted:
            memory.is_noted = self.note_digest(address)

    def took_digest(self, address: Address) -> bool:
        """Also when it cannot be told: who cannot read it must not give the password away."""
        if self._folder is None:
            return False
        try:
            (self._folder / pin_name(address.host, address.port)).stat()
        except FileNotFoundError:
            return False
        except OSError as error:
            logger.warning("what is noted of the camera's login cannot be read: %s", error.strerror)
        return True

    def note_digest(self, address: Address) -> bool:
        """True when it is noted, durably. That it cannot be costs no picture: this process knows it anyway."""
        if self._folder is None or not self._may_write:
            return False
        path = self._folder / pin_name(address.host, address.port)
        try:
            if not path.exists():
                make_private_folder(self._folder)
                write_atomic(path, b"", 0o600)
        except OSError as error:
            logger.warning("that the camera takes its login protected cannot be noted: %s", error.strerror)
            return False
        return True


def forget_login_note(folder: Path, address: Address) -> bool:
    """After the camera was exchanged or reset by its owner; False when nothing was noted. Raises OSError."""
    path = folder / FOLDER / pin_name(address.host, address.port)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    fsync_folder(path.parent)
    return True
