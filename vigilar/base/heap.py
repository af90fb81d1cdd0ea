"""What libc keeps of the memory that a process has freed."""

from __future__ import annotations

import ctypes

LARGE_BYTES = 2 * 1024 * 1024
"""Above the pieces in which recordings are read ahead (1 MiB), below a picture and the 19 MiB of a password's hash."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def give_back_large_blocks() -> None:
    """Have blocks above LARGE_BYTES given back to the kernel as soon as they are freed.

    By its own rule (mallopt(3)) libc takes the first large block that is freed as a measure: from then on blocks of
    that size lie in its heaps, which stay as large as they ever were. Twice as much free memory at the end of a heap
    stays, as by that rule, or the same piece would be asked of the kernel again and again. For a process of one thread
    yet or of many.
    """
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
    libc.mallopt(_M_TRIM_THRESHOLD, 2 * LARGE_BYTES)
