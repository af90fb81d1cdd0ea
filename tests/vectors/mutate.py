"""Both readers on changed files: they must agree on each, and release nothing but what was recorded.

``python -m tests.vectors.mutate [COUNT] [SEED]`` prints how many changes were tried and what became of them. Each takes
1.5 ms of the processor, however many there are: a million half an hour.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from tests.vectors import sample
from tools.vge_reader import Judgement, Reader, judge_bytes
from vigilar.vge.format import HEADER_BYTES
from vigilar.vge.report import Report
from vigilar.vge.verify import verify_file

HELD = {sample.KEY_1.key_id: sample.KEY_1.key}


class Original(NamedTuple):
    """A recording with the places where its records begin and end, and what may be released of it."""

    data: bytes
    borders: tuple[int, ...]
    pieces: tuple[bytes, ...]


def make_original(folder: Path, *, is_closed: bool = True) -> Original:
    """A recording by the real writer."""
    path = folder / f"original-{os.urandom(4).hex()}.vge"
    writer = sample.new_writer(path)
    sample.write_records(writer)
    writer.sync()
    if is_closed:
        sample.close_writer(writer)
    else:
        writer.abandon()
    data = path.read_bytes()
    reader, at, borders = Reader(data, HELD), HEADER_BYTES, [HEADER_BYTES]
    pieces = []
    while (record := reader.record_at(at)) is not None:
        at += record.size
        borders.append(at)
        pieces.append(record.plaintext)
    return Original(data, tuple(borders), tuple(pieces))


Change = Callable[[random.Random, Original, Original], bytes]


def flip_bit(chance: random.Random, one: Original, _other: Original) -> bytes:
    data = bytearray(one.data)
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def overwrite(chance: random.Random, one: Original, _other: Original) -> bytes:
    data = bytearray(one.data)
    at, size = chance.randrange(len(data)), chance.randint(1, 80)
    data[at : at + size] = chance.choice((bytes(size), chance.randbytes(size)))
    return bytes(data)


def cut(chance: random.Random, one: Original, _other: Original) -> bytes:
    at = chance.choice((chance.randrange(len(one.data)), chance.choice(one.borders)))
    return one.data[:at]


def take_out(chance: random.Random, one: Original, _other: Original) -> bytes:
    at, size = chance.randrange(len(one.data)), chance.randint(1, 120)
    return one.data[:at] + one.data[at + size :]


def put_in(chance: random.Random, one: Original, _other: Original) -> bytes:
    at, size = chance.randrange(len(one.data)), chance.randint(1, 120)
    source = chance.randrange(len(one.data))
    return one.data[:at] + chance.choice((chance.randbytes(size), one.data[source : source + size])) + one.data[at:]


def move_record(chance: random.Random, one: Original, other: Original) -> bytes:
    """Records doubled, dropped, exchanged or taken from the other recording."""
    spans = list(zip(one.borders, one.borders[1:], strict=False))
    parts = [one.data[start:stop] for start, stop in spans]
    strange = [other.data[start:stop] for start, stop in zip(other.borders, other.borders[1:], strict=False)]
    for _ in range(chance.randint(1, 2)):
        at = chance.randrange(len(parts))
        kind = chance.randrange(4)
        if kind == 0:
            parts.insert(chance.randrange(len(parts)), parts[at])
        elif kind == 1 and len(parts) > 1:
            del parts[at]
        elif kind == 2:
            to = chance.randrange(len(parts))
            parts[at], parts[to] = parts[to], parts[at]
        else:
            parts.insert(at, chance.choice(strange))
    return one.data[:HEADER_BYTES] + b"".join(parts)


def exchange_header(chance: random.Random, one: Original, other: Original) -> bytes:
    start = chance.choice((0, 192, 448))
    stop = chance.choice([end for end in (192, 448, 480, HEADER_BYTES) if end > start])
    return one.data[:start] + other.data[start:stop] + one.data[stop:]


CHANGES: tuple[Change, ...] = (flip_bit, flip_bit, overwrite, cut, take_out, put_in, move_record, exchange_header)


def check_change(path: Path, data: bytes, original: Original) -> str:
    """The verdict both give on ``data``. Raises AssertionError where they differ, or release what is not true."""
    path.write_bytes(data)
    report, found = verify_file(path, sample.RING), judge_bytes(data, HELD)
    assert _told(report) == _told_by_second(found), (_told(report), _told_by_second(found))
    if data != original.data:
        assert report.verdict.value in ("rejected", "unclean", "damaged"), report.verdict
    assert _is_made_of(found.plaintext, original.pieces)
    return report.verdict.value


def _told(report: Report) -> tuple[str, str, int, str]:
    digest = report.plaintext_sha256 or sha256(b"").digest()
    return report.verdict.value, report.code, report.records_verified, digest.hex()


def _told_by_second(found: Judgement) -> tuple[str, str, int, str]:
    return found.verdict, found.code, found.records, sha256(found.plaintext).hexdigest()


def _is_made_of(plaintext: bytes, pieces: tuple[bytes, ...]) -> bool:
    """Whether ``plaintext`` is the recording's pieces in their order, some of them left out."""
    ends = {0}
    for piece in pieces:
        ends |= {end + len(piece) for end in ends if plaintext.startswith(piece, end)}
    return len(plaintext) in ends


def run(count: int, seed: int, folder: Path) -> Counter[str]:
    """Try ``count`` changes; how often each verdict was given."""
    chance, path, verdicts = random.Random(seed), folder / "changed.vge", Counter[str]()
    originals = [make_original(folder), make_original(folder), make_original(folder, is_closed=False)]
    while verdicts.total() < count:
        one, other = chance.sample(originals, 2)
        data = chance.choice(CHANGES)(chance, one, other)
        if data != one.data:
            verdicts[check_change(path, data, one)] += 1
    return verdicts


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        verdicts = run(count, seed, Path(folder))
    told = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common())
    sys.stdout.write(
        f"{verdicts.total()} changed files (seed {seed}): both readers agree on all; {told}; 0 wrong bytes\n"
    )


if __name__ == "__main__":
    main()
