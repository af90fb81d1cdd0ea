"""RTSP over TLS: ``rtsps://``. What the host trusts is trusted; else the certificate is pinned on first use.

Cameras make their own certificates, which nobody has signed. The first one seen is written down by its fingerprint, in
the folder of the secrets, and must be the same from then on. A certificate that the host's own checks accept needs no
pin, but is written down as such: one that nobody has signed is not taken in its place later. One that is signed by a
known authority but has another name or is out of date is refused, as any other program of the host would.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
import select
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from vigilar.base.atomic import fsync_folder, make_private_folder, write_atomic
from vigilar.base.errors import CameraError
from vigilar.capture.address_gate import STRICT, Resolve
from vigilar.capture.rtsp import sentences
from vigilar.capture.rtsp.address import Address
from vigilar.capture.rtsp.intake import Intake
from vigilar.capture.rtsp.wire import LOW_WATER, SEND_S, WAKE_S, Wire, connect

logger = logging.getLogger(__name__)

FOLDER = "certificates"
_BY_HOST = "trusted by the host"
_SELF_SIGNED = frozenset({18, 19, 20, 21})
"""X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, SELF_SIGNED_CERT_IN_CHAIN, UNABLE_TO_GET_ISSUER_CERT_LOCALLY and
UNABLE_TO_VERIFY_LEAF_SIGNATURE (openssl verify(1)): no authority of the host has to do with it."""


class Pins:
    """Fingerprints of certificates, one file for each host and port. Nothing is held in memory."""

    def __init__(self, folder: Path | None, may_write: bool) -> None:
        self._folder, self._may_write = folder and folder / FOLDER, may_write

    def find(self, address: Address) -> str | None:
        """SHA-256 of the certificate in hexadecimal digits, or that the host trusts it; None: never seen.

        Raises CameraError when it cannot be read: to go on would trust anybody.
        """
        if self._folder is None:
            return None
        try:
            return (self._folder / pin_name(address.host, address.port)).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise sentences.certificate_refused("what was noted of it cannot be read") from error

    def write(self, address: Address, pin: str) -> None:
        """Durable when this returns. Raises CameraError when it cannot be kept, as then a change would not be seen."""
        if self._folder is None or not self._may_write:
            return
        try:
            make_private_folder(self._folder)
            write_atomic(self._folder / pin_name(address.host, address.port), f"{pin}\n".encode(), 0o600)
        except OSError as error:
            raise sentences.certificate_refused("it cannot be noted for the next time") from error
        logger.info("the camera's certificate is noted: %s", pin)


def forget_pin(folder: Path, address: Address) -> bool:
    """Forget what is noted of the certificate at ``address``; False when nothing is. Raises CameraError."""
    path = folder / FOLDER / pin_name(address.host, address.port)
    try:
        path.unlink()
        fsync_folder(path.parent)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise sentences.certificate_refused("what was noted of it cannot be removed") from error
    return True


def pin_name(host: str, port: int) -> str:
    """The name of a pin's file."""
    return f"{re.sub(r'[^a-z0-9.-]', '_', host.lower())}_{port}"


class TlsWire(Wire):
    """A connection under TLS. The socket does not block; ``poll`` waits, which heeds SO_RCVLOWAT as well."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        super().__init__(sock)
        self._tls = sock
        sock.setblocking(False)
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def fill(self) -> int:
        if not self._tls.pending():
            self._poll.poll(WAKE_S * 1000)
        begin, limit = self._have, self._have + LOW_WATER
        try:
            while self._have < limit:
                count = self._tls.recv_into(self._view[self._have : limit])
                if not count:
                    raise sentences.ended()
                self._have += count
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError as error:
            raise sentences.ended() from error
        return self._have - begin

    def send(self, data: bytes) -> None:
        try:
            self._tls.settimeout(SEND_S)
            self._tls.sendall(data)
        except OSError as error:
            raise sentences.ended() from error
        finally:
            with contextlib.suppress(OSError):
                self._tls.setblocking(False)

    def send_last(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._tls.send(data)


def open_tls(
    sock: socket.socket,
    address: Address,
    intake: Intake,
    deadline_s: float,
    is_stopped: Callable[[], bool],
    resolve: Resolve = STRICT.resolve,
) -> Wire:
    """The connection ``sock``, encrypted, with a camera that is the same as before. Raises CameraError.

    ``resolve``: as in ``wire.connect``, for the connections that are made in its place.
    """
    pins = Pins(intake.pins_dir, intake.may_pin)
    try:
        known = pins.find(address)
    except CameraError:
        sock.close()
        raise
    if known and known != _BY_HOST:
        tls = _shake_hands(sock, _trusting(), address, deadline_s, is_stopped)
        if _fingerprint(tls) == known:
            return TlsWire(tls)
        tls.close()
        sock = connect(address.host, address.port, deadline_s, is_stopped, resolve)
    try:
        tls = _shake_hands(sock, ssl.create_default_context(), address, deadline_s, is_stopped)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code not in _SELF_SIGNED:
            raise sentences.certificate_refused(error.verify_message.rstrip(".")) from error
        if known:
            raise sentences.certificate_changed() from error
    else:
        if known != _BY_HOST:
            pins.write(address, _BY_HOST)
        return TlsWire(tls)
    sock = connect(address.host, address.port, deadline_s, is_stopped, resolve)
    tls = _shake_hands(sock, _trusting(), address, deadline_s, is_stopped)
    try:
        pins.write(address, _fingerprint(tls))
    except CameraError:
        tls.close()
        raise
    return TlsWire(tls)


def _trusting() -> ssl.SSLContext:
    """For a certificate that is compared afterwards, before anything is sent. Cameras know old protocols only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _fingerprint(tls: ssl.SSLSocket) -> str:
    return hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()


def _shake_hands(
    sock: socket.socket, context: ssl.SSLContext, address: Address, deadline_s: float, is_stopped: Callable[[], bool]
) -> ssl.SSLSocket:
    """Raises CameraError, and SSLCertVerificationError. ``sock`` is closed then."""
    sock.setblocking(False)
    tls = context.wrap_socket(sock, server_hostname=address.host, do_handshake_on_connect=False)
    try:
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                _await(tls, select.POLLIN, deadline_s, is_stopped)
            except ssl.SSLWantWriteError:
                _await(tls, select.POLLOUT, deadline_s, is_stopped)
            else:
                return tls
    except ssl.SSLCertVerificationError:
        tls.close()
        raise
    except OSError as error:
        tls.close()
        raise sentences.no_tls() from error
    except CameraError:
        tls.close()
        raise


def _await(tls: ssl.SSLSocket, event: int, deadline_s: float, is_stopped: Callable[[], bool]) -> None:
    poll = select.poll()
    poll.register(tls, event)
    while not poll.poll(WAKE_S * 1000):
        if is_stopped():
            raise sentences.stopped()
        if time.monotonic() > deadline_s:
            raise sentences.silent_about_tls()
