"""Secrets by name, each in a file of its own that only the service's user can read.

``<secrets_dir>/<name>.json`` is 0600 in a folder 0700 and holds one flat object of texts, such as
``{"user": "...", "password": "..."}``. A file or folder that others can read is refused, not quietly used: it may have
been read already. The keys of recordings lie in the same folder and belong to ``vge``.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

from vigilar.base.atomic import fsync_folder, make_private_folder, write_atomic
from vigilar.base.errors import ConfigError, ErrorKind, ExitCode

MAX_SECRET_BYTES = 64 * 1024
_NUMBERED_LENGTH = 60
"""Of a name that gets a number, so that it stays one that is allowed."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class LoginSecret:
    """User and password of a camera, a broker or a database server."""

    user: str
    password: str = field(repr=False)


class SecretStore:
    """The secrets of one installation. Holds nothing in memory; any thread."""

    def __init__(self, secrets_dir: Path) -> None:
        self._folder = secrets_dir

    def names(self) -> list[str]:
        """The names of all secrets, in order. Empty when there is no folder yet."""
        try:
            return sorted(path.stem for path in self._folder.glob("*.json") if _NAME.fullmatch(path.stem))
        except PermissionError as error:
            raise _denied(self._folder) from error

    def get(self, name: str) -> dict[str, str]:
        """The secret ``name``. ConfigError: NOT_FOUND, DENIED (modes too wide, or not ours to read), or CORRUPT."""
        path = self._path(name)
        try:
            with path.open("rb") as file:
                self._check_modes(path, os.fstat(file.fileno()))
                raw = json.loads(file.read(MAX_SECRET_BYTES))
        except FileNotFoundError:
            raise _missing(name) from None
        except PermissionError as error:
            raise _denied(path) from error
        except (ValueError, RecursionError):
            raise _broken(path, name) from None
        except OSError as error:
            raise ConfigError(f"The secret file {path} cannot be read: {error.strerror}.") from error
        if not isinstance(raw, dict) or not all(isinstance(value, str) for value in raw.values()):
            raise _broken(path, name)
        return raw

    def get_login(self, name: str) -> LoginSecret:
        """The secret ``name`` as user and password; errors as ``get``."""
        raw = self.get(name)
        if "user" not in raw or "password" not in raw:
            raise _broken(self._path(name), name)
        return LoginSecret(raw["user"], raw["password"])

    def put(self, name: str, secret: dict[str, str]) -> None:
        """Store or replace ``secret``, durable when this returns. The file belongs to the owner of the folder, so that
        the service can read what root stored."""
        path = self._path(name)
        try:
            make_private_folder(self._folder)
            owner = self._folder.stat()
            write_atomic(path, json.dumps(secret, ensure_ascii=False).encode() + b"\n", 0o600)
            if os.geteuid() == 0 and owner.st_uid != 0:
                os.chown(path, owner.st_uid, owner.st_gid)
        except PermissionError as error:
            raise _denied(path) from error
        except OSError as error:
            raise ConfigError(f"The secret file {path} cannot be written: {error.strerror}.") from error

    def put_login(self, name: str, user: str, password: str) -> None:
        self.put(name, {"user": user, "password": password})

    def add_login(self, wanted: str, user: str, password: str, taken: Collection[str] = ()) -> str:
        """Store a login under a name of its own, and give the name: ``wanted``, or that with a number where there is
        such a secret already, or ``taken`` has it. Never replaces a secret. Raises ConfigError."""
        number, name = 1, wanted
        while name in taken or not self._reserve(name):
            number += 1
            name = f"{wanted[:_NUMBERED_LENGTH]}-{number}"
        try:
            self.put_login(name, user, password)
        except ConfigError:
            self.delete(name)
            raise
        return name

    def free_name(self, wanted: str, taken: Collection[str] = ()) -> str:
        """A name as ``add_login`` would choose, for who must write it down first and has this folder to himself."""
        names = {*self.names(), *taken}
        numbered = (f"{wanted[:_NUMBERED_LENGTH]}-{number}" for number in count(2))
        return next(name for name in chain([wanted], numbered) if name not in names)

    def delete(self, name: str) -> bool:
        """Remove the secret; False when there was none."""
        path = self._path(name)
        try:
            path.unlink()
            fsync_folder(self._folder)
        except FileNotFoundError:
            return False
        except PermissionError as error:
            raise _denied(path) from error
        return True

    def _reserve(self, name: str) -> bool:
        """Make the file of a secret, still empty; False when there is one. Of two who want a name one gets it."""
        path = self._path(name)
        try:
            make_private_folder(self._folder)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
        except PermissionError as error:
            raise _denied(path) from error
        except OSError as error:
            raise ConfigError(f"The secret file {path} cannot be written: {error.strerror}.") from error
        return True

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ConfigError("A secret's name is 1 to 64 small letters, digits, dots, hyphens and underscores.")
        return self._folder / f"{name}.json"

    def _check_modes(self, path: Path, status: os.stat_result) -> None:
        for what, found, right in ((self._folder, self._folder.stat(), "700"), (path, status, "600")):
            if stat.S_IMODE(found.st_mode) & 0o077:
                raise ConfigError(
                    f"{what} can be read by other users of this machine, so what is in it is no secret.",
                    kind=ErrorKind.DENIED,
                    next_step=f"Change the password in it, then: chmod {right} {what}",
                    exit_code=ExitCode.DENIED,
                )


def _missing(name: str) -> ConfigError:
    return ConfigError(
        f'There is no secret "{name}".',
        next_step=f"Store the login again: vigilar camera login {name}",
        exit_code=ExitCode.NOT_FOUND,
    )


def _denied(path: Path) -> ConfigError:
    return ConfigError(
        f"{path} may not be used by this user.",
        kind=ErrorKind.DENIED,
        next_step="Run the command as the user of the service, or with sudo.",
        exit_code=ExitCode.DENIED,
    )


def _broken(path: Path, name: str) -> ConfigError:
    return ConfigError(
        f"The secret file {path} is damaged.",
        kind=ErrorKind.CORRUPT,
        next_step=f"Store the login again: vigilar camera login {name}",
    )
