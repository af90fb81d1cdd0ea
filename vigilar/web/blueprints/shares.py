"""What somebody without an account sees of an export by a link: its files, and nothing else of the house. No cookie."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.playback.export.bundle import verifier_page
from vigilar.store.exports import ExportParams
from vigilar.web.exports import export_json, get_file, title_of
from vigilar.web.rights import public
from vigilar.web.serving import file_response
from vigilar.web.share_links import note_download, open_link

bp = Blueprint("shares", __name__)

VERIFIER_CSP = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; frame-ancestors 'none'"
"""One file, so its script stands in it; it may load and send nothing at all."""


@bp.get("/s/<token>")
@public
def page(token: str) -> AnyResponse:
    row, _, expires_ms = open_link(token)
    body = render_template(
        "share.html",
        export=export_json(row),
        title=title_of(row),
        params=ExportParams.of(row),
        expires_ms=expires_ms,
        token=token,
    )
    return _private(Response(body, mimetype="text/html"))


@bp.get("/s/<token>/<int:number>")
@public
def file(token: str, number: int) -> AnyResponse:
    row, token_hash, _ = open_link(token)
    found = get_file(row, number)
    if request.method == "GET":
        note_download(token_hash)
    return _private(file_response(found, is_shown="play" in request.args))


@bp.get("/verify")
@public
def verify() -> AnyResponse:
    """The page that comes with each export with proof, for who cannot open it from a disk, as on a phone. It asks
    nothing of us and holds nothing of the house."""
    return Response(verifier_page(), mimetype="text/html", headers={"Content-Security-Policy": VERIFIER_CSP})


def _private(response: AnyResponse) -> AnyResponse:
    """The address is the key: no search engine keeps it, and no page that is linked from here learns of it."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
