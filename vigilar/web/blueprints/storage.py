"""What recordings take, how long they last, what went and why; and the word that lets more than half of them go."""

from __future__ import annotations

from itertools import groupby

from flask import Blueprint, Response, jsonify, render_template
from werkzeug import Response as AnyResponse

from vigilar.store.holdings import give_word
from vigilar.upkeep.keeper import WHY_WORDS, held_back_sentence
from vigilar.upkeep.overview import Overview, overview_json, read_overview
from vigilar.web.auth import asker
from vigilar.web.parts import Parts, parts
from vigilar.web.problems import Problem
from vigilar.web.proving import DESTROYS, check_proven
from vigilar.web.rights import Right, needs
from vigilar.web.times import day_key, house_time
from vigilar.web.visible import visible_cameras

bp = Blueprint("storage", __name__)


@bp.get("/system/storage")
@needs(Right.SEE_SYSTEM)
def storage_page() -> str:
    here, visible = parts(), visible_cameras(asker())
    found = _read(here)
    trail = [one for one in found.trail if one.camera_id in visible]
    names = {camera.id: camera.name for camera in here.cameras.all()}
    return render_template(
        "storage.html",
        found=found,
        cameras=[one for one in found.cameras if one.id in visible],
        days=[(day, list(gone)) for day, gone in groupby(trail, key=lambda one: day_key(one.last_ms, here.zone))],
        name_of=lambda camera_id: names.get(camera_id, f"{camera_id} (removed)"),
        waiting=[held_back_sentence(one) for one in found.plan.held_back],
        why_words=WHY_WORDS,
    )


@bp.get("/api/v1/storage")
@needs(Right.SEE_SYSTEM)
def api_storage() -> AnyResponse:
    return jsonify(overview_json(_read(parts()), visible_cameras(asker()).__contains__))


@bp.post("/api/v1/storage/word")
@needs(Right.DELETE_FOOTAGE)
def api_give_word() -> AnyResponse:
    """Let go what waits for a person's word; 202, the upkeep process does it within a minute."""
    _give_word()
    return Response(status=202)


@bp.post("/system/storage/word")
@needs(Right.DELETE_FOOTAGE)
def give_word_by_form() -> AnyResponse:
    """The same as the button of the page, without script."""
    _give_word()
    return Response(status=303, headers={"Location": "/system/storage"})


def _give_word() -> None:
    check_proven("/system/storage", DESTROYS)
    here = parts()
    held_back = _read(here).plan.held_back
    if not held_back:
        raise Problem(409, "retention.nothing_waits", "Nothing waits to be deleted.")
    size_bytes = sum(one.size_bytes for one in held_back)
    # What becomes too old or too much until it is done is meant as well.
    here.reserve.help(lambda: give_word(here.store, here.cfg.node_id, size_bytes + size_bytes // 10))


def _read(here: Parts) -> Overview:
    offset = house_time(here.now_ms(), here.zone).utcoffset()
    offset_ms = 0 if offset is None else round(offset.total_seconds() * 1000)
    cfg = here.cfg
    return read_overview(here.store, cfg.data_dir, cfg.node_id, cfg.rules, here.now_ms(), offset_ms)
