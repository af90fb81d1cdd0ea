"""A second reader of `.vge` recordings, written from ``docs/format-vge.md`` alone; imports nothing of Vigilar.

For whoever has a recording and its key and no Vigilar, or does not want to take Vigilar's word. Needs Python 3.11 and
the package ``cryptography`` (AES, key unwrapping, HKDF); all else is of the standard library.

    python vge_reader.py --key recording-key-0001 1234.vge                     verify: verdict, records, SHA-256
    python vge_reader.py --key recording-key-0001 --extract out.mp4 1234.vge   also write what is proved

A key file holds 64 hex digits. Ends with 0 when all files are closed and whole, with 9 otherwise.
"""

from __future__ import annotations

import argparse
import hmac as standard_hmac
import json
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

MAGIC = bytes.fromhex("895647450D0A1A0A")
HEADER_BYTES = 512
RECORD_BYTES = 96  # header and tag of a record
INIT, MEDIA, CLOSE = 1, 2, 6
FIRST_UNENCRYPTED = 5
SEARCH_FACTOR, SEARCH_FLOOR = 4, 16 << 20  # section 6: how much may be hashed in search of a true record


def key_id_of(key: bytes) -> bytes:
    """The id under which slots name a wrapping key (section 3.1)."""
    return sha256(b"vigilar.key-id|" + key).digest()[:16]


def ctr(key: bytes, record_number: int, data: bytes) -> bytes:
    """AES-256-CTR from the counter block ``record number | 0``."""
    return Cipher(algorithms.AES(key), modes.CTR(record_number.to_bytes(8, "big") + bytes(8))).encryptor().update(data)


def unwrap(key: bytes, wrapped: bytes) -> bytes | None:
    """RFC 3394; None when the key does not fit."""
    try:
        return aes_key_unwrap(key, wrapped)
    except InvalidUnwrap:
        return None


def hmac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256."""
    return standard_hmac.digest(key, message, "sha256")


def hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA-256 for 32 bytes."""
    return HKDF(SHA256(), 32, salt, info).derive(key)


def _crc_entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 * (byte & 1))
    return byte


_CRC = [_crc_entry(byte) for byte in range(256)]


def crc32c(data: bytes) -> int:
    """Castagnoli's CRC (RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
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


def uint(data: bytes, at: int, size: int) -> int:
    """An unsigned big-endian number inside ``data``."""
    return int.from_bytes(data[at : at + size], "big")


class RejectedError(Exception):
    """The header does not open; the text is the reason (section 7)."""


@dataclass(frozen=True)
class Record:
    """A record that proved itself; ``payload`` is in clear."""

    offset: int
    kind: int
    number: int
    header: bytes
    payload: bytes
    tag: bytes

    @property
    def size(self) -> int:
        return RECORD_BYTES + len(self.payload)

    @property
    def plaintext(self) -> bytes:
        return self.payload if self.kind in (INIT, MEDIA) else b""


@dataclass(frozen=True)
class Judgement:
    """What is said of a file. ``records`` counts the verified ones, ``plaintext`` is theirs; ``link`` is what the next
    file of the camera carries, None unless the file is closed."""

    verdict: str
    code: str
    records: int
    plaintext: bytes
    link: bytes | None = None


class Reader:
    """One file in memory. ``held`` maps key ids to wrapping keys. Raises RejectedError."""

    def __init__(self, data: bytes, held: dict[bytes, bytes], *, is_production: bool = True) -> None:
        self.data = data
        self._hashed = 0
        self._gave_up = False
        self._check_core()
        file_key = self._unwrap_any(held)
        self.core = sha256(data[:192]).digest()
        self.k_enc, self.k_mac, k_hdr = (
            hkdf(file_key, data[32:64], b"vigilar.vge.v1|" + label + b"|" + self.core)
            for label in (b"enc", b"mac", b"hdr")
        )
        self.first_tag = hmac(self.k_mac, b"\x00" + self.core)
        if hmac(k_hdr, data[:448]) != data[448:480]:
            raise RejectedError("header-damaged")
        if data[13] & 4 and is_production:
            raise RejectedError("test-file")

    def _check_core(self) -> None:
        data = self.data
        if data[:8] != MAGIC:
            raise RejectedError("not-a-recording")
        if len(data) < HEADER_BYTES:
            raise RejectedError("header-short")
        if data[8] != 1 or data[12] != 1:
            raise RejectedError("newer-version")
        zeros = data[164:192] + data[484:512] + b"".join(data[at + 2 : at + 4] for at in (192, 256, 320, 384))
        is_sound = uint(data, 10, 2) == HEADER_BYTES and data[14] <= 24 and data[15] in (1, 2, 3)
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
        """The record at ``at`` if it proves itself (section 6)."""
        header = self.data[at : at + 64]
        if len(header) < 64 or header[:4] != b"VREC" or not 1 <= header[4] <= CLOSE:
            return None
        if (header[4] == CLOSE) != bool(header[5] & 0x80) or uint(header, 6, 2) != 64 or any(header[54:60]):
            return None
        size = uint(header, 8, 4)
        end = at + RECORD_BYTES + size
        if uint(header, 60, 4) != crc32c(header[:60]) or size > 1 << self.data[14] or end > len(self.data):
            return None
        payload, tag = self.data[at + 64 : end - 32], self.data[end - 32 : end]
        before = self.first_tag if at == HEADER_BYTES else self.data[at - 32 : at]
        self._hashed += RECORD_BYTES + size
        if hmac(self.k_mac, b"\x01" + before + header + payload) != tag:
            return None
        number = uint(header, 16, 8)
        if header[4] < FIRST_UNENCRYPTED:
            payload = ctr(self.k_enc, number, payload)
        return Record(at, header[4], number, header, payload, tag)

    def search(self, at: int, least: int) -> Record | None:
        """The first record from ``at`` on that proves itself and is not older than ``least``."""
        worth, self._hashed = SEARCH_FACTOR * len(self.data) + SEARCH_FLOOR, 0
        while (at := self.data.find(b"VREC", at)) >= 0:
            record = self.record_at(at)
            if self._hashed > worth:
                self._gave_up = True
                return None
            if record is not None and record.number >= least:
                return record
            at += 1
        return None

    def judge(self, anchor: tuple[int, bytes] | None = None) -> Judgement:
        """Section 6, step by step. ``anchor`` is a record number with its tag, -1 for none."""
        at, expected, verified, has_gap = HEADER_BYTES, (0, 0, 0), list[Record](), False
        while not (verified and verified[-1].kind == CLOSE):
            record = self.record_at(at)
            if record is None or expected != _says(record):
                record = self.search(at + 1, expected[0])
                if record is None:
                    break
                has_gap = True
            verified.append(record)
            at = record.offset + record.size
            expected = (record.number + 1, record.size, uint(record.header, 24, 8) + len(record.plaintext))
        verdict, code = self._verdict(verified, has_gap, at, anchor)
        link = sha256(b"vigilar.link" + self.core + verified[-1].tag).digest() if verdict == "closed" else None
        return Judgement(verdict, code, len(verified), b"".join(one.plaintext for one in verified), link)

    def _verdict(
        self, verified: list[Record], has_gap: bool, end: int, anchor: tuple[int, bytes] | None
    ) -> tuple[str, str]:
        last = verified[-1] if verified else None
        if anchor is not None and anchor[0] >= 0:
            tags = [record.tag for record in verified if record.number == anchor[0]]
            if last is None or last.number < anchor[0] or (tags and tags[0] != anchor[1]):
                return "shorter-than-anchor", "shorter-than-anchor"
        if has_gap or self._gave_up:
            return "damaged", "search-given-up" if self._gave_up else "records-damaged"
        if last is None or last.kind != CLOSE:
            return "unclean", "no-close"
        if not _close_agrees(last.payload, verified[:-1]):
            return "damaged", "close-contradicted"
        return ("damaged", "bytes-after-close") if end != len(self.data) else ("closed", "closed")


def _says(record: Record) -> tuple[int, int, int]:
    return record.number, uint(record.header, 12, 4), uint(record.header, 24, 8)


def _close_agrees(body: bytes, before: list[Record]) -> bool:
    leaves = [sha256(b"\x00" + one.header + sha256(one.payload).digest()).digest() for one in before]
    return (
        len(body) == 72
        and uint(body, 0, 8) == len(before) + 1
        and uint(body, 8, 8) == sum(len(one.plaintext) for one in before)
        and body[32:64] == merkle_root(leaves)
        and 1 <= body[64] <= 6
        and not any(body[65:])
    )


def judge_bytes(
    data: bytes, held: dict[bytes, bytes], *, anchor: tuple[int, bytes] | None = None, is_production: bool = True
) -> Judgement:
    """The judgement on a file; never raises for what is in it."""
    try:
        return Reader(data, held, is_production=is_production).judge(anchor)
    except RejectedError as rejected:
        return Judgement("rejected", str(rejected), 0, b"")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Verify and extract Vigilar recordings without Vigilar.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--key", action="append", required=True, type=Path, help="a file of 64 hex digits; may repeat")
    parser.add_argument("--extract", type=Path, help="write the proved video of the one file here")
    asked = parser.parse_args()
    if asked.extract and len(asked.files) != 1:
        parser.error("--extract takes one file")
    keys = [bytes.fromhex(path.read_text()) for path in asked.key]
    worst = 0
    for path in asked.files:
        found = judge_bytes(path.read_bytes(), {key_id_of(key): key for key in keys})
        told = {"file": str(path), "verdict": found.verdict, "code": found.code, "records": found.records}
        told["plaintext_sha256"] = sha256(found.plaintext).hexdigest()
        sys.stdout.write(json.dumps(told) + "\n")
        worst = worst or (0 if found.verdict == "closed" else 9)
        if asked.extract:
            asked.extract.write_bytes(found.plaintext)
    return worst


if __name__ == "__main__":
    sys.exit(main())
