"""Cuts what guards the house out of the configuration: arm rules with the cameras in force, sensors, presence."""

from __future__ import annotations

from vigilar.base.arm_rules import ALL, ARMED_MODES, ArmRules, Mode, ModeRules, ScheduleRow
from vigilar.config.guard_models import ArmMode, split_listen
from vigilar.config.jobs import LanWay
from vigilar.config.models import Config

_CAMERAS = {"home": "none", "night": "outside", "away": "all"}
"""Which cameras count where the file does not say."""


def arm_rules(config: Config) -> ArmRules:
    """What each mode counts, with the ids of the cameras that run; an id of the file that no camera has is left out."""
    arm = config.arm
    return ArmRules(
        modes=tuple(_mode(config, mode, getattr(arm, mode)) for mode in ARMED_MODES),
        schedules=tuple(
            ScheduleRow(
                mode=one.mode,
                from_min=one.from_min,
                to_min=one.to_min,
                days=one.days,
                only_if=one.only_if,
                enabled=one.enabled,
            )
            for one in arm.schedule
        ),
        alarm_s=round(arm.alarm_lasts_s),
        by_bus=arm.bus,
        suggest=arm.suggest,
        time_zone=config.house.zone_name,
    )


def _mode(config: Config, mode: Mode, given: ArmMode) -> ModeRules:
    arm, is_away = config.arm, mode == "away"
    leave_s = arm.leave_delay_s if is_away else 0.0
    sensors = "all" if given.sensors is None else given.sensors
    return ModeRules(
        mode=mode,
        cameras=_cameras(config, _CAMERAS[mode] if given.cameras is None else given.cameras),
        trigger=given.trigger or ("motion" if is_away else "person"),
        sensors=(ALL,) if sensors == "all" else () if sensors == "none" else tuple(sensors),
        motion_sensors=is_away if given.motion_sensors is None else given.motion_sensors,
        leave_s=round(leave_s if given.leave_delay_s is None else given.leave_delay_s),
        enter_s=round(arm.enter_delay_s if given.enter_delay_s is None else given.enter_delay_s),
    )


def _cameras(config: Config, wanted: str | tuple[str, ...]) -> tuple[str, ...]:
    running = [camera for camera in config.cameras if camera.enabled]
    if isinstance(wanted, tuple):
        return tuple(camera.id for camera in running if camera.id in wanted)
    if wanted == "none":
        return ()
    return tuple(camera.id for camera in running if wanted == "all" or not camera.indoor)


def sensors_listener(config: Config) -> LanWay | None:
    """Where our own broker listens for Zigbee2MQTT; None for nowhere."""
    if config.bus.broker != "own" or not config.sensors.listen:
        return None
    host, port = split_listen(config.sensors.listen)
    return LanWay(host, port, config.sensors.zigbee2mqtt, is_encrypted=config.sensors.tls)
