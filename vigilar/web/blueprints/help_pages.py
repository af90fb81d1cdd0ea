"""The guides, served by the box: they need no internet, and are those of the version that runs."""

from __future__ import annotations

import re

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup
from werkzeug import Response as AnyResponse

from vigilar import __version__
from vigilar.web.guides import DOCS, GUIDES, find_guide, read_guide, search_guides
from vigilar.web.problems import Problem
from vigilar.web.rights import signed_in

bp = Blueprint("guides", __name__)

MAX_WORDS = 100
_PICTURE = re.compile(r"[a-z0-9-]{1,60}\.(png|jpg)", re.ASCII)


@bp.get("/help")
@signed_in
def help_page() -> str:
    words = request.args.get("q", "")[:MAX_WORDS].strip()
    return render_template(
        "help_index.html", guides=GUIDES, words=words, hits=search_guides(words), version=__version__
    )


@bp.get("/help/<slug>")
@signed_in
def guide_page(slug: str) -> str:
    file = find_guide(slug)
    if file is None:
        raise Problem(404, "help.unknown", "There is no such guide.", next_step="All of them are under Help.")
    guide = read_guide(file)
    return render_template("help.html", guide=guide, html=Markup(guide.html), version=__version__)  # noqa: S704 -- ours


@bp.get("/help/pictures/<name>")
@signed_in
def picture(name: str) -> AnyResponse:
    path = DOCS / "pictures" / name
    if not _PICTURE.fullmatch(name) or not path.is_file():
        raise Problem(404, "help.unknown", "There is no such picture.")
    kind = "image/png" if name.endswith(".png") else "image/jpeg"
    return Response(path.read_bytes(), mimetype=kind, headers={"Cache-Control": "private, max-age=86400"})
