"""What each member of the household may do, in one table, and what each view declares of itself.

A view is one of: ``@public``, ``@any_screen``, ``@signed_in``, ``@own_account`` (a change of it), ``@needs(Right.X)``.
One that declares nothing is refused by the gate (``auth``). Which cameras a member sees is another question:
``visible``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Self, TypeVar

from vigilar.store.sessions import SessionRow
from vigilar.store.users import Role

View = TypeVar("View", bound=Callable[..., Any])


class Right(Enum):
    """Something a member may do. The value completes "Your account may not ..."; a new right needs a row below."""

    SEE_LIVE = "watch live pictures"
    SEE_EVENTS = "see events"
    SEE_FOOTAGE = "look back at recordings"
    EXPORT = "export recordings"
    SEE_SYSTEM = "see how the system is"
    SEE_AUDIT = "see who did what"
    PUT_OFF = "put off what is to be done"
    PUT_ON_WALL = "put a screen on the wall"
    CHANGE_EVENTS = "keep events or name animals in them"
    ARM = "arm the house"
    DISARM = "disarm the house"
    CHANGE_ARMING = "change how the house is armed"
    CHANGE_CAMERAS = "change cameras"
    DELETE_FOOTAGE = "let recordings be deleted"
    MANAGE_KEYS = "manage the keys"
    MAKE_TOKENS = "make keys for programs"
    MANAGE_HOUSEHOLD = "say who may come in"


RIGHTS: Mapping[Role, frozenset[Right]] = {
    "owner": frozenset(Right),
    "adult": frozenset(
        {
            Right.SEE_LIVE,
            Right.SEE_EVENTS,
            Right.SEE_FOOTAGE,
            Right.EXPORT,
            Right.SEE_SYSTEM,
            Right.SEE_AUDIT,
            Right.PUT_OFF,
            Right.PUT_ON_WALL,
            Right.CHANGE_EVENTS,
            Right.MAKE_TOKENS,
            Right.ARM,
            Right.DISARM,
        }
    ),
    "child": frozenset(
        {Right.SEE_LIVE, Right.SEE_EVENTS, Right.SEE_FOOTAGE, Right.PUT_ON_WALL, Right.ARM, Right.DISARM}
    ),
    "guest": frozenset({Right.SEE_LIVE, Right.SEE_EVENTS}),
}
"""The table. A guest sees what happens now and what has happened with its picture, and cannot look back at the days
before the visit. Switching a camera off or sending it elsewhere is the owner's: it is how a house is made blind. So is
letting more than half of the recordings go, and what opens all of them."""

LOOKING = frozenset(
    {Right.SEE_LIVE, Right.SEE_EVENTS, Right.SEE_FOOTAGE, Right.SEE_SYSTEM, Right.SEE_AUDIT, Right.PUT_ON_WALL}
)
"""Rights that change nothing but, at most, what one's own login may. All others need a connection that nobody on the
network can read (``transport``)."""

ON_A_WALL = frozenset({Right.SEE_LIVE, Right.SEE_EVENTS, Right.ARM, Right.DISARM})
"""What is left of a member's rights at a screen on the wall: anybody who stands before it has them. To disarm needs a
PIN, there as everywhere."""

NOT_FOR_PROGRAMS = frozenset(
    {Right.MAKE_TOKENS, Right.MANAGE_HOUSEHOLD, Right.MANAGE_KEYS, Right.CHANGE_ARMING, Right.PUT_ON_WALL}
)
"""What no key for programs may be given: it could make itself a better one, open every recording, guard less, or become
a login."""


@dataclass(frozen=True, slots=True)
class Member:
    """Who asks. ``cameras``: the ids of those this member may see, None for all. Two that are equal may do the same.

    ``via`` is the name of a key for programs that acts for the member, empty for a person; ``rights`` are then the
    names of the only rights it has of the member's. ``is_wall``: it is a screen on the wall that asks.
    """

    id: int
    name: str
    role: Role
    cameras: frozenset[str] | None = None
    via: str = ""
    rights: frozenset[str] | None = None
    is_wall: bool = False

    @classmethod
    def of(cls, session: SessionRow) -> Self:
        rights = frozenset(right.name.lower() for right in ON_A_WALL) if session.is_wall else session.rights
        return cls(
            session.user_id, session.user_name, session.role, session.cameras, session.via, rights, session.is_wall
        )

    def may(self, right: Right) -> bool:
        return right in RIGHTS[self.role] and (self.rights is None or right.name.lower() in self.rights)

    def sees(self, camera_id: str) -> bool:
        return self.cameras is None or camera_id in self.cameras


class Open(Enum):
    """What a view may declare in place of a right."""

    PUBLIC = auto()
    ANY_SCREEN = auto()
    SIGNED_IN = auto()
    OWN_ACCOUNT = auto()


Declaration = Right | Open


def public(view: View) -> View:
    """Mark a view that answers without a session."""
    return _declare(view, Open.PUBLIC)


def any_screen(view: View) -> View:
    """Mark a view for every member, whatever the role, and for a screen on the wall too."""
    return _declare(view, Open.ANY_SCREEN)


def signed_in(view: View) -> View:
    """Mark a view for every member, whatever the role: it shows or changes nothing but one's own account. Not for a
    screen on the wall, which is nobody's."""
    return _declare(view, Open.SIGNED_IN)


def own_account(view: View) -> View:
    """Mark a view that changes one's own account: for every member, but no key for programs, and only over a connection
    that nobody on the network can read."""
    return _declare(view, Open.OWN_ACCOUNT)


def needs(right: Right) -> Callable[[View], View]:
    """Mark a view that only members with ``right`` may ask."""
    return lambda view: _declare(view, right)


def declaration_of(view: Callable[..., Any]) -> Declaration | None:
    """What the view declares; None when it declares nothing, or twice."""
    found: tuple[Declaration, ...] = getattr(view, "declares", ())
    return found[0] if len(found) == 1 else None


def _declare(view: View, declared: Declaration) -> View:
    view.declares = (*getattr(view, "declares", ()), declared)  # type: ignore[attr-defined]  # read by the gate
    return view
