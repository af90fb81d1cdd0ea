"""Files in the making, record by record, each as true or as false as a vector wants it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

from vigilar.vge.bodies import CloseBody, IndexEntry, dump_index
from vigilar.vge.crypto import TAG_PREFIX, FileKeys, wrap_file_key
from vigilar.vge.format import (
    CloseReason,
    Content,
    CoreFlag,
    FileCore,
    KeySlot,
    RecordFlag,
    RecordHeader,
    RecordType,
    SlotType,
)
from vigilar.vge.keys import EpochKey
from vigilar.vge.merkle import MerkleTree, leaf_of
from vigilar.vge.opening import make_header

START_UTC_NS = 1_764_000_000_000_000_000
START_MONO_NS = 5_000_000_000_000
SECOND_NS = 1_000_000_000


def known_bytes(name: str, count: int) -> bytes:
    """Bytes that look random and are the same each time."""
    blocks = (sha256(f"vigilar vector {name} {number}".encode()).digest() for number in range(count // 32 + 1))
    return b"".join(blocks)[:count]


KEYS = {
    "epoch-1": EpochKey.of(1, known_bytes("epoch 1", 32)),
    "epoch-2": EpochKey.of(2, known_bytes("epoch 2", 32)),
    "recovery": EpochKey.of(0, known_bytes("recovery", 32)),
}
# Another key under the id of epoch 1, as after a mix-up of key files.
KEYS["impostor"] = replace(KEYS["epoch-1"], key=known_bytes("impostor", 32))


def unchanged(data: bytes) -> bytes:
    """No lie."""
    return data


def slot_for(name: str, file_key: bytes) -> KeySlot:
    """The slot that the named key opens."""
    key = KEYS[name]
    slot_type = SlotType.RECOVERY if name == "recovery" else SlotType.EPOCH
    return wrap_file_key(slot_type, key.epoch, key.key_id, key.key, file_key)


class Draft:
    """A file in the making, record by record, each as true or false as the case wants it."""

    def __init__(self, name: str = "base", slots: tuple[str, ...] = ("epoch-1",)) -> None:
        self.file_key = known_bytes(f"{name} file key", 32)
        self.core = FileCore(
            flags=CoreFlag.TEST_FILE,
            max_payload_log2=22,
            content=Content.FMP4,
            file_id=known_bytes(f"{name} file id", 16),
            salt=known_bytes(f"{name} salt", 32),
            camera_uuid=known_bytes("camera", 16),
            file_number=7,
            start_utc_ns=START_UTC_NS,
            start_mono_ns=START_MONO_NS,
            boot_id=known_bytes("boot", 16),
            writer_build=1,
            previous_link=bytes(32),
            timescale=90_000,
        )
        self.keys = FileKeys(self.file_key, self.core.dump())
        self.header = make_header(self.core, [slot_for(one, self.file_key) for one in slots]).dump(self.keys)
        self.records: list[bytes] = []
        self.payloads: list[bytes] = []  # in clear; of INIT and MEDIA, empty for the others
        self.tree = MerkleTree()
        self.index: list[IndexEntry] = []
        self.tag = self.keys.first_tag
        self.next = RecordHeader(RecordType.INIT, 0, 0, 0, 0, 0, START_UTC_NS, START_MONO_NS)

    def data(self) -> bytes:
        """The file as it stands."""
        return self.header + b"".join(self.records)

    def add(
        self, kind: RecordType, payload: bytes, *, lie: Callable[[bytes], bytes] = unchanged, **changes: Any
    ) -> Draft:
        """Append a record; ``changes`` are header fields that say other than the truth, under a right tag.

        ``lie`` changes the finished header bytes before the tag is made.
        """
        true = replace(self.next, type=kind, payload_len=len(payload), duration_ms=1000)
        said = replace(true, **changes)
        header = lie(said.dump())
        stored = bytearray(payload)
        if kind.is_encrypted:
            self.keys.crypt_into(said.number, payload, memoryview(stored))
        if said.flags & RecordFlag.KEYFRAME:
            self.index.append(IndexEntry(said.number, len(self.data()), said.utc_ns, said.plaintext_offset))
        self.tag = self.keys.record_tag(TAG_PREFIX + self.tag + header + stored)
        self.records.append(header + stored + self.tag)
        self.payloads.append(payload if true.type.is_plaintext else b"")
        self.tree.add(leaf_of(header, sha256(payload).digest()))
        self.next = replace(
            true,
            number=said.number + 1,
            previous_len=true.record_len,
            plaintext_offset=true.plaintext_offset + true.plaintext_len,
            utc_ns=true.utc_ns + SECOND_NS,
            mono_ns=true.mono_ns + SECOND_NS,
        )
        return self

    def media(self, size: int, *, key: bool = False, **changes: Any) -> Draft:
        """Append a MEDIA record with ``size`` known bytes."""
        payload = known_bytes(f"media {self.next.number}", size)
        return self.add(RecordType.MEDIA, payload, flags=RecordFlag.KEYFRAME if key else 0, **changes)

    def close(self, reason: int = CloseReason.ROLLOVER, **changes: Any) -> Draft:
        """Append CLOSE; ``changes`` are fields of its payload that say other than the truth."""
        now = self.next
        body = CloseBody(
            record_count=now.number + 1,
            plaintext_bytes=now.plaintext_offset,
            end_utc_ns=now.utc_ns,
            end_mono_ns=now.mono_ns,
            merkle_root=self.tree.root(),
            reason=CloseReason(1),
        )
        payload = bytearray(replace(body, **changes).dump())
        payload[64] = reason
        return self.add(RecordType.CLOSE, bytes(payload), flags=RecordFlag.FINAL)

    def end(self) -> Draft:
        """Append INDEX and CLOSE."""
        return self.add(RecordType.INDEX, dump_index(self.index)).close()
