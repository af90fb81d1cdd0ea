"""Cuts rules out of the configuration, with the cameras in force, and checks what one table alone cannot see."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vigilar.base.notify_rules import Does, Hours, NotifyRules, Profile, Quiet, Rule
from vigilar.config.models import Camera, Config
from vigilar.config.positions import Loc
from vigilar.config.rule_defaults import FIRST_OF_YEAR
from vigilar.config.rule_models import RuleTable, near

_DOOR = re.compile(r"\b(doors?|doorbell|porch|entrance|entry|gate)\b", re.IGNORECASE)
"""What people call what is at a door, where the file does not say."""

_SEVERITY = {"background": "INFO", "notable": "WARNING", "alert": "ALERT", "critical": "CRITICAL"}


def notify_rules(config: Config) -> NotifyRules:
    """Rules as they are in force; an id of the file that no running camera has is left out."""
    notify = config.notify
    running = [camera for camera in config.cameras if camera.enabled]
    return NotifyRules(
        rules=tuple(cut_rule(config, one) for one in notify.rule if _is_wanted(config, one)),
        quiet=tuple(
            Quiet(hours=Hours(from_min=one.from_min, to_min=one.to_min, days=one.days), whom=one.whom)
            for one in notify.quiet
        ),
        profiles=tuple(
            Profile(whom=one.whom, place=one.place, modes=one.modes, least=one.least, per_day=one.per_day)
            for one in notify.profile
        ),
        per_day=notify.per_day,
        summary_min=notify.summary_min,
        time_zone=config.house.zone_name,
        camera_names={camera.id: camera.name for camera in config.cameras},
        doors=tuple(camera.id for camera in running if is_door(camera)),
        door_zones=tuple(
            (camera.id, zone.name)
            for camera in running
            for zone in camera.zones
            if zone.role == "include" and _DOOR.search(zone.name)
        ),
    )


def _is_wanted(config: Config, one: RuleTable) -> bool:
    """False for a rule about the first of the year alone in a house that does not want to be told of it."""
    return config.wildlife.push_first_of_year or one.when != (FIRST_OF_YEAR,)


def cut_rule(config: Config, one: RuleTable) -> Rule:
    """One rule with the cameras in force."""
    hours = None
    if one.from_min is not None and one.to_min is not None:
        hours = Hours(from_min=one.from_min, to_min=one.to_min, days=one.days)
    is_told = config.wildlife.push_first_of_year
    return Rule(
        name=one.name,
        when=tuple(word for word in one.when if is_told or word != FIRST_OF_YEAR),
        cameras=_cameras(config, one.cameras),
        place="" if isinstance(one.cameras, tuple) or one.cameras == "all" else one.cameras,
        zones=one.zones,
        sensors=one.sensors,
        least=_SEVERITY[one.least],
        modes=one.modes,
        presence="any" if one.home == "any" else "nobody-home" if one.home == "nobody" else "somebody-home",
        at_home=one.at_home,
        not_at_home=one.not_at_home,
        hours=hours,
        lasts_s=round(one.lasts_s),
        again_after_s=round(one.again_after_s),
        tell=one.tell,
        level=one.level,
        does=Does(
            keep=one.keep,
            record_s=round(one.record_s),
            siren=one.siren,
            light=one.light,
            webhook=one.webhook,
            scene=one.scene,
        ),
        enabled=one.enabled,
    )


def is_door(camera: Camera) -> bool:
    """Whether a camera looks at a door: as the file says, else by its name."""
    return bool(_DOOR.search(camera.name)) if camera.door is None else camera.door


def _cameras(config: Config, wanted: str | tuple[str, ...]) -> tuple[str, ...] | None:
    running = [camera for camera in config.cameras if camera.enabled]
    if isinstance(wanted, tuple):
        return tuple(camera.id for camera in running if camera.id in wanted)
    if wanted in ("all", "doors"):
        return None
    return tuple(camera.id for camera in running if camera.indoor == (wanted == "inside"))


def check_notify(config: Config) -> Iterator[tuple[Loc, str]]:
    """What is wrong with the rules as a whole: names that come twice, cameras and zones that are not there."""
    cameras = tuple(camera.id for camera in config.cameras)
    zones = tuple(dict.fromkeys(zone.name for camera in config.cameras for zone in camera.zones))
    seen: set[str] = set()
    for index, rule in enumerate(config.notify.rule):
        loc = ("notify", "rule", index)
        if rule.name.casefold() in seen:
            yield (*loc, "name"), f'is the name of another rule already: "{rule.name}"'
        seen.add(rule.name.casefold())
        for camera in rule.cameras if isinstance(rule.cameras, tuple) else ():
            if camera not in cameras:
                yield (*loc, "cameras"), f'names "{camera}", which {near(camera, cameras)}'
        for zone in rule.zones:
            if zone not in zones:
                yield (*loc, "zones"), f'names "{zone}", which {near(zone, zones)}'
