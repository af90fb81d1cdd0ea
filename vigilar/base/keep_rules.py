"""How long recordings stay, as the settings say: plain values that the processes and the pages share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

AUTO_RESERVE_BYTES = 5_000_000_000
AUTO_RESERVE_SHARE = 20
"""Without a setting: 5 GB, on a disk below 100 GB a twentieth of it."""

LEAST_RESERVE_BYTES = 64 * 1024 * 1024
LEAST_RESERVE_SHARE = 5
"""Whatever is set: four times what the recorders themselves leave free, so that the oldest footage goes while they
still write; on a very small disk a fifth of it."""


@dataclass(frozen=True, slots=True)
class CameraKeep:
    """What one camera has of its own; None: as the house."""

    camera_id: str
    quota_bytes: int | None = None
    keep_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRules:
    """What may stay. ``quota_bytes`` and ``keep_ms`` None: as much, as long as there is space.

    ``reserve_bytes`` stay free on the disk; None: as AUTO_RESERVE_BYTES says. ``keep_alarms_ms`` is for footage of
    alarms. The footage of an event is its span with ``before_ms`` before it and ``after_ms`` behind it.
    """

    quota_bytes: int | None = None
    reserve_bytes: int | None = None
    keep_ms: int | None = None
    keep_alarms_ms: int = 90 * 86_400_000
    before_ms: int = 5_000
    after_ms: int = 10_000
    cameras: tuple[CameraKeep, ...] = ()

    def reserve_of(self, total_bytes: int) -> int:
        """The bytes that stay free on a disk of ``total_bytes``."""
        wanted = self.reserve_bytes
        if wanted is None:
            wanted = min(AUTO_RESERVE_BYTES, total_bytes // AUTO_RESERVE_SHARE)
        return max(wanted, min(LEAST_RESERVE_BYTES, total_bytes // LEAST_RESERVE_SHARE))

    def keep_of(self, camera_id: str) -> int | None:
        """Milliseconds that the camera's recordings stay; None: as long as there is space."""
        own = self._own(camera_id)
        return self.keep_ms if own is None or own.keep_ms is None else own.keep_ms

    def quota_of(self, camera_id: str) -> int | None:
        """Bytes of the camera alone; None: it has no quota of its own."""
        own = self._own(camera_id)
        return None if own is None else own.quota_bytes

    def _own(self, camera_id: str) -> CameraKeep | None:
        return next((one for one in self.cameras if one.camera_id == camera_id), None)

    def dump(self) -> dict[str, Any]:
        """As it travels to a running process."""
        return asdict(self)

    @classmethod
    def parse(cls, plain: Mapping[str, Any]) -> Self:
        """From ``dump``."""
        return cls(**{**plain, "cameras": tuple(CameraKeep(**one) for one in plain["cameras"])})
