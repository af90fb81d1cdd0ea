"""The journal of wild animals: which came when, what is new, and what people say they were."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.base.wildlife_rules import DAY_MS
from vigilar.store import wildlife as rows
from vigilar.store.events import EventFilter, StoredEvent
from vigilar.web.auth import asker
from vigilar.web.blueprints.events import get_named_event
from vigilar.web.bodies import read_json
from vigilar.web.naming import add_species, can_name, find_alike, kind_before, make_naming, say_word, take_back
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs
from vigilar.web.times import house_time, iso_text
from vigilar.web.visible import visible_cameras
from vigilar.web.wildlife import (
    DAYS,
    Asked,
    camera_ids,
    choose,
    hours_text,
    is_counting,
    known_species,
    night_text,
    rate_text,
    read_journal,
    read_news,
    takeaway,
    top_sentence,
    usual_sentence,
    when_text,
)
from vigilar.web.wildlife_plot import draw_raster, make_cells, mark_sun, most_rate
from vigilar.wildlife.journal import HOURS, NOON, Journal, first_of_years, make_journal, span_of_nights, usual_hours
from vigilar.wildlife.species import CORRECTIONS, OF_A_KIND, TIERS, KnownSpecies
from vigilar.wildlife.watched import HOUR_MS

bp = Blueprint("wildlife", __name__)

PAGE = 30
"""Visits of one page of a list: each with its picture."""

MOST_PICTURES = 12
YEAR_DAYS = 365
_OWN_PAGE = re.compile(r"/wildlife/visits(\?[\w.=&%+-]*)?|/events/[0-9]{1,18}")

EVER_DAYS = 5 * 366
"""First sights of so many years back are in the table of years."""


@bp.get("/wildlife")
@needs(Right.SEE_EVENTS)
def wildlife_page() -> str:
    here, visible = parts(), visible_cameras(asker())
    if not here.cfg.wildlife.enabled:
        return render_template("wildlife.html", is_off=True, sentence="The journal of wild animals is switched off.")
    asked = Asked.read(request.args, visible)
    known = known_species(here)
    journal = read_journal(here, visible, asked, known)
    news = read_news(here, visible, asked, journal)
    place = here.cfg.wildlife.place
    most = most_rate(journal)
    return render_template(
        "wildlife.html",
        asked=asked,
        all_days=DAYS,
        cameras=visible.all(),
        journal=journal,
        sentence=top_sentence(here, asked, journal, news),
        news=[(visit, novelty, when_text(here, visit.sighting.ts_ms)) for visit, novelty in news],
        rows=[(row, make_cells(row, journal, most), usual_sentence(row, journal)) for row in journal.rows],
        sun=mark_sun(journal, place, here.zone) if place is not None else None,
        raster=draw_raster(journal, place, here.zone) if asked.view == "nights" else None,
        years=_years(asked, known) if asked.view == "years" else None,
        takeaway=takeaway(journal),
        counting=is_counting(here, camera_ids(here, visible, asked.camera), journal.span.from_ms),
        rate_text=rate_text,
        hours_text=hours_text,
        tiers=TIERS,
        noon=NOON,
        hour_ms=HOUR_MS,
    )


@bp.get("/wildlife/visits")
@needs(Right.SEE_EVENTS)
def visits_page() -> str:
    """The visits behind a cell or a row of a plot, with their pictures: as many as its number says."""
    here, visible = parts(), visible_cameras(asker())
    asked, known = Asked.read(request.args, visible), known_species(here)
    found = choose(read_journal(here, visible, asked, known), asked)
    pages = max(1, -(-len(found) // PAGE))
    page = min(asked.page, pages)
    shown = found[(page - 1) * PAGE : page * PAGE]
    events = rows.read_events(here.store, [one.sighting.event_id for one in shown])
    listed = [(visible.veil(events[one.sighting.event_id]), one) for one in shown if one.sighting.event_id in events]
    names = {camera.id: camera.name for camera in visible.all()}
    return render_template(
        "wildlife_visits.html",
        asked=asked,
        heading=_heading(asked, known),
        count=len(found),
        page=page,
        pages=pages,
        visits=[
            (
                event,
                visit,
                names.get(event.source_id, event.payload.get("camera_name", "")),
                known.offered(event.kind)[0],
            )
            for event, visit in listed
        ],
        when=lambda ms: when_text(here, ms),
        named=_named_notice(known),
        none=CORRECTIONS["none"],
    )


@bp.get("/wildlife/<key>")
@needs(Right.SEE_EVENTS)
def species_page(key: str) -> str:
    here, visible = parts(), visible_cameras(asker())
    known = known_species(here)
    species = known.find(key) or OF_A_KIND.get(key)
    if species is None:
        raise Problem(404, "species.unknown", "There is no such species.")
    asked = replace(Asked.read(request.args, visible), species=key)
    if "days" not in request.args:
        asked = replace(asked, days=YEAR_DAYS)
    journal = read_journal(here, visible, asked, known)
    row = next((one for one in journal.rows if one.species.key == key), None)
    limits = visible.limit(EventFilter(camera=asked.camera or None))
    newest = choose(journal, asked)[:200]
    events = rows.read_events(here.store, [one.sighting.event_id for one in newest])
    pictured = [
        visible.veil(event)
        for one in newest
        if (event := events.get(one.sighting.event_id)) and event.still_id is not None
    ]
    best = max(pictured, key=lambda one: (one.kept, one.label_score or 0), default=None)
    only = replace(journal, rows=[row] if row is not None else [])
    last_ms = rows.last_before(here.store, key, here.now_ms() + 1, limits)
    first_ms = rows.first_seen(here.store, key, limits)
    return render_template(
        "wildlife_species.html",
        species=species,
        tier=TIERS.get(species.tier, ""),
        asked=asked,
        all_days=DAYS,
        journal=journal,
        row=row,
        cells=make_cells(row, only, most_rate(only)) if row is not None else [],
        usual=usual_sentence(row, journal) if row is not None else "",
        last=when_text(here, last_ms) if last_ms is not None else "",
        first=when_text(here, first_ms) if first_ms is not None else "",
        pictures=[(one, when_text(here, one.ts_ms)) for one in pictured[:MOST_PICTURES]],
        best=best,
        when=lambda ms: when_text(here, ms),
        rate_text=rate_text,
        hours_text=hours_text,
    )


@bp.get("/wildlife.csv")
@needs(Right.SEE_EVENTS)
def wildlife_csv() -> AnyResponse:
    """``?what=hours`` (the plot) or ``visits`` (one line each)."""
    here, visible = parts(), visible_cameras(asker())
    asked, known = Asked.read(request.args, visible), known_species(here)
    what = request.args.get("what") or "hours"
    if what not in ("hours", "visits"):
        raise Problem(422, "query.what", "what is hours or visits.", field="what")
    journal = read_journal(here, visible, asked, known)
    lines: Iterable[Sequence[object]] = _hour_lines(journal)
    if what == "visits":
        lines = [("time", "night", "species", "name", "kind", "tier", "camera", "event")]
        lines += [
            (
                iso_text(one.sighting.ts_ms, here.zone),
                one.night.isoformat(),
                one.species.key,
                one.species.name,
                one.sighting.kind,
                one.species.tier,
                one.sighting.camera_id,
                one.sighting.event_id,
            )
            for one in journal.visits
        ]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([_cell(one) for one in line] for line in lines)
    name = f"wildlife-{what}-{asked.days}-days.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(text.getvalue(), mimetype="text/csv", headers=headers)


@bp.get("/api/v1/wildlife")
@needs(Right.SEE_EVENTS)
def api_wildlife() -> AnyResponse:
    here, visible = parts(), visible_cameras(asker())
    asked, known = Asked.read(request.args, visible), known_species(here)
    journal = read_journal(here, visible, asked, known)
    news = read_news(here, visible, asked, journal)
    place = here.cfg.wildlife.place
    sun = mark_sun(journal, place, here.zone) if place is not None else None
    return jsonify(
        {
            "days": asked.days,
            "camera": asked.camera or None,
            "from": journal.span.from_ms,
            "to": journal.span.to_ms,
            "sentence": top_sentence(here, asked, journal, news),
            "watched_h": round(journal.watched_h, 2),
            "hours_watched": [round(ms / HOUR_MS, 2) for ms in journal.watched_ms],
            "species": [_row_json(journal, row) for row in journal.rows],
            "news": [
                {
                    "species": visit.species.key,
                    "event": visit.sighting.event_id,
                    "ts": visit.sighting.ts_ms,
                    "novelty": novelty.step,
                    "days": novelty.days,
                    "words": novelty.words,
                }
                for visit, novelty in news
            ],
            "sun": {"rise": sun.rise_text, "set": sun.set_text} if sun is not None else None,
            "known": [
                {"species": one.key, "name": one.name, "kind": one.kind, "tier": one.tier, "own": one.is_own}
                for one in known.all
            ],
        }
    )


@bp.put("/api/v1/events/<event_id>/species")
@needs(Right.CHANGE_EVENTS)
def api_name(event_id: str) -> AnyResponse:
    """``species`` is a key of the list, ``bird``, ``animal``, ``cat``, ``dog`` or ``none``; or ``name`` and ``tier`` of
    one of the household's own. ``undo`` in the answer takes it back."""
    here, visible = parts(), visible_cameras(asker())
    event = _nameable(event_id)
    body = read_json({"species": str, "name": str, "tier": str})
    if ("species" in body) == ("name" in body):
        raise Problem(422, "body.missing", "Send either species, or name and tier.", field="species")
    key = (
        body["species"] if "species" in body else add_species(here, body["name"], body.get("tier", ""), event.kind).key
    )
    if not key:
        raise Problem(422, "species.unknown", "There is no such species.", field="species")
    kind = kind_before(event)
    act, changed = say_word(here, visible, [event.id], key)
    event = changed[0] if changed else event
    alike = find_alike(here, visible, event, kind)
    return jsonify(
        {
            "event": event.id,
            "species": key,
            "title": event.payload.get("title", ""),
            "kind": event.kind,
            "undo": act if changed else None,
            "alike": [one.id for one in alike],
        }
    )


@bp.delete("/api/v1/events/<event_id>/species")
@needs(Right.CHANGE_EVENTS)
def api_unname(event_id: str) -> AnyResponse:
    say_word(parts(), visible_cameras(asker()), [_nameable(event_id).id], "")
    return Response(status=204)


@bp.post("/events/<int:event_id>/species")
@needs(Right.CHANGE_EVENTS)
def name_event(event_id: int) -> AnyResponse:
    """The buttons of a page, without script. ``also``: further visits that were shown, ``only_also`` those alone."""
    here, visible = parts(), visible_cameras(asker())
    event = _nameable(str(event_id))
    if name := request.form.get("own_name"):
        key = add_species(here, name, request.form.get("tier", ""), event.kind).key
    else:
        key = request.form.get("species", "")
    also = [_event_id(one) for one in request.form.getlist("also")]
    if request.form.get("only_also") == "1":
        if not also:
            return redirect(f"/events/{event_id}#what", 303)
        act, _ = say_word(here, visible, also, key)
    else:
        act, _ = say_word(here, visible, [event.id, *also], key)
    return redirect(_back(f"/events/{event_id}", act), 303)


@bp.post("/wildlife/undo")
@needs(Right.CHANGE_EVENTS)
def undo_name() -> AnyResponse:
    here, visible = parts(), visible_cameras(asker())
    changed = take_back(here, visible, request.form.get("act", ""))
    return redirect(_back(f"/events/{changed[0].id}" if changed else "/wildlife", ""), 303)


def _years(asked: Asked, known: KnownSpecies) -> tuple[list[int], list[tuple[Any, dict[int, tuple[int, str]]]]]:
    """The years, newest first, and by species the first sight of each with its words."""
    here, visible = parts(), visible_cameras(asker())
    limits = visible.limit(EventFilter(camera=asked.camera or None))
    span = span_of_nights(EVER_DAYS, here.now_ms(), here.zone)
    whole = make_journal(
        rows.list_sightings(here.store, limits, span.from_ms, span.to_ms),
        known,
        {},
        replace(span, to_ms=span.from_ms),
        here.zone,
    )
    firsts = first_of_years(whole.visits, here.zone)
    years = sorted({year for one in firsts.values() for year in one}, reverse=True)
    table = [
        (row.species, {year: (ms, _date_text(ms)) for year, ms in firsts[row.species.key].items()})
        for row in whole.rows
    ]
    return years, table


def _date_text(ms: int) -> str:
    """``3 Mar``."""
    at = house_time(ms, parts().zone)
    return f"{at.day} {at:%b}"


def _heading(asked: Asked, known: KnownSpecies) -> str:
    species = known.find(asked.species) or OF_A_KIND.get(asked.species)
    words = [species.name if species is not None else "Visits"]
    if asked.hour is not None:
        words.append(f"{asked.hour:02d}:00 to {(asked.hour + 1) % HOURS:02d}:00")
    words.append(night_text(asked.night) if asked.night is not None else f"last {asked.days} days")
    return ", ".join(words)


def _row_json(journal: Journal, row: Any) -> dict[str, object]:
    usual = usual_hours(row, journal)
    rate, per_night = journal.rate(row.visits), journal.per_night(row.visits)
    return {
        "species": row.species.key,
        "name": row.species.name,
        "kind": row.species.kind,
        "tier": row.species.tier or None,
        "hours": row.hours,
        "visits": row.visits,
        "per_night": None if per_night is None else round(per_night, 3),
        "per_hour_watched": None if rate is None else round(rate, 4),
        "last_ts": row.last_ms,
        "usual_hours": list(usual) if usual is not None else None,
    }


def _hour_lines(journal: Journal) -> Iterable[Sequence[object]]:
    yield "species", "name", "tier", "hour", "visits", "hours_watched", "visits_per_hour_watched"
    for row in journal.rows:
        for hour, count in enumerate(row.hours):
            rate = journal.rate(count, hour)
            watched = round(journal.watched_ms[hour] / HOUR_MS, 2)
            yield (
                row.species.key, row.species.name, row.species.tier, hour, count, watched,
                "" if rate is None else round(rate, 4),
            )  # fmt: skip


def _cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula stays a text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def _nameable(event_id: str) -> StoredEvent:
    """Raises Problem 404, and 422 for what was no animal."""
    event = get_named_event(event_id)
    if not can_name(event):
        raise Problem(422, "species.kind", "This event is not of an animal.", field="species")
    return event


def _event_id(text: str) -> int:
    return get_named_event(text).id


def _back(default: str, act: str) -> str:
    """Where the form came from, one of our own lists, or the page of the event."""
    back = request.form.get("back", "")
    if not _OWN_PAGE.fullmatch(back):
        back = default
    said = f"{'&' if '?' in back else '?'}named={act}" if act else ""
    return f"{back}{said}{'#what' if back.startswith('/events/') else ''}"


def _named_notice(known: KnownSpecies) -> tuple[str, str] | None:
    """What was said a moment ago, in words, and by which token it is taken back."""
    act = request.args.get("named", "")
    before = rows.words_before(parts().store, act) if act else {}
    if not before:
        return None
    newest = rows.history(parts().store, next(iter(before)))[0]
    if parts().now_ms() - newest.said_ms > DAY_MS:
        return None
    word = known.find_word(newest.species)
    count = f" ({len(before)} visits)" if len(before) > 1 else ""
    return f"{word.name if word is not None else 'Taken back'}{count}.", act


def naming_of(event: StoredEvent) -> dict[str, Any]:
    """What the page of an event needs to ask what it was."""
    here, visible = parts(), visible_cameras(asker())
    if not here.cfg.wildlife.enabled or not can_name(event):
        return {}
    known = known_species(here)
    return {
        "naming": make_naming(here, visible, event, known),
        "named": _named_notice(known),
        "tiers": TIERS,
        "said_when": lambda ms: when_text(here, ms),
    }
