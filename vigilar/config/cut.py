"""Cuts the jobs of the processes out of the configuration: what each must know, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vigilar.base.database_note import find_stand_in
from vigilar.base.errors import ConfigError
from vigilar.base.keep_rules import CameraKeep, KeepRules
from vigilar.base.models_folder import has_model
from vigilar.base.wildlife_rules import WildlifeRules
from vigilar.config.addresses import is_network, with_login
from vigilar.config.areas import dump_areas
from vigilar.config.film_models import OFF
from vigilar.config.guard_cut import arm_rules, sensors_listener
from vigilar.config.jobs import (
    BackupJob,
    BrokerPlan,
    BusLogin,
    BusLogins,
    CameraInfo,
    CameraJob,
    DailyFilm,
    DetectorJob,
    EventsJob,
    GpioLine,
    NotifyJob,
    SensorsJob,
    UpkeepJob,
    UpsJob,
    WebJob,
    WorkJob,
)
from vigilar.config.models import Camera, Config
from vigilar.config.notify_cut import notify_rules
from vigilar.config.places import Places
from vigilar.config.secrets import SecretStore
from vigilar.config.way_cut import dump_ways, way_lanes, way_logins

DemoClips = Mapping[str, tuple[Path, Path]]
"""The main and the sub clip of each demo scene, by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutSource:
    """What jobs are cut from. ``camera_uuids`` and ``node_id`` come from database and data folder; ``refused`` are
    cameras, by id, that cannot run for a reason of the database, as a sentence. ``has_door``: HAProxy stands before the
    pages."""

    config: Config
    places: Places
    bus: BusLogins
    demo_clips: DemoClips = field(default_factory=dict)
    camera_uuids: Mapping[str, bytes] = field(default_factory=dict)
    node_id: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)
    has_door: bool = False

    def shared(self, login: BusLogin) -> dict[str, Any]:
        """The fields of ProcessJob, which every job has."""
        return {
            "data_dir": self.places.data_dir,
            "secrets_dir": self.places.secrets_dir,
            "run_dir": self.places.run_dir,
            "database_url": database_url(self.config, self.places),
            "bus_host": self.bus.host,
            "bus_port": self.bus.port,
            "bus_user": login.user,
            "bus_password": login.password,
            "log_level": self.config.log.level.upper(),
            "node_id": self.node_id,
        }


def make_camera_job(source: CutSource, login: BusLogin, camera: Camera) -> CameraJob:
    """The job of one camera. Raises ConfigError when its login or its demo scene is not there, or it is refused."""
    if camera.id in source.refused:
        raise ConfigError(source.refused[camera.id])
    config = source.config
    main_url, sub_url = camera_urls(camera, SecretStore(source.places.secrets_dir), source.demo_clips)
    return CameraJob(
        **source.shared(login),
        camera_id=camera.id,
        name=camera.name,
        camera_uuid=source.camera_uuids.get(camera.id, b""),
        main_url=main_url,
        sub_url=sub_url,
        recording_mode=config.mode_of(camera),
        detect=config.detect.enabled,
        sensitivity=config.sensitivity_of(camera),
        before_s=config.recording.before_s,
        after_s=config.recording.after_s,
        segment_s=config.recording.segment_s,
        sound=config.sound_of(camera),
        transport=camera.transport,
        allow_public=camera.allow_public,
        max_bps=camera.max_rate,
        own_ports=own_ports(config),
        zones=dump_areas(camera.zones, camera.lines),
        objects=recognises(source),
    )


def recognises(source: CutSource) -> bool:
    """Whether what moves is to be recognised, and a model is there to do it."""
    detect = source.config.detect
    return detect.enabled and detect.objects and has_model(source.places.data_dir)


def make_detector_job(source: CutSource, login: BusLogin) -> DetectorJob | None:
    """None without a model, or where nothing is to be recognised."""
    if not recognises(source):
        return None
    return DetectorJob(**source.shared(login), budget_cores=source.config.detect.budget_cores)


def own_ports(config: Config) -> tuple[int, ...]:
    """Where this box itself can be asked: no camera is there."""
    ports = {config.web.port, config.bus.port} if config.bus.broker == "own" else {config.web.port}
    return tuple(sorted(ports - {0}))


def make_events_job(source: CutSource, login: BusLogin) -> EventsJob:
    config = source.config
    return EventsJob(
        **source.shared(login),
        cameras=camera_infos(config),
        copy_to=config.proof.copy_to,
        arm=arm_rules(config),
        wildlife=wildlife_rules(config),
    )


def wildlife_rules(config: Config) -> WildlifeRules:
    return WildlifeRules(
        enabled=config.wildlife.enabled,
        back_after_ms=config.wildlife.new_or_back_after,
        motion_only=frozenset(one.id for one in config.cameras if config.mode_of(one) == "motion"),
        set_aside=frozenset(one.id for one in config.cameras if not one.enabled),
        place=config.house.place,
        time_zone=config.house.zone_name,
    )


def make_sensors_job(source: CutSource, login: BusLogin) -> SensorsJob | None:
    """None for a house without sensors that looks for no phones. Raises ConfigError when the login of the owner's
    broker is not there."""
    config, wanted = source.config, source.config.sensors
    on_bus = config.bus.broker == "external" and "zigbee2mqtt" in wanted.model_fields_set
    hears = on_bus or bool(wanted.host or wanted.listen)
    if not (hears or wanted.gpio or config.presence.enabled):
        return None
    own = None
    if wanted.login is not None:
        own = SecretStore(source.places.secrets_dir).get_login(secret_name(wanted.login))
    return SensorsJob(
        **source.shared(login),
        topic=wanted.zigbee2mqtt if hears else "",
        host=wanted.host or "",
        port=wanted.port,
        user=own.user if own else "",
        password=own.password if own else "",
        gpio=tuple(GpioLine(one.name, one.chip, one.line, one.kind, one.active, one.pull) for one in wanted.gpio),
        silent_after_ms=wanted.silent_after,
        low_battery=wanted.low_battery,
        looks_for_phones=config.presence.enabled,
        away_after_s=config.presence.away_after_s,
    )


def make_web_job(source: CutSource, login: BusLogin) -> WebJob:
    config, ups = source.config, source.config.ups
    return WebJob(
        **source.shared(login),
        config_file=source.places.config_file,
        listen=config.web.listen,
        port=config.web.port,
        names=config.web.names,
        proxies=config.web.proxies,
        certificate=config.web.certificate or "",
        key=config.web.key or "",
        https_only=config.web.https_only,
        has_door=source.has_door,
        house_name=config.house.name,
        time_zone=config.house.zone_name,
        cameras=camera_infos(config),
        rules=keep_rules(config),
        arm=arm_rules(config),
        notify=notify_rules(config),
        push_hosts=config.notify.push.hosts,
        ways=way_lanes(config),
        wants_objects=config.detect.enabled and config.detect.objects,
        power=(ups.shed_below, round(ups.shed_runtime_s), ups.stop_below) if ups.name else None,
        backup_to=config.backup.target,
        backup_late_ms=config.backup.late_after,
        looks_for_phones=config.presence.enabled,
        wall_pictures=config.wall.pictures,
        broker_encrypted=config.bus.broker == "own" and (config.sensors.tls or config.home_assistant.tls),
        wildlife=wildlife_rules(config),
    )


def make_notify_job(source: CutSource, login: BusLogin) -> NotifyJob:
    config = source.config
    return NotifyJob(
        **source.shared(login),
        notify=notify_rules(config),
        shows_names=config.notify.lock_screen == "names",
        push_hosts=config.notify.push.hosts,
        push_ca_file=config.notify.push.ca_file or "",
        ways=dump_ways(config, SecretStore(source.places.secrets_dir)),
    )


def make_upkeep_job(source: CutSource, login: BusLogin) -> UpkeepJob:
    return UpkeepJob(**source.shared(login), rules=keep_rules(source.config))


def make_ups_job(source: CutSource, login: BusLogin) -> UpsJob | None:
    """None for a house without a UPS. Raises ConfigError when its password is not there."""
    ups = source.config.ups
    if ups.address is None:
        return None
    name, host, port = ups.address
    password = ""
    if ups.password is not None:
        password = SecretStore(source.places.secrets_dir).get_login(secret_name(ups.password)).password
    return UpsJob(
        **source.shared(login),
        ups_name=name,
        host=host,
        port=port,
        user=ups.user or "",
        password=password,
        shed_below=ups.shed_below,
        shed_runtime_s=ups.shed_runtime_s,
        stop_below=ups.stop_below,
    )


def make_backup_job(source: CutSource, login: BusLogin) -> BackupJob | None:
    """None for a house without a backup. A login that is not there is the backup's trouble, not the house's: it is
    left empty, and its server refuses it."""
    config, wanted = source.config, source.config.backup
    if not wanted.target:
        return None
    password, key = backup_login(config, source.places)
    around = keep_rules(config)
    return BackupJob(
        **source.shared(login),
        config_file=source.places.config_file,
        target=wanted.target,
        host_key=wanted.host_key,
        password=password,
        key=key,
        time_zone=config.house.zone_name,
        at_min=wanted.at_min,
        every_s=wanted.every_s or 0.0,
        only_events=wanted.what == "events",
        keep_ms=wanted.keep or 0,
        limit_bps=wanted.limit or 0,
        late_after_ms=wanted.late_after,
        drill_ms=wanted.drill,
        before_ms=around.before_ms,
        after_ms=around.after_ms,
    )


def backup_login(config: Config, places: Places) -> tuple[str, str]:
    """Password and private key for the server of the backup, empty where there are none: never log or show them."""
    if config.backup.login is None:
        return "", ""
    try:
        found = SecretStore(places.secrets_dir).get(secret_name(config.backup.login))
    except ConfigError:
        return "", ""
    return found.get("password", ""), found.get("key", "")


CLIP_BEFORE_MS, CLIP_AFTER_MS = 5_000, 10_000
"""What the clip of an event shows around it: kept with the event, however little is recorded around motion."""


def keep_rules(config: Config) -> KeepRules:
    """How long recordings stay."""
    storage, recording = config.storage, config.recording
    return KeepRules(
        quota_bytes=storage.quota,
        reserve_bytes=storage.reserve,
        keep_ms=storage.keep,
        keep_alarms_ms=storage.keep_alarms,
        before_ms=max(CLIP_BEFORE_MS, round(recording.before_s * 1000)),
        after_ms=max(CLIP_AFTER_MS, round(recording.after_s * 1000)),
        cameras=tuple(
            CameraKeep(camera.id, camera.quota, camera.keep)
            for camera in config.cameras
            if camera.quota is not None or camera.keep is not None
        ),
    )


def make_work_job(source: CutSource, login: BusLogin) -> WorkJob:
    config = source.config
    return WorkJob(
        **source.shared(login),
        house_name=config.house.name,
        time_zone=config.house.zone_name,
        cameras=camera_infos(config),
        areas=tuple((one.id, dump_areas(one.zones, one.lines)) for one in config.cameras if one.zones),
        films=daily_films(config),
    )


def daily_films(config: Config) -> tuple[DailyFilm, ...]:
    reels, lapses = config.reels, config.timelapse
    found = [
        DailyFilm(kind="reel", at_min=reels.daily_min, length_s=round(reels.length_s)),
        DailyFilm(
            kind="timelapse",
            at_min=lapses.daily_min,
            length_s=round(lapses.length_s),
            cameras=lapses.cameras,
            smart=lapses.smart,
        ),
    ]
    return tuple(one for one in found if one.at_min != OFF)


def make_broker_plan(config: Config, places: Places) -> BrokerPlan:
    """Raises ConfigError when the login of an external broker is not there."""
    bus = config.bus
    if bus.login is None:
        return BrokerPlan(is_own=bus.broker == "own", host=bus.host, port=bus.port, sensors=sensors_listener(config))
    login = SecretStore(places.secrets_dir).get_login(secret_name(bus.login))
    return BrokerPlan(is_own=False, host=bus.host, port=bus.port, user=login.user, password=login.password)


def shared_logins(plan: BrokerPlan) -> BusLogins:
    """The login at an external broker: the owner gave one for all."""
    return BusLogins(host=plan.host, port=plan.port, shared=BusLogin(plan.user, plan.password))


def camera_infos(config: Config) -> tuple[CameraInfo, ...]:
    return tuple(
        CameraInfo(
            camera.id,
            camera.name,
            camera.small is not None or camera.address.startswith("demo:"),
            camera.enabled,
            camera.place or "",
        )
        for camera in config.cameras
    )


def camera_urls(camera: Camera, secrets: SecretStore, demo_clips: DemoClips) -> tuple[str, str | None]:
    """Main and sub address as they are opened, with the login in them: never log or show what this returns."""
    if camera.address.startswith("demo:"):
        scene = camera.address.removeprefix("demo:")
        if scene not in demo_clips:
            raise ConfigError(f'The demo scene "{scene}" was not made.')
        main, sub = demo_clips[scene]
        return f"file:{main}", f"file:{sub}"
    if camera.login is None:
        return camera.address, camera.small
    login = secrets.get_login(secret_name(camera.login))
    small = camera.small and _with_login(camera.small, login.user, login.password)
    return _with_login(camera.address, login.user, login.password), small


def database_url(config: Config, places: Places) -> str:
    """The address of the database, with its login: never log or show it. Raises ConfigError when that is not there."""
    storage = config.storage
    if not storage.database_url or storage.database_url.startswith("sqlite:"):
        stand_in = find_stand_in(places.data_dir)
        if stand_in is not None:
            return f"sqlite:///{stand_in}"
    return own_database_url(config, places)


def own_database_url(config: Config, places: Places) -> str:
    """As the settings say, whatever stands in for it now. Raises ConfigError as ``database_url``."""
    storage = config.storage
    if not storage.database_url:
        return f"sqlite:///{places.data_dir / 'vigilar.db'}"
    if storage.login is None:
        return storage.database_url
    login = SecretStore(places.secrets_dir).get_login(secret_name(storage.login))
    scheme, _, rest = storage.database_url.partition("://")
    return f"{scheme}://{quote(login.user, safe='')}:{quote(login.password, safe='')}@{rest}"


def used_secrets(config: Config) -> frozenset[str]:
    """The names of all secrets that the settings refer to, whether they are stored or not."""
    house = [config.bus.login, config.storage.login, config.sensors.login, config.ups.password, config.backup.login]
    house.append(config.home_assistant.login)
    logins = [*house, *way_logins(config), *(camera.login for camera in config.cameras)]
    return frozenset(secret_name(login) for login in logins if login is not None)


def secret_name(reference: str) -> str:
    """``secret:front-door`` names the secret ``front-door``."""
    return reference.removeprefix("secret:")


def _with_login(address: str, user: str, password: str) -> str:
    return with_login(address, user, password) if is_network(address) else address
