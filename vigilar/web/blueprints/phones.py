"""The phones on the page of notifications: what its buttons do without script. Scripts ask the API (``push``)."""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug import Response as AnyResponse

from vigilar.store import phones as phone_rows
from vigilar.web.blueprints.notifications import refused_page
from vigilar.web.blueprints.push import send_test
from vigilar.web.deeds import note_deed
from vigilar.web.new_login import BadLogin, check_new_name
from vigilar.web.own_phones import PAGE, get_phone
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import own_account

bp = Blueprint("phones", __name__)


@bp.post(f"{PAGE}/phones/<int:phone_id>/test")
@own_account
def test_by_form(phone_id: int) -> AnyResponse:
    send_test(phone_id)
    return _back("tested")


@bp.post(f"{PAGE}/phones/<int:phone_id>/rename")
@own_account
def rename_by_form(phone_id: int) -> AnyResponse:
    get_phone(phone_id)
    try:
        name = check_new_name(request.form.get("name", ""))
    except BadLogin as error:
        problem = Problem(422, "push.name", str(error), field="name")
        return refused_page(problem, f"phone-{phone_id}")
    phone_rows.rename_phone(parts().store, phone_id, name)
    return _back("renamed")


@bp.post(f"{PAGE}/phones/<int:phone_id>/remove")
@own_account
def remove_by_form(phone_id: int) -> AnyResponse:
    phone = get_phone(phone_id)
    phone_rows.delete_phone(parts().store, phone_id)
    note_deed("phone_removed", subject=f"phone:{phone_id}", detail=phone.name)
    return _back("removed")


def _back(done: str) -> Response:
    return Response(status=303, headers={"Location": f"{PAGE}?phone={done}#phones"})
