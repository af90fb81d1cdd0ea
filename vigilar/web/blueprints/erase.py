"""Deleting the recordings of events by hand: what goes and what stays is told first, and what was told is what goes.

The upkeep process does the deleting. Nothing of this can be taken back, so it takes a page, and one button with the
size in it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, jsonify, redirect, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.base.amounts import count_text, size_text
from vigilar.store import incident_pages as pages
from vigilar.store.events import EventFilter
from vigilar.store.incident_pages import StoryKey
from vigilar.upkeep.erase import ErasePlan, ask_to_erase, read_erase_plan
from vigilar.web.auth import asker
from vigilar.web.blueprints.event_list import MOST_AT_ONCE, read_keys, read_query
from vigilar.web.blueprints.events import get_named_event
from vigilar.web.bodies import read_json
from vigilar.web.deeds import note_deed, note_nothing
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.proving import DESTROYS, check_proven
from vigilar.web.rights import Right, needs
from vigilar.web.visible import visible_cameras

bp = Blueprint("erase", __name__)


@bp.get("/events/delete")
@needs(Right.DELETE_FOOTAGE)
def erase_page() -> str:
    """What deleting the stories that the address names would mean."""
    keys = read_keys(request.args.getlist("story"))
    here = parts()
    return _page(keys, read_erase_plan(here.store, here.cfg.rules, _events_of(keys), here.now_ms()))


@bp.post("/events/delete")
@needs(Right.DELETE_FOOTAGE)
def erase_by_form() -> AnyResponse:
    """Do what the page said; when that is not what it would mean any more, the page again, which says so.

    Without ``plan`` it is the list of events that asks for the page: an address would be too short for all its stories.
    """
    keys = read_keys(request.form.getlist("story"))
    events, token, query = _events_of(keys), request.form.get("plan"), _list_query()
    if token is None:
        note_nothing()
        here = parts()
        plan = read_erase_plan(here.store, here.cfg.rules, events, here.now_ms())
        return AnyResponse(_page(keys, plan), mimetype="text/html")
    plan, is_asked = _ask(events, token)
    if not is_asked:
        note_nothing()
        return AnyResponse(_page(keys, plan, is_changed=True), 409, mimetype="text/html")
    words = (
        f"{_count(plan)}, {size_text(plan.size_bytes)}, {'is' if len(plan.recordings) == 1 else 'are'} being deleted."
    )
    done = parts().undos.add(asker().id, words, "seen", value=True, events=[])
    return redirect(f"/events{query}{'&' if query else '?'}done={done}#{keys[0].dump()}", 303)


@bp.post("/api/v1/events/delete")
@needs(Right.DELETE_FOOTAGE)
def api_erase() -> AnyResponse:
    """The same for programs, by the ids of events; with ``dry_run`` only what it would mean."""
    body = read_json({"ids": list, "dry_run": bool, "plan": str}, required=("ids",))
    ids = _read_ids(body["ids"])
    here = parts()
    if body.get("dry_run", False):
        note_nothing()
        return jsonify(_json(read_erase_plan(here.store, here.cfg.rules, ids, here.now_ms())))
    plan, is_asked = _ask(ids, body.get("plan"))
    if not is_asked:
        raise Problem(
            409,
            "erase.changed",
            "What would go is not what it was when you looked.",
            next_step="Look at it again.",
            more=_json(plan),
        )
    answer = jsonify(_json(plan))
    answer.status_code = 202
    return answer


def _ask(ids: list[int], token: str | None) -> tuple[ErasePlan, bool]:
    """Let it go if ``token`` is still that of the plan; the plan, and whether it was. Raises Problem 409 when nothing
    of it may go."""
    check_proven("/events", DESTROYS)
    here, name = parts(), asker().name
    plan, is_asked = here.reserve.help(
        lambda: ask_to_erase(here.store, here.cfg.rules, ids, token, name, here.now_ms())
    )
    if is_asked and not plan.recordings:
        why = " ".join(plan.stay_sentences())
        raise Problem(409, "erase.nothing", f"There is nothing to delete. {why}".strip())
    if is_asked:
        cameras = {one.camera_id for one in plan.recordings}
        subject = f"camera:{next(iter(cameras))}" if len(cameras) == 1 else ""
        note_deed("erased", subject=subject, detail=f"{_count(plan)}, {size_text(plan.size_bytes)}")
    return plan, is_asked


def _page(keys: list[StoryKey], plan: ErasePlan, *, is_changed: bool = False) -> str:
    here = parts()
    names = {camera.id: camera.name for camera in here.cameras.all()}
    by_camera: dict[str, list[Any]] = {}
    for one in plan.stretches():
        by_camera.setdefault(names.get(one.camera_id, f"{one.camera_id} (removed)"), []).append(one)
    return render_template(
        "erase.html",
        keys=[key.dump() for key in keys],
        plan=plan,
        recordings=_count(plan),
        cameras=by_camera,
        stay=plan.stay_sentences(),
        is_changed=is_changed,
        query=_list_query(),
    )


def _list_query() -> str:
    """The list from which somebody came, with its filters: there they go back to."""
    return replace(read_query(parts(), visible_cameras(asker())), cursor="").query()


def _events_of(keys: list[StoryKey]) -> list[int]:
    """Ids of the events of these stories that the asker may see. Raises Problem 404 when there are none."""
    found = pages.events_of(parts().store, keys, visible_cameras(asker()).limit(EventFilter()))
    if not found:
        raise Problem(404, "event.unknown", "There is no such event.")
    return [event.id for event in found]


def _read_ids(given: list[Any]) -> list[int]:
    """Raises Problem 422, and 404 for an event that the asker does not see."""
    if not 1 <= len(given) <= MOST_AT_ONCE or not all(type(one) in (int, str) for one in given):
        raise Problem(422, "erase.ids", f"ids is a list of the ids of 1 to {MOST_AT_ONCE} events.", field="ids")
    return [get_named_event(str(one)).id for one in given]


def _count(plan: ErasePlan) -> str:
    return count_text(len(plan.recordings), "recording")


def _json(plan: ErasePlan) -> dict[str, Any]:
    return {
        "recordings": len(plan.recordings),
        "bytes": plan.size_bytes,
        "spans": [
            {
                "camera": one.camera_id,
                "from": one.from_ms,
                "to": one.to_ms,
                "recordings": one.count,
                "bytes": one.size_bytes,
            }
            for one in plan.stretches()
        ],
        "stay": [{"id": one.id, "why": one.why} for one in plan.stay],
        "others": plan.others,
        "plan": plan.token,
    }
