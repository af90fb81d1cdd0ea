"""What other rules would have told of the last seven days, before they are saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vigilar.base.errors import ConfigError
from vigilar.base.notify_rules import NotifyRules
from vigilar.config.load import load_config
from vigilar.config.notify_cut import notify_rules
from vigilar.config.notify_edit import with_notify
from vigilar.rules.replay import DAYS, Replay, compare, read_past, replay
from vigilar.store.events import StoredEvent
from vigilar.web.event_words import event_title
from vigilar.web.parts import Parts
from vigilar.web.settings_file import config_problem, places_of

MOST_EVENTS = 20


@dataclass(frozen=True, slots=True)
class Preview:
    """The same week told by the rules in force and by others. ``before`` and ``after`` count incidents of which the
    asker is told; ``rules`` are name, count before, count after."""

    before: int
    after: int
    rules: tuple[tuple[str, int, int], ...]
    changes: tuple[tuple[StoredEvent, str, tuple[str, ...]], ...]
    needs_presence: bool

    @property
    def sentence(self) -> str:
        """For people, with what it cannot know."""
        if self.before == self.after and not self.changes:
            said = f"In the last {DAYS} days nothing would have changed: {_times(self.after)} either way."
        else:
            said = f"In the last {DAYS} days you would have been told {_times(self.after)} instead of {self.before}."
        unknown = " Who was at home then is not known: a rule that asks for it counts as if no phone had said anything."
        return said + (unknown if self.needs_presence else "")

    def as_json(self) -> dict[str, Any]:
        return {
            "days": DAYS,
            "before": self.before,
            "after": self.after,
            "rules": [{"name": name, "before": old, "after": new} for name, old, new in self.rules],
            "events": [
                {"id": event.id, "ts": event.ts_ms, "title": event_title(event), "change": change, "members": list(who)}
                for event, change, who in self.changes[:MOST_EVENTS]
            ],
            "changed": len(self.changes),
            "sentence": self.sentence,
        }


def preview_of(here: Parts, user_id: int, changes: Mapping[str, Any]) -> Preview:
    """The last seven days with ``changes`` (as ``config.notify_edit.set_notify``) beside what is in force. Raises
    Problem 422 for what is not right."""
    places = places_of(here)
    try:
        now = notify_rules(load_config(places))
        then = notify_rules(with_notify(places, changes)) if changes else now
    except ConfigError as error:
        raise config_problem(error) from error
    past = read_past(here.store, here.now_ms(), (now, then))
    before = replay(past, now)
    after = replay(past, then) if changes else before
    changed = compare(before, after, past.events) if changes else []
    names = list(dict.fromkeys([*(one.name for one in then.rules), *(one.name for one in now.rules)]))
    return Preview(
        before=before.by_member[user_id],
        after=after.by_member[user_id],
        rules=tuple((name, before.by_rule[name], after.by_rule[name]) for name in names),
        changes=tuple((event, change, _who(event, before, after, change)) for event, change in changed),
        needs_presence=_asks_who_is_home(then) or _asks_who_is_home(now),
    )


def _who(event: StoredEvent, before: Replay, after: Replay, change: str) -> tuple[str, ...]:
    old, new = before.told.get(event.id, ()), after.told.get(event.id, ())
    return tuple(name for name in (new if change == "comes" else old) if (name not in old) == (change == "comes"))


def _asks_who_is_home(settings: NotifyRules) -> bool:
    return any(rule.presence != "any" or rule.at_home or rule.not_at_home for rule in settings.rules)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
