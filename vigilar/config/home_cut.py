"""Cuts what Home Assistant is shown out of the configuration."""

from __future__ import annotations

from vigilar.base.home_note import find_note
from vigilar.config.cut import CutSource, camera_infos, keep_rules, recognises, secret_name
from vigilar.config.guard_models import split_listen
from vigilar.config.jobs import BusLogin, HomeAssistantJob, LanWay
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.config.secrets import SecretStore


def make_home_assistant_job(source: CutSource, login: BusLogin) -> HomeAssistantJob | None:
    """None for a house without, once nothing is published any more. Raises ConfigError when the login of the owner's
    broker is not there."""
    config, wanted = source.config, source.config.home_assistant
    if not is_in_force(config, source.places):
        return None
    own = None
    if wanted.login is not None:
        own = SecretStore(source.places.secrets_dir).get_login(secret_name(wanted.login))
    running = tuple(one for one in camera_infos(config) if one.enabled)
    shown = tuple(one for one in running if one.id in wanted.cameras or not wanted.cameras)
    return HomeAssistantJob(
        **source.shared(login),
        is_enabled=wanted.enabled,
        host=wanted.host or "",
        port=wanted.port,
        user=own.user if own else "",
        password=own.password if own else "",
        house_name=config.house.name,
        cameras=shown,
        shows_all=not wanted.cameras,
        pictures=wanted.pictures,
        may_arm=wanted.arm,
        sensors=wanted.sensors,
        recognises=recognises(source),
        has_ups=bool(config.ups.name),
        has_backup=bool(config.backup.target),
        rules=keep_rules(config),
    )


def is_in_force(config: Config, places: Places) -> bool:
    """Whether something is published, or still to be taken away."""
    return config.home_assistant.enabled or find_note(places.data_dir) is not None


def home_assistant_listener(config: Config) -> LanWay | None:
    """Where our own broker listens for Home Assistant while that is in force; None for nowhere."""
    wanted = config.home_assistant
    if config.bus.broker != "own" or wanted.host is not None:
        return None
    host, port = split_listen(wanted.listen)
    return LanWay(host, port, is_encrypted=wanted.tls)
