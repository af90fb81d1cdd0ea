"""What the crash lab interrupts: short pieces of real work, each with its preparation and with what must hold after.

usage: python -m tests.system.crash_work

A server for ``crash_lab``: warm, so that each interrupted piece costs a fork and no imports. On standard input come
lines of JSON, ``{"work", "folder"}``; for each it forks, answers with the pid, and on the next line lets the child go;
its second answer is the child's end.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.proof_kit import recorded_box
from tests.ready_store import database_url
from tests.recording_kit import START_MONO_NS, START_UTC_NS, Clip, make_clip, probe_times
from vigilar.base.clock import Clock, SimulatedClock, SystemClock, boot_id
from vigilar.base.errors import VigilarError
from vigilar.base.folder_id import find_folder_id, make_folder_id
from vigilar.base.keep_rules import KeepRules
from vigilar.base.stop import Stop
from vigilar.config.edit import set_value
from vigilar.config.load import load_config
from vigilar.config.places import Places
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.processes.rescue import HouseDatabase
from vigilar.proof.adopt import Adopter
from vigilar.proof.check import Depth, FileCheck
from vigilar.record.file_store import QUARANTINE, FileStore, FileStoreSettings
from vigilar.record.recorder import Recorder, RecorderSettings
from vigilar.record.recovery import Recovery
from vigilar.record.ring import PacketRing
from vigilar.store.cameras import get_camera
from vigilar.store.connect import parse_url
from vigilar.store.engine import Store
from vigilar.store.migrate import upgrade
from vigilar.store.upgrade_copy import copies_folder, list_copies
from vigilar.upkeep.keeper import Keeper, KeeperSettings
from vigilar.vge.format import RecordType
from vigilar.vge.key_store import add_epoch
from vigilar.vge.keys import KeyRing
from vigilar.vge.places import sealed_files
from vigilar.vge.reader import VgeReader
from vigilar.vge.rewrap import is_moved, rewrap_files

LATER_NS = START_UTC_NS + 600 * 10**9
"""When the interrupted work runs: behind the recordings that are there."""

CONFIG = '[web]\nport = 49735\n\n[[camera]]\nname = "Front"\naddress = "rtsp://192.0.2.1/"\n'
REFUSED = 3
"""How a child ends whose work was refused in an orderly way: a VigilarError."""


@dataclass(frozen=True, slots=True)
class Work:
    """``prepare`` lays a folder; ``run`` is what is interrupted; ``judge`` makes good, twice, and names what is
    wrong: nothing may be."""

    prepare: Callable[[Path], None]
    run: Callable[[Path], None]
    judge: Callable[[Path], list[str]]


def clip_in(folder: Path) -> Clip:
    return make_clip(folder, seconds=4, fps=10, gop=10)


# A box with three recordings


def prepare_box(folder: Path) -> None:
    clips = folder.parent / "clips"
    clips.mkdir(parents=True, exist_ok=True)
    folder.mkdir()
    with recorded_box(folder, clip_in(clips), 3):
        pass
    with closing(sqlite3.connect(folder / "vigilar.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


def open_box(folder: Path) -> tuple[Store, str, KeyRing]:
    return Store.open(database_url(folder)), find_folder_id(folder) or "", KeyRing.load(folder / "secrets")


def file_store_of(folder: Path, store: Store, ring: KeyRing, clock: Clock) -> FileStore:
    camera = get_camera(store, "front")
    assert camera is not None
    return FileStore(FileStoreSettings("front", camera.uuid, folder, boot_id()), store, ring, clock)


def judge_box(folder: Path) -> list[str]:
    """Recover twice: the second time changes nothing; rows and files agree."""
    problems = []
    recover(folder)
    first = picture_of(folder)
    recover(folder)
    if picture_of(folder) != first:
        problems.append("the second recovery changed something")
    store, node_id, ring = open_box(folder)
    with closing(store):
        checked = FileCheck(store, node_id, folder, ring).run(Depth.DEEP)
        strangers = FileCheck(store, node_id, folder, ring).find_strangers()
        problems += [f"{one.row.path}: {one.outcome.value} {one.sentence}" for one in checked.findings]
        problems += [f"{path} has no row" for path in strangers]
    problems += [f"{path} holds pictures" for path in (folder / QUARANTINE).glob("*.vge") if has_pictures(path, ring)]
    return problems


def recover(folder: Path) -> None:
    store, node_id, ring = open_box(folder)
    with closing(store):
        clock = SimulatedClock(LATER_NS + 900 * 10**9, START_MONO_NS)
        recovery = Recovery(file_store_of(folder, store, ring, clock), store, lambda *_: None)
        assert recovery.run_once()
        camera = get_camera(store, "front")
        assert camera is not None
        assert Adopter(store, node_id, folder, ring, clock).run(camera)


def picture_of(folder: Path) -> tuple[Any, ...]:
    with closing(sqlite3.connect(folder / "vigilar.db")) as connection:
        rows = connection.execute("SELECT path, state, reason, size_bytes, link FROM files ORDER BY id").fetchall()
        gone = connection.execute("SELECT path, done_ms IS NULL FROM deletions ORDER BY id").fetchall()
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("**/*.vge")}
    return rows, gone, files


def has_pictures(path: Path, ring: KeyRing) -> bool:
    try:
        with VgeReader.open(path, ring) as reader:
            return any(one.type is RecordType.MEDIA for one in reader.entries)
    except VigilarError:
        return False


def run_record(folder: Path) -> None:
    """Five seconds in three files: number, header, folder, row, records, checkpoints, CLOSE, roll-over."""
    store, _, ring = open_box(folder)
    with closing(store):
        clock = SimulatedClock(LATER_NS, START_MONO_NS)
        file_store = file_store_of(folder, store, ring, clock)
        packets = PacketRing(5.0)
        recorder = Recorder(RecorderSettings(segment_s=2.0), packets, file_store, clock, lambda *_: None, FragmentMuxer)
        clip, late_ns = clip_in(folder.parent / "clips"), LATER_NS - START_UTC_NS
        run = clip.run()
        packets.add(replace(run, utc_ns=run.utc_ns + late_ns))
        for packet in clip.endless():
            if packet.mono_ns >= clock.mono_ns() + 200_000_000:
                clock.advance(0.2)
                recorder.run_once()
                file_store.rows.write_waiting()
            if packet.mono_ns > START_MONO_NS + 5 * 10**9:
                break
            packets.add(replace(packet, utc_ns=packet.utc_ns + late_ns))
        recorder.finish()
        file_store.rows.write_waiting()


LIVE_S = 6.0


def run_live(folder: Path) -> None:
    """Six seconds in real time, by the recorder's own thread; what was fed and told stands in ``live.json`` then."""
    store, _, ring = open_box(folder)
    with closing(store):
        clock, stop, facts = SystemClock(), Stop(), []
        file_store = file_store_of(folder, store, ring, clock)
        packets = PacketRing(5.0)
        recorder = Recorder(
            RecorderSettings(segment_s=3.0), packets, file_store, clock,
            lambda kind, *_: facts.append(kind), FragmentMuxer,
        )  # fmt: skip
        threads = [
            threading.Thread(target=recorder.run, args=(stop,)),
            threading.Thread(target=file_store.rows.run, args=(stop,)),
        ]
        for thread in threads:
            thread.start()
        count = feed_live(clip_in(folder.parent / "clips"), packets, clock, LIVE_S)
        stop.set()
        recorder.wake()
        file_store.rows.wake()
        for thread in threads:
            thread.join()
        (folder / "live.json").write_text(json.dumps({"fed": count, "facts": facts}))


def feed_live(
    clip: Clip, packets: PacketRing, clock: Clock, seconds: float, note: Callable[[float], None] = lambda _: None
) -> int:
    """Feed packets as a camera sends them; how many. ``note`` hears of each, in seconds of the recording."""
    start_s, count = time.monotonic(), 0
    utc_ns, mono_ns = clock.utc_ns() - START_UTC_NS, clock.mono_ns() - START_MONO_NS
    run = clip.run()
    packets.add(replace(run, utc_ns=run.utc_ns + utc_ns, mono_ns=run.mono_ns + mono_ns))
    for packet in clip.endless():
        at_s = (packet.mono_ns - START_MONO_NS) / 1e9
        if at_s >= seconds:
            break
        time.sleep(max(0.0, start_s + at_s - time.monotonic()))
        packets.add(replace(packet, utc_ns=packet.utc_ns + utc_ns, mono_ns=packet.mono_ns + mono_ns))
        note(at_s)
        count += 1
    return count


def judge_live(folder: Path) -> list[str]:
    """Nothing of what was fed is missing, and nothing was told."""
    told = json.loads((folder / "live.json").read_text())
    problems = judge_box(folder) + [f"it told {kind}" for kind in told["facts"]]
    ring, frames = KeyRing.load(folder / "secrets"), 0
    for path in folder.glob("footage/front/*/*.vge"):
        if int(path.stem) > 3:
            with VgeReader.open(path, ring) as reader:
                data = b"".join(reader.read_range(0, reader.plaintext_bytes))
            frames += len(probe_times(data, folder))
    return problems + ([] if frames == told["fed"] else [f"{frames} frames of {told['fed']} are there"])


def run_delete(folder: Path) -> None:
    """Retention lets the oldest go."""
    store, node_id, _ = open_box(folder)
    with closing(store):
        rules = KeepRules(quota_bytes=quota_for_two(folder))
        clock = SimulatedClock(LATER_NS, START_MONO_NS)
        settings = KeeperSettings(folder, node_id)
        Keeper(settings, rules, store, clock, lambda *_: None, look_for_space=lambda _: (1 << 50, 1 << 50)).turn()


def quota_for_two(folder: Path) -> int:
    """More than half at once would wait for somebody's word."""
    sizes = sorted(path.stat().st_size for path in folder.glob("footage/front/*/*.vge"))
    return sum(sizes[-2:]) + 100


def judge_delete(folder: Path) -> list[str]:
    run_delete(folder)
    problems = judge_box(folder)
    with closing(sqlite3.connect(folder / "vigilar.db")) as connection:
        gone = connection.execute("SELECT path, done_ms FROM deletions").fetchall()
    problems += [f"{path} is deleted and there" for path, _ in gone if (folder / path).exists()]
    problems += [f"the deletion of {path} is not done" for path, done_ms in gone if done_ms is None]
    return problems


def run_rewrap(folder: Path) -> None:
    """A new key epoch, and all recordings moved to it."""
    add_epoch(folder / "secrets")
    rewrap_files(sealed_files(folder), KeyRing.load(folder / "secrets"))


def judge_rewrap(folder: Path) -> list[str]:
    ring = KeyRing.load(folder / "secrets")
    problems = []
    for path in sealed_files(folder):
        try:
            VgeReader.open(path, ring).close()
        except VigilarError as error:
            problems.append(f"{path}: {error}")
    rewrap_files(sealed_files(folder), ring)
    problems += [f"{path} is not moved" for path in sealed_files(folder) if not is_moved(path, ring)]
    return problems + judge_box(folder)


# Settings


def prepare_config(folder: Path) -> None:
    folder.mkdir(parents=True)
    make_folder_id(folder)
    (folder / "vigilar.toml").write_text(CONFIG, encoding="utf-8")


def places_of(folder: Path) -> Places:
    return Places(folder / "vigilar.toml", folder, folder / "secrets")


def run_config(folder: Path) -> None:
    set_value(places_of(folder), "web", "port", 50_000)


def judge_config(folder: Path) -> list[str]:
    config = load_config(places_of(folder))
    problems = [] if config.web.port in (49735, 50_000) else [f"the port is {config.web.port}"]
    problems += [] if [camera.name for camera in config.cameras] == ["Front"] else ["the camera is gone"]
    run_config(folder)
    problems += [] if load_config(places_of(folder)).web.port == 50_000 else ["it cannot be saved again"]
    return problems


# The database

OLD_EVENTS = 30


def prepare_migrate(folder: Path) -> None:
    """A database of the first step, with rows."""
    folder.mkdir(parents=True)
    make_folder_id(folder)
    KeyRing.load_or_create(folder / "secrets")
    file = folder / "vigilar.db"
    file.touch(mode=0o600)
    upgrade(parse_url(database_url(folder)), "0001")
    with closing(sqlite3.connect(file)) as connection:
        connection.executemany(
            "INSERT INTO events (uid, change, type, severity, source_id, ts_ms, payload, words, created_ms) "
            "VALUES (?, ?, 'motion', 'INFO', 'front', ?, '{}', 'motion', 1)",
            [(f"u{number}", number, number) for number in range(1, OLD_EVENTS + 1)],
        )
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


def prepare_rescue(folder: Path) -> None:
    """The newest schema, and a page of an index is gone."""
    prepare_migrate(folder)
    run_migrate(folder)
    with closing(sqlite3.connect(folder / "vigilar.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events_by_time'").fetchone()[0]
    with (folder / "vigilar.db").open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(bytes(4096))


def run_migrate(folder: Path) -> None:
    ring = KeyRing.load(folder / "secrets")
    HouseDatabase(database_url(folder), folder, find_folder_id(folder) or "", ring).open().close()


def judge_database(folder: Path) -> list[str]:
    problems = []
    for _ in range(2):
        run_migrate(folder)
        with closing(sqlite3.connect(folder / "vigilar.db")) as connection:
            count = connection.execute("SELECT count(*) FROM events").fetchone()[0]
            sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
        problems += [] if count == OLD_EVENTS else [f"{count} events of {OLD_EVENTS}"]
        problems += [] if sound == "ok" else [sound]
    left = [path.name for path in folder.iterdir() if path.name.endswith((".making", ".ready"))]
    return problems + judge_copies(folder) + [f"{name} was left" for name in left if name.endswith(".ready")]


def judge_copies(folder: Path) -> list[str]:
    """What has a name is whole: the database as it was before the steps."""
    problems = []
    for copy in list_copies(folder / "vigilar.db"):
        file = copies_folder(folder / "vigilar.db") / copy.name
        with closing(sqlite3.connect(file)) as connection:
            count = connection.execute("SELECT count(*) FROM events").fetchone()[0]
            sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
            revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        if (count, sound, revision) != (OLD_EVENTS, "ok", copy.found):
            problems.append(f"the copy {copy.name} has {count} events at step {revision}: {sound}")
    return problems


WORKS: dict[str, Work] = {
    "record": Work(prepare_box, run_record, judge_box),
    "live": Work(prepare_box, run_live, judge_live),
    "delete": Work(prepare_box, run_delete, judge_delete),
    "rewrap": Work(prepare_box, run_rewrap, judge_rewrap),
    "config": Work(prepare_config, run_config, judge_config),
    "migrate": Work(prepare_migrate, run_migrate, judge_database),
    "rescue": Work(prepare_rescue, run_migrate, judge_database),
}


def _work(name: str, folder: Path, go: int) -> None:
    """The child: waits for its word, works, and ends."""
    code = 0
    os.read(go, 1)
    try:
        WORKS[name].run(folder)
    except VigilarError:
        code = REFUSED
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        read, write = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(write)
            _work(asked["work"], Path(asked["folder"]), read)
        os.close(read)
        print(pid, flush=True)
        sys.stdin.readline()
        os.write(write, b"x")
        _, status = os.waitpid(pid, 0)
        os.close(write)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
