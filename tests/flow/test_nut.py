"""The client against NUT's own server, and against servers that are none."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.fair_watch import FairWatch
from tests.fakes.nut import PASSWORD, USER, Nut
from vigilar.power.nut import TIMEOUT_S, UpsAddress, UpsClient, UpsError
from vigilar.power.reading import Supply, read_variables


@pytest.fixture
def nut(tmp_path: Path) -> Iterator[Nut]:
    with Nut(tmp_path / "nut") as nut:
        yield nut


def error_of(address: UpsAddress) -> str:
    with pytest.raises(UpsError) as caught, UpsClient(address) as client:
        client.read()
    return f"{caught.value}. {caught.value.next_step}"


def test_real_server_is_read_with_and_without_login(nut: Nut) -> None:
    for user, password in (("", ""), (USER, PASSWORD)):
        with UpsClient(UpsAddress("ups", "127.0.0.1", nut.port, user, password)) as client:
            reading = read_variables(client.read())
        assert (reading.supply, reading.charge, reading.runtime_s, reading.load) == (Supply.MAINS, 100, 2400, 23)
        assert reading.model == "Test Dummy 1000"


def test_wrong_name_login_and_place_are_told_apart(nut: Nut) -> None:
    assert 'knows no UPS called "other"' in error_of(UpsAddress("other", "127.0.0.1", nut.port))
    refused = error_of(UpsAddress("ups", "127.0.0.1", nut.port, USER, "wrong"))
    assert "rejected the login" in refused
    assert "wrong" not in refused
    nut.end_server()
    assert "nothing answers as NUT server" in error_of(nut.address)


def test_driver_that_died_is_told(nut: Nut) -> None:
    nut.end_driver()
    deadline = time.monotonic() + 20.0
    while nut.status() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert "hears nothing from the UPS" in error_of(nut.address)


@contextmanager
def odd_server(answer: bytes, *, stays: bool = False, pause_s: float = 0.0) -> Iterator[UpsAddress]:
    """Answers each connection with ``answer``; ``stays`` connected then, saying nothing.
    With ``pause_s`` between every ten bytes of it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    sock, _ = server.accept()
                except OSError:
                    return
                with sock:
                    sock.recv(4096)
                    try:
                        step = 10 if pause_s else len(answer) or 1
                        for at in range(0, len(answer), step):
                            sock.sendall(answer[at : at + step])
                            time.sleep(pause_s)
                        if stays:
                            stop.wait(2 * TIMEOUT_S)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield UpsAddress("ups", "127.0.0.1", server.getsockname()[1])
        finally:
            stop.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5.0)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "stopped answering"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak as a NUT server"),
        (b"x" * 1_000_000, "does not speak as a NUT server"),
        (b"BEGIN LIST VAR ups\n" + b'VAR ups a "1"\n' * 5000, "does not speak as a NUT server"),
        (b"BEGIN LIST VAR ups\nVAR other a 1\n", "does not speak as a NUT server"),
        (b"ERR DATA-STALE\n", "hears nothing from the UPS"),
        (b"ERR \xff\xfe{bad}\n", "refused"),
    ],
)
def test_what_is_no_server_ends_in_a_sentence(answer: bytes, said: str) -> None:
    with odd_server(answer) as address:
        assert said in error_of(address)


def test_server_that_says_nothing_is_given_up_in_time() -> None:
    with odd_server(b"BEGIN LIST VAR ups\n", stays=True) as address:
        watch = FairWatch()
        assert "stopped answering" in error_of(address)
        assert watch.elapsed_s() < TIMEOUT_S + 1.0


def test_server_that_says_little_at_a_time_is_given_up_in_time() -> None:
    line = b'VAR ups a "' + b"x" * 1000 + b'"\n'
    with odd_server(b"BEGIN LIST VAR ups\n" + 400 * line, pause_s=0.0001) as address:
        watch = FairWatch()
        assert "stopped answering" in error_of(address)
        assert watch.elapsed_s() < TIMEOUT_S + 1.0
