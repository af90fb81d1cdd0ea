"""The cameras of the house, as the configuration file says now, and changing them there.

The file may change while we run (a command, an editor, our own form). It is read again when its time stamp moves; a
broken file leaves the last good list in force.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vigilar.base.errors import ConfigError, ErrorKind
from vigilar.base.folder_id import find_folder_id
from vigilar.base.folder_look import AWAY, CODE
from vigilar.base.ids import slug
from vigilar.config.cut import camera_infos, secret_name, used_secrets
from vigilar.config.edit import NewCamera, Value, add_camera, change_camera, remove_camera, set_areas
from vigilar.config.jobs import CameraInfo, WebJob
from vigilar.config.last_good import load_in_force
from vigilar.config.models import Camera, Config
from vigilar.config.places import Places
from vigilar.config.secrets import SecretStore
from vigilar.web.patience import DoesNotAnswerError, Patience

logger = logging.getLogger(__name__)

DISK_WAIT_S = 0.5
"""How long a request waits for the time stamp of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraWish:
    """What a person wants to add. ``user`` empty: the camera needs no login."""

    name: str
    address: str
    small: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    record: str = ""
    allow_public: bool = False


class CameraBook:
    """The list of cameras. Any thread."""

    def __init__(self, cfg: WebJob) -> None:
        self._node_id = cfg.node_id
        self._places = Places(cfg.config_file, cfg.data_dir, cfg.secrets_dir, may_lack_config=True)
        self._secrets = SecretStore(cfg.secrets_dir)
        self._lock = threading.Lock()
        self._disk = Patience("settings", DISK_WAIT_S)
        self._infos = cfg.cameras
        self._config: Config | None = None
        self._stamp: tuple[int, int] | None = None

    def all(self) -> tuple[CameraInfo, ...]:
        """The cameras in the order of the file."""
        with self._lock:
            self._refresh()
            return self._infos

    def find(self, camera_id: str) -> CameraInfo | None:
        return next((camera for camera in self.all() if camera.id == camera_id), None)

    def settings(self, camera_id: str) -> Camera | None:
        """The camera as it stands in the file; None when it is not there or there is no file."""
        with self._lock:
            self._refresh()
            return self._config.find_camera(camera_id) if self._config else None

    def all_settings(self) -> Mapping[str, Camera]:
        """The cameras as they stand in the file, by id: one look at it for all of them."""
        with self._lock:
            self._refresh()
            return {one.id: one for one in self._config.cameras} if self._config else {}

    def find_address(self, address: str) -> CameraInfo | None:
        """The camera that has this main address already."""
        with self._lock:
            self._refresh()
            cameras = self._config.cameras if self._config else ()
            found = next((camera.id for camera in cameras if camera.address == address), None)
        return self.find(found) if found else None

    def add(self, wish: CameraWish) -> CameraInfo:
        """Write the camera into the file, its login into a secret of its own first. Raises ConfigError."""
        self._check_drive()
        camera_id = self._free_id(wish.name)
        login = None
        if wish.user or wish.password:
            login = self._secrets.add_login(camera_id, wish.user, wish.password, self._used_secrets())
        new = NewCamera(
            name=wish.name,
            id=camera_id if camera_id != slug(wish.name) else None,
            address=wish.address,
            small=wish.small or None,
            login=f"secret:{login}" if login else None,
            record=wish.record or None,
            allow_public=wish.allow_public or None,
        )
        try:
            config = add_camera(self._places, new)
        except ConfigError:
            if login is not None:
                self._secrets.delete(login)
            raise
        self._take(config)
        found = self.find(camera_id)
        assert found is not None  # noqa: S101 -- it was just written, under the lock of the file
        return found

    def change(self, camera_id: str, changes: Mapping[str, Value | None]) -> None:
        """Set keys of the file (``name``, ``record``, ``enabled``, ...); None removes one. Raises ConfigError."""
        self._check_drive()
        self._take(change_camera(self._places, camera_id, changes))

    def set_login(self, camera_id: str, user: str, password: str) -> None:
        """Replace the login of a camera, in its own secret. Raises ConfigError."""
        self._check_drive()
        settings = self.settings(camera_id)
        if settings is not None and settings.login is not None:
            self._secrets.put_login(secret_name(settings.login), user, password)
            return
        name = self._secrets.add_login(camera_id, user, password, self._used_secrets())
        try:
            self.change(camera_id, {"login": f"secret:{name}"})
        except ConfigError:
            self._secrets.delete(name)
            raise

    def set_areas(self, camera_id: str, plain: Mapping[str, Any]) -> None:
        """Give it these zones and lines, in the form of ``config.areas``. Raises ConfigError."""
        self._check_drive()
        self._take(set_areas(self._places, camera_id, plain))

    def remove(self, camera_id: str) -> None:
        """Take the camera out of the file and forget its login, unless something else uses it; its recordings stay.

        Raises ConfigError.
        """
        self._check_drive()
        removed = remove_camera(self._places, camera_id)
        with self._lock:
            self._stamp = None
            self._refresh()
        if removed.login is not None and secret_name(removed.login) not in self._used_secrets():
            self._secrets.delete(secret_name(removed.login))

    def check_drive(self) -> None:
        """For who changes the file otherwise; see ``_check_drive``. Raises ConfigError."""
        self._check_drive()

    def _check_drive(self) -> None:
        """Raises ConfigError (TRANSIENT, V-DRIVE) in the moment between the pull of the drive and the end of this
        process: what were written then would lie under its mount point."""
        if self._node_id and find_folder_id(self._places.data_dir) != self._node_id:
            step = "Nothing was changed. Try again when it is back."
            raise ConfigError(AWAY, kind=ErrorKind.TRANSIENT, code=CODE, next_step=step)

    def _used_secrets(self) -> frozenset[str]:
        with self._lock:
            self._refresh()
            return used_secrets(self._config) if self._config else frozenset()

    def _free_id(self, name: str) -> str:
        taken = {camera.id for camera in self.all()}
        wanted = slug(name)
        number, found = 2, wanted
        while found in taken:
            found = f"{wanted[:36]}-{number}"
            number += 1
        return found

    def _take(self, config: Config) -> None:
        with self._lock:
            self._config, self._infos = config, camera_infos(config)
            self._stamp = self._read_stamp()

    def _refresh(self) -> None:
        stamp = self._read_stamp()
        if stamp == self._stamp or stamp is None:
            return
        self._stamp = stamp
        try:
            self._config, wrong = load_in_force(self._places)
        except ConfigError as error:
            logger.warning("the configuration file was changed and cannot be used: %s", error)
            return
        if wrong:
            logger.warning("the configuration file cannot be used, the last good one counts: %s", wrong)
        self._infos = camera_infos(self._config)

    def _read_stamp(self) -> tuple[int, int] | None:
        """None when there is no file, or the drive it is on does not answer: what is known stays in force."""
        try:
            status = self._disk.ask(self._places.config_file.stat)
        except (OSError, DoesNotAnswerError):
            return None
        return status.st_mtime_ns, status.st_ino
