"""A checkpoint that was taken off the box against what the box says today.

Who holds a box holds its database and its signing key. A checkpoint from elsewhere was made before, so whatever it
states and the box does not know any more was taken away since: rolled back, removed by hand, or exchanged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.proof.checkpoint import is_of_box, parse_signed, parse_statement
from vigilar.proof.history import Contradiction
from vigilar.store import checkpoints
from vigilar.store.checkpoints import ChainTip, StoredCheckpoint
from vigilar.store.sql import Database
from vigilar.vge.gate import file_errors
from vigilar.vge.signing import is_signed

MAX_BYTES = 64 * 1024 * 1024
"""Two years of a box with ten cameras."""

_HEAD = "vigilar checkpoint "
_CONTENT_WORDS = {"video": "recordings", "still": "stills", "storyboard": "small pictures"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """``newest_ms``: of the newest checkpoint that was compared, UTC ms; ``count``: how many there were."""

    count: int
    newest_ms: int
    contradictions: list[Contradiction]


def read_taken(path: Path) -> list[StoredCheckpoint]:
    """The checkpoints in a file, oldest first: text as the box writes it, one or many, or a message of the bus.

    Raises RecordingError when there is none, or one that cannot be read.
    """
    with file_errors("read", path):
        if path.stat().st_size > MAX_BYTES:
            raise _no_checkpoint(path, "it is too large for checkpoints")
        text = path.read_text(encoding="utf-8", errors="replace")
    if text.lstrip().startswith("{"):
        found = [_from_message(path, text)]
    else:
        blocks = text.replace("\r\n", "\n").split(_HEAD)[1:]
        found = [parse_signed(f"{_HEAD}{block.rstrip()}\n") for block in blocks]
    if not found:
        raise _no_checkpoint(path, "it holds none")
    return sorted(found, key=lambda one: one.created_ms)


def check_against(store: Database, node_id: str, taken: list[StoredCheckpoint], public: bytes) -> Comparison:
    """What ``taken``, oldest first, state and the box ``node_id``, whose public key is ``public``, does not know.

    Of one thing that is gone only the newest checkpoint speaks, which states the most; the oldest contradiction says
    up to when all was well. Raises StoreError.
    """
    contradictions: dict[str, Contradiction] = {}
    well_ms: int | None = None
    for made in taken:
        found = _check_taken(store, node_id, made, public, well_ms)
        if not found:
            well_ms = made.created_ms
        for one in found:
            before = contradictions.get(_thing(one))
            since_ms = one.since_ms if before is None else before.since_ms
            contradictions[_thing(one)] = Contradiction(one.code, one.sentence, one.mark, since_ms)
    return Comparison(len(taken), taken[-1].created_ms, list(contradictions.values()))


def _check_taken(
    store: Database, node_id: str, made: StoredCheckpoint, public: bytes, well_ms: int | None
) -> list[Contradiction]:
    statement = parse_statement(made.body)
    if not is_signed(statement.key, made.signature, made.body.encode()):
        words = "The checkpoint that was taken off is not as it was signed: it, not the box, was changed."
        return [Contradiction("taken-changed", words, "taken", well_ms)]
    if statement.box != node_id:
        return [Contradiction("taken-other-box", "The checkpoint that was taken off is another box's.", "box", well_ms)]
    found = []
    if not is_of_box(made, public):
        words = "The signing key of this box was exchanged: it signs with another one than it did."
        found.append(Contradiction("key-exchanged", words, "key", well_ms))
    if not checkpoints.has_checkpoint(store, node_id, made.signature):
        words = "The database was set back or exchanged: it does not know this checkpoint, which this box has signed."
        found.append(Contradiction("set-back", words, "database", well_ms))
    now = checkpoints.read_history(store, node_id)
    tips = {(tip.camera_id, tip.content): tip for tip in now.tips}
    for tip in statement.state.tips:
        sentence = _tip_sentence(store, tip, tips.get((tip.camera_id, tip.content)))
        if sentence:
            found.append(Contradiction("rows-removed", sentence, f"{tip.camera_id} {tip.content}", well_ms))
    deletion = statement.state.deletion_hash
    if deletion is not None and not checkpoints.has_deletion(store, node_id, deletion):
        words = "The log of deletions was cut off: it ends before what was signed."
        found.append(Contradiction("deletions-changed", words, "deletions", well_ms))
    if now.event_change < statement.state.event_change:
        words = (
            f"Events were taken away: there had been {statement.state.event_change} changes of them, "
            f"and {now.event_change} are known."
        )
        found.append(Contradiction("events-removed", words, "events", well_ms))
    return found


def _tip_sentence(store: Database, then: ChainTip, now: ChainTip | None) -> str:
    """What became of a camera's newest file of then; empty when it is known as it was."""
    link = checkpoints.find_link(store, then.camera_id, then.content, then.number)
    what = f"{_CONTENT_WORDS.get(then.content, then.content)} of {then.camera_id}"
    if link == then.link:
        return ""
    if link is not None:
        return f"Number {then.number} of the {what} was exchanged: it is not the one that was signed."
    if now is None:
        return f"All {what} up to number {then.number} are gone with their rows, and no rule deleted them."
    if now.number < then.number:
        return (
            f"The {what} were shortened or set back: they had come to number {then.number}, "
            f"and now end at number {now.number}."
        )
    return f"Number {then.number} of the {what} was removed with its row, by hand: no rule deleted it."


def _thing(one: Contradiction) -> str:
    return f"{one.code} {one.mark}"


def _from_message(path: Path, text: str) -> StoredCheckpoint:
    try:
        raw = json.loads(text)
        body, signature = str(raw["body"]), bytes.fromhex(raw["signature"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _no_checkpoint(path, "it is no message of this house") from error
    return StoredCheckpoint(parse_statement(body).time_ms, body, signature)


def _no_checkpoint(path: Path, why: str) -> RecordingError:
    return RecordingError(
        f"{path} is no checkpoint of a box: {why}",
        kind=ErrorKind.CORRUPT,
        code="proof.checkpoint",
        next_step="Give a file of the folder named by [proof] copy_to, or what vigilar proof show printed.",
        exit_code=ExitCode.USAGE,
    )
