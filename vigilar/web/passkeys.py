"""Passkeys (Web Authentication, level 3): made on one's own account; in place of a password to sign in, and of a PIN to
disarm.

Browsers make them for a host name only, never for an address, and only on a secure page. The library is loaded with the
first use: it would be a third of this process' memory, and many houses never need it.
"""

from __future__ import annotations

import ipaddress
import json
import logging
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from flask import request

from vigilar.base.errors import StoreError
from vigilar.store import passkeys as passkey_rows
from vigilar.store import users as user_rows
from vigilar.store.arming import read_state
from vigilar.store.passkeys import PasskeyRow
from vigilar.store.users import UserRow
from vigilar.web.auth import asker
from vigilar.web.deeds import note_deed
from vigilar.web.new_login import BadLogin, check_new_name
from vigilar.web.parts import Parts, parts
from vigilar.web.problems import Problem
from vigilar.web.proving import check_proven
from vigilar.web.sign_in import limited_tries
from vigilar.web.transport import require_secure
from vigilar.web.try_limits import network_of

logger = logging.getLogger(__name__)

MAX_PASSKEYS = 20
"""Of one member."""


def host_for_passkeys() -> str:
    """The host name passkeys are for here; empty where browsers make none: by an address, or not securely."""
    name = urlsplit(f"//{request.host}").hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name
    return ""


def creation_options() -> dict[str, Any]:
    """What the browser is to make a passkey of the asker with. Raises Problem."""
    here, me, rp_id = parts(), asker(), _need_host()
    check_calm()
    check_proven("/settings/account")
    lib, known = _library(), passkey_rows.list_passkeys(here.store, me.id)
    if len(known) >= MAX_PASSKEYS:
        raise Problem(409, "passkey.many", f"You have {MAX_PASSKEYS} passkeys. Remove one you do not use.")
    from webauthn.helpers import structs  # see the docstring of the module

    options = lib.generate_registration_options(
        rp_id=rp_id,
        rp_name=here.cfg.house_name or "Vigilar",
        user_id=f"{here.cfg.node_id}-{me.id}".encode()[:64],
        user_name=me.name,
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=one.credential_id) for one in known],
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
    )
    return _with_name(lib, options, me.id)


def add_passkey(challenge: str, name: str, credential: dict[str, Any]) -> int:
    """The id of a new passkey of the asker. Raises Problem."""
    here, me, rp_id = parts(), asker(), _need_host()
    check_calm()
    check_proven("/settings/account")
    try:
        name = check_new_name(name)
    except BadLogin as error:
        raise Problem(422, "passkey.name", str(error), field="name") from error
    value = here.challenges.take(challenge, here.now_ms(), me.id)
    if value is None:
        raise _over()
    try:
        made = _library().verify_registration_response(
            credential=credential,
            expected_challenge=value,
            expected_rp_id=rp_id,
            expected_origin=_origins(),
            require_user_verification=True,
        )
    except Exception as error:  # the library raises its own, ValueError, KeyError and what its parsers do
        logger.info("a passkey was not taken: %s", type(error).__name__)
        raise Problem(422, "passkey.wrong", "This passkey could not be checked.", field="credential") from error
    try:
        passkey_id = passkey_rows.add_passkey(
            here.store,
            me.id,
            credential_id=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            rp_id=rp_id,
            name=name,
            now_ms=here.now_ms(),
        )
    except StoreError as error:
        if passkey_rows.find_passkey(here.store, made.credential_id) is None:
            raise
        raise Problem(409, "passkey.exists", "This passkey is known already.") from error
    note_deed("passkey_made", detail=name)
    return passkey_id


def sign_in_options() -> dict[str, Any]:
    """What the browser is to sign in with. Raises Problem."""
    require_secure()
    lib, rp_id = _library(), _need_host()
    from webauthn.helpers import structs  # see the docstring of the module

    options = lib.generate_authentication_options(
        rp_id=rp_id, user_verification=structs.UserVerificationRequirement.REQUIRED
    )
    return _with_name(lib, options, None)


def disarm_options() -> dict[str, Any]:
    """With what the asker's browser is to prove, in place of a PIN, who holds it. Raises Problem."""
    me, rp_id = asker(), _need_host()
    mine = own_passkeys(rp_id)
    if not mine:
        raise Problem(409, "passkey.none", "You have no passkey for this address.", next_step="Use your PIN.")
    from webauthn.helpers import structs  # see the docstring of the module

    lib = _library()
    options = lib.generate_authentication_options(
        rp_id=rp_id,
        allow_credentials=[structs.PublicKeyCredentialDescriptor(id=one.credential_id) for one in mine],
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return _with_name(lib, options, me.id)


def check_calm() -> None:
    """Whoever has somebody's open page must not give himself what disarms. Raises Problem 409 while armed."""
    if not read_state(parts().store).is_quiet:
        sentence = "No passkey is made while the house is armed: one can disarm with it."
        raise Problem(409, "passkey.armed", sentence, next_step="Disarm first.")


def own_passkeys(rp_id: str) -> list[PasskeyRow]:
    """Those of the asker that work under this host name."""
    return [one for one in passkey_rows.list_passkeys(parts().store, asker().id) if one.rp_id == rp_id]


def prove_own(challenge: str, credential: dict[str, Any]) -> None:
    """That the asker, and nobody else, holds the passkey now. Raises Problem: 403 ``passkey.wrong``, 429."""
    me, rp_id = asker(), _need_host()
    with limited_tries(f"passkey of {me.id}") as one:
        user = _verify(parts(), rp_id, challenge, credential, me.id)
        if user is not None and user.id == me.id:
            one.was_right()
            return
    raise Problem(
        403, "passkey.wrong", "This passkey is not yours, or could not be checked.", next_step="Use your PIN."
    )


def check_passkey(challenge: str, credential: dict[str, Any]) -> UserRow:
    """Whose passkey signed the challenge. Raises Problem: 401 ``passkey.wrong``, 429."""
    require_secure()
    here, rp_id = parts(), _need_host()
    with limited_tries(f"passkey from {network_of(request.remote_addr or '')}") as one:
        user = _verify(here, rp_id, challenge, credential, None)
        if user is not None:
            one.was_right()
            return user
    note_deed("sign_in_refused", detail="with a passkey")
    raise Problem(401, "passkey.wrong", "This passkey does not open this house.", next_step="Use the password instead.")


def _verify(here: Parts, rp_id: str, challenge: str, credential: dict[str, Any], user_id: int | None) -> UserRow | None:
    """Whose passkey signed the challenge that was made for ``user_id``, None for whoever signs in."""
    now_ms = here.now_ms()
    value, lib = here.challenges.take(challenge, now_ms, user_id), _library()
    raw_id = credential.get("rawId")
    if value is None or not isinstance(raw_id, str):
        return None
    try:
        known = passkey_rows.find_passkey(here.store, lib.base64url_to_bytes(raw_id))
        if known is None or known.rp_id != rp_id:
            return None
        proven = lib.verify_authentication_response(
            credential=credential,
            expected_challenge=value,
            expected_rp_id=rp_id,
            expected_origin=_origins(),
            credential_public_key=known.public_key,
            credential_current_sign_count=known.sign_count,
            require_user_verification=True,
        )
    except StoreError:
        raise
    except Exception as error:  # the library raises its own, ValueError, KeyError and what its parsers do
        logger.warning("wrong passkey from %s: %s", request.remote_addr, type(error).__name__)
        return None
    count = proven.new_sign_count
    here.reserve.help(lambda: passkey_rows.note_passkey_use(here.store, known.id, count, now_ms))
    return user_rows.get_user(here.store, known.user_id)


def _with_name(lib: ModuleType, options: Any, user_id: int | None) -> dict[str, Any]:
    here = parts()
    name = here.challenges.add(options.challenge, here.now_ms(), user_id)
    found: dict[str, Any] = {"challenge": name, "options": json.loads(lib.options_to_json(options))}
    return found


def _origins() -> list[str]:
    """Where the page may have come from: as we were asked, and, where a proxy dropped the port, as the browser says."""
    origins = [f"{request.scheme}://{request.host}"]
    said = request.headers.get("Origin", "")
    if urlsplit(said).hostname == host_for_passkeys() and urlsplit(said).scheme == request.scheme:
        origins.append(said)
    return origins


def _need_host() -> str:
    name = host_for_passkeys()
    if not name:
        step = f"Open this page as https://vigilar.local:{parts().cfg.port} instead."
        raise Problem(409, "passkey.address", "Passkeys are made for a name, not for an address.", next_step=step)
    return name


def _over() -> Problem:
    return Problem(409, "passkey.over", "That took too long.", next_step="Try again.")


def _library() -> ModuleType:
    import webauthn  # see the docstring of the module

    return webauthn
