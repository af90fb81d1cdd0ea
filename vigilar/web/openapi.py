"""The API described for programs (OpenAPI 3.1). Small and true: a test holds it against the routes of the app."""

from __future__ import annotations

from typing import Any

_JSON = "application/json"


def openapi_document() -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vigilar", "version": "1", "license": {"name": "GPL-3.0-only"}},
        "components": {
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "vigilar_session"},
                "secure_session": {"type": "apiKey", "in": "cookie", "name": "__Host-vigilar_session"},
                "key": {"type": "http", "scheme": "bearer"},
            },
            "schemas": {"Problem": _object(type="string", title="string", detail="string", field="string")},
        },
        "security": [{"session": []}, {"secure_session": []}, {"key": []}],
        "paths": {**_paths(), **_household_paths()},
    }


def _paths() -> dict[str, Any]:
    login = _body("name", "password")
    camera = _body("name", *_CAMERA_TEST, "record", allow_public="boolean")
    when = [_query("from", required=True), _query("to", required=True)]
    media = "video/mp4"
    return {
        "/healthz": {"get": {**_answer("Serving", "text/plain"), "security": []}},
        "/api/v1/setup": {
            "post": {
                **_answer("Owner made, signed in", status="201"),
                **_body("name", "password", "code"),
                "security": [],
            }
        },
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
            "patch": {**_answer("Changed"), **_body("name", "record", enabled="boolean", allow_public="boolean")},
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
                **_body(*_CAMERA_TEST, allow_public="boolean"),
            }
        },
        "/api/v1/events": {
            "get": {
                **_answer("A page of events, newest first, and the cursor of the next"),
                "parameters": [_query(name) for name in _EVENT_QUERY],
            }
        },
        "/api/v1/events/delete": {
            "post": {
                **_answer("What goes and what stays; without dry_run it goes, and the status is 202"),
                **_body("plan", ids="array", dry_run="boolean"),
            }
        },
        "/api/v1/events/{event_id}": {
            "parameters": [_path("event_id")],
            "get": _answer("One event"),
            "patch": {**_answer("The event"), **_body(kept="boolean", seen="boolean")},
        },
        "/api/v1/events/{event_id}/species": {
            "parameters": [_path("event_id")],
            "put": {
                **_answer("What it was, how to take that back, and what looks the same"),
                **_body("species", "name", "tier"),
            },
            "delete": _answer("Nothing is said of it any more", None, status="204"),
        },
        "/api/v1/wildlife": {
            "get": {
                **_answer("Visits of wild animals by species and hour, hours watched, and what is new"),
                "parameters": [_query(name) for name in ("days", "camera")],
            }
        },
        "/wildlife.csv": {
            "get": {
                **_answer("The same as CSV, or each visit", "text/csv"),
                "parameters": [_query(name) for name in ("days", "camera", "what")],
            }
        },
        "/api/v1/incidents": {
            "get": {
                **_answer("A page of incidents in which such an event is, newest first, and the cursor of the next"),
                "parameters": [_query(name) for name in _EVENT_QUERY],
            }
        },
        "/api/v1/incidents/{incident_id}": {
            "parameters": [_path("incident_id")],
            "get": _answer("One incident, or the one that took over its events"),
        },
        "/api/v1/arm": {
            "get": _answer("The arm state, and what would not guard the house now"),
            "post": {
                **_answer("The arm state"),
                **_body("mode", "pin", override="boolean", delay_s="integer", passkey="object"),
            },
        },
        "/api/v1/arm/longer": {"post": _answer("The arm state, with a minute more to leave")},
        "/api/v1/arm/passkey": {"post": _answer("What a browser is to prove with a passkey, to disarm")},
        "/api/v1/arm/history": {
            "get": {**_answer("Who changed the mode, when and how"), "parameters": [_query("before")]}
        },
        **_pet_paths(),
        "/api/v1/sensors": {"get": _answer("All sensors")},
        "/api/v1/sensors/{sensor_id}": {
            "parameters": [_path("sensor_id")],
            "get": _answer("One sensor, and what it told in the last week"),
            "patch": {**_answer("The sensor"), **_body("name", "room")},
            "delete": _answer("Removed, until it speaks again", None, status="204"),
        },
        "/api/v1/settings/guard": {
            "get": _answer("Settings of arming, sensors and presence"),
            "patch": {**_answer("The same, changed"), **_body("version", set="object")},
        },
        "/api/v1/certificate": {
            "get": _answer("What the pages prove themselves with, and the owner's files for it"),
            "put": {**_answer("The owner's own is used; what is not as it should be"), **_body("certificate", "key")},
            "delete": _answer("Back to the house's own", None, status="204"),
        },
        "/api/v1/settings/undo": {"post": _answer("The newest change of the settings was taken back")},
        **_rule_paths(),
        "/api/v1/presence": {"get": _answer("Who is at home, and the devices seen on the network")},
        "/api/v1/presence/devices/{mac}": {
            "parameters": [_path("mac")],
            "put": {**_answer("The device"), **_body("name", member="integer")},
        },
        "/api/v1/members/{user_id}/pairings": {
            "parameters": [_path("user_id")],
            "post": {**_answer("A code that lets a phone of this member in once", status="201"), **_body("device")},
        },
        "/api/v1/members/{member_id}/pin": {
            "parameters": [_path("member_id")],
            "put": {**_answer("PIN set", None, status="204"), **_body("pin", "duress_pin", "old_pin")},
            "delete": _answer("PIN removed", None, status="204"),
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
        "/api/v1/power": {"get": _answer("Mains or battery, what happens in a power cut, and the cuts there were")},
        "/api/v1/backup": {"get": _answer("How far the copies elsewhere are, and what keeps them")},
        "/api/v1/backup/{work}": {
            "parameters": [_path("work")],
            "post": _answer("The box copies, checks or proves restoring as soon as it can", None, status="202"),
        },
        "/api/v1/kept": {"get": _answer("What somebody keeps, with its size and by whom")},
        "/api/v1/keys": {"get": _answer("How the recordings are locked up")},
        "/api/v1/keys/unlock": {
            "post": {**_answer("The recordings are unlocked", None, status="204"), **_body("password", "passphrase")}
        },
        "/api/v1/keys/rotate": {
            "post": {**_answer("A new key; the job that moves recordings to it", status="202"), **_body("password")}
        },
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
        **_reel_paths(),
        "/api/v1/jobs": {"get": _answer("Long work, newest first")},
        "/api/v1/jobs/{job_id}": {"parameters": [_path("job_id")], "get": _answer("One piece of long work")},
        "/api/v1/jobs/{job_id}/cancel": {"parameters": [_path("job_id")], "post": _answer("Is to stop")},
        "/exports/{export_id}/files/{number}": {
            "parameters": [_path("export_id"), _path("number")],
            "get": _answer("A file of an export, with Range", media),
        },
        "/api/v1/system": {"get": _answer("How the house is, part by part, and what is to do")},
        "/api/v1/system/coverage": {
            "get": {**_answer("How much of each day was recorded, and each gap"), "parameters": [_query("days")]}
        },
        "/api/v1/system/snoozes/{problem}": {
            "parameters": [_path("problem")],
            "put": {**_answer("Put off", None, status="204"), **_body(hours="integer")},
            "delete": _answer("Taken up again", None, status="204"),
        },
        "/metrics": {"get": _answer("The same for Prometheus, and counters", "text/plain")},
        "/api/v1/openapi.json": {"get": _answer("This document")},
        "/events/stream": {
            "get": _answer("Server-sent events: connected, event, card, health, objects, refresh", "text/event-stream")
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


def _reel_paths() -> dict[str, Any]:
    """What is made from recordings."""
    reel = _body("from", "to", "style", length_s="integer", clock="boolean")
    properties = reel["requestBody"]["content"][_JSON]["schema"]["properties"]
    properties["cameras"] = properties["kinds"] = {"type": ["array", "null"], "items": {"type": "string"}}
    properties["without"] = {"type": ["array", "null"], "items": {"type": ["string", "integer"]}}
    lapse = _body("camera", "from", "to", length_s="integer", smart="boolean", clock="boolean")
    one = [_path("reel_id")]
    return {
        "/api/v1/reels": {
            "get": _answer("Reels and time-lapses, newest first"),
            "post": {**_answer("Being made: the number of the reel and of its job", status="202"), **reel},
        },
        "/api/v1/reels/preview": {"post": {**_answer("Which moments it would show"), **reel}},
        "/api/v1/timelapses": {
            "post": {**_answer("Being made: the number of the time-lapse and of its job", status="202"), **lapse}
        },
        "/api/v1/reels/{reel_id}": {
            "parameters": one,
            "get": _answer("One reel or time-lapse, what it shows and what is missing"),
            "patch": {**_answer("As it is now"), **_body(is_kept="boolean")},
            "delete": _answer("Taken away", None, status="204"),
        },
        "/api/v1/reels/{reel_id}/again": {
            "parameters": one,
            "post": _answer("One that failed is made once more, by this number", status="202"),
        },
        "/reels/{reel_id}/video.mp4": {
            "parameters": one,
            "get": {**_answer("The film, with Range", "video/mp4"), "parameters": [_query("download")]},
        },
        "/reels/{reel_id}/poster.jpg": {"parameters": one, "get": _answer("A picture of it", "image/jpeg")},
    }


def _household_paths() -> dict[str, Any]:
    """Who may come in, and who did what."""
    member = _body("name", "role", "password")
    properties = member["requestBody"]["content"][_JSON]["schema"]["properties"]
    properties["cameras"] = {"type": ["array", "null"], "items": {"type": "string"}}
    key = _body("name")
    key["requestBody"]["content"][_JSON]["schema"]["properties"]["rights"] = _TEXTS
    done = _answer("Done", None, status="204")
    return {
        "/api/v1/me/password": {"post": {**_answer("A new password", None, status="204"), **_body("old", "new")}},
        "/api/v1/me/prove": {"post": {**_answer("Shown who asks", None, status="204"), **_body("password", "pin")}},
        "/api/v1/sessions": {"get": _answer("One's own logins")},
        "/api/v1/sessions/{session_id}": {"parameters": [_path("session_id")], "delete": done},
        "/api/v1/pairings": {
            "post": {**_answer("A code for a phone, shown this once", status="201"), **_body("device")}
        },
        "/api/v1/pairings/{pairing_id}": {
            "parameters": [_path("pairing_id")],
            "get": _answer("When the phone signed in; null before"),
        },
        "/api/v1/pair": {"post": {**_answer("The phone is signed in"), **_body("code"), "security": []}},
        "/api/v1/me/passkeys": {
            "get": _answer("One's own passkeys"),
            "post": {**_answer("A new passkey", status="201"), **_body("challenge", "name", credential="object")},
        },
        "/api/v1/me/passkeys/options": {"post": {**_answer("What the browser makes a passkey with"), **_body()}},
        "/api/v1/me/passkeys/{passkey_id}": {"parameters": [_number("passkey_id")], "delete": done},
        "/api/v1/passkey/options": {
            "post": {**_answer("What the browser signs in with"), **_body(), "security": []},
        },
        "/api/v1/passkey/login": {
            "post": {**_answer("Signed in"), **_body("challenge", credential="object"), "security": []},
        },
        "/api/v1/members": {
            "get": _answer("All members"),
            "post": {**_answer("A new member", status="201"), **member},
        },
        "/api/v1/members/{user_id}": {
            "parameters": [_number("user_id")],
            "patch": {**_answer("The member"), **member},
            "delete": done,
        },
        "/api/v1/members/{user_id}/sessions": {"parameters": [_number("user_id")], "delete": done},
        "/api/v1/push/key": {"get": _answer("The key with which a browser subscribes")},
        "/api/v1/push/subscriptions": {
            "get": _answer("Phones that are told by pushes"),
            "post": {
                **_answer("Taken, or known already", status="201"),
                **_body("endpoint", "name", keys="object", replaces="integer"),
            },
        },
        "/api/v1/push/subscriptions/{phone_id}": {
            "parameters": [_number("phone_id")],
            "patch": {**_answer("The phone"), **_body("name")},
            "delete": done,
        },
        "/api/v1/push/test": {"post": {**_answer("Owed to these phones", status="202"), **_body(id="integer")}},
        "/api/v1/push/shown": {
            "post": {**done, **_body("token", id="integer", shown_ts="integer", revision="integer"), "security": []}
        },
        "/api/v1/alerts": {"get": _answer("What one was told of and has not taken note of")},
        "/api/v1/alerts/pages": {"post": {**done, **_body("page", sounds="boolean")}},
        "/api/v1/alerts/{incident_id}/ack": {
            "parameters": [_number("incident_id")],
            "post": {**done, **_body("severity")},
        },
        "/api/v1/tokens": {
            "get": _answer("Keys for programs, without the keys themselves"),
            "post": {**_answer("A new key, shown this once", status="201"), **key},
        },
        "/api/v1/tokens/{token_id}": {"parameters": [_number("token_id")], "delete": done},
        "/api/v1/audit": {
            "get": {
                **_answer("Who did what, newest first, and the cursor of the next page"),
                "parameters": [_query(name) for name in ("group", "cursor", "limit")],
            }
        },
    }


_TEXTS = {"type": "array", "items": {"type": "string"}}

_CAMERA_TEST = ("address", "small", "user", "password")

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


def _number(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}}


def _pet_paths() -> dict[str, Any]:
    settings = {"indoor_only": "boolean"}
    return {
        "/api/v1/pets": {
            "get": _answer("All pets, and where each was seen last"),
            "post": {
                **_answer("The new pet; with event its picture is the first", status="201"),
                **_body("name", "kind", "event", "not_seen_for", **settings),
            },
        },
        "/api/v1/pets/{pet_id}": {
            "parameters": [_number("pet_id")],
            "patch": {**_answer("The pet, changed"), **_body("name", "not_seen_for", **settings)},
            "delete": _answer("Forgotten, with all that was learned of it", None, status="204"),
        },
        "/api/v1/events/{event_id}/pet": {
            "parameters": [_path("event_id")],
            "post": {
                **_answer("Who it is now, and what was said before"),
                **_body("verdict", "to", pet="integer"),
            },
        },
    }


def _rule_paths() -> dict[str, Any]:
    rules = _body("summary", "lock_screen", rules="array", quiet="array", profiles="array", ordinary_per_day="integer")
    with_version = _body(
        "summary", "lock_screen", "version", rules="array", quiet="array", profiles="array", ordinary_per_day="integer"
    )
    return {
        "/api/v1/rules": {
            "get": _answer("Who is told of what: rules, quiet hours, profiles, limits"),
            "put": {**_answer("The same, changed"), **with_version},
        },
        "/api/v1/rules/preview": {
            "post": {**_answer("What the last seven days would have told with these rules"), **rules}
        },
        "/api/v1/snoozes": {
            "get": _answer("The snoozes in force"),
            "post": {
                **_answer("Snoozed", status="201"),
                **_body("camera", "until", minutes="integer", quiet_minutes="integer", for_all="boolean"),
            },
        },
        "/api/v1/snoozes/{snooze_id}": {
            "parameters": [_path("snooze_id")],
            "delete": _answer("Ended", None, status="204"),
        },
        "/api/v1/events/{event_id}/why": {
            "parameters": [_path("event_id")],
            "get": _answer("Why the asker was told of it or not, step by step"),
        },
    }
