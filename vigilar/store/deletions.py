"""The log of deleted files: what went, when and why, each row chained to the one before it. Plain SQL: see ``sql``.

Invariant: a file of ours that is gone has a row here, and a file whose row of ``files`` is gone is gone or going. The
steps that keep it: ``begin`` (one transaction: the row of ``files`` becomes a row here, *pending*), the file is
unlinked, its folder is synced, ``finish``. After a crash between any two of them the row is still pending, and whoever
works next does the rest: unlinking what is not there any more changes nothing.

The chain, one a box: ``hash`` is SHA-256 over ``previous`` (32 bytes; zeros for the first) and the text that
``canonical`` makes. A row that is changed, removed or put in between breaks it; the newest hash goes into the signed
checkpoints, so that the end cannot be cut off unnoticed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from vigilar.store.files import LONGEST_FILE_MS, Content
from vigilar.store.spans import kept_footage
from vigilar.store.sql import Database, Run

Why = Literal["age", "quota", "camera-quota", "reserve", "owner"]

FIRST_PREVIOUS = bytes(32)

_CANONICAL_HEAD = "vigilar deletion 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A row. Times are UTC ms; ``done_ms`` is None until the file was gone and its folder synced.

    ``why``: ``age`` (older than ``keep``), ``quota``, ``camera-quota``, ``reserve`` (free space on the disk), ``owner``
    (a person's word). ``link`` is that of the closed file, None when it had none.
    """

    id: int
    node_id: str
    camera_id: str
    content: Content
    number: int
    path: str
    start_ms: int
    end_ms: int
    size_bytes: int
    link: bytes | None
    why: Why
    created_ms: int
    done_ms: int | None
    previous: bytes
    hash: bytes


_NAMES = tuple(field.name for field in fields(Deletion))
_SELECT = f"SELECT {', '.join(_NAMES)} FROM deletions"


def canonical(row: Deletion) -> bytes:
    """What the hash covers beside ``previous``: UTF-8, one field a line, each line ended by a line feed.

    ``id`` is left out (the chain is the order) and so is ``done_ms`` (it changes once). Names and values are separated
    by one space; ``link`` is lower-case hex, or ``-``. No value holds a line feed: ids are slugs, paths are ours.
    """
    link = "-" if row.link is None else row.link.hex()
    lines = (
        _CANONICAL_HEAD,
        f"node {row.node_id}",
        f"camera {row.camera_id}",
        f"content {row.content}",
        f"number {row.number}",
        f"path {row.path}",
        f"start {row.start_ms}",
        f"end {row.end_ms}",
        f"size {row.size_bytes}",
        f"link {link}",
        f"why {row.why}",
        f"created {row.created_ms}",
    )
    return "".join(f"{line}\n" for line in lines).encode()


def hash_of(row: Deletion) -> bytes:
    """What ``row.hash`` must be. Pure."""
    return hashlib.sha256(row.previous + canonical(row)).digest()


@dataclass(frozen=True, slots=True)
class KeptAround:
    """How much around an event that is kept may not go, in ms."""

    before_ms: int
    after_ms: int


def begin(
    store: Database, node_id: str, wanted: Iterable[tuple[int, Why]], around: KeptAround, now_ms: int
) -> list[Deletion]:
    """Turn rows of ``files``, by id, into pending deletions, in one transaction; what was turned.

    Left as they are: files of another box, files that are open, files that are gone already, and what belongs to an
    event that is kept, be it since a moment ago: nobody can keep an event while this transaction runs.
    """
    begun: list[Deletion] = []
    with store.sql_write("delete recordings") as run:
        kept = kept_footage(run, around.before_ms, around.after_ms, now_ms)
        previous = _newest_hash(run, node_id)
        for file_id, why in wanted:
            found = run(
                "SELECT camera_id, content, number, path, start_ms, coalesce(end_ms, start_ms), size_bytes, link "
                "FROM files WHERE id = :id AND node_id = :node_id AND state <> 'open'",
                id=file_id,
                node_id=node_id,
            )
            if not found or kept.holds(file_id, found[0][0], found[0][4], found[0][5]):
                continue
            row = _insert(run, node_id, found[0], why, now_ms, previous)
            run("DELETE FROM files WHERE id = :id", id=file_id)
            previous = row.hash
            begun.append(row)
    return begun


def _insert(run: Run, node_id: str, found: Sequence[Any], why: Why, now_ms: int, previous: bytes) -> Deletion:
    camera_id, content, number, path, start_ms, end_ms, size_bytes, link = found
    row = Deletion(
        id=0,
        node_id=node_id,
        camera_id=camera_id,
        content=content,
        number=number,
        path=path,
        start_ms=start_ms,
        end_ms=max(start_ms, end_ms),
        size_bytes=size_bytes,
        link=link,
        why=why,
        created_ms=now_ms,
        done_ms=None,
        previous=previous,
        hash=b"",
    )
    row = replace(row, hash=hash_of(row))
    names = [name for name in _NAMES if name not in ("id", "done_ms")]
    made = run(
        f"INSERT INTO deletions ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)}) RETURNING id",
        **{name: getattr(row, name) for name in names},
    )
    return replace(row, id=int(made[0][0]))


def _newest_hash(run: Run, node_id: str) -> bytes:
    rows = run("SELECT hash FROM deletions WHERE node_id = :node_id ORDER BY id DESC LIMIT 1", node_id=node_id)
    return bytes(rows[0][0]) if rows else FIRST_PREVIOUS


def finish(store: Database, rows: Sequence[Deletion], now_ms: int) -> None:
    """The files of ``rows`` are gone, durably."""
    with store.sql_write("note that recordings are gone") as run:
        for row in rows:
            run("UPDATE deletions SET done_ms = :now_ms WHERE id = :id AND done_ms IS NULL", id=row.id, now_ms=now_ms)


def pending(store: Database, node_id: str, limit: int = 500) -> list[Deletion]:
    """Deletions of the box that were begun and not finished, oldest first."""
    with store.sql_read("read deletions") as run:
        return _rows(
            run(
                f"{_SELECT} WHERE node_id = :node_id AND done_ms IS NULL ORDER BY id LIMIT :limit",
                node_id=node_id,
                limit=limit,
            )
        )


def list_deletions(store: Database, node_id: str, *, before_id: int = 2**63 - 1, limit: int = 100) -> list[Deletion]:
    """The trail of the box, newest first, those below ``before_id``."""
    with store.sql_read("read deletions") as run:
        return _rows(
            run(
                f"{_SELECT} WHERE node_id = :node_id AND id < :before_id ORDER BY id DESC LIMIT :limit",
                node_id=node_id,
                before_id=before_id,
                limit=limit,
            )
        )


def find_deleted_videos(store: Database, camera_id: str, from_ms: int, to_ms: int, limit: int = 5000) -> list[Deletion]:
    """The deleted recordings of a camera that held anything of [from_ms, to_ms), in time order."""
    with store.sql_read("read deletions") as run:
        return _rows(
            run(
                f"{_SELECT} WHERE camera_id = :camera_id AND content = 'video' AND start_ms >= :least_ms "
                "AND start_ms < :to_ms AND end_ms > :from_ms ORDER BY start_ms, number LIMIT :limit",
                camera_id=camera_id,
                least_ms=from_ms - LONGEST_FILE_MS,
                from_ms=from_ms,
                to_ms=to_ms,
                limit=limit,
            )
        )


@dataclass(frozen=True, slots=True)
class DeletedSum:
    """What went of one camera on one day for one reason: bytes, files, and the span of its pictures in UTC ms."""

    camera_id: str
    day: int
    why: Why
    from_ms: int
    to_ms: int
    size_bytes: int
    file_count: int
    last_ms: int


def sum_deletions(store: Database, node_id: str, since_ms: int, offset_ms: int = 0) -> list[DeletedSum]:
    """The trail since ``since_ms`` in readable pieces, newest first. ``day`` counts days since 1970 of a zone that is
    ``offset_ms`` ahead of UTC; ``last_ms`` is when the newest went."""
    with store.sql_read("read deletions") as run:
        rows = run(
            "SELECT camera_id, (created_ms + :offset_ms) / 86400000 AS day, why, min(start_ms), max(end_ms), "
            "CAST(sum(size_bytes) AS BIGINT), count(*), max(created_ms) FROM deletions "
            "WHERE node_id = :node_id AND created_ms >= :since_ms "
            "GROUP BY camera_id, day, why ORDER BY day DESC, max(created_ms) DESC, camera_id",
            node_id=node_id,
            since_ms=since_ms,
            offset_ms=offset_ms,
        )
        return [DeletedSum(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Gone:
    """The little of a deletion that later decisions look at."""

    start_ms: int
    created_ms: int
    size_bytes: int
    why: Why


def list_gone(store: Database, node_id: str, since_ms: int) -> list[Gone]:
    """What went since ``since_ms``."""
    with store.sql_read("read deletions") as run:
        rows = run(
            "SELECT start_ms, created_ms, size_bytes, why FROM deletions "
            "WHERE node_id = :node_id AND created_ms > :since_ms",
            node_id=node_id,
            since_ms=since_ms,
        )
        return [Gone(*row) for row in rows]


def _rows(found: Iterable[Sequence[Any]]) -> list[Deletion]:
    return [Deletion(**dict(zip(_NAMES, row, strict=True))) for row in found]
