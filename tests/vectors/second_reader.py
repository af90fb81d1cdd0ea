"""A second reader of `.vge` files, written from ``docs/format-vge.md`` alone, sharing no code with ``vigilar.vge``.

AES, key unwrapping, HMAC, HKDF and CRC-32C are made here from their standards; only SHA-256 is taken from a library.
Slow and simple on purpose. ``python tests/vectors/second_reader.py FILE KEY_ID_HEX:KEY_HEX...`` prints what it finds.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Bytes2D = NDArray[np.uint8]


def double(value: int) -> int:
    """Multiply by x in GF(2^8) of AES (FIPS 197, 4.2)."""
    return ((value << 1) ^ (0x1B if value & 0x80 else 0)) & 0xFF


def times(a: int, b: int) -> int:
    """Multiply in GF(2^8)."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a, b = double(a), b >> 1
    return product


def make_sbox() -> list[int]:
    """The S-box from its definition: inverse, then the affine map (FIPS 197, 5.1.1)."""
    sbox = []
    for value in range(256):
        inverse = next((other for other in range(256) if times(value, other) == 1), 0)
        out = 0x63
        for turn in range(5):
            out ^= ((inverse << turn) | (inverse >> (8 - turn))) & 0xFF
        sbox.append(out)
    return sbox


SBOX = np.array(make_sbox(), dtype=np.uint8)
INVERSE_SBOX = np.argsort(SBOX).astype(np.uint8)
TIMES = {by: np.array([times(value, by) for value in range(256)], dtype=np.uint8) for by in (1, 2, 3, 9, 11, 13, 14)}
# Byte r + 4c of a block is row r, column c of the state.
SHIFT = np.array([(row + 4 * ((column + row) % 4)) for column in range(4) for row in range(4)])
INVERSE_SHIFT = np.argsort(SHIFT)


@lru_cache  # slow, and asked the same again and again
def round_keys(key: bytes) -> Bytes2D:
    """Key expansion of AES-256 (FIPS 197, 5.2): fifteen keys of 16 bytes."""
    words = [list(key[at : at + 4]) for at in range(0, 32, 4)]
    constant = 1
    for number in range(8, 60):
        word = list(words[-1])
        if number % 8 == 0:
            word = [int(SBOX[byte]) for byte in word[1:] + word[:1]]
            word[0] ^= constant
            constant = double(constant)
        elif number % 8 == 4:
            word = [int(SBOX[byte]) for byte in word]
        words.append([a ^ b for a, b in zip(word, words[number - 8], strict=True)])
    return np.array(words, dtype=np.uint8).reshape(15, 16)


def mix(blocks: Bytes2D, first_row: tuple[int, int, int, int]) -> Bytes2D:
    """MixColumns, or its inverse, by the first row of its matrix."""
    columns = blocks.reshape(-1, 4, 4)
    mixed = np.zeros_like(columns)
    for row in range(4):
        for other in range(4):
            mixed[:, :, row] ^= TIMES[first_row[(other - row) % 4]][columns[:, :, other]]
    return mixed.reshape(-1, 16)


def encrypt_blocks(keys: Bytes2D, blocks: Bytes2D) -> Bytes2D:
    """AES-256 of many blocks at once."""
    state: Bytes2D = blocks ^ keys[0]
    for number in range(1, 15):
        state = SBOX[state][:, SHIFT]
        if number < 14:
            state = mix(state, (2, 3, 1, 1))
        state = state ^ keys[number]
    return state


def decrypt_block(keys: Bytes2D, block: bytes) -> bytes:
    """The inverse of AES-256 for one block."""
    state: Bytes2D = np.frombuffer(block, dtype=np.uint8).reshape(1, 16) ^ keys[14]
    for number in range(13, -1, -1):
        state = INVERSE_SBOX[state[:, INVERSE_SHIFT]] ^ keys[number]
        if number:
            state = mix(state, (14, 11, 13, 9))
    return state.tobytes()


def ctr(key: bytes, record_number: int, data: bytes) -> bytes:
    """AES-256-CTR from the counter block ``record number | 0``."""
    count = (len(data) + 15) // 16
    blocks = np.zeros((count, 2), dtype=">u8")
    blocks[:, 0] = record_number
    blocks[:, 1] = np.arange(count)
    stream = encrypt_blocks(round_keys(key), blocks.view(np.uint8).reshape(-1, 16)).tobytes()
    return bytes(np.frombuffer(data, np.uint8) ^ np.frombuffer(stream[: len(data)], np.uint8))


@lru_cache
def unwrap(key: bytes, wrapped: bytes) -> bytes | None:
    """RFC 3394, 2.2.2."""
    keys = round_keys(key)
    count = len(wrapped) // 8 - 1
    a, parts = wrapped[:8], [wrapped[8 * i : 8 * i + 8] for i in range(1, count + 1)]
    for turn in range(5, -1, -1):
        for i in range(count, 0, -1):
            counted = int.from_bytes(a, "big") ^ (count * turn + i)
            block = decrypt_block(keys, counted.to_bytes(8, "big") + parts[i - 1])
            a, parts[i - 1] = block[:8], block[8:]
    return b"".join(parts) if a == b"\xa6" * 8 else None


def hmac(key: bytes, message: bytes) -> bytes:
    """RFC 2104 with SHA-256; all keys here are at most one block long."""
    padded = key.ljust(64, b"\0")
    inner = sha256(bytes(byte ^ 0x36 for byte in padded) + message).digest()
    return sha256(bytes(byte ^ 0x5C for byte in padded) + inner).digest()


def hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    """RFC 5869 for exactly 32 bytes: one step of the expansion."""
    return hmac(hmac(salt, key), info + b"\x01")


def crc32c(data: bytes) -> int:
    """Bit by bit, as in RFC 3720, appendix B.4."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 * (crc & 1))
    return crc ^ 0xFFFFFFFF


def merkle_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, by its recursive definition."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + merkle_root(leaves[:split]) + merkle_root(leaves[split:])).digest()


class RejectedError(Exception):
    """The header does not open; the text is the reason."""


@dataclass(frozen=True)
class Judgement:
    """What the second reader says of a file."""

    verdict: str
    code: str
    records: int
    plaintext: bytes


@dataclass(frozen=True)
class Record:
    """A record that proved itself."""

    offset: int
    kind: int
    number: int
    length: int
    header: bytes
    payload: bytes
    tag: bytes


def uint(data: bytes, at: int, size: int) -> int:
    """An unsigned big-endian number inside ``data``."""
    return int.from_bytes(data[at : at + size], "big")


class SecondReader:
    """One file in memory. ``held`` maps key ids to wrapping keys."""

    def __init__(self, data: bytes, held: dict[bytes, bytes], *, is_production: bool = False) -> None:
        self.data = data
        self._check_core()
        file_key = self._unwrap_any(held)
        core = sha256(data[:192]).digest()
        self.k_enc, self.k_mac, k_hdr = (
            hkdf(file_key, data[32:64], b"vigilar.vge.v1|" + label + b"|" + core) for label in (b"enc", b"mac", b"hdr")
        )
        self.first_tag = hmac(self.k_mac, b"\x00" + core)
        if hmac(k_hdr, data[:448]) != data[448:480]:
            raise RejectedError("header-damaged")
        if data[13] & 4 and is_production:
            raise RejectedError("test-file")

    def _check_core(self) -> None:
        data = self.data
        if data[:8] != bytes.fromhex("895647450D0A1A0A"):
            raise RejectedError("not-a-recording")
        if len(data) < 512:
            raise RejectedError("header-short")
        if data[8] != 1 or data[12] != 1:
            raise RejectedError("newer-version")
        zeros = data[164:192] + data[484:512] + b"".join(data[at + 2 : at + 4] for at in (192, 256, 320, 384))
        is_sound = uint(data, 10, 2) == 512 and data[14] <= 24 and data[15] in (1, 2, 3)
        if not is_sound or any(zeros) or uint(data, 480, 4) != crc32c(data[:480]):
            raise RejectedError("header-damaged")

    def _unwrap_any(self, held: dict[bytes, bytes]) -> bytes:
        slots = [self.data[at : at + 64] for at in (192, 256, 320, 384)]
        usable = [slot for slot in slots if slot[0] in (1, 2)]
        if not usable:
            raise RejectedError("no-slot")
        ours = [slot for slot in usable if slot[8:24] in held]
        if not ours:
            raise RejectedError("key-missing")
        for slot in ours:
            file_key = unwrap(held[slot[8:24]], slot[24:64])
            if file_key is not None:
                return file_key
        raise RejectedError("key-wrong")

    def record_at(self, at: int) -> Record | None:
        """The record at ``at`` if it proves itself."""
        header = self.data[at : at + 64]
        if len(header) < 64 or header[:4] != b"VREC" or header[4] not in (1, 2, 3, 4, 5, 6):
            return None
        if (header[4] == 6) != bool(header[5] & 0x80) or uint(header, 6, 2) != 64 or any(header[54:60]):
            return None
        size = uint(header, 8, 4)
        if uint(header, 60, 4) != crc32c(header[:60]) or size > 1 << self.data[14] or at + 96 + size > len(self.data):
            return None
        payload, tag = self.data[at + 64 : at + 64 + size], self.data[at + 64 + size : at + 96 + size]
        before = self.first_tag if at == 512 else self.data[at - 32 : at]
        if hmac(self.k_mac, b"\x01" + before + header + payload) != tag:
            return None
        if header[4] <= 4:
            payload = ctr(self.k_enc, uint(header, 16, 8), payload)
        return Record(at, header[4], uint(header, 16, 8), size, header, payload, tag)

    def search(self, at: int, least: int) -> Record | None:
        """The first record from ``at`` on that proves itself and is not older than ``least``."""
        while (at := self.data.find(b"VREC", at)) >= 0:
            record = self.record_at(at)
            if record is not None and record.number >= least:
                return record
            at += 1
        return None

    def judge(self, anchor: tuple[int, bytes] | None) -> Judgement:
        """Section 6 of the format, step by step."""
        at, expected, verified, has_gap = 512, (0, 0, 0), list[Record](), False
        while not (verified and verified[-1].kind == 6):
            record = self.record_at(at)
            if record is None or expected != self._says(record):
                record = self.search(at + 1, expected[0])
                if record is None:
                    break
                has_gap = True
            verified.append(record)
            at = record.offset + 96 + record.length
            moved = record.length if record.kind in (1, 2) else 0
            expected = (record.number + 1, 96 + record.length, uint(record.header, 24, 8) + moved)
        plaintext = b"".join(record.payload for record in verified if record.kind in (1, 2))
        verdict, code = self._verdict(verified, has_gap, at, anchor)
        return Judgement(verdict, code, len(verified), plaintext)

    @staticmethod
    def _says(record: Record) -> tuple[int, int, int]:
        return record.number, uint(record.header, 12, 4), uint(record.header, 24, 8)

    def _verdict(
        self, verified: list[Record], has_gap: bool, end: int, anchor: tuple[int, bytes] | None
    ) -> tuple[str, str]:
        last = verified[-1] if verified else None
        if anchor is not None and anchor[0] >= 0:
            tags = [record.tag for record in verified if record.number == anchor[0]]
            if last is None or last.number < anchor[0] or (tags and tags[0] != anchor[1]):
                return "shorter-than-anchor", "shorter-than-anchor"
        if has_gap:
            return "damaged", "records-damaged"
        if last is None or last.kind != 6:
            return "unclean", "no-close"
        if not self._close_agrees(last, verified[:-1]):
            return "damaged", "close-contradicted"
        return ("damaged", "bytes-after-close") if end != len(self.data) else ("closed", "closed")

    @staticmethod
    def _close_agrees(close: Record, before: list[Record]) -> bool:
        body = close.payload
        leaves = [sha256(b"\x00" + one.header + sha256(one.payload).digest()).digest() for one in before]
        plaintext_bytes = sum(one.length for one in before if one.kind in (1, 2))
        return (
            len(body) == 72
            and uint(body, 0, 8) == len(before) + 1
            and uint(body, 8, 8) == plaintext_bytes
            and body[32:64] == merkle_root(leaves)
            and body[64] in (1, 2, 3, 4, 5, 6)
            and not any(body[65:])
        )


def judge_bytes(
    data: bytes, held: dict[bytes, bytes], *, anchor: tuple[int, bytes] | None = None, is_production: bool = False
) -> Judgement:
    """Verdict, reason, number of verified records and released plaintext of a file."""
    try:
        reader = SecondReader(data, held, is_production=is_production)
    except RejectedError as rejected:
        return Judgement("rejected", str(rejected), 0, b"")
    return reader.judge(anchor)


def main() -> None:
    """Judge one file from the command line."""
    held = {bytes.fromhex(name): bytes.fromhex(key) for name, key in (pair.split(":") for pair in sys.argv[2:])}
    found = judge_bytes(Path(sys.argv[1]).read_bytes(), held)
    told = {"verdict": found.verdict, "code": found.code, "records": found.records}
    digest = sha256(found.plaintext).hexdigest()
    sys.stdout.write(json.dumps(told | {"plaintext_sha256": digest}) + "\n")


if __name__ == "__main__":
    main()
