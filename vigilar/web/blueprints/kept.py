"""What people keep: events and ranges, with their size and who did it; letting go, and taking that back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from werkzeug import Response as AnyResponse

from vigilar.store import events as event_rows
from vigilar.store.events import StoredEvent
from vigilar.upkeep.kept import Holder, Kept, file_sizes, list_holders, read_kept
from vigilar.web.auth import asker
from vigilar.web.event_words import event_title
from vigilar.web.parts import Parts, parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs
from vigilar.web.visible import visible_cameras

bp = Blueprint("kept", __name__)


@bp.get("/kept")
@needs(Right.SEE_EVENTS)
def page() -> str:
    here, who = parts(), request.args.get("by")
    kept, holders, size_bytes = _read(here)
    released = _find_released(request.args.get("released", ""))
    names = {camera.id: camera.name for camera in here.cameras.all()}
    return render_template(
        "kept.html",
        kept=[one for one in kept if who is None or one.row.by == who],
        holders=holders,
        size_bytes=size_bytes,
        who=who,
        released=released,
        released_title=event_title(released) if released else "",
        name_of=lambda camera_id: names.get(camera_id, camera_id),
    )


@bp.post("/kept/<int:event_id>/release")
@needs(Right.CHANGE_EVENTS)
def release(event_id: int) -> AnyResponse:
    """Let go of an event; the page that follows offers to take it back."""
    _keep(event_id, kept=False)
    return redirect(url_for("kept.page", released=event_id), 303)


@bp.post("/kept/<int:event_id>/undo")
@needs(Right.CHANGE_EVENTS)
def undo(event_id: int) -> AnyResponse:
    _keep(event_id, kept=True)
    return redirect(url_for("kept.page"), 303)


@bp.get("/api/v1/kept")
@needs(Right.SEE_EVENTS)
def api_kept() -> AnyResponse:
    kept, holders, size_bytes = _read(parts())
    return jsonify(
        {
            "bytes": size_bytes,
            "kept": [_json(one) for one in kept],
            "people": [{"name": one.name or None, "count": one.count, "bytes": one.size_bytes} for one in holders],
        }
    )


def _read(here: Parts) -> tuple[list[Kept], list[Holder], int]:
    """What the asker sees of it, who keeps it, and what it takes in all, each recording once."""
    visible = visible_cameras(asker())
    found = read_kept(here.store, here.cfg.node_id, here.cfg.rules, here.now_ms())
    kept = [one for one in found if visible.has_source(one.row.camera_id)]
    sizes = file_sizes(here.store, here.cfg.node_id) if kept else {}
    size_bytes = sum(sizes.get(key, 0) for key in frozenset().union(*(one.file_ids for one in kept)))
    return kept, list_holders(kept, sizes), size_bytes


def _json(one: Kept) -> dict[str, Any]:
    row = one.row
    return {
        "kind": "event" if row.is_event else "export",
        "id": str(row.id),
        "camera": row.camera_id,
        "title": row.title,
        "from": row.from_ms,
        "to": row.to_ms,
        "bytes": one.size_bytes,
        "by": row.by or None,
        "since_ts": row.since_ms,
        "until_ts": row.until_ms,
    }


def _find_released(event_id: str) -> StoredEvent | None:
    """The event that was just let go; None for anything else, also when it is kept again."""
    if not (event_id.isascii() and event_id.isdigit() and len(event_id) < 18):
        return None
    event = visible_cameras(asker()).find_event(int(event_id))
    return None if event is None or event.kept else event


def _keep(event_id: int, *, kept: bool) -> None:
    here = parts()
    event = visible_cameras(asker()).find_event(event_id)
    if event is None:
        raise Problem(404, "event.unknown", "There is no such event.")
    name, now_ms = asker().name, here.now_ms()
    here.reserve.help(lambda: event_rows.set_kept(here.store, event.id, kept=kept, by=name, now_ms=now_ms))
