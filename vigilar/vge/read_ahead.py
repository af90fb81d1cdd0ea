"""Records of one recording in their order, proved while the one before is worked on.

Proving is most of the work, and waits for no lock of Python: two threads of this generator's own do it beside whoever
takes the records. They end with the generator, also when it is left in the middle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from vigilar.base.errors import RecordingError
from vigilar.vge.reader import RecordEntry
from vigilar.vge.scan import BatchBuffer
from vigilar.vge.sealed import Proved, SealedFile

THREADS = 2
BATCH_BYTES = 1 << 20
"""Records that one thread takes at a time, or a single larger one: enough that handing over costs nothing."""

IN_FLIGHT = 3
"""Batches in memory beside the one that is worked on, as a rule 4 MB in all; their memory is used again and again."""

FEW = 8
"""So many records are read without threads: starting them costs as much as proving one."""

ClearBytes = Callable[[memoryview], int]
"""Told the first 16 bytes of a payload in clear; how many of it are wanted in clear."""


def read_ahead(
    file: SealedFile, entries: Sequence[RecordEntry], clear_bytes: ClearBytes | None = None
) -> Iterator[Proved]:
    """What ``file.read_batch`` gives of each of ``entries``, in order; each is good until the next is asked for. One
    thread takes them."""
    if len(entries) <= FEW:
        buffer = BatchBuffer()
        for batch in _batches(entries):
            yield from file.read_batch(batch, buffer, clear_bytes)
        return
    buffers = [BatchBuffer() for _ in range(IN_FLIGHT + 1)]
    with ThreadPoolExecutor(THREADS, thread_name_prefix="read-ahead") as pool:
        waiting: deque[tuple[Future[list[Proved]], BatchBuffer]] = deque()
        try:
            for batch in _batches(entries):
                if not buffers:
                    future, buffer = waiting.popleft()
                    yield from future.result()
                    buffers.append(buffer)
                buffer = buffers.pop()
                waiting.append((pool.submit(file.read_batch, batch, buffer, clear_bytes), buffer))
            while waiting:
                yield from waiting.popleft()[0].result()
        finally:
            for future, _ in waiting:
                future.cancel()


def _batches(entries: Sequence[RecordEntry]) -> Iterator[list[RecordEntry]]:
    """Records that stand one behind the other, about BATCH_BYTES at a time."""
    batch: list[RecordEntry] = []
    size, behind = 0, -1
    for entry in entries:
        if batch and (entry.offset != behind or size + entry.payload_len > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += entry.payload_len
        behind = entry.offset + entry.header.record_len
    if batch:
        yield batch


def payload_of(proved: Proved) -> memoryview:
    """The payload; raises what came in its place."""
    if isinstance(proved, RecordingError):
        raise proved
    return proved
