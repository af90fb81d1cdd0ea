"""Our own Mosquitto: its configuration, the command that runs it, and whether it answers.

The supervisor imports this, so nothing heavy may be imported here. Accounts are made in ``accounts``.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vigilar.base.atomic import make_private_folder, write_remade
from vigilar.base.errors import BusError, ErrorKind, ExitCode
from vigilar.base.ports import LOOPBACK, is_port_free

# MQTT 3.1.1 CONNECT (section 3.1): clean session, keep-alive 10 s, empty client id, no user. Our broker refuses it
# (CONNACK with return code 5), which shows that it is alive without an account and without a trace in its state.
_HELLO = bytes.fromhex("10 0c 0004 4d515454 04 02 000a 0000")
_CONNACK = 0x20
_MAX_ONE_BYTE_LENGTH = 127

_CONFIGURATION = """\
# Written by Vigilar at each start: changes here are lost. Settings are in [bus] of the configuration file.
listener {port} 127.0.0.1
allow_anonymous false
password_file {folder}/accounts
acl_file {folder}/acl
persistence true
persistence_location {folder}/
autosave_on_changes true
autosave_interval 1
max_queued_messages 10000
max_inflight_messages 100
max_packet_size 1048576
set_tcp_nodelay true
log_dest stderr
log_type error
log_timestamp_format %Y-%m-%dT%H:%M:%S%z broker mosquitto
user root
"""
_LAN = """\
listener {port} {host}
allow_anonymous false
password_file {folder}/{accounts}
acl_file {folder}/{acl}
max_connections 20
"""
_ENCRYPTED = """\
# {certificate_id}
certfile {certificate}
keyfile {certificate}
tls_version tlsv1.2
"""
# One file for both: OpenSSL takes from each what it wants. The certificate is named so that another one is another
# configuration. tlsv1.2 is the least that is spoken.

# Users and rules of its own: from the network nobody enters as a process of ours, or says what one says.

# set_tcp_nodelay: else a lone message waits for the acknowledgement of the one before it (41 ms measured).
# autosave: by default what was acknowledged is saved every 30 minutes only, and lost if the broker is killed.
# user: a broker started by root would become user mosquitto, who cannot read our folder. Others stay who they are.


ACCOUNTS, SENSOR_ACCOUNTS = "accounts", "sensor-accounts"
"""Names of the password files in the broker's folder."""


@dataclass(frozen=True, slots=True)
class LanListener:
    """A way in from the network, for what ``name`` says (``sensor``, ``home-assistant``): where, and the text of its
    password file and of its rules. ``certificate`` is the file with the certificate, its chain and its key, where it is
    by TLS only; ``certificate_id`` names its content."""

    name: str
    host: str
    port: int
    accounts: str
    acl: str
    certificate: Path | None = None
    certificate_id: str = ""


def write_configuration(folder: Path, port: int, accounts: str, acl: str, lan: Sequence[LanListener] = ()) -> None:
    """Lay down what Mosquitto reads: ``accounts`` (its password file) and ``acl`` come from ``accounts``.

    What has not changed since the last start is not written again: a full disk must not keep the house from starting.
    Raises OSError.
    """
    make_private_folder(folder)
    write_remade(folder / ACCOUNTS, accounts.encode())
    write_remade(folder / "acl", acl.encode())
    text = _CONFIGURATION.format(port=port, folder=folder)
    if lan:
        text = f"per_listener_settings true\n{text}"
    for way in lan:
        names = {"accounts": f"{way.name}-accounts", "acl": f"{way.name}-acl"}
        write_remade(folder / names["accounts"], way.accounts.encode())
        write_remade(folder / names["acl"], way.acl.encode())
        text += _LAN.format(port=way.port, host=way.host, folder=folder, **names)
        if way.certificate is not None:
            text += _ENCRYPTED.format(certificate=way.certificate, certificate_id=way.certificate_id)
    write_remade(folder / "mosquitto.conf", text.encode())


def is_told_to_listen(folder: Path, host: str, port: int) -> bool:
    """Whether our broker was last told to listen there for the network."""
    try:
        text = (folder / "mosquitto.conf").read_text(encoding="utf-8")
    except OSError:
        return False
    return f"\nlistener {port} {host}\nallow_anonymous false\npassword_file {folder}/" in text.partition("user root")[2]


def broker_command(folder: Path) -> list[str]:
    """Raises BusError when Mosquitto is not installed."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise BusError(
            "the message broker Mosquitto is not installed",
            kind=ErrorKind.PERMANENT,
            next_step="Install it: sudo apt-get install mosquitto",
            exit_code=ExitCode.FAILED,
        )
    return [program, "-c", str(folder / "mosquitto.conf")]


def check_port(port: int) -> None:
    """Raises BusError (exit code BUSY) when another program listens on the broker's port."""
    if not is_port_free(LOOPBACK, port):
        raise BusError(
            f"port {port} on 127.0.0.1, wanted for the message broker, is taken by another program",
            kind=ErrorKind.PERMANENT,
            next_step="Debian's own mosquitto service may be running (sudo systemctl disable --now mosquitto). "
            "Or give ours another port with [bus] port in the configuration (0 takes a free one), "
            'or use the one that runs with [bus] broker = "external".',
            exit_code=ExitCode.BUSY,
        )


def is_answering(port: int, timeout_s: float) -> bool:
    """Whether an MQTT broker answers on loopback: a stopped process still accepts connections, but says nothing."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout_s) as probe:
            probe.sendall(_HELLO)
            return probe.recv(1) == bytes([_CONNACK])
    except OSError:
        return False


def is_accepted(port: int, user: str, password: str, timeout_s: float) -> bool:
    """Whether the broker on loopback lets this user in: MQTT 3.1.1, CONNECT and CONNACK (sections 3.1 and 3.2)."""
    texts = b"".join(len(text).to_bytes(2, "big") + text for text in (b"", user.encode(), password.encode()))
    body = bytes.fromhex("0004 4d515454 04 c2 000a") + texts
    if len(body) > _MAX_ONE_BYTE_LENGTH:
        raise BusError("user and password are too long for this question", kind=ErrorKind.BUG)
    try:
        with socket.create_connection((LOOPBACK, port), timeout_s) as probe:
            probe.sendall(bytes([0x10, len(body)]) + body)
            return probe.recv(4) == bytes([_CONNACK, 2, 0, 0])
    except OSError:
        return False
