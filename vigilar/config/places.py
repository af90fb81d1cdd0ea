"""Where the configuration, the data and the secrets lie."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vigilar.base.house_file import house_file_name

DEFAULT_CONFIG_FILE = Path("/etc/vigilar/vigilar.toml")
DEFAULT_DATA_DIR = Path("/var/vigilar")
CONFIG_VARIABLE = "VIGILAR_CONFIG"
STATE_VARIABLE = "VIGILAR_STATE_DIR"
SYSTEM_STATE_DIR = Path("/var/lib/vigilar")


@dataclass(frozen=True, slots=True)
class Places:
    """Absolute paths of one installation.

    ``may_lack_config`` is true when nobody named a configuration file: a missing one then means the defaults and no
    cameras, because the owner of a house must not have to write a file first.
    """

    config_file: Path
    data_dir: Path
    secrets_dir: Path
    may_lack_config: bool = False

    @property
    def run_dir(self) -> Path:
        """Unix sockets of the running processes."""
        return self.data_dir / "run"

    @property
    def demo_dir(self) -> Path:
        """The made clips of the demo scenes."""
        return self.data_dir / "demo"

    @property
    def door_dir(self) -> Path:
        """Configuration and sockets of the door before the pages."""
        return self.data_dir / "door"

    @property
    def broker_dir(self) -> Path:
        """Configuration and memory of our own Mosquitto."""
        return self.data_dir / "broker"

    @property
    def lock_file(self) -> Path:
        """Locked by the one supervisor of this data folder; holds its process id."""
        return self.data_dir / "supervisor.lock"

    @property
    def house_file(self) -> Path:
        """What the house remembers of this data folder, outside of it."""
        return find_state_dir() / house_file_name(self.data_dir)


def find_places(
    config: Path | None = None, data_dir: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Places:
    """The places meant by ``--config``, ``--data-dir`` and ``VIGILAR_CONFIG``, in this order of weight.

    With ``--data-dir D`` all lies in D unless a configuration file is named; without it the places of an
    installation are used. Touches no disk.
    """
    named = config or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    if data_dir is not None:
        folder = data_dir.expanduser().absolute()
        file, secrets = folder / "vigilar.toml", folder / "secrets"
    else:
        folder, file, secrets = DEFAULT_DATA_DIR, DEFAULT_CONFIG_FILE, DEFAULT_CONFIG_FILE.parent / "secrets"
    if named is not None:
        file = named.expanduser().absolute()
    return Places(config_file=file, data_dir=folder, secrets_dir=secrets, may_lack_config=named is None)


def find_state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder for what must be known while the data folder is away. Touches no disk.

    ``VIGILAR_STATE_DIR``, else systemd's ``STATE_DIRECTORY``, else /var/lib/vigilar for root, else the user's own
    (XDG base directory specification).
    """
    if named := environ.get(STATE_VARIABLE):
        return Path(named).expanduser().absolute()
    if given := environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    if os.geteuid() == 0:
        return SYSTEM_STATE_DIR
    base = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "vigilar"
