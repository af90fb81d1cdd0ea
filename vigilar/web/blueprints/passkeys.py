"""Passkeys: made and removed on one's own account, and the other way to sign in."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, url_for
from werkzeug import Response as AnyResponse

from vigilar.store.passkeys import delete_passkey, list_passkeys
from vigilar.web.auth import asker, sign_in
from vigilar.web.bodies import read_json
from vigilar.web.deeds import note_deed
from vigilar.web.parts import parts
from vigilar.web.passkeys import add_passkey, check_passkey, creation_options, sign_in_options
from vigilar.web.problems import Problem
from vigilar.web.rights import own_account, public, signed_in

bp = Blueprint("passkeys", __name__)


@bp.get("/api/v1/me/passkeys")
@signed_in
def api_list() -> AnyResponse:
    found = list_passkeys(parts().store, asker().id)
    return jsonify(
        {
            "passkeys": [
                {
                    "id": one.id,
                    "name": one.name,
                    "host": one.rp_id,
                    "created_ts": one.created_ms,
                    "last_used_ts": one.last_used_ms,
                }
                for one in found
            ]
        }
    )


@bp.post("/api/v1/me/passkeys/options")
@own_account
def api_creation_options() -> AnyResponse:
    read_json({})
    return jsonify(creation_options())


@bp.post("/api/v1/me/passkeys")
@own_account
def api_add() -> AnyResponse:
    wish = read_json({"challenge": str, "name": str, "credential": dict}, required=("challenge", "name", "credential"))
    response = jsonify({"id": add_passkey(wish["challenge"], wish["name"], wish["credential"])})
    response.status_code = 201
    return response


@bp.delete("/api/v1/me/passkeys/<int:passkey_id>")
@own_account
def api_remove(passkey_id: int) -> AnyResponse:
    _remove(passkey_id)
    return Response(status=204)


@bp.post("/settings/account/passkeys/<int:passkey_id>/remove")
@own_account
def remove_by_form(passkey_id: int) -> AnyResponse:
    _remove(passkey_id)
    return Response(status=303, headers={"Location": url_for("own_account.page")})


@bp.post("/api/v1/passkey/options")
@public
def api_sign_in_options() -> AnyResponse:
    read_json({})
    return jsonify(sign_in_options())


@bp.post("/api/v1/passkey/login")
@public
def api_sign_in() -> AnyResponse:
    wish = read_json({"challenge": str, "credential": dict}, required=("challenge", "credential"))
    user = check_passkey(wish["challenge"], wish["credential"])
    return sign_in(jsonify({"name": user.name, "role": user.role}), user)


def _remove(passkey_id: int) -> None:
    if not delete_passkey(parts().store, passkey_id, asker().id):
        raise Problem(404, "passkey.unknown", "There is no such passkey.")
    note_deed("passkey_ended")
