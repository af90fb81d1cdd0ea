"""Adding, changing, trying and removing cameras. The configuration file is the truth; we edit it as a person would."""

from __future__ import annotations

import unicodedata
from typing import Any

from flask import Blueprint, Response, jsonify, render_template
from werkzeug import Response as AnyResponse

from vigilar.base.errors import CameraError, ConfigError, ErrorKind
from vigilar.base.redact import redact
from vigilar.config.addresses import address_problem, split_login
from vigilar.config.jobs import CameraInfo
from vigilar.web.auth import asker
from vigilar.web.bodies import read_json
from vigilar.web.camera_book import CameraWish
from vigilar.web.parts import parts
from vigilar.web.probe import ProbeWish
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs
from vigilar.web.visible import visible_cameras

bp = Blueprint("cameras", __name__)

MAX_NAME_LENGTH = 64
MAX_LOGIN_LENGTH = 256
MODES = ("always", "motion", "keyframes-when-idle")

_ADD_FIELDS: dict[str, type] = {"name": str, "address": str, "small": str, "user": str, "password": str, "record": str}
_TEST_FIELDS: dict[str, type] = {"address": str, "user": str, "password": str}
_CHANGE_FIELDS: dict[str, type] = {"name": str, "record": str, "enabled": bool}


@bp.get("/cameras/add")
@needs(Right.CHANGE_CAMERAS)
def add_page() -> str:
    return render_template("add.html", is_first=not parts().cameras.all())


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
    added = _edit(lambda: here.cameras.add(wish))
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
        changes["name"] = _check_name(changes["name"])
    if "record" in changes:
        _check_mode(changes["record"])
    if changes:
        _edit(lambda: here.cameras.change(camera_id, changes))
        here.ask_reload()
    return jsonify(_camera_json(_get(camera_id)))


@bp.delete("/api/v1/cameras/<camera_id>")
@needs(Right.CHANGE_CAMERAS)
def remove_camera(camera_id: str) -> AnyResponse:
    """The camera goes, its recordings and events stay."""
    here = parts()
    _get(camera_id)
    _edit(lambda: here.cameras.remove(camera_id))
    here.ask_reload()
    return Response(status=204)


@bp.post("/api/v1/cameras/test")
@needs(Right.CHANGE_CAMERAS)
def test_camera() -> AnyResponse:
    """Try an address, and a login once. A camera that fails is an answer, not an error."""
    body = read_json(_TEST_FIELDS, required=("address",))
    address, user, password = _check_address(body["address"], body.get("user", ""), body.get("password", ""))
    try:
        found = parts().probe(ProbeWish(address, user, password))
    except CameraError as error:
        if error.kind is ErrorKind.TRANSIENT and not error.code:
            raise
        found = {"ok": False, "code": error.code, "sentence": str(error), "next_step": error.next_step, "stages": []}
    known = parts().cameras.find_address(address)
    return jsonify({**found, "known_as": known.name if known else None})


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
            }
    return found | {"health": here.board.camera(camera.id, here.now_ms())}


def _read_wish(body: dict[str, Any]) -> CameraWish:
    address, user, password = _check_address(body["address"], body.get("user", ""), body.get("password", ""))
    small = body.get("small", "").strip()
    if small:
        small, _, _ = _check_address(small, user, password, field="small")
    if body.get("record"):
        _check_mode(body["record"])
    return CameraWish(
        name=_check_name(body["name"]),
        address=address,
        small=small,
        user=user,
        password=password,
        record=body.get("record", ""),
    )


def _check_address(address: str, user: str, password: str, field: str = "address") -> tuple[str, str, str]:
    """The address without a login, and the login: of the fields, or taken out of a pasted address."""
    found = split_login(address.strip())
    if found.user is not None and not user:
        user, password = found.user, found.password or password
    # Files of this machine are for its command line: a page must not make the box read what it cannot.
    if not found.address.startswith(("rtsp://", "rtsps://", "http://", "demo:")):
        raise Problem(
            422, "camera.scheme", "Only rtsp://, rtsps:// and http:// addresses can be used here.", field=field
        )
    problem = address_problem(found.address)
    if problem is not None:
        raise Problem(422, "camera.url_form", f"The address {problem}.", field=field)
    if max(len(user), len(password)) > MAX_LOGIN_LENGTH or not (user + password).isprintable():
        raise Problem(422, "camera.login", "The login holds characters that cannot be part of one.", field="user")
    return found.address, user, password


def _check_name(text: str) -> str:
    name = unicodedata.normalize("NFC", text).strip()
    if not name or len(name) > MAX_NAME_LENGTH:
        raise Problem(422, "camera.name", f"Choose a name of 1 to {MAX_NAME_LENGTH} characters.", field="name")
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for char in name):
        raise Problem(422, "camera.name_chars", "The name contains characters that cannot be seen.", field="name")
    return name


def _check_mode(mode: str) -> None:
    if mode not in MODES:
        raise Problem(422, "camera.record", f"record is one of {', '.join(MODES)}.", field="record")


def _edit(change: Any) -> Any:
    """Run a change of the file; what the file does not allow is the asker's to mend, not a bug of ours."""
    try:
        return change()
    except ConfigError as error:
        status = {ErrorKind.DENIED: 403, ErrorKind.TRANSIENT: 503}.get(error.kind, 422)
        raise Problem(status, "camera.settings", redact(f"{error} {error.next_step}".strip())) from error
