"""Rows of deliveries: what is owed to whom, one an incident and phone (or way), and what became of it.

The life of one: ``owed`` until a lane takes it; ``sent`` while it is on its way; then ``accepted``, later ``shown``, or
``expired``, ``failed``, ``gone``. Before it is let go it may be ``acknowledged``: a person has answered elsewhere. New
words about the same incident raise its ``revision``, and it is owed again. Invariant: a revision is let go only after
it is noted as sent, and noted as told only after the other side took it. What a process that was killed left as
``sent`` may have arrived or not: it is owed again (``take_up``), and whoever shows it knows it by id and revision.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Update,
    and_,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
    update,
)

from vigilar.store.account_tables import sessions
from vigilar.store.engine import Store
from vigilar.store.notify_tables import alert_pages, deliveries, phones
from vigilar.store.schema import events

WAITING = ("owed", "sent")

MAX_REVISIONS = 8
"""Of one delivery: a visit that goes on for hours does not rewrite a notification for hours."""

LONGEST_WAIT_MS = 3_660_000
"""No service is let wait for longer than an hour (``notify.web_request``). A try further ahead was set before the clock
was set back."""

UNEVEN_MS = 60_000
"""What seems to be owed from a moment further ahead than this was so before the clock was set back. Not any sooner: it
may have been owed since the clock was read, while the database was waited for."""

LOOKED_BACK = 5000
"""Messages among which the newest of a way is looked for: weeks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """What is owed. ``story`` and ``target`` name it; ``content`` is JSON-able; times are UTC ms. ``topic`` and
    ``token`` are random and count only for the first of its story."""

    story: str
    lane: str
    way: str
    target: str
    device: str
    content: dict[str, Any]
    is_loud: bool
    is_critical: bool
    next_try_ms: int
    expires_ms: int
    topic: str
    token: str = field(repr=False)
    phone_id: int | None = None
    user_id: int | None = None
    incident_id: int | None = None
    event_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A row. Times are UTC ms."""

    id: int
    story: str
    lane: str
    way: str
    target: str
    phone_id: int | None
    user_id: int | None
    device: str
    incident_id: int | None
    event_id: int | None
    content: dict[str, Any]
    is_loud: bool
    is_critical: bool
    revision: int
    told_revision: int
    sent_revision: int
    shown_revision: int
    state: str
    tries: int
    created_ms: int
    next_try_ms: int
    expires_ms: int
    sent_ms: int | None
    accepted_ms: int | None
    shown_ms: int | None
    acknowledged_ms: int | None
    topic: str
    token: str = field(repr=False)
    sentence: str

    @property
    def is_update(self) -> bool:
        """Whether the person was told an earlier revision of it: this one makes no sound."""
        return self.told_revision > 0


_COLUMNS = tuple(column for column in deliveries.c if column.name != "node_id")


def owe_within(connection: Connection, node_id: str, new: NewDelivery, now_ms: int, *, once: bool = False) -> None:
    """Owe it, in the transaction that stores why. Of a story that is known the words change, silently and in place;
    what is louder than before is told as if it were new. The same words again change nothing; with ``once`` nothing
    changes what is known. Of two stories that became one, the one that stays is told, and closes the other's push."""
    found = _find(connection, new.story, new.target)
    moved = [] if once else _find_moved(connection, new)
    if found is None and moved:
        found = moved.pop()
    if found is None:
        values = {name: getattr(new, name) for name in _COPIED}
        connection.execute(
            insert(deliveries).values(
                **values,
                node_id=node_id,
                content=_dump(new.content),
                is_loud=int(new.is_loud),
                is_critical=int(new.is_critical),
                revision=1,
                state="owed",
                created_ms=now_ms,
                next_try_ms=new.next_try_ms,
            )
        )
        return
    if once:
        return
    closes = {
        *found.content.get("closes", ()),
        *(tag for one in moved for tag in _end(connection, one, new.incident_id)),
    }
    content = {**new.content, "tag": found.content["tag"]}
    new = replace(new, content={**content, "closes": sorted(closes)} if closes else content)
    is_worse = (new.is_critical, new.is_loud) > (found.is_critical, found.is_loud)
    if found.state == "gone" or (found.acknowledged_ms is not None and not is_worse):
        return
    if not is_worse and (found.content == new.content or found.revision >= MAX_REVISIONS):
        return
    _reword(connection, found, new, is_worse=is_worse)


_COPIED = (
    *("story", "lane", "way", "target", "device", "phone_id", "user_id", "incident_id", "event_id"),
    *("expires_ms", "topic", "token"),
)


def _reword(connection: Connection, found: Delivery, new: NewDelivery, *, is_worse: bool) -> None:
    """What is on its way stays ``sent``: whoever sends it sees the newer revision when it is done."""
    anew: dict[str, Any] = {"told_revision": 0, "acknowledged_ms": None} if is_worse else {}
    was_told = found.told_revision > 0 or found.state in ("accepted", "shown")
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == found.id)
        .values(
            story=new.story,
            incident_id=new.incident_id,
            event_id=new.event_id,
            content=_dump(new.content),
            is_loud=max(int(new.is_loud), int(found.is_loud)),
            is_critical=max(int(new.is_critical), int(found.is_critical)),
            revision=found.revision + 1,
            state="sent" if found.state == "sent" else "owed",
            tries=0,
            next_try_ms=new.next_try_ms if is_worse or was_told else found.next_try_ms,
            expires_ms=max(new.expires_ms, found.expires_ms),
            **anew,
        )
    )


def take_up(store: Store, node_id: str) -> int:
    """At the start: what an earlier process left on its way is owed again, but for what the phone said it showed and
    what a person took note of meanwhile. How many there were."""
    mine = and_(deliveries.c.node_id == node_id, deliveries.c.state == "sent")
    is_open = deliveries.c.acknowledged_ms.is_(None)
    with store.write("take up what was on its way") as connection:
        was_shown = deliveries.c.shown_revision >= deliveries.c.revision
        connection.execute(update(deliveries).where(mine, was_shown).values(_SHOWN))
        count = connection.execute(update(deliveries).where(mine, is_open).values(state="owed")).rowcount
        connection.execute(update(deliveries).where(mine).values(state=_UNLESS_ACKNOWLEDGED, sentence=""))
        return count


def due_lanes(store: Store, node_id: str, now_ms: int) -> set[str]:
    """The lanes in which something is to be let go now."""
    query = select(deliveries.c.lane).where(_is_due(node_id, now_ms)).distinct()
    with store.read("read what is owed") as connection:
        return set(connection.execute(query).scalars())


def is_any_due(store: Store, node_id: str, lane: str, now_ms: int, without: Collection[str] = ()) -> bool:
    """Whether something is to be let go now in ``lane``, for another target than those of ``without``."""
    with store.read("read what is owed") as connection:
        return _first_due(connection, node_id, lane, now_ms, without) is not None


def claim(store: Store, node_id: str, lane: str, now_ms: int, without: Collection[str] = ()) -> Delivery | None:
    """The next one to let go in ``lane``, noted as sent: critical ones first, then what was not tried yet, then the
    oldest; none of a target of ``without``. None if none is due. A phone whose service keeps us waiting for each of its
    old messages delays by one of them at most what is new for the phone beside it."""
    if not is_any_due(store, node_id, lane, now_ms, without):
        return None
    with store.write("note what is let go") as connection:
        first = _first_due(connection, node_id, lane, now_ms, without)
        row = connection.execute(
            update(deliveries)
            .where(deliveries.c.id == first)
            .values(
                state="sent",
                sent_revision=deliveries.c.revision,
                sent_ms=now_ms,
                tries=deliveries.c.tries + 1,
            )
            .returning(*_COLUMNS)
        ).first()
        return None if row is None else _delivery(row)


def _first_due(connection: Connection, node_id: str, lane: str, now_ms: int, without: Collection[str]) -> int | None:
    """By the index ``deliveries_owed``, so that a backlog of thousands costs no more than one."""
    fresh, tried = deliveries.c.tries == 0, deliveries.c.tries > 0
    is_free = deliveries.c.target.not_in(tuple(without)) if without else true()
    for is_critical, which in ((1, fresh), (1, tried), (0, fresh), (0, tried)):
        query = (
            select(deliveries.c.id)
            .where(
                _is_due(node_id, now_ms),
                deliveries.c.lane == lane,
                deliveries.c.is_critical == is_critical,
                which,
                is_free,
            )
            .order_by(deliveries.c.id)
            .limit(1)
        )
        found: int | None = connection.execute(query).scalar()
        if found is not None:
            return found
    return None


def note_accepted(store: Store, one: Delivery, now_ms: int, sentence: str = "") -> None:
    """The other side took the revision that was let go. Newer words are owed at once. What became louder while it was
    on its way counts as not told yet: it is to be heard."""
    with store.write("note what arrived") as connection:
        _accept(connection, one, now_ms, sentence)


def _accept(connection: Connection, one: Delivery, now_ms: int, sentence: str) -> None:
    is_worse = or_(deliveries.c.is_critical > int(one.is_critical), deliveries.c.is_loud > int(one.is_loud))
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == one.id, deliveries.c.state == "sent")
        .values(
            told_revision=case((is_worse, 0), else_=one.revision),
            accepted_ms=func.coalesce(deliveries.c.accepted_ms, now_ms),
            state=case(
                (deliveries.c.revision > one.revision, "owed"),
                (deliveries.c.shown_ms.is_not(None), "shown"),
                else_="accepted",
            ),
            sentence=sentence,
        )
    )
    if one.phone_id is not None:
        is_it = phones.c.id == one.phone_id
        connection.execute(update(phones).where(is_it).values(accepted_ms=now_ms))
        is_well = and_(is_it, phones.c.state == "refused")
        connection.execute(update(phones).where(is_well).values(state="ok", sentence=""))


def note_later(store: Store, one: Delivery, next_try_ms: int, sentence: str, *, counts: bool = True) -> None:
    """It is not known to have arrived and is tried again, unless a person took note of it meanwhile, or the phone said
    that it showed it. ``counts``: it was this one's fault, not that of the line."""
    tries = one.tries if counts else one.tries - 1
    said = case((deliveries.c.acknowledged_ms.is_(None), sentence), else_="")
    with store.write("note what became of a message") as connection:
        shown = select(deliveries.c.shown_revision).where(deliveries.c.id == one.id)
        if (connection.execute(shown).scalar() or 0) >= one.revision:
            _accept(connection, one, one.sent_ms or one.created_ms, "")
            return
        values = {"state": _UNLESS_ACKNOWLEDGED, "next_try_ms": next_try_ms, "sentence": said, "tries": tries}
        connection.execute(_settling(one).values(**values))


def note_failed(store: Store, one: Delivery, sentence: str) -> None:
    with store.write("note what became of a message") as connection:
        connection.execute(_settling(one).values(state="failed", sentence=sentence))


def expire(store: Store, node_id: str, now_ms: int, sentence: str) -> int:
    """What is too old to be told is not told; the reason that its last try gave stays after ``sentence``. How many
    there were; a look that finds none writes nothing."""
    is_over = and_(
        deliveries.c.node_id == node_id,
        _IS_OWED,
        deliveries.c.expires_ms <= now_ms,
    )
    with store.read("read what is too old") as connection:
        if connection.execute(select(deliveries.c.id).where(is_over).limit(1)).first() is None:
            return 0
    with store.write("note what is too old") as connection:
        # An update that came too late leaves the person with what was told before.
        told = case((deliveries.c.told_revision > 0, "accepted"), else_="expired")
        why = case((deliveries.c.sentence == "", sentence), else_=f"{sentence} " + deliveries.c.sentence)
        values = {"state": told, "sentence": case((deliveries.c.told_revision > 0, ""), else_=why)}
        return connection.execute(update(deliveries).where(is_over).values(**values)).rowcount


def note_shown(store: Store, delivery_id: int, token: str, now_ms: int, revision: int = 0) -> bool:
    """A phone says that it showed one, and which ``revision`` of it (0: it does not say). What waits to be sent again
    is not sent when it is shown already; what is on its way stays so until its sender knows, or its successor
    (``take_up``). It is a use of the phone's login (``unused_phones.UNUSED_MS``). ``now_ms`` is by the phone's clock,
    which may be behind: nothing is shown before its service took it. False when nothing is known by that id and token.
    """
    with store.write("note what was shown") as connection:
        is_it = and_(deliveries.c.id == delivery_id, deliveries.c.token == token, deliveries.c.way == "push")
        row = connection.execute(select(*_COLUMNS).where(is_it)).first()
        if row is None:
            return False
        one = _delivery(row)
        now_ms = max(now_ms, one.accepted_ms or one.sent_ms or one.created_ms)
        first_ms = one.shown_ms if one.shown_ms is not None else now_ms
        newest = max(one.shown_revision, min(revision, one.sent_revision))
        connection.execute(update(deliveries).where(is_it).values(shown_ms=first_ms, shown_revision=newest))
        if one.state not in WAITING:
            connection.execute(update(deliveries).where(is_it).values(state="shown"))
        elif one.state == "owed" and newest >= one.revision:
            connection.execute(update(deliveries).where(is_it).values(_SHOWN))
        values: dict[str, Any] = {"shown_ms": now_ms, "state": "ok", "sentence": ""}
        if one.shown_ms is None:
            values["delay_ms"] = max(0, now_ms - one.created_ms)
        connection.execute(update(phones).where(phones.c.id == one.phone_id).values(**values))
        login = select(phones.c.session_hash).where(phones.c.id == one.phone_id).scalar_subquery()
        is_used = and_(sessions.c.token_hash == login, sessions.c.last_seen_ms < now_ms)
        connection.execute(update(sessions).where(is_used).values(last_seen_ms=now_ms))
        return True


def touch_page(store: Store, page: str, user_id: int, now_ms: int, *, forget_before_ms: int) -> None:
    """An open page says that it can sound; pages that were last heard before ``forget_before_ms`` are forgotten."""
    with store.write("note an open page") as connection:
        connection.execute(alert_pages.delete().where(alert_pages.c.seen_ms < forget_before_ms))
        known = update(alert_pages).where(alert_pages.c.page == page).values(user_id=user_id, seen_ms=now_ms)
        if connection.execute(known).rowcount == 0:
            connection.execute(insert(alert_pages).values(page=page, user_id=user_id, seen_ms=now_ms))


def drop_page(store: Store, page: str, user_id: int) -> None:
    """The page is closed, or may not sound any more."""
    with store.write("forget an open page") as connection:
        connection.execute(alert_pages.delete().where(alert_pages.c.page == page, alert_pages.c.user_id == user_id))


def members_with_pages(connection: Connection, since_ms: int) -> frozenset[int]:
    """Members with an open page that could sound at or after ``since_ms``."""
    query = select(alert_pages.c.user_id).where(alert_pages.c.seen_ms >= since_ms)
    return frozenset(connection.execute(query).scalars())


def list_deliveries_of(store: Store, event_id: int, incident_id: int | None) -> list[Delivery]:
    """What was owed of an event or its incident, in the order in which it came."""
    is_of = deliveries.c.event_id == event_id
    if incident_id is not None:
        is_of = or_(is_of, deliveries.c.incident_id == incident_id)
    return _all(store, select(*_COLUMNS).where(is_of).order_by(deliveries.c.id))


def find_stories(store: Store, stories: Sequence[str]) -> list[Delivery]:
    """What became of these stories, in the order in which they came."""
    return _all(store, select(*_COLUMNS).where(deliveries.c.story.in_(stories)).order_by(deliveries.c.id))


def last_tries(store: Store, node_id: str, lanes: Sequence[str]) -> dict[str, Delivery]:
    """The newest message of each lane that was let go at least once, among the last few thousand of all."""
    newest = select(func.max(deliveries.c.id)).scalar_subquery()
    query = select(*_COLUMNS).where(
        deliveries.c.node_id == node_id, deliveries.c.sent_ms.is_not(None), deliveries.c.id > newest - LOOKED_BACK
    )
    found: dict[str, Delivery] = {}
    for lane in lanes:
        of_lane = query.where(deliveries.c.lane == lane).order_by(deliveries.c.sent_ms.desc(), deliveries.c.id.desc())
        found |= {one.lane: one for one in _all(store, of_lane.limit(1))}
    return found


def list_owed_to(store: Store, user_id: int, since_ms: int, limit: int = 50) -> list[Delivery]:
    """What was told to a member, or is still owed, since ``since_ms`` (UTC ms) and not taken note of, newest first."""
    query = select(*_COLUMNS).where(
        deliveries.c.user_id == user_id,
        deliveries.c.created_ms >= since_ms,
        deliveries.c.acknowledged_ms.is_(None),
        deliveries.c.incident_id.is_not(None),
    )
    return _all(store, query.order_by(deliveries.c.id.desc()).limit(limit))


def waiting_count(store: Store, node_id: str) -> int:
    query = select(func.count()).where(deliveries.c.node_id == node_id, deliveries.c.state.in_(WAITING))
    with store.read("count what is owed") as connection:
        return int(connection.execute(query).scalar_one())


_IS_OWED = deliveries.c.state == literal_column("'owed'")
"""Written out: SQLite takes a partial index only for a condition it can read."""


_SHOWN: dict[str, Any] = {"state": "shown", "told_revision": deliveries.c.shown_revision, "sentence": ""}
"""What becomes of one that may not have arrived, of which the phone said that it shows its newest words."""

_UNLESS_ACKNOWLEDGED = case(
    (deliveries.c.acknowledged_ms.is_(None), "owed"), (deliveries.c.told_revision > 0, "accepted"), else_="acknowledged"
)
"""What becomes of one whose sending did not succeed: nobody is rung for what somebody took note of."""


def _is_due(node_id: str, now_ms: int) -> Any:
    """Whether its time has come, or nobody knows when it does, since the clock was set back."""
    is_of_before = and_(deliveries.c.tries == 0, deliveries.c.created_ms > now_ms + UNEVEN_MS)
    is_far = deliveries.c.next_try_ms > now_ms + LONGEST_WAIT_MS
    return and_(
        deliveries.c.node_id == node_id,
        _IS_OWED,
        or_(deliveries.c.next_try_ms <= now_ms, is_of_before, is_far),
        deliveries.c.expires_ms > now_ms,
    )


def _settling(one: Delivery) -> Update:
    return update(deliveries).where(deliveries.c.id == one.id, deliveries.c.state == "sent")


def _find(connection: Connection, story: str, target: str) -> Delivery | None:
    row = connection.execute(
        select(*_COLUMNS).where(deliveries.c.story == story, deliveries.c.target == target)
    ).first()
    return None if row is None else _delivery(row)


def _find_moved(connection: Connection, new: NewDelivery) -> list[Delivery]:
    """What was told of the same event under other stories, the oldest last: it went over to another incident, and what
    the phone shows is to change in place. The tag stays, by which the phone knows it."""
    if new.event_id is None:
        return []
    of_it = (deliveries.c.event_id == new.event_id, deliveries.c.target == new.target, deliveries.c.story != new.story)
    query = select(*_COLUMNS).where(*of_it).order_by(deliveries.c.id.desc())
    return [_delivery(row) for row in connection.execute(query)]


def _end(connection: Connection, one: Delivery, incident_id: int | None) -> tuple[str, ...]:
    """A story that became part of ``incident_id`` is told no more. The tags of what a phone may show of it; none of one
    that goes on without the event that left it."""
    if connection.execute(select(events.c.id).where(events.c.incident_id == one.incident_id).limit(1)).first():
        return ()
    of_it = deliveries.c.id == one.id
    if one.state == "owed" and one.told_revision == 0:
        connection.execute(delete(deliveries).where(of_it))  # nobody is to read that it failed
    else:  # whoever takes note of the story takes note of what was told of this part of it
        state = case((deliveries.c.state == "owed", "accepted"), else_=deliveries.c.state)
        connection.execute(update(deliveries).where(of_it).values(state=state, incident_id=incident_id))
    tags = (str(one.content["tag"]), *one.content.get("closes", ()))
    return tags if one.tries > 0 or one.told_revision > 0 else ()


def _all(store: Store, query: Any) -> list[Delivery]:
    with store.read("read what was told") as connection:
        return [_delivery(row) for row in connection.execute(query)]


def _delivery(row: Row[Any] | Sequence[Any]) -> Delivery:
    fields = dict(zip((column.name for column in _COLUMNS), row, strict=True))
    fields["content"] = json.loads(fields["content"])
    fields["is_loud"], fields["is_critical"] = bool(fields["is_loud"]), bool(fields["is_critical"])
    return Delivery(**fields)


def _dump(content: dict[str, Any]) -> str:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)
