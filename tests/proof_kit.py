"""A box with recordings made by the real recorder, for tests of what is found when somebody changes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.recording_kit import START_UTC_NS, Clip, bench
from vigilar.base.clock import SimulatedClock
from vigilar.base.folder_id import make_folder_id
from vigilar.cli.program import run
from vigilar.proof.check import Checked, Depth, FileCheck
from vigilar.proof.telling import Teller
from vigilar.record.recorder import RecorderSettings
from vigilar.store.deletions import FIRST_PREVIOUS, Deletion, hash_of
from vigilar.store.engine import Store
from vigilar.store.files import FileRow, get_file
from vigilar.store.nodes import claim_rows
from vigilar.vge.keys import KeyRing

T0 = START_UTC_NS // 1_000_000


@dataclass(slots=True)
class Box:
    """Files ``rows`` of the camera ``front``, oldest first, each of 2 s, all closed."""

    folder: Path
    store: Store
    node_id: str
    ring: KeyRing
    rows: list[FileRow]
    clock: SimulatedClock = field(default_factory=lambda: SimulatedClock(START_UTC_NS + 60 * 10**9, 10**9))

    def path(self, index: int) -> Path:
        return self.folder / self.rows[index].path

    def row(self, index: int) -> FileRow | None:
        return get_file(self.store, self.rows[index].id)

    def files(self) -> FileCheck:
        return FileCheck(self.store, self.node_id, self.folder, self.ring)

    def check(self, depth: Depth = Depth.ENDS) -> Checked:
        return self.files().run(depth)

    def verdicts(self, depth: Depth = Depth.ENDS) -> list[tuple[int, str]]:
        """Of each finding: which of ``rows``, and the verdict; the file before one has gone: "before"."""
        at = {row.id: index for index, row in enumerate(self.rows)}
        return [
            (at[one.row.id], "before" if one.is_of_before else one.outcome.value) for one in self.check(depth).findings
        ]

    def teller(self) -> Teller:
        return Teller(self.store, self.node_id, self.folder, self.clock)

    def told(self) -> list[dict[str, Any]]:
        """The messages that wait for the events process, oldest first."""
        with self.store.sql_read("read messages") as run_sql:
            return [json.loads(row[0]) for row in run_sql("SELECT payload FROM outbox ORDER BY seq")]

    def sql(self, statement: str, **values: object) -> None:
        """As somebody who has the database open."""
        with self.store.sql_write("change by hand") as run_sql:
            run_sql(statement, **values)

    def delete_by_rule(self, index: int) -> None:
        """As retention does: the row becomes one of the log of deletions, the file goes."""
        row = self.rows[index]
        with self.store.sql_read("read") as run_sql:
            newest = run_sql("SELECT hash FROM deletions ORDER BY id DESC LIMIT 1")
        new = Deletion(
            id=0, node_id=self.node_id, camera_id=row.camera_id, content=row.content, number=row.number, path=row.path,
            start_ms=row.start_ms, end_ms=row.end_ms or row.start_ms, size_bytes=row.size_bytes, link=row.link,
            why="age", created_ms=T0, done_ms=T0, previous=bytes(newest[0][0]) if newest else FIRST_PREVIOUS, hash=b"",
        )  # fmt: skip
        new = replace(new, hash=hash_of(new))
        names = [name for name in Deletion.__slots__ if name != "id"]
        self.sql(
            f"INSERT INTO deletions ({', '.join(names)}) VALUES ({', '.join(':' + n for n in names)})",  # noqa: S608
            **{name: getattr(new, name) for name in names},
        )
        self.sql("DELETE FROM files WHERE id = :id", id=row.id)
        self.path(index).unlink()

    def remove_by_hand(self, index: int) -> None:
        """The file and its row, as somebody does who wants no trace of it."""
        self.path(index).unlink()
        self.sql("DELETE FROM files WHERE id = :id", id=self.rows[index].id)

    def command(self, *args: str | Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
        """A command on this box: its exit code and what it printed."""
        code = run([*map(str, args), "--data-dir", str(self.folder)])
        return code, capsys.readouterr().out


@contextmanager
def recorded_box(folder: Path, clip: Clip, count: int = 4, goes_on_at: int | None = None) -> Iterator[Box]:
    """Record ``count`` files of 2 s each, one behind the other, in one run. ``goes_on_at``: from the half on with this
    number, as after a start that did not use those before it."""
    node_id = make_folder_id(folder)
    with bench(folder, RecorderSettings(segment_s=2.0)) as b:
        b.ring.add(clip.run())
        until_ns = int((2.0 * count - 0.05) * 1e9)
        packets = []
        for packet in clip.endless():
            if packet.mono_ns - clip.packets[0].mono_ns > until_ns:
                break
            packets.append(packet)
        half = len(packets) // 2
        b.feed(packets[:half])
        if goes_on_at is not None:
            b.file_store.chains["video"].add_block(goes_on_at)
        b.feed(packets[half:])
        b.recorder.finish()
        rows = b.rows()
        assert len(rows) == count
        claim_rows(b.store, node_id)
        yield Box(folder, b.store, node_id, b.keys, rows)
