"""The door to ``cryptography``: keys of one file, its cipher, its tags, and wrapping of the file key."""

from __future__ import annotations

import hmac
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from vigilar.vge.format import KeySlot, SlotType

_DOMAIN = b"vigilar.vge.v1|"
TAG_PREFIX = b"\x01"  # first byte of what a record tag is made of; 00 begins the chain


def wrap_file_key(slot_type: SlotType, epoch: int, key_id: bytes, key: bytes, file_key: bytes) -> KeySlot:
    """A slot that gives ``file_key`` to who holds ``key`` (RFC 3394)."""
    return KeySlot(slot_type, epoch, key_id, aes_key_wrap(key, file_key))


def unwrap_file_key(slot: KeySlot, key: bytes) -> bytes | None:
    """The file key in ``slot``, or None if ``key`` does not open it."""
    try:
        return aes_key_unwrap(key, slot.wrapped)
    except InvalidUnwrap:
        return None


def link_of(core: bytes, close_tag: bytes) -> bytes:
    """What the next file of the camera carries in its core: 32 bytes over the core's hash and the tag of CLOSE."""
    return sha256(b"vigilar.link" + sha256(core).digest() + close_tag).digest()


def _derive(file_key: bytes, core: bytes, salt: bytes, label: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, _DOMAIN + label + b"|" + core).derive(file_key)


class FileKeys:
    """The three keys of a file. Bound to its core: another core, other keys. One thread."""

    __slots__ = ("_encryption_key", "_header_key", "_kept_stream", "_mac_key", "file_key", "first_tag")

    def __init__(self, file_key: bytes, core: bytes) -> None:
        core_hash, salt = sha256(core).digest(), core[32:64]
        self._mac_key = _derive(file_key, core_hash, salt, b"mac")
        self._header_key = _derive(file_key, core_hash, salt, b"hdr")
        self._encryption_key = _derive(file_key, core_hash, salt, b"enc")
        self._kept_stream: CipherContext | None = None
        self.file_key = file_key
        self.first_tag = hmac.digest(self._mac_key, b"\x00" + core_hash, "sha256")

    @property
    def _stream(self) -> CipherContext:
        """One for all records: a new counter is set each time, the key schedule is made once. Not before it is needed:
        of most recordings that a page knows, only the index is read, and it takes as much memory as the rest."""
        if self._kept_stream is None:
            self._kept_stream = Cipher(algorithms.AES(self._encryption_key), modes.CTR(bytes(16))).encryptor()
        return self._kept_stream

    def header_mac(self, proved: bytes) -> bytes:
        """MAC of bytes 0-447 of the header."""
        return hmac.digest(self._header_key, proved, "sha256")

    def record_tag(self, message: memoryview | bytes) -> bytes:
        """Tag over ``01 | tag before | record header | payload as stored``, given in one piece."""
        return hmac.digest(self._mac_key, message, "sha256")

    def crypt_into(self, number: int, data: bytes | memoryview, out: memoryview) -> None:
        """Encrypt or decrypt the payload of record ``number`` into ``out`` of the same length."""
        self._stream.reset_nonce(number.to_bytes(8, "big") + bytes(8))
        if data:
            self._stream.update_into(data, out)

    def begin_record(self, tag_before: bytes, number: int, *, is_encrypted: bool) -> RecordSeal:
        """To seal record ``number`` block by block. Nothing else may use these keys until its tag is taken."""
        self._stream.reset_nonce(number.to_bytes(8, "big") + bytes(8))
        mac = hmac.new(self._mac_key, TAG_PREFIX + tag_before, "sha256")
        return RecordSeal(mac, self._stream if is_encrypted else None)

    def decrypt(self, number: int, data: memoryview) -> bytes:
        """The plaintext of a verified payload."""
        self._stream.reset_nonce(number.to_bytes(8, "big") + bytes(8))
        return self._stream.update(data)


class RecordSeal:
    """Encrypts and proves one record as its bytes follow. One thread."""

    def __init__(self, mac: hmac.HMAC, stream: CipherContext | None) -> None:
        """Without ``stream`` the payload stays as it is."""
        self._mac, self._stream = mac, stream
        self._plaintext = sha256()

    def seal(self, block: memoryview, begin: int) -> None:
        """Encrypt ``block`` from ``begin`` on, where its payload begins, in place; all of it is proved."""
        payload = block[begin:]
        self._plaintext.update(payload)
        if self._stream is not None and payload:
            self._stream.update_into(payload, payload)
        self._mac.update(block)

    def tag(self) -> bytes:
        """As ``FileKeys.record_tag`` over the whole."""
        return self._mac.digest()

    def plaintext_sha256(self) -> bytes:
        return self._plaintext.digest()
