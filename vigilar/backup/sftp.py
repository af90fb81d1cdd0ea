"""A target on an SFTP server: the door to ``paramiko``.

The server's key must be the one that a person confirmed (``host_key`` of the settings); a server that shows another is
told nothing, not even the login. Loaded only where a target is one.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import logging
import posixpath
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import paramiko
from paramiko.sftp import CMD_EXTENDED, CMD_EXTENDED_REPLY

from vigilar.backup.target import BLOCK_BYTES, OUR_FOLDERS, TargetError, full_target, target_error
from vigilar.base.disk import READ_ONLY_STEP
from vigilar.base.redact import redact
from vigilar.base.sftp_address import SftpAddress

logging.getLogger("paramiko").setLevel(logging.CRITICAL)
"""It logs each step, and a traceback for each connection that ends: what is wrong is in our errors, once."""

CONNECT_S = 15.0
ANSWER_S = 60.0
"""For a server to answer: the disks of a NAS may have to start turning first, which takes 10 to 20 s."""

_PACKET_BYTES = 32 * 1024
"""In which writes are sent. Source: draft-ietf-secsh-filexfer-02, 3: servers take at least 34000 bytes."""

_READ_ONLY_FLAG = 1
"""Of statvfs@openssh.com. Source: PROTOCOL of OpenSSH, SSH2_FXE_STATVFS_ST_RDONLY."""

_RSA = ("rsa-sha2-512", "rsa-sha2-256")
"""How a server with a key of type ssh-rsa proves it (RFC 8332)."""

_MOST_DEEP = 8
"""Folders in one another that are looked into: ours are three deep."""

_MOST_WORDS = 160

_AWAY_STEP = "Look whether the NAS is on and connected. What is owed is made good by itself."


@dataclass(frozen=True, slots=True)
class SftpLogin:
    """``host_key`` is type and fingerprint, ``ssh-ed25519 SHA256:...``, empty before a person confirmed it. ``key`` is
    a private key in OpenSSH's or PEM form; where it is given, ``password`` opens it or is empty."""

    host_key: str = ""
    password: str = field(default="", repr=False)
    key: str = field(default="", repr=False)


class SftpTarget:
    """The folder of an address. Connects when it is opened, and again after a connection broke."""

    def __init__(self, address: SftpAddress, login: SftpLogin) -> None:
        self._address = address
        self._login = login
        self._root = address.folder
        self._transport: paramiko.Transport | None = None
        self._client: paramiko.SFTPClient | None = None

    @property
    def words(self) -> str:
        return f"{self._address.host}:{self._address.path}"

    def open(self) -> None:
        if self._transport is not None and self._transport.is_active():
            return
        self.close()
        with self._errors("reached"):
            transport = _connect(self._address, self._login.host_key)
            self._transport = transport
            self._check_key(transport.get_remote_server_key())
            self._sign_in(transport)
            client = paramiko.SFTPClient.from_transport(transport)
            client.get_channel().settimeout(ANSWER_S)
            self._client = client
            try:
                is_folder = stat.S_ISDIR(client.stat(self._root).st_mode or 0)
            except FileNotFoundError:
                is_folder = False
        if not is_folder:
            raise target_error(
                "missing",
                f"The folder {self._address.path} is not there on {self._address.host}",
                "Make it there, or name another: target in [backup].",
            )

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        self._transport = self._client = None

    def free_bytes(self) -> int | None:
        found = self._find_space()
        if found is None:
            return None
        free, is_read_only = found
        if is_read_only:
            raise target_error("read_only", f"{self.words} is read-only", READ_ONLY_STEP)
        return free

    def find_size(self, name: str) -> int | None:
        with self._errors("read"):
            try:
                return int(self._sftp.stat(self._path(name)).st_size or 0)
            except FileNotFoundError:
                return None

    def read_blocks(self, name: str, most: int) -> Iterator[bytes]:
        with self._errors("read"), self._sftp.open(self._path(name), "rb") as file:
            file.prefetch(min(int(file.stat().st_size or 0), most + 1), max_concurrent_requests=64)
            left = most + 1
            while block := file.read(min(BLOCK_BYTES, left)):
                left -= len(block)
                yield block

    def open_part(self, name: str, at: int) -> _Part:
        path = self._path(name)
        with self._errors("written"):
            self._make_folder(posixpath.dirname(path))
            file = self._sftp.open(path, "r+b" if at else "wb")
            if at:
                file.truncate(at)
                file.seek(at)
        return _Part(self, file)

    def move(self, name: str, to: str) -> None:
        with self._errors("written"):
            self._make_folder(posixpath.dirname(self._path(to)))
            try:
                self._sftp.posix_rename(self._path(name), self._path(to))
            except OSError:
                # A server without that extension renames to no name that there is. Ours are written once; only a copy
                # that was found wrong is replaced.
                with suppress(FileNotFoundError):
                    self._sftp.remove(self._path(to))
                self._sftp.rename(self._path(name), self._path(to))

    def remove(self, name: str) -> None:
        with self._errors("written"), suppress(FileNotFoundError):
            self._sftp.remove(self._path(name))

    def walk(self, folder: str) -> Iterator[tuple[str, int]]:
        if folder.count("/") > _MOST_DEEP:
            return
        with self._errors("read"):
            try:
                found = self._sftp.listdir_attr(self._path(folder))
            except FileNotFoundError:
                return
        for one in found:
            if "/" in one.filename:
                continue  # a name that leads elsewhere is none of a folder
            name = f"{folder}/{one.filename}"
            mode = one.st_mode or 0
            if stat.S_ISDIR(mode):
                yield from self.walk(name)
            elif stat.S_ISREG(mode):
                yield name, int(one.st_size or 0)

    @property
    def _sftp(self) -> Any:
        """paramiko has no types."""
        if self._client is None:
            raise OSError(errno.ENOTCONN, "the connection has ended")
        return self._client

    def _path(self, name: str) -> str:
        return posixpath.join(self._root, name)

    def _make_folder(self, folder: str) -> None:
        missing = []
        while folder != self._root:
            try:
                self._sftp.stat(folder)
                break
            except FileNotFoundError:
                missing.append(folder)
                folder = posixpath.dirname(folder)
        for one in reversed(missing):
            self._sftp.mkdir(one, 0o700)

    def _check_key(self, shown: paramiko.PKey) -> None:
        known = self._login.host_key
        if not known:
            raise target_error(
                "not_confirmed",
                f"Nobody has confirmed yet that {self._address.host} is the server that is meant",
                "On the box: vigilar backup trust",
            )
        if known != host_key_text(shown):
            raise target_error(
                "other_key",
                f"{self._address.host} shows another key than the one that was confirmed, so it was told nothing",
                "If the server was set up anew: vigilar backup trust. If not, find out what answers at its address.",
            )

    def _sign_in(self, transport: paramiko.Transport) -> None:
        user, login = self._address.user, self._login
        try:
            if login.key:
                transport.auth_publickey(user, _load_key(login.key, login.password))
            else:
                transport.auth_password(user, login.password)
        except paramiko.AuthenticationException as error:
            raise target_error(
                "login",
                f"{self._address.host} refuses the login of {user}",
                "Store the right one on the box: vigilar backup login",
            ) from error

    def _find_space(self) -> tuple[int, bool] | None:
        """Free bytes, and whether it is read-only; None where the server does not know the question."""
        with self._errors("reached"):
            try:
                kind, answer = self._sftp._request(CMD_EXTENDED, "statvfs@openssh.com", self._root)
            except OSError:
                self._check_alive()
                return None
            if kind != CMD_EXTENDED_REPLY:
                return None
            fields = [answer.get_int64() for _ in range(11)]
        return fields[1] * fields[4], bool(fields[9] & _READ_ONLY_FLAG)

    def _check_alive(self) -> None:
        """Raises OSError when it was the connection that ended."""
        if self._transport is None or not self._transport.is_active():
            raise OSError(errno.ENOTCONN, "the connection has ended")

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except TargetError:
            raise
        except (OSError, EOFError, paramiko.SSHException, UnicodeError) as error:
            raise self.error(error, doing) from error

    def error(self, error: Exception, doing: str) -> TargetError:
        """``error`` as a sentence. The protocol has one code for many failures: the server is asked for its space."""
        is_alive = self._transport is not None and self._transport.is_active()
        if isinstance(error, OSError) and is_alive and not isinstance(error, TimeoutError):
            if error.errno == errno.EACCES:
                return target_error(
                    "denied",
                    f"{self.words} cannot be {doing}: {self._address.user} may not",
                    "Give that folder to that user, on the server.",
                )
            if doing == "written" and error.errno is None and (told := self._why_not_written()):
                return told
        else:
            self.close()
        if isinstance(error, UnicodeError):
            return target_error(
                "unreadable",
                f"{self.words} holds a file whose name is not in UTF-8, so nothing there can be listed",
                f"Take away there what is none of Vigilar's own, in {', '.join(OUR_FOLDERS)}.",
            )
        why = str(error) if isinstance(error, paramiko.SSHException) else getattr(error, "strerror", "") or str(error)
        why = clean_words(why)
        words = "it took too long" if isinstance(error, TimeoutError) else why or "the connection ended"
        return target_error("unreachable", f"{self._address.host} cannot be {doing}: {words}", _AWAY_STEP)

    def _why_not_written(self) -> TargetError | None:
        with suppress(TargetError):
            found = self._find_space()
            if found is not None and found[1]:
                return target_error("read_only", f"{self.words} is read-only", READ_ONLY_STEP)
            if found is not None and found[0] < 2 * BLOCK_BYTES:
                return full_target(self.words)
        return None

    def sync(self, handle: bytes) -> None:
        """fsync@openssh.com; a server that does not know it has said what it can by taking the bytes. Source: PROTOCOL
        of OpenSSH 3.6."""
        with self._errors("written"):
            try:
                self._sftp._request(CMD_EXTENDED, "fsync@openssh.com", handle)
            except OSError as error:
                self._check_alive()
                if "unsupported" not in str(error).lower():
                    raise


class _Part:
    def __init__(self, target: SftpTarget, file: Any) -> None:
        self._target = target
        self._file = file

    def write(self, data: bytes | memoryview) -> None:
        """All but the last packet is sent without waiting; the last waits for the answers to all, so that no error of
        a block is left over, and a block costs one way there and back."""
        block = bytes(data)
        at = max(0, len(block) - _PACKET_BYTES)
        with self._target._errors("written"):
            self._file.set_pipelined(True)
            self._file.write(block[:at])
            self._file.set_pipelined(False)
            self._file.write(block[at:])

    def sync(self) -> None:
        self._target.sync(self._file.handle)

    def close(self) -> None:
        with suppress(OSError, EOFError, paramiko.SSHException):
            self._file.close()


def clean_words(text: str) -> str:
    """What a server said, fit for a page and a log: one line, not long, no control characters, no secrets."""
    return redact(" ".join("".join(one if one.isprintable() else " " for one in text[:4096]).split()))[:_MOST_WORDS]


def find_host_key(address: SftpAddress) -> str:
    """Type and fingerprint of the key that the server shows now; nothing else is told to it. Raises TargetError."""
    target = SftpTarget(address, SftpLogin())
    with target._errors("reached"):
        transport = _connect(address, "")
        try:
            return host_key_text(transport.get_remote_server_key())
        finally:
            transport.close()


def host_key_text(key: paramiko.PKey) -> str:
    """As ``ssh-keygen -l`` prints it, with the type before it."""
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
    return f"{key.get_name()} SHA256:{digest}"


def _connect(address: SftpAddress, host_key: str) -> paramiko.Transport:
    """Raises OSError, SSHException."""
    sock = socket.create_connection((address.host, address.port), CONNECT_S)
    transport = paramiko.Transport(sock)
    try:
        kind = host_key.partition(" ")[0]
        known = transport.get_security_options()
        wanted = [one for one in known.key_types if one == kind or (kind == "ssh-rsa" and one in _RSA)]
        if wanted:
            known.key_types = wanted
        transport.start_client(timeout=CONNECT_S)
        transport.set_keepalive(15)
    except BaseException:
        transport.close()
        raise
    return transport


def _load_key(text: str, password: str) -> paramiko.PKey:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with suppress(paramiko.SSHException, ValueError):
            return kind.from_private_key(io.StringIO(text), password or None)
    raise target_error("login", "The key for the backup's server cannot be read", "On the box: vigilar backup login")
