"""The one port: TLS and plain HTTP on it, slow and many senders before it, streams and sockets through it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import PATIENCE_S
from tests.fair_watch import FairWatch
from tests.fakes.clips import make_clip
from tests.socket_client import Client
from tests.system.house import PASSWORD, ROOT, RunningHouse, run_house, wait_for
from vigilar.base.errors import RecordingError
from vigilar.door.authority import issue_leaf, load_or_create_authority
from vigilar.door.certificates import utc_now
from vigilar.door.haproxy import find_haproxy
from vigilar.vge.format import RecordType
from vigilar.vge.keys import KeyRing
from vigilar.vge.reader import VgeReader

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHouse]:
    assert find_haproxy(), "scripts/test.sh installs it"
    folder = tmp_path_factory.mktemp("house")
    clip = make_clip(folder / "clip.mp4", pictures=120)
    with run_house(folder / "data", {"Garden": f"file:{clip}"}) as house:
        wait_for(lambda: recording_end_ms(house), 60, "the camera records")
        yield house


def port_of(house: RunningHouse) -> int:
    return int(house.base.rpartition(":")[2])


def trusting(house: RunningHouse) -> ssl.SSLContext:
    """What trusts the root of this house and nothing else."""
    context = ssl.create_default_context(cafile=str(house.folder / "secrets" / "certificates" / "root.crt"))
    context.set_alpn_protocols(["http/1.1"])
    return context


def ask(house: RunningHouse, path: str, source: str = "127.0.0.1", *, tls: bool = False) -> tuple[int, float]:
    """Status and seconds."""
    began = time.monotonic()
    if tls:
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            "127.0.0.1", port_of(house), timeout=PATIENCE_S, context=trusting(house)
        )
    else:
        connection = http.client.HTTPConnection(
            "127.0.0.1", port_of(house), timeout=PATIENCE_S, source_address=(source, 0)
        )
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status, time.monotonic() - began


def sign_in(
    house: RunningHouse, *, tls: bool = False, name: str = "sam", headers: Mapping[str, str] | None = None
) -> str:
    """The cookie of a new session."""
    context = trusting(house)
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port_of(house), timeout=PATIENCE_S, context=context)
        if tls
        else http.client.HTTPConnection("127.0.0.1", port_of(house), timeout=PATIENCE_S)
    )
    with contextlib.closing(connection):
        body = json.dumps({"name": name, "password": PASSWORD})
        connection.request("POST", "/api/v1/login", body, {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        return (answer.headers["Set-Cookie"] or "").split(";")[0]


def recording_end_ms(house: RunningHouse) -> int:
    """UTC ms up to which there is footage on the disk."""
    return max((end for _, end in fragments(house)), default=0)


def fragments(house: RunningHouse) -> list[tuple[int, int]]:
    """Beginning and end of each recorded fragment, UTC ms, in order."""
    ring, found = KeyRing.load(house.folder / "secrets"), []
    for path in sorted((house.folder / "footage" / "garden").glob("*/*.vge"), key=lambda path: int(path.stem)):
        with contextlib.suppress(RecordingError), VgeReader.open(path, ring) as reader:  # its header may be on the way
            for entry in reader.entries:
                if entry.type is RecordType.MEDIA:
                    start_ms = entry.utc_ns // 1_000_000
                    found.append((start_ms, start_ms + entry.duration_ms))
    return found


def longest_gap_ms(house: RunningHouse, from_ms: int) -> int:
    seen = [one for one in fragments(house) if one[1] >= from_ms]
    return max((later[0] - earlier[1] for earlier, later in pairwise(seen)), default=0)


def test_tls_and_plain_http_answer_on_one_port(house: RunningHouse) -> None:
    assert ask(house, "/healthz")[0] == 200
    assert ask(house, "/healthz", tls=True)[0] == 200
    with socket.create_connection(("127.0.0.1", port_of(house))) as raw:
        context = trusting(house)
        context.set_alpn_protocols(["h2", "http/1.1"])
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as wrapped:
            assert wrapped.selected_alpn_protocol() == "h2"
            assert wrapped.version() == "TLSv1.3"


@pytest.mark.parametrize(("ciphers", "is_spoken"), [("ECDHE+AESGCM", True), ("AESGCM+kRSA:ECDHE+SHA", False)])
def test_older_tls_is_spoken_with_the_good_ciphers_alone(house: RunningHouse, ciphers: str, is_spoken: bool) -> None:
    context = trusting(house)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    with socket.create_connection(("127.0.0.1", port_of(house)), timeout=PATIENCE_S) as raw:
        if is_spoken:
            with context.wrap_socket(raw, server_hostname="127.0.0.1") as spoken:
                assert spoken.version() == "TLSv1.2"
        else:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(raw, server_hostname="127.0.0.1")


def test_secure_cookie_is_bound_to_https(house: RunningHouse) -> None:
    cookie = sign_in(house, tls=True)
    assert cookie.startswith("__Host-vigilar_session=")


def test_web_server_itself_is_not_on_the_network(house: RunningHouse) -> None:
    web = house.program("v:web")
    assert [one for one in web.net_connections("tcp") if one.status == "LISTEN"] == []
    assert (house.folder / "door" / "web.sock").stat().st_mode & 0o077 == 0


def test_event_stream_ends_with_the_sign_out(house: RunningHouse) -> None:
    cookie = sign_in(house)
    stream = http.client.HTTPConnection("127.0.0.1", port_of(house), timeout=PATIENCE_S)
    other = http.client.HTTPConnection("127.0.0.1", port_of(house), timeout=PATIENCE_S)
    with contextlib.closing(stream), contextlib.closing(other):
        stream.request("GET", "/events/stream", headers={"Cookie": cookie})
        answer = stream.getresponse()
        assert b"retry" in answer.readline()
        other.request("POST", "/api/v1/logout", headers={"Cookie": cookie})
        assert other.getresponse().status == 204
        began = time.monotonic()
        with contextlib.suppress(http.client.IncompleteRead):
            answer.read()
        print(
            f"the stream ended {time.monotonic() - began:.1f} s after the sign-out"
        )  # else it goes on till the test's time is over


@pytest.mark.parametrize("tls", [False, True])
def test_live_pictures_come_over_the_socket(house: RunningHouse, tls: bool) -> None:
    cookie = sign_in(house, tls=tls)
    scheme, context = ("wss", trusting(house)) if tls else ("ws", None)
    address = f"{scheme}://127.0.0.1:{port_of(house)}/live/garden/ws"
    client = Client(address, headers={"Cookie": cookie}, ssl_context=context)
    try:
        first = client.receive(timeout=PATIENCE_S)
        assert json.loads(first)["type"] == "start"
        pieces = [client.receive(timeout=PATIENCE_S) for _ in range(10)]
        assert sum(len(one) for one in pieces if isinstance(one, bytes)) > 1000
    finally:
        # Its thread reads from the number of the socket, which the next one gets as soon as this one is closed.
        client.sock.shutdown(socket.SHUT_RDWR)
        client.thread.join(5.0)
        client.sock.close()


STREAMS = {"/events/stream": "see_events", "/live/garden/mjpeg": "see_live", "/live/garden/ws": "see_live"}
"""Every answer without an end, and the right it needs."""


HANDSHAKE = {
    "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


def opened(house: RunningHouse, path: str, headers: dict[str, str]) -> int:
    """The status with which a stream or a socket begins."""
    if path.endswith("/ws"):
        headers = headers | HANDSHAKE
    connection = http.client.HTTPConnection("127.0.0.1", port_of(house), timeout=PATIENCE_S)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status


@pytest.mark.parametrize("role", ["owner", "adult", "child", "guest"])
@pytest.mark.parametrize("path", STREAMS)
def test_streams_and_sockets_are_for_who_may(house: RunningHouse, path: str, role: str) -> None:
    """Stranger, member, member limited to no camera, key with the right, and key without it."""
    good = 101 if path.endswith("/ws") else 200
    assert opened(house, path, {}) == 401
    assert opened(house, path, {"Cookie": f"vigilar_session={'0' * 64}"}) == 401
    assert opened(house, path, {"Authorization": f"Bearer vigilar_{'0' * 64}"}) == 401
    name = f"{role} of {path}"
    change(house, "POST", "/api/v1/me/prove", {"password": PASSWORD})  # the owner's login may be older than ten minutes
    made = change(house, "POST", "/api/v1/members", {"name": name, "role": role, "password": PASSWORD})
    assert opened(house, path, {"Cookie": sign_in(house, name=name)}) == good
    if role != "owner":
        change(house, "PATCH", f"/api/v1/members/{made['id']}", {"cameras": []})
        cookie = {"Cookie": sign_in(house, name=name)}
        if path.endswith("/ws"):
            assert b'"camera.unknown"' in said_on_socket(house, path, cookie)
        else:
            assert opened(house, path, cookie) == (200 if path == "/events/stream" else 404)
    for right in ("see_events", "see_live"):
        key = change(house, "POST", "/api/v1/tokens", {"name": f"{name}, {right}"[:64], "rights": [right]})
        found = opened(house, path, {"Authorization": f"Bearer {key['token']}"})
        assert found == (good if STREAMS[path] == right else 403), right


def said_on_socket(house: RunningHouse, path: str, headers: dict[str, str]) -> bytes:
    """All that comes on a socket that ends."""
    lines = [f"{name}: {value}" for name, value in ({"Host": "localhost"} | HANDSHAKE | headers).items()]
    said = b""
    with socket.create_connection(("127.0.0.1", port_of(house)), timeout=PATIENCE_S) as raw:
        raw.sendall(("\r\n".join([f"GET {path} HTTP/1.1", *lines]) + "\r\n\r\n").encode())
        while piece := raw.recv(65536):
            said += piece
    return said


def change(house: RunningHouse, method: str, path: str, body: dict[str, object]) -> dict[str, Any]:
    """What the owner's request answers."""
    request = urllib.request.Request(
        house.base + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method
    )
    with house.opener.open(request, timeout=PATIENCE_S) as answer:
        found: dict[str, Any] = json.loads(answer.read() or b"{}")
        return found


def test_address_of_who_asks_is_the_true_one(house: RunningHouse) -> None:
    """Not what a stranger writes, and not the door's; nor does he say what the path is."""
    lies = {"X-Vigilar-Client": "6.6.6.6", "X-Vigilar-Tls": "1", "X-Forwarded-For": "6.6.6.6"}
    lies |= {"X_Vigilar_Client": "6.6.6.6", "X_Vigilar_Tls": "1", "SCRIPT_NAME": "/api", "PATH_INFO": "/healthz"}
    connection = http.client.HTTPConnection(
        "127.0.0.1", port_of(house), timeout=PATIENCE_S, source_address=("127.0.0.9", 0)
    )
    with contextlib.closing(connection):
        body = json.dumps({"name": "sam", "password": PASSWORD})
        connection.request("POST", "/api/v1/login", body, {"Content-Type": "application/json", **lies})
        answer = connection.getresponse()
        assert (answer.status, "__Host-" in str(answer.headers["Set-Cookie"])) == (200, False)
    found = json.loads(house.get("/api/v1/sessions"))["sessions"]
    assert {one["address"] for one in found} == {"127.0.0.1", "127.0.0.9"}
    assert [one["is_secure"] for one in found if one["address"] == "127.0.0.9"] == [False]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nX-Slow: ", 408),
        (b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n{", 408),
        (b"GET / HTTP/1.1\r\nX-Big: " + b"x" * 60_000, 400),
    ],
    ids=["header", "body", "giant"],
)  # fmt: skip
def test_slow_and_giant_senders_are_sent_away(house: RunningHouse, sent: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", port_of(house)), timeout=PATIENCE_S) as raw:
        with contextlib.suppress(ConnectionError):  # it may be sent away while it still sends
            raw.sendall(sent)
        answer = raw.recv(65536)  # of the socket's time
        assert answer.startswith(f"HTTP/1.1 {status}".encode())
        assert b"<script" not in answer


@pytest.mark.parametrize("tls", [False, True])
def test_many_cookies_of_others_get_a_page_or_words_of_ours(house: RunningHouse, tls: bool) -> None:
    """Cookies know no ports; HAProxy would let in 15 kB, and say "invalid request" to more, in words of its own."""
    own = sign_in(house, tls=tls)
    for size, status, said in ((20_000, 200, "Garden"), (28_000, 431, "Delete the cookies of this address")):
        connection = (
            http.client.HTTPSConnection("127.0.0.1", port_of(house), timeout=60, context=trusting(house))
            if tls
            else http.client.HTTPConnection("127.0.0.1", port_of(house), timeout=60)
        )
        with contextlib.closing(connection):
            connection.request("GET", "/live", headers={"Cookie": f"{own}; other={'x' * size}", "Accept": "text/html"})
            answer = connection.getresponse()
            assert (answer.status, said in answer.read().decode()) == (status, True)


def test_connection_that_says_nothing_is_closed(house: RunningHouse) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port_of(house)), timeout=PATIENCE_S) as raw:
        assert raw.recv(1) == b""
        assert time.monotonic() - began > 9


SLOW_S = 10.0
"""So long the door waits for who sends slowly."""


@pytest.mark.quiet
@pytest.mark.long
def test_slow_and_many_senders_cost_no_fragment_and_no_page(house: RunningHouse) -> None:
    """200 slow clients and 1,000 requests a second, at once, for ten seconds."""
    cookie = sign_in(house)
    stop, sent, took, fair = threading.Event(), [0] * 8, list[float](), list[float]()
    slow: list[socket.socket] = []
    before_ms = recording_end_ms(house)

    def feed_slowly() -> None:
        """One byte a second, each connection anew when it is sent away."""
        while not stop.wait(1.0):
            for index, one in enumerate(slow):
                try:
                    one.sendall(b"a")
                except OSError:
                    one.close()
                    slow[index] = _slow(house)

    def flood(number: int) -> None:
        """125 requests a second from an address of its own."""
        next_s = time.monotonic()
        while not stop.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                ask(house, "/healthz", f"127.0.1.{number + 1}")
                sent[number] += 1
            next_s = max(next_s + 1 / 125, time.monotonic() - 0.1)
            stop.wait(max(0.0, next_s - time.monotonic()))

    slow += [_slow(house) for _ in range(200)]
    threads = [threading.Thread(target=feed_slowly), *(threading.Thread(target=flood, args=(n,)) for n in range(8))]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    try:
        while time.monotonic() - began < 10:
            for path in ("/live", "/events", "/api/v1/system"):
                connection = http.client.HTTPConnection("127.0.0.1", port_of(house), timeout=PATIENCE_S)
                with contextlib.closing(connection):
                    asked, watch = time.monotonic(), FairWatch()
                    connection.request("GET", path, headers={"Cookie": cookie})
                    answer = connection.getresponse()
                    answer.read()
                    assert answer.status == 200, path
                    took.append(time.monotonic() - asked)
                    fair.append(watch.elapsed_s())
            time.sleep(0.1)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for one in slow:
            one.close()
    rate = sum(sent) / 10
    took.sort()
    late = took[int(0.9 * len(took))]
    print(f"flood {rate:.0f} requests a second, of ten pages nine in {late:.2f} s, all in {took[-1]:.2f} s")
    wait_for(lambda: recording_end_ms(house) > before_ms + 10_000, 60, "footage of the time of the flood")
    assert sorted(fair)[int(0.9 * len(fair))] < 1.0
    assert took[-1] < SLOW_S - 1.0, "nobody waits for a slow sender"
    assert longest_gap_ms(house, before_ms) < 100
    assert ask(house, "/healthz")[0] == 200


def _slow(house: RunningHouse) -> socket.socket:
    raw = socket.create_connection(("127.0.0.1", port_of(house)))
    raw.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
    return raw


BEGIN = "-----BEGIN CERTIFICATE-----"


def door(house: RunningHouse) -> psutil.Process:
    return house.program("haproxy")


def shown_certificate(house: RunningHouse) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port_of(house))) as raw,
        trusting(house).wrap_socket(raw, server_hostname="127.0.0.1") as wrapped,
    ):
        found = wrapped.getpeercert(binary_form=True)
        assert found is not None
        return found


def test_new_certificate_is_shown_without_a_restart(house: RunningHouse) -> None:
    """An open connection stays, too."""
    before, pid, cookie = shown_certificate(house), door(house).pid, sign_in(house)
    stream = http.client.HTTPConnection("127.0.0.1", port_of(house), timeout=PATIENCE_S)
    with contextlib.closing(stream):
        stream.request("GET", "/events/stream", headers={"Cookie": cookie})
        answer = stream.getresponse()
        done = subprocess.run(
            [sys.executable, "-m", "vigilar", "certificate", "renew", "--data-dir", str(house.folder)],
            capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        wait_for(lambda: shown_certificate(house) != before, 60, "another certificate is shown")
        assert door(house).pid == pid
        while b"event: health" not in (line := answer.readline()):
            assert line, "the stream ended"


def test_owners_certificate_is_shown_and_taken_back(house: RunningHouse, tmp_path: Path) -> None:
    """As sent on its page; the house answers to the name that it is for."""
    pid = door(house).pid
    authority = load_or_create_authority(tmp_path, ("cams.example",), utc_now())
    key, *chain = issue_leaf(authority, ("cams.example",), (), utc_now()).decode().split(BEGIN)
    body = {"certificate": "".join(f"{BEGIN}{one}" for one in chain), "key": key}

    def shown() -> bytes:
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port_of(house))))

    def change(method: str, path: str, content: dict[str, str]) -> None:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(house.base + path, json.dumps(content).encode(), headers, method=method)
        house.opener.open(request, timeout=PATIENCE_S).close()

    house.prove()
    began = time.monotonic()
    change("PUT", "/api/v1/certificate", body)
    wait_for(lambda: shown() == ssl.PEM_cert_to_DER_cert(BEGIN + chain[0]), 60, "it is shown")
    took_s = time.monotonic() - began
    named = urllib.request.Request(house.base + "/healthz", headers={"Host": f"cams.example:{port_of(house)}"})
    with urllib.request.urlopen(named, timeout=PATIENCE_S) as answer:
        assert answer.status == 200
    change("POST", "/api/v1/settings/undo", {})
    wait_for(lambda: shown_certificate(house), 60, "one by the house's own root is back")
    assert door(house).pid == pid
    print(f"certificate: {took_s:.2f} s")


def test_plain_http_is_closed_while_somebody_looks(house: RunningHouse) -> None:
    """As its page does it; who looks from another machine is cut off, and comes back by HTTPS alone."""
    elsewhere = {"Host": f"vigilar.local:{port_of(house)}"}
    cookie = sign_in(house, headers=elsewhere)
    stream = http.client.HTTPConnection("127.0.0.1", port_of(house), timeout=PATIENCE_S)
    with contextlib.closing(stream):
        stream.request("GET", "/events/stream", headers={"Cookie": cookie, **elsewhere})
        answer = stream.getresponse()
        assert b"retry" in answer.readline()
        assert opened(house, "/live", {"Cookie": cookie, **elsewhere}) == 200
        pid = door(house).pid
        assert post_form(house, "/settings/certificate", "way=close") == 303
        began = time.monotonic()
        with contextlib.suppress(http.client.IncompleteRead):
            answer.read()
        print(f"the stream ended {time.monotonic() - began:.1f} s after plain HTTP was closed")
    assert opened(house, "/live", {"Cookie": cookie, **elsewhere}) == 403
    assert opened(house, "/login", elsewhere) == 403
    assert opened(house, "/trust", elsewhere) == 200
    assert ask(house, "/login", tls=True)[0] == 200
    wait_for(lambda: is_told(house, BIG, 431), 60, "what is too big for a page is told to come by HTTPS alone")
    assert is_told(house, HALF, 408)
    assert post_form(house, "/settings/certificate", "way=open") == 303
    wait_for(lambda: opened(house, "/login", elsewhere) == 200, 60, "plain HTTP is open again")
    wait_for(lambda: not is_told(house, BIG, 431), 60, "what is too big is not told so any more")
    assert not is_told(house, HALF, 408)
    assert door(house).pid == pid


BIG = b"GET / HTTP/1.1\r\nHost: vigilar.local\r\nCookie: a=" + b"x" * 28_000 + b"\r\n\r\n"
HALF = b"POST /api/v1/login HTTP/1.1\r\nHost: vigilar.local\r\nContent-Length: 900\r\n\r\n{"


def is_told(house: RunningHouse, sent: bytes, status: int) -> bool:
    """Whether the refusal of this by TLS, with that status, lets the browser come back by HTTPS alone."""
    with (
        socket.create_connection(("127.0.0.1", port_of(house)), timeout=PATIENCE_S) as raw,
        trusting(house).wrap_socket(raw, server_hostname="127.0.0.1") as wrapped,
    ):
        wrapped.sendall(sent)
        answer = b""
        while piece := wrapped.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 %d" % status)
    return b"\r\nstrict-transport-security: max-age=31536000\r\n" in answer.lower()


def post_form(house: RunningHouse, path: str, form: str) -> int:
    """The status of a form that the owner sends by HTTPS, just signed in."""
    headers = {"Cookie": sign_in(house, tls=True), "Content-Type": "application/x-www-form-urlencoded"}
    connection = http.client.HTTPSConnection("127.0.0.1", port_of(house), timeout=PATIENCE_S, context=trusting(house))
    with contextlib.closing(connection):
        connection.request("POST", path, form, {**headers, "Accept": "text/html"})
        return connection.getresponse().status


@pytest.mark.long
def test_door_that_hangs_is_started_again(house: RunningHouse) -> None:
    before = door(house)
    before.suspend()
    wait_for(lambda: door(house).pid != before.pid, 60, "another door")
    wait_for(lambda: ask(house, "/healthz")[0] == 200, 60, "it answers")


def test_killed_door_comes_back(house: RunningHouse) -> None:
    before = door(house)
    known = {one["id"] for one in house.events("process_restarted")}
    before.kill()
    wait_for(lambda: door(house).pid != before.pid, 60, "another door")
    wait_for(lambda: ask(house, "/healthz")[0] == 200, 60, "the door is back")
    wait_for(lambda: {one["id"] for one in house.events("process_restarted")} - known, 60, "that is told")


HIDDEN = ("unshare", "--mount", "sh", "-c", 'mount --bind /dev/null /usr/sbin/haproxy && exec "$@"', "sh")
"""Runs what follows on a machine without HAProxy."""


def test_without_haproxy_plain_http_is_served_and_says_what_is_lacking(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can hide a program")
    with run_house(tmp_path / "data", {}, through=HIDDEN) as bare:
        assert json.loads(bare.get("/api/v1/system"))["certificate"]["state"] == "warn"
        assert b"apt-get install haproxy" in bare.get("/system")
        assert bare.programs("haproxy") == []
        done = subprocess.run(
            [*HIDDEN, sys.executable, "-m", "vigilar", "status", "--data-dir", str(bare.folder)],
            capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert "HAProxy is not installed" in done.stdout + done.stderr
