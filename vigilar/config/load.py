"""Reading the configuration file: bytes in, a checked ``Config`` or all that is wrong with it out."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from vigilar.base.errors import ConfigError, ErrorKind, ExitCode
from vigilar.config.areas import check_areas
from vigilar.config.explain import ALREADY_GIVEN, explain_errors, explain_toml
from vigilar.config.models import Camera, Config
from vigilar.config.notify_cut import check_notify
from vigilar.config.places import Places
from vigilar.config.positions import Loc, Position, find_positions, where

MAX_FILE_BYTES = 1 << 20
"""No house has a megabyte of settings; what is bigger is another file."""

_AT = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_KEY_AT_START = re.compile(r"""\s*(?P<key>[A-Za-z0-9_."' -]*?)\s*=""")
_VALIDATE = "Correct the file, then look again with: vigilar config validate"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong: where, which key (empty: the text itself), and the end of a sentence about it."""

    file: str
    position: Position
    key: str
    what: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.position.line}:{self.position.column}"
        return f"{place}: {self.key}: {self.what}" if self.key else f"{place}: {self.what}"


class InvalidConfigError(ConfigError):
    """All that is wrong with a file; the message has one line for each mistake, in the order of the file."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda one: one.position))
        super().__init__("\n".join(map(str, self.mistakes)), next_step=_VALIDATE)


def load_config(places: Places) -> Config:
    """The configuration in force. A file that is missing, and that nobody named, means the defaults and no cameras.

    Raises ConfigError (InvalidConfigError when the content is wrong): NOT_FOUND, DENIED or CONFIG tell them apart.
    """
    data = read_config_file(places)
    return Config() if data is None else parse_config(data, str(places.config_file))


def read_config_file(places: Places, *, may_lack: bool = False) -> bytes | None:
    """The bytes of the file; None when it is missing and may be. Raises ConfigError when it cannot be read."""
    path = places.config_file
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        if places.may_lack_config or may_lack:
            return None
        raise ConfigError(
            f"There is no configuration file {path}.",
            next_step="Name another one with --config, or leave it out to use the defaults.",
            exit_code=ExitCode.NOT_FOUND,
        ) from None
    except PermissionError as error:
        raise ConfigError(
            f"The configuration file {path} may not be read by this user.",
            kind=ErrorKind.DENIED,
            next_step="Run the command as the user of the service, or with sudo.",
            exit_code=ExitCode.DENIED,
        ) from error
    except OSError as error:
        raise ConfigError(f"The configuration file {path} cannot be read: {error.strerror}.") from error
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"The configuration file {path} is larger than 1 MiB; this is another file.")
    return data


def parse_config(data: bytes, file: str) -> Config:
    """Check everything. Raises InvalidConfigError with all mistakes found; a syntax error comes alone."""
    text = _decode(data, file)
    raw = _parse_toml(text, file)
    try:
        config = Config.model_validate(raw)
        wrong = list(_check_whole(config))
    except ValidationError as error:
        wrong = list(explain_errors(error))
    if wrong:
        positions = find_positions(text)
        raise InvalidConfigError(Mistake(file, where(positions, loc), name_of(loc, raw), what) for loc, what in wrong)
    return config


def name_of(loc: Loc, raw: dict[str, Any]) -> str:
    """How a person names the place: ``web.port``, or ``camera "Front door": address``."""
    if len(loc) >= 2 and loc[0] == "camera" and isinstance(loc[1], int):
        return _row_name("camera", raw.get("camera"), loc[1], loc[2:])
    if len(loc) >= 3 and loc[:2] == ("notify", "rule") and isinstance(loc[2], int):
        notify = raw.get("notify")
        return _row_name("rule", notify.get("rule") if isinstance(notify, dict) else None, loc[2], loc[3:])
    return ".".join(map(str, loc))


def _row_name(what: str, listed: object, index: int, rest: Loc) -> str:
    table = listed[index] if isinstance(listed, list) and index < len(listed) else {}
    name = table.get("name") if isinstance(table, dict) else None
    readable = isinstance(name, str) and name.isprintable() and 0 < len(name) <= 60
    who = f'{what} "{name}"' if readable else f"{what} {index + 1}"
    return ": ".join([who, ".".join(map(str, rest))]) if rest else who


def _decode(data: bytes, file: str) -> str:
    start = Position(1, 1)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InvalidConfigError([Mistake(file, start, "", "the file is UTF-16; save it as UTF-8")])
    data = data.removeprefix(codecs.BOM_UTF8)
    if data and not data.strip(b"\0"):
        raise InvalidConfigError(
            [Mistake(file, start, "", "the file holds nothing but zero bytes; it was cut off while written")]
        )
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line, column = _position_in(data[: error.start].decode("utf-8"))
        raise InvalidConfigError(
            [Mistake(file, Position(line, column), "", "this is not UTF-8; save the file as UTF-8")]
        ) from None


def _parse_toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise InvalidConfigError([Mistake(file, Position(1, 1), "", "lists or tables are nested too deeply")]) from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidConfigError([_syntax_mistake(text, file, str(error))]) from None
    except ValueError:  # not a TOMLDecodeError: a number of thousands of digits
        raise InvalidConfigError([Mistake(file, Position(1, 1), "", "there is a number no machine can hold")]) from None


def _syntax_mistake(text: str, file: str, message: str) -> Mistake:
    at = _AT.search(message)
    what = explain_toml(message[: at.start()] if at else message)
    if at and at["line"]:
        line, column = int(at["line"]), int(at["column"])
    else:
        line, column = _position_in(text.rstrip("\n"))
        if what != ALREADY_GIVEN:
            what = "the file ends in the middle of something; was it cut off?"
    found = _KEY_AT_START.match(text.split("\n")[line - 1])
    if what == ALREADY_GIVEN and found:
        return Mistake(file, Position(line, found.start("key") + 1), found["key"], what)
    has_key = found and "bracket" not in what and "cut off" not in what
    return Mistake(file, Position(line, column), found["key"] if found and has_key else "", what)


def _position_in(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _check_whole(config: Config) -> Iterator[tuple[Loc, str]]:
    """What no table can see alone."""
    first: dict[str, Camera] = {}
    for index, camera in enumerate(config.cameras):
        other = first.setdefault(camera.id, camera)
        if other is not camera:
            key = "id" if camera.given_id else "name"
            what = f'"{camera.id}" is already the id of the camera "{other.name}"; give this one an id of its own'
            yield ("camera", index, key), what
        if (found := check_areas(camera.zones, camera.lines)) is not None:
            table, number, wrong = found
            yield ("camera", index, table, number, "id"), wrong
    yield from check_notify(config)
    if config.detect.enabled:
        return
    never = "needs motion detection, which [detect] enabled = false turns off; it would never record"
    if config.recording.mode != "always":
        yield ("recording", "mode"), never
    for index, camera in enumerate(config.cameras):
        if camera.record not in (None, "always"):
            yield ("camera", index, "record"), never
