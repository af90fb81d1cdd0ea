"""Why an event was told to whom, as the asker may know it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from vigilar.rules.decision import TOLD, Step
from vigilar.rules.situation import Person
from vigilar.rules.why import OF_EVENT, WAITS, Why, read_why
from vigilar.store.events import StoredEvent
from vigilar.web.auth import asker
from vigilar.web.parts import Parts
from vigilar.web.rights import Member, Right
from vigilar.web.visible import visible_cameras


def why_json(here: Parts, event: StoredEvent, *, with_all: bool | None = None) -> dict[str, Any]:
    """``steps`` are the event's, its rules' and the asker's own; ``pushes`` what became of each message. Who may see
    how the system is also reads the trace and the pushes of the others, as ``members``; to others no rule is told,
    as it may name cameras and members that they do not see."""
    me = asker()
    veil = visible_cameras(me).text_veil(event.id)
    why = _said(read_why(here.store, here.cfg.notify, event, here.now_ms()), veil)
    sees_all = me.may(Right.SEE_SYSTEM) and me.cameras is None if with_all is None else with_all
    members = [(person, steps if sees_all else _plain(steps)) for person, steps in why.members]
    shared = [one for one in why.steps if sees_all or one.step in OF_EVENT]
    own = next((steps for person, steps in members if person.id == me.id), ())
    return {
        "steps": [asdict(one) for one in (*(one for one in shared if one not in own), *own)],
        "members": [_member(person, steps) for person, steps in members if sees_all or person.id == me.id],
        "pushes": _pushes(why, me, sees_all=sees_all),
        "decided": why.is_stored,
        "sentence": _sentence(own, why, me),
    }


def _said(why: Why, veil: Callable[[str], str]) -> Why:
    """It was decided of the event as it is, whose title may name cameras that the asker does not see."""
    steps = tuple(replace(one, sentence=veil(one.sentence)) for one in why.steps)
    members = tuple(
        (person, tuple(replace(one, sentence=veil(one.sentence)) for one in steps)) for person, steps in why.members
    )
    return replace(why, steps=steps, members=members)


_PLAIN = {
    "enabled": "The rule for such things is switched off.",
    "where": "The rule for such things is for other places.",
    "armed": "The rule for such things is for when the house is armed otherwise.",
    "hours": "The rule for such things is for other hours.",
    "presence": "The rule for such things asks who is at home, and did not hold.",
    "lasts": "The rule for such things waits until it has gone on for longer.",
    "again": "The rule for such things held here a short while before.",
    "profile": "Only louder ones come to you just now.",
}
"""What stopped it, without the cameras, zones and members that a rule names, and without who was at home."""


def _plain(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """A trace for who may not know of the whole house."""
    return tuple(replace(one, sentence=_plain_sentence(one)) for one in steps)


def _plain_sentence(step: Step) -> str:
    if step.step == "rule" and step.passed:
        return "A rule tells you of such things."
    return _PLAIN.get(step.step, step.sentence)


def _member(person: Person, steps: tuple[Step, ...]) -> dict[str, Any]:
    last = steps[-1]
    return {
        "id": person.id,
        "member": person.name,
        "told": last.step == TOLD,
        "sentence": last.sentence,
        "steps": [asdict(one) for one in steps],
    }


def _pushes(why: Why, me: Member, *, sees_all: bool) -> list[dict[str, Any]]:
    return [
        {
            "member": one.member,
            "device": one.device,
            "state": one.state,
            "sent_ts": one.sent_ms,
            "shown_ts": one.shown_ms,
            "sentence": one.sentence,
        }
        for one in why.pushes
        if sees_all or one.member_id == me.id
    ]


def _sentence(own: tuple[Step, ...], why: Why, me: Member) -> str:
    """The answer in one line: the step that decided for the asker, or that nothing could be told to."""
    no_phone = next((one.sentence for one in why.pushes if one.member_id == me.id and one.state == "none"), "")
    said = no_phone or (own[-1].sentence if own else "")
    return said if why.is_stored or why.steps[0].step == WAITS else f"Nobody was told then. Today's rules: {said}"


def reached(found: dict[str, Any], name: str) -> bool:
    """Whether something went, or still goes, to the member of that name."""
    lost = ("none", "expired", "failed", "gone")
    return any(one["member"] == name and one["state"] not in lost for one in found["pushes"])
