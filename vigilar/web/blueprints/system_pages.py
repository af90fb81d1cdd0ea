"""The pages below ``/system``: how much was recorded, long work, what the house did, the file for support; metrics."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.health.house import look_at_house
from vigilar.health.metrics import CONTENT_TYPE, write_metrics
from vigilar.health.rows import JOB_WORDS
from vigilar.playback.gaps import GAP_MS
from vigilar.store.events import EventFilter, list_events
from vigilar.store.jobs import list_jobs
from vigilar.web.auth import asker
from vigilar.web.coverage import SPANS, gaps_json, list_days, read_cells
from vigilar.web.exports import HOUSE_JOBS, waits_for_mains, word_of
from vigilar.web.house import find_today, read_known
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs
from vigilar.web.support import make_bundle
from vigilar.web.times import file_time
from vigilar.web.visible import visible_cameras

bp = Blueprint("system_pages", __name__)

LOG_PAGE = 100


@bp.get("/system/cameras")
@needs(Right.SEE_SYSTEM)
def coverage_page() -> str:
    here, visible = parts(), visible_cameras(asker())
    count, cameras = _days(), visible.all()
    days = list_days(here, count)
    cells = read_cells(here, [one.id for one in cameras], days)
    is_whole = all(cell.state != "unread" for row in cells.values() for cell in row)
    return render_template(
        "coverage.html", cameras=cameras, days=days, cells=cells, count=count, spans=SPANS, is_whole=is_whole
    )


@bp.get("/system/cameras/<camera_id>")
@needs(Right.SEE_SYSTEM)
def camera_page(camera_id: str) -> str:
    """The gaps of one camera, by day."""
    here = parts()
    camera = visible_cameras(asker()).get(camera_id)
    count = _days()
    cells = read_cells(here, [camera.id], list_days(here, count))[camera.id]
    return render_template(
        "coverage_camera.html", camera=camera, cells=cells, count=count, spans=SPANS, shortest_ms=GAP_MS
    )


@bp.get("/api/v1/system/coverage")
@needs(Right.SEE_SYSTEM)
def api_coverage() -> AnyResponse:
    """``?days=7|30``: the share of each day that was recorded, by camera, and its gaps with their causes."""
    here, visible = parts(), visible_cameras(asker())
    days = list_days(here, _days())
    cells = read_cells(here, [one.id for one in visible.all()], days)
    return jsonify(
        {
            "cameras": [
                {
                    "id": camera_id,
                    "days": [
                        {
                            "day": cell.day.name,
                            "from": cell.day.from_ms,
                            "to": cell.day.to_ms,
                            "share": cell.coverage.share if cell.coverage is not None else None,
                            "expected_ms": cell.coverage.expected_ms if cell.coverage is not None else None,
                            "missed_ms": cell.coverage.missed_ms if cell.coverage is not None else None,
                            "gaps": gaps_json(cell.coverage),
                        }
                        for cell in row
                    ],
                }
                for camera_id, row in cells.items()
            ]
        }
    )


@bp.get("/system/jobs")
@needs(Right.SEE_SYSTEM)
def jobs_page() -> str:
    here, visible = parts(), visible_cameras(asker())
    rows = [row for row in list_jobs(here.store, here.cfg.node_id) if visible.has_job(row)]
    return render_template(
        "system_jobs.html",
        rows=[(row, word_of(row), waits_for_mains(row)) for row in rows],
        names={**JOB_WORDS, **HOUSE_JOBS},
    )


@bp.get("/system/log")
@needs(Right.SEE_SYSTEM)
def log_page() -> str:
    """What the house itself did and met, newest first: all events but those of who came by."""
    here, visible = parts(), visible_cameras(asker())
    cursor = request.args.get("cursor") or None
    rows, after = list_events(here.store, visible.limit(EventFilter(kind="", limit=LOG_PAGE, cursor=cursor)))
    return render_template("system_log.html", rows=rows, after=after)


@bp.get("/metrics")
@needs(Right.SEE_SYSTEM)
def metrics() -> AnyResponse:
    """For Prometheus, which brings a key for programs (``Authorization: Bearer``)."""
    here = parts()
    known = read_known(here, visible_cameras(asker()))
    today = {one.id: find_today(here, one.id) for one in known.cameras}
    coverage = {camera_id: (day.share, day.missed_ms) for camera_id, day in today.items() if day is not None}
    return Response(write_metrics(known, look_at_house(known), coverage), content_type=CONTENT_TYPE)


@bp.get("/system/support")
@needs(Right.MANAGE_HOUSEHOLD)
def support_page() -> str:
    return render_template("support.html")


@bp.post("/system/support")
@needs(Right.MANAGE_HOUSEHOLD)
def support_file() -> AnyResponse:
    here = parts()
    name = f"vigilar-support-{file_time(here.now_ms(), here.zone)}.zip"
    head = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(make_bundle(here), mimetype="application/zip", headers=head)


def _days() -> int:
    text = request.args.get("days", str(SPANS[0]))
    if text not in map(str, SPANS):
        raise Problem(422, "query.days", f"Ask for {' or '.join(map(str, SPANS))} days.", field="days")
    return int(text)
