"""Exports and other jobs: their pages, which work without script, their files, and the API."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from werkzeug import Response as AnyResponse

from vigilar.store import shares as share_rows
from vigilar.store.exports import EXPORT, ExportParams, ends_ms
from vigilar.store.jobs import JobRow
from vigilar.web.auth import asker
from vigilar.web.blueprints.events import event_range
from vigilar.web.bodies import MOMENT, read_json
from vigilar.web.exports import (
    add_export,
    ask_export,
    cancel,
    delete_export,
    export_json,
    get_file,
    get_job,
    is_whole,
    job_json,
    list_visible,
    share_json,
    title_of,
    waits_for_mains,
    word_of,
)
from vigilar.web.form_times import FormTime, fill_time, parse_house_time
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs
from vigilar.web.serving import file_response
from vigilar.web.share_links import DAYS, make_link
from vigilar.web.times import TimeRange, parse_moment
from vigilar.web.visible import visible_cameras

bp = Blueprint("exports", __name__)


@bp.get("/exports")
@needs(Right.EXPORT)
def page() -> str:
    return _page(None)


@bp.post("/exports")
@needs(Right.EXPORT)
def make() -> AnyResponse:
    """From the form of the page, or the button of an event."""
    try:
        row = _from_form()
    except Problem as problem:
        if problem.status not in (404, 422):
            raise
        return Response(_page(problem), problem.status, mimetype="text/html")
    return _see(row)


@bp.get("/exports/<int:export_id>")
@needs(Right.EXPORT)
def one(export_id: int) -> str:
    return _one(get_job(export_id, EXPORT))


@bp.post("/exports/<int:export_id>/cancel")
@needs(Right.EXPORT)
def cancel_one(export_id: int) -> AnyResponse:
    return _see(cancel(get_job(export_id, EXPORT)))


@bp.post("/exports/<int:export_id>/again")
@needs(Right.EXPORT)
def again(export_id: int) -> AnyResponse:
    return _see(add_export(ExportParams.of(get_job(export_id, EXPORT))))


@bp.post("/exports/<int:export_id>/delete")
@needs(Right.EXPORT)
def delete_one(export_id: int) -> AnyResponse:
    delete_export(get_job(export_id, EXPORT))
    return redirect(url_for("exports.page"), 303)


@bp.post("/exports/<int:export_id>/share")
@needs(Right.EXPORT)
def share(export_id: int) -> AnyResponse:
    """The page with the new link on it, which is shown this once: only its hash is kept."""
    row = get_job(export_id, EXPORT)
    path, _ = make_link(row, _days(request.form.get("days", "")))
    return Response(_one(row, new_link=request.host_url.rstrip("/") + path), mimetype="text/html")


@bp.post("/exports/<int:export_id>/revoke")
@needs(Right.EXPORT)
def revoke(export_id: int) -> AnyResponse:
    row = get_job(export_id, EXPORT)
    _revoke(row, request.form.get("share", ""))
    return _see(row)


@bp.get("/exports/<int:export_id>/files/<int:number>")
@needs(Right.EXPORT)
def file(export_id: int, number: int) -> AnyResponse:
    return file_response(get_file(get_job(export_id, EXPORT), number), is_shown="play" in request.args)


@bp.get("/api/v1/exports")
@needs(Right.EXPORT)
def api_list() -> AnyResponse:
    return jsonify({"exports": [export_json(row) for row in list_visible(visible_cameras(asker()), EXPORT)]})


@bp.post("/api/v1/exports")
@needs(Right.EXPORT)
def api_make() -> AnyResponse:
    body = read_json({"camera": str, "from": MOMENT, "to": MOMENT, "proof": bool, "event": str})
    proof = bool(body.get("proof", False))
    if "event" in body:
        row = _of_event(body["event"], proof=proof)
    else:
        for key in ("camera", "from", "to"):
            if key not in body:
                raise Problem(422, "body.missing", f"{key} is missing.", field=key)
        wanted = TimeRange(parse_moment(str(body["from"]), "from"), parse_moment(str(body["to"]), "to"))
        row = ask_export(body["camera"], _in_order(wanted), proof=proof)
    response = jsonify({"id": str(row.id), "job": str(row.id)})
    response.status_code = 202
    response.headers["Location"] = f"/api/v1/exports/{row.id}"
    return response


@bp.get("/api/v1/exports/<int:export_id>")
@needs(Right.EXPORT)
def api_one(export_id: int) -> AnyResponse:
    return jsonify(export_json(get_job(export_id, EXPORT)))


@bp.delete("/api/v1/exports/<int:export_id>")
@needs(Right.EXPORT)
def api_delete(export_id: int) -> AnyResponse:
    delete_export(get_job(export_id, EXPORT))
    return Response(status=204)


@bp.get("/api/v1/exports/<int:export_id>/shares")
@needs(Right.EXPORT)
def api_shares(export_id: int) -> AnyResponse:
    row = get_job(export_id, EXPORT)
    now_ms = parts().now_ms()
    return jsonify({"shares": [share_json(one, now_ms) for one in share_rows.list_shares(parts().store, row.id)]})


@bp.post("/api/v1/exports/<int:export_id>/shares")
@needs(Right.EXPORT)
def api_share(export_id: int) -> AnyResponse:
    body = read_json({"days": int}, required=("days",))
    path, expires_ms = make_link(get_job(export_id, EXPORT), body["days"])
    response = jsonify({"url": request.host_url.rstrip("/") + path, "expires_ts": expires_ms})
    response.status_code = 201
    return response


@bp.delete("/api/v1/exports/<int:export_id>/shares/<share_id>")
@needs(Right.EXPORT)
def api_revoke(export_id: int, share_id: str) -> AnyResponse:
    _revoke(get_job(export_id, EXPORT), share_id)
    return Response(status=204)


@bp.get("/api/v1/jobs")
@needs(Right.EXPORT)
def api_jobs() -> AnyResponse:
    return jsonify({"jobs": [job_json(row) for row in list_visible(visible_cameras(asker()))]})


@bp.get("/api/v1/jobs/<int:job_id>")
@needs(Right.EXPORT)
def api_job(job_id: int) -> AnyResponse:
    return jsonify(job_json(get_job(job_id)))


@bp.post("/api/v1/jobs/<int:job_id>/cancel")
@needs(Right.EXPORT)
def api_cancel(job_id: int) -> AnyResponse:
    return jsonify(job_json(cancel(get_job(job_id))))


def _page(problem: Problem | None) -> str:
    here, visible = parts(), visible_cameras(asker())
    now_ms = here.now_ms()
    form = request.form if problem is not None else request.args
    filled = {
        "camera": form.get("camera", ""),
        "from": _filled(form, "from", now_ms - 5 * 60_000),
        "to": _filled(form, "to", now_ms),
        "proof": "proof" in form,
    }
    rows = list_visible(visible, EXPORT)
    return render_template(
        "exports.html",
        problem=problem,
        filled=filled,
        cameras=visible.all(),
        exports=[_card(row) for row in rows],
        sentence=_sentence(rows),
    )


def _one(row: JobRow, new_link: str = "") -> str:
    here = parts()
    now_ms = here.now_ms()
    shares = share_rows.list_shares(here.store, row.id)
    return render_template(
        "export.html",
        export=_card(row),
        params=ExportParams.of(row),
        ends_ms=ends_ms(row),
        is_whole=is_whole(row),
        new_link=new_link,
        days=DAYS,
        shares=[
            {
                "id": one.token_hash.hex(),
                "is_open": one.is_open(now_ms),
                "row": one,
                "uses": share_rows.list_uses(here.store, one.token_hash),
            }
            for one in shares
        ],
    )


def _card(row: JobRow) -> dict[str, object]:
    facts = export_json(row)
    return {**facts, "word": word_of(row), "title": title_of(row)}


def _sentence(rows: list[JobRow]) -> str:
    running = [row for row in rows if row.state in ("waiting", "running")]
    if not running:
        return "Nothing is being made."
    if any(map(waits_for_mains, running)):
        return (
            f"The house runs on its battery: {'one waits' if len(running) == 1 else f'{len(running)} wait'} for mains."
        )
    left = max((row.seconds_left or 0 for row in running), default=0)
    return f"{len(running)} being made{f', {left} s left' if left else ''}."


def _from_form() -> JobRow:
    form = request.form
    proof = "proof" in form
    if form.get("event"):
        return _of_event(form["event"], proof=proof)
    wanted = TimeRange(_moment(form, "from"), _moment(form, "to"))
    return ask_export(form.get("camera", ""), _in_order(wanted), proof=proof)


def _moment(form: Mapping[str, str], field: str) -> int:
    return parse_house_time(form.get(field, ""), parts().zone, field, form.get(f"{field}_zone", ""))


def _filled(form: Mapping[str, str], field: str, default_ms: int) -> FormTime:
    return fill_time(form.get(field, ""), form.get(f"{field}_zone", ""), parts().zone, field, default_ms)


def _of_event(text: str, *, proof: bool) -> JobRow:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Problem(404, "event.unknown", "There is no such event.")
    camera_id, wanted = event_range(int(text))
    return ask_export(camera_id, wanted, proof=proof, event_id=int(text))


def _in_order(wanted: TimeRange) -> TimeRange:
    if wanted.to_ms <= wanted.from_ms:
        raise Problem(422, "time.range", "The end lies before the start.", field="to")
    return wanted


def _days(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _revoke(row: JobRow, share_id: str) -> None:
    here = parts()
    try:
        token_hash = bytes.fromhex(share_id)
    except ValueError:
        token_hash = b""
    if not share_rows.revoke_share(here.store, row.id, token_hash, here.now_ms()):
        raise Problem(404, "share.unknown", "There is no such link.")


def _see(row: JobRow) -> AnyResponse:
    return redirect(url_for("exports.one", export_id=row.id), 303)
