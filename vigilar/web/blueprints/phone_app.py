"""The house as an app on a phone: manifest, service worker, the page that is shown when the house does not answer, and
the places its icon leads to.

Manifest, worker and that page are public: browsers ask for them without a login, and there is nothing in them but the
name of the house and its time zone, which the page to sign in shows too.
"""

from __future__ import annotations

import hashlib
import json

from flask import Blueprint, Response, g, jsonify, redirect, render_template, url_for
from werkzeug import Response as AnyResponse

from vigilar.store import events as event_rows
from vigilar.store.events import EventFilter, StoredEvent
from vigilar.web.auth import asker
from vigilar.web.parts import parts
from vigilar.web.rights import Right, needs, public
from vigilar.web.static_files import asset_address, load_files, static_version
from vigilar.web.visible import visible_cameras

bp = Blueprint("phone_app", __name__)

GROUND = "#0e1317"
"""The colour of a page before anything is on it, as in ``vigilar.css``: no white flash when the app opens."""

SHORT_NAME_CHARACTERS = 12
"""What launchers show below an icon (W3C manifest leaves it to them; more is cut off with dots)."""

WORKER_PARTS = ("worker/notes.js", "worker/pages.js", "worker/pushes.js")
OFFLINE_PARTS = ("vendor/bootstrap.min.css", "css/vigilar.css", "vendor/icons.svg", "icon.svg", "js/offline.js")
NOTICE_ICONS = ("icons/icon-192.png", "icons/badge-96.png")

LOOK_BACK = 50
"""Events among which the last one that somebody caused is looked for."""


@bp.get("/manifest.webmanifest")
@public
def manifest() -> AnyResponse:
    """W3C Web Application Manifest. ``id`` stays for ever: a phone knows the app by it, whatever else changes."""
    name = parts().cfg.house_name
    response = jsonify(
        {
            "id": "/",
            "name": name,
            "short_name": name if len(name) <= SHORT_NAME_CHARACTERS else "Vigilar",
            "description": "What happens at home: live pictures, events, alarm.",
            "lang": "en",
            "dir": "ltr",
            "start_url": "/?start",
            "scope": "/",
            "display": "standalone",
            "background_color": GROUND,
            "theme_color": GROUND,
            "categories": ["security", "utilities"],
            "icons": [
                _icon("icons/icon-192.png", 192, "any"),
                _icon("icons/icon-512.png", 512, "any"),
                _icon("icons/maskable-512.png", 512, "maskable"),
            ],
            "shortcuts": [
                {"name": "Live", "url": "/live", "icons": [_icon("icons/icon-192.png", 192, "any")]},
                {"name": "Arm", "url": "/arm", "icons": [_icon("icons/icon-192.png", 192, "any")]},
                {"name": "Last event", "url": "/events/last", "icons": [_icon("icons/icon-192.png", 192, "any")]},
            ],
        }
    )
    response.mimetype = "application/manifest+json"
    response.headers["Cache-Control"] = "no-cache"
    return response


@bp.get("/sw.js")
@public
def worker() -> AnyResponse:
    """The service worker of all pages: it is here so that its scope is the whole house. Its text changes with all that
    it keeps, by which browsers see that there is a new one."""
    files = load_files()
    kept = hashlib.sha256(static_version().encode() + _offline_page().encode()).hexdigest()[:12]
    facts = {
        "version": kept,
        "assets": asset_address(""),
        "house": parts().cfg.house_name,
        "offline": url_for("phone_app.offline"),
        "shell": [asset_address(name) for name in (*OFFLINE_PARTS, *NOTICE_ICONS)],
        "icon": asset_address(NOTICE_ICONS[0]),
        "mark": asset_address(NOTICE_ICONS[1]),
    }
    text = f"self.VIGILAR = {json.dumps(facts)};\n" + "".join(files[one].data.decode() for one in WORKER_PARTS)
    return Response(text, mimetype="text/javascript", headers={"Cache-Control": "no-cache"})


@bp.get("/offline")
@public
def offline() -> AnyResponse:
    """What the worker keeps and shows while the house does not answer; the same for everybody, signed in or not."""
    return Response(_offline_page(), mimetype="text/html", headers={"Cache-Control": "public, no-cache"})


@bp.get("/events/last")
@needs(Right.SEE_EVENTS)
def last_event() -> AnyResponse:
    """To the newest event that somebody caused; without one to the list."""
    visible = visible_cameras(asker())
    rows, _ = event_rows.list_events(parts().store, visible.limit(EventFilter(limit=LOOK_BACK)))
    found = next((row for row in rows if _has_cause(row)), None)
    return redirect(f"/events/{found.id}" if found is not None else "/events", 303)


def _has_cause(event: StoredEvent) -> bool:
    return bool(event.kind) or event.type in ("motion", "alarm", "entry")


def _offline_page() -> str:
    """Made without the member who may be asking: what it says is kept."""
    member = g.pop("member", None)
    try:
        return render_template("offline.html")
    finally:
        if member is not None:
            g.member = member


def _icon(name: str, side: int, purpose: str) -> dict[str, str]:
    return {"src": asset_address(name), "sizes": f"{side}x{side}", "type": "image/png", "purpose": purpose}
