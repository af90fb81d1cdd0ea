"""What pages and API do with reels and time-lapses: list them, ask for them, say what they would show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from vigilar.base.visit_kinds import KIND_WORDS
from vigilar.playback.export.make import ExportFile
from vigilar.playback.export.names import safe_name
from vigilar.playback.reel.choose import Choice, choose
from vigilar.playback.reel.events import find_visits, recorded_spans
from vigilar.playback.reel.place import film_path, remove_film
from vigilar.playback.reel.sealed_film import FilmFile, read_poster
from vigilar.playback.reel.words import QUIET, say_title
from vigilar.store import jobs as job_rows
from vigilar.store import reels as reel_rows
from vigilar.store import users as user_rows
from vigilar.store.jobs import JobRow
from vigilar.store.reels import LENGTHS_S, REEL, STYLES, Params, ReelParams, ReelRow, Style, TimelapseParams
from vigilar.vge.keys import KeyRing
from vigilar.web.auth import asker
from vigilar.web.bodies import check_texts
from vigilar.web.exports import camera_name, get_job, tell_pages, waits_for_mains
from vigilar.web.parts import Parts, parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Member
from vigilar.web.times import TimeRange, day_key, parse_moment
from vigilar.web.visible import VisibleCameras, visible_cameras

WAITS = "Waits for mains power."

MAX_RANGE_MS = 400 * 24 * 3600 * 1000
"""A year of a garden, and some days more."""

MOST_LISTED = 1000
"""More than a month of a reel and of eight time-lapses a day, and what was kept of years."""

TAKES_OF_LENGTH = 0.5
"""Seconds of work for a second of a reel; measured by ``python -m benchmarks.reel``."""


def list_reels(house: Parts, member: Member) -> list[dict[str, Any]]:
    """Those that the member may see, newest first. Of a request."""
    visible = VisibleCameras(member, house.cameras, house.store, house.now_ms)
    found = job_rows.list_jobs(house.store, house.cfg.node_id, kinds=reel_rows.KINDS, most=MOST_LISTED)
    erased = reel_rows.find_erased(house.store, house.cfg.node_id)
    jobs = [row for row in found if visible.has_job(row) and row.state != "cancelled" and row.id not in erased]
    rows = reel_rows.find_rows(house.store, [row.id for row in jobs])
    names = {user.id: user.name for user in user_rows.list_users(house.store)} if jobs else {}
    return [reel_json(house, job, rows.get(job.id, ReelRow(job.id)), names) for job in jobs]


def find_reel(house: Parts, reel_id: int) -> dict[str, Any]:
    """One as the asker sees it, with what it shows. Raises Problem 404."""
    job = get_reel(reel_id)
    row = reel_rows.find_rows(house.store, [job.id]).get(job.id, ReelRow(job.id))
    user = user_rows.get_user(house.store, job.made_by) if job.made_by is not None else None
    result = job.result or {}
    return {
        **reel_json(house, job, row, {user.id: user.name} if user else {}),
        "parts": [
            {
                "from_s": part["from_s"],
                "to_s": part["to_s"],
                "event_id": None if part["event_id"] is None else str(part["event_id"]),
                "camera_id": part["camera_id"],
                "ts": part["ts"],
                "title": part["title"],
            }
            for part in result.get("parts", ())
        ],
        "missing": result.get("missing", []),
    }


def get_reel(reel_id: int) -> JobRow:
    """Raises Problem 404, also for one that the asker may not see, and that shows what somebody let go."""
    row = get_job(reel_id, *reel_rows.KINDS)
    if row.state == "done" and reel_rows.find_erased(parts().store, row.node_id, row.id):
        raise Problem(404, "reel.unknown", "There is no such reel.")
    return row


def reel_json(house: Parts, job: JobRow, row: ReelRow, names: Mapping[int, str]) -> dict[str, Any]:
    params, result = reel_rows.params_of(job), job.result or {}
    is_there = job.state == "done" and "nothing" not in result and film_path(house.cfg.data_dir, job.id).exists()
    error = job.error
    if job.state == "done" and "nothing" not in result and not is_there:
        error = "Its file is not there any more. Make it again."
    waits = waits_for_mains(job)
    return {
        "id": str(job.id),
        "kind": job.kind,
        "title": title_of(house, job),
        "state": job.state,
        "step": job.step,
        "percent": job.percent,
        "seconds_left": job.seconds_left,
        "made_ms": job.created_ms,
        "by": names.get(job.made_by, "") if job.made_by is not None else "",
        "from": params.from_ms,
        "to": params.to_ms,
        "length_ms": result.get("length_ms"),
        "wanted_s": params.length_s,
        "style": params.style if isinstance(params, ReelParams) else None,
        "smart": params.smart if isinstance(params, TimelapseParams) else None,
        "cameras": list(job.camera_ids),
        "poster": f"/reels/{job.id}/poster.jpg" if is_there else None,
        "video": f"/reels/{job.id}/video.mp4" if is_there else None,
        "bytes": row.size_bytes,
        "is_kept": row.is_kept,
        "is_daily": row.is_daily,
        "nothing": result.get("nothing"),
        "error": error,
        "ends_ms": reel_rows.ends_ms(job),
        "waits": WAITS if waits else None,
    }


def title_of(house: Parts, job: JobRow) -> str:
    """``Front door, Sunday 29 November``: what it is of, and when."""
    params = reel_rows.params_of(job)
    name = camera_name(job.camera_ids[0]) if len(job.camera_ids) == 1 else ""
    return say_title(name, params.from_ms, params.to_ms, house.now_ms(), house.zone)


def ask(params: Params, day: str | None = None) -> JobRow:
    """The job of a new one, or of the same one that is being made. ``day`` as in ``add_reel``."""
    here = parts()
    job_id = reel_rows.add_reel(
        here.store, node_id=here.cfg.node_id, params=params, made_by=asker().id, now_ms=here.now_ms(), day=day
    )
    row = get_reel(job_id)
    tell_pages(here, row)
    return row


def ask_again(row: JobRow) -> JobRow:
    """The same once more in the place of one that failed. Raises Problem 409 for one that did not."""
    if row.state != "failed" and not is_lost(row):
        raise Problem(409, "reel.not_failed", "This one did not fail.")
    here = parts()
    known = reel_rows.find_rows(here.store, [row.id]).get(row.id, ReelRow(row.id))
    new = ask(reel_rows.params_of(row), known.day)
    if known.is_kept:
        reel_rows.keep_reel(here.store, new.id, is_kept=True)
    delete(row)
    return new


def is_lost(row: JobRow) -> bool:
    """Whether it was made, and its file is not there any more."""
    made = row.state == "done" and "nothing" not in (row.result or {})
    return made and not film_path(parts().cfg.data_dir, row.id).exists()


def delete(row: JobRow) -> None:
    """Take file and rows away. Raises Problem 409 while it is being made."""
    here = parts()
    if not job_rows.delete_job(here.store, row.id):
        raise Problem(409, "reel.running", "Stop it first.")
    remove_film(here.cfg.data_dir, row.id)


def get_film(row: JobRow) -> ExportFile:
    """The film of one that is done. Raises Problem 404 where there is none; RecordingError."""
    here = parts()
    path = film_path(here.cfg.data_dir, row.id)
    if row.state != "done" or not path.exists():
        raise Problem(404, "reel.none", "There is no film of it.")
    film = FilmFile(path, row.id, KeyRing.load(here.cfg.secrets_dir))
    return ExportFile(_file_name(here, row), "video/mp4", film.size_bytes, film.etag, film)


def get_poster(row: JobRow) -> bytes:
    """As ``get_film``."""
    here = parts()
    path = film_path(here.cfg.data_dir, row.id)
    if row.state != "done" or not path.exists():
        raise Problem(404, "reel.none", "There is no film of it.")
    return read_poster(path, row.id, KeyRing.load(here.cfg.secrets_dir))


def _file_name(here: Parts, row: JobRow) -> str:
    """``Front door 2026-11-29 reel.mp4``; of several cameras with the name of the house."""
    name = camera_name(row.camera_ids[0]) if len(row.camera_ids) == 1 else here.cfg.house_name
    day = day_key(reel_rows.params_of(row).from_ms, here.zone)
    return f"{safe_name(name)} {day} {'reel' if row.kind == REEL else 'time-lapse'}.mp4"


def preview(params: ReelParams) -> dict[str, Any]:
    """What a reel would show, by rows alone."""
    here = parts()
    choice = choose_for(here, params)
    made_s = round(choice.length_ms / 1000)
    return {
        "moments": [
            {
                "event_id": str(one.moment.event_id),
                "ts": one.moment.ts_ms,
                "camera": one.moment.camera_id,
                "title": f"{KIND_WORDS.get(one.moment.kind, 'Visit')}, {camera_name(one.moment.camera_id)}",
                "still": f"/events/{one.moment.event_id}/still.jpg" if one.moment.still_id is not None else None,
                "seconds": round(one.length_ms / 1000, 1),
            }
            for one in choice.pieces
        ],
        "length_s": made_s,
        "takes_s": max(2, round(made_s * TAKES_OF_LENGTH)),
        "sentence": _preview_sentence(choice, params, made_s),
    }


def choose_for(here: Parts, params: ReelParams) -> Choice:
    now_ms = here.now_ms()
    return choose(
        find_visits(here.footage, params.cameras, params.from_ms, params.to_ms),
        recorded_spans(here.footage, params.cameras, params.from_ms, params.to_ms),
        length_ms=params.length_s * 1000,
        now_ms=now_ms,
        people_only=params.style == "everybody",
        kinds=params.kinds,
        without=params.without,
    )


def _preview_sentence(choice: Choice, params: ReelParams, made_s: int) -> str:
    if not choice.pieces:
        return QUIET
    count = len(choice.pieces)
    said = f"{count} moment{'' if count == 1 else 's'} in {made_s} seconds."
    if params.length_s - made_s > 1:
        said = f"{said} There is no more to show."
    elif params.style == "everybody" and choice.left_out:
        said = f"{said} {choice.left_out} more do not fit: make it longer."
    if choice.unrecorded:
        gone = len(choice.unrecorded)
        said = f"{said} Of {gone} more there is no recording."
    return said


def read_reel(body: Mapping[str, Any]) -> ReelParams:
    """Raises Problem 422, and 404 for a camera that is not seen."""
    visible = visible_cameras(asker())
    wanted = _read_range(body)
    style = body.get("style", STYLES[0])
    if style not in STYLES:
        raise Problem(422, "reel.style", "style is highlights or everybody.", field="style")
    kinds = body.get("kinds")
    if kinds is not None:
        unknown = [one for one in check_texts("kinds", kinds) if one not in KIND_WORDS]
        if unknown or not kinds:
            raise Problem(422, "reel.kinds", f"kinds are of {', '.join(KIND_WORDS)}.", field="kinds")
    return ReelParams(
        cameras=_read_cameras(body.get("cameras"), visible),
        from_ms=wanted.from_ms,
        to_ms=wanted.to_ms,
        length_s=_read_length(body),
        style=cast(Style, style),
        kinds=None if kinds is None else tuple(sorted(set(kinds))),
        clock=bool(body.get("clock", True)),
        without=_read_ids(body.get("without") or []),
    )


def read_timelapse(body: Mapping[str, Any]) -> TimelapseParams:
    """Raises Problem 422, and 404 for a camera that is not seen and for a time without recordings."""
    camera_id = str(body["camera"])
    visible_cameras(asker()).check_had(camera_id)
    wanted = _read_range(body)
    params = TimelapseParams(
        camera_id=camera_id,
        from_ms=wanted.from_ms,
        to_ms=wanted.to_ms,
        length_s=_read_length(body),
        smart=bool(body.get("smart", True)),
        clock=bool(body.get("clock", True)),
    )
    if not recorded_spans(parts().footage, (camera_id,), params.from_ms, params.to_ms)[camera_id]:
        raise Problem(404, "recording.none", "Nothing was recorded in this time.", field="from")
    return params


def _read_cameras(wanted: Sequence[Any] | None, visible: VisibleCameras) -> tuple[str, ...]:
    if wanted is None:
        found = tuple(camera.id for camera in visible.all())
    else:
        found = tuple(dict.fromkeys(check_texts("cameras", list(wanted))))
        for camera_id in found:
            visible.check_had(camera_id)
    if not found:
        raise Problem(422, "reel.cameras", "Choose a camera.", field="cameras")
    return tuple(sorted(found))


def _read_range(body: Mapping[str, Any]) -> TimeRange:
    now_ms = parts().now_ms()
    wanted = TimeRange(parse_moment(str(body["from"]), "from"), parse_moment(str(body["to"]), "to"))
    if wanted.to_ms <= wanted.from_ms:
        raise Problem(422, "time.range", "The end lies before the start.", field="to")
    wanted = replace(wanted, to_ms=min(wanted.to_ms, now_ms))
    if wanted.to_ms <= wanted.from_ms:
        raise Problem(422, "time.range", "That time has not come yet.", field="from")
    if wanted.to_ms - wanted.from_ms > MAX_RANGE_MS:
        raise Problem(422, "time.range", "Ask for at most 400 days at once.", field="to")
    return wanted


def _read_length(body: Mapping[str, Any]) -> int:
    length_s = body["length_s"]
    if not LENGTHS_S[0] <= length_s <= LENGTHS_S[1]:
        raise Problem(422, "reel.length", "A length is 10 seconds to 10 minutes.", field="length_s")
    return int(length_s)


def _read_ids(values: Sequence[Any]) -> tuple[int, ...]:
    """Ids of events, as numbers or as the texts that the API gives."""
    texts = [str(one) for one in values if isinstance(one, (int, str)) and not isinstance(one, bool)]
    if (
        len(texts) != len(values)
        or len(texts) > 1000
        or not all(t.isascii() and t.isdigit() and len(t) < 19 for t in texts)
    ):
        raise Problem(422, "body.type", "without must be a list of ids of events.", field="without")
    return tuple(sorted({int(one) for one in texts}))
