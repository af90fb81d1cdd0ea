"""Settings of the reels that are made by themselves. The configuration file is the truth; all of it works without
script."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.config.guard_edit import set_keys
from vigilar.config.guard_models import dump_clock
from vigilar.config.load import load_config
from vigilar.store.reels import LENGTHS_S
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.reel_settings import PATH, SECTIONS, USUAL_MIN, daily_line, reel_keys
from vigilar.web.rights import Right, needs
from vigilar.web.settings_file import edit_settings, page_values, places_of
from vigilar.web.shown_form import forms_of, told_here

bp = Blueprint("daily_reels", __name__)


@bp.get(PATH)
@needs(Right.CHANGE_CAMERAS)
def page() -> str:
    return _page(None, "")


@bp.post(PATH)
@needs(Right.CHANGE_CAMERAS)
def change() -> AnyResponse:
    """One section of the page."""
    form, section = request.form, request.form.get("section", "")
    try:
        if section not in SECTIONS:
            raise Problem(422, "settings.unknown", "There is no such part of the settings.", field="section")
        keys, version = reel_keys(form, section), form.get("version", "")
        edit_settings(parts(), lambda places: set_keys(places, keys, SECTIONS[section], version), PATH, guards=False)
    except Problem as problem:
        return Response(_page(told_here(problem), section), problem.status, mimetype="text/html")
    return Response(status=303, headers={"Location": f"{PATH}?saved=1#top"})


def _page(problem: Problem | None, section: str) -> str:
    """``section``: the form that was refused."""
    here = parts()
    config = load_config(places_of(here))
    sent = section if section in SECTIONS else ""
    values = page_values(here, problem, PATH)
    return render_template(
        "settings_reels.html",
        **{**values, "problem": None if sent else problem},
        form_of=forms_of(problem, sent, request.form),
        reels=config.reels,
        timelapse=config.timelapse,
        cameras=[(camera.id, camera.name) for camera in config.cameras if camera.enabled],
        clock_of=dump_clock,
        usual_min=USUAL_MIN,
        least_s=LENGTHS_S[0],
        most_s=LENGTHS_S[1],
        daily=daily_line(here),
    )
