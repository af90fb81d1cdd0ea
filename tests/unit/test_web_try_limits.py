"""Tries are counted before they are looked at, and whoever waits as long as told is let in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from vigilar.web.try_limits import MAX_KEYS, TooManyTries, TryLimits, Window, network_of

TEN = (Window(10, 60.0), Window(60, 3600.0))


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> TryLimits:
    return TryLimits(TEN, clock)


def wrong(limits: TryLimits, *keys: str) -> int:
    """Try once, wrongly; the seconds to wait, 0 if the try was looked at."""
    try:
        with limits.attempt(*keys):
            return 0
    except TooManyTries as error:
        return error.retry_after_s


def test_eleventh_wrong_try_waits_as_long_as_is_true(limits: TryLimits, clock: Clock) -> None:
    for _ in range(10):
        assert wrong(limits, "a") == 0
        clock.now_s += 2.0
    wait_s = wrong(limits, "a")
    assert wait_s == 40, "the first of the ten was 20 s ago"
    clock.now_s += wait_s - 1
    assert wrong(limits, "a") == 1
    clock.now_s += 1
    assert wrong(limits, "a") == 0


def test_error_after_a_right_try_takes_no_place(limits: TryLimits) -> None:
    def fail() -> None:
        with limits.attempt("a") as one:
            one.was_right()
            raise OSError("disk")

    for _ in range(20):
        with pytest.raises(OSError, match="disk"):
            fail()
    assert wrong(limits, "a") == 0


def test_refused_tries_make_the_wait_no_longer(limits: TryLimits, clock: Clock) -> None:
    for _ in range(10):
        wrong(limits, "a")
    for _ in range(500):
        assert wrong(limits, "a") == 60
    clock.now_s += 60
    with limits.attempt("a") as one:
        one.was_right()


def test_hour_is_counted_too(limits: TryLimits, clock: Clock) -> None:
    for _ in range(6):
        assert [wrong(limits, "a") for _ in range(10)] == [0] * 10
        clock.now_s += 61
    assert wrong(limits, "a") == 3600 - 6 * 61
    clock.now_s += 3600 - 6 * 61
    assert wrong(limits, "a") == 0


def test_right_tries_do_not_count(limits: TryLimits) -> None:
    for _ in range(100):
        with limits.attempt("a") as one:
            one.was_right()
    assert [wrong(limits, "a") for _ in range(10)] == [0] * 10


def test_try_that_fails_counts_as_wrong(limits: TryLimits) -> None:
    for _ in range(10):
        with pytest.raises(ValueError, match="broken"), limits.attempt("a"):
            raise ValueError("broken")
    assert wrong(limits, "a") == 60


def test_sixty_at_once_are_ten_that_are_looked_at(limits: TryLimits) -> None:
    with ThreadPoolExecutor(60) as pool:
        waits = list(pool.map(lambda _: wrong(limits, "a"), range(60)))
    assert sorted(waits) == [0] * 10 + [60] * 50


def test_try_refused_under_one_key_takes_no_place_under_another(limits: TryLimits) -> None:
    for _ in range(10):
        wrong(limits, "account")
    for _ in range(50):
        assert wrong(limits, "account", "address") == 60
    assert [wrong(limits, "address") for _ in range(10)] == [0] * 10


def test_memory_has_an_end(limits: TryLimits) -> None:
    for number in range(MAX_KEYS + 5):
        wrong(limits, str(number))
    assert len(limits._tries) == MAX_KEYS


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.168.1.7", "192.168.1.7"),
        ("2001:db8:1:2:aaaa:bbbb:cccc:dddd", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.168.1.7", "192.168.1.7"),
        ("", ""),
        ("nonsense", "nonsense"),
    ],
)
def test_ipv6_counts_by_its_64(address: str, network: str) -> None:
    assert network_of(address) == network
