"""Consumers of stored events: each change once, in order, new exactly once, whoever is killed between which steps."""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass, field

import pytest

from vigilar.base.clock import SimulatedClock
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.base.stop import Stop
from vigilar.store import consumers
from vigilar.store.change_reader import MAX_TRIES, ChangeReader, PassingPlace, StoredPlace
from vigilar.store.consumers import Change, Consumer, find_place, next_batch, register, take
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, StoredEvent, insert_event, update_event
from vigilar.store.set_aside import count_set_aside, forget_set_aside, list_set_aside

NOW = 1_770_000_000_000
RULES = Consumer("box", "rules")


@pytest.fixture
def store(each_store: Store) -> Store:
    return each_store


def _insert(store: Store, uid: str) -> StoredEvent:
    new = NewEvent(uid=uid, type="motion", severity="INFO", source_id="front", ts_ms=NOW)
    stored = insert_event(store, new, now_ms=NOW)
    assert stored is not None
    return stored


def _update(store: Store, event: StoredEvent, length_ms: int) -> StoredEvent:
    changed = update_event(store, event, end_ms=NOW + length_ms, payload={})
    assert changed is not None
    return changed


def _seen(changes: list[Change]) -> list[tuple[str, int, bool]]:
    return [(change.event.uid, change.number, change.is_new) for change in changes]


def _register(store: Store, *, from_now: bool = False, consumer: Consumer = RULES) -> int:
    return register(store, consumer, from_now=from_now, now_ms=NOW)


def test_consumer_begins_now_or_with_all(store: Store) -> None:
    _insert(store, "a")
    assert _register(store, from_now=True) == 1
    assert _register(store, consumer=Consumer("box", "backup")) == 0
    _insert(store, "b")
    assert _seen(next_batch(store, RULES, 10)) == [("b", 2, True)]
    assert _seen(next_batch(store, Consumer("box", "backup"), 10)) == [("a", 1, True), ("b", 2, True)]


def test_registering_again_keeps_the_place(store: Store) -> None:
    _register(store)
    _insert(store, "a")
    assert _register(store, from_now=True) == 0


def test_consumers_of_two_boxes_have_their_own_places(store: Store) -> None:
    other = Consumer("other box", "rules")
    _register(store)
    _register(store, consumer=other)
    _insert(store, "a")
    take(store, RULES, next_batch(store, RULES, 10), NOW)
    assert (find_place(store, RULES), find_place(store, other)) == (1, 0)


def test_unregistered_consumer_is_a_bug(store: Store) -> None:
    with pytest.raises(StoreError) as caught:
        next_batch(store, RULES, 10)
    assert caught.value.kind is ErrorKind.BUG


def test_place_never_goes_back(store: Store) -> None:
    _register(store)
    _insert(store, "a")
    _insert(store, "b")
    first, second = next_batch(store, RULES, 10)
    take(store, RULES, [second], NOW)
    take(store, RULES, [first], NOW)
    assert find_place(store, RULES) == 2


def test_several_changes_come_once_as_new_in_order_of_the_newest(store: Store) -> None:
    _register(store)
    first = _insert(store, "a")
    _insert(store, "b")
    _update(store, first, 5)
    assert _seen(next_batch(store, RULES, 10)) == [("b", 2, True), ("a", 3, True)]


def test_event_that_was_passed_is_still_new(store: Store) -> None:
    """Its insert is before the place, as the consumer was killed between the two."""
    _register(store)
    first = _insert(store, "a")
    _insert(store, "b")
    first = _update(store, first, 5)
    take(store, RULES, next_batch(store, RULES, 10)[:1], NOW)
    _update(store, first, 6)
    (change,) = next_batch(store, RULES, 10)
    assert _seen([change]) == [("a", 4, True)]
    take(store, RULES, [change], NOW)
    _update(store, change.event, 7)
    assert _seen(next_batch(store, RULES, 10)) == [("a", 5, False)]


def test_event_passed_beyond_the_batch_is_still_new(store: Store) -> None:
    _register(store)
    first = _insert(store, "a")
    for uid in "bcd":
        _insert(store, uid)
    _update(store, first, 5)
    for _ in range(3):
        take(store, RULES, next_batch(store, RULES, 1), NOW)
    assert _seen(next_batch(store, RULES, 1)) == [("a", 5, True)]


def test_effect_and_place_are_one_transaction(store: Store) -> None:
    _register(store)
    _insert(store, "a")
    (change,) = next_batch(store, RULES, 10)
    with contextlib.suppress(RuntimeError), store.write("test") as connection:
        consumers.take_within(connection, RULES, [change], NOW)
        raise RuntimeError
    assert find_place(store, RULES) == 0


@dataclass
class _Model:
    """A consumer that keeps account: what it was handed, and what it should hold of each event."""

    numbers: list[int] = field(default_factory=list)
    known: dict[int, int] = field(default_factory=dict)

    def handle(self, change: Change) -> None:
        assert change.is_new == (change.event.id not in self.known)
        self.numbers.append(change.number)
        self.known[change.event.id] = change.number


@pytest.mark.parametrize("seed", range(6))
def test_any_course_of_events_is_handed_over_once_and_new_exactly(store: Store, seed: int) -> None:
    """Inserts, updates, batches of any size and readers that die after any change, in any order."""
    rand, model = random.Random(seed), _Model()
    _register(store)
    stored: list[StoredEvent] = []
    for step in range(60):
        for _ in range(rand.randrange(4)):
            if stored and rand.random() < 0.6:
                number = rand.randrange(len(stored))
                stored[number] = _update(store, stored[number], 1000 + step * 10 + _)
            else:
                stored.append(_insert(store, f"e{len(stored)}"))
        for change in next_batch(store, RULES, rand.randrange(1, 6))[: rand.randrange(4)]:
            model.handle(change)
            take(store, RULES, [change], NOW)
    while batch := next_batch(store, RULES, 3):
        for change in batch:
            model.handle(change)
            take(store, RULES, [change], NOW)
    assert model.numbers == sorted(set(model.numbers))
    assert model.known == {event.id: event.change for event in stored}


# The loop


class Handler:
    """Notes what it is handed; raises what it is told to for an event, a number of times."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, bool]] = []
        self.errors: dict[str, list[Exception]] = {}

    def __call__(self, change: Change) -> None:
        if self.errors.get(change.event.uid):
            raise self.errors[change.event.uid].pop()
        self.seen += _seen([change])


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def reader(store: Store, handler: Handler) -> ChangeReader:
    _register(store)
    return ChangeReader(StoredPlace(store, RULES, SimulatedClock()), handler, "rules")


def test_reader_hands_over_all_and_takes_each(store: Store, reader: ChangeReader, handler: Handler) -> None:
    for uid in "abc":
        _insert(store, uid)
    assert reader.turn()
    assert reader.turn()
    assert handler.seen == [("a", 1, True), ("b", 2, True), ("c", 3, True)]
    assert (find_place(store, RULES), reader.handled_count) == (3, 3)


def test_database_in_trouble_is_waited_for(store: Store, reader: ChangeReader, handler: Handler) -> None:
    _insert(store, "a")
    handler.errors["a"] = [StoreError("full", kind=ErrorKind.FULL) for _ in range(2 * MAX_TRIES)]
    for _ in range(2 * MAX_TRIES):
        with pytest.raises(StoreError):
            reader.turn()
    assert reader.turn()
    assert (handler.seen, reader.set_aside_count) == ([("a", 1, True)], 0)


def test_poisoned_change_is_set_aside_and_the_rest_comes(store: Store, reader: ChangeReader, handler: Handler) -> None:
    event = _insert(store, "a")
    _insert(store, "b")
    handler.errors["a"] = [KeyError("a bug") for _ in range(MAX_TRIES)]
    turns = [reader.turn() for _ in range(MAX_TRIES)]
    assert turns == [False] * (MAX_TRIES - 1) + [True]
    assert (handler.seen, reader.set_aside_count, count_set_aside(store, RULES.node_id)) == (
        [("b", 2, True)],
        1,
        {RULES.name: 1},
    )
    _update(store, event, 5)  # it comes again when it changes, as new: it was never handled
    reader.turn()
    assert handler.seen[1:] == [("a", 3, True)]
    assert count_set_aside(store, RULES.node_id) == {}


def test_what_was_set_aside_is_told_until_a_person_lets_it_go(
    store: Store, reader: ChangeReader, handler: Handler
) -> None:
    event = _insert(store, "a")
    handler.errors["a"] = [KeyError("a bug") for _ in range(MAX_TRIES)]
    while not reader.turn():
        pass
    told = list_set_aside(store, RULES.node_id)
    assert [(one.kind, one.of, one.id, one.reason) for one in told] == [
        ("event", RULES.name, str(event.id), "KeyError('a bug')")
    ]
    forget_set_aside(store, RULES.node_id)
    assert list_set_aside(store, RULES.node_id) == []
    _update(store, event, 5)
    reader.turn()
    assert handler.seen == [("a", 2, True)]  # still new to who never handled it


def test_poisoned_update_is_no_new_event_later(store: Store, reader: ChangeReader, handler: Handler) -> None:
    event = _insert(store, "a")
    reader.turn()
    event = _update(store, event, 5)
    handler.errors["a"] = [KeyError("a bug") for _ in range(MAX_TRIES)]
    while not reader.turn():
        pass
    _update(store, event, 6)
    reader.turn()
    assert handler.seen == [("a", 1, True), ("a", 3, False)]


def test_change_that_works_at_last_is_not_set_aside(store: Store, reader: ChangeReader, handler: Handler) -> None:
    _insert(store, "a")
    handler.errors["a"] = [OSError("no route") for _ in range(MAX_TRIES - 1)]
    while not reader.turn():
        pass
    assert (handler.seen, count_set_aside(store, RULES.node_id)) == ([("a", 1, True)], {})


def test_run_ends_when_stopped(reader: ChangeReader) -> None:
    stop = Stop()
    stop.set()
    reader.run(stop)


def test_reader_that_stumbles_goes_on(reader: ChangeReader, handler: Handler, store: Store) -> None:
    """On a thread of its own: one that ended would tell nobody of anything any more, and nobody would know."""
    stop, errors = Stop(), [KeyError("a row that cannot be read")]

    class Place(StoredPlace):
        def next_batch(self, limit: int) -> list[Change]:
            if errors:
                raise errors.pop()
            return super().next_batch(limit)

    def take(change: Change) -> None:
        handler(change)
        stop.set()

    _insert(store, "a")
    ChangeReader(Place(store, RULES, SimulatedClock()), take, "rules").run(stop)
    assert handler.seen == [("a", 1, True)]


def test_passing_place_follows_from_now(store: Store) -> None:
    first = _insert(store, "a")
    place = PassingPlace(store)
    _insert(store, "b")
    _update(store, first, 5)
    batch = place.next_batch(10)
    assert _seen(batch) == [("b", 2, True), ("a", 3, False)]
    for change in batch:
        place.take(change)
    assert place.next_batch(10) == []
