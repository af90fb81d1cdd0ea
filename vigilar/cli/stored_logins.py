"""The logins that the settings name: which are missing, and by which command each is stored."""

from __future__ import annotations

from vigilar.base.errors import ConfigError
from vigilar.config.cut import secret_name, used_secrets
from vigilar.config.models import Config
from vigilar.config.secrets import SecretStore


def missing_logins(config: Config, secrets: SecretStore) -> list[tuple[str, str]]:
    """What is wrong with each that cannot be read, and the command that stores it again."""
    found = []
    for name in sorted(used_secrets(config)):
        try:
            secrets.get_login(name)
        except ConfigError as error:
            found.append((str(error), _command(config, name)))
    return found


def _command(config: Config, name: str) -> str:
    for camera in config.cameras:
        if camera.login is not None and secret_name(camera.login) == name:
            return f"vigilar camera login {camera.id}"
    if config.ups.password is not None and secret_name(config.ups.password) == name:
        return "vigilar ups login --user NAME"
    if config.backup.login is not None and secret_name(config.backup.login) == name:
        return "vigilar backup login"
    return f"vigilar notify login {name}"
