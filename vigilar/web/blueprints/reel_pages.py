"""The pages of reels and time-lapses: the list, the form, and one that is shown. All of it works without script."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug import Response as AnyResponse

from vigilar.store.reels import LENGTHS_S, ReelParams, TimelapseParams, keep_reel
from vigilar.web.auth import asker
from vigilar.web.event_words import event_title
from vigilar.web.exports import camera_name, cancel
from vigilar.web.parts import Parts, parts
from vigilar.web.problems import Problem
from vigilar.web.reel_form import FIELDS, ReelForm, fill_form, read_form
from vigilar.web.reel_settings import daily_line
from vigilar.web.reel_words import ReelWords, sort_for_list
from vigilar.web.reels import ask, ask_again, delete, find_reel, get_reel, list_reels, preview
from vigilar.web.rights import Right, needs
from vigilar.web.times import length_text
from vigilar.web.visible import visible_cameras

bp = Blueprint("reel_pages", __name__)

LIST = "/reels"


@bp.get(LIST)
@needs(Right.SEE_FOOTAGE)
def page() -> str:
    here, words = parts(), _words()
    reels = list_reels(here, asker())
    released = request.args.get("released", "")
    return render_template(
        "reels.html",
        reels=[words.card(one) for one in sort_for_list(reels)],
        sentence=words.sentence(reels),
        released=next((one for one in reels if one["id"] == released and not one["is_kept"]), None),
        daily=daily_line(here),
        back=LIST,
    )


@bp.get("/reels/new")
@needs(Right.EXPORT)
def new() -> str:
    return _form(None)


@bp.post("/reels/new")
@needs(Right.EXPORT)
def make() -> AnyResponse:
    here = parts()
    try:
        row = ask(read_form(here, fill_form(here, request.form), request.form))
    except Problem as problem:
        if problem.status not in (404, 422):
            raise
        return Response(_form(problem), problem.status, mimetype="text/html")
    return _see(row.id)


@bp.get("/reels/<int:reel_id>")
@needs(Right.SEE_FOOTAGE)
def one(reel_id: int) -> str:
    words, reel = _words(), find_reel(parts(), reel_id)
    return render_template(
        "reel.html",
        reel=words.card(reel),
        sentence=words.headline(reel) if reel["video"] else words.span(reel["from"], reel["to"]),
        parts=words.parts(reel),
        missing=words.missing(reel),
    )


@bp.post("/reels/<int:reel_id>/cancel")
@needs(Right.EXPORT)
def cancel_one(reel_id: int) -> AnyResponse:
    return _see(cancel(get_reel(reel_id)).id)


@bp.post("/reels/<int:reel_id>/again")
@needs(Right.EXPORT)
def again(reel_id: int) -> AnyResponse:
    return _see(ask_again(get_reel(reel_id)).id)


@bp.post("/reels/<int:reel_id>/keep")
@needs(Right.EXPORT)
def keep(reel_id: int) -> AnyResponse:
    """Let it stay, or no longer; the list that follows offers to take the latter back."""
    row, is_kept = get_reel(reel_id), request.form.get("kept") == "1"
    keep_reel(parts().store, row.id, is_kept=is_kept)
    if request.form.get("back") != LIST:
        return _see(row.id)
    return redirect(LIST if is_kept else f"{LIST}?released={row.id}", 303)


@bp.post("/reels/<int:reel_id>/delete")
@needs(Right.EXPORT)
def delete_one(reel_id: int) -> AnyResponse:
    delete(get_reel(reel_id))
    return redirect(LIST, 303)


def _form(problem: Problem | None) -> str:
    """The form with its preview, and with what is wrong at its field once it was sent."""
    here, sent = parts(), request.args if problem is None else request.form
    form = fill_form(here, sent)
    shown, trouble = _preview(here, form, problem)
    return render_template(
        "reel_new.html",
        problem=problem,
        fields=FIELDS,
        form=form,
        range=form.range,
        preview=shown,
        trouble=trouble,
        dropped=_dropped(form),
        cameras=visible_cameras(asker()).all(),
        least_s=LENGTHS_S[0],
        most_s=LENGTHS_S[1],
        daily=daily_line(here),
    )


def _preview(here: Parts, form: ReelForm, problem: Problem | None) -> tuple[dict[str, Any] | None, Problem | None]:
    """What it would show; or why that cannot be said. Not for who was just told at a field."""
    try:
        params = read_form(here, form, request.args if problem is None else request.form)
    except Problem as found:
        return None, found
    if isinstance(params, ReelParams):
        shown = preview(params)
        return {**shown, "moments": [_words().moment(one) for one in shown["moments"]]}, None
    return {"sentence": _lapse_sentence(params), "moments": (), "takes_s": None}, None


def _lapse_sentence(params: TimelapseParams) -> str:
    """The box works out how fast: ``24 h in 1 min: 1440 times as fast.``"""
    long_ms = params.to_ms - params.from_ms
    lasts = "1 min" if params.length_s == 60 else length_text(params.length_s * 1000)
    speed = max(1, round(long_ms / (params.length_s * 1000)))
    how = "about" if params.smart else "all the way"
    return f"{length_text(long_ms)} in {lasts}: {how} {speed} times as fast."


def _dropped(form: ReelForm) -> list[dict[str, Any]]:
    """The moments that are left out by hand, as far as there are such events."""
    visible, words = visible_cameras(asker()), _words()
    events = [event for one in form.without if len(one) < 19 and (event := visible.find_event(int(one))) is not None]
    return [
        words.moment({"event_id": event.id, "ts": event.ts_ms, "camera": event.source_id, "title": event_title(event)})
        for event in events
    ]


def _words() -> ReelWords:
    here = parts()
    return ReelWords(here.zone, here.now_ms(), camera_name)


def _see(reel_id: int) -> AnyResponse:
    return redirect(url_for("reel_pages.one", reel_id=reel_id), 303)
