"""Who did what, for the household to read: nobody can change it, not even an owner."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, jsonify, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.store.audit import AuditRow, list_deeds
from vigilar.web.auth import asker
from vigilar.web.bodies import read_limit
from vigilar.web.deeds import WORDS, sentence_of
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Member, Right, needs

bp = Blueprint("audit", __name__)

PAGE = 100
MAX_LIMIT = 500
FLUSH_S = 1.0
"""What was done a moment ago should be in the list that is asked for now."""

GROUPS = {
    "sign-ins": ("sign_in", "sign_in_refused", "sign_in_blocked", "sign_out", "setup", "setup_refused", "paired",
                 "pairing_refused", "session_ended", "password_refused", "right_refused", "origin_refused",
                 "name_refused"),
    "recordings": ("see_footage", "see_live"),
    "exports": ("export",),
}  # fmt: skip


@bp.get("/api/v1/audit")
@needs(Right.SEE_AUDIT)
def api_list() -> AnyResponse:
    """Newest first: ``?group=sign-ins|recordings|exports|changes&cursor=&limit=``."""
    rows, after = _read(read_limit(PAGE, MAX_LIMIT))
    names = _camera_names()
    return jsonify({"entries": [_json(row, names) for row in rows], "next": after})


@bp.get("/settings/audit")
@needs(Right.SEE_AUDIT)
def page() -> str:
    rows, after = _read(PAGE)
    return render_template(
        "audit.html",
        rows=rows,
        sentence=lambda row: sentence_of(row, _camera_names()),
        after=after,
        group=request.args.get("group", ""),
        groups=[*GROUPS, "changes"],
    )


def _read(limit: int) -> tuple[list[AuditRow], str | None]:
    """A page of entries and the cursor of the next. Who may not see all cameras reads of its own deeds only, as others
    may name what is hidden, and of these not which camera it was where it is hidden by now."""
    here, me = parts(), asker()
    here.audit.flush(FLUSH_S)
    rows = list_deeds(
        here.store,
        limit=limit + 1,
        before_id=_cursor(),
        actions=_actions(),
        user_id=None if me.cameras is None else me.id,
    )
    after = str(rows[limit - 1].id) if len(rows) > limit else None
    return [_veiled(row, me) for row in rows[:limit]], after


def _veiled(row: AuditRow, me: Member) -> AuditRow:
    kind, _, name = row.deed.subject.partition(":")
    is_hidden = kind == "camera" and not me.sees(name)
    return replace(row, deed=replace(row.deed, subject="", detail="")) if is_hidden else row


def _actions() -> tuple[str, ...]:
    group = request.args.get("group", "")
    if not group:
        return ()
    if group == "changes":
        others = {action for actions in GROUPS.values() for action in actions}
        return tuple(sorted(({*WORDS} | {right.name.lower() for right in Right}) - others))
    if group not in GROUPS:
        raise Problem(422, "query.group", f"Ask for one of {', '.join((*GROUPS, 'changes'))}.", field="group")
    return GROUPS[group]


def _cursor() -> int | None:
    cursor = request.args.get("cursor", "")
    if not cursor:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Problem(422, "query.cursor", "Use the cursor that the last answer gave.", field="cursor")
    return int(cursor)


def _camera_names() -> dict[str, str]:
    return {camera.id: camera.name for camera in parts().cameras.all()}


def _json(row: AuditRow, names: dict[str, str]) -> dict[str, object]:
    deed = row.deed
    return {
        "id": row.id,
        "ts": deed.ts_ms,
        "member": deed.name or None,
        "via": deed.via or None,
        "address": deed.address or None,
        "action": deed.action,
        "subject": deed.subject or None,
        "sentence": sentence_of(row, names),
    }
