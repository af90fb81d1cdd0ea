"""The parts that decide whether anything is recorded: cameras, storage, programs. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from vigilar.base.amounts import length_text, size_text
from vigilar.base.house_time import house_time
from vigilar.base.systemd import log_place
from vigilar.health.known import Known
from vigilar.health.lines import CameraLine, disk_problem, disk_reasons, is_of_disk
from vigilar.health.part import Button, Part, State, Todo

LONG_DAYS = 3650
"""What is kept for longer is no news: next to nothing was recorded yet."""

_NO_STEP = "Check its power and its network cable. On the box, vigilar camera test {id} says where it fails."


def cameras(known: Known) -> Part:
    """How many record, and each that does not."""
    todos = tuple(_camera_todos(known))
    wanted = [one for one in known.cameras if one.state != "off"]
    recording = sum(one.is_recording for one in wanted)
    if not known.cameras:
        add = Todo(
            id="cameras",
            state=State.WARN,
            sentence="No camera yet. Add the first one.",
            cost="Nothing is recorded.",
            button=Button("Add a camera", "/cameras/add"),
        )
        return Part(id="cameras", title="Cameras", state=State.WARN, sentence="No camera yet.", todos=(add,))
    quiet = [one for one in wanted if one.is_well and not one.is_recording]
    words = [f"{recording} of {len(wanted)} recording."]
    if quiet:
        words.append(f"{len(quiet)} {'waits' if len(quiet) == 1 else 'wait'} for motion.")
    if known.worst_gap is not None:
        gap = known.worst_gap
        words.append(f"Longest gap today: {gap.camera}, {length_text(gap.length_ms)}. {gap.words}")
    state = _worst(todos)
    if state is State.OK and any(one.is_coming for one in wanted):
        words.append("Some are still starting.")
    return Part(
        id="cameras", title="Cameras", state=state, sentence=" ".join(words), page="/system/cameras", todos=todos
    )


def _camera_todos(known: Known) -> Iterator[Todo]:
    has_problem = bool(_disk_words(known)[0])
    for one in known.cameras:
        if not (one.is_well or one.is_coming or (has_problem and is_of_disk(one))):
            yield _camera_todo(one)
    names = {one.id: one.name for one in known.cameras}
    for camera_id, missed_ms in known.low_coverage.items():
        if camera_id in names:
            yield Todo(
                id=f"coverage:{camera_id}",
                state=State.WARN,
                sentence=f"{names[camera_id]}: recorded with holes.",
                detail=f"{length_text(missed_ms)} are missing since it began, though the camera is not offline.",
                short=names[camera_id],
                cost="What happens in the holes cannot be looked at afterwards.",
                next_step="A weak network or a camera that starts again and again: look at its gaps.",
                button=Button("See its gaps", f"/system/cameras/{camera_id}"),
            )


def _camera_todo(one: CameraLine) -> Todo:
    if one.has_picture and one.not_recording:
        sentence, cost = f"{one.name}: live, not recording. {one.not_recording.sentence}", "Nothing of it is recorded."
        return Todo(id=f"camera:{one.id}", state=State.BAD, sentence=sentence, short=one.name, cost=cost)
    words = {"restarting": "restarting, not recording.", "unknown": "its state is not known."}
    is_known = one.state != "unknown"
    return Todo(
        id=f"camera:{one.id}",
        state=State.BAD if is_known else State.UNKNOWN,
        sentence=f"{one.name}: {words.get(one.state, 'no picture.')}",
        detail=one.sentence,
        short=one.name,
        since_ms=one.last_frame_ts,
        cost="Nothing of it is recorded." if is_known else "Whether it is recorded is not known.",
        next_step="" if one.state == "restarting" else _NO_STEP.format(id=one.id),
        button=Button("Try again now", f"/system/cameras/{one.id}/retry", is_post=True),
        code=str(one.health.get("code") or ""),
    )


def storage(known: Known) -> Part:
    """The drive, its space, and how long recordings last."""
    todos = tuple(_storage_todos(known))
    words, short = [], ""
    if known.disk is not None and known.disk.total_bytes:
        words.append(f"{size_text(known.disk.free_bytes)} free of {size_text(known.disk.total_bytes)}.")
    if known.footage is not None:
        if known.footage.oldest_ms is not None:
            oldest = house_time(known.footage.oldest_ms, known.zone)
            words.append(f"Oldest recording: {oldest.day} {oldest:%B}.")
        words.append(known.footage.sentence)
        if known.footage.days is not None and 2 <= known.footage.days <= LONG_DAYS:
            short = f"{known.footage.days:.0f} days kept."
    state = _worst(todos)
    if known.footage is None:
        words.append("How long recordings last is not known: the database does not answer.")
        state = min(state, State.UNKNOWN, key=lambda one: one.rank)
    return Part(
        id="storage",
        title="Storage",
        state=state,
        sentence=" ".join(words),
        short=short,
        page="/system/storage",
        todos=todos,
    )


def _disk_words(known: Known) -> tuple[str, str]:
    """What is wrong with the disk, and what to do; nothing where the drive's own sentence says it already."""
    if known.drive and known.disk is None and not disk_reasons(known.cameras):
        return "", ""
    return disk_problem(known.cameras, known.disk)


def _storage_todos(known: Known) -> Iterator[Todo]:
    nothing = "Nothing is recorded, or soon nothing will be."
    if known.drive:
        yield Todo(
            id="drive",
            state=State.BAD,
            sentence=known.drive,
            short="the drive",
            cost=nothing,
            next_step=known.drive_step,
        )
    sentence, step = _disk_words(known)
    if sentence:
        is_known = known.disk is not None or bool(disk_reasons(known.cameras))
        is_low = known.disk is not None and sentence.endswith("nearly full.")
        yield Todo(
            id="disk",
            state=State.WARN if is_low else State.BAD if is_known else State.UNKNOWN,
            sentence=sentence,
            short="the disk",
            cost="The oldest recordings go sooner." if is_low else nothing if is_known else "",
            next_step=step,
            button=Button("What takes the space", "/system/storage"),
        )
    if known.damaged:
        what = "1 recording is" if known.damaged == 1 else f"{known.damaged} recordings are"
        yield Todo(
            id="damaged",
            state=State.WARN,
            sentence=f"{what} missing, changed or damaged.",
            short="recordings",
            cost="What they showed cannot be proved any more.",
            next_step="On the box, vigilar check says which.",
        )
    if known.history:
        cost = "What was recorded before cannot be proved by this database."
        yield Todo(id="history", state=State.BAD, sentence=known.history, cost=cost, next_step="See: vigilar check")
    for told in known.told:
        yield Todo(id=f"told:{zlib.crc32(told.encode()):08x}", state=State.BAD, sentence=told)


def programs(known: Known) -> Part:
    """Whether all processes run, and the bus between them."""
    todos = tuple(_program_todos(known))
    lines = known.lines or ()
    words = f"{sum(one.is_well for one in lines)} of {len(lines)} run." if lines else "Whether they run is not known."
    return Part(id="programs", title="Programs", state=_worst(todos), sentence=words, todos=todos)


def _program_todos(known: Known) -> Iterator[Todo]:
    restarting = {f"camera/{one.id}" for one in known.cameras if one.state == "restarting"}
    for line in known.lines or ():
        if not line.is_well and line.name not in restarting:
            yield Todo(
                id=f"program:{line.name}",
                state=State.BAD,
                sentence=f"{line.words} is not running.",
                short=line.words,
                cost="What it does is not done meanwhile.",
                next_step=f"It is started again by itself. If it stays so, the log says why: {log_place()}",
            )
    if not known.has_bus:
        is_known = not known.drive and any(one.is_recording for one in known.cameras)
        goes_on = is_known and all(one.is_recording or one.state == "off" for one in known.cameras)
        yield Todo(
            id="bus",
            state=State.WARN,
            sentence=f"Live updates are interrupted{'; recording goes on' if goes_on else ''}.",
            short="live updates",
            cost="Pages and phones learn of events late.",
            next_step="The message broker is started again by itself.",
        )
    elif known.lines is None:
        yield Todo(
            id="programs",
            state=State.UNKNOWN,
            sentence="Whether all programs run is not known.",
            short="the programs",
            cost="A program that stopped would not be noticed here.",
            next_step="On the box: systemctl status vigilar",
        )


def _worst(todos: tuple[Todo, ...]) -> State:
    return min((one.state for one in todos), key=lambda state: state.rank, default=State.OK)
