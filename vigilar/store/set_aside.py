"""What could not be handled and was set aside: messages that are no events, and events that somebody did not get.

Nothing is lost with it: the row stays until a person has looked and lets it go.
"""

from __future__ import annotations

from dataclasses import dataclass

from vigilar.store.sql import Database

MAX_LISTED = 500


@dataclass(frozen=True, slots=True)
class SetAside:
    """One of them. ``of`` is the topic of a message, or the name of who did not get the event; ``id`` that of the
    message, or the event's number; ``at_ms`` UTC ms."""

    kind: str
    of: str
    id: str
    reason: str
    at_ms: int


MESSAGE, EVENT = "message", "event"


def count_set_aside(store: Database, node_id: str) -> dict[str, int]:
    """How many events each consumer of the box ``node_id`` did not get, by its name; none without any."""
    with store.sql_read("count what was set aside") as run:
        rows = run(
            "SELECT name, count(*) FROM consumer_owed WHERE node_id = :node_id AND set_aside_ms IS NOT NULL "
            "GROUP BY name ORDER BY name",
            node_id=node_id,
        )
        return {str(name): int(count) for name, count in rows}


def list_set_aside(store: Database, node_id: str) -> list[SetAside]:
    """The newest MAX_LISTED of each kind, oldest first."""
    with store.sql_read("list what was set aside") as run:
        messages = run(
            "SELECT topic, uid, reason, set_aside_ms FROM outbox WHERE node_id = :node_id "
            "AND set_aside_ms IS NOT NULL ORDER BY set_aside_ms DESC LIMIT :most",
            node_id=node_id,
            most=MAX_LISTED,
        )
        owed = run(
            "SELECT name, event_id, reason, set_aside_ms FROM consumer_owed WHERE node_id = :node_id "
            "AND set_aside_ms IS NOT NULL ORDER BY set_aside_ms DESC LIMIT :most",
            node_id=node_id,
            most=MAX_LISTED,
        )
    found = [SetAside(MESSAGE, str(of), str(key), str(why or ""), int(at)) for of, key, why, at in messages]
    found += [SetAside(EVENT, str(of), str(key), str(why or ""), int(at)) for of, key, why, at in owed]
    return sorted(found, key=lambda one: one.at_ms)


def forget_set_aside(store: Database, node_id: str) -> None:
    """A person has looked. An event that its consumer never handled stays new to it, for when it changes again."""
    with store.sql_write("forget what was set aside") as run:
        run("DELETE FROM outbox WHERE node_id = :node_id AND set_aside_ms IS NOT NULL", node_id=node_id)
        run(
            "DELETE FROM consumer_owed WHERE node_id = :node_id AND set_aside_ms IS NOT NULL AND is_new = 0",
            node_id=node_id,
        )
        run(
            "UPDATE consumer_owed SET set_aside_ms = NULL, change = NULL, reason = NULL "
            "WHERE node_id = :node_id AND set_aside_ms IS NOT NULL",
            node_id=node_id,
        )
