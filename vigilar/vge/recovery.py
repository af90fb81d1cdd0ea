"""The recovery sheet: sixteen words on paper that open the recordings without the box.

The words are a seed of 128 bits. From it comes a key pair (X25519, RFC 7748) whose public half alone stays on the box,
so who takes the box learns nothing of the sheet. For each epoch the box makes a key pair of one use; what both halves
agree on is that epoch's *recovery key*, under which every file key is wrapped once more (slot type 2). The public half
of the pair of one use goes into the header as well (slot type 4): the file and the sheet are enough, on any machine.

A word is five letters, a consonant and a vowel in turn (as "proquints"): eight bits of the seed and eight bits that
check them and their place. So a mistyped word is found by itself, and two exchanged ones as well.
"""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.vge.format import CORE_BYTES, HEADER_BYTES, SLOT_BYTES, SLOTS_END, KeySlot, SlotType
from vigilar.vge.gate import file_errors
from vigilar.vge.key_lock import seal, unseal
from vigilar.vge.keys import EpochKey

WORD_COUNT = 16

_CONSONANTS = "bdfghjklmnprstvz"
_VOWELS = "aiou"
_WORD_LETTERS = 5


@dataclass(frozen=True, slots=True, repr=False)
class Sheet:
    """The seed. Exists in memory while it is printed or typed, and nowhere else."""

    seed: bytes

    def __repr__(self) -> str:
        return "Sheet(...)"

    @classmethod
    def make(cls) -> Sheet:
        """A new one."""
        return cls(secrets.token_bytes(WORD_COUNT))

    @classmethod
    def parse(cls, text: str) -> Sheet:
        """Read the words as a person types them. Raises RecordingError that says which word is wrong."""
        words = text.lower().replace("-", " ").replace(",", " ").split()
        if len(words) != WORD_COUNT:
            raise _wrong(f"The sheet has {WORD_COUNT} words, and these are {len(words)}")
        return cls(bytes(_parse_word(word, place) for place, word in enumerate(words)))

    @property
    def words(self) -> list[str]:
        return [_word(byte, place) for place, byte in enumerate(self.seed)]

    @property
    def public(self) -> bytes:
        """The half that stays on the box, 32 bytes."""
        return self._private().public_key().public_bytes_raw()

    def recovery_key(self, ephemeral: bytes) -> bytes:
        """The recovery key of the files whose header holds ``ephemeral`` (32 bytes)."""
        agreed = self._private().exchange(X25519PublicKey.from_public_bytes(ephemeral))
        return _derive(agreed, ephemeral, self.public)

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """What ``seal_for_sheet`` sealed under ``name``. Raises RecordingError (corrupt) when it is not as it was
        sealed, or for another sheet."""
        return unseal(self._private().private_bytes_raw(), name, sealed)

    def _private(self) -> X25519PrivateKey:
        derived = HKDF(SHA256(), 32, None, b"vigilar.recovery.v1|sheet").derive(self.seed)
        return X25519PrivateKey.from_private_bytes(derived)


def seal_for_sheet(public: bytes, name: str, data: bytes) -> bytes:
    """``data`` so that only the sheet of ``public`` opens it: not even this box. Lines of hex."""
    return seal(public, name, data)


def sheet_id_of(public: bytes) -> bytes:
    """By which a sheet is named in headers and on paper: 16 bytes."""
    return sha256(b"vigilar.sheet-id|" + public).digest()[:16]


def make_recovery_key(public: bytes, number: int) -> EpochKey:
    """A recovery key for files to come, which the sheet of ``public`` opens. The private half is forgotten here."""
    once = X25519PrivateKey.generate()
    ephemeral = once.public_key().public_bytes_raw()
    agreed = once.exchange(X25519PublicKey.from_public_bytes(public))
    return EpochKey.of(number, _derive(agreed, ephemeral, public), ephemeral, sheet_id_of(public))


def find_sheet_key(path: Path, sheet: Sheet) -> EpochKey | None:
    """The recovery key of the file that the sheet makes, as nobody has proved yet; None for a file that is not of this
    sheet, or no recording. Raises RecordingError when it cannot be read."""
    with file_errors("read", path), path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    sheet_id = sheet_id_of(sheet.public)
    for at in range(CORE_BYTES, SLOTS_END, SLOT_BYTES):
        try:
            slot = KeySlot.parse(header[at : at + SLOT_BYTES])
        except (RecordingError, struct.error):
            return None
        if slot.type == SlotType.SHEET and slot.key_id == sheet_id:
            ephemeral = slot.wrapped[:32]
            return EpochKey.of(0, sheet.recovery_key(ephemeral), ephemeral, sheet_id)
    return None


def _derive(agreed: bytes, ephemeral: bytes, public: bytes) -> bytes:
    return HKDF(SHA256(), 32, ephemeral + public, b"vigilar.recovery.v1|wrap").derive(agreed)


def _word(byte: int, place: int) -> str:
    bits = byte << 8 | sha256(b"vigilar.recovery-word|" + bytes((place, byte))).digest()[0]
    letters = []
    for size, letter_set in ((4, _CONSONANTS), (2, _VOWELS)) * 2 + ((4, _CONSONANTS),):
        letters.append(letter_set[bits & (1 << size) - 1])
        bits >>= size
    return "".join(reversed(letters))


def _parse_word(word: str, place: int) -> int:
    meant = [byte for byte in range(256) if _word(byte, place) == word]
    if meant:
        return meant[0]
    near = [right for byte in range(256) if _distance(right := _word(byte, place), word) <= 1]
    hint = f'. Did you mean "{near[0]}"?' if len(near) == 1 else ""
    raise _wrong(f'Word {place + 1}, "{word[:20]}", is not right{hint}')


def _distance(one: str, other: str) -> int:
    """Letters that differ; words of another length are far away."""
    if len(other) != _WORD_LETTERS:
        return _WORD_LETTERS
    return sum(a != b for a, b in zip(one, other, strict=True))


def _wrong(sentence: str) -> RecordingError:
    return RecordingError(
        sentence,
        kind=ErrorKind.PERMANENT,
        code="vge.sheet",
        next_step="Look at the sheet again; each word is five letters, and their order counts.",
        exit_code=ExitCode.USAGE,
    )
