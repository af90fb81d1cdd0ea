"""The kinds of values in the file that TOML does not have: times, sensitivity, names, references to secrets."""

from __future__ import annotations

import ipaddress
import os
import re
import zoneinfo
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from vigilar.base.errors import ConfigError
from vigilar.config.addresses import address_problem

MAX_NAME_CHARS = 60
ID_PATTERN = r"[a-z0-9][a-z0-9-]{0,39}"
"""Ids are parts of folder names and topics: ``base.ids.slug`` makes such ones."""
SECRET_NAME_PATTERN = r"[a-z0-9][a-z0-9._-]{0,63}"  # noqa: S105 -- the shape of a name

SENSITIVITY_WORDS = {"low": 0.25, "normal": 0.5, "high": 0.75}

_SIZE_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,3})?) ?(MB|GB|TB)", re.ASCII)

_RATE_UNITS = {"kbit/s": 10**3, "Mbit/s": 10**6}
_RATE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?(kbit/s|Mbit/s)", re.ASCII)

_KEEP_UNITS_MS = {"h": 3_600_000, "d": 86_400_000}
_KEEP = re.compile(r"(\d{1,6})(h|d)", re.ASCII)

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)", re.ASCII)


def refuse(what: str, key: str = "") -> PydanticCustomError:
    """An error whose text, the end of a sentence about the key, reaches the owner as it is.

    A check of a whole table names the ``key`` in it that is to blame.
    """
    return PydanticCustomError("plain", "{what}", {"what": what, "key": key})


def read_value(parse: Callable[[str], int], text: str, name: str) -> int:
    """``text`` by one of the functions here, for what does not stand in the file. ``name`` begins the sentence of the
    ConfigError that this raises."""
    try:
        return parse(text)
    except PydanticCustomError as error:
        raise ConfigError(f"{name} {error.message()}") from error


def parse_duration(value: object) -> float:
    """Seconds of a text such as ``"5s"``, ``"1.5m"``, ``"500ms"``, ``"1h"``."""
    if isinstance(value, str) and (parts := _DURATION.fullmatch(value.strip())):
        return float(parts[1]) * _UNITS_S[parts[2]]
    raise refuse('must be a time with its unit in quotes, such as "5s" or "2m"')


def dump_duration(seconds: float) -> str:
    """The shortest text that ``parse_duration`` reads back; whole milliseconds."""
    ms = round(seconds * 1000)
    for unit, unit_ms in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if ms and ms % unit_ms == 0:
            return f"{ms // unit_ms}{unit}"
    return f"{ms}ms" if ms else "0s"


def parse_size(value: object) -> int:
    """Bytes of a text such as ``"100 GB"``; units are powers of a thousand, as disks are sold."""
    if isinstance(value, str) and (parts := _SIZE.fullmatch(value.strip())):
        return round(float(parts[1]) * _SIZE_UNITS[parts[2]])
    raise refuse('must be a size with its unit in quotes, such as "100 GB" or "2 TB"')


def dump_size(size_bytes: int) -> str:
    """The shortest text that ``parse_size`` reads back; whole kilobytes."""
    unit = next((unit for unit in ("TB", "GB") if size_bytes >= _SIZE_UNITS[unit]), "MB")
    return f"{round(size_bytes / _SIZE_UNITS[unit], 3):.3f}".rstrip("0").rstrip(".") + f" {unit}"


def parse_rate(value: object) -> int:
    """Bits a second of a text such as ``"50 Mbit/s"``."""
    if isinstance(value, str) and (parts := _RATE.fullmatch(value.strip())):
        return round(float(parts[1]) * _RATE_UNITS[parts[2]])
    raise refuse('must be a rate with its unit in quotes, such as "50 Mbit/s"')


def dump_rate(bps: int) -> str:
    """The text that ``parse_rate`` reads back; whole bits a second."""
    return f"{bps / 1e6:.3f}".rstrip("0").rstrip(".") + " Mbit/s"


def check_rate(bps: int) -> int:
    if 1_000_000 <= bps <= 1_000_000_000:
        return bps
    raise refuse('must be between "1 Mbit/s" and "1000 Mbit/s"')


def parse_keep(value: object) -> int:
    """Milliseconds of a text such as ``"30d"`` or ``"12h"``."""
    if isinstance(value, str) and (parts := _KEEP.fullmatch(value.strip())):
        return int(parts[1]) * _KEEP_UNITS_MS[parts[2]]
    raise refuse('must be days or hours in quotes, such as "30d" or "12h"')


def dump_keep(ms: int) -> str:
    """The text that ``parse_keep`` reads back."""
    hours = ms // _KEEP_UNITS_MS["h"]
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"


def at_least_size(least: int) -> Callable[[int], int]:
    """A check that a size is not below ``least`` bytes, and not beyond any disk."""

    def check(size_bytes: int) -> int:
        if least <= size_bytes <= 10**18:
            return size_bytes
        raise refuse(f"must be at least {dump_size(least)}, and less than a million TB")

    return check


def _check_keep(ms: int) -> int:
    if _KEEP_UNITS_MS["h"] <= ms <= 36_500 * _KEEP_UNITS_MS["d"]:
        return ms
    raise refuse('must be between "1h" and "36500d"')


def between_s(least_s: float, most_s: float) -> Callable[[float], float]:
    """A check that a time lies between the two, both allowed."""

    def check(seconds: float) -> float:
        if least_s <= seconds <= most_s:
            return seconds
        raise refuse(f"must be between {dump_duration(least_s)} and {dump_duration(most_s)}")

    return check


def between_degrees(most: float) -> Callable[[float], float]:
    """A check that degrees lie between minus ``most`` and ``most``."""

    def check(degrees: float) -> float:
        if -most <= degrees <= most:
            return degrees
        raise refuse(f"must be between {-most:g} and {most:g}")

    return check


def at_least_days(least: int) -> Callable[[int], int]:
    """A check that a time in ms is not below so many days."""

    def check(ms: int) -> int:
        if ms >= least * _KEEP_UNITS_MS["d"]:
            return ms
        raise refuse(f'must be at least "{least}d"')

    return check


def parse_sensitivity(value: object) -> float:
    if isinstance(value, str) and value in SENSITIVITY_WORDS:
        return SENSITIVITY_WORDS[value]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise refuse('must be "low", "normal", "high" or a number from 0 to 1')


def dump_sensitivity(value: float) -> str | float:
    return next((word for word, number in SENSITIVITY_WORDS.items() if number == value), value)


LEAST_SHARE, MOST_SHARE = 0.05, 64


def parse_share(value: object) -> float:
    """Processors that may be used; 0 stands for ``auto``."""
    if value == "auto":
        return 0.0
    if isinstance(value, (int, float)) and not isinstance(value, bool) and LEAST_SHARE <= value <= MOST_SHARE:
        return float(value)
    raise refuse(f'must be "auto" or a number of processors from {LEAST_SHARE} to {MOST_SHARE}')


def dump_share(value: float) -> str | float:
    return value or "auto"


def box_time_zone(etc: Path = Path("/etc"), environ: Mapping[str, str] = os.environ) -> str:
    """The IANA name of this machine's time zone; ``UTC`` when it cannot be told.

    Sources: tzset(3), the variable ``TZ``, which is how a container is told; localtime(5), the link ``/etc/localtime``;
    Debian's ``/etc/timezone``.
    """
    link = etc / "localtime"
    found = [environ.get("TZ", "").removeprefix(":")]
    found += [link.readlink().as_posix().rpartition("zoneinfo/")[2]] if link.is_symlink() else []
    if (text := etc / "timezone").is_file():
        found.append(text.read_text(encoding="ascii", errors="replace").strip())
    return next((name for name in found if _is_time_zone(name)), "UTC")


def _is_time_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _check_time_zone(value: str) -> str:
    if value in ("auto", "UTC") or _is_time_zone(value):
        return value
    raise refuse('is no time zone this machine knows; write "auto" or a name such as "Europe/Berlin"')


def _check_name(value: str) -> str:
    name = value.strip()
    if not name or not name.isprintable():
        raise refuse("must be a name that can be read")
    if len(name) > MAX_NAME_CHARS:
        raise refuse(f"must have at most {MAX_NAME_CHARS} characters")
    return name


def _check_id(value: str) -> str:
    if re.fullmatch(ID_PATTERN, value):
        return value
    raise refuse("must be 1 to 40 small letters, digits and hyphens, beginning with a letter or digit")


def _check_address(value: str) -> str:
    if problem := address_problem(value):
        raise refuse(problem)
    return value


def _check_login(value: str) -> str:
    if value.startswith("secret:") and re.fullmatch(SECRET_NAME_PATTERN, value.removeprefix("secret:")):
        return value
    raise refuse('must be the name of a secret, "secret:NAME"; no login or password stands in this file')


def _check_listen(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise refuse('must be an address of this machine; "0.0.0.0" is all, "127.0.0.1" only itself') from None
    return value


def check_port(least: int) -> Callable[[int], int]:
    """A check that a number can be a port, from ``least`` on."""

    def check(port: int) -> int:
        if least <= port <= 65535:
            return port
        raise refuse(f"must be a port, {least} to 65535")

    return check


def _check_host(value: str) -> str:
    if value and len(value) <= 253 and re.fullmatch(r"[\w.:-]+", value):
        return value
    raise refuse("must be the name or the address of a machine, without port")


def _check_folder(value: str) -> str:
    if not value or (value.startswith("/") and value.isprintable()):
        return value
    raise refuse("must be the whole path of a folder, from / on")


def _check_ip(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise refuse("must be an IP address, such as 192.168.1.5") from None


def _check_file(value: str) -> str:
    if not value.startswith("/") or not value.isprintable():
        raise refuse("must be the whole path of a file, beginning with /")
    return value


def as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Seconds = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(dump_duration),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$"}),
]
ByteSize = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(dump_size),
    WithJsonSchema({"type": "string", "pattern": f"^{_SIZE.pattern}$"}),
]
BitRate = Annotated[
    int,
    BeforeValidator(parse_rate),
    AfterValidator(check_rate),
    PlainSerializer(dump_rate),
    WithJsonSchema({"type": "string", "pattern": f"^{_RATE.pattern}$"}),
]
Keep = Annotated[
    int,
    BeforeValidator(parse_keep),
    AfterValidator(_check_keep),
    PlainSerializer(dump_keep),
    WithJsonSchema({"type": "string", "pattern": f"^{_KEEP.pattern}$"}),
]
Sensitivity = Annotated[
    float,
    BeforeValidator(parse_sensitivity),
    PlainSerializer(dump_sensitivity),
    WithJsonSchema({"anyOf": [{"enum": list(SENSITIVITY_WORDS)}, {"type": "number", "minimum": 0, "maximum": 1}]}),
]
ProcessorShare = Annotated[
    float,
    BeforeValidator(parse_share),
    PlainSerializer(dump_share),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "number", "minimum": LEAST_SHARE, "maximum": MOST_SHARE}]}),
]
Name = Annotated[str, AfterValidator(_check_name)]
CameraId = Annotated[str, AfterValidator(_check_id), Field(json_schema_extra={"pattern": f"^{ID_PATTERN}$"})]
Address = Annotated[str, AfterValidator(_check_address)]
Login = Annotated[
    str, AfterValidator(_check_login), Field(json_schema_extra={"pattern": f"^secret:{SECRET_NAME_PATTERN}$"})
]
TimeZone = Annotated[str, AfterValidator(_check_time_zone)]
Listen = Annotated[str, AfterValidator(_check_listen)]
Host = Annotated[str, AfterValidator(_check_host)]
FolderPath = Annotated[str, AfterValidator(_check_folder)]
Hosts = Annotated[tuple[Host, ...], BeforeValidator(as_tuple)]
FilePath = Annotated[str, AfterValidator(_check_file)]
Addresses = Annotated[tuple[Annotated[str, AfterValidator(_check_ip)], ...], BeforeValidator(as_tuple)]


def takes(text: str) -> dict[str, Any]:
    """What a key takes, in the owner's words: goes into the schema and the reference page."""
    return {"x-takes": text}
