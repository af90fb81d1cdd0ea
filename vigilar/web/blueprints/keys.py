"""The keys: how the recordings are locked up, unlocking them, the recovery sheet, rotation. Works without script."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request, url_for
from werkzeug import Response as AnyResponse

from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.proof.checkpoint import dump_signed, parse_statement
from vigilar.store import users as user_rows
from vigilar.store.checkpoints import newest_checkpoint
from vigilar.store.jobs import JobRow
from vigilar.web.auth import asker
from vigilar.web.bodies import read_json
from vigilar.web.exports import cancel, get_job, job_json, word_of
from vigilar.web.key_page import (
    REWRAP,
    KeyFacts,
    WaitingSheet,
    WaitingSheets,
    find_move,
    read_keys,
    rotate,
    unlock_house,
    use_sheet,
)
from vigilar.web.parts import parts
from vigilar.web.passwords import check_password
from vigilar.web.problems import Problem, as_sentence
from vigilar.web.rights import Right, needs
from vigilar.web.times import file_time
from vigilar.web.transport import is_secure, require_secure
from vigilar.web.try_limits import TooManyTries, Try

bp = Blueprint("keys", __name__)

_WAITING = "vigilar_waiting_sheets"


@bp.get("/system/keys")
@needs(Right.MANAGE_KEYS)
def page() -> str:
    return _page()


@bp.post("/system/keys/unlock")
@needs(Right.MANAGE_KEYS)
def unlock() -> AnyResponse:
    try:
        _unlock(request.form.get("password", ""), request.form.get("passphrase", ""))
    except Problem as problem:
        return Response(_page(problem), problem.status, mimetype="text/html", headers=problem.headers)
    return redirect(url_for("keys.page"), 303)


@bp.post("/system/keys/rotate")
@needs(Right.MANAGE_KEYS)
def rotate_keys() -> AnyResponse:
    try:
        _check_password(request.form.get("password", ""), "rotate")
        rotate(parts())
    except Problem as problem:
        return Response(_page(problem), problem.status, mimetype="text/html", headers=problem.headers)
    return redirect(url_for("keys.page"), 303)


@bp.post("/system/keys/jobs/<int:job_id>/cancel")
@needs(Right.MANAGE_KEYS)
def cancel_move(job_id: int) -> AnyResponse:
    cancel(get_job(job_id, REWRAP))
    return redirect(url_for("keys.page"), 303)


@bp.get("/system/keys/checkpoint")
@needs(Right.MANAGE_KEYS)
def checkpoint() -> AnyResponse:
    """The newest signed checkpoint, to be kept elsewhere."""
    here = parts()
    made = newest_checkpoint(here.store, here.cfg.node_id)
    if made is None:
        raise Problem(404, "proof.none", "This box has signed no checkpoint yet.")
    name = f"vigilar-{here.cfg.node_id[:8]}-{file_time(made.created_ms, here.zone)}.checkpoint"
    response = Response(dump_signed(made), mimetype="text/plain")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# The sheet


@bp.get("/setup/sheet")
@needs(Right.MANAGE_KEYS)
def first_sheet() -> AnyResponse | str:
    """Behind the first page of a new house, where nobody can read along."""
    facts = _facts()
    if facts.sheet:
        return redirect(url_for("keys.page"))
    return render_template("first_sheet.html", is_beside=facts.is_beside and not facts.is_locked_up)


@bp.post("/system/keys/sheet")
@needs(Right.MANAGE_KEYS)
def make_sheet() -> AnyResponse:
    """The words of a new sheet, on this answer and nowhere else."""
    try:
        require_secure()
        facts = _facts()
        if facts.trouble or facts.is_locked:
            raise Problem(409, "keys.locked", facts.sentence, field="sheet")
        if facts.sheet:
            _check_password(request.form.get("password", ""), "sheet")
    except Problem as problem:
        return Response(_page(problem), problem.status, mimetype="text/html", headers=problem.headers)
    return _show(_waiting().make(asker().id))


@bp.post("/system/keys/sheet/again")
@needs(Right.MANAGE_KEYS)
def show_again() -> AnyResponse:
    """The same words, for a printer that ate the paper."""
    require_secure()
    return _show(_get_waiting())


@bp.get("/system/keys/sheet/check")
@needs(Right.MANAGE_KEYS)
def check_sheet() -> str:
    return _check_page(_get_waiting())


@bp.post("/system/keys/sheet/check")
@needs(Right.MANAGE_KEYS)
def use() -> AnyResponse:
    require_secure()
    waiting = _get_waiting()
    words = waiting.sheet.words
    for place in waiting.asked:
        if request.form.get(f"word{place}", "").strip().lower() != words[place]:
            problem = Problem(
                422,
                "keys.word",
                f"Word {place + 1} is not the one on sheet {waiting.id}. Look at the paper again.",
                field=f"word{place}",
            )
            return Response(_check_page(waiting, problem), 422, mimetype="text/html")
    use_sheet(parts(), waiting.sheet)
    _waiting().take(asker().id)
    return redirect(url_for("keys.page"), 303)


# For programs


@bp.get("/api/v1/keys")
@needs(Right.MANAGE_KEYS)
def api_keys() -> AnyResponse:
    facts, job = _facts(), find_move(parts())
    return jsonify(
        {
            "sentence": facts.sentence,
            "is_locked": facts.is_locked,
            "has_passphrase": facts.has_passphrase,
            "sticks": list(facts.sticks),
            "is_beside_recordings": facts.is_beside,
            "sheet": facts.sheet or None,
            "epoch": facts.epoch,
            "job": None if job is None else job_json(job),
        }
    )


@bp.post("/api/v1/keys/unlock")
@needs(Right.MANAGE_KEYS)
def api_unlock() -> AnyResponse:
    body = read_json({"password": str, "passphrase": str}, required=("password",))
    _unlock(body["password"], body.get("passphrase", ""))
    return Response(status=204)


@bp.post("/api/v1/keys/rotate")
@needs(Right.MANAGE_KEYS)
def api_rotate() -> AnyResponse:
    body = read_json({"password": str}, required=("password",))
    _check_password(body["password"], "rotate")
    response = jsonify({"job": str(rotate(parts()).id)})
    response.status_code = 202
    return response


def _facts() -> KeyFacts:
    cfg = parts().cfg
    return read_keys(cfg.secrets_dir, cfg.data_dir)


def _page(problem: Problem | None = None) -> str:
    here = parts()
    made = newest_checkpoint(here.store, here.cfg.node_id)
    return render_template(
        "keys.html",
        checkpoint=made,
        checkpoint_print=sha256(made.body.encode()).hexdigest()[:16] if made else "",
        box_key=parse_statement(made.body).key.hex() if made else "",
        facts=_facts(),
        job=_job(find_move(parts())),
        problem=problem,
        is_private=is_secure(),
        waiting=_waiting().find(asker().id),
    )


def _job(row: JobRow | None) -> dict[str, object] | None:
    return None if row is None else {**job_json(row), "word": word_of(row), "result": row.result or {}}


def _show(waiting: WaitingSheet) -> Response:
    page = render_template("sheet.html", sheet_id=waiting.id, sheet_words=waiting.sheet.words, made_ms=waiting.shown_ms)
    return Response(page, mimetype="text/html")


def _check_page(waiting: WaitingSheet, problem: Problem | None = None) -> str:
    return render_template("sheet_check.html", sheet_id=waiting.id, asked=waiting.asked, problem=problem)


def _waiting() -> WaitingSheets:
    found: WaitingSheets = current_app.extensions.setdefault(_WAITING, WaitingSheets(parts().clock))
    return found


def _get_waiting() -> WaitingSheet:
    found = _waiting().find(asker().id)
    if found is None:
        raise Problem(
            410,
            "keys.sheet_gone",
            "This sheet is not known any more, and it does not count.",
            next_step="Throw the paper away and make another sheet under System, Keys.",
        )
    return found


def _unlock(password: str, passphrase: str) -> None:
    _check_password(password, "unlock")
    with _limited_tries() as one:
        try:
            unlock_house(parts(), passphrase)
        except RecordingError as error:
            if error.kind is ErrorKind.DENIED:
                detail = as_sentence(str(error))
                raise Problem(403, error.code, detail, next_step=error.next_step, field="unlock") from error
            one.was_right()  # what else fails is not the fault of who tried
            raise
        one.was_right()


def _check_password(password: str, form: str) -> None:
    """The asker's own password, so that a browser left open is not enough. ``form`` is named in the Problem."""
    require_secure()
    with _limited_tries() as one:
        user = user_rows.find_user(parts().store, asker().name)
        if user is None or not check_password(user.password_hash, password):
            raise Problem(403, "login.wrong", "The password of your account is not right.", field=form)
        one.was_right()


@contextmanager
def _limited_tries() -> Iterator[Try]:
    """A place for one try, the whole house together. Raises Problem 429 when there is none."""
    try:
        with parts().key_tries.attempt("keys") as one:
            yield one
    except TooManyTries as error:
        raise Problem(
            429,
            "keys.wait",
            "Too many wrong tries. Wait a quarter of an hour, or unlock on the box: vigilar keys unlock.",
            headers={"Retry-After": str(error.retry_after_s)},
        ) from error
