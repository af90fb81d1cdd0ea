"""Changing the configuration file as a careful person would: comments and order stay, and it is never half written.

The command line and the web page both change it. Invariant: under the lock of its folder the file is read, changed,
checked as a whole, and replaced atomically; so no change is lost and no wrong file is ever written. A file that is
already wrong is not touched.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
import tomlkit.exceptions
from tomlkit.items import AoT, Array

from vigilar.base.atomic import make_private_folder, write_atomic
from vigilar.base.errors import ConfigError, ErrorKind, ExitCode
from vigilar.base.stop import Stop
from vigilar.config.areas import line_table, zone_table
from vigilar.config.blocks import table_texts, with_tables, without_block
from vigilar.config.explain import WrongValueError
from vigilar.config.load import InvalidConfigError, parse_config, read_config_file
from vigilar.config.models import Camera, Config
from vigilar.config.places import Places
from vigilar.config.undo import find_last, forget_last, nothing_to_undo, remember

LOCK_WAIT_S = 5.0
"""A change takes milliseconds; who holds the lock this long hangs."""

Value = str | bool | int | float
_FILE_MODE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCamera:
    """A ``[[camera]]`` as it will stand in the file; None leaves the key out. ``login`` reads ``secret:NAME``."""

    name: str
    address: str
    id: str | None = None
    small: str | None = None
    login: str | None = None
    record: str | None = None
    sensitivity: str | float | None = None
    sound: bool | None = None
    allow_public: bool | None = None

    def table(self) -> dict[str, Value]:
        keys = ("name", "id", "address", "small", "login", "allow_public", "record", "sensitivity", "sound")
        return {key: value for key in keys if (value := getattr(self, key)) is not None}


def add_camera(places: Places, camera: NewCamera) -> Config:
    """Append the camera to the file (made if missing); the configuration as it is now.

    Raises ConfigError (InvalidConfigError when the camera is not right or its id is taken); the file is then as before.
    """
    block = tomlkit.dumps({"camera": [camera.table()]})
    what = f"the new camera {camera.name}"
    return edit_text(places, lambda text: f"{text.rstrip()}\n\n{block}" if text.strip() else block, what=what)


def remove_camera(places: Places, camera_id: str) -> Camera:
    """Take the camera out of the file; its settings as they were. Its secret and its recordings stay.

    Raises ConfigError NOT_FOUND when there is no such camera.
    """
    removed: list[Camera] = []

    def change(text: str) -> str:
        config = parse_config(text.encode(), str(places.config_file))
        index = _index_of(config, camera_id)
        removed.append(config.cameras[index])
        expected = tomllib.loads(text)
        del expected["camera"][index]
        changed = without_block(text, index)
        if not _reads_as(changed, expected):
            raise beyond_us(places)
        return changed

    edit_text(places, change, what=f"the camera {camera_id} was removed")
    return removed[0]


def change_camera(places: Places, camera_id: str, changes: Mapping[str, Value | None]) -> Config:
    """Set keys of one camera, by their names in the file; None removes a key, so that the default holds.

    Renaming does not change the id: the one in force is written down, or the recordings would lose their camera.
    """

    def change(doc: tomlkit.TOMLDocument, config: Config) -> None:
        index = _index_of(config, camera_id)
        table = _camera_tables(doc)[index]
        if "name" in changes and "id" not in table:
            table["id"] = camera_id
        for key, value in changes.items():
            put_value(table, key, value)

    return edit_document(places, change, what=f"settings of the camera {camera_id}")


def set_areas(places: Places, camera_id: str, plain: Mapping[str, Any]) -> Config:
    """Give one camera these zones and lines, in the form of the page (``config.areas``), in place of those it has.

    What stays as it is keeps its lines and comments; of what changes, the comments above and behind its keys stay.
    """
    zones = [("zone", zone_table(one)) for one in plain["zones"]]
    wanted = zones + [("line", line_table(one)) for one in plain["lines"]]

    def change(text: str) -> str:
        config = parse_config(text.encode(), str(places.config_file))
        index = _index_of(config, camera_id)
        try:
            known = _known_tables(text, index)
            changed = with_tables(text, index, [_table_text(key, table, known) for key, table in wanted])
        except (tomlkit.exceptions.TOMLKitError, tomllib.TOMLDecodeError, LookupError) as error:
            raise beyond_us(places) from error
        expected = tomllib.loads(text)
        camera = {key: value for key, value in expected["camera"][index].items() if key not in ("zone", "line")}
        for key, table in wanted:
            camera.setdefault(key, []).append(table)
        expected["camera"][index] = camera
        if not _reads_as(changed, expected):
            raise beyond_us(places)
        return changed

    return edit_text(places, change, what=f"zones and lines of the camera {camera_id}")


def _known_tables(text: str, index: int) -> dict[tuple[str, str], str]:
    """The texts of the zones and lines of a camera by what they are and their id."""
    known = {}
    for block in table_texts(text, index):
        [(key, [table])] = tomllib.loads(f"[[camera]]\n{block}")["camera"][0].items()
        known[key, table["id"]] = block
    return known


def _table_text(key: str, table: dict[str, Any], known: Mapping[tuple[str, str], str]) -> str:
    """The text of a zone or line: that which is there, with what changed in it, or a new one."""
    text = known.get((key, table["id"]))
    doc = tomlkit.parse(f"{text or f'[[camera.{key}]]'}\n")
    inner: Any = doc["camera"][key][0]
    for name in [*inner]:
        if name not in table:
            del inner[name]
    for name, value in table.items():
        if name not in inner or inner[name] != value:
            inner[name] = value
    return tomlkit.dumps(doc).strip("\n")


def set_value(places: Places, table: str, key: str, value: Value | None) -> Config:
    """Set one key of a table such as ``web``; None removes it."""

    def change(doc: tomlkit.TOMLDocument, _config: Config) -> None:
        if table not in doc:
            doc[table] = tomlkit.table()
        put_value(doc[table], key, value)

    return edit_document(places, change)


def replace_file(places: Places, text: str, may_replace: Callable[[str], bool]) -> Config:
    """Write a whole new file. ``may_replace`` sees the old text under the lock; false leaves it (DENIED)."""

    def change(old: str) -> str:
        if old.strip() and not may_replace(old):
            raise ConfigError(
                f"{places.config_file} was written by a person and is not overwritten.",
                kind=ErrorKind.DENIED,
                next_step="Use another folder, or change the file by hand.",
                exit_code=ExitCode.REFUSED,
            )
        return text

    return edit_text(places, change, must_be_valid=False)


def undo(places: Places) -> str:
    """Take back the newest change of the file; what it was. Raises ConfigError (``settings.no_undo``)."""
    taken: list[str] = []

    def change(text: str) -> str:
        step = find_last(places.config_file, text.encode())
        if step is None:
            raise nothing_to_undo()
        taken.append(step.what)
        return step.before

    edit_text(places, change, must_be_valid=False, is_undo=True)
    return taken[0]


def edit_document(
    places: Places,
    change: Callable[[tomlkit.TOMLDocument, Config], None],
    *,
    what: str = "",
    check: Callable[[bytes], None] | None = None,
) -> Config:
    """Change the file as a document of tomlkit; ``what`` and ``check`` as in ``edit_text``."""

    def change_text(text: str) -> str:
        config = parse_config(text.encode(), str(places.config_file))
        try:
            doc = tomlkit.parse(text)
            change(doc, config)
            changed = tomlkit.dumps(doc)
            is_faithful = tomllib.loads(changed) == doc.unwrap()
        except (tomlkit.exceptions.TOMLKitError, tomllib.TOMLDecodeError, KeyError) as error:
            raise beyond_us(places) from error
        if not is_faithful:
            raise beyond_us(places)
        return changed

    return edit_text(places, change_text, what=what, check=check)


def edit_text(
    places: Places,
    change: Callable[[str], str],
    *,
    must_be_valid: bool = True,
    what: str = "",
    check: Callable[[bytes], None] | None = None,
    is_undo: bool = False,
) -> Config:
    """Change the text of the file, under its lock; the configuration as it is then. ``check`` sees the bytes before and
    may refuse; ``what`` is remembered with the change, so that it can be taken back. Raises ConfigError."""
    file = places.config_file
    try:
        if not file.parent.is_dir():
            make_private_folder(file.parent)
        with _locked(file.parent):
            data = read_config_file(places, may_lack=True) or b""
            if check is not None:
                check(data)
            if must_be_valid:
                parse_config(data, str(file))
            text = change(data.decode("utf-8-sig", errors="strict" if must_be_valid else "replace")).encode()
            config = parse_changed(text, str(file))
            _write(file, text)
            if is_undo:
                forget_last(file)
            elif text != data:
                remember(file, data, text, what or "a change of the settings")
            return config
    except PermissionError as error:
        raise ConfigError(
            f"{file} may not be changed by this user.",
            kind=ErrorKind.DENIED,
            next_step="Run the command as the user of the service, or with sudo.",
            exit_code=ExitCode.DENIED,
        ) from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}; it is as before.") from error


def parse_changed(text: bytes, file: str) -> Config:
    """The configuration that a change made. Raises ConfigError, without the places in a file that nobody wrote."""
    try:
        return parse_config(text, file)
    except InvalidConfigError as error:
        what = "; ".join(f"{p.key}: {p.what}" if p.key else p.what for p in error.mistakes)
        wrongs = [(_last_key(p.key), p.what) for p in error.mistakes]
        raise WrongValueError(f"{what}.", wrongs, next_step=f"{file} was not changed.") from error


def _last_key(key: str) -> str:
    """Without the places in lists: ``cameras`` of ``arm.away.cameras.0``."""
    return next((one for one in reversed(re.split(r"[.:] ?", key)) if not one.isdigit()), "")


def _write(file: Path, data: bytes) -> None:
    """Replace the file; a service that runs as another user than root must still be able to read it."""
    owner = file.stat() if file.exists() else file.parent.stat()
    mode = owner.st_mode & 0o777 if file.exists() else _FILE_MODE
    write_atomic(file, data, mode)
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.chown(file, owner.st_uid, owner.st_gid)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock the folder itself: the file is replaced by each change, so a lock on it would be on the old one."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + LOCK_WAIT_S
        while not _try_lock(fd):
            if time.monotonic() >= deadline:
                raise ConfigError(
                    f"Another program has been changing the configuration in {folder} for {LOCK_WAIT_S:.0f} s.",
                    kind=ErrorKind.TRANSIENT,
                    next_step="Try again.",
                    exit_code=ExitCode.BUSY,
                )
            Stop().wait(0.02)
        yield
    finally:
        os.close(fd)


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _index_of(config: Config, camera_id: str) -> int:
    for index, camera in enumerate(config.cameras):
        if camera.id == camera_id:
            return index
    raise no_such_camera(camera_id, config)


def no_such_camera(camera_id: str, config: Config) -> ConfigError:
    """The error of all who look for a camera that is not there."""
    known = ", ".join(camera.id for camera in config.cameras)
    return ConfigError(
        f'There is no camera "{camera_id}".',
        next_step=f"There are: {known}" if known else "There are none yet; add one with: vigilar camera add",
        exit_code=ExitCode.NOT_FOUND,
    )


def _camera_tables(doc: tomlkit.TOMLDocument) -> AoT | Array:
    tables = doc["camera"]
    if isinstance(tables, (AoT, Array)):
        return tables
    raise KeyError("camera")


def _reads_as(text: str, expected: dict[str, Any]) -> bool:
    """Whether ``text`` means ``expected``; no cameras and an empty list of them are the same."""
    try:
        return {"camera": [], **tomllib.loads(text)} == {"camera": [], **expected}
    except tomllib.TOMLDecodeError:
        return False


def put_value(table: Any, key: str, value: Value | list[str] | None) -> None:
    """Set a key of a table of tomlkit; None removes it."""
    if value is not None:
        table[key] = value
    elif key in table:
        del table[key]


def beyond_us(places: Places) -> ConfigError:
    """The error for a file that is right and that we cannot change without harm."""
    return ConfigError(
        f"{places.config_file} is written in a way this program cannot change safely; it is as before.",
        next_step="Change it by hand, then: vigilar config validate",
    )
