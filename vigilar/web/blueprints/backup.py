"""Copies elsewhere: how far they are, what keeps them, and buttons that have them made, checked or proved now."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, render_template
from werkzeug import Response as AnyResponse

from vigilar.store.backups import BackupWork, ask
from vigilar.web.backup_page import STATE_WORDS, WORK_WORDS, backup_json, read_backup
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs

bp = Blueprint("backup", __name__)

_WORK: dict[str, BackupWork] = {"copy": "copy", "check": "check", "deep": "deep", "drill": "drill"}


@bp.get("/system/backup")
@needs(Right.SEE_SYSTEM)
def backup_page() -> str:
    return render_template(
        "backup.html", view=read_backup(parts()), work_words=WORK_WORDS, state_words=STATE_WORDS, now=parts().now_ms()
    )


@bp.get("/api/v1/backup")
@needs(Right.SEE_SYSTEM)
def api_backup() -> AnyResponse:
    return jsonify(backup_json(read_backup(parts())))


@bp.post("/api/v1/backup/<work>")
@needs(Right.SEE_SYSTEM)
def api_ask(work: str) -> AnyResponse:
    """Have it done as soon as the backup's process can; 202."""
    _ask(work)
    return Response(status=202)


@bp.post("/system/backup/<work>")
@needs(Right.SEE_SYSTEM)
def ask_by_form(work: str) -> AnyResponse:
    """The same as a button of the page, without script."""
    _ask(work)
    return Response(status=303, headers={"Location": "/system/backup"})


def _ask(work: str) -> None:
    here = parts()
    if work not in _WORK:
        raise Problem(404, "backup.work", "A backup can be asked to copy, check, deep or drill.")
    if not here.cfg.backup_to:
        raise Problem(409, "backup.not_set_up", "No backup is set up: write target = ... into [backup].")
    here.reserve.help(lambda: ask(here.store, here.cfg.node_id, _WORK[work], here.now_ms()))
