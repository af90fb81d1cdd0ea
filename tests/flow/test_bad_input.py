"""Bad input by the real command line and service: one clear sentence, the right exit code, nothing else harmed.

Exit codes are literals on purpose: they are a promise to scripts.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import wait_until
from tests.fakes.clips import make_clip, needs_h265
from tests.fakes.rtsp_camera import FakeCamera, Fault
from tests.flow.command_line import SECRET, Done, check_text, service, vigilar
from tests.ports import free_port
from tests.recording_kit import bench
from tests.recording_kit import make_clip as make_recorded_clip
from tests.rtsp.server import GstServer, missing_reason, serve
from vigilar.record.recorder import RecorderSettings
from vigilar.vge.format import RecordType
from vigilar.vge.keys import KeyRing
from vigilar.vge.reader import VgeReader

MIB = 1024 * 1024

NO_ROUTE = "rtsp://[fe80::1]/live"
"""Without the name of a link there is no way to an address of one: EINVAL at once (ipv6(7))."""

SETTINGS = '# kept by hand\n[[camera]]\nname = "Hall"   # the good one\naddress = "demo:hall"\n'


class OtherService:
    """Something that is no camera: gives ``answer(request)`` to the first request of each connection."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        # Not one that the kernel gives: nobody else may ask at it, as ``requests`` are counted.
        self._socket = socket.create_server(("127.0.0.1", free_port()))
        self.port = self._socket.getsockname()[1]
        self.requests = 0
        self._thread = threading.Thread(target=self._serve, name="other service", daemon=True)

    def __enter__(self) -> OtherService:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10.0)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):
                client.settimeout(5.0)
                if request := client.recv(4096):
                    self.requests += 1
                    client.sendall(self._answer(request))


def web_page(_request: bytes) -> bytes:
    return b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def redirect(request: bytes) -> bytes:
    """To the very address that was asked for, as a hacked camera might."""
    address = request.split(b" ")[1]
    found = re.search(rb"CSeq: *(\d+)", request, re.IGNORECASE)
    assert found
    head = b"RTSP/1.0 302 Moved Temporarily\r\nCSeq: " + found[1]
    return head + b"\r\nLocation: " + address + b"\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Wire:
    """What there is to connect to, and the files that are no videos."""

    camera: FakeCamera
    other_port: int
    folder: Path

    def address(self, case: str) -> str:
        by_case = {
            "wrong password": self.camera.url("locked"),
            "no login": self.camera.url("locked"),
            "wrong path": self.camera.url("elsewhere"),
            "no route": NO_ROUTE,
            "everybody": "rtsp://239.255.0.1/live",
            "elsewhere": "rtsp://203.0.113.7/live",
            "another service": "rtsp://127.0.0.1:1883/live",
            "nobody there": f"rtsp://127.0.0.1:{free_port()}/live",
            "not RTSP": f"rtsp://127.0.0.1:{self.other_port}/live",
            "sound only": self.camera.url("sound"),
            "too many viewers": self.camera.url("busy"),
        }
        return by_case.get(case) or f"file:{self.folder / case.replace(' ', '-')}.mp4"


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    folder = tmp_path_factory.mktemp("wire")
    clip = make_clip(folder / "good.mp4", pictures=30, sound=True)
    (folder / "empty-file.mp4").write_bytes(b"")
    (folder / "cut-file.mp4").write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    (folder / "text-file.mp4").write_bytes(b"This is no video.\n" * 1000)
    mounts = {
        "locked": (clip, Fault(user="admin", password="right")),
        "sound": (clip, Fault(only="audio")),
        "busy": (clip, Fault(status=453)),
    }
    with OtherService(web_page) as other, FakeCamera(mounts) as camera:
        yield Wire(camera, other.port, folder)


@dataclass(frozen=True, slots=True)
class Said:
    """What a refused camera must be told as: its code, words of the sentence, words of the next step."""

    code: str
    what: str
    next_step: str


REFUSALS = {
    "wrong password": Said("V-CAM-03", "refuses the login", "Check capitals"),
    "no login": Said("V-CAM-03", "refuses the login", "Give a user name"),
    "wrong path": Said("V-CAM-05", "no stream at that path", "Look up the path"),
    "no route": Said("V-CAM-01", "Nothing answers at", "on the same network?"),
    "nobody there": Said("V-CAM-01", "Nothing answers at", "on the same network?"),
    "everybody": Said("V-CAM-13", "cannot be a camera's", "own address"),
    "elsewhere": Said("V-CAM-13", "not in your home network", "allow_public"),
    "another service": Said("V-CAM-13", "Port 1883 belongs to another kind of service", "port 554"),
    "not RTSP": Said("V-CAM-02", "A web page answers", "Leave the port out"),
    "sound only": Said("V-CAM-14", "sound but no picture", "another stream"),
    "too many viewers": Said("V-CAM-10", "no further viewer", "Close its own app"),
    "empty file": Said("V-CAM-15", "cannot be read as video", "a video file that plays"),
    "cut file": Said("V-CAM-15", "cannot be read as video", "a video file that plays"),
    "text file": Said("V-CAM-15", "cannot be read as video", "a video file that plays"),
    "missing file": Said("V-CAM-15", "no such file", "a video file that plays"),
}
NOT_ADDED = "It was not added; --no-test adds it anyway."


def check_refusal(done: Done, said: Said, also: tuple[str, ...] = ()) -> None:
    """Exit code 8, and on standard error one sentence with its code and one with the next step, nothing else."""
    assert done.code == 8
    sentence, next_step, *rest = done.err.splitlines()
    assert sentence.endswith(f". [{said.code}]"), sentence
    assert said.what in sentence
    assert len(re.findall(r"[.?!](?= |$)", sentence)) == 1, f"one sentence: {sentence}"
    assert said.next_step in next_step
    assert tuple(rest) == also


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("case", REFUSALS)
def test_bad_camera_is_named_and_not_added(case: str, wire: Wire, tmp_path: Path) -> None:
    (tmp_path / "vigilar.toml").write_text(SETTINGS, encoding="utf-8")
    before = everything_in(tmp_path)
    has_login = case == "wrong password"
    login = ("--user", "admin", "--password-file", "-") if has_login else ()
    stdin = f"{SECRET}\n" if has_login else ""
    tried, address = wire.camera.refused_logins, wire.address(case)
    with ThreadPoolExecutor(2) as pool:
        test = pool.submit(vigilar, tmp_path, "camera", "test", address, *login, stdin=stdin)
        add = pool.submit(vigilar, tmp_path, "camera", "add", address, "--name", "New", *login, stdin=stdin)
    check_refusal(test.result(), REFUSALS[case])
    check_refusal(add.result(), REFUSALS[case], also=(NOT_ADDED,))
    assert wire.camera.refused_logins - tried == 2 * has_login, "one each: a camera locks after a few wrong logins"
    assert everything_in(tmp_path) == before, "a camera that cannot be used leaves no trace"


@pytest.mark.long
def test_silent_camera_is_given_up_in_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/live"
        done = vigilar(tmp_path, "camera", "test", address, within_s=30.0)
    assert done.code == 8
    assert re.search(r"\[V-CAM-0[12]\]$", done.err.splitlines()[0])
    assert len(done.err.splitlines()) == 2


def test_camera_that_sends_on_to_itself_is_refused(tmp_path: Path) -> None:
    with OtherService(redirect) as camera:
        done = vigilar(tmp_path, "camera", "test", f"rtsp://127.0.0.1:{camera.port}/live")
    check_refusal(done, Said("V-CAM-02", "sends us on to another address, which is refused", "Enter the new address"))
    assert camera.requests <= 3


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GstServer]:
    if missing_reason():
        pytest.skip(f"no foreign RTSP server: {missing_reason()}")
    clip = make_clip(tmp_path_factory.mktemp("foreign") / "clip.mp4", pictures=30)
    with serve({"open": str(clip), "locked": f"{clip},user=admin,password=right"}) as server:
        yield server


def test_foreign_server_refuses_login_and_path(foreign: GstServer, tmp_path: Path) -> None:
    login = ("--user", "admin", "--password-file", "-")
    done = vigilar(tmp_path, "camera", "test", foreign.url("locked"), *login, stdin=f"{SECRET}\n")
    check_refusal(done, REFUSALS["wrong password"])
    check_refusal(vigilar(tmp_path, "camera", "test", foreign.url("elsewhere")), REFUSALS["wrong path"])
    right = vigilar(tmp_path, "camera", "test", foreign.url("locked"), *login, stdin="right\n")
    assert (right.code, right.err) == (0, "")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"rtsp://admin:{SECRET}@10.0.0.7/live", "password"),
        ("https://10.0.0.7/live", 'must begin with "rtsp://"'),
        ("-i", "No such option"),
    ],
)
def test_address_that_is_none_is_wrong_use(address: str, said: str, tmp_path: Path) -> None:
    # An address with a password is what the owner must not do; that it is among the arguments is the case itself.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.flow.command_line.SECRET", "not in any argument")
        done = vigilar(tmp_path, "camera", "add", address, "--name", "New")
    assert done.code == 2
    assert said in done.err
    check_text(done.err)
    assert everything_in(tmp_path) == {}


@needs_h265()
def test_h265_camera_works_and_says_its_note(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", h265=True)
    note = "It records fine; browsers that cannot show H.265 get stills, or a narrow picture made here. [V-CAM-06]"
    with FakeCamera({"main": (clip, Fault())}) as camera:
        done = vigilar(tmp_path, "camera", "test", camera.url("main"))
        added = vigilar(tmp_path, "camera", "add", camera.url("main"), "--name", "New", "--json")
    assert (done.code, done.err) == (0, "")
    said = done.out.splitlines()
    assert "The camera works: 320x180 H.265." in said
    assert "  Comes over    TCP, unencrypted, as with most cameras" in said
    assert said[-1] == note
    assert added.code == 0
    assert added.json["camera"]["id"] == "new", "nothing but JSON on standard output"


# Recordings


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole recording and its keys: ``<folder>/secrets`` beside it."""
    folder = tmp_path_factory.mktemp("recording")
    with bench(folder, RecorderSettings()) as made:
        clip = make_recorded_clip(folder, seconds=4)
        made.ring.add(clip.run())
        made.feed(clip.packets)
        made.recorder.finish()
        [row] = made.rows()
    return made.path(row)


@pytest.fixture
def box(recording: Path, tmp_path: Path) -> Path:
    """A data folder with the keys of ``recording`` and a copy of it to spoil."""
    shutil.copytree(next(p for p in recording.parents if (p / "secrets").is_dir()) / "secrets", tmp_path / "secrets")
    shutil.copy(recording, tmp_path / "whole.vge")
    return tmp_path


def cut(path: Path, length: int, name: str) -> Path:
    made = path.with_name(name)
    made.write_bytes(path.read_bytes()[:length])
    return made


def test_spoilt_recordings_have_verdict_and_code_nine(box: Path) -> None:
    whole = box / "whole.vge"
    size = whole.stat().st_size
    flipped = box / "flipped.vge"
    data = bytearray(whole.read_bytes())
    data[size // 2] ^= 1
    flipped.write_bytes(data)
    stolen = box / "text.vge"
    stolen.write_bytes(b"This is no recording.\n" * 100)
    files = [
        whole,
        cut(whole, 0, "empty.vge"),
        cut(whole, 100, "in-header.vge"),
        cut(whole, size // 2, "half.vge"),
        cut(whole, size - 1, "one-byte-less.vge"),
        flipped,
        stolen,
    ]
    before = everything_in(box)
    done = vigilar(box, "verify", *map(str, files))
    assert done.code == 9
    assert done.err == ""
    said = [line.removeprefix(str(box) + "/") for line in done.out.splitlines()]
    assert len(said) == len(files), "one line a file"
    for line, words in zip(
        said,
        (
            "whole.vge: Whole and unchanged",
            "empty.vge: Not a Vigilar recording",
            "in-header.vge: Not a whole Vigilar recording",
            "half.vge: UNCLEAN. Ends without its closing record",
            "one-byte-less.vge: UNCLEAN. Ends without its closing record",
            "flipped.vge: DAMAGED. Damaged at 00:00:",
            "text.vge: Not a Vigilar recording",
        ),
        strict=True,
    ):
        assert line.startswith(words)
    verdicts = [file["verdict"] for file in vigilar(box, "verify", *map(str, files), "--json").json["files"]]
    assert verdicts == ["closed", "rejected", "rejected", "unclean", "unclean", "damaged", "rejected"]
    assert everything_in(box) == before, "proving changes nothing"


def test_recording_of_another_box_needs_its_key(box: Path) -> None:
    key = box / "secrets" / "recording-key-0001"
    key.write_text("ab" * 32 + "\n", encoding="ascii")
    done = vigilar(box, "verify", str(box / "whole.vge"))
    assert done.code == 13
    assert "The key for this recording is not on this box (key id " in done.out
    key.write_text("no key\n", encoding="ascii")
    done = vigilar(box, "verify", str(box / "whole.vge"))
    assert done.code == 13
    sentence, next_step = done.err.splitlines()
    assert sentence.endswith("recording-key-0001 does not hold 64 hex digits. [vge.keys]")
    assert next_step.startswith("Put the key file back from your backup")
    missing = vigilar(box, "verify", str(box / "none.vge"), "--json")
    assert missing.code == 13, "without a key nothing can be proved"


# A running house


@pytest.mark.long
def test_bad_cameras_leave_the_good_one_recording(wire: Wire, tmp_path: Path) -> None:
    bad = {"wrong password": "V-CAM-03", "wrong path": "V-CAM-05", "not RTSP": "V-CAM-02", "empty file": "V-CAM-15"}
    cameras = {"good": f"file:{wire.folder / 'good.mp4'}"}
    cameras |= {case: wire.address(case) for case in bad if case != "wrong password"}
    with service(tmp_path / "data", cameras) as house:
        login = ("--user", "admin", "--password-file", "-", "--no-test", "--name", "wrong password")
        added = vigilar(house.folder, "camera", "add", wire.address("wrong password"), *login, stdin=f"{SECRET}\n")
        assert added.code == 0, "an owner may insist"
        assert SECRET not in (house.folder / "vigilar.toml").read_text(encoding="utf-8")
        house.start()
        wait_until(lambda: house.recorded_bytes("good") > 0, 20.0)
        second = vigilar(house.folder, "start")
        assert second.code == 75
        assert f"process {house.pid}" in second.err
        codes = {case.lower().replace(" ", "-"): code for case, code in bad.items()}
        wait_until(lambda: {event.source_id for event in house.events("camera_offline")} >= codes.keys(), 30.0)
        seen = house.recorded_bytes("good")
        told = {event.source_id: event.payload["code"] for event in house.events("camera_offline")}
        told.pop("good", None)  # it may have stood for a while with the whole machine
        assert told == codes
        status = vigilar(house.folder, "status", "--json")
        assert status.code == 10
        assert {camera["name"]: camera["code"] for camera in status.json["cameras"]} == {"good": "", **bad}
        assert len(status.json["warnings"]) == len(bad)
        assert all("Try: vigilar camera test " in warning for warning in status.json["warnings"])
        assert house.is_up()
        wait_until(lambda: house.recorded_bytes("good") > seen, 5.0)
        house.stop()
        assert house.restarts() == [], "a bad camera costs no process"
        files = house.recordings("good")
        assert vigilar(house.folder, "verify", *map(str, files)).code == 0
        assert [camera["id"] for camera in vigilar(house.folder, "camera", "list", "--json").json["cameras"]]
        assert {path.parent.parent.name for path in house.folder.glob("footage/*/*/*.vge")} == {"good"}


def media_of(path: Path, keys: KeyRing) -> list[tuple[int, int]]:
    """Begin and end (UTC ms) of each piece of a recording, by its own records."""
    with VgeReader.open(path, keys) as reader:
        pieces = [entry for entry in reader.entries if entry.type is RecordType.MEDIA]
    return [(one.utc_ns // 1_000_000, one.utc_ns // 1_000_000 + one.duration_ms) for one in pieces]


@pytest.mark.long
def test_exchanged_key_spoils_no_recording(wire: Wire, tmp_path: Path) -> None:
    with service(tmp_path / "data", {"good": f"file:{wire.folder / 'good.mp4'}"}) as house:
        key = house.folder / "secrets" / "recording-key-0001"
        house.start()
        wait_until(lambda: house.recorded_bytes("good") > 20_000, 20.0)
        house.kill()
        own_keys = KeyRing.load(key.parent)
        [old] = house.recordings("good")
        before = old.read_bytes()
        key.write_text("ab" * 32 + "\n", encoding="ascii")
        house.start()
        wait_until(lambda: len(house.recordings("good")) == 2, 20.0)
        new = house.recordings("good")[-1]
        wait_until(lambda: new.stat().st_size > 20_000, 10.0)
        house.stop()
        assert old.read_bytes() == before
        assert vigilar(house.folder, "verify", str(old)).code == 13
        assert vigilar(house.folder, "verify", str(new)).code == 0
        told = "The key for this recording is not on this box (key id "
        [warned] = [line for line in house.log.splitlines() if " ERROR " in line and told in line]
        assert "Put the key file back" in warned
        [gap] = house.events("footage_lost")
        assert gap.payload["reason"] == "the camera's process was not running", "locked is not lost"
        away_ms = media_of(new, KeyRing.load(key.parent))[0][0] - media_of(old, own_keys)[-1][1]
        assert gap.payload["lost_ms"] == pytest.approx(away_ms, abs=1000), "from the end of what is locked"
