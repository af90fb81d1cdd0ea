"""TCP ports for the servers of tests, such that no two tests that run at the same time get the same one.

Asking the kernel for a free port and closing the socket again leaves it free for whoever asks next. So each process of
pytest takes a block of ports for itself, and hands them out in turn. The blocks lie below the ports that the kernel
gives to whoever connects (ip(7), ip_local_port_range: from 32768 on).

Who has a block says a socket with an abstract name (unix(7)): it ends with its process however that ends, and is known
wherever the ports themselves are, whichever user and TMPDIR a run has. A network namespace of a test's own has names of
its own as well: so ``take_block`` is called before any test runs.
"""

from __future__ import annotations

import functools
import itertools
import socket
from collections.abc import Iterator

FIRST, LAST = 18_000, 32_700
BLOCK = 100


@functools.cache
def _own_block() -> tuple[socket.socket, Iterator[int]]:
    """Who keeps the block for this process until it ends, and its ports, over and over."""
    for first in range(FIRST, LAST - BLOCK + 1, BLOCK):
        keeper = socket.socket(socket.AF_UNIX)
        try:
            keeper.bind(f"\0vigilar-test-ports-{first}")
        except OSError:
            keeper.close()
            continue
        return keeper, itertools.cycle(range(first, first + BLOCK))
    raise AssertionError("every block of ports is taken by a test run")


def take_block() -> None:
    """Be known to the other processes from now on, by the network in which this one began."""
    _own_block()


def free_port() -> int:
    """A port of loopback that nobody listens on, and that no other test gets while this process of pytest runs."""
    ports = _own_block()[1]
    return next(port for port in itertools.islice(ports, BLOCK) if _is_free(port))


def free_ports(count: int) -> int:
    """The first of so many ports in a row, for a program that counts up by itself."""
    ports = _own_block()[1]
    in_a_row = 0
    for port in itertools.islice(ports, 2 * BLOCK):
        if port % BLOCK == FIRST % BLOCK:  # from the last of the block to its first is no row
            in_a_row = 0
        in_a_row = in_a_row + 1 if _is_free(port) else 0
        if in_a_row == count:
            return port - count + 1
    raise AssertionError(f"no {count} ports in a row are free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: what a connection of before left in TIME_WAIT is in nobody's way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
