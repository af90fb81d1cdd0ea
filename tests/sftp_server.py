"""OpenSSH's own server on loopback, for one test: a key of its own, a login by key, and the folders of the machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.ports import free_port

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
SFTP_SERVER = "/usr/lib/openssh/sftp-server"


@dataclass(slots=True)
class SftpServer:
    """``key`` is the private key of the one who may come in; ``host_key`` as ``ssh-keygen -l`` tells it."""

    port: int
    key: str
    host_key: str
    process: subprocess.Popen[bytes]
    folder: Path

    def address(self, path: Path) -> str:
        return f"sftp://root@127.0.0.1:{self.port}{path}"

    def end(self) -> None:
        """With all connections, as a NAS that is switched off."""
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    child.kill()
        self.process.kill()
        self.process.wait(10)

    def start(self) -> None:
        self.process = _launch(self.folder, self.port)


@contextmanager
def run_sftp_server(folder: Path) -> Iterator[SftpServer]:
    """Skips where there is no such server, or where this user may not be one: it signs its user in as root."""
    if os.geteuid() != 0 or not Path(SSHD).exists() or not Path(SFTP_SERVER).exists():
        pytest.skip("needs openssh-server, and root")
    folder.mkdir(mode=0o700)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    shutil.copy(folder / "user.pub", folder / "authorized_keys")
    told = subprocess.run(["ssh-keygen", "-l", "-f", folder / "host.pub"], check=True, capture_output=True, text=True)
    port = free_port()
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nPermitRootLogin prohibit-password\n"
        f"PasswordAuthentication no\nKbdInteractiveAuthentication no\nLogLevel ERROR\nSubsystem sftp {SFTP_SERVER}\n",
        encoding="utf-8",
    )
    server = SftpServer(
        port,
        (folder / "user").read_text(encoding="ascii"),
        f"ssh-ed25519 {told.stdout.split()[1]}",
        _launch(folder, port),
        folder,
    )
    try:
        yield server
    finally:
        server.end()


def _launch(folder: Path, port: int) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(folder / "sshd_config")],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return process
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise AssertionError((folder / "log").read_text(encoding="utf-8", errors="replace"))
