"""Topic names of the bus: ``docs/architecture/overview.md`` lists who publishes and who listens."""

from __future__ import annotations


class Topics:
    """Names are fixed: owners' scripts rely on them."""

    EVENTS_PUBLISHED = "vigilar/events/published"
    SYSTEM_HEALTH = "vigilar/system/health"
    CAMERA_ANY_MOTION = "vigilar/camera/+/motion/+"
    CAMERA_ANY_FACT = "vigilar/camera/+/fact"
    CAMERA_ANY_HEALTH = "vigilar/camera/+/health"

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
    def camera_health(camera_id: str) -> str:
        return f"vigilar/camera/{camera_id}/health"

    @staticmethod
    def camera_heartbeat(camera_id: str) -> str:
        return f"vigilar/camera/{camera_id}/heartbeat"

    @staticmethod
    def camera_command(camera_id: str) -> str:
        """All commands to one camera."""
        return f"vigilar/camera/{camera_id}/command/#"
