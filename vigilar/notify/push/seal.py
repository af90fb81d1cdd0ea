"""Seals a message for one phone: RFC 8291 (keys) over RFC 8188 (``aes128gcm``), one record. Pure but for randomness.

The push service sees an endpoint, a time and a length. The length is always the same: what is shorter is padded, what
is longer is refused, so that nobody learns from it whether somebody came or a battery is low.
"""

from __future__ import annotations

import os

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SALT_BYTES, KEY_BYTES, NONCE_BYTES, POINT_BYTES, AUTH_BYTES = 16, 16, 12, 65, 16

RECORD_BYTES = 4096
"""What the header promises; RFC 8291, 4: one record, so any size that is not smaller will do, and all write this."""

PLAIN_BYTES = 2800
"""Of every message, with its padding. RFC 8030, 7.2 lets a service refuse bodies above 4096 bytes, some refuse above
3 kB (what pushpad documents of smaller services): with header and tag this makes 2902."""

MAX_MESSAGE_BYTES = PLAIN_BYTES - 1
"""One byte ends the message, before its padding."""


def seal(message: bytes, p256dh: bytes, auth: bytes, *, size: int = PLAIN_BYTES) -> bytes:
    """The body of a push. ``p256dh`` is the phone's public key, an uncompressed point, ``auth`` its 16 secret bytes.

    Raises ValueError for a message above ``size - 1`` bytes, and for keys that are none.
    """
    return seal_with(message, p256dh, auth, ec.generate_private_key(ec.SECP256R1()), os.urandom(SALT_BYTES), size)


def seal_with(
    message: bytes, p256dh: bytes, auth: bytes, key: ec.EllipticCurvePrivateKey, salt: bytes, size: int
) -> bytes:
    """``seal`` with key and salt given, each of which must be used once only."""
    if len(message) >= size:
        raise ValueError(f"a message of {len(message)} bytes does not fit into {size}")
    phone = parse_point(p256dh)
    own = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    content_key, nonce = derive(key.exchange(ec.ECDH(), phone), auth, p256dh, own, salt)
    padded = message + b"\x02" + bytes(size - 1 - len(message))  # RFC 8188, 2: 2 ends the last record
    header = salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(own)]) + own
    return header + AESGCM(content_key).encrypt(nonce, padded, None)


def parse_point(p256dh: bytes) -> ec.EllipticCurvePublicKey:
    """Raises ValueError for what is no uncompressed point of P-256."""
    if len(p256dh) != POINT_BYTES or p256dh[0] != 4:
        raise ValueError("not an uncompressed point of P-256")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), p256dh)


def derive(shared: bytes, auth: bytes, phone: bytes, own: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """Content key and nonce of the one record: RFC 8291, 3.4. ``shared`` is the ECDH secret, the points are as sent."""
    if len(auth) != AUTH_BYTES:
        raise ValueError("the authentication secret has 16 bytes")
    secret = _expand(_hmac(auth, shared), b"WebPush: info\0" + phone + own, 32)
    extracted = _hmac(salt, secret)
    content_key = _expand(extracted, b"Content-Encoding: aes128gcm\0", KEY_BYTES)
    return content_key, _expand(extracted, b"Content-Encoding: nonce\0", NONCE_BYTES)


def _expand(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand (RFC 5869) of one block, all that is needed here."""
    return _hmac(key, info + b"\x01")[:length]


def _hmac(key: bytes, data: bytes) -> bytes:
    made = hmac.HMAC(key, hashes.SHA256())
    made.update(data)
    return made.finalize()
