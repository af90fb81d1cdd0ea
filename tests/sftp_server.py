"""An SFTP server on loopback, for one test: OpenSSH's own ``sftp-server``, behind a door that asks for key or password.

The door is paramiko's, in this process: Debian's ``openssh-server`` would leave a daemon on the machine of who runs the
tests.
"""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
import pytest

from tests.ports import free_port

SFTP_SERVER = "/usr/lib/openssh/sftp-server"
USER, PASSWORD = "sam", "hunter2"
_BLOCK = 64 * 1024
_OPENS, _REFUSES = 0, 2
"""AUTH_SUCCESSFUL and OPEN_SUCCEEDED, and AUTH_FAILED, of paramiko."""


class _Door(paramiko.ServerInterface):  # type: ignore[misc, unused-ignore]  # paramiko has no types
    """Lets one user in, and gives each channel a server of its own."""

    def __init__(self, server: SftpServer) -> None:
        self._server = server

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_password(self, username: str, password: str) -> int:
        return _OPENS if (username, password) == (USER, PASSWORD) else _REFUSES

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return _OPENS if username == USER and key.get_base64() == self._server.public else _REFUSES

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return _OPENS

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        process = subprocess.Popen([SFTP_SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._server.processes.append(process)
        for pump in (_to_server, _from_server):
            thread = threading.Thread(target=pump, args=(channel, process), name="sftp-pump", daemon=True)
            self._server.pumps.append(thread)
            thread.start()
        return name == "sftp"


def _to_server(channel: paramiko.Channel, process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(OSError, EOFError):
        while data := channel.recv(_BLOCK):
            process.stdin.write(data)
            process.stdin.flush()
    with suppress(OSError):
        process.stdin.close()


def _from_server(channel: paramiko.Channel, process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    with process.stdout, suppress(OSError, EOFError):
        while data := process.stdout.read1(_BLOCK):  # type: ignore[attr-defined]
            channel.sendall(data)
    channel.close()


@dataclass(slots=True)
class SftpServer:
    """``key`` is the private key of the one who may come in; ``host_key`` type and fingerprint as ``ssh-keygen -l``
    tells it."""

    folder: Path
    port: int
    key: str
    public: str
    host_key: str
    host: paramiko.PKey
    listener: socket.socket | None = None
    transports: list[paramiko.Transport] = field(default_factory=list)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    pumps: list[threading.Thread] = field(default_factory=list)

    def address(self, path: Path) -> str:
        return f"sftp://{USER}@127.0.0.1:{self.port}{path}"

    def start(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port))
        thread = threading.Thread(target=self._accept, args=(self.listener,), name="sftp-door", daemon=True)
        self.pumps.append(thread)
        thread.start()

    def end(self) -> None:
        """With all connections, as a NAS that is switched off."""
        if self.listener is not None:
            with suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
        for transport in self.transports:
            transport.close()
        for process in self.processes:
            process.kill()
            process.wait(10)
        for thread in self.pumps:
            thread.join(10)
        self.transports.clear()
        self.processes.clear()
        self.pumps.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                transport = paramiko.Transport(connection)
                self.transports.append(transport)
                transport.add_server_key(self.host)
                with suppress(paramiko.SSHException, EOFError):
                    transport.start_server(event=threading.Event(), server=_Door(self))


@contextmanager
def run_sftp_server(folder: Path) -> Iterator[SftpServer]:
    """Skips where OpenSSH's server is not installed (Debian: ``openssh-sftp-server``)."""
    if not Path(SFTP_SERVER).exists():
        pytest.skip("needs openssh-sftp-server")
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    told = subprocess.run(["ssh-keygen", "-l", "-f", folder / "host.pub"], check=True, capture_output=True, text=True)
    server = SftpServer(
        folder=folder,
        port=free_port(),
        key=(folder / "user").read_text(encoding="ascii"),
        public=(folder / "user.pub").read_text(encoding="ascii").split()[1],
        host_key=f"ssh-ed25519 {told.stdout.split()[1]}",
        host=paramiko.Ed25519Key.from_private_key_file(str(folder / "host")),
    )
    server.start()
    try:
        yield server
    finally:
        server.end()
