"""Cuts the jobs of the processes out of the configuration: what each must know, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from vigilar.base.errors import ConfigError
from vigilar.config.addresses import is_rtsp, with_login
from vigilar.config.jobs import BrokerPlan, BusLogin, BusLogins, CameraInfo, CameraJob, EventsJob, HouseJobs, WebJob
from vigilar.config.models import Camera, Config
from vigilar.config.places import Places
from vigilar.config.secrets import SecretStore
from vigilar.config.values import box_time_zone

DemoClips = Mapping[str, tuple[Path, Path]]
"""The main and the sub clip of each demo scene, by its name."""


def cut_jobs(
    config: Config,
    places: Places,
    bus: BusLogins,
    demo_clips: DemoClips,
    camera_uuids: Mapping[str, bytes] | None = None,
    node_id: str = "",
    refused: Mapping[str, str] | None = None,
) -> HouseJobs:
    """All jobs. A camera that cannot run (its login is missing) becomes a problem, and the others run. ``refused`` are
    cameras, by id, that cannot run for a reason of the database, as a sentence.

    Raises ConfigError only when nothing can run: the login of the broker or the database is missing.
    """
    jobs, problems = [], []
    for camera in config.cameras:
        if not camera.enabled:
            continue
        if refused and camera.id in refused:
            problems.append(f"{camera.name}: {refused[camera.id]}")
            continue
        try:
            uuid = (camera_uuids or {}).get(camera.id, b"")
            jobs.append(make_camera_job(config, camera, places, bus, demo_clips, uuid, node_id))
        except ConfigError as error:
            problems.append(f"{camera.name}: {error}")
    return HouseJobs(
        cameras=tuple(jobs),
        events=make_events_job(config, places, bus, node_id),
        web=make_web_job(config, places, bus, node_id),
        broker=make_broker_plan(config, places),
        problems=tuple(problems),
    )


def make_camera_job(
    config: Config,
    camera: Camera,
    places: Places,
    bus: BusLogins,
    demo_clips: DemoClips,
    camera_uuid: bytes = b"",
    node_id: str = "",
) -> CameraJob:
    """The job of one camera. Raises ConfigError when its login or its demo scene is not there."""
    main_url, sub_url = camera_urls(camera, SecretStore(places.secrets_dir), demo_clips)
    return CameraJob(
        camera_id=camera.id,
        name=camera.name,
        camera_uuid=camera_uuid,
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
        data_dir=places.data_dir,
        secrets_dir=places.secrets_dir,
        run_dir=places.run_dir,
        database_url=database_url(config, places),
        bus_host=bus.host,
        bus_port=bus.port,
        bus_user=bus.camera.user,
        bus_password=bus.camera.password,
        log_level=config.log.level.upper(),
        node_id=node_id,
    )


def make_events_job(config: Config, places: Places, bus: BusLogins, node_id: str = "") -> EventsJob:
    return EventsJob(
        data_dir=places.data_dir,
        secrets_dir=places.secrets_dir,
        run_dir=places.run_dir,
        database_url=database_url(config, places),
        bus_host=bus.host,
        bus_port=bus.port,
        bus_user=bus.events.user,
        bus_password=bus.events.password,
        cameras=camera_infos(config),
        log_level=config.log.level.upper(),
        node_id=node_id,
    )


def make_web_job(config: Config, places: Places, bus: BusLogins, node_id: str = "") -> WebJob:
    return WebJob(
        config_file=places.config_file,
        data_dir=places.data_dir,
        secrets_dir=places.secrets_dir,
        run_dir=places.run_dir,
        database_url=database_url(config, places),
        bus_host=bus.host,
        bus_port=bus.port,
        bus_user=bus.web.user,
        bus_password=bus.web.password,
        listen=config.web.listen,
        port=config.web.port,
        names=config.web.names,
        house_name=config.house.name,
        time_zone=box_time_zone() if config.house.time_zone == "auto" else config.house.time_zone,
        cameras=camera_infos(config),
        log_level=config.log.level.upper(),
        node_id=node_id,
    )


def make_broker_plan(config: Config, places: Places) -> BrokerPlan:
    """Raises ConfigError when the login of an external broker is not there."""
    bus = config.bus
    if bus.login is None:
        return BrokerPlan(is_own=bus.broker == "own", host=bus.host, port=bus.port)
    login = SecretStore(places.secrets_dir).get_login(secret_name(bus.login))
    return BrokerPlan(is_own=False, host=bus.host, port=bus.port, user=login.user, password=login.password)


def shared_logins(plan: BrokerPlan) -> BusLogins:
    """The logins at an external broker: the owner gave one for all."""
    login = BusLogin(plan.user, plan.password)
    return BusLogins(host=plan.host, port=plan.port, camera=login, events=login, web=login)


def camera_infos(config: Config) -> tuple[CameraInfo, ...]:
    return tuple(
        CameraInfo(
            camera.id, camera.name, camera.small is not None or camera.address.startswith("demo:"), camera.enabled
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
    if not storage.database_url:
        return f"sqlite:///{places.data_dir / 'vigilar.db'}"
    if storage.login is None:
        return storage.database_url
    login = SecretStore(places.secrets_dir).get_login(secret_name(storage.login))
    scheme, _, rest = storage.database_url.partition("://")
    return f"{scheme}://{quote(login.user, safe='')}:{quote(login.password, safe='')}@{rest}"


def secret_name(reference: str) -> str:
    """``secret:front-door`` names the secret ``front-door``."""
    return reference.removeprefix("secret:")


def _with_login(address: str, user: str, password: str) -> str:
    return with_login(address, user, password) if is_rtsp(address) else address
