"""The parts around the recordings: power, backup, phones, clock, certificate, keys, sensors, settings, jobs. Pure."""

from __future__ import annotations

from typing import Any

from vigilar.base.amounts import length_text
from vigilar.health.detector_words import DETECTOR, detector_line
from vigilar.health.known import Known
from vigilar.health.part import Button, Part, State, Todo

CLOCK_GRACE_MS = 15 * 60_000
"""After a power cut the router is slower than the box: so long a clock may be out of step unnoticed."""

CERTIFICATE_WARN_DAYS = 14
"""The house's own is renewed long before; an owner's needs this much notice."""

DAY_MS = 86_400_000

NO_UPS = "No UPS is set up: when mains fail, this box stops at once. What was recorded until a second before is safe."
NO_BACKUP = "No backup is set up: who takes this box takes the recordings."
"""What a house costs without them, so that its owner can decide."""


_SUPPLY = {
    "mains": (State.OK, "Mains.", ""),
    "battery": (State.WARN, "On battery.", "Exports and backups wait; all cameras record."),
    "low": (State.BAD, "On battery, and it gets low.", "Recognising is off, exports and backups wait."),
    "critical": (State.BAD, "The battery is nearly empty.", "Files are closed and Vigilar stops."),
}
"""By the ``level`` of the heartbeat of ``ups``: how that is, the words, what it costs."""


def power(known: Known) -> Part:
    """How the house is supplied: the watch over the UPS says ``level``, ``charge``, ``runtime_s``, ``trouble``."""
    title, page = "Power", "/system/power"
    status = _status(known, "ups")
    level = _SUPPLY.get(str((status or {}).get("level")))
    if level is None or status is None:
        trouble = _why_unknown(known, status)
        if not trouble:
            return told_part(known, "power", title, "ups", NO_UPS, page)
        todo = Todo(
            id="power",
            state=State.BAD,
            sentence=f"Mains or battery, nobody knows. {trouble}",
            short="power",
            cost="A power cut would stop this box without a warning.",
            next_step="On the box: vigilar ups show",
        )
        return Part(id="power", title=title, state=State.BAD, sentence=todo.sentence, page=page, todos=(todo,))
    state, words, cost = level
    battery = _battery(status)
    sentence, step = f"{words} {battery}".rstrip(), ""
    if state is State.OK and status.get("is_worn"):
        state, sentence, step = State.WARN, f"{sentence} The UPS wants a new battery.", "Replace its battery."
        cost = "A power cut may stop this box at once."
    if state is State.OK:
        runtime_s = status.get("runtime_s")
        short = f"{runtime_s // 60} min of battery." if isinstance(runtime_s, int) and runtime_s >= 60 else ""
        return Part(id="power", title=title, state=state, sentence=sentence, short=short, page=page)
    button = Button("What happens when", page)
    todo = Todo(id="power", state=state, sentence=sentence, short="power", cost=cost, next_step=step, button=button)
    return Part(id="power", title=title, state=state, sentence=sentence, page=page, todos=(todo,))


def _why_unknown(known: Known, status: dict[str, Any] | None) -> str:
    """Why nobody knows how the house is supplied, although somebody is to; empty where that will show in a moment."""
    if status is not None and "level" in status:  # it runs, and the UPS does not tell it
        return str(status.get("trouble") or "The UPS does not say where the power comes from.")
    found = (known.processes or {}).get("ups")
    if isinstance(found, dict) and found.get("is_failing"):
        return f"The watch over the UPS keeps failing: it {found.get('last_exit') or 'ended'}."
    return ""


def _battery(status: dict[str, Any]) -> str:
    """``Battery 96 %, 41 min at this load.``, or what of it is known."""
    charge, runtime_s = status.get("charge"), status.get("runtime_s")
    words = [f"{charge} %"] if isinstance(charge, int) else []
    if isinstance(runtime_s, int):
        words.append(f"{runtime_s // 60} min at this load" if runtime_s >= 60 else "less than a minute at this load")
    return f"Battery {', '.join(words)}." if words else ""


def _status(known: Known, process: str) -> dict[str, Any] | None:
    """The newest heartbeat of a process that runs."""
    found = (known.processes or {}).get(process)
    status = found.get("status") if isinstance(found, dict) and found.get("state") == "running" else None
    return status if isinstance(status, dict) else None


def backup(known: Known) -> Part:
    return told_part(known, "backup", "Backup", "backup", NO_BACKUP, "/system/backup")


def notify(known: Known) -> Part:
    """Whether what is to be told gets out: ``notify`` says what is ``handled``, how many phones and other ways of
    telling people there are (``reaches``), and a ``problem`` with what waits."""
    title, page = "Phones", "/settings/notifications"
    status = _status(known, "notify")
    if status is None or "handled" not in status:
        return told_part(known, "notify", title, "notify", "No phone is told of events.", page)
    if status.get("reaches") == 0:
        sentence = "No phone is set up: who is not at an open page learns of nothing."
        return Part(id="notify", title=title, state=State.NOT_SET_UP, sentence=sentence, page=page)
    if not status.get("problem"):
        return Part(id="notify", title=title, state=State.OK, sentence="Nothing waits to be told.", page=page)
    since = status.get("waiting_since_ms")
    todo = Todo(
        id="notify",
        state=State.WARN,
        sentence=str(status["problem"]),
        short="phones",
        since_ms=since if isinstance(since, int) else None,
        cost="Phones learn of events late, or not at all.",
        button=Button("Look at the phones", page),
    )
    return Part(id="notify", title=title, state=State.WARN, sentence=todo.sentence, page=page, todos=(todo,))


def told_part(known: Known, part_id: str, title: str, process: str, without: str, page: str) -> Part:
    """A part whose process says itself how it is: ``part`` in its heartbeat, ``{"state", "sentence", "short",
    "since_ms", "cost", "next_step"}``. Without the process it is not set up (``without``); a process that says nothing
    of it is not known."""
    if known.processes is None:
        return Part(id=part_id, title=title, state=State.UNKNOWN, sentence="How it is, is not known.")
    found = known.processes.get(process)
    if not isinstance(found, dict):
        return Part(id=part_id, title=title, state=State.NOT_SET_UP, sentence=without)
    told = _told(found)
    if told is None:
        return Part(id=part_id, title=title, state=State.UNKNOWN, sentence="It has not said yet how it is.", page=page)
    state = next((one for one in State if one.value == told.get("state")), State.UNKNOWN)
    sentence = str(told.get("sentence") or "It has not said how it is.")
    todos: tuple[Todo, ...] = ()
    if state in (State.BAD, State.WARN):
        since = told.get("since_ms")
        todos = (
            Todo(
                id=part_id,
                state=state,
                sentence=sentence,
                short=title.lower(),
                since_ms=since if isinstance(since, int) else None,
                cost=str(told.get("cost") or ""),
                next_step=str(told.get("next_step") or ""),
                button=Button("Look at it", page),
            ),
        )
    short = str(told.get("short") or "")
    return Part(id=part_id, title=title, state=state, sentence=sentence, short=short, page=page, todos=todos)


def _told(process: dict[str, Any]) -> dict[str, Any] | None:
    status = process.get("status") if process.get("state") == "running" else None
    told = status.get("part") if isinstance(status, dict) else None
    return told if isinstance(told, dict) else None


def detector(known: Known) -> Part:
    """Who recognises. That it does not run is said with the programs."""
    line = detector_line(dict(known.processes) if known.processes is not None else None, is_wanted=known.wants_objects)
    state = State(line.state)
    title = "People, vehicles and animals"
    if not known.wants_objects or (known.processes is not None and DETECTOR not in known.processes):
        return Part(id="detector", title=title, state=State.NOT_SET_UP, sentence=f"{line.sentence} {line.next_step}")
    todos: tuple[Todo, ...] = ()
    if state is State.WARN:
        cost = "Who comes by may not be named."
        todos = (
            Todo(
                id="detector",
                state=state,
                sentence=line.sentence,
                short="recognising",
                cost=cost,
                next_step=line.next_step,
            ),
        )
    return Part(id="detector", title=title, state=state, sentence=line.sentence, todos=todos)


def sensors(known: Known) -> Part:
    found, title, page = known.sensors, "Sensors", "/sensors"
    if found is None:
        return Part(id="sensors", title=title, state=State.UNKNOWN, sentence="How they are, is not known.", page=page)
    if not found.count:
        return Part(id="sensors", title=title, state=State.NOT_SET_UP, sentence="No sensor is known.", page=page)
    todos = tuple(
        Todo(
            id=f"sensor:{one.id}",
            state=State.WARN,
            sentence=f"{one.name} {one.words}.",
            short=one.name,
            since_ms=one.since_ms,
            cost="What it guards is not guarded.",
            next_step="Change its battery, or bring it nearer.",
            button=Button("Look at it", f"/sensors/{one.id}"),
        )
        for one in found.troubles
    )
    well = found.count - len({one.id for one in found.troubles})
    state = State.WARN if todos else State.OK
    sentence = f"{well} of {found.count} well."
    return Part(id="sensors", title=title, state=state, sentence=sentence, page=page, todos=todos)


def clock(known: Known) -> Part:
    """Whether the times of recordings are right."""
    found, title = known.clock, "Clock"
    if found is None:
        sentence = "Whether it is in step cannot be told: this system does not say."
        return Part(id="clock", title=title, state=State.UNKNOWN, sentence=sentence)
    if found.is_in_step:
        off = f", about {found.off_ms:.0f} ms off" if found.off_ms >= 1 else ""
        return Part(id="clock", title=title, state=State.OK, sentence=f"In step{off}.")
    if known.clock_watched_ms < CLOCK_GRACE_MS:
        return Part(id="clock", title=title, state=State.UNKNOWN, sentence="Not set by a time server yet.")
    sentence = "The clock is not in step with a time server."
    todo = Todo(
        id="clock",
        state=State.WARN,
        sentence=sentence,
        short="the clock",
        since_ms=known.now_ms - known.clock_watched_ms,
        cost="Times of recordings drift, and phones may refuse the certificate.",
        next_step="On the box: sudo timedatectl set-ntp true. Without internet, let the router give the time.",
    )
    return Part(id="clock", title=title, state=State.WARN, sentence=sentence, todos=(todo,))


def certificate(known: Known) -> Part:
    found, title, page = known.certificate, "Connection", "/trust"
    if found is None:
        return Part(id="certificate", title=title, state=State.UNKNOWN, sentence="The certificate is not known.")
    if not found.ends_ms:
        # Nobody made one: pages are looked at over plain HTTP, and say what that means.
        return Part(id="certificate", title=title, state=State.NOT_SET_UP, sentence=found.sentence)
    days = (found.ends_ms - known.now_ms) / DAY_MS
    sentence = f"{found.sentence} {_days_left(days)}"
    state = State(found.state)
    if state is State.OK and days < CERTIFICATE_WARN_DAYS:
        state = State.BAD if days <= 0 else State.WARN
    if state is State.OK:
        return Part(id="certificate", title=title, state=state, sentence=sentence, page=page)
    todo = Todo(
        id="certificate",
        state=state,
        sentence=sentence,
        short="the certificate",
        cost="Phones and browsers refuse the page when it is over.",
        next_step="On the box: vigilar certificate show",
        button=Button("How phones trust this house", page),
    )
    return Part(id="certificate", title=title, state=state, sentence=sentence, page=page, todos=(todo,))


def _days_left(days: float) -> str:
    if days <= 0:
        return "It has ended."
    return "It ends today." if days < 1 else f"{days:.0f} days left."


def keys(known: Known) -> Part:
    """What opens the recordings."""
    title, page = "Keys", "/system/keys"
    if known.locked:
        todo = Todo(
            id="keys",
            state=State.BAD,
            sentence=known.locked,
            short="the keys",
            cost="Older recordings cannot be played.",
            button=Button("Unlock", page),
        )
        return Part(id="keys", title=title, state=State.BAD, sentence=known.locked, page=page, todos=(todo,))
    if known.key_notes:
        return Part(
            id="keys",
            title=title,
            state=State.NOT_SET_UP,
            sentence=" ".join(f"{one.rstrip('.')}." for one in known.key_notes),
            page=page,
        )
    sentence = "They open all recordings, and there is a recovery sheet."
    return Part(id="keys", title=title, state=State.OK, sentence=sentence, page=page)


def settings(known: Known) -> Part:
    """A file that is wrong costs nothing at once: the last good settings stay in use."""
    todos: tuple[Todo, ...] = ()
    if known.config_error:
        todos = (
            Todo(
                id="settings",
                state=State.BAD,
                sentence="The settings file cannot be used. The last good settings stay in use.",
                detail=known.config_error,
                short="the settings",
                cost="What was changed does not count, and a restart of the service would fail.",
                next_step="Correct that line, or take the newest change back: vigilar config undo. "
                "Look again with: vigilar config validate",
            ),
        )
    todos += tuple(
        Todo(id=f"plan:{number}", state=State.BAD, sentence=sentence, cost="This camera does not run.")
        for number, sentence in enumerate(known.plan_problems)
    )
    state = State.BAD if todos else State.OK
    sentence = "In use as they stand in the file." if not todos else todos[0].sentence
    return Part(id="settings", title="Settings", state=state, sentence=sentence, page="/settings", todos=todos)


def jobs(known: Known) -> Part:
    found, title, page = known.jobs, "Jobs", "/system/jobs"
    if found is None:
        return Part(id="jobs", title=title, state=State.UNKNOWN, sentence="Long work is not known.", page=page)
    words = [*found.running]
    if found.waiting:
        words.append(f"{found.waiting} {'waits' if found.waiting == 1 else 'wait'}")
    sentence = f"{', '.join(words)}." if words else "Nothing to do."
    if found.failed:
        sentence += f" Failed since yesterday: {'; '.join(found.failed)}"
    return Part(id="jobs", title=title, state=State.OK, sentence=sentence, page=page)


def version(known: Known) -> Part:
    since = ""
    started = ((known.processes or {}).get("supervisor") or {}).get("started_ts")
    if isinstance(started, int) and started < known.now_ms:
        since = f" It has been running for {length_text(known.now_ms - started)}."
    return Part(id="version", title="Version", state=State.OK, sentence=f"Vigilar {known.version}.{since}")
