"""The tables that RTP/JPEG leaves out: quantisation by quality (RFC 2435 appendix A, after ITU-T T.81 annex K.1), in
zigzag order, and the usual Huffman codes (K.3)."""

from __future__ import annotations

import struct

_LUMA = bytes.fromhex(
    "100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933"
    "383740485c4e404457453738506d51575f626768673e4d71797064785c656763"
)
_CHROMA = bytes.fromhex("1112121815182f1a1a2f63423842") + b"\x63" * 50


def tables_of(quality: int) -> tuple[bytes, bytes]:
    """Luma's and chroma's table for a Q of 1 to 99 (4.2). Others are reserved; cameras at their best setting send 100,
    by the same rule, and what is beyond it is taken for the nearest, as the usual clients do."""
    quality = min(max(1, quality), 100)
    factor = 5000 // quality if quality < 50 else 200 - quality * 2
    luma, chroma = (
        bytes(max(1, min(255, (value * factor + 50) // 100)) for value in table) for table in (_LUMA, _CHROMA)
    )
    return luma, chroma


def _codes(kind: int, lengths: str, values: bytes) -> bytes:
    """One DHT segment: ``lengths`` are how many codes of 1 to 16 bits there are."""
    counts = bytes(int(number) for number in lengths.split())
    return b"\xff\xc4" + struct.pack(">HB", 3 + 16 + len(values), kind) + counts + values


_AC_LUMA = bytes.fromhex(
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a34353637"
    "38393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3"
    "a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
)
_AC_CHROMA = bytes.fromhex(
    "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a3536"
    "3738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999a"
    "a2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
)

HUFFMAN = (
    _codes(0x00, "0 1 5 1 1 1 1 1 1 0 0 0 0 0 0 0", bytes(range(12)))
    + _codes(0x10, "0 2 1 3 3 2 4 3 5 5 4 4 0 0 1 125", _AC_LUMA)
    + _codes(0x01, "0 3 1 1 1 1 1 1 1 1 1 0 0 0 0 0", bytes(range(12)))
    + _codes(0x11, "0 2 1 2 4 4 3 4 7 5 4 4 0 1 2 119", _AC_CHROMA)
)
"""DC and AC of luma, DC and AC of chroma."""
