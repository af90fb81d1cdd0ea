"""A house for tests of the pages: real database, real sealed recordings, real live feed; no cameras, no bus.

Run it to look at the pages by hand: ``python -m tests.browser.house [port]`` (owner "sam", password "correct horse").
"""

from __future__ import annotations

import functools
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.feed_kit import served_feed
from tests.ready_store import lay_database
from tests.ready_templates import ReadyTemplates
from tests.recording_kit import Clip, make_clip, read_clip
from vigilar.base.clock import boot_id
from vigilar.base.clock_sync import ClockState
from vigilar.base.folder_id import find_folder_id, make_folder_id
from vigilar.base.stop import Stop
from vigilar.bus.messages import CameraHealth
from vigilar.config.jobs import CameraInfo, WebJob
from vigilar.events.announcer import announcement
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.media.packets import Fragment, Packet, RunStart
from vigilar.store import files as file_rows
from vigilar.store.cameras import ensure_camera
from vigilar.store.consumers import Change
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, StoredEvent, insert_event, update_event
from vigilar.store.incidents import ALONE, Grouping
from vigilar.store.users import Role, create_member
from vigilar.vge.format import CloseReason, Content
from vigilar.vge.keys import KeyRing
from vigilar.vge.writer import FileSpec, VgeWriter
from vigilar.web import camera_book, create_app
from vigilar.web import health as health_board
from vigilar.web import parts as parts_module
from vigilar.web.blueprints.events import broadcast_sse_event
from vigilar.web.health import BOARD
from vigilar.web.hub import HUB, make_notice
from vigilar.web.parts import Parts, parts_of
from vigilar.web.passwords import hash_password
from vigilar.web.patience import Patience
from vigilar.web.slow_facts import ClockWatch

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

NAME, PASSWORD = "sam", "correct horse"
CAMERAS = (("front-door", "Front door"), ("garden", "Garden"), ("drive", "Drive"), ("shed", "Shed"))


@functools.cache
def _password_hash() -> str:
    return hash_password(PASSWORD)


@dataclass(slots=True)
class House:
    """The app with its data. Times are UTC ms."""

    folder: Path
    app: Flask
    store: Store
    ring: KeyRing
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    feeds: ExitStack = field(default_factory=ExitStack)

    @property
    def parts(self) -> Parts:
        return parts_of(self.app)

    @property
    def node_id(self) -> str:
        return self.parts.cfg.node_id

    def now_ms(self) -> int:
        return self.parts.now_ms()

    def client(self, *, signed_in: bool = True) -> FlaskClient:
        """A browser without script; the first that signs in makes the owner."""
        client = self.app.test_client()
        if signed_in:
            body = {"name": NAME, "password": PASSWORD}
            with self._patient():
                if client.post("/api/v1/setup", json=body).status_code != 201:
                    answer = client.post("/api/v1/login", json=body)
                    assert answer.status_code == 200, answer.text
        return client

    @contextmanager
    def _patient(self) -> Iterator[None]:
        """A busy machine is no database that does not answer: who only wants to be signed in waits for it."""
        here = self.parts
        before = here.rows, here.login_writes
        here.rows, here.login_writes = Patience("database", 60.0), Patience("database", 60.0)
        yield
        here.rows, here.login_writes = before

    def member(self, role: Role, cameras: Collection[str] | None = None, name: str = "") -> FlaskClient:
        """The browser of a member in this role, signed in; made once, as are the owner and the cameras' rows."""
        self.client()
        for camera_id, camera_name in CAMERAS:
            ensure_camera(self.store, camera_id, camera_name, 1, self.node_id)
        name = name or f"the {role}"
        create_member(self.store, name, _password_hash(), role, cameras, self.now_ms())
        client = self.app.test_client()
        with self._patient():
            answer = client.post("/api/v1/login", json={"name": name, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
        return client

    def record(self, camera_id: str, packets: list[Packet], run: RunStart, *, is_closed: bool = True) -> int:
        """Seal packets into a file, beginning with its first keyframe; the id of its row."""
        muxer = FragmentMuxer(run.streams)
        fragments = [fragment for packet in packets for fragment in muxer.mux(packet)] + muxer.flush()
        return self.seal(camera_id, muxer.init_segment, fragments, is_closed=is_closed)

    def seal(self, camera_id: str, init: bytes, fragments: list[Fragment], *, is_closed: bool = True) -> int:
        row = ensure_camera(self.store, camera_id, camera_id, 1, self.node_id)
        number, link = self._take_number(camera_id, "video")
        first = fragments[0]
        last = max(fragments[-3:], key=lambda one: one.mono_ns + one.duration_ms * 1_000_000)
        path = f"footage/{camera_id}/day/{number:06d}.vge"
        writer = self._writer(path, row.uuid, number, link, Content.FMP4, first.utc_ns, first.mono_ns)
        new = file_rows.NewFile(
            camera_id=camera_id, content="video", number=number, path=path, start_ms=first.utc_ns // 1_000_000
        )
        file_id = file_rows.add_file(self.store, new)
        writer.append_init(init, utc_ns=first.utc_ns, mono_ns=first.mono_ns)
        for one in fragments:
            writer.append_media(
                one.data,
                utc_ns=one.utc_ns,
                mono_ns=one.mono_ns,
                duration_ms=one.duration_ms,
                starts_with_keyframe=one.starts_with_keyframe,
            )
        end_ms = last.utc_ns // 1_000_000 + last.duration_ms
        if is_closed:
            length_ns = last.duration_ms * 1_000_000
            self._close(writer, file_id, end_ms, last.utc_ns + length_ns, last.mono_ns + length_ns)
        else:
            writer.sync()
        return file_id

    def still(self, camera_id: str, jpeg: bytes) -> int:
        """Seal a JPEG; the id of its row."""
        row = ensure_camera(self.store, camera_id, camera_id, 1, self.node_id)
        number, link = self._take_number(camera_id, "still")
        path = f"stills/{camera_id}/day/{number:06d}.vge"
        now_ns = self.now_ms() * 1_000_000
        writer = self._writer(path, row.uuid, number, link, Content.JPEGS, now_ns, now_ns)
        new = file_rows.NewFile(
            camera_id=camera_id, content="still", number=number, path=path, start_ms=now_ns // 1_000_000
        )
        file_id = file_rows.add_file(self.store, new)
        writer.append_media(jpeg, utc_ns=now_ns, mono_ns=now_ns, duration_ms=0, starts_with_keyframe=True)
        self._close(writer, file_id, now_ns // 1_000_000, now_ns, now_ns)
        return file_id

    def storyboard(self, camera_id: str, pictures: list[tuple[int, bytes]]) -> int:
        """Seal small pictures, each with its UTC ms, into one file; the id of its row."""
        row = ensure_camera(self.store, camera_id, camera_id, 1)
        number, link = self._take_number(camera_id, "storyboard")
        path = f"storyboards/{camera_id}/day/{number:06d}.vge"
        start_ms, end_ms = pictures[0][0], pictures[-1][0]
        writer = self._writer(path, row.uuid, number, link, Content.JPEGS, start_ms * 1_000_000, start_ms * 1_000_000)
        new = file_rows.NewFile(camera_id=camera_id, content="storyboard", number=number, path=path, start_ms=start_ms)
        file_id = file_rows.add_file(self.store, new)
        for at_ms, jpeg in pictures:
            at_ns = at_ms * 1_000_000
            writer.append_media(jpeg, utc_ns=at_ns, mono_ns=at_ns, duration_ms=0, starts_with_keyframe=True)
        self._close(writer, file_id, end_ms, end_ms * 1_000_000, end_ms * 1_000_000)
        return file_id

    def event(
        self, kind: str = "motion", camera_id: str = "front-door", *, severity: str = "INFO", ts_ms: int | None = None,
        length_ms: int | None = 8_000, still_id: int | None = None, title: str = "Motion, Front door", reason: str = "",
        what: str = "", zones: tuple[str, ...] = (), grouping: Grouping = ALONE,
    ) -> StoredEvent:  # fmt: skip
        """Store an event as the events process does. ``length_ms`` None: it goes on; ``what`` came by (its kind)."""
        ts_ms = self.now_ms() if ts_ms is None else ts_ms
        new = NewEvent(
            uid=f"test-{next(self.numbers)}",
            type=kind,
            severity=severity,
            source_id=camera_id,
            ts_ms=ts_ms,
            end_ms=None if length_ms is None else ts_ms + length_ms,
            still_id=still_id,
            payload={"title": title} | ({"reason": reason} if reason else {}) | _named(camera_id),
            kind=what,
            zones=zones,
        )
        stored = insert_event(self.store, new, now_ms=self.now_ms(), grouping=grouping)
        assert stored is not None
        return stored

    def end(self, event: StoredEvent, end_ms: int) -> StoredEvent:
        changed = update_event(self.store, event, end_ms=end_ms, payload=event.payload)
        assert changed is not None
        return changed

    def tell(self, event: StoredEvent, *, is_update: bool = False) -> None:
        """Tell open pages of a stored event, as the bridge does."""
        broadcast_sse_event(announcement(Change(event, is_new=not is_update)))

    def health(self, camera_id: str, state: str = "live", **facts: object) -> None:
        """What a camera process would report now; pages are told."""
        now = self.now_ms()
        health = CameraHealth("h", now, camera_id, state, **facts)  # type: ignore[arg-type]  # checked by the class
        BOARD.set_camera(health, now)
        notice = {"now": now, "cameras": [BOARD.camera(camera_id, now)]}
        HUB.broadcast(make_notice("health", notice, source_id=camera_id))

    def well(self, *camera_ids: str) -> None:
        """All is well: cameras live, programs running, bus connected."""
        for camera_id in camera_ids:
            self.health(
                camera_id, last_frame_ts=self.now_ms(), width=1280, height=720, fps=15.0, codec="h264", kbps=1850.0,
                audio_codec="aac", is_recording=True, has_sub=True,
            )  # fmt: skip
        running = {"state": "running", "restarts": 0}
        names = ("supervisor", "broker", "events", "web", *(f"camera/{one}" for one in camera_ids))
        BOARD.set_processes(dict.fromkeys(names, running), self.now_ms())
        BOARD.set_bus(True)

    def break_page(self, endpoint: str) -> None:
        """From now on this view meets a bug."""

        @functools.wraps(self.app.view_functions[endpoint])
        def broken(**_names: object) -> str:
            raise RuntimeError("a bug")

        self.app.view_functions[endpoint] = broken

    def feed(self, camera_id: str, clip: Clip) -> Stop:
        """Serve the clip over and over as this camera's live picture, in real time. Set the stop to pull its cable."""
        return self.feeds.enter_context(served_feed(self.folder / "run", camera_id, clip))

    def _take_number(self, camera_id: str, content: file_rows.Content) -> tuple[int, bytes]:
        link = file_rows.get_chain_end(self.store, camera_id, content).link
        return file_rows.reserve_numbers(self.store, camera_id, content, 1), link

    def _writer(
        self, path: str, uuid: bytes, number: int, link: bytes, content: Content, utc_ns: int, mono_ns: int
    ) -> VgeWriter:
        spec = FileSpec(uuid, number, content, utc_ns, mono_ns, boot_id(), link, 90_000)
        whole = self.folder / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        return VgeWriter.create(whole, spec, self.ring)

    def _close(self, writer: VgeWriter, file_id: int, end_ms: int, utc_ns: int, mono_ns: int) -> None:
        closed = writer.close(CloseReason.ROLLOVER, utc_ns=utc_ns, mono_ns=mono_ns)
        file_rows.close_file(
            self.store, file_id, state="closed", end_ms=end_ms, size_bytes=closed.size_bytes,
            plaintext_bytes=closed.plaintext_bytes, record_count=closed.record_count, link=closed.link, reason=None,
        )  # fmt: skip


def _named(camera_id: str) -> dict[str, str]:
    name = dict(CAMERAS).get(camera_id)
    return {"camera_name": name} if name else {}


def web_job(folder: Path, cameras: tuple[tuple[str, str], ...] = CAMERAS) -> WebJob:
    return WebJob(
        config_file=folder / "vigilar.toml",
        data_dir=folder,
        node_id=find_folder_id(folder) or make_folder_id(folder),
        secrets_dir=folder / "secrets",
        run_dir=folder / "run",
        database_url=f"sqlite:///{folder / 'vigilar.db'}",
        bus_host="127.0.0.1",
        bus_port=1,
        bus_user="web",
        bus_password="none",
        names=("box.example",),
        house_name="Lindenweg 4",
        time_zone="Europe/Berlin",
        cameras=tuple(CameraInfo(camera_id, name, True, True) for camera_id, name in cameras),
    )


LONG_MS = 300_000
"""For how long what was told of cameras and programs counts in houses of tests, which tell it once: on a busy machine a
test takes longer than the product's patience."""


PATIENT_S = 60.0
"""How long houses of tests wait for their database and disk: on a busy machine an answer may take longer than the
second after which the product does without one, and its page is another one then."""


@contextmanager
def _patient_doors() -> Iterator[None]:
    """Doors that are made in the block wait so long."""
    with pytest.MonkeyPatch.context() as patch:
        for module, names in ((parts_module, ("ROWS", "DISK", "WRITE")), (camera_book, ("DISK",))):
            for name in names:
                patch.setattr(module, f"{name}_WAIT_S", PATIENT_S)
        yield


@contextmanager
def open_house(
    folder: Path,
    cameras: tuple[tuple[str, str], ...] = CAMERAS,
    *,
    heard_ms: int = LONG_MS,
    is_patient: bool = True,
) -> Iterator[House]:
    """A house in ``folder``. Only one at a time in a process: hub and health board are the process' own. ``heard_ms``:
    how old what the house knows may be, ``STALE_AFTER_MS`` where that is what is tested. Not ``is_patient``, where it
    is tested what it does without an answer of its drive."""
    if not (folder / "vigilar.db").exists():  # else it is the same house, started again
        lay_database(folder)
    BOARD.clear()
    before_ms, health_board.STALE_AFTER_MS = health_board.STALE_AFTER_MS, heard_ms
    with _patient_doors() if is_patient else nullcontext():
        app = create_app(web_job(folder, cameras))
    app.testing = False
    app.jinja_env.bytecode_cache = ReadyTemplates()
    parts_of(app).clock_watch = ClockWatch(read=lambda: ClockState(is_in_step=True, off_ms=3.0))
    house = House(folder, app, parts_of(app).store, KeyRing.load_or_create(folder / "secrets"))
    try:
        yield house
    finally:
        house.parts.stop()
        house.feeds.close()
        house.parts.close()
        BOARD.clear()
        health_board.STALE_AFTER_MS = before_ms


@contextmanager
def serve(house: House, port: int = 0) -> Iterator[str]:
    """The address under which a browser reaches the house."""
    server = make_server("127.0.0.1", port, _as_gunicorn(house.app), threaded=True, request_handler=_Handler)
    server.daemon_threads = True  # type: ignore[attr-defined]  # of socketserver.ThreadingMixIn
    thread = threading.Thread(target=server.serve_forever, name="test server")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        house.parts.stop()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(WSGIRequestHandler):
    """Lets a connection be that was given away."""

    def connection_dropped(self, error: BaseException, environ: WSGIEnvironment | None = None) -> None:
        self.close_connection = True


def _as_gunicorn(app: Flask) -> WSGIApplication:
    """The app on werkzeug's server, which gives connections away as gunicorn does in the web process."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["gunicorn.socket"] = environ["werkzeug.socket"]
        try:
            return app(environ, start_response)
        except StopIteration:  # it has become a WebSocket: for werkzeug the connection is over
            raise ConnectionResetError from None

    return answer


def fill(house: House, clips: dict[str, Clip]) -> None:
    """A day in this house: an hour of footage, events of most kinds, one camera that is down."""
    now = house.now_ms()
    for camera_id, clip in clips.items():
        shift_ns = (now - 60_000) * 1_000_000 - clip.run().utc_ns
        packets = []
        for packet in clip.endless():
            moved = replace(packet, utc_ns=packet.utc_ns + shift_ns)
            if moved.utc_ns > (now - 2_000) * 1_000_000:
                break
            packets.append(moved)
        house.record(camera_id, packets, clip.run())
    jpeg = first_jpeg(next(iter(clips.values())))
    names = dict(CAMERAS)
    minute = 60_000
    for index, (camera_id, ago) in enumerate(
        [("front-door", 0.4), ("garden", 7), ("drive", 31), ("front-door", 44), ("garden", 95)]
    ):
        house.event(
            camera_id=camera_id, ts_ms=now - int(ago * minute), still_id=house.still(camera_id, jpeg),
            length_ms=4_000 + 9_000 * index, title=f"Motion, {names[camera_id]}",
        )  # fmt: skip
    house.event(
        "camera_offline", "shed", severity="WARNING", ts_ms=now - 19 * minute, length_ms=None,
        title="No picture from Shed", reason="Nothing answers at 192.168.1.24.",
    )  # fmt: skip
    house.event("footage_lost", "drive", severity="ALERT", ts_ms=now - 50 * minute, length_ms=None,
                title="Footage lost, Drive", reason="The disk was too slow: 2 s are missing.")  # fmt: skip
    house.event("disk_full", "garden", severity="CRITICAL", ts_ms=now - 70 * minute, length_ms=None,
                title="Disk full, Garden is not recorded")  # fmt: skip
    house.event("system_started", "system", ts_ms=now - 26 * 60 * minute, length_ms=None, title="Vigilar started")
    for hours in range(25, 60):
        house.event(ts_ms=now - hours * 60 * minute - 7 * minute, title="Motion, Front door")


def first_jpeg(clip: Clip) -> bytes:
    from vigilar.media.decode import Decoder  # brings PyAV, which the pages themselves do without

    decoder = Decoder(clip.streams[0])
    for packet in clip.video:
        pictures = decoder.decode(packet)
        if pictures:
            return pictures[0].to_jpeg(320)
    raise AssertionError("the clip has no picture")


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    with tempfile.TemporaryDirectory() as name, open_house(Path(name)) as house:
        clip = make_clip(Path(name), fps=10, gop=20, size=(640, 360))
        fill(house, {"front-door": clip, "garden": clip})
        for camera_id in ("front-door", "garden", "drive"):
            house.feed(camera_id, clip)
        house.client()
        with serve(house, port) as address:
            print(address, "name", NAME, "password", PASSWORD)  # noqa: T201
            while True:
                house.well("front-door", "garden", "drive")
                house.health("shed", "no-picture", reason="Nothing answers at 192.168.1.24.")
                time.sleep(2)


__all__ = ["CAMERAS", "House", "fill", "main", "open_house", "read_clip", "serve", "web_job"]

if __name__ == "__main__":
    main()
