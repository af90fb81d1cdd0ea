"""HAProxy as the door: its configuration and its command.

One port takes TLS and plain HTTP, told apart by the first byte. Headers and bodies have deadlines, connections of one
address are counted, and only whole requests reach the web process, by a Unix socket that nobody else can open. So
whoever sends slowly costs a few kilobytes here and no thread there.

Loaded by the supervisor for the command, so nothing heavy may be imported here. Directives: HAProxy 2.6 manual.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from vigilar.base.atomic import make_private_folder, write_remade
from vigilar.base.errors import ErrorKind, VigilarError
from vigilar.base.page_headers import STRICT, Refusal, bare_answer
from vigilar.door.places import ADMIN_SOCKET, WEB_SOCKET

MAX_BROWSERS = 1000
"""Connections from outside at once. Each takes four descriptors, one a step of its way."""

OF_ONE_ADDRESS = 100
"""Connections of one address (IPv6: of one /64). A browser has six, or one with HTTP/2; a wall of tablets behind one
address some dozen."""

REQUESTS_IN_5_S = 1000
"""Of one address. A page with sixteen cameras asks for some fifty a second."""

PIPES = 160
"""Two for each who watches, one a step of the way, and some for films. Each takes two descriptors."""

TLS_SESSIONS = 1000
"""That browsers may take up again. HAProxy's own 20,000 take 5 MB; a house has some dozen of browsers."""

MAX_ANSWER_BYTES = 16 * 1024

AT_ONCE = {"app": 10, "long": 50, "big": 4, "watch": 80}
"""Requests of each sort that the web process has at once; the others wait here. Together they are its 64 threads: pages
never wait for films, and who sends a large body slowly holds no more than his four. ``watch`` are WebSockets, which
hold no thread there: some more than it lets watch, as who is one too many is told so by it."""

HTTPS_ONLY_FILE = "https_only.acl"
"""In the door's folder: the word ``on`` where the owner closed plain HTTP, else ``off``."""

_CONFIGURATION = """\
# Written by Vigilar at each start: changes here are lost. Settings are in [web] of the configuration file.
global
  log stderr format raw local0 warning
  maxconn {connections}
  nbthread 1
  stats socket unix@{admin} mode 600 level admin
  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
  ssl-default-bind-ciphers ECDHE+AESGCM:ECDHE+CHACHA20
  maxpipes {pipes}
  tune.ssl.cachesize {tls_sessions}
  tune.bufsize 32768
  tune.pipesize 32768
  tune.sndbuf.client 65536
  tune.rcvbuf.server 65536
  tune.sndbuf.server 65536
defaults
  log global
  option dontlognull
  option dontlog-normal
  timeout connect 3s
  timeout client 60s
  timeout server 60s
  timeout client-fin 10s
  timeout http-request 10s
  timeout http-keep-alive 30s
  timeout queue 10s
  timeout tunnel 1h
  retries 3
{errors}
frontend door
  mode tcp
  maxconn {browsers}
  bind {bind} tcp-ut 10s
  stick-table type ipv6 size 20k expire 1m store conn_cur
  acl is_trusted src 127.0.0.0/8 ::1{proxies}
  tcp-request connection track-sc0 src,ipmask(32,64)
  tcp-request connection reject if !is_trusted {{ sc0_conn_cur gt {of_one_address} }}
  tcp-request inspect-delay 10s
  tcp-request content accept if {{ req.ssl_hello_type 1 }}
  tcp-request content accept if {{ req.len gt 0 }} !{{ req.payload(0,1) -m bin 16 }}
  tcp-request content reject if WAIT_END
{use_tls}  default_backend to_plain
{tls_backend}backend to_plain
  mode tcp
  option splice-response
  server here unix@plain.sock send-proxy-v2
backend requests
  stick-table type ipv6 size 20k expire 1m store http_req_rate(5s)
{pages}{pages_by_tls}{backends}"""

_PAGES = """\
frontend {name}
  mode http
  maxconn {browsers}
  bind {bind}
{more}  option http-server-close
  acl is_trusted src 127.0.0.0/8 ::1{proxies}
  http-request track-sc1 src,ipmask(32,64) table requests
  http-request deny deny_status 429 if !is_trusted {{ sc_http_req_rate(1) gt {requests} }}
  http-request del-header x-vigilar-client
  http-request del-header x-vigilar-tls
  http-request set-header X-Vigilar-Client %[src]
  http-request set-header X-Vigilar-Tls %[ssl_fc]
  acl has_login req.cook(vigilar_session) -m found
  acl has_login req.cook(__Host-vigilar_session) -m found
  acl has_login req.hdr(authorization) -m found
  http-request set-priority-class int(-10) if has_login
  acl is_big req.hdr_val(content-length) gt 15000
  acl is_big req.hdr(transfer-encoding) -m found
  acl is_long path_beg /live/ /events/stream /footage/ /s/ /cameras/
  acl is_long path_end .mp4 .m4s .m3u8 .jpg
  acl is_export path_beg /exports/
  acl is_file path_sub /files/
  acl is_watched path_beg /live/
  acl is_socket path_end /ws
  use_backend big if is_big
  use_backend watch if is_watched is_socket
  use_backend long if is_long
  use_backend long if is_export is_file
  default_backend app
"""

_BY_TLS = """\
  errorfile 400 /dev/null
  errorfile 408 /dev/null
  acl is_closed str(on) -m str -f {https_only}
  http-after-response set-header {strict} if !{{ ssl_fc_sni -i localhost }} is_closed
"""

_BACKEND = """\
backend {name}
  mode http
  option http-buffer-request
  option splice-response
  server web unix@{socket} maxconn {at_once}
"""
# tune.bufsize: what is larger with all its headers gets words of HAProxy's own, by TLS none, and other programs of this
# machine may leave many cookies in a browser. Twice the usual leaves room for words of ours; one of the 1000 that send
# slowly takes no more than two.
# errorfile /dev/null: what cannot be read as a request, or whose header does not end or is too large, HAProxy 2.6
# answers before it comes to any rule, in words of its own and without STRICT. By TLS it hangs up instead. A body that
# does not end or cannot be read is met in a backend, where the words of `defaults` are in force.
# is_closed: its list lies in a file of its own, as it can be changed then while HAProxy runs. By the name that TLS was
# begun for, as that of the request is not looked at yet where its body does not end.
# tcp-ut: a browser that takes no data for 10 s is cut off, however long it says that it is there.
# tune.*: what lies in buffers on its way is a live picture's delay.
# splice: answers go from socket to socket inside of the kernel, by a pipe each; with 32 who watch it saves a third. No
# more of them than that: what finds none is copied as before. Their size is a live picture's delay as well.
# No regular expressions: HAProxy makes machine code of them, which the service's unit forbids, and would not start.
# ssl-default-bind-ciphers: of TLS 1.2; all browsers since 2014 have one of these, and none of the others keeps a secret
# that was recorded before a key is stolen (RFC 9325, 4.2). Those of TLS 1.3 are all good.
# no-tls-tickets: their key would outlive the certificate that was taken back.
# set-priority-class: who is signed in does not wait behind a flood of those who are not.
# big: what does not fit the buffer reaches the web process while it is still being sent.

_AGAIN = "Wait a few seconds, then load the page again."

REFUSALS = {
    400: Refusal(
        "Vigilar could not read what the browser sent.",
        "Load the page again. If this comes back, delete the cookies of this address, or use another browser.",
    ),
    408: Refusal(
        "What the browser sent took too long to arrive.",
        "The connection may be weak here. Go nearer to the Wi-Fi, then try again.",
    ),
    429: Refusal("Too many requests came from this device at once.", _AGAIN),
    500: Refusal("Vigilar could not take this request: something went wrong before its pages.", _AGAIN),
    502: Refusal("The pages are not there: Vigilar is starting, or busy.", _AGAIN),
    503: Refusal("The pages are not there: Vigilar is starting, or busy.", _AGAIN),
    504: Refusal("The pages did not answer in time: Vigilar is busy.", _AGAIN),
}
"""What the door says itself: no page of ours is asked then. For a header that never ends or has more than 31 kB it has
words of its own, by TLS none; what else is too much gets the words of ``processes.web``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """What the configuration is made of. ``certificate`` is a file with key and chain, None for plain HTTP only.
    ``https_only``: what goes out by TLS says that this name is to be asked by HTTPS alone."""

    listen: str
    port: int
    proxies: tuple[str, ...]
    certificate: Path | None
    https_only: bool = False


def find_haproxy() -> str | None:
    """The program; None when it is not installed."""
    return shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")


HOW_TO_INSTALL = "sudo apt-get install haproxy, then start Vigilar again"


def lack_of_haproxy(*, https_only: bool) -> str:
    """What a house without it lacks, as a sentence; ``https_only``: its owner has closed plain HTTP. A proxy of his may
    speak HTTPS all the same."""
    left = "see nothing" if https_only else "may look and change nothing"
    return f"HAProxy is not installed, so this house speaks no HTTPS itself: without it other machines {left}."


def door_command(folder: Path) -> list[str]:
    """Raises VigilarError when HAProxy is not installed. Sockets in the configuration are relative to ``folder``, the
    working folder: a path to a Unix socket may have 97 bytes, and a data folder more."""
    program = find_haproxy()
    if program is None:
        raise VigilarError("HAProxy is not installed", kind=ErrorKind.PERMANENT, next_step=HOW_TO_INSTALL)
    return [program, "-db", "-f", str(folder / "haproxy.cfg")]


def is_answering(folder: Path, timeout_s: float) -> bool:
    """Whether the HAProxy that was started in ``folder`` says something: a stopped one still accepts connections."""
    try:
        return ask_door(folder, "show version\n", timeout_s).strip() != ""
    except OSError:
        return False


def ask_door(folder: Path, command: str, timeout_s: float) -> str:
    """What HAProxy answers to a command (its management guide, 9.3). Raises OSError, TimeoutError among them."""
    inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    answer = b""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
        try:
            sock.settimeout(timeout_s)
            sock.connect(f"/proc/self/fd/{inside}/{ADMIN_SOCKET}")
        finally:
            os.close(inside)
        sock.sendall(command.encode())
        sock.shutdown(socket.SHUT_WR)
        while len(answer) < MAX_ANSWER_BYTES and (piece := sock.recv(4096)):
            answer += piece
    return answer.decode("utf-8", "replace")


def tell_https_only(folder: Path, *, https_only: bool, timeout_s: float) -> bool:
    """Have the running HAProxy know it; whether it does. One that is started later reads it in its file."""
    commands = f"clear acl {HTTPS_ONLY_FILE}; add acl {HTTPS_ONLY_FILE} {_on(https_only)}\n"
    try:
        return ask_door(folder, commands, timeout_s).strip() == ""
    except OSError:
        return False


def write_door(folder: Path, settings: DoorSettings) -> None:
    """Lay down what HAProxy reads; what has not changed is not written again. Raises OSError."""
    make_private_folder(folder)
    for status, refusal in REFUSALS.items():
        write_remade(folder / f"{status}.http", _error_page(status, refusal))
    write_remade(folder / HTTPS_ONLY_FILE, f"{_on(settings.https_only)}\n".encode())
    write_remade(folder / "haproxy.cfg", configuration(settings).encode())


def configuration(settings: DoorSettings) -> str:
    browsers = min(MAX_BROWSERS, max(100, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200 - 2 * PIPES) // 4))
    certificate = settings.certificate
    host = f"[{settings.listen}]" if ":" in settings.listen else settings.listen
    proxies = "".join(f" {address}" for address in settings.proxies)

    def pages(name: str, bind: str, more: str = "") -> str:
        own = {"name": name, "bind": bind, "more": more}
        return _PAGES.format(browsers=browsers, proxies=proxies, requests=REQUESTS_IN_5_S, **own)

    by_tls = _BY_TLS.format(strict=" ".join(STRICT), https_only=HTTPS_ONLY_FILE)
    return _CONFIGURATION.format(
        admin=ADMIN_SOCKET,
        browsers=browsers,
        pipes=PIPES,
        tls_sessions=TLS_SESSIONS,
        connections=2 * browsers + 10,
        errors="\n".join(f"  errorfile {status} {status}.http" for status in REFUSALS),
        bind=f"{host}:{settings.port}",
        proxies=proxies,
        of_one_address=OF_ONE_ADDRESS,
        use_tls="  use_backend to_tls if { req.ssl_hello_type 1 }\n" if certificate else "",
        tls_backend="backend to_tls\n  mode tcp\n  server here unix@tls.sock send-proxy-v2\n" if certificate else "",
        pages=pages("pages", "unix@plain.sock mode 600 accept-proxy"),
        pages_by_tls=pages("pages_by_tls", _bind_tls(certificate), by_tls) if certificate else "",
        backends="".join(
            _BACKEND.format(name=name, socket=WEB_SOCKET, at_once=at_once) for name, at_once in AT_ONCE.items()
        ),
    )


def _on(is_on: bool) -> str:
    return "on" if is_on else "off"


def _bind_tls(certificate: Path) -> str:
    """Strong quotes keep all but themselves (2.2 of the manual)."""
    quoted = "'" + str(certificate).replace("'", "'\\''") + "'"
    return f"unix@tls.sock mode 600 accept-proxy ssl crt {quoted} alpn h2,http/1.1"


def _error_page(status: int, refusal: Refusal) -> bytes:
    """A whole answer, as HAProxy sends it (``errorfile``). Pages that are open know by ``X-Vigilar-Door`` that nobody
    of the house said this."""
    return bare_answer(status, refusal, {"Retry-After": "2", "X-Vigilar-Door": "1"})
