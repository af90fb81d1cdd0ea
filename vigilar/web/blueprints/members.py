"""The members of the household: who may come in, in which role, and which cameras they see."""

from __future__ import annotations

import secrets

from flask import Blueprint, Response, jsonify, render_template, request, url_for
from werkzeug import Response as AnyResponse

from vigilar.store import users as user_rows
from vigilar.store.users import UserRow
from vigilar.web import household
from vigilar.web.bodies import LIST_OR_NULL, Fields, check_texts, read_json
from vigilar.web.household import ROLE_WORDS, ROLES, get_member, member_json
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs

bp = Blueprint("members", __name__)

_FIELDS: Fields = {"name": str, "role": str, "password": str, "cameras": LIST_OR_NULL}


@bp.get("/api/v1/members")
@needs(Right.MANAGE_HOUSEHOLD)
def api_list() -> AnyResponse:
    return jsonify({"members": [member_json(one) for one in user_rows.list_users(parts().store)]})


@bp.post("/api/v1/members")
@needs(Right.MANAGE_HOUSEHOLD)
def api_add() -> AnyResponse:
    wish = read_json(_FIELDS, required=("name", "role", "password"))
    cameras = None if wish.get("cameras") is None else check_texts("cameras", wish["cameras"])
    made = household.add_member(wish["name"], wish["role"], wish["password"], cameras)
    response = jsonify(member_json(made))
    response.status_code = 201
    return response


@bp.patch("/api/v1/members/<int:user_id>")
@needs(Right.MANAGE_HOUSEHOLD)
def api_change(user_id: int) -> AnyResponse:
    """Changes what is named; ``cameras`` null shows all."""
    wish = read_json(_FIELDS)
    if wish.get("cameras") is not None:
        check_texts("cameras", wish["cameras"])
    return jsonify(member_json(household.change_member(user_id, wish)))


@bp.delete("/api/v1/members/<int:user_id>")
@needs(Right.MANAGE_HOUSEHOLD)
def api_remove(user_id: int) -> AnyResponse:
    household.remove_member(user_id)
    return Response(status=204)


@bp.delete("/api/v1/members/<int:user_id>/sessions")
@needs(Right.MANAGE_HOUSEHOLD)
def api_sign_out(user_id: int) -> AnyResponse:
    """Sign a member out everywhere, as after a phone was lost."""
    household.sign_out_everywhere(user_id)
    return Response(status=204)


@bp.get("/settings/members")
@needs(Right.MANAGE_HOUSEHOLD)
def page() -> str:
    return _page()


@bp.post("/settings/members")
@needs(Right.MANAGE_HOUSEHOLD)
def add_by_form() -> AnyResponse:
    """Without a password the member gets one that nobody knows, and comes in by the code for a phone."""
    form = request.form
    given = form.get("password", "")
    try:
        made = household.add_member(
            form.get("name", ""), form.get("role", ""), given or secrets.token_urlsafe(32), _cameras_of_form()
        )
    except Problem as problem:
        return Response(_page(problem), problem.status, mimetype="text/html")
    return _back(url_for("members.page") if given else url_for("members.member_page", user_id=made.id, _anchor="phone"))


@bp.get("/settings/members/<int:user_id>")
@needs(Right.MANAGE_HOUSEHOLD)
def member_page(user_id: int) -> str:
    return _member_page(get_member(user_id))


@bp.post("/settings/members/<int:user_id>")
@needs(Right.MANAGE_HOUSEHOLD)
def change_by_form(user_id: int) -> AnyResponse:
    form = request.form
    wish = {"name": form.get("name", ""), "role": form.get("role", ""), "cameras": _cameras_of_form()}
    if wish["role"] == "owner":
        wish["cameras"] = None
    try:
        household.change_member(user_id, {**wish, "password": form.get("password", "")})
    except Problem as problem:
        return Response(_member_page(get_member(user_id), problem), problem.status, mimetype="text/html")
    return _back(url_for("members.page"))


@bp.post("/settings/members/<int:user_id>/remove")
@needs(Right.MANAGE_HOUSEHOLD)
def remove_by_form(user_id: int) -> AnyResponse:
    try:
        household.remove_member(user_id)
    except Problem as problem:
        return Response(_member_page(get_member(user_id), problem), problem.status, mimetype="text/html")
    return _back(url_for("members.page"))


@bp.post("/settings/members/<int:user_id>/sign-out")
@needs(Right.MANAGE_HOUSEHOLD)
def sign_out_by_form(user_id: int) -> AnyResponse:
    household.sign_out_everywhere(user_id)
    return _back(url_for("members.member_page", user_id=user_id))


def _cameras_of_form() -> list[str] | None:
    """None when all may be seen."""
    return None if request.form.get("sees", "all") == "all" else request.form.getlist("cameras")


def _page(problem: Problem | None = None) -> str:
    return render_template(
        "members.html", members=user_rows.list_users(parts().store), problem=problem, form=request.form, **_choices()
    )


def _member_page(member: UserRow, problem: Problem | None = None) -> str:
    return render_template("member.html", member=member, problem=problem, form=request.form, **_choices())


def _choices() -> dict[str, object]:
    return {"roles": ROLES, "role_words": ROLE_WORDS, "cameras": parts().cameras.all()}


def _back(path: str) -> Response:
    return Response(status=303, headers={"Location": path})
