"""The key lock: a key pair whose public half seals the box's keys, and the ways to its private half.

With the public half alone, which lies on the box, anybody can seal a key and nobody can open one: so a house that is
locked can still make a key to record under, and put it by for the day it is opened. The private half (X25519) lies on
the box only as each *opener* has wrapped it: under a passphrase (argon2id, RFC 9106) or under the secret of a stick.

File ``key-lock`` in the secrets folder, JSON: ``v`` 1, ``public`` (hex), ``openers``. A sealed file is two lines of
hex: the public half of a pair of one use, and the content under AES-256-GCM (key: HKDF of what both halves agree on).
"""

from __future__ import annotations

import json
import secrets
import unicodedata
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from vigilar.base.errors import ErrorKind, ExitCode, RecordingError

MIN_PASSPHRASE = 12
"""Characters. What is tried is tried on the thief's own machines, for years, at some 0.2 s a core and try."""

MAX_PASSPHRASE = 1000

_MEMORY_KIB, _PASSES, _LANES = 65536, 3, 4
"""The second recommended set of RFC 9106: 64 MiB, which a Raspberry Pi with ten cameras has, 0.2 to 0.6 s."""

_MAX_MEMORY_KIB, _MAX_PASSES, _MAX_LANES = 1 << 20, 64, 64
"""A lock file asks for no more than this, whoever wrote it."""

_ONE_USE = bytes(12)
"""The nonce: each sealing key is used once."""


@dataclass(frozen=True, slots=True, repr=False)
class Opener:
    """One way to the private half. ``sealed``: the private half under the opener's key, 40 bytes (RFC 3394).

    ``folder`` is where a stick was when it was made. ``memory_kib``, ``passes``, ``lanes``, ``salt``: of argon2id.
    """

    kind: Literal["passphrase", "stick"]
    id: str
    sealed: bytes
    salt: bytes = b""
    memory_kib: int = 0
    passes: int = 0
    lanes: int = 0
    folder: str = ""

    def dump(self) -> dict[str, Any]:
        return {**asdict(self), "sealed": self.sealed.hex(), "salt": self.salt.hex()}

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> Self:
        """Raises ValueError, KeyError or TypeError for what is none."""
        kind = raw["kind"]
        if kind not in ("passphrase", "stick"):
            raise ValueError(kind)
        sizes = int(raw["memory_kib"]), int(raw["passes"]), int(raw["lanes"])
        if any(size > most for size, most in zip(sizes, (_MAX_MEMORY_KIB, _MAX_PASSES, _MAX_LANES), strict=True)):
            raise ValueError(sizes)
        return cls(
            kind, str(raw["id"]), bytes.fromhex(raw["sealed"]), bytes.fromhex(raw["salt"]), *sizes, str(raw["folder"])
        )


@dataclass(frozen=True, slots=True, repr=False)
class KeyLock:
    """What lies in ``key-lock``. ``public``: 32 bytes."""

    public: bytes
    openers: tuple[Opener, ...]

    @property
    def has_passphrase(self) -> bool:
        return any(one.kind == "passphrase" for one in self.openers)

    @property
    def sticks(self) -> tuple[Opener, ...]:
        return tuple(one for one in self.openers if one.kind == "stick")

    def without(self, opener_id: str) -> KeyLock:
        return replace(self, openers=tuple(one for one in self.openers if one.id != opener_id))

    def open_with_passphrase(self, passphrase: str) -> bytes:
        """The private half, 32 bytes; takes half a second and 64 MiB. Raises RecordingError (denied)."""
        opener = next((one for one in self.openers if one.kind == "passphrase"), None)
        if opener is None:
            raise _refused("This house has no passphrase: it is opened by its key stick")
        found = self._unwrap(opener, _stretch(passphrase, opener))
        if found is None:
            raise _refused("The passphrase is not right")
        return found

    def open_with_stick(self, stick_id: str, secret: bytes) -> bytes:
        """The private half, by the ``secret`` (32 bytes) of a stick. Raises RecordingError (denied)."""
        opener = next((one for one in self.sticks if one.id == stick_id), None)
        found = None if opener is None else self._unwrap(opener, _stick_key(secret))
        if found is None:
            raise _refused("This stick is not one of this house, or it was forgotten")
        return found

    def _unwrap(self, opener: Opener, key: bytes) -> bytes | None:
        try:
            private = aes_key_unwrap(key, opener.sealed)
        except InvalidUnwrap:
            return None
        return private if public_of(private) == self.public else None

    def dump(self) -> bytes:
        made = {"v": 1, "public": self.public.hex(), "openers": [one.dump() for one in self.openers]}
        return (json.dumps(made, indent=1) + "\n").encode()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Raises RecordingError (corrupt)."""
        try:
            raw = json.loads(data)
            public = bytes.fromhex(raw["public"])
            openers = tuple(Opener.parse(one) for one in raw["openers"])
            if raw["v"] != 1 or len(public) != 32 or not openers:
                raise ValueError(raw["v"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise RecordingError(
                "The key lock of this house is damaged",
                kind=ErrorKind.CORRUPT,
                code="vge.keys",
                next_step="Put the file key-lock back from your backup. The recovery sheet opens the recordings too.",
                exit_code=ExitCode.LOCKED,
            ) from error
        return cls(public, openers)


def new_private() -> bytes:
    """The private half of a new lock."""
    return X25519PrivateKey.generate().private_bytes_raw()


def public_of(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def passphrase_opener(private: bytes, passphrase: str) -> Opener:
    """Raises RecordingError (USAGE) for a passphrase that is too short or too long."""
    if not MIN_PASSPHRASE <= len(_plain(passphrase)) <= MAX_PASSPHRASE:
        raise RecordingError(
            f"The passphrase must have {MIN_PASSPHRASE} characters or more",
            code="vge.passphrase",
            next_step="Five words that have nothing to do with each other are good, and easy to say.",
            exit_code=ExitCode.USAGE,
        )
    opener = Opener("passphrase", secrets.token_hex(4), b"", secrets.token_bytes(16), _MEMORY_KIB, _PASSES, _LANES)
    return replace(opener, sealed=aes_key_wrap(_stretch(passphrase, opener), private))


def stick_opener(private: bytes, stick_id: str, secret: bytes, folder: str) -> Opener:
    return Opener("stick", stick_id, aes_key_wrap(_stick_key(secret), private), folder=folder)


def seal(public: bytes, name: str, data: bytes) -> bytes:
    """The content of the file ``name`` so that only the private half opens it. Needs no secret."""
    once = X25519PrivateKey.generate()
    ephemeral = once.public_key().public_bytes_raw()
    agreed = once.exchange(X25519PublicKey.from_public_bytes(public))
    sealed = AESGCM(_sealing_key(agreed, ephemeral, public)).encrypt(_ONE_USE, data, name.encode())
    return f"{ephemeral.hex()}\n{sealed.hex()}\n".encode()


def unseal(private: bytes, name: str, sealed: bytes) -> bytes:
    """The content. Raises RecordingError (corrupt) when it is not as it was sealed, or is another file's."""
    try:
        lines = [bytes.fromhex(line) for line in sealed.decode("ascii").splitlines()]
        ephemeral, content = lines
        agreed = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(ephemeral))
        key = _sealing_key(agreed, ephemeral, public_of(private))
        return AESGCM(key).decrypt(_ONE_USE, content, name.encode())
    except (ValueError, InvalidTag) as error:
        raise RecordingError(
            f"The sealed key {name} is damaged",
            kind=ErrorKind.CORRUPT,
            code="vge.keys",
            next_step="Put the file back from your backup. The recovery sheet opens the recordings too.",
            exit_code=ExitCode.LOCKED,
        ) from error


def _sealing_key(agreed: bytes, ephemeral: bytes, public: bytes) -> bytes:
    return HKDF(SHA256(), 32, ephemeral + public, b"vigilar.key-lock.v1|seal").derive(agreed)


def _stick_key(secret: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, b"vigilar.key-lock.v1|stick").derive(secret)


def _stretch(passphrase: str, opener: Opener) -> bytes:
    stretching = Argon2id(
        salt=opener.salt,
        length=32,
        iterations=opener.passes,
        lanes=opener.lanes,
        memory_cost=opener.memory_kib,
    )
    return stretching.derive(_plain(passphrase)[:MAX_PASSPHRASE].encode())


def _plain(passphrase: str) -> str:
    """The same letters from every keyboard (Unicode NFKC), without spaces around them."""
    return unicodedata.normalize("NFKC", passphrase).strip()


def _refused(sentence: str) -> RecordingError:
    return RecordingError(
        sentence,
        kind=ErrorKind.DENIED,
        code="vge.unlock",
        next_step="Nothing was changed. The recovery sheet opens the recordings when all else is lost.",
        exit_code=ExitCode.DENIED,
    )
