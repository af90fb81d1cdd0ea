"""A push service of the tests' own, and the phones it rings: real HTTPS under an authority made on the spot, the
senders' signatures checked, each message opened with the phone's own key. It answers as told.

Written from the RFCs and not from the product: HKDF by the library's own class, the signature by its verifier.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POINT = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class FakePhone:
    """A browser's subscription, and what only the browser has."""

    name: str
    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def p256dh(self) -> bytes:
        return self.key.public_key().public_bytes(*POINT)

    def subscription(self) -> dict[str, Any]:
        """As ``PushSubscription.toJSON`` gives it."""
        return {"endpoint": self.endpoint, "keys": {"p256dh": b64(self.p256dh), "auth": b64(self.auth)}}

    def open(self, body: bytes) -> bytes:
        """The message in a push: RFC 8291, 3.4 and RFC 8188, 2. Raises where the seal is not good."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
        secret = HKDF(hashes.SHA256(), 32, self.auth, b"WebPush: info\0" + self.p256dh + sender).derive(shared)
        key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
        nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
        padded = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
        assert padded[-1:] == b"\x02", "the last record ends so"
        return padded[:-1]


@dataclass(frozen=True)
class Push:
    """One request. ``at_s`` is time.time(); ``status`` what was answered."""

    phone: str
    headers: dict[str, str]
    body: bytes
    message: dict[str, Any]
    at_s: float
    status: int


class PushService:
    """``phone`` adds one. ``answers`` are given in turn, (status, headers); when there are none, ``always``. A phone
    whose name is in ``hanging`` gets its answer when the event there is set, and stands in ``held`` until then too."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.ca_file = folder / "push-ca.pem"
        self.phones: dict[str, FakePhone] = {}
        self.pushes: list[Push] = []
        self.answers: deque[tuple[int, dict[str, str]]] = deque()
        self.always: tuple[int, dict[str, str]] = (201, {})
        self.hanging: dict[str, threading.Event] = {}
        self.held: list[str] = []
        self.now_s: Callable[[], float] = time.time
        self.bad: list[str] = []
        """What no sender may do: each is a sentence."""
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler_of(self))
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(make_certificate(folder, self.ca_file))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="push-service")

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    def phone(self, name: str) -> FakePhone:
        made = FakePhone(name, f"https://{self.host}/push/{name}")
        self.phones[name] = made
        return made

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def accepted(self) -> list[Push]:
        with self._lock:
            return [one for one in self.pushes if one.status == 201]

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        at_s = time.time()
        phone = self.phones.get(path.removeprefix("/push/"))
        if phone is None:
            return 404, {}
        self._check(headers, body)
        message = json.loads(phone.open(body))
        if phone.name in self.hanging:
            with self._lock:
                self.held.append(phone.name)
            self.hanging[phone.name].wait(60)
        with self._lock:
            answer = self.answers.popleft() if self.answers else self.always
            self.pushes.append(Push(phone.name, headers, body, message, at_s, answer[0]))
        return answer

    def _check(self, headers: dict[str, str], body: bytes) -> None:
        """RFC 8030, 5; RFC 8292, 2 and 4.2."""
        problems = []
        if len(body) > 4096:
            problems.append("a body above 4096 bytes")
        if headers.get("content-encoding") != "aes128gcm":
            problems.append("another content encoding")
        if not headers.get("ttl", "").isdigit():
            problems.append("no TTL")
        if headers.get("urgency") not in ("very-low", "low", "normal", "high"):
            problems.append("no urgency that there is")
        if len(headers.get("topic", "")) > 32:
            problems.append("a topic above 32 characters")
        problems += check_vapid(headers.get("authorization", ""), f"https://{self.host}", self.now_s())
        self.bad += problems


def check_vapid(header: str, origin: str, now_s: float) -> list[str]:
    """What is wrong with an ``Authorization`` header, as sentences."""
    try:
        scheme, _, rest = header.partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        head, claims, signature = parts["t"].split(".")
        raw = unb64(signature)
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(parts["k"]))
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        public.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        told = json.loads(unb64(claims))
    except Exception as error:
        return [f"a signature that is not good: {error!r}"]
    wrong = [] if scheme == "vapid" else ["another scheme"]
    if told["aud"] != origin:
        wrong.append(f"signed for {told['aud']}")
    if not now_s < told["exp"] <= now_s + 86_400:
        wrong.append("signed for too long, or for no more")
    if not told["sub"].startswith(("mailto:", "https:")):
        wrong.append("nobody to write to")
    return wrong


def _handler_of(service: PushService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more = service.take(self.path, headers, body)
            self.send_response(status)
            for name, value in {"Location": f"{self.path}/m", "Content-Length": "0", **more}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 -- the library's name
            """Quiet."""

    return Handler


def make_certificate(folder: Path, ca_file: Path) -> Path:
    """A server's key and certificate for ``localhost`` in one file, under an authority in ``ca_file``."""
    now = datetime.now(UTC)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])

    def begin(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(ca_name).public_key(public)
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
        return made.not_valid_after(now + timedelta(days=30)).add_extension(identifier, critical=False)

    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    ca = begin(ca_name, ca_key.public_key()).add_extension(x509.BasicConstraints(True, 0), critical=True)
    ca = ca.add_extension(usage, critical=True)
    ca = ca.add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    leaf = begin(name, key.public_key()).add_extension(names, critical=False)
    leaf = leaf.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    pem = serialization.Encoding.PEM
    ca_file.write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    file = folder / "push-server.pem"
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(secret + leaf.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    return file


@contextmanager
def push_service(folder: Path, port: int) -> Iterator[PushService]:
    """Running until the block ends."""
    service = PushService(folder, port)
    service.start()
    try:
        yield service
    finally:
        service.close()
