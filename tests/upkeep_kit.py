"""What tests of retention share: a box with rows and files of recordings, small and real, and a keeper on a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.ready_store import open_ready_store
from vigilar.base.clock import SimulatedClock
from vigilar.base.folder_id import make_folder_id
from vigilar.base.keep_rules import KeepRules
from vigilar.record.folders import FOLDERS, day_of
from vigilar.store import files
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, StoredEvent, insert_event
from vigilar.store.files import Content
from vigilar.upkeep.keeper import Keeper, KeeperSettings

DAY_S = 86_400
NOW_NS = 1_770_000_000_000_000_000
NOW_MS = NOW_NS // 1_000_000
DAY_MS = DAY_S * 1000
MIB = 1024 * 1024
PLENTY = 1 << 50


@dataclass(slots=True)
class Box:
    """A data folder with a database. ``space`` is what the keeper sees of the disk: total and free bytes."""

    data_dir: Path
    store: Store
    node_id: str
    clock: SimulatedClock
    space: list[int]
    facts: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    numbers: dict[tuple[str, Content], int] = field(default_factory=dict)

    @property
    def now_ms(self) -> int:
        return self.clock.utc_ns() // 1_000_000

    def keeper(self, rules: KeepRules, beat: Callable[[], None] = lambda: None) -> Keeper:
        settings = KeeperSettings(self.data_dir, self.node_id)
        return Keeper(
            settings, rules, self.store, self.clock, lambda *fact: self.facts.append(fact), beat=beat,
            look_for_space=lambda _folder: (self.space[0], self.space[1]),
        )  # fmt: skip

    def record(
        self,
        camera_id: str = "front",
        *,
        ago_s: float,
        length_s: float = 300.0,
        size: int = 1000,
        content: Content = "video",
        is_open: bool = False,
    ) -> int:
        """A file that began ``ago_s`` ago, with its row; the row's id."""
        ensure_camera(self.store, camera_id, camera_id.title(), 1, self.node_id)
        number = self.numbers[camera_id, content] = self.numbers.get((camera_id, content), 0) + 1
        start_ms = self.now_ms - round(ago_s * 1000)
        name = f"{FOLDERS[content]}/{camera_id}/{day_of(start_ms * 1_000_000)}/{number}.vge"
        path = self.data_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(min(size, 4096)))
        file_id = files.add_file(
            self.store,
            files.NewFile(camera_id=camera_id, content=content, number=number, path=name, start_ms=start_ms),
        )
        if not is_open:
            files.close_file(
                self.store, file_id, state="closed", end_ms=start_ms + round(length_s * 1000), size_bytes=size,
                plaintext_bytes=size, record_count=1, link=number.to_bytes(32, "big"), reason="rollover",
            )  # fmt: skip
        return file_id

    def add_rows(self, count: int) -> list[int]:
        """Rows of closed recordings of a second each, the first an hour ago, whose files are gone already; their
        ids."""
        ensure_camera(self.store, "front", "Front", 1, self.node_id)
        with self.store.sql_write("test") as run:
            for number in range(1, count + 1):
                start_ms = self.now_ms - 3_600_000 + number * 1000
                run(
                    "INSERT INTO files (node_id, camera_id, content, number, path, start_ms, end_ms, state, size_bytes)"
                    " VALUES (:node_id, 'front', 'video', :number, :path, :start_ms, :end_ms, 'closed', 1)",
                    node_id=self.node_id,
                    number=number,
                    path=f"footage/front/2026-01-01/{number}.vge",
                    start_ms=start_ms,
                    end_ms=start_ms + 1000,
                )
            return [int(row[0]) for row in run("SELECT id FROM files ORDER BY id")]

    def event(
        self,
        camera_id: str = "front",
        *,
        ago_s: float,
        length_s: float = 10.0,
        kind: str = "motion",
        severity: str = "INFO",
        still_id: int | None = None,
    ) -> StoredEvent:
        ts_ms = self.now_ms - round(ago_s * 1000)
        new = NewEvent(
            uid=f"{camera_id}{ts_ms}{kind}", type=kind, severity=severity, source_id=camera_id, ts_ms=ts_ms,
            end_ms=ts_ms + round(length_s * 1000), still_id=still_id,
        )  # fmt: skip
        stored = insert_event(self.store, new, now_ms=self.now_ms)
        assert stored is not None
        return stored

    def left(self, content: Content = "video") -> list[int]:
        """Ids of the files whose rows are there, in the order of time; each of them is on the disk, and no other is."""
        with self.store.sql_read("test") as run:
            rows = run("SELECT id, path, content FROM files ORDER BY start_ms, id")
        on_disk = {str(path.relative_to(self.data_dir)) for path in self.data_dir.glob("*/*/*/*.vge")}
        assert on_disk == {path for _, path, _ in rows}
        return [file_id for file_id, _, its in rows if its == content]


@contextmanager
def box(folder: Path) -> Iterator[Box]:
    with closing(open_ready_store(folder)) as store:
        yield Box(folder, store, make_folder_id(folder), SimulatedClock(NOW_NS), [PLENTY, PLENTY])
