"""Proving a whole file, record by record: what verifying and recovering have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from vigilar.vge.bodies import CloseBody
from vigilar.vge.format import RecordHeader, RecordType
from vigilar.vge.merkle import MerkleTree, leaf_of
from vigilar.vge.scan import FIRST_PLACE, Place, ProvedRecord, RecordFile, place_after


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes ``start`` to ``stop`` of the file that prove nothing, with true records behind them.

    ``before`` is the number of proved records that stand before it.
    """

    start: int
    stop: int
    before: int


@dataclass(slots=True)
class Walk:
    """What a walk found. ``tags`` and ``headers`` are those of the proved records, in file order."""

    size: int
    headers: list[RecordHeader] = field(default_factory=list)
    tags: list[bytes] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    tree: MerkleTree = field(default_factory=MerkleTree)
    end: Place = FIRST_PLACE  # behind the last proved record
    close: CloseBody | None = None
    is_contradicted: bool = False  # CLOSE says other than the records before it
    gave_up: bool = False

    @property
    def trailing_bytes(self) -> int:
        """Bytes behind the last proved record."""
        return self.size - self.end.offset


def walk_file(records: RecordFile, release: Callable[[bytes], None] | None = None) -> Walk:
    """Prove every record of the file as long as it is now; hand the plaintext of INIT and MEDIA to ``release``.

    After a record that does not prove itself, goes on with the next that does. Stops at CLOSE. Raises OSError.
    """
    walk = Walk(records.size())
    while walk.close is None:
        record = _next_in_place(records, walk)
        if record is None:
            record = records.find_proved(walk.end.offset + 1, walk.size, walk.end.number)
            if record is None:
                break
            walk.gaps.append(Gap(walk.end.offset, record.offset, len(walk.headers)))
        _take_in(walk, records, record, release)
    walk.gave_up = records.gave_up
    return walk


def _next_in_place(records: RecordFile, walk: Walk) -> ProvedRecord | None:
    header = records.header_at(walk.end.offset, walk.size)
    if header is None or not walk.end.fits(header):
        return None
    return records.prove(walk.end.offset, header)


def _take_in(walk: Walk, records: RecordFile, record: ProvedRecord, release: Callable[[bytes], None] | None) -> None:
    header = record.header
    plaintext = records.plaintext(record)
    if header.type is RecordType.CLOSE:
        walk.close = CloseBody.find(plaintext)
        walk.is_contradicted = not walk.gaps and not _agrees(walk, header, walk.close)
    else:
        walk.tree.add(leaf_of(record.header_bytes, sha256(plaintext).digest()))
        if release is not None and header.type.is_plaintext:
            release(plaintext)
    walk.headers.append(header)
    walk.tags.append(record.tag)
    walk.end = place_after(record.offset, header)


def _agrees(walk: Walk, header: RecordHeader, body: CloseBody | None) -> bool:
    return (
        body is not None
        and body.record_count == header.number + 1
        and body.plaintext_bytes == header.plaintext_offset
        and body.merkle_root == walk.tree.root()
    )
