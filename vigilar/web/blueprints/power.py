"""The page of power: how the house is supplied, what happens in a power cut, and the cuts there were."""

from __future__ import annotations

from flask import Blueprint, jsonify, render_template
from werkzeug import Response as AnyResponse

from vigilar.power.watch import Limits
from vigilar.power.words import plan_steps
from vigilar.store.events import EventFilter, StoredEvent, list_events
from vigilar.web.parts import Parts, parts
from vigilar.web.rights import Right, needs
from vigilar.web.supply import UPS, read_power, ups_status

bp = Blueprint("power", __name__)

CUTS = 20
"""Power cuts shown."""


@bp.get("/system/power")
@needs(Right.SEE_SYSTEM)
def power_page() -> str:
    here, status = parts(), ups_status(parts())
    limits = _limits(here)
    return render_template(
        "power.html",
        line=read_power(here),
        status=status,
        is_set_up=limits is not None,
        steps=plan_steps(limits or Limits(), status),
        cuts=_cuts(here),
    )


@bp.get("/api/v1/power")
@needs(Right.SEE_SYSTEM)
def api_power() -> AnyResponse:
    here = parts()
    line, status, limits = read_power(here), ups_status(here), _limits(here)
    return jsonify(
        {
            "state": line.state,
            "sentence": line.sentence,
            "next_step": line.next_step,
            "level": line.level.value if line.level else None,
            "ups": status,
            "plan": [{"when": one.when, "what": one.what} for one in plan_steps(limits, status)] if limits else [],
            "cuts": [
                {"ts": one.ts_ms, "end_ts": one.end_ms, "cuts": one.payload.get("cuts"), "title": one.payload["title"]}
                for one in _cuts(here)
            ],
        }
    )


def _limits(here: Parts) -> Limits | None:
    return None if here.cfg.power is None else Limits(*here.cfg.power)


def _cuts(here: Parts) -> list[StoredEvent]:
    return list_events(here.store, EventFilter(camera=UPS, type="power_loss", limit=CUTS))[0]
