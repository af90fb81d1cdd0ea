"""Adding, changing, trying and removing cameras. The configuration file is the truth; we edit it as a person would."""

from __future__ import annotations

import unicodedata
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify
from werkzeug import Response as AnyResponse

from vigilar.base.errors import ConfigError
from vigilar.base.house_network import OTHER_SERVICES, is_no_device, plain_address
from vigilar.base.redact import redact
from vigilar.config.addresses import address_problem, bare_host, split_login, with_scheme
from vigilar.config.jobs import CameraInfo
from vigilar.web.auth import asker
from vigilar.web.bodies import read_json
from vigilar.web.camera_book import CameraWish
from vigilar.web.parts import parts
from vigilar.web.probe import ProbeWish
from vigilar.web.probes import TooManyProbes
from vigilar.web.problems import Problem
from vigilar.web.proving import GUARDS_LESS, check_proven
from vigilar.web.rights import Right, needs
from vigilar.web.settings_file import config_problem
from vigilar.web.visible import visible_cameras

bp = Blueprint("cameras", __name__)

MAX_NAME_LENGTH = 64
MAX_LOGIN_LENGTH = 256
MODES = ("always", "motion", "keyframes-when-idle")

_TEST_FIELDS: dict[str, type] = {"address": str, "small": str, "user": str, "password": str, "allow_public": bool}
_ADD_FIELDS: dict[str, type] = {"name": str, **_TEST_FIELDS, "record": str}
_CHANGE_FIELDS: dict[str, type] = {"name": str, "record": str, "enabled": bool, "allow_public": bool}


@bp.get("/api/v1/cameras")
@needs(Right.SEE_LIVE)
def list_cameras() -> AnyResponse:
    return jsonify({"cameras": [_camera_json(camera) for camera in visible_cameras(asker()).all()]})


@bp.post("/api/v1/cameras")
@needs(Right.CHANGE_CAMERAS)
def add_camera() -> AnyResponse:
    here = parts()
    wish = _read_wish(read_json(_ADD_FIELDS, required=("name", "address")))
    known = here.cameras.find_address(wish.address)
    if known is not None:
        raise Problem(409, "camera.exists", f"Already added as {known.name!r}.", field="address")
    added = edit(lambda: here.cameras.add(wish))
    here.ask_reload()
    response = jsonify(_camera_json(added))
    response.status_code = 201
    response.headers["Location"] = f"/api/v1/cameras/{added.id}"
    return response


@bp.get("/api/v1/cameras/<camera_id>")
@needs(Right.SEE_LIVE)
def get_camera(camera_id: str) -> AnyResponse:
    return jsonify(_camera_json(_get(camera_id)))


@bp.patch("/api/v1/cameras/<camera_id>")
@needs(Right.CHANGE_CAMERAS)
def change_camera(camera_id: str) -> AnyResponse:
    here = parts()
    _get(camera_id)
    changes = read_json(_CHANGE_FIELDS)
    if "name" in changes:
        changes["name"] = check_name(changes["name"])
    if "record" in changes:
        check_mode(changes["record"])
    check_sight(camera_id, changes)
    if changes:
        edit(lambda: here.cameras.change(camera_id, changes))
        here.ask_reload()
    return jsonify(_camera_json(_get(camera_id)))


@bp.delete("/api/v1/cameras/<camera_id>")
@needs(Right.CHANGE_CAMERAS)
def remove_camera(camera_id: str) -> AnyResponse:
    """The camera goes, its recordings and events stay."""
    here = parts()
    _get(camera_id)
    check_sight(camera_id, {"enabled": False})
    edit(lambda: here.cameras.remove(camera_id))
    here.ask_reload()
    return Response(status=204)


@bp.post("/api/v1/cameras/test")
@needs(Right.CHANGE_CAMERAS)
def test_camera() -> AnyResponse:
    """Try an address, and a login once. A camera that fails is an answer, not an error."""
    here, wish = parts(), read_probe_wish(read_json(_TEST_FIELDS, required=("address",)))
    try:
        found = here.probes.run(asker().id, wish)
    except TooManyProbes as error:
        raise too_many_probes() from error
    if not found["ok"] and not found["code"]:
        raise Problem(503, "camera.test", f"{found['sentence']} {found['next_step']}".strip())
    known = here.cameras.find_address(found["address"] or wish.address)
    return jsonify({**found, "known_as": known.name if known else None})


def read_probe_wish(body: dict[str, Any]) -> ProbeWish:
    """What is to be tried. Raises Problem."""
    allow_public = bool(body.get("allow_public", False))
    address, user, password = check_address(body["address"], body.get("user", ""), body.get("password", ""))
    check_place(address, "address", allow_public=allow_public)
    small = body.get("small", "").strip()
    if small:
        small, _, _ = check_address(small, user, password, field="small")
        check_place(small, "small", allow_public=allow_public)
    return ProbeWish(address, user, password, small, allow_public)


def too_many_probes() -> Problem:
    sentence = "Two cameras are being tried at the moment, which is as many as go at once. Try again in a few seconds."
    return Problem(429, "camera.busy", sentence)


def check_place(address: str, field: str, *, allow_public: bool) -> None:
    """What can be told of the place before anything is asked there: names are looked up by who opens the camera, and
    judged again. Raises Problem."""
    try:
        parts_of_it = urlsplit(address)
        host, port = parts_of_it.hostname or "", parts_of_it.port
    except ValueError:
        return
    if port in OTHER_SERVICES:
        raise Problem(422, "camera.port", f"Port {port} belongs to another kind of service.", field=field)
    try:
        place = plain_address(host)
    except ValueError:
        return
    if is_no_device(place):
        raise Problem(422, "camera.host_range", "That address cannot be a camera's.", field=field)
    if place.is_loopback and port == parts().cfg.port:
        raise Problem(422, "camera.host_self", "That address points back at this box.", field=field)
    if place.is_global and not allow_public:
        sentence = "Cameras must be on your home network, and this is a public address. Allow it if that is meant."
        raise Problem(422, "camera.host_range", sentence, field=field)


def _get(camera_id: str) -> CameraInfo:
    return visible_cameras(asker()).get(camera_id)


def _camera_json(camera: CameraInfo) -> dict[str, Any]:
    """Never the login. The address, for who may change it, has none in it: the file does not allow one."""
    here = parts()
    found: dict[str, Any] = {
        "id": camera.id,
        "name": camera.name,
        "enabled": camera.enabled,
        "has_small": camera.has_sub,
    }
    settings = here.cameras.settings(camera.id)
    if settings is not None:
        found["record"] = settings.record
        if asker().may(Right.CHANGE_CAMERAS):
            found |= {
                "address": redact(settings.address),
                "small": redact(settings.small) if settings.small else None,
                "has_login": settings.login is not None,
                "allow_public": settings.allow_public,
            }
    return found | {"health": here.board.camera(camera.id, here.now_ms())}


def _read_wish(body: dict[str, Any]) -> CameraWish:
    if bare_host(with_scheme(body["address"])) and "://" not in body["address"]:
        sentence = "Of a bare address the streams are not known yet: try the camera first, or give its rtsp:// address."
        raise Problem(422, "camera.scheme", sentence, field="address")
    wish = read_probe_wish(body)
    if body.get("record"):
        check_mode(body["record"])
    return CameraWish(
        name=check_name(body["name"]),
        address=wish.address,
        small=wish.small,
        user=wish.user,
        password=wish.password,
        record=body.get("record", ""),
        allow_public=wish.allow_public,
    )


def check_address(address: str, user: str, password: str, field: str = "address") -> tuple[str, str, str]:
    """The address without a login, and the login: of the fields, or taken out of a pasted address."""
    found = split_login(with_scheme(address))
    if found.user is not None and not user:
        user, password = found.user, found.password or password
    # Files of this machine are for its command line: a page must not make the box read what it cannot.
    if not found.address.startswith(("rtsp://", "rtsps://", "http://", "demo:")):
        sentence = (
            "Only rtsp://, rtsps:// and http:// addresses can be used here. The camera's address alone, such as "
            "192.168.1.21, is enough."
        )
        raise Problem(422, "camera.scheme", sentence, field=field)
    problem = address_problem(found.address)
    if problem is not None:
        raise Problem(422, "camera.url_form", f"The address {problem}.", field=field)
    if max(len(user), len(password)) > MAX_LOGIN_LENGTH or not (user + password).isprintable():
        raise Problem(422, "camera.login", "The login holds characters that cannot be part of one.", field="user")
    return found.address, user, password


def check_name(text: str) -> str:
    name = unicodedata.normalize("NFC", text).strip()
    if not name or len(name) > MAX_NAME_LENGTH:
        raise Problem(422, "camera.name", f"Choose a name of 1 to {MAX_NAME_LENGTH} characters.", field="name")
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for char in name):
        raise Problem(422, "camera.name_chars", "The name contains characters that cannot be seen.", field="name")
    return name


_SIGHT = frozenset({"address", "small", "transport", "allow_public", "max_rate", "record", "login"})
"""Settings of a camera with which it could see, or keep, less."""


def check_sight(camera_id: str, changes: dict[str, Any]) -> None:
    """Raises Problem where a camera is to be off, gone, elsewhere, reached or recorded otherwise, and the asker has not
    shown lately who it is: an open page must not make the house blind."""
    if changes.get("enabled") is False or changes.keys() & _SIGHT:
        check_proven(f"/cameras/{camera_id}/settings", GUARDS_LESS)


def check_mode(mode: str) -> None:
    if mode not in MODES:
        raise Problem(422, "camera.record", f"record is one of {', '.join(MODES)}.", field="record")


def edit(change: Any) -> Any:
    """Run a change of the file; what the file does not allow is the asker's to mend, not a bug of ours."""
    try:
        return change()
    except ConfigError as error:
        raise config_problem(error, "camera.settings") from error
