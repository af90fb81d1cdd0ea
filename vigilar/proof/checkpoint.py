"""Signed checkpoints: what the box states of its recordings once an hour, and whether that still holds.

What is stated only grows: the newest closed file of each camera with its link, the newest deletion, the number of the
newest change of an event. A database that lacks what was stated was set back to an older copy, or somebody took rows
out. The newest checkpoint also lies beside the recordings, because a database that is set back forgets its own.

Lines of text, each ended by a line feed, signed as they are (Ed25519):

    vigilar checkpoint 1
    box <id of the box>
    key <public key, hex>
    time <UTC ms>
    file <camera> <content> <number> <link, hex>     one a camera and content, sorted
    deletion <hash of the newest deletion, hex, or ->
    event <number of the newest change of an event>
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from vigilar.base.atomic import write_atomic
from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.store import checkpoints
from vigilar.store.checkpoints import ChainTip, HistoryState, StoredCheckpoint
from vigilar.store.files import Content
from vigilar.store.sql import Database
from vigilar.vge.gate import file_errors
from vigilar.vge.signing import BoxKey, is_signed

WITNESS = "checkpoint.txt"
"""The file beside the recordings with the newest checkpoint: its text, then a line ``signature <hex>``."""

_HEAD = "vigilar checkpoint 1"


@dataclass(frozen=True, slots=True)
class Statement:
    """A checkpoint as it reads. ``time_ms`` is UTC ms, ``key`` the public key it names, 32 bytes."""

    box: str
    key: bytes
    time_ms: int
    state: HistoryState


def dump_statement(statement: Statement) -> str:
    """The text that is signed."""
    state = statement.state
    lines = [
        _HEAD,
        f"box {statement.box}",
        f"key {statement.key.hex()}",
        f"time {statement.time_ms}",
        *(f"file {tip.camera_id} {tip.content} {tip.number} {tip.link.hex()}" for tip in state.tips),
        f"deletion {'-' if state.deletion_hash is None else state.deletion_hash.hex()}",
        f"event {state.event_change}",
    ]
    return "".join(f"{line}\n" for line in lines)


def parse_statement(text: str) -> Statement:
    """Read the text. Raises RecordingError (corrupt) when it is none."""
    lines = [line.split(" ") for line in text.splitlines()]
    try:
        if text.splitlines()[0] != _HEAD:
            raise ValueError(_HEAD)
        one = {words[0]: words[1] for words in lines[1:] if words[0] != "file"}
        tips = tuple(
            ChainTip(words[1], cast(Content, words[2]), int(words[3]), bytes.fromhex(words[4]))
            for words in lines
            if words[0] == "file"
        )
        deletion = None if one["deletion"] == "-" else bytes.fromhex(one["deletion"])
        state = HistoryState(tips, deletion, int(one["event"]))
        return Statement(one["box"], bytes.fromhex(one["key"]), int(one["time"]), state)
    except (IndexError, KeyError, ValueError) as error:
        raise RecordingError("A checkpoint cannot be read", kind=ErrorKind.CORRUPT, code="proof.checkpoint") from error


def make_checkpoint(store: Database, node_id: str, key: BoxKey, data_dir: Path, now_ms: int) -> StoredCheckpoint:
    """State and sign where the box ``node_id`` is; stored in the database, then beside the recordings.

    In this order, so that the one beside the recordings is never newer than a database that was not set back. Raises
    StoreError, RecordingError.
    """
    body = dump_statement(Statement(node_id, key.public, now_ms, checkpoints.read_history(store, node_id)))
    made = StoredCheckpoint(now_ms, body, key.sign(body.encode()))
    checkpoints.add_checkpoint(store, node_id, made)
    path = data_dir / WITNESS
    with file_errors("write", path):
        write_atomic(path, dump_signed(made).encode())
    return made


def dump_signed(made: StoredCheckpoint) -> str:
    """The text, and a line ``signature <hex>``: how a checkpoint lies beside the recordings and elsewhere."""
    return f"{made.body}signature {made.signature.hex()}\n"


def parse_signed(text: str) -> StoredCheckpoint:
    """Symmetrical to ``dump_signed``. Raises RecordingError (corrupt); proves nothing."""
    body, found, signature = text.rpartition("signature ")
    try:
        if not found:
            raise ValueError(text[:40])
        return StoredCheckpoint(parse_statement(body).time_ms, body, bytes.fromhex(signature))
    except ValueError as error:
        raise RecordingError("A checkpoint cannot be read", kind=ErrorKind.CORRUPT, code="proof.checkpoint") from error


def read_witness(data_dir: Path) -> StoredCheckpoint | None:
    """The checkpoint beside the recordings; None when there is none. Raises RecordingError."""
    path = data_dir / WITNESS
    if not path.exists():
        return None
    with file_errors("read", path):
        text = path.read_text(encoding="utf-8", errors="replace")
    try:
        return parse_signed(text)
    except RecordingError as error:
        raise RecordingError(
            "The checkpoint beside the recordings cannot be read", kind=ErrorKind.CORRUPT, code="proof.checkpoint"
        ) from error


def is_of_box(made: StoredCheckpoint, public: bytes) -> bool:
    """Whether the box whose public key this is has signed it."""
    return is_signed(public, made.signature, made.body.encode())
