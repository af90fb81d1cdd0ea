"""The last settings that were in use, beside the data: with them a house starts after a power cut though somebody left
a mistake in the file. It records on, and says which line is wrong.

Only for a file whose content is wrong. One that is missing or may not be read is another fault, and is said.
"""

from __future__ import annotations

from contextlib import suppress

from vigilar.base.atomic import write_atomic
from vigilar.config.load import InvalidConfigError, load_config, parse_config, read_config_file
from vigilar.config.models import Config
from vigilar.config.places import Places

NAME = "settings.last-good.toml"
"""In the data folder, for the service alone, as the file may name what is in the house."""


def keep_good(places: Places) -> None:
    """Remember the file as it is now; it was just put to use. One that somebody broke since then, while scenes were
    drawn or cameras made ready, is not remembered. Never fails: a house with a full disk runs on."""
    with suppress(OSError, InvalidConfigError):
        data = read_config_file(places, may_lack=True)
        place = places.data_dir / NAME
        if data is not None and (not place.exists() or place.read_bytes() != data):
            parse_config(data, str(place))
            write_atomic(place, data)


def load_in_force(places: Places) -> tuple[Config, str]:
    """The settings, and an empty text; while the file is wrong the last good ones, and what is wrong, a line for each
    mistake. Raises ConfigError when there are none to go by."""
    try:
        return load_config(places), ""
    except InvalidConfigError as error:
        config = _load_good(places)
        if config is None:
            raise
        return config, str(error)


def _load_good(places: Places) -> Config | None:
    """None when there is no such copy, or this version cannot use it either."""
    place = places.data_dir / NAME
    try:
        return parse_config(place.read_bytes(), str(place))
    except (OSError, InvalidConfigError):
        return None
