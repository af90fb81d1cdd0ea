"""Keys for programs: made once, shown once, with the rights they were given and no others."""

from __future__ import annotations

import secrets

from flask import Blueprint, Response, jsonify, render_template, request, url_for
from werkzeug import Response as AnyResponse

from vigilar.store import tokens as token_rows
from vigilar.store.tokens import TokenRow
from vigilar.web.auth import TOKEN_PREFIX, asker
from vigilar.web.bodies import check_texts, read_json
from vigilar.web.deeds import note_deed
from vigilar.web.logins import hash_token
from vigilar.web.new_login import BadLogin, check_new_name
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.proving import check_proven
from vigilar.web.rights import NOT_FOR_PROGRAMS, Right, needs

bp = Blueprint("tokens", __name__)

MAX_TOKENS = 100
"""In a house; whoever has more wants to take some back."""


@bp.get("/api/v1/tokens")
@needs(Right.MAKE_TOKENS)
def api_list() -> AnyResponse:
    """One's own keys; an owner sees those of all. The tokens themselves are nowhere."""
    return jsonify({"tokens": [token_json(one) for one in _visible()]})


@bp.post("/api/v1/tokens")
@needs(Right.MAKE_TOKENS)
def api_make() -> AnyResponse:
    wish = read_json({"name": str, "rights": list}, required=("name", "rights"))
    token_id, token = _make(wish["name"], check_texts("rights", wish["rights"]))
    response = jsonify({"id": token_id, "token": token})
    response.status_code = 201
    return response


@bp.delete("/api/v1/tokens/<int:token_id>")
@needs(Right.MAKE_TOKENS)
def api_end(token_id: int) -> AnyResponse:
    _end(token_id)
    return Response(status=204)


@bp.get("/settings/keys")
@needs(Right.MAKE_TOKENS)
def page() -> str:
    return _page()


@bp.post("/settings/keys")
@needs(Right.MAKE_TOKENS)
def make_by_form() -> AnyResponse:
    """Answers with the page itself, not with a way to it: the token is in this one answer and nowhere else."""
    try:
        _, token = _make(request.form.get("name", ""), request.form.getlist("rights"))
    except Problem as problem:
        return Response(_page(problem), problem.status, mimetype="text/html")
    return Response(_page(token=token), 201, mimetype="text/html")


@bp.post("/settings/keys/<int:token_id>/end")
@needs(Right.MAKE_TOKENS)
def end_by_form(token_id: int) -> AnyResponse:
    _end(token_id)
    return Response(status=303, headers={"Location": url_for("tokens.page")})


def token_json(one: TokenRow) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "member": one.user_name,
        "rights": list(one.rights),
        "created_ts": one.created_ms,
        "last_used_ts": one.last_used_ms,
    }


def grantable() -> list[Right]:
    """What the asker may give to a key."""
    me = asker()
    return [right for right in Right if right not in NOT_FOR_PROGRAMS and me.may(right)]


def _visible() -> list[TokenRow]:
    me = asker()
    return token_rows.list_tokens(parts().store, None if me.may(Right.MANAGE_HOUSEHOLD) else me.id)


def _make(name: str, rights: list[str]) -> tuple[int, str]:
    """Id and token. Raises Problem."""
    check_proven("/settings/keys")
    try:
        name = check_new_name(name)
    except BadLogin as error:
        raise Problem(422, "token.name", str(error), field="name") from error
    known = {right.name.lower() for right in grantable()}
    if not rights or not known.issuperset(rights):
        wrong = ", ".join(sorted(set(rights) - known))[:100]
        said = f"You cannot give a key the right {wrong}." if rights else "Choose at least one right for the key."
        raise Problem(422, "token.rights", said, next_step=f"There are: {', '.join(sorted(known))}.", field="rights")
    here = parts()
    if len(token_rows.list_tokens(here.store)) >= MAX_TOKENS:
        raise Problem(409, "token.many", f"There are {MAX_TOKENS} keys already. Take back what is not used.")
    token = TOKEN_PREFIX + secrets.token_hex(32)
    token_id = token_rows.add_token(here.store, hash_token(token), asker().id, name, set(rights), here.now_ms())
    note_deed("token_made", subject=f"key:{token_id}", detail=name)
    return token_id, token


def _end(token_id: int) -> None:
    for one in _visible():
        if one.id == token_id:
            token_rows.delete_token(parts().store, token_id)
            parts().sessions.forget(one.token_hash)
            parts().streams.look_now()
            note_deed("token_ended", subject=f"key:{token_id}", detail=one.name)
            return
    raise Problem(404, "token.unknown", "There is no such key.")


def _page(problem: Problem | None = None, token: str = "") -> str:
    return render_template(
        "tokens.html",
        tokens=_visible(),
        grantable=grantable(),
        right_words={right.name.lower(): right.value for right in Right},
        problem=problem,
        token=token,
        form=request.form,
    )
