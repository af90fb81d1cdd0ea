"""The certificate of the pages: what is shown now, and the owner's own files in place of it, by upload or by path; and
whether other machines see pages without it.

Files are checked before anything is changed. The paths stand in the settings file, so the change can be taken back like
any other; uploaded files lie among the house's secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.base.disk import disk_errors
from vigilar.config.guard_edit import set_keys
from vigilar.config.load import load_config
from vigilar.config.models import Web
from vigilar.config.places import Places
from vigilar.door.certificates import house_names, utc_now
from vigilar.door.haproxy import HOW_TO_INSTALL
from vigilar.door.own_certificate import (
    MAX_FILE_BYTES,
    BadCertificate,
    OwnCertificate,
    OwnFiles,
    check_own,
    keep_own,
    read_own,
)
from vigilar.web.bodies import read_json
from vigilar.web.deeds import note_deed
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs
from vigilar.web.settings_file import edit_settings, page_values, places_of

bp = Blueprint("certificate", __name__)

PATH = "/settings/certificate"


@bp.get(PATH)
@needs(Right.MANAGE_HOUSEHOLD)
def page() -> str:
    return _page(None)


@bp.post(PATH)
@needs(Right.MANAGE_HOUSEHOLD)
def change_by_form() -> AnyResponse:
    """``way`` is ``upload``, ``paths``, ``house``, ``close`` or ``open``; works without script."""
    form = request.form
    try:
        if form.get("way") == "house":
            _use_house()
        elif form.get("way") in ("close", "open"):
            _set_https_only(form["way"] == "close", form.get("version", ""))
        elif form.get("way") == "paths":
            _use_paths(form.get("certificate", "").strip(), form.get("key", "").strip(), form.get("version", ""))
        else:
            _use_files(OwnFiles(_uploaded("certificate"), _uploaded("key")), form.get("version", ""))
    except Problem as problem:
        return Response(_page(problem), problem.status, mimetype="text/html")
    return Response(status=303, headers={"Location": f"{PATH}?saved=1"})


@bp.get("/api/v1/certificate")
@needs(Right.MANAGE_HOUSEHOLD)
def api_certificate() -> AnyResponse:
    """What the door shows, and which files of the owner's the settings name; never a key."""
    web = _settings()
    return jsonify({**_state(), "files": {"certificate": web.certificate, "key": web.key}})


@bp.put("/api/v1/certificate")
@needs(Right.MANAGE_HOUSEHOLD)
def api_use() -> AnyResponse:
    """``certificate`` and ``key`` are the contents of the two PEM files. Says what is not as it should be."""
    body = read_json({"certificate": str, "key": str}, required=("certificate", "key"))
    own = _use_files(OwnFiles(*(body[field].encode(errors="replace") for field in ("certificate", "key"))))
    return jsonify({"names": list(own.names), "notes": list(own.notes)})


@bp.delete("/api/v1/certificate")
@needs(Right.MANAGE_HOUSEHOLD)
def api_use_house() -> AnyResponse:
    """Back to the house's own."""
    _use_house()
    return Response(status=204)


def _use_files(files: OwnFiles, version: str = "") -> OwnCertificate:
    own, here = _checked(files), parts()
    with disk_errors("keep the certificate", here.cfg.secrets_dir):
        certificate, key = keep_own(here.cfg.secrets_dir, files)
    _set(own, {"certificate": certificate, "key": key}, version)
    return own


def _use_paths(certificate: str, key: str, version: str) -> OwnCertificate:
    for field, path in (("certificate", certificate), ("key", key)):
        if not path.startswith("/"):
            sentence = f"The path of the {field} begins with a slash, as /etc/ssl/{field}.pem does."
            raise Problem(422, "certificate.path", sentence, field=field)
    try:
        files = read_own(certificate, key)
    except BadCertificate as error:
        raise _problem(error) from error
    own = _checked(files)
    _set(own, {"certificate": certificate, "key": key}, version)
    return own


def _use_house() -> None:
    edit_settings(parts(), lambda places: _write(places, {"certificate": None, "key": None}), PATH, guards=False)
    note_deed("certificate_changed", detail="the house's own")


def _set_https_only(https_only: bool, version: str) -> None:
    if https_only and not request.is_secure:
        raise Problem(
            409,
            "certificate.plain",
            "Do this from a device that came by HTTPS: then it is known that one can still come in.",
            next_step="The page /trust shows the way.",
        )
    edit_settings(parts(), lambda places: _write(places, {"https_only": https_only}, version), PATH, guards=False)
    note_deed("plain_http_closed" if https_only else "plain_http_opened")


def _set(own: OwnCertificate, keys: Mapping[str, Any], version: str) -> None:
    """Write it, and let the house answer to the names it is for: else the browser trusts it and gets no page."""
    known = house_names(_settings().names)
    new = [name for name in own.names if not name.startswith("*.") and name.lower() not in known]
    names = {"names": [*_settings().names, *new]} if new else {}
    edit_settings(parts(), lambda places: _write(places, {**keys, **names}, version), PATH, guards=False)
    note_deed("certificate_changed", detail=", ".join(own.names)[:200])


def _write(places: Places, keys: Mapping[str, Any], version: str = "") -> object:
    return set_keys(places, {("web", key): value for key, value in keys.items()}, "the certificate", version)


def _checked(files: OwnFiles) -> OwnCertificate:
    try:
        return check_own(files, utc_now(), house_names(_settings().names))
    except BadCertificate as error:
        raise _problem(error) from error


def _problem(error: BadCertificate) -> Problem:
    return Problem(422, "certificate.wrong", str(error), field=error.file)


def _uploaded(field: str) -> bytes:
    file = request.files.get(field)
    content = file.read(MAX_FILE_BYTES) if file else b""
    if not content:
        raise Problem(422, "certificate.missing", f"Choose the file with the {field}.", field=field)
    return content


def _settings() -> Web:
    return load_config(places_of(parts())).web


def _state() -> dict[str, Any]:
    found = parts().certificate()
    return {
        "state": found.state,
        "sentence": found.sentence,
        "is_own": found.is_own,
        "ends_ts": found.ends_ms or None,
        "names": list(found.names),
    }


def _page(problem: Problem | None) -> str:
    here, web = parts(), _settings()
    return render_template(
        "settings_certificate.html",
        certificate=here.certificate(),
        has_door=here.cfg.has_door,
        has_own=web.certificate is not None,
        how_to_install=HOW_TO_INSTALL,
        https_only=web.https_only,
        came_secure=request.is_secure,
        certificate_path=request.form.get("certificate", web.certificate or ""),
        key_path=request.form.get("key", web.key or ""),
        **page_values(here, problem, PATH),
    )
