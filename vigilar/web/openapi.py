"""The API described for programs (OpenAPI 3.1). Small and true: a test holds it against the routes of the app."""

from __future__ import annotations

from typing import Any

_JSON = "application/json"


def openapi_document() -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vigilar", "version": "1", "license": {"name": "GPL-3.0-only"}},
        "components": {
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "vigilar_session"}},
            "schemas": {"Problem": _object(type="string", title="string", detail="string", field="string")},
        },
        "security": [{"session": []}],
        "paths": _paths(),
    }


def _paths() -> dict[str, Any]:
    login = _body("name", "password")
    camera = _body("name", "address", "small", "user", "password", "record")
    when = [_query("from", required=True), _query("to", required=True)]
    media = "video/mp4"
    return {
        "/healthz": {"get": {**_answer("Serving", "text/plain"), "security": []}},
        "/api/v1/setup": {"post": {**_answer("Owner made, signed in", status="201"), **login, "security": []}},
        "/api/v1/login": {"post": {**_answer("Signed in"), **login, "security": []}},
        "/api/v1/logout": {"post": _answer("Signed out", None, status="204")},
        "/api/v1/me": {"get": _answer("Who is signed in, in which role, and what this member may do")},
        "/api/v1/cameras": {
            "get": _answer("All cameras"),
            "post": {**_answer("Camera added", status="201"), **camera},
        },
        "/api/v1/cameras/{camera_id}": {
            "parameters": [_path("camera_id")],
            "get": _answer("One camera"),
            "patch": {**_answer("Changed"), **_body("name", "record", enabled="boolean")},
            "delete": _answer("Removed; its recordings stay", None, status="204"),
        },
        "/api/v1/cameras/{camera_id}/retry": {"post": _answer("Told to try now", None, status="204")},
        "/api/v1/cameras/{camera_id}/zones": {
            "parameters": [_path("camera_id")],
            "get": _answer("Zones and lines of a camera"),
            "put": {**_answer("Zones and lines as they are now"), **_body(zones="array", lines="array")},
        },
        "/api/v1/cameras/{camera_id}/zones/preview": {
            "parameters": [_path("camera_id")],
            "post": {
                **_answer("How many events of the last days these zones would have left"),
                **_body(zones="array", lines="array"),
            },
        },
        "/api/v1/cameras/test": {
            "post": {
                **_answer("What the camera answered, stage by stage"),
                **_body("address", "user", "password"),
            }
        },
        "/api/v1/events": {
            "get": {
                **_answer("A page of events, newest first, and the cursor of the next"),
                "parameters": [
                    _query(name)
                    for name in ("camera", "kind", "type", "severity", "from", "to", "q", "cursor", "limit")
                ],
            }
        },
        "/api/v1/events/{event_id}": {
            "parameters": [_path("event_id")],
            "get": _answer("One event"),
            "patch": {**_answer("The event"), **_body(kept="boolean", seen="boolean")},
        },
        "/api/v1/events/{event_id}/tracks": {
            "parameters": [_path("event_id")],
            "get": _answer("What was seen in it: kinds, scores and boxes over time"),
        },
        "/api/v1/cameras/{camera_id}/tracks": {
            "parameters": [_path("camera_id")],
            "get": {**_answer("What a camera saw in a range, the newest first"), "parameters": when},
        },
        "/api/v1/cameras/{camera_id}/heat": {
            "parameters": [_path("camera_id")],
            "get": {
                **_answer("Where things happened, by place and hour"),
                "parameters": [_query(name) for name in ("days", "kind", "hour")],
            },
        },
        "/api/v1/storage": {"get": _answer("What recordings take, how long they last, what was deleted and why")},
        "/api/v1/storage/word": {"post": _answer("What waits for a person's word may be deleted", None, status="202")},
        "/api/v1/exports": {
            "get": _answer("The newest exports"),
            "post": {
                **_answer("Being made: the number of the export and of its job", status="202"),
                **_body("camera", "from", "to", "event", proof="boolean"),
            },
        },
        "/api/v1/exports/{export_id}": {
            "parameters": [_path("export_id")],
            "get": _answer("One export, its state and its files"),
            "delete": _answer("Forgotten, its links too", None, status="204"),
        },
        "/api/v1/exports/{export_id}/shares": {
            "parameters": [_path("export_id")],
            "get": _answer("Its links and their uses"),
            "post": {**_answer("A link, shown this once", status="201"), **_body(days="integer")},
        },
        "/api/v1/exports/{export_id}/shares/{share_id}": {
            "parameters": [_path("export_id"), _path("share_id")],
            "delete": _answer("Taken back", None, status="204"),
        },
        "/api/v1/jobs": {"get": _answer("Long work, newest first")},
        "/api/v1/jobs/{job_id}": {"parameters": [_path("job_id")], "get": _answer("One piece of long work")},
        "/api/v1/jobs/{job_id}/cancel": {"parameters": [_path("job_id")], "post": _answer("Is to stop")},
        "/exports/{export_id}/files/{number}": {
            "parameters": [_path("export_id"), _path("number")],
            "get": _answer("A file of an export, with Range", media),
        },
        "/api/v1/system": {"get": _answer("Health of cameras, programs and disk")},
        "/api/v1/openapi.json": {"get": _answer("This document")},
        "/events/stream": {
            "get": _answer("Server-sent events: connected, event, health, objects, refresh", "text/event-stream")
        },
        "/events/{event_id}/clip.mp4": {"parameters": [_path("event_id")], "get": _answer("Clip, with Range", media)},
        "/events/{event_id}/index.m3u8": {"parameters": [_path("event_id")], "get": _answer("Clip as HLS", _HLS)},
        "/events/{event_id}/still.jpg": {"parameters": [_path("event_id")], "get": _answer("Picture", "image/jpeg")},
        "/footage/{camera_id}/index.m3u8": {
            "parameters": [_path("camera_id")],
            "get": {**_answer("Recording as HLS", _HLS), "parameters": when},
        },
        "/footage/{camera_id}/clip.mp4": {
            "parameters": [_path("camera_id")],
            "get": {**_answer("Recording as MP4, with Range", media), "parameters": when},
        },
        "/footage/{camera_id}/timeline": {
            "parameters": [_path("camera_id")],
            "get": {**_answer("Spans and gaps"), "parameters": when},
        },
        "/live/{camera_id}/index.m3u8": {"parameters": [_path("camera_id")], "get": _answer("Live as HLS", _HLS)},
        "/live/{camera_id}/mjpeg": {
            "parameters": [_path("camera_id")],
            "get": _answer("Live as JPEG pictures, X-Timestamp in UTC ms each", "multipart/x-mixed-replace"),
        },
        "/live/contact-sheet.jpg": {
            "get": _answer("The newest pictures of all cameras in one; X-Sheet says where each lies", "image/jpeg")
        },
        "/cameras/{camera_id}/snapshot.jpg": {
            "parameters": [_path("camera_id")],
            "get": _answer("The newest picture", "image/jpeg"),
        },
    }


_EVENT_QUERY = ("camera", "kind", "type", "severity", "from", "to", "q", "cursor", "limit")

_HLS = "application/vnd.apple.mpegurl"


def _object(**types: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": kind} for name, kind in types.items()}}


def _body(*texts: str, **types: str) -> dict[str, Any]:
    schema = _object(**dict.fromkeys(texts, "string"), **types)
    return {"requestBody": {"content": {_JSON: {"schema": schema}}}}


def _answer(words: str, mimetype: str | None = _JSON, status: str = "200") -> dict[str, Any]:
    content: dict[str, Any] = {} if mimetype is None else {"content": {mimetype: {}}}
    problem = {"description": "Refused", "content": {"application/problem+json": {}}}
    return {"summary": words, "responses": {status: {"description": words, **content}, "default": problem}}


def _query(name: str, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": {"type": "string"}}


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
