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
from dataclasses import dataclass
from typing import Literal

from vigilar.store.files import Content

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
