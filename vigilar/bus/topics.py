"""Topic names of the bus: ``docs/architecture/overview.md`` lists who publishes and who listens."""

from __future__ import annotations


class Topics:
    """Names are fixed: owners' scripts rely on them."""

    EVENTS_PUBLISHED = "vigilar/events/published"
    SYSTEM_HEALTH = "vigilar/system/health"
    UPKEEP_FACT = "vigilar/system/upkeep"
    NOTIFY_FACT = "vigilar/system/notify"
    BACKUP_FACT = "vigilar/system/backup"
    PROOF_FACT = "vigilar/proof/fact"
    PROOF_CHECKPOINT = "vigilar/proof/checkpoint"
    """Retained: who subscribes gets the newest at once."""

    SYSTEM_JOB = "vigilar/system/job"
    ARM_STATE = "vigilar/system/arm_state"
    ARM_REQUEST = "vigilar/system/arm_request"
    ARM_CHANGED = "vigilar/system/arm_changed"
    SIREN = "vigilar/siren/command"
    PHONE_HEARD = "vigilar/phone/heard"
    """A paired phone spoke to the pages: where on the network it is now."""

    UPS_STATUS = "vigilar/ups/status"
    """Retained: who subscribes hears at once how the house is supplied."""

    CAMERA_ANY_HEALTH = "vigilar/camera/+/health"
    CAMERA_ANY_OBJECT = "vigilar/camera/+/object"

    @staticmethod
    def motion_start(camera_id: str) -> str:
        return f"vigilar/camera/{camera_id}/motion/start"

    @staticmethod
    def motion_end(camera_id: str) -> str:
        return f"vigilar/camera/{camera_id}/motion/end"

    @staticmethod
    def camera_fact(camera_id: str) -> str:
        return f"vigilar/camera/{camera_id}/fact"

    @staticmethod
    def camera_object(camera_id: str) -> str:
        """What is seen right now, with boxes: for who watches; not an event, and not kept."""
        return f"vigilar/camera/{camera_id}/object"

    @staticmethod
    def camera_visit(camera_id: str) -> str:
        """What a motion turned out to be."""
        return f"vigilar/camera/{camera_id}/visit"

    @staticmethod
    def camera_track(camera_id: str) -> str:
        """One object from its first to its last box."""
        return f"vigilar/camera/{camera_id}/track"

    @staticmethod
    def camera_health(camera_id: str) -> str:
        return f"vigilar/camera/{camera_id}/health"

    @staticmethod
    def camera_heartbeat(camera_id: str) -> str:
        return f"vigilar/camera/{camera_id}/heartbeat"

    @staticmethod
    def camera_retry(camera_id: str) -> str:
        """A command: try now to reach the camera, do not wait for the next try."""
        return f"vigilar/camera/{camera_id}/command/retry"

    @staticmethod
    def camera_record(camera_id: str) -> str:
        """A command: record for a while, whatever moves."""
        return f"vigilar/camera/{camera_id}/command/record"

    @staticmethod
    def camera_command(camera_id: str) -> str:
        """All commands to one camera."""
        return f"vigilar/camera/{camera_id}/command/#"

    @staticmethod
    def sensor(sensor_id: str, kind: str) -> str:
        """What a sensor tells: ``contact``, ``motion``, ``temperature``, ..."""
        return f"vigilar/sensor/{sensor_id}/{kind}"

    @staticmethod
    def ups(kind: str) -> str:
        """What the UPS told: ``power_loss``, ``low_battery``, ``critical``, ``restored``, ..."""
        return f"vigilar/ups/{kind}"

    @staticmethod
    def scene(name: str) -> str:
        """What a rule asks the owner's own programs to do."""
        return f"vigilar/scene/{name}"

    @staticmethod
    def pet_location(name: str) -> str:
        """Where a pet was seen last, retained; ``name`` is the slug of its name."""
        return f"vigilar/pets/{name}/location"

    @staticmethod
    def presence(member: str) -> str:
        """Whether a member is at home; ``member`` is the slug of the name."""
        return f"vigilar/presence/{member}"


class HomeTopics:
    """What is published for Home Assistant, in words of its own. ``house`` are the first eight digits of the folder's
    id: two boxes may share a broker."""

    STATUS = "homeassistant/status"
    """Home Assistant says there whether it is there."""

    ANY_CONFIG = "homeassistant/device/+/config"
    ALL = "vigilar-ha/#"
    ANY_ARM = "vigilar-ha/+/house/arm/set"

    @staticmethod
    def config(device_id: str) -> str:
        """What a device is, retained; empty: it is no more."""
        return f"homeassistant/device/{device_id}/config"

    @staticmethod
    def availability(house: str) -> str:
        return f"vigilar-ha/{house}/status"

    @staticmethod
    def of_house(house: str, what: str) -> str:
        return f"vigilar-ha/{house}/house/{what}"

    @staticmethod
    def of_camera(house: str, camera_id: str, what: str) -> str:
        return f"vigilar-ha/{house}/camera/{camera_id}/{what}"

    @staticmethod
    def of_sensor(house: str, sensor_id: str, what: str) -> str:
        return f"vigilar-ha/{house}/sensor/{sensor_id}/{what}"


def matches(pattern: str, topic: str) -> bool:
    """True when ``topic`` is one of those that ``pattern`` asks for (MQTT 3.1.1, 4.7: ``+`` is one level, ``#`` at the
    end all that follow, also none). An empty level is no name of anything here, so ``+`` does not stand for it."""
    wanted, given = pattern.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted.pop()
        given = given[: len(wanted)]
    return len(wanted) == len(given) and all(
        one == other or (one == "+" and other) for one, other in zip(wanted, given, strict=True)
    )
