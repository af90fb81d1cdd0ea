"""Figure 17: secrets of a running house, where they must not be. ``python -m benchmarks.secrets_leaked``, as root.

A real house with a camera that asks for a login, a backup to another disk, a recovery sheet, a PIN and a key for
programs. Looked for are all of these, the owner's password and session, the processes' passwords of the bus, and each
value in the files of ``secrets`` and ``broker``; as they are, as base64 and as in a URL. Looked through are

    the log              also after a camera process and the web process were killed so that they dump themselves
    the process list     all of the house's and of the commands that run beside it, again and again
    the API and pages    every answer to the owner that names no single thing, and those of the camera
    commands             what status, doctor, config show, keys status, proof show and check print
    the support file
    the backup           every byte of every file in it

Prints each hit and the count, target 0. Ends with 1 when there is one, 2 when the machine mounts no small disk. Takes
some two minutes.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

from _pytest.outcomes import Skipped

from tests.fakes.clips import make_clip
from tests.fakes.rtsp_camera import FakeCamera, Fault
from tests.small_disk import mounted_small_disk
from tests.system.house import PASSWORD, RunningHouse, run_house, wait_for
from vigilar.web.openapi import openapi_document

CAMERA_USER, CAMERA_PASSWORD = "canary-camera-user", "canary camera/password"
PIN = "80215579"
SHORTEST = 8
"""A value of a file that is shorter is a word and no secret."""

COMMANDS = (
    ("status",), ("status", "--json"), ("doctor",), ("config", "show"), ("keys", "status"), ("proof", "show"),
    ("check",), ("events",), ("camera", "list"), ("backup", "status"),
)  # fmt: skip
PAGES = (
    "/", "/live", "/watch/street", "/events", "/exports", "/arm", "/system", "/system/log", "/system/jobs",
    "/system/power", "/settings", "/settings/keys", "/settings/cameras/street", "/account", "/metrics",
)  # fmt: skip
_SECRET_KEYS = re.compile(r"password|token|secret|key|user")


class Search:
    """What is looked for, by what it is called, and what was found of it."""

    def __init__(self) -> None:
        self._forms: dict[str, set[bytes]] = {}
        self.hits: set[str] = set()
        self.places = 0
        self.size_bytes = 0

    @property
    def count(self) -> int:
        return len(self._forms)

    def add(self, name: str, value: str) -> None:
        plain = value.encode()
        forms = {plain, urllib.parse.quote(value, safe="").encode(), base64.b64encode(plain).rstrip(b"=")}
        with contextlib.suppress(ValueError):
            forms.add(bytes.fromhex(value))
        found = {one for one in forms if len(one) >= SHORTEST}
        if not found:
            raise AssertionError(f"{name} is too short to be looked for")
        self._forms[name] = found

    def look(self, where: str, data: bytes) -> None:
        self.places += 1
        self.size_bytes += len(data)
        for name, forms in self._forms.items():
            if any(one in data for one in forms):
                self.hits.add(f"{name} in {where}")


def add_files(search: Search, folder: Path) -> None:
    """Each value in the files that keep secrets."""
    for path in sorted([*(folder / "secrets").rglob("*"), *(folder / "broker").rglob("*")]):
        if not path.is_file() or path.suffix in (".pem", ".crt", ".conf", ".log", ".pid"):
            continue
        if path.name in ("recovery-sheet", "acl"):
            continue  # a public half, and names of topics
        for number, value in enumerate(values_of(path.read_text(encoding="utf-8", errors="replace"))):
            if path.name.startswith("recovery-key") and number:
                continue  # the public half of a pair of one use, and an id: both stand in each recording's header
            search.add(f"{path.relative_to(folder)} [{number}]", value)


def values_of(text: str) -> Iterator[str]:
    try:
        raw = json.loads(text)
    except ValueError:
        for line in text.splitlines():
            yield from (one for one in (line.rpartition(":")[2] or line).split() if len(one) >= SHORTEST)
        return
    if isinstance(raw, dict):
        yield from (
            str(value) for key, value in raw.items() if _SECRET_KEYS.search(key) and len(str(value)) >= SHORTEST
        )


class ProcessList:
    """What anybody on the machine sees of the running programs, again and again until it ends."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._end = threading.Event()
        self._seen: set[bytes] = set()
        self._thread = threading.Thread(target=self._run, name="process list")

    def __enter__(self) -> ProcessList:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._search.look("the process list", b"\0".join(self._seen))

    def _run(self) -> None:
        while not self._end.wait(0.02):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    self._seen.add(path.read_bytes())


def command(house: RunningHouse, *args: str, must_work: bool = False) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "vigilar", *args, "--data-dir", str(house.folder)],
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    told = done.stdout + done.stderr
    if must_work and done.returncode:
        raise AssertionError(f"{' '.join(args)}: {told.decode(errors='replace')}")
    return told


def post(house: RunningHouse, path: str, body: dict[str, object], method: str = "POST") -> bytes:
    request = urllib.request.Request(
        house.base + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method
    )
    with house.opener.open(request, timeout=60) as answer:
        data: bytes = answer.read()
        return data


def cookies(house: RunningHouse) -> Iterator[str]:
    """Those that the owner's browser would send."""
    request = urllib.request.Request(f"{house.base}/")
    for handler in vars(house.opener)["handlers"]:
        if isinstance(handler, urllib.request.HTTPCookieProcessor):
            handler.cookiejar.add_cookie_header(request)
    for one in (request.get_header("Cookie") or "").split("; "):
        yield one.partition("=")[2]


def look_at_pages(search: Search, house: RunningHouse) -> None:
    paths = [path.replace("{camera_id}", "street") for path, one in openapi_document()["paths"].items() if "get" in one]
    for path in [*PAGES, *(one for one in paths if "{" not in one and "stream" not in one and ".mjpeg" not in one)]:
        try:
            with house.opener.open(house.base + path, timeout=30) as answer:
                told = str(answer.headers).encode() + answer.read(4 << 20)
        except urllib.error.HTTPError as error:
            told = str(error.headers).encode() + error.read()
        search.look(f"GET {path}", told)


def crash(house: RunningHouse) -> None:
    """A camera process and the web process dump themselves into the log, and are started anew."""
    for name in ("v:street", "v:web"):
        found = next((one for one in house.children() if one.name() == name), None)
        if found is None:
            raise AssertionError(f"there is no process {name}")
        found.send_signal(signal.SIGABRT)
        found.wait(20)
    wait_for(lambda: house.get("/healthz"), 60, "the page answers again")


def measure(search: Search, folder: Path, camera: FakeCamera) -> None:
    nas = folder / "nas"
    (folder / "data" / "secrets").mkdir(parents=True, mode=0o700)
    login = folder / "data" / "secrets" / "street.json"
    login.write_text(json.dumps({"user": CAMERA_USER, "password": CAMERA_PASSWORD}))
    login.chmod(0o600)
    search.add("the camera's user", CAMERA_USER)
    search.add("the camera's password", CAMERA_PASSWORD)
    search.add("the owner's password", PASSWORD)
    street = {"address": camera.url("street"), "login": "secret:street"}
    settings = ("[recording]", 'segment = "10s"', "[backup]", f'target = "{nas}"', 'every = "1h"', 'what = "all"')
    with (
        mounted_small_disk(nas, 300),
        ProcessList(search),
        run_house(folder / "data", {"Street": street}, *settings, log_file=folder / "log") as house,
    ):
        wait_for(lambda: len(list(house.folder.glob("footage/street/*/*.vge"))) > 1, 60, "it records")
        for number, value in enumerate(cookies(house)):
            search.add(f"the owner's session [{number}]", value)
        search.add("the PIN", PIN)
        post(house, "/api/v1/members/me/pin", {"pin": PIN}, "PUT")
        made = json.loads(post(house, "/api/v1/tokens", {"name": "a program", "rights": ["see_events"]}))
        search.add("the key for a program", made["token"])
        sheet = command(house, "keys", "recovery", must_work=True).decode()
        words = [part for line in sheet.splitlines() for part in line.split() if line[:4].strip().isdigit()]
        search.add("the recovery sheet", " ".join(one for one in words if one.isalpha()))
        add_files(search, house.folder)
        print(f"{search.count} secrets", flush=True)
        search.look("vigilar backup now", command(house, "backup", "now", must_work=True))
        look_at_pages(search, house)
        for args in COMMANDS:
            search.look(f"vigilar {' '.join(args)}", command(house, *args))
        bundle = ("support-bundle", str(folder / "support.zip"))
        search.look("vigilar support-bundle", command(house, *bundle, must_work=True))
        for name, data in unpacked((folder / "support.zip").read_bytes()):
            search.look(f"the support file, {name}", data)
        crash(house)
        search.look("the log", (folder / "log").read_bytes())
        look_at_pages(search, house)
        for path in nas.rglob("*"):
            if path.is_file():
                search.look(f"the backup, {path.relative_to(nas)}", path.read_bytes())
                for name, data in unpacked(path.read_bytes()):
                    search.look(f"the backup, {path.relative_to(nas)}, {name}", data)
        time.sleep(1.0)
    search.look("the log at its end", (folder / "log").read_bytes())


def unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        for name in packed.namelist():
            yield name, packed.read(name)


def main() -> int:
    search = Search()
    with tempfile.TemporaryDirectory(prefix="vigilar-secrets-") as name:
        folder = Path(name)
        clip = make_clip(folder / "clip.mp4", pictures=40)
        fault = Fault(user=CAMERA_USER, password=CAMERA_PASSWORD)
        try:
            with FakeCamera({"street": (clip, fault)}) as camera:
                measure(search, folder, camera)
        except Skipped as error:
            print(error.msg)
            return 2
    for hit in sorted(search.hits):
        print(f"LEAKED {hit}")
    print(
        f"secrets leaked: {len(search.hits)} (target 0), of {search.count} looked for "
        f"in {search.places} places, {search.size_bytes / 1e6:.0f} MB"
    )
    return int(bool(search.hits))


if __name__ == "__main__":
    sys.exit(main())
