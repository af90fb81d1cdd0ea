"""The way out of the house: real sockets, the real program as the service manager starts it."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S, ROOT
from tests.ports import free_port
from vigilar.base.errors import ErrorKind, VigilarError
from vigilar.base.outside import VARIABLE, connect_outside, leaves_by_gate
from vigilar.notify.push import endpoints
from vigilar.notify.way_out import KNOWN_HOSTS, is_allowed, read_hosts, serve
from vigilar.notify.web_request import NotSentError, WebDoor


class Gate:
    """Stands where the service manager's socket stands: for each connection the program, with the connection as its
    standard input."""

    def __init__(self, path: Path, hosts: Path) -> None:
        self._hosts = hosts
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._thread = threading.Thread(target=self._run, name="gate")
        self._thread.start()

    def _run(self) -> None:
        script = (
            "import sys, pathlib, socket; from vigilar.notify.way_out import serve; "
            "sys.exit(serve(socket.socket(fileno=0), pathlib.Path(sys.argv[1])))"
        )
        while True:
            try:
                asking, _ = self._listening.accept()
            except OSError:
                return
            with asking:
                command = [sys.executable, "-S", "-c", script, str(self._hosts)]
                subprocess.run(command, stdin=asking.fileno(), cwd=ROOT, check=True)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    return tmp_path / "hosts"


@pytest.fixture
def gate(tmp_path: Path, hosts: Path) -> Iterator[dict[str, str]]:
    standing = Gate(tmp_path / "gate.sock", hosts)
    yield {VARIABLE: str(tmp_path / "gate.sock")}
    standing.close()


def _outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's host is on this machine, and is to count as one that is not."""
    monkeypatch.setattr("vigilar.base.outside.leaves_by_gate", lambda *_: True)


def test_allowed_host_is_reached_both_ways(gate: dict[str, str], hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _outside(monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as service:
        port = service.getsockname()[1]
        hosts.write_text(f"# ours\nlocalhost:{port}\n", encoding="utf-8")
        with connect_outside("localhost", port, PATIENCE_S, gate) as connection:
            peer, _ = service.accept()
            with peer:
                connection.sendall(b"POST")
                assert peer.recv(16) == b"POST"
                peer.sendall(b"201" * 20_000)
                peer.shutdown(socket.SHUT_WR)
                got = b"".join(iter(lambda: connection.recv(65536), b""))
                assert got == b"201" * 20_000
                connection.shutdown(socket.SHUT_WR)
                assert peer.recv(16) == b""


def test_host_not_allowed_is_refused_with_what_to_do(
    gate: dict[str, str], hosts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _outside(monkeypatch)
    with pytest.raises(VigilarError) as refused:
        connect_outside("mail.example.org", 465, PATIENCE_S, gate)
    assert refused.value.kind is ErrorKind.PERMANENT
    assert str(refused.value) == (
        "mail.example.org:465 is not among the hosts that this house may reach. "
        f"If it is to be, add a line to {hosts}, as root: mail.example.org:465"
    )


def test_silent_port_is_an_ordinary_error(gate: dict[str, str], hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _outside(monkeypatch)
    port = free_port()
    hosts.write_text(f"localhost:{port}\n", encoding="utf-8")
    with pytest.raises(ConnectionError, match="localhost does not answer"):
        connect_outside("localhost", port, PATIENCE_S, gate)


def test_private_address_is_reached_without_the_gate(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as service,
        connect_outside("127.0.0.1", service.getsockname()[1], 5.0, {VARIABLE: str(tmp_path / "none.sock")}) as made,
    ):
        assert made.getpeername() == service.getsockname()


@pytest.mark.parametrize("question", [b"", b"\n", b"host\n", b"host 0\n", b"host 70000\n", b"a b c\n", b"x" * 600])
def test_garbage_is_answered_and_ends(question: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(question)
        ours.shutdown(socket.SHUT_WR)
        assert serve(theirs, Path("/nonexistent")) == 0
        assert ours.recv(100) == b"failed the question was not understood\n"


@pytest.mark.parametrize(
    ("host", "port", "is_in"),
    [
        ("fcm.googleapis.com", 443, True),
        ("FCM.googleapis.com.", 443, True),
        ("fcm.googleapis.com", 80, False),
        ("web.push.apple.com", 443, True),
        ("push.apple.com", 443, False),
        ("evilpush.apple.com", 443, False),
        ("fcm.googleapis.com.evil.example", 443, False),
        ("wns2-par02p.notify.windows.com", 443, True),
        ("example.org", 443, False),
    ],
)
def test_known_services_alone_are_allowed(host: str, port: int, is_in: bool) -> None:
    assert is_allowed(host, port, KNOWN_HOSTS) is is_in


def test_known_services_are_those_of_the_subscriptions() -> None:
    assert tuple(f"{host}:443" for host in endpoints.KNOWN_HOSTS) == KNOWN_HOSTS


@pytest.mark.parametrize(
    ("addresses", "leaves"),
    [
        (["192.168.1.9"], False),
        (["fe80::1%eth0"], False),
        (["100.70.0.1"], False),
        (["1.1.1.1"], True),
        (["192.168.1.9", "1.1.1.1"], True),
        ([], True),
    ],
)
def test_what_lies_in_the_house_needs_no_gate(addresses: list[str], leaves: bool) -> None:
    assert leaves_by_gate(addresses, {VARIABLE: "/run/gate.sock"}) is leaves
    assert leaves_by_gate(addresses, {}) is False


def test_request_of_a_push_goes_through_the_gate(
    gate: dict[str, str], hosts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, gate[VARIABLE])
    with socket.create_server(("127.0.0.1", 0)) as service:
        port = service.getsockname()[1]

        def answer() -> None:
            peer, _ = service.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

        answering = threading.Thread(target=answer)
        door = WebDoor("localhost", port, is_tls=False, allows=lambda _: True, resolve=lambda *_: [])
        refused = pytest.raises(NotSentError, match="is not among the hosts that this house may reach")
        with refused:
            door.ask("POST", "/push", {}, b"sealed")
        hosts.write_text(f"localhost:{port}\n", encoding="utf-8")
        answering.start()
        assert door.ask("POST", "/push", {}, b"sealed").status == 201
        answering.join()
        door.close()


def test_owner_file_may_be_absent_or_commented(tmp_path: Path) -> None:
    assert read_hosts(tmp_path / "none") == ()
    (tmp_path / "some").write_text("\n# mail\nmail.example.org:465 # ours\n", encoding="utf-8")
    assert read_hosts(tmp_path / "some") == ("mail.example.org:465",)
