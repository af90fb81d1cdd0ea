"""A consumer of stored events with rows of its own, for tests that kill it.

usage: python -m tests.flow.consumer_process DATABASE_URL BUS_PORT (after|within) [DIE_AT_UID]

The bus password comes on standard input. Each change is written into the table ``heard``: with ``within`` in the
transaction that takes the place, with ``after`` in one before it. With DIE_AT_UID the process kills itself when the row
of that event is on the disk, and (``after``) the place is not yet taken.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from vigilar.base.clock import SystemClock
from vigilar.base.stop import Stop
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.topics import Topics
from vigilar.store.change_reader import ChangeReader, StoredPlace
from vigilar.store.consumers import Change, Consumer, register, take_within
from vigilar.store.engine import Store

RULES = Consumer("box", "rules")
TABLE = "CREATE TABLE heard (seq INTEGER PRIMARY KEY, uid TEXT, change INTEGER, is_new INTEGER)"


def main() -> None:
    store = Store.open(sys.argv[1])
    is_within, die_at = sys.argv[3] == "within", [*sys.argv, ""][4]

    def handle(change: Change) -> None:
        with store.write("note a change") as connection:
            connection.exec_driver_sql(
                "INSERT INTO heard (uid, change, is_new) VALUES (?, ?, ?)",
                (change.event.uid, change.number, int(change.is_new)),
            )
            if is_within:
                take_within(connection, RULES, [change], time.time_ns() // 1_000_000)
        if change.event.uid == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    register(store, RULES, from_now=True, now_ms=time.time_ns() // 1_000_000)
    reader = ChangeReader(StoredPlace(store, RULES, SystemClock()), handle, "rules", takes_place=is_within)
    bus = MessageBus(BusLink("127.0.0.1", int(sys.argv[2]), "web", sys.stdin.readline().strip()), "test-rules")
    bus.subscribe(Topics.EVENTS_PUBLISHED, lambda _topic, _payload: reader.wake())
    bus.on_connected(reader.wake)
    bus.start()
    reader.run(Stop())


if __name__ == "__main__":
    main()
