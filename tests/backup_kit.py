"""What tests of backups share: a house with sealed recordings and rows of its own, and a target on another disk."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.ready_store import database_url, open_ready_store
from tests.small_disk import mounted_small_disk
from vigilar.base.clock import SimulatedClock, boot_id
from vigilar.base.folder_id import make_folder_id
from vigilar.base.stop import Stop
from vigilar.config.jobs import BackupJob
from vigilar.processes.backup_work import BackupRuns
from vigilar.record.folders import FOLDERS, day_of
from vigilar.store import files
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, StoredEvent, insert_event
from vigilar.store.files import Content
from vigilar.vge.claim import CONTENT_OF
from vigilar.vge.format import CloseReason
from vigilar.vge.key_store import add_recovery_key
from vigilar.vge.keys import KeyRing, save_sheet
from vigilar.vge.recovery import Sheet, make_recovery_key, sheet_id_of
from vigilar.vge.signing import BoxKey
from vigilar.vge.writer import FileSpec, VgeWriter

NOW_NS = 1_770_000_000_000_000_000
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
SETTINGS = b'[house]\nname = "Maple St 4"\n'


@dataclass(slots=True)
class BackupHouse:
    """A house in ``data_dir``, its keys, its sheet, and ``nas``, a disk of its own."""

    data_dir: Path
    nas: Path
    store: Store
    node_id: str
    sheet: Sheet
    clock: SimulatedClock
    numbers: dict[tuple[str, Content], int] = field(default_factory=dict)
    links: dict[tuple[str, Content], bytes] = field(default_factory=dict)

    @property
    def secrets_dir(self) -> Path:
        return self.data_dir / "secrets"

    @property
    def now_ms(self) -> int:
        return self.clock.utc_ns() // 1_000_000

    def job(self, **changes: Any) -> BackupJob:
        given: dict[str, Any] = {
            "data_dir": self.data_dir,
            "secrets_dir": self.secrets_dir,
            "run_dir": self.data_dir / "run",
            "database_url": database_url(self.data_dir),
            "bus_host": "127.0.0.1",
            "bus_port": 1,
            "bus_user": "",
            "bus_password": "",
            "node_id": self.node_id,
            "config_file": self.data_dir / "vigilar.toml",
            "target": str(self.nas),
        }
        return BackupJob(**{**given, **changes})

    def runs(self, stop: Stop | None = None, **changes: Any) -> BackupRuns:
        return BackupRuns(self.job(**changes), self.store, self.clock, stop or Stop())

    def record(
        self,
        camera_id: str = "front",
        *,
        ago_s: float,
        length_s: float = 300.0,
        size: int = 3000,
        content: Content = "video",
    ) -> files.FileRow:
        """A sealed file that began ``ago_s`` ago, with its row."""
        camera = ensure_camera(self.store, camera_id, camera_id.title(), 1, self.node_id)
        number = self.numbers[camera_id, content] = self.numbers.get((camera_id, content), 0) + 1
        start_ns = self.clock.utc_ns() - round(ago_s * 1e9)
        end_ns = start_ns + round(length_s * 1e9)
        name = f"{FOLDERS[content]}/{camera_id}/{day_of(start_ns)}/{number}.vge"
        path = self.data_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        link = self.links.get((camera_id, content), bytes(32))
        spec = FileSpec(camera.uuid, number, CONTENT_OF[content], start_ns, 1, boot_id(), link, 1000)
        writer = VgeWriter.create(path, spec, KeyRing.load(self.secrets_dir))
        writer.append_init(b"init", utc_ns=start_ns, mono_ns=1)
        for at in range(0, size, 1 << 20):
            data = os.urandom(min(1 << 20, size - at))
            writer.append_media(data, utc_ns=start_ns, mono_ns=1, duration_ms=round(length_s * 1000))
        closed = writer.close(CloseReason.ROLLOVER, utc_ns=end_ns, mono_ns=2)
        self.links[camera_id, content] = closed.link
        new = files.NewFile(
            camera_id=camera_id, content=content, number=number, path=name, start_ms=start_ns // 1_000_000
        )
        file_id = files.add_file(self.store, new)
        files.close_file(
            self.store, file_id, state="closed", end_ms=end_ns // 1_000_000, size_bytes=closed.size_bytes,
            plaintext_bytes=closed.plaintext_bytes, record_count=closed.record_count, link=closed.link,
            reason="rollover",
        )  # fmt: skip
        row = files.get_file(self.store, file_id)
        assert row is not None
        return row

    def event(
        self, camera_id: str = "front", *, ago_s: float, kind: str = "motion", severity: str = "INFO", length_s: int = 5
    ) -> StoredEvent:
        ts_ms = self.now_ms - round(ago_s * 1000)
        new = NewEvent(
            uid=secrets.token_hex(8), type=kind, severity=severity, source_id=camera_id, ts_ms=ts_ms,
            end_ms=ts_ms + length_s * 1000,
        )  # fmt: skip
        stored = insert_event(self.store, new, now_ms=self.now_ms)
        assert stored is not None
        return stored

    def told(self) -> list[str]:
        """Kinds of what became, or will become, an event."""
        with self.store.sql_read("test") as run:
            rows = run("SELECT payload FROM outbox WHERE topic = 'vigilar/system/backup' ORDER BY seq")
        return [str(json.loads(row[0])["kind"]) for row in rows]

    def at_target(self) -> set[str]:
        """Names of all files there but the copies of the house and the mark."""
        found = {str(one.relative_to(self.nas)) for one in self.nas.rglob("*") if one.is_file()}
        return {name for name in found if not name.startswith("house/") and name != "vigilar-backup.json"}

    def is_same(self, row: files.FileRow) -> bool:
        return (self.data_dir / row.path).read_bytes() == (self.nas / row.path).read_bytes()


@contextmanager
def backup_house(folder: Path, *, with_sheet: bool = True, nas_mib: int = 160) -> Iterator[BackupHouse]:
    data_dir = folder / "house"
    data_dir.mkdir()
    (data_dir / "vigilar.toml").write_bytes(SETTINGS)
    sheet = Sheet.make()
    secrets_dir = data_dir / "secrets"
    KeyRing.load_or_create(secrets_dir)
    BoxKey.load_or_create(secrets_dir)
    if with_sheet:
        add_recovery_key(secrets_dir, lambda number: make_recovery_key(sheet.public, number))
        save_sheet(secrets_dir, sheet.public, sheet_id_of(sheet.public))
    with mounted_small_disk(folder / "nas", nas_mib) as nas, closing(open_ready_store(data_dir)) as store:
        yield BackupHouse(data_dir, nas, store, make_folder_id(data_dir), sheet, SimulatedClock(NOW_NS))
