"""A push service that hangs for one phone: those beside it are told, each in order, by few connections."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.conftest import PATIENCE_S, wait_until
from tests.fakes.push_service import PushService
from tests.notify_kit import NODE, NotifyHouse
from vigilar.base.stop import Stop
from vigilar.notify.outbox import MOST_HELPERS, Outbox


@contextmanager
def letting_go(house: NotifyHouse) -> Iterator[tuple[Outbox, Stop]]:
    """The lanes of a process, turned by hand."""
    stop = Stop()
    outbox = Outbox(house.store, NODE, house.clock, lambda _lane: house.new_sender(), house.watcher)
    try:
        yield outbox, stop
    finally:
        for event in house.service.hanging.values():
            event.set()
        stop.set()
        outbox.run(stop, join_s=10.0)


def hang(house: NotifyHouse, name: str) -> threading.Event:
    house.add_phone(name, house.add_member(name))
    house.service.hanging[name] = threading.Event()
    return house.service.hanging[name]


def told(service: PushService) -> list[tuple[str, str]]:
    return [(one.phone, one.message["notification"]["title"]) for one in service.accepted()]


def test_critical_push_waits_for_no_phone_that_hangs(house: NotifyHouse, service: PushService) -> None:
    """Ten seconds went by for each of its pushes before the phone beside it was told that the house burns."""
    answer = hang(house, "stuck")
    house.add_phone("well", house.add_member("Kim"))
    with letting_go(house) as (outbox, stop):
        house.happens("Person, Drive")
        house.settle()
        outbox.turn(stop)
        wait_until(lambda: service.held == ["stuck"], PATIENCE_S)
        house.happens("Smoke, Hall", severity="CRITICAL", kind="")
        house.settle()
        outbox.turn(stop)
        assert told(service) == [], "a service has a second to answer"
        house.clock.advance(1)
        outbox.turn(stop)
        wait_until(lambda: len(service.accepted()) == 2, PATIENCE_S)
        assert told(service) == [("well", "Smoke, Hall"), ("well", "Person, Drive")]
        assert service.held == ["stuck"], "what one phone is owed goes in order"
        answer.set()
        wait_until(lambda: len(service.accepted()) == 4, PATIENCE_S)
        assert told(service)[2:] == [("stuck", "Person, Drive"), ("stuck", "Smoke, Hall")]


def test_service_that_hangs_for_all_is_asked_by_few(house: NotifyHouse, service: PushService) -> None:
    names = [f"phone-{number}" for number in range(MOST_HELPERS + 3)]
    answers = [hang(house, name) for name in names]
    with letting_go(house) as (outbox, stop):
        house.happens()
        house.settle()
        for count in range(1, MOST_HELPERS + 2):
            outbox.turn(stop)
            wait_until(lambda count=count: len(service.held) == count, PATIENCE_S)
            house.clock.advance(1)
        before = threading.active_count()
        for _ in range(3):
            outbox.turn(stop)
            house.clock.advance(1)
        assert threading.active_count() == before
        assert len(service.held) == MOST_HELPERS + 1
        for answer in answers:
            answer.set()
        wait_until(lambda: len(service.accepted()) == len(names), PATIENCE_S)
        assert sorted(name for name, _ in told(service)) == names


def test_phone_alone_at_its_service_is_asked_by_one(house: NotifyHouse, service: PushService) -> None:
    hang(house, "stuck")
    with letting_go(house) as (outbox, stop):
        house.happens("Person, Drive")
        house.happens("Smoke, Hall", severity="CRITICAL", kind="")
        house.settle()
        outbox.turn(stop)
        wait_until(lambda: service.held == ["stuck"], PATIENCE_S)
        before = threading.active_count()
        house.clock.advance(5)
        outbox.turn(stop)
        assert threading.active_count() == before
