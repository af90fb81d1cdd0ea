"""The program that stands in for the house while its drive is away."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.conftest import PATIENCE_S, ROOT, wait_until
from tests.ports import free_port
from vigilar.base.page_headers import SECURITY_HEADERS
from vigilar.base.ports import LOOPBACK

WORDS = {"sentence": "It is <not> there.", "next_step": "Plug it in."}


@pytest.fixture
def page() -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    command = [sys.executable, "-m", "vigilar.processes.drive_page"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True)
    say(process, {"listen": LOOPBACK, "port": port, **WORDS})
    try:
        wait_until(lambda: is_up(port), 20.0)
        yield process, port
    finally:
        process.kill()
        process.communicate()


def say(process: subprocess.Popen[str], line: dict[str, object]) -> None:
    assert process.stdin
    process.stdin.write(json.dumps(line) + "\n")
    process.stdin.flush()


def is_up(port: int) -> bool:
    try:
        return ask(port, "/healthz")[0] == 200
    except OSError:
        return False


def ask(port: int, path: str, method: str = "GET", accept: str = "*/*", body: bytes = b"") -> tuple[int, str]:
    """Status and text; the product's headers are on every answer."""
    with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=PATIENCE_S)) as connection:
        connection.request(method, path, body or None, {"Accept": accept})
        answer = connection.getresponse()
        assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status, answer.read().decode()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_address_is_the_sentence(page: tuple[subprocess.Popen[str], int], method: str) -> None:
    for path in ("/", "/setup", "/api/v1/setup", "/login", "/healthz/x", "/../../etc/passwd"):
        status, text = ask(page[1], path, method, body=b"x" * 100_000 if method == "POST" else b"")
        assert (status, json.loads(text)["type"], json.loads(text)["title"]) == (503, "V-DRIVE", WORDS["sentence"])
    status, text = ask(page[1], "/setup", method, accept="text/html")
    assert (status, "It is &lt;not&gt; there." in text, "<not>" in text) == (503, True, False)


def test_health_and_style_answer(page: tuple[subprocess.Popen[str], int]) -> None:
    assert ask(page[1], "/healthz") == (200, "ok\n")
    assert ask(page[1], "/drive.css")[0] == 200


def test_new_words_are_shown(page: tuple[subprocess.Popen[str], int]) -> None:
    say(page[0], {"sentence": "It hangs.", "next_step": "Wait."})
    wait_until(lambda: "It hangs. Wait." in ask(page[1], "/")[1], 10.0)


def test_end_of_the_supervisor_ends_it(page: tuple[subprocess.Popen[str], int]) -> None:
    assert page[0].stdin
    page[0].stdin.close()
    page[0].wait(PATIENCE_S)
