"""Who is told that somebody was made to disarm. No rule, profile, snooze or limit can be about it, and no page of the
next half day shows it: whoever stands beside the member must not see or hear that it was told."""

from __future__ import annotations

from vigilar.rules.decision import TOLD, Decision, Step, Telling
from vigilar.rules.situation import Person, Situation
from vigilar.store.events import StoredEvent

SECRET_TYPES = frozenset({"duress"})
"""As ``web.visible``, which a test keeps equal."""

DURESS_RULE = "Disarmed under duress"


def is_secret(event: StoredEvent) -> bool:
    return event.type in SECRET_TYPES


def decide_duress(event: StoredEvent, situation: Situation) -> Decision:
    """Owners and adults are told, but for who disarmed and who may be beside: a phone that is at home lies there. With
    a sound only where the phone says that its owner is out; of the others nobody knows."""
    by = str(event.payload.get("by") or "")
    steps: dict[int, tuple[Step, ...]] = {}
    tellings = []
    for person in situation.people:
        reason = _why_not(person, by)
        if reason:
            steps[person.id] = (Step("duress", False, reason),)
            continue
        is_out = person.place == "away"
        words = "loudly" if is_out else "without a sound, as nobody knows who is beside"
        steps[person.id] = (Step(TOLD, True, f"{person.name} is told {words}."),)
        is_update = situation.told.get(person.id) == "critical"
        tellings.append(Telling(person.id, DURESS_RULE, is_loud=is_out, is_critical=True, is_update=is_update))
    about = Step("duress", True, "Somebody disarmed with the PIN for duress.")
    return Decision(steps=(about,), member_steps=steps, tellings=tuple(tellings))


def _why_not(person: Person, by: str) -> str:
    if person.role not in ("owner", "adult"):
        return f"{person.name} is not told: this is for owners and adults."
    if person.name == by:
        return f"{person.name} is not told: the phone may be in the wrong hands."
    if person.place == "home":
        return f"{person.name} is not told: the phone is at home, where somebody may see it."
    return ""
