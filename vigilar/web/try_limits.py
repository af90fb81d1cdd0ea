"""How often something secret may be tried: so many tries in each window, counted before the try is looked at.

A try takes its place first, atomically, and gets it back when it was right: sixty at once are ten that are looked at.
A try that is refused takes no place, so whoever waits as long as told is let in.
"""

from __future__ import annotations

import ipaddress
import math
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

MAX_KEYS = 20_000
"""Of those counted at once, so that memory has an end; the one that tried longest ago is forgotten first. IPv6 gives a
house far fewer networks than that."""


@dataclass(frozen=True, slots=True)
class Window:
    """``tries`` in any ``seconds``."""

    tries: int
    seconds: float


class TooManyTries(Exception):
    """Come back after ``retry_after_s`` whole seconds; then there is place for one."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many tries, wait {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Try:
    """A try that has its place."""

    def __init__(self) -> None:
        self.is_right = False

    def was_right(self) -> None:
        """Give the place back at the end: only wrong tries count."""
        self.is_right = True


class TryLimits:
    """Counts the tries of each key (an address, an account) by ``now_s``, monotonic seconds. Any thread."""

    def __init__(self, windows: Sequence[Window], now_s: Callable[[], float]) -> None:
        self._windows = tuple(windows)
        self._longest_s = max(window.seconds for window in windows)
        self._now_s = now_s
        self._lock = threading.Lock()
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    @contextmanager
    def attempt(self, *keys: str) -> Iterator[Try]:
        """Take a place under each key at once, or none: raises TooManyTries. Inside, look at the try, and say
        ``was_right`` if it was; an error that comes out of it before that counts as a wrong one."""
        at_s = self._take(keys)
        one = Try()
        try:
            yield one
        finally:
            if one.is_right:
                self._give_back(keys, at_s)

    def check(self, *keys: str) -> None:
        """Raises TooManyTries where ``attempt`` would, without taking a place."""
        with self._lock:
            self._refuse_too_many(keys, self._now_s())

    def note_wrong(self, *keys: str) -> None:
        """Count a try of which it shows only afterwards that it was wrong."""
        with self._lock:
            self._put(keys, self._now_s())

    def _take(self, keys: Sequence[str]) -> float:
        with self._lock:
            now_s = self._now_s()
            self._refuse_too_many(keys, now_s)
            self._put(keys, now_s)
            return now_s

    def _put(self, keys: Sequence[str], now_s: float) -> None:
        for key in keys:
            self._tries.setdefault(key, deque()).append(now_s)
            self._tries.move_to_end(key)
        while len(self._tries) > MAX_KEYS:
            self._tries.popitem(last=False)

    def _refuse_too_many(self, keys: Sequence[str], now_s: float) -> None:
        wait_s = max((self._wait_s(key, now_s) for key in keys), default=0.0)
        if wait_s > 0:
            raise TooManyTries(max(1, math.ceil(wait_s)))

    def _wait_s(self, key: str, now_s: float) -> float:
        """Until there is place for one more in each window; 0 when there is."""
        tries = self._tries.get(key)
        if tries is None:
            return 0.0
        while tries and tries[0] <= now_s - self._longest_s:
            tries.popleft()
        full = (window for window in self._windows if len(tries) >= window.tries)
        return max((tries[-window.tries] + window.seconds - now_s for window in full), default=0.0)

    def _give_back(self, keys: Sequence[str], at_s: float) -> None:
        with self._lock:
            for key in keys:
                tries = self._tries.get(key)
                if tries is not None and at_s in tries:
                    tries.remove(at_s)
                if not tries:
                    self._tries.pop(key, None)


def network_of(address: str) -> str:
    """Under what tries from an address are counted: an IPv4 address alone, an IPv6 address with its /64, because any
    device has as many of those as it likes."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


class KnownHomes:
    """From which networks each account was signed in to since this process began. Any thread."""

    MAX = 1000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def remember(self, account: str, network: str) -> None:
        with self._lock:
            self._known[account, network] = None
            self._known.move_to_end((account, network))
            if len(self._known) > self.MAX:
                self._known.popitem(last=False)

    def is_known(self, account: str, network: str) -> bool:
        with self._lock:
            return (account, network) in self._known


class OnceInAWhile:
    """Says of each key once in ``every_s`` that it is due: what repeats a thousand times is told once. Any thread."""

    MAX = 1000

    def __init__(self, every_s: float, now_s: Callable[[], float]) -> None:
        self._every_s = every_s
        self._now_s = now_s
        self._lock = threading.Lock()
        self._told: OrderedDict[str, float] = OrderedDict()

    def is_due(self, key: str) -> bool:
        now_s = self._now_s()
        with self._lock:
            if now_s - self._told.get(key, -self._every_s) < self._every_s:
                return False
            self._told[key] = now_s
            self._told.move_to_end(key)
            if len(self._told) > self.MAX:
                self._told.popitem(last=False)
            return True
