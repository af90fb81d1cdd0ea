"""Whether the database still says what the box has signed, and whether its log of deletions is whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.proof.checkpoint import Statement, is_of_box, make_checkpoint, parse_statement, read_witness
from vigilar.store import checkpoints, inventory
from vigilar.store.checkpoints import ChainTip, StoredCheckpoint
from vigilar.store.deletions import FIRST_PREVIOUS, hash_of
from vigilar.store.files import Content
from vigilar.store.inventory import UNLINKED
from vigilar.store.sql import Database
from vigilar.vge.signing import BoxKey


@dataclass(frozen=True, slots=True)
class Place:
    """Where a recording was that is gone: between two that are known, in UTC ms."""

    camera_id: str
    content: Content
    span_ms: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Something that cannot be without somebody having done it. ``code`` is short and stable; ``mark`` tells this one
    from the next of its code; ``since_ms`` is the UTC ms up to which all was well, None when that is not known."""

    code: str
    sentence: str
    mark: str
    since_ms: int | None = None
    place: Place | None = None


class DeletionLog:
    """Proves the log of deletions of one box, each row once: what was proved is where the next look begins."""

    def __init__(self, store: Database, node_id: str) -> None:
        self._store = store
        self._node_id = node_id
        self._after_id = 0
        self._previous = FIRST_PREVIOUS

    def check(self, pause: Callable[[], None] = lambda: None) -> list[Contradiction]:
        """Whether each new row is as it was written, right behind the one before. ``pause`` is called between pages.
        Raises StoreError."""
        while rows := inventory.list_deletions_after(self._store, self._node_id, self._after_id):
            for row in rows:
                if bytes(row.previous) != self._previous or hash_of(row) != bytes(row.hash):
                    words = (
                        f"The log of deletions was changed at its row {row.id}: rows were removed, added or rewritten."
                    )
                    return [Contradiction("deletions-changed", words, f"row {row.id}")]
                self._previous, self._after_id = bytes(row.hash), row.id
            pause()
        return []


def check_history(store: Database, node_id: str, data_dir: Path, public: bytes) -> list[Contradiction]:
    """All contradictions, the worst first. ``public`` is the box's public key. Raises StoreError."""
    return [*check_checkpoints(store, node_id, data_dir, public), *DeletionLog(store, node_id).check()]


def check_checkpoints(store: Database, node_id: str, data_dir: Path, public: bytes) -> list[Contradiction]:
    """What the newest checkpoints, beside the recordings and in the database, state and is not so. Raises
    StoreError."""
    stored = checkpoints.newest_checkpoint(store, node_id)
    try:
        witness = read_witness(data_dir)
    except RecordingError as error:
        return [Contradiction("checkpoint-changed", f"{error}.", "witness")]
    if witness is None and stored is not None:
        words = "The signed checkpoint beside the recordings was removed."
        return [Contradiction("checkpoint-removed", words, stored.signature.hex(), stored.created_ms)]
    made = witness or stored
    if made is None:
        return []
    found = _check_one(store, node_id, made, public)
    if not found and stored is not None:
        found = _check_one(store, node_id, stored, public)
    return found


def settle(
    store: Database, node_id: str, data_dir: Path, key: BoxKey, now_ms: int, *, is_log_torn: bool
) -> list[Contradiction]:
    """After a database was made anew, and that was told: what the checkpoint beside the recordings states and the new
    database does not say, but for what went with the old one; then the new one is signed.

    ``is_log_torn``: the log of deletions was lost, so it says nothing. A checkpoint that cannot be read, as where the
    disk damaged both, is replaced like any other. Raises StoreError, RecordingError.
    """
    found: list[Contradiction] = []
    try:
        witness = read_witness(data_dir)
    except RecordingError as error:
        if error.kind is not ErrorKind.CORRUPT:
            raise
        witness = None
        found.append(Contradiction("checkpoint-changed", f"{error}.", "witness"))
    if witness is not None and is_of_box(witness, key.public):
        statement = parse_statement(witness.body)
        if is_log_torn:
            statement = replace(statement, state=replace(statement.state, tips=(), deletion_hash=None))
        found = _compare(store, node_id, statement, witness.signature.hex())
    if is_log_torn:
        behind = inventory.list_behind_gaps(store, node_id)
        inventory.note_unlinked(
            store, [listed.row.id for listed, _ in behind if UNLINKED not in (listed.row.reason or "")]
        )
    make_checkpoint(store, node_id, key, data_dir, now_ms)
    return found


def _check_one(store: Database, node_id: str, made: StoredCheckpoint, public: bytes) -> list[Contradiction]:
    mark = made.signature.hex()
    if not is_of_box(made, public):
        words = "The newest checkpoint was not signed by this box: it, or the box's signing key, was exchanged."
        return [Contradiction("checkpoint-changed", words, mark)]
    try:
        statement = parse_statement(made.body)
    except RecordingError as error:
        return [Contradiction("checkpoint-changed", f"{error}.", mark)]
    if statement.box != node_id:
        return [Contradiction("checkpoint-changed", "The newest checkpoint is another box's.", mark)]
    now = checkpoints.read_history(store, node_id)
    is_known = checkpoints.has_checkpoint(store, node_id, made.signature)
    if not is_known or now.event_change < statement.state.event_change:
        # It is stored before it is written beside the recordings, so a database without it is an older one.
        words = (
            "The database was set back to an older copy: it lacks what this box had signed. "
            "Recordings made since may have no row."
        )
        return [Contradiction("set-back", words, mark, statement.time_ms)]
    return _compare(store, node_id, statement, mark)


def _compare(store: Database, node_id: str, statement: Statement, mark: str) -> list[Contradiction]:
    """What was stated of single rows against those that are there now."""
    then = statement.state
    found = check_tips(store, then.tips, statement.time_ms)
    if then.deletion_hash is not None and not checkpoints.has_deletion(store, node_id, then.deletion_hash):
        words = "The end of the log of deletions was cut off."
        found.append(Contradiction("deletions-changed", words, mark, statement.time_ms))
    return found


def check_tips(store: Database, tips: Sequence[ChainTip], then_ms: int) -> list[Contradiction]:
    """Those of ``tips``, of which all were there at ``then_ms``, UTC ms, that neither are nor went by a rule. Raises
    StoreError."""
    found = []
    for tip in tips:
        if checkpoints.find_link(store, tip.camera_id, tip.content, tip.number) != tip.link:
            words = (
                f"The row of recording {tip.number} of {tip.camera_id} ({tip.content}) was removed or rewritten; "
                "no rule deleted it."
            )
            # The mark is that of the look that finds the same by the header of the next recording.
            place = _place_of(store, tip, then_ms)
            found.append(Contradiction("rows-removed", words, tip.link.hex(), then_ms, place))
    return found


def _place_of(store: Database, tip: ChainTip, stated_ms: int) -> Place:
    """It was closed when it was stated at ``stated_ms``, UTC ms."""
    before = inventory.find_before(store, tip.camera_id, tip.content, tip.number)
    after_ms = inventory.find_start_after(store, tip.camera_id, tip.content, tip.number)
    to_ms = stated_ms if after_ms is None else min(after_ms, stated_ms)
    return Place(tip.camera_id, tip.content, (min(before.end_ms, to_ms), to_ms))
