"""The copy of a house without its recordings: database, settings, mark of the data folder, and all keys.

One ``.vge`` file (``format-vge.md``, content 3): each record is META. The first is JSON that lists the members with
their sizes and hashes; the others are the bytes of the members, one behind the other, in pieces of a record each. The
key that opens recordings opens it: on the box its own, elsewhere the recovery sheet's. The member ``keys`` is sealed
once more, for the recovery sheet alone: whoever has the copy and a key of the box does not get the others.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vigilar.base.clock import Clock, boot_id
from vigilar.base.errors import ErrorKind, RecordingError, StoreError
from vigilar.base.folder_id import FILE_NAME as FOLDER_MARK
from vigilar.store import sqlite
from vigilar.store.errors import sqlite_errors
from vigilar.vge.format import CloseReason, Content, RecordType
from vigilar.vge.gate import file_errors
from vigilar.vge.keys import KeyRing, load_sheet
from vigilar.vge.reader import VgeReader
from vigilar.vge.recovery import Sheet, seal_for_sheet
from vigilar.vge.writer import FileSpec, VgeWriter

DATABASE, SETTINGS, KEYS = "vigilar.db", "vigilar.toml", "keys"
"""Names of members, beside that of the mark of the data folder."""

_PIECE_BYTES = 1 << 20
_VERSION = 1


@dataclass(frozen=True, slots=True)
class HouseFiles:
    """Where what is copied lies. ``database`` is None for a house whose database is a server's: that is not ours to
    copy."""

    data_dir: Path
    secrets_dir: Path
    config_file: Path
    database: Path | None


def make_house_copy(files: HouseFiles, to: Path, scratch: Path, number: int, node_id: str, clock: Clock) -> bool:
    """Write a copy of the house as it is now to ``to``; both folders are there. Whether the keys are in it: without a
    recovery sheet they are not, as nothing else may open them.

    The database is copied at one moment, and no process waits for it. Raises StoreError, RecordingError.
    """
    members: dict[str, Path | bytes] = {}
    database = scratch / "house.db"
    try:
        if files.database is not None:
            _copy_database(files.database, database)
            members[DATABASE] = database
        for name, path in ((SETTINGS, files.config_file), (FOLDER_MARK, files.data_dir / FOLDER_MARK)):
            content = _read_if_there(path)
            if content is not None:
                members[name] = content
        keys = _sealed_keys(files.secrets_dir)
        if keys is not None:
            members[KEYS] = keys
        _write(members, to, KeyRing.load(files.secrets_dir), number, node_id, clock)
    finally:
        database.unlink(missing_ok=True)
    return keys is not None


def _read_if_there(path: Path) -> bytes | None:
    with file_errors("read", path):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def _copy_database(source: Path, to: Path) -> None:
    """As it is at one moment: the reading transaction is begun first, so that what is written meanwhile does not make
    the copy begin anew (SQLite, "Online Backup API")."""
    to.unlink(missing_ok=True)
    with sqlite_errors("copy the database", source), closing(sqlite.connect(source)) as reading:
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(to)) as writing:
            reading.backup(writing)
            writing.execute("PRAGMA journal_mode = DELETE").close()


def _sealed_keys(secrets_dir: Path) -> bytes | None:
    """All files of the secrets, for the recovery sheet alone; None without one."""
    public = load_sheet(secrets_dir)
    if public is None:
        return None
    found: dict[str, str] = {}
    for path in sorted(secrets_dir.rglob("*")):
        if path.is_file() and not path.is_symlink() and not path.name.endswith(".new"):
            content = _read_if_there(path)
            if content is not None:
                found[str(path.relative_to(secrets_dir))] = base64.b64encode(content).decode()
    return seal_for_sheet(public, KEYS, json.dumps({"v": 1, "files": found}).encode())


def _write(members: dict[str, Path | bytes], to: Path, ring: KeyRing, number: int, node_id: str, clock: Clock) -> None:
    listed = [{"name": name, **_measure(content)} for name, content in members.items()]
    start_ns = clock.utc_ns()
    spec = FileSpec(
        camera_uuid=bytes.fromhex(node_id) if len(node_id) == 32 else hashlib.sha256(node_id.encode()).digest()[:16],
        file_number=number,
        content=Content.JSON_LINES,
        start_utc_ns=start_ns,
        start_mono_ns=clock.mono_ns(),
        boot_id=boot_id(),
        previous_link=bytes(32),
        timescale=1000,
    )
    to.unlink(missing_ok=True)
    writer = VgeWriter.create(to, spec, ring)
    try:
        head = {"v": _VERSION, "made_ms": start_ns // 1_000_000, "node_id": node_id, "members": listed}
        writer.append_meta(json.dumps(head).encode(), utc_ns=start_ns, mono_ns=clock.mono_ns())
        for content in members.values():
            for piece in _pieces(content):
                writer.append_meta(piece, utc_ns=clock.utc_ns(), mono_ns=clock.mono_ns())
        writer.close(CloseReason.STOP, utc_ns=clock.utc_ns(), mono_ns=clock.mono_ns())
    finally:
        writer.abandon()


def _pieces(content: Path | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield from (content[at : at + _PIECE_BYTES] for at in range(0, len(content), _PIECE_BYTES))
        return
    with file_errors("read", content), content.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _measure(content: Path | bytes) -> dict[str, object]:
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(content):
        digest.update(piece)
        size += len(piece)
    return {"bytes": size, "sha256": digest.hexdigest()}


@dataclass(frozen=True, slots=True)
class HouseCopy:
    """What was taken out of a copy. ``members``: name -> where it lies now. ``made_ms`` is UTC ms."""

    made_ms: int
    node_id: str
    members: dict[str, Path]


def open_house_copy(path: Path, ring: KeyRing, to: Path, on_piece: Callable[[], None] = lambda: None) -> HouseCopy:
    """Take the members of a copy out, into the folder ``to``, each proved. Raises RecordingError: not opened by a key
    of ``ring``, not as it was written, no copy of a house, or of a newer program."""
    with VgeReader.open(path, ring) as reader:
        pieces = (reader.read(entry) for entry in reader.entries if entry.type is RecordType.META)
        head = _parse_head(next(pieces, b""), path)
        if not reader.is_closed:
            raise _damaged(path)
        members: dict[str, Path] = {}
        for member in head["members"]:
            name = str(member["name"])
            members[name] = _take(pieces, name, int(member["bytes"]), str(member["sha256"]), to, path, on_piece)
    return HouseCopy(int(head["made_ms"]), str(head["node_id"]), members)


def _parse_head(data: bytes, path: Path) -> dict[str, Any]:
    try:
        head = json.loads(data)
        version = int(head["v"])
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path) from error
    if version > _VERSION:
        raise RecordingError(
            f"{path} was made by a newer Vigilar",
            kind=ErrorKind.PERMANENT,
            code="restore.newer",
            next_step="Install that version, or a newer one, and restore with it.",
        )
    return dict(head)


def _take(
    pieces: Iterator[bytes], name: str, size: int, digest: str, to: Path, path: Path, on_piece: Callable[[], None]
) -> Path:
    # Only the four names that are ours: a name is never a path.
    if name not in (DATABASE, SETTINGS, KEYS, FOLDER_MARK):
        raise _damaged(path)
    found, left = hashlib.sha256(), size
    target = to / name
    with file_errors("write", target):
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        while left > 0:
            piece = next(pieces, b"")
            if not piece or len(piece) > left:
                raise _damaged(path)
            found.update(piece)
            with file_errors("write", target):
                file.write(piece)
            left -= len(piece)
            on_piece()
        with file_errors("write", target):
            file.flush()
            os.fsync(file.fileno())
    if found.hexdigest() != digest:
        raise _damaged(path)
    return target


def open_keys(sealed: bytes, sheet: Sheet) -> dict[str, bytes]:
    """The files of the secrets by their names relative to that folder. Raises RecordingError."""
    raw = json.loads(sheet.unseal(KEYS, sealed))
    return {str(name): base64.b64decode(content) for name, content in raw["files"].items()}


def check_database(path: Path) -> None:
    """Raises StoreError when the copy of a database is not sound."""
    with sqlite_errors("check the copy of the database", path), closing(sqlite3.connect(path)) as connection:
        found = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    if found != "ok":
        raise StoreError(f"the copy of the database is damaged: {found}", kind=ErrorKind.CORRUPT)


def _damaged(path: Path) -> RecordingError:
    return RecordingError(
        f"{path} is no whole copy of a house", kind=ErrorKind.CORRUPT, code="restore.damaged",
        next_step="An older copy may lie beside it.",
    )  # fmt: skip
