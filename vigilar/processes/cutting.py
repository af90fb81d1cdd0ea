"""The plan of the house: one job a process, each cut as the row of its kind says.

Runs in the short-lived process that reads the configuration (``plan``), never in the supervisor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vigilar.base.errors import ConfigError
from vigilar.bus.accounts import OWNER, Account
from vigilar.config.cut import CutSource, camera_infos, recognises
from vigilar.config.jobs import BrokerPlan, HouseJobs, PlannedProcess
from vigilar.config.models import Camera, Config
from vigilar.processes.kinds import ProcessKind, load_function


def cut_house(kinds: Iterable[ProcessKind], source: CutSource, broker: BrokerPlan) -> HouseJobs:
    """The whole plan. A camera that cannot run (its login is missing) becomes a problem, and the others run.

    Raises ConfigError only when nothing can run: the login of the database is missing.
    """
    config = source.config
    processes: dict[str, PlannedProcess] = {}
    problems: list[str] = []
    for kind in kinds:
        if kind.is_per_camera:
            for camera in _enabled(config):
                try:
                    processes |= _cut(kind, source, camera)
                except ConfigError as error:
                    problems.append(f"{camera.name}: {error}")
        elif kind.cut:
            processes |= _cut(kind, source)
    return HouseJobs(
        processes=processes,
        broker=broker,
        cameras=camera_infos(config),
        page=(config.web.listen, config.web.port),
        log_level=config.log.level.upper(),
        looks_for_motion=config.detect.enabled and any(_enabled(config)),
        recognises=recognises(source),
        problems=tuple(dict.fromkeys(problems)),
    )


def _cut(kind: ProcessKind, source: CutSource, camera: Camera | None = None) -> dict[str, PlannedProcess]:
    """One process by its name; none when the house does without. ConfigError as the function of the row."""
    camera_id, title = (camera.id, kind.title_for(camera.name)) if camera else ("", kind.title_for())
    login = source.bus.of(kind.account(camera_id))
    job = load_function(kind.cut)(source, login, *((camera,) if camera else ()))
    return {} if job is None else {kind.process(camera_id): PlannedProcess(title, job)}


def list_accounts(
    kinds: Iterable[ProcessKind], camera_ids: Iterable[str], zigbee2mqtt: str = "zigbee2mqtt"
) -> list[Account]:
    """The accounts of our own broker: one a process that says or hears something, and the owner's."""
    cameras = list(camera_ids)
    made = [
        Account(account, _named(kind.says, camera_id, zigbee2mqtt), _named(kind.hears, camera_id, zigbee2mqtt))
        for kind in kinds
        for camera_id in (cameras if kind.is_per_camera else [""])
        if (account := kind.account(camera_id))
    ]
    return [*made, OWNER]


def _named(topics: tuple[str, ...], camera_id: str, zigbee2mqtt: str) -> tuple[str, ...]:
    return tuple(topic.replace("{camera_id}", camera_id).replace("{zigbee2mqtt}", zigbee2mqtt) for topic in topics)


def _enabled(config: Config) -> Iterator[Camera]:
    return (camera for camera in config.cameras if camera.enabled)
