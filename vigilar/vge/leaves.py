"""The leaves of a recording's Merkle tree, for proving a part of it to who has no key."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from vigilar.vge.bodies import CloseBody
from vigilar.vge.claim import Claim
from vigilar.vge.format import RecordHeader, RecordType
from vigilar.vge.gate import file_errors
from vigilar.vge.keys import KeyRing
from vigilar.vge.merkle import MerkleTree, leaf_of
from vigilar.vge.opening import open_header
from vigilar.vge.scan import FIRST_PLACE, RecordFile

OnRecord = Callable[[RecordHeader, bytes, bytes], None]
"""Called with a record's header, the 64 bytes of it, and its payload in clear."""


@dataclass(frozen=True, slots=True)
class FileLeaves:
    """What a whole file proves of its records before CLOSE. ``core`` is its 192 bytes.

    ``close_tag`` is None while the file is not closed. ``is_whole`` is false when records are lost or changed, or when
    CLOSE says other than the records: then the leaves are no tree that anybody promised.
    """

    core: bytes
    leaves: tuple[bytes, ...]
    root: bytes
    close_tag: bytes | None
    is_whole: bool


def read_leaves(path: Path, ring: KeyRing, on_record: OnRecord, claim: Claim | None = None) -> FileLeaves:
    """Prove each record of the file, as long as it is now. Takes the memory of one record. Raises RecordingError when
    it cannot be opened or read, ReplacedError when it is not the file of ``claim``, and what ``on_record`` raises."""
    with file_errors("open", path):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        with file_errors("read", path):
            header, keys = open_header(fd, ring)
        if claim is not None:
            claim.check_core(header.core)
        return _read(header.core_bytes, RecordFile(fd, keys, header.core.max_payload_log2), path, on_record)
    finally:
        os.close(fd)


def _read(core: bytes, records: RecordFile, path: Path, on_record: OnRecord) -> FileLeaves:
    leaves: list[bytes] = []
    tree = MerkleTree()
    close: CloseBody | None = None
    close_tag = None
    is_whole = True
    steps = records.steps(FIRST_PLACE, records.size())
    while True:
        with file_errors("read", path):
            step = next(steps, None)
            if step is None:
                break
            header, offset, is_behind_damage = step
            record = records.prove(offset, header)
            plaintext = records.plaintext(record) if record is not None else b""
        is_whole &= record is not None and not is_behind_damage
        if record is None:
            continue
        if header.type is RecordType.CLOSE:
            close, close_tag = CloseBody.find(plaintext), record.tag
            continue
        leaf = leaf_of(record.header_bytes, sha256(plaintext).digest())
        leaves.append(leaf)
        tree.add(leaf)
        on_record(header, record.header_bytes, plaintext)
    if close_tag is not None:
        is_whole &= close is not None and close.merkle_root == tree.root()
    return FileLeaves(core, tuple(leaves), tree.root(), close_tag, is_whole)
