"""The grid, the single view, and the live pictures behind them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug import Response as AnyResponse

from vigilar.base.errors import StoreError
from vigilar.base.tally import Tally
from vigilar.config.jobs import CameraInfo
from vigilar.live.wire import Jpeg
from vigilar.store.events import EventFilter, list_events
from vigilar.store.files import find_file_before
from vigilar.web.auth import asker, end_with_login
from vigilar.web.event_words import EventCard, make_card
from vigilar.web.house import read_cameras
from vigilar.web.jpeg_source import MjpegView
from vigilar.web.parts import Parts, parts
from vigilar.web.past import read_past
from vigilar.web.patience import DoesNotAnswerError
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, any_screen, needs
from vigilar.web.serving import PLAYLIST, media_response
from vigilar.web.status_words import live_sentence
from vigilar.web.visible import VisibleCameras, visible_cameras

logger = logging.getLogger(__name__)

bp = Blueprint("live", __name__)

WIDTHS = (320, 640, 1280, 1920)
"""Widths of stills that are made; others are rounded up, so that few are kept in memory."""

BOUNDARY = "vigilar-picture"

VISITS, VISITS_MS = 12, 24 * 3600 * 1000
"""So many of the last motions stand above the grid, none older than a day."""

_unread = Tally(logger, "the last visits could not be read", every_s=60.0)


@bp.get("/")
@any_screen
def start() -> AnyResponse:
    return redirect(url_for("live.grid"))


@bp.get("/live")
@needs(Right.SEE_LIVE)
def grid() -> str:
    visible = visible_cameras(asker())
    cameras = read_cameras(parts(), visible)
    return render_template(
        "live.html", cameras=cameras, sentence=live_sentence(cameras), visits=_last_visits(parts(), visible)
    )


def _last_visits(here: Parts, visible: VisibleCameras) -> list[EventCard] | None:
    """What moved last, newest first; None for who may not see events, or while no row can be read: the pictures need
    none."""
    if not visible.member.may(Right.SEE_EVENTS):
        return None
    now_ms = here.now_ms()
    wanted = EventFilter(type="motion", from_ms=now_ms - VISITS_MS, limit=VISITS)
    try:
        found, _ = here.rows.ask(lambda: list_events(here.store, visible.limit(wanted)))
    except (StoreError, DoesNotAnswerError) as error:
        _unread.add(error)
        return []
    return [make_card(one, here.zone, visible.ids()) for one in found]


@bp.get("/watch/<camera_id>")
@needs(Right.SEE_LIVE)
def watch(camera_id: str) -> str:
    _get(camera_id)
    line = next(line for line in read_cameras(parts(), visible_cameras(asker())) if line.id == camera_id)
    past = read_past(parts(), camera_id, request.args) if asker().may(Right.SEE_FOOTAGE) else None
    others = [one for one in visible_cameras(asker()).all() if one.id != camera_id]
    return render_template("watch.html", camera=line, details=_details(line.health), past=past, others=others)


@bp.post("/api/v1/cameras/<camera_id>/retry")
@needs(Right.SEE_SYSTEM)
def retry(camera_id: str) -> AnyResponse:
    """Try now to reach a camera that is down. Not for everybody: with a wrong login each try brings a camera nearer to
    locking it."""
    if not parts().ask_retry(_get(camera_id).id):
        raise Problem(503, "camera.not_told", "The camera's program cannot be told right now; it tries by itself.")
    return Response(status=204)


@bp.get("/live/contact-sheet.jpg")
@needs(Right.SEE_LIVE)
def contact_sheet() -> AnyResponse:
    """``X-Sheet`` says which tile is whose and when it was taken; ``X-Sent``: now."""
    here = parts()
    sheet = here.live.contact_sheet(camera.id for camera in visible_cameras(asker()).all() if camera.enabled)
    layout = {
        "columns": sheet.columns,
        "tile": [sheet.tile_width, sheet.tile_height],
        "picture": [sheet.tile_width, sheet.tile_width * 9 // 16],
        "cameras": list(sheet.taken_ms.items()),
    }
    headers = {"X-Sheet": json.dumps(layout, separators=(",", ":")), "X-Sent": str(here.now_ms())}
    return Response(sheet.data, mimetype="image/jpeg", headers=headers)


@bp.get("/cameras/<camera_id>/snapshot.jpg")
@needs(Right.SEE_LIVE)
def snapshot(camera_id: str) -> AnyResponse:
    picture = parts().live.still(_get(camera_id).id, _width())
    return Response(picture.data, mimetype="image/jpeg", headers=_stamps(parts(), picture))


@bp.get("/cameras/<camera_id>/last.jpg")
@needs(Right.SEE_EVENTS)
def last_still(camera_id: str) -> AnyResponse:
    """The newest picture that was stored of this camera's events, for a tile that would be empty without."""
    here = parts()
    row = find_file_before(here.store, _get(camera_id).id, "still", here.now_ms())
    found = here.footage.read_still(row.id, row.camera_id) if row is not None else None
    if row is None or found is None:
        raise Problem(404, "still.none", "There is no stored picture of this camera.")
    stamps = {"X-Timestamp": str(row.start_ms), "X-Sent": str(here.now_ms())}
    return Response(found[1], mimetype="image/jpeg", headers=stamps)


@bp.get("/live/<camera_id>/index.m3u8", defaults={"stream": "sub"})
@bp.get("/live/<camera_id>/narrow/index.m3u8", defaults={"stream": "narrow"})
@needs(Right.SEE_LIVE)
def playlist(camera_id: str, stream: str) -> AnyResponse:
    return Response(parts().live.playlist(_get(camera_id).id, stream), mimetype=PLAYLIST)


@bp.get("/live/<camera_id>/init-<int:run>.mp4", defaults={"stream": "sub"})
@bp.get("/live/<camera_id>/narrow/init-<int:run>.mp4", defaults={"stream": "narrow"})
@needs(Right.SEE_LIVE)
def init_segment(camera_id: str, run: int, stream: str) -> AnyResponse:
    return _media(parts().live.init(_get(camera_id).id, run, stream))


@bp.get("/live/<camera_id>/segment-<int:number>.m4s", defaults={"stream": "sub"})
@bp.get("/live/<camera_id>/narrow/segment-<int:number>.m4s", defaults={"stream": "narrow"})
@needs(Right.SEE_LIVE)
def segment(camera_id: str, number: int, stream: str) -> AnyResponse:
    return _media(parts().live.segment(_get(camera_id).id, number, stream))


@bp.get("/live/<camera_id>/mjpeg")
@needs(Right.SEE_LIVE)
def mjpeg(camera_id: str) -> AnyResponse:
    here = parts()
    view = here.live.mjpeg(_get(camera_id).id)
    stream = end_with_login(lambda member: member.may(Right.SEE_LIVE) and member.sees(camera_id), view.close)
    response = Response(_parts_of(here, view), mimetype=f"multipart/x-mixed-replace; boundary={BOUNDARY}")
    response.call_on_close(view.close)
    response.call_on_close(lambda: here.streams.remove(stream))
    return response


def _parts_of(here: Parts, view: MjpegView) -> Iterator[bytes]:
    """``X-Timestamp`` is when the picture was taken, ``X-Sent`` the same clock now: their difference is our delay."""
    for picture in view:
        stamps = "".join(f"{name}: {value}\r\n" for name, value in _stamps(here, picture).items())
        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture.data)}\r\n{stamps}\r\n"
        yield head.encode() + picture.data + b"\r\n"


def _stamps(here: Parts, picture: Jpeg) -> dict[str, str]:
    """UTC milliseconds."""
    return {"X-Timestamp": str(picture.utc_ns // 1_000_000), "X-Sent": str(here.now_ms())}


def _get(camera_id: str) -> CameraInfo:
    return visible_cameras(asker()).get(camera_id)


def _width() -> int:
    text = request.args.get("width", "1280")
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 16 <= int(text) <= WIDTHS[-1]):
        raise Problem(422, "query.width", f"width is 16 to {WIDTHS[-1]}.", field="width")
    return next(width for width in WIDTHS if width >= int(text))


def _media(data: bytes | None) -> AnyResponse:
    if data is None:
        raise Problem(404, "live.gone", "This piece is not in memory any more.")
    return media_response(data)


def _details(health: dict[str, object]) -> list[tuple[str, str]]:
    """What the camera sends, for people who want to know."""
    found = []
    if health.get("width"):
        size = f"{health['width']}\N{MULTIPLICATION SIGN}{health['height']}"
        found.append(("Picture", f"{size}, {health['fps']:.0f} a second" if health.get("fps") else size))
    if health.get("kbps"):
        found.append(("Data rate", f"{float(str(health['kbps'])) / 1000:.1f} Mbit/s"))
    if health.get("codec"):
        found.append(("Format", _format(str(health["codec"]), str(health.get("source_codec") or ""))))
    if health.get("width"):
        found.append(("Sound", "yes" if health.get("audio_codec") else str(health.get("sound_note") or "none")))
        found.append(("Recording", "yes" if health.get("is_recording") else "no"))
    return found


_FORMATS = {"h264": "H.264", "hevc": "H.265", "mjpeg": "MJPEG"}


def _format(codec: str, source: str) -> str:
    name = _FORMATS.get(codec, codec)
    return f"{_FORMATS.get(source, source)}, converted to {name} here" if source else name
