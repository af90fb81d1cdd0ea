"""The building blocks against published answers, in both implementations."""

from __future__ import annotations

import subprocess
from dataclasses import astuple
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import vge_reader
from vigilar.base.errors import RecordingError
from vigilar.vge.bodies import CloseBody, IndexEntry, Mark, dump_index, parse_index
from vigilar.vge.crc32c import crc32c, record_crc32c
from vigilar.vge.crypto import FileKeys, unwrap_file_key
from vigilar.vge.format import CloseReason, KeySlot, RecordFlag, RecordHeader, RecordType
from vigilar.vge.merkle import MerkleTree

# RFC 3394, 4.6: 256 bits of key data under a 256-bit key.
WRAPPING_KEY = bytes(range(32))
KEY_DATA = bytes.fromhex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")
WRAPPED = bytes.fromhex(
    "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"
)  # fmt: skip
HEADER = RecordHeader(RecordType.MEDIA, 3, 250_000, 96, 7, 1000, 1_770_000_000_000_000_000, 42, 500, 1)


@pytest.mark.parametrize(("data", "crc"), [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA)])
def test_crc_has_published_values(data: bytes, crc: int) -> None:
    assert (crc32c(data), vge_reader.crc32c(data)) == (crc, crc)


@given(st.binary(min_size=60, max_size=60))
def test_fast_crc_equals_plain_one(data: bytes) -> None:
    assert record_crc32c(data) == crc32c(data) == vge_reader.crc32c(data)


def test_key_unwrapping_has_published_value() -> None:
    assert unwrap_file_key(KeySlot(1, 1, bytes(16), WRAPPED), WRAPPING_KEY) == KEY_DATA
    assert vge_reader.unwrap(WRAPPING_KEY, WRAPPED) == KEY_DATA
    assert vge_reader.unwrap(bytes(32), WRAPPED) is None


def test_counter_blocks_hold_record_number_then_zero() -> None:
    keys = FileKeys(b"k" * 32, bytes(192))
    first, second = bytearray(40), bytearray(40)
    keys.crypt_into(258, bytes(40), memoryview(first))
    k_enc = vge_reader.hkdf(b"k" * 32, bytes(32), b"vigilar.vge.v1|enc|" + sha256(bytes(192)).digest())
    second[:] = vge_reader.ctr(k_enc, 258, bytes(40))
    answer = subprocess.run(
        ["openssl", "enc", "-aes-256-ctr", "-K", k_enc.hex(), "-iv", "00000000000001020000000000000000"],
        input=bytes(40),
        capture_output=True,
        check=True,
    ).stdout
    assert first == second == answer


def test_merkle_roots_follow_the_recursive_definition() -> None:
    tree, leaves = MerkleTree(), list[bytes]()
    for number in range(70):
        assert tree.root() == vge_reader.merkle_root(leaves)
        leaves.append(number.to_bytes(32, "big"))
        tree.add(leaves[-1])


def test_record_header_survives_dump_and_parse() -> None:
    assert len(HEADER.dump()) == 64
    assert RecordHeader.parse(HEADER.dump()) == HEADER


@pytest.mark.parametrize("at", range(64))
def test_flipped_byte_makes_no_record_header(at: int) -> None:
    data = bytearray(HEADER.dump())
    data[at] ^= 0x10
    assert RecordHeader.parse(bytes(data)) is None


@pytest.mark.parametrize("size", [0, 1, 63, 65])
def test_other_length_makes_no_record_header(size: int) -> None:
    assert RecordHeader.parse((HEADER.dump() * 2)[:size]) is None


def test_final_flag_belongs_to_close_alone() -> None:
    wrong = RecordHeader(RecordType.MEDIA, RecordFlag.FINAL, 0, 0, 0, 0, 0, 0)
    assert RecordHeader.parse(wrong.dump()) is None


def test_close_body_survives_dump_and_parse() -> None:
    body = CloseBody(10, 3000, 5, 6, b"r" * 32, CloseReason.DISK_FULL)
    assert CloseBody.find(body.dump()) == body
    assert CloseBody.find(body.dump()[:-1]) is None
    assert CloseBody.find(body.dump()[:-1] + b"\x01") is None


def test_index_survives_dump_and_parse() -> None:
    entries = [IndexEntry(1, 700, 5, 40), IndexEntry(9, 9000, 6, 4000)]
    assert list(parse_index(dump_index(entries))) == [number for one in entries for number in astuple(one)]
    with pytest.raises(RecordingError):
        parse_index(b"123")


def test_mark_survives_dump_and_parse() -> None:
    mark = Mark("clock-step", {"by_ms": -3600000})
    assert Mark.parse(mark.dump()) == mark


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b'{"kind":"gap"}', b'{"kind":"party","detail":{}}', b"17"])
def test_broken_mark_is_refused(data: bytes) -> None:
    with pytest.raises(RecordingError):
        Mark.parse(data)
