"""Phones that are told by web push: the house's key, their subscriptions, a test, and what they say they showed."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, jsonify, request
from werkzeug import Response as AnyResponse

from vigilar.base.errors import StoreError, VigilarError
from vigilar.notify.push.endpoints import BadSubscription, parse_endpoint, parse_keys
from vigilar.notify.push.vapid import VapidKey, load_or_create_key
from vigilar.notify.trial import phone_test
from vigilar.store import deliveries, owing
from vigilar.store import phones as phone_rows
from vigilar.store.phones import PhoneRow
from vigilar.web.auth import asker
from vigilar.web.bodies import read_json
from vigilar.web.deeds import note_deed
from vigilar.web.logins import hash_token
from vigilar.web.new_login import BadLogin, check_new_name
from vigilar.web.own_phones import get_phone, visible_phones
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import own_account, public, signed_in
from vigilar.web.sign_in import too_many
from vigilar.web.try_limits import TooManyTries, network_of

bp = Blueprint("push", __name__)

MAX_SHOWN_LATE_MS = 7 * 86_400_000
"""A phone that was away tells later when it showed something; older than this is no use."""


@bp.get("/api/v1/push/key")
@signed_in
def api_key() -> AnyResponse:
    return jsonify({"key": _key().public_text})


@bp.get("/api/v1/push/subscriptions")
@signed_in
def api_list() -> AnyResponse:
    """One's own phones; an owner sees those of all. Their addresses are in no answer: they are what rings them."""
    return jsonify({"subscriptions": [phone_json(one) for one in visible_phones()]})


@bp.post("/api/v1/push/subscriptions")
@own_account
def api_subscribe() -> AnyResponse:
    """``replaces``: the id of this browser, which has another address now."""
    wish = read_json({"endpoint": str, "keys": dict, "name": str, "replaces": int}, required=("endpoint", "keys"))
    phone_id = _subscribe(wish["endpoint"], wish["keys"], wish.get("name") or "Phone", wish.get("replaces"))
    response = jsonify({"id": phone_id})
    response.status_code = 201
    return response


@bp.patch("/api/v1/push/subscriptions/<int:phone_id>")
@own_account
def api_rename(phone_id: int) -> AnyResponse:
    name = _check_name(read_json({"name": str}, required=("name",))["name"])
    get_phone(phone_id)
    phone_rows.rename_phone(parts().store, phone_id, name)
    return jsonify(phone_json(get_phone(phone_id)))


@bp.delete("/api/v1/push/subscriptions/<int:phone_id>")
@own_account
def api_remove(phone_id: int) -> AnyResponse:
    phone = get_phone(phone_id)
    phone_rows.delete_phone(parts().store, phone_id)
    note_deed("phone_removed", subject=f"phone:{phone_id}", detail=phone.name)
    return Response(status=204)


@bp.post("/api/v1/push/test")
@own_account
def api_test() -> AnyResponse:
    """To one phone (``{"id"}``), or to all of one's own. What became of it is in the list a moment later."""
    wish = read_json({"id": int}) if request.get_data() else {}
    told = send_test(wish.get("id"))
    response = jsonify({"phones": [one.id for one in told]})
    response.status_code = 202
    return response


@bp.post("/api/v1/push/shown")
@public
def api_shown() -> AnyResponse:
    """A phone's worker says that it showed a push. It may have no login any more: the random token that came in the
    sealed push is what it is known by, and all that it can say is this."""
    wish = read_json({"id": int, "token": str, "shown_ts": int, "revision": int}, required=("id", "token"))
    here = parts()
    tries, key = here.link_tries, f"pushes shown from {network_of(request.remote_addr or '')}"
    try:
        tries.check(key)
    except TooManyTries as error:
        raise too_many(error) from error
    now_ms = here.now_ms()
    shown_ms = wish.get("shown_ts") or now_ms
    shown_ms = min(now_ms, max(shown_ms, now_ms - MAX_SHOWN_LATE_MS))
    if not deliveries.note_shown(here.store, wish["id"], wish["token"], shown_ms, wish.get("revision") or 0):
        tries.note_wrong(key)
        raise Problem(404, "push.unknown", "There is no such push.")
    return Response(status=204)


def phone_json(one: PhoneRow) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "member": one.user_name,
        "is_mine": one.user_id == asker().id,
        "state": one.state,
        "sentence": one.sentence,
        "user_agent": one.user_agent,
        "created_ts": one.created_ms,
        "accepted_ts": one.accepted_ms,
        "shown_ts": one.shown_ms,
        "delay_ms": one.delay_ms,
    }


def send_test(phone_id: int | None = None) -> list[PhoneRow]:
    """Owe a test to one phone, or to all of the asker's own; those it goes to. Raises Problem."""
    here, me = parts(), asker()
    told = [get_phone(phone_id)] if phone_id is not None else phone_rows.list_phones(here.store, me.id)
    if not told:
        raise Problem(
            409,
            "push.none",
            "You have no phone here that could be told.",
            next_step="Open Vigilar on the phone, then Settings, Notifications, Tell this device.",
        )
    now_ms, hosts = here.now_ms(), here.cfg.push_hosts
    tests = [phone_test(one, here.cfg.house_name, hosts, now_ms) for one in told]
    owing.owe(here.store, here.cfg.node_id, tests, now_ms)
    return told


def _subscribe(endpoint: str, keys: dict[str, Any], name: str, replaces: int | None) -> int:
    here = parts()
    try:
        parse_endpoint(endpoint, here.cfg.push_hosts)
        p256dh, auth = parse_keys(_text(keys, "p256dh"), _text(keys, "auth"))
    except BadSubscription as error:
        raise Problem(422, "push.endpoint", str(error), field="endpoint") from error
    _key()  # without one the phone would wait for pushes that cannot be signed
    try:
        phone_id = phone_rows.put_phone(
            here.store,
            asker().id,
            name=_check_name(name),
            endpoint=endpoint,
            origin=request.host_url.rstrip("/") if request.is_secure else "",
            p256dh=p256dh,
            auth=auth,
            user_agent=request.user_agent.string,
            session_hash=hash_token(g.token),
            now_ms=here.now_ms(),
            replaces=replaces,
        )
    except StoreError as error:
        if error.code == "phone.gone":
            raise Problem(
                404,
                "push.gone",
                "This phone was removed from the house.",
                next_step="To have it told again, add it under Notifications.",
            ) from error
        if error.code != "phone.many":
            raise
        raise Problem(
            409,
            "push.many",
            f"You have {phone_rows.MAX_PHONES} phones here already.",
            next_step="Remove one that is not used any more.",
        ) from error
    note_deed("phone_added", subject=f"phone:{phone_id}", detail=get_phone(phone_id).name)
    return phone_id


def _text(keys: dict[str, Any], name: str) -> str:
    value = keys.get(name)
    if not isinstance(value, str) or len(value) > 200:
        raise Problem(422, "push.endpoint", f"keys.{name} must be base64url text.", field=f"keys.{name}")
    return value


def _check_name(name: str) -> str:
    try:
        return check_new_name(name)
    except BadLogin as error:
        raise Problem(422, "push.name", str(error), field="name") from error


def _key() -> VapidKey:
    try:
        return load_or_create_key(parts().cfg.secrets_dir)
    except VigilarError as error:
        raise Problem(503, "push.key", str(error), next_step=error.next_step) from error
