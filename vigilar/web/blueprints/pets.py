"""Pets: where each is, which one it was, their settings. Works without script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from werkzeug import Response as AnyResponse
from werkzeug.datastructures import MultiDict

from vigilar.base.errors import StoreError
from vigilar.base.visit_kinds import PET_KINDS
from vigilar.store import pets as rows
from vigilar.store.events import StoredEvent, find_seen
from vigilar.store.pets import Pet, Sighting
from vigilar.web import pet_words as words
from vigilar.web.auth import asker
from vigilar.web.blueprints.events import get_named_event
from vigilar.web.bodies import Fields, read_json
from vigilar.web.event_words import event_json
from vigilar.web.parts import Parts, parts
from vigilar.web.pet_words import PetCard, Question, make_card
from vigilar.web.problems import Problem
from vigilar.web.rights import Right, needs
from vigilar.web.shown_form import ShownForm
from vigilar.web.visible import visible_cameras

bp = Blueprint("pets", __name__)

Made = TypeVar("Made")

MAX_NAME = 40
MOST_PETS = 50
MOST_ASKED, LOOKED_THROUGH = 6, 80
MOST_SIGHTINGS, MOST_PICTURES = 60, 24


@bp.get("/pets")
@needs(Right.SEE_EVENTS)
def page() -> str:
    return _page(None, None)


@bp.post("/pets")
@needs(Right.CHANGE_EVENTS)
def add_by_form() -> AnyResponse:
    """A new pet; of the event in ``event`` the picture is its first."""
    form = request.form
    try:
        event = get_named_event(form["event"]) if form.get("event") else None
        before = rows.answers_of(parts().store, event.id) if event else []
        _add(form.get("name", ""), form.get("kind", ""), event)
    except Problem as problem:
        return Response(_page(problem, form), problem.status, mimetype="text/html")
    undo = f"&{urlencode({'undo': words.dump_answers(before), 'event': event.id})}" if event else ""
    return redirect(f"{_back('/pets')}?said=1{undo}", 303)


@bp.get("/pets/<int:pet_id>")
@needs(Right.SEE_EVENTS)
def pet_page(pet_id: int) -> str:
    return _pet_page(_get(pet_id), None, None)


@bp.post("/pets/<int:pet_id>")
@needs(Right.CHANGE_EVENTS)
def change_by_form(pet_id: int) -> AnyResponse:
    pet, form = _get(pet_id), request.form
    try:
        _change(pet, form.get("name", ""), "indoor_only" in form, form.get("not_seen_for", "none"))
    except Problem as problem:
        return Response(_pet_page(pet, problem, form), problem.status, mimetype="text/html")
    return redirect(f"/pets/{pet_id}?saved=1", 303)


@bp.post("/pets/<int:pet_id>/delete")
@needs(Right.CHANGE_EVENTS)
def delete_by_form(pet_id: int) -> AnyResponse:
    pet = _get(pet_id)
    if "sure" not in request.form:
        problem = Problem(422, "pet.sure", "Tick the box first: this cannot be undone.", field="sure")
        return Response(_pet_page(pet, problem, None), problem.status, mimetype="text/html")
    _delete(pet)
    return redirect("/pets", 303)


@bp.post("/events/<int:event_id>/pet")
@needs(Right.CHANGE_EVENTS)
def say_by_form(event_id: int) -> AnyResponse:
    """One button: ``yes:3``, ``no:3``, ``none``, ``unsure``, or with ``to`` what was said before."""
    event, form = get_named_event(str(event_id)), request.form
    verdict, _, pet_id = form.get("say", "").partition(":")
    before = _say(event, verdict, int(pet_id) if pet_id.isascii() and pet_id.isdigit() else None, form.get("to", ""))
    undo = "" if verdict == "undo" else f"&{urlencode({'undo': words.dump_answers(before)})}"
    return redirect(f"{_back(f'/events/{event_id}')}?said=1&event={event_id}{undo}", 303)


@bp.get("/api/v1/pets")
@needs(Right.SEE_EVENTS)
def api_pets() -> AnyResponse:
    here = parts()
    return jsonify({"pets": [words.pet_json(here, card) for card in _cards(here)]})


@bp.post("/api/v1/pets")
@needs(Right.CHANGE_EVENTS)
def api_add() -> AnyResponse:
    allowed: Fields = {"name": str, "kind": str, "event": (int, str), "indoor_only": bool, "not_seen_for": str}
    body = read_json(allowed, ("name",))
    event = get_named_event(str(body["event"])) if "event" in body else None
    pet = _add(
        *(body["name"], body.get("kind", ""), event),
        indoor_only=body.get("indoor_only", False),
        not_seen_for=body.get("not_seen_for", "none"),
    )
    return jsonify(_json(pet)), 201  # type: ignore[return-value]  # Flask takes the pair


@bp.patch("/api/v1/pets/<int:pet_id>")
@needs(Right.CHANGE_EVENTS)
def api_change(pet_id: int) -> AnyResponse:
    pet = _get(pet_id)
    body = read_json({"name": str, "indoor_only": bool, "not_seen_for": str})
    not_seen = body.get("not_seen_for", words.dump_not_seen(pet.not_seen_ms))
    return jsonify(_json(_change(pet, body.get("name", pet.name), body.get("indoor_only", pet.indoor_only), not_seen)))


@bp.delete("/api/v1/pets/<int:pet_id>")
@needs(Right.CHANGE_EVENTS)
def api_delete(pet_id: int) -> AnyResponse:
    """For good: the numbers of its pictures too. Footage and events stay."""
    _delete(_get(pet_id))
    return Response(status=204)


@bp.post("/api/v1/events/<event_id>/pet")
@needs(Right.CHANGE_EVENTS)
def api_say(event_id: str) -> AnyResponse:
    """``verdict`` yes or no of ``pet``, none (not ours), unsure, clear, or undo with ``to``: the ``before`` of an
    answer."""
    event = get_named_event(event_id)
    body = read_json({"pet": (int, type(None)), "verdict": str, "to": str}, ("verdict",))
    before = _say(event, body["verdict"], body.get("pet"), body.get("to", ""))
    here = parts()
    sighting = rows.find_sighting(here.store, event.id)
    pet = rows.find_pet(here.store, sighting.pet_id) if sighting is not None else None
    return jsonify(
        {
            "event": event_json(event, seen=bool(find_seen(here.store, asker().id, [event.id]))),
            "pet": None if pet is None else {"id": pet.id, "name": pet.name},
            "said_by": sighting.said_by if sighting is not None else None,
            "before": words.dump_answers(before),
        }
    )


def _say(event: StoredEvent, verdict: str, pet_id: int | None, to: str) -> list[rows.Answer]:
    """Note what somebody said of the picture of an event; what was said before. Raises Problem."""
    here = parts()
    if event.kind not in PET_KINDS or event.type != "motion":
        raise Problem(422, "pet.event", "This is no visit of a cat or dog.")
    pets = {pet.id for pet in rows.list_pets(here.store) if pet.kind == event.kind}
    if verdict not in ("yes", "no", "none", "unsure", "clear", "undo"):
        raise Problem(422, "pet.verdict", "Say yes, no, none, unsure, clear or undo.", field="verdict")
    if verdict in ("yes", "no") and pet_id not in pets:
        raise Problem(422, "pet.unknown", f"There is no such {event.kind}.", field="pet")
    if verdict == "undo":
        answers = words.parse_answers(to, frozenset(pets))
    else:
        answers = words.answered(rows.answers_of(here.store, event.id), verdict, pet_id)
    seen = Sighting(event.id, 0, "person", 1.0, event.source_id, event.ts_ms)
    by, now_ms = asker().id, here.now_ms()
    return here.reserve.help(lambda: rows.set_answers(here.store, seen, event.kind, answers, by=by, now_ms=now_ms))


def _add(
    name: str, kind: str, event: StoredEvent | None, *, indoor_only: bool = False, not_seen_for: str = "none"
) -> Pet:
    here = parts()
    kind = event.kind if event is not None else kind
    if kind not in PET_KINDS:
        raise Problem(422, "pet.kind", "Say whether it is a cat or a dog.", field="kind")
    if len(rows.list_pets(here.store)) >= MOST_PETS:
        raise Problem(422, "pet.many", f"There are {MOST_PETS} pets already.")
    checked, ms, by, now_ms = _check_name(name), words.parse_not_seen(not_seen_for), asker().id, here.now_ms()
    with_name = {"name": checked, "kind": kind, "indoor_only": indoor_only, "not_seen_ms": ms}
    pet = _named(lambda: rows.add_pet(here.store, **with_name, made_by=by, now_ms=now_ms), checked)  # type: ignore[arg-type]
    if event is not None:
        _say(event, "yes", pet.id, "")
    return pet


def _change(pet: Pet, name: str, indoor_only: bool, not_seen_for: str) -> Pet:
    here, checked, ms = parts(), _check_name(name), words.parse_not_seen(not_seen_for)

    def change() -> Pet | None:
        return rows.change_pet(here.store, pet.id, name=checked, indoor_only=indoor_only, not_seen_ms=ms)

    changed = _named(change, checked)
    if changed is None:
        raise _unknown()
    return changed


def _named(work: Callable[[], Made], name: str) -> Made:
    """What ``work`` gives. Raises Problem for a name that another pet has."""
    try:
        return parts().reserve.help(work)
    except StoreError as error:
        if error.code != "pet.name_taken":
            raise
        raise Problem(409, "pet.name_taken", f"There is a pet called {name} already.", field="name") from error


def _delete(pet: Pet) -> None:
    here = parts()
    here.reserve.help(lambda: rows.delete_pet(here.store, pet.id))


def _check_name(name: str) -> str:
    found = " ".join(name.split())
    if not found or len(found) > MAX_NAME or not found.isprintable():
        raise Problem(422, "pet.name", f"Give it a name of 1 to {MAX_NAME} characters.", field="name")
    return found


def _get(pet_id: int) -> Pet:
    pet = rows.find_pet(parts().store, pet_id) if pet_id < 2**63 else None
    if pet is None:
        raise _unknown()
    return pet


def _unknown() -> Problem:
    return Problem(404, "pet.unknown", "There is no such pet.")


def _json(pet: Pet) -> dict[str, Any]:
    here = parts()
    return words.pet_json(here, make_card(here, visible_cameras(asker()), pet))


def _cards(here: Parts) -> list[PetCard]:
    visible = visible_cameras(asker())
    return [make_card(here, visible, pet) for pet in rows.list_pets(here.store)]


def _asked(here: Parts) -> tuple[list[Question], int]:
    """The newest pictures of which nobody said who it is, and how many there are."""
    visible = visible_cameras(asker())
    found = []
    for event_id in rows.list_unanswered(here.store, here.now_ms() - words.ASKED_MS, LOOKED_THROUGH):
        event = visible.find_event(event_id)
        question = words.question_of(here, event) if event is not None and event.still_id is not None else None
        if question is not None:
            found.append(question)
    return found[:MOST_ASKED], len(found)


def _page(problem: Problem | None, sent: MultiDict[str, str] | None) -> str:
    here = parts()
    cards = _cards(here)
    asked, count = _asked(here) if asker().may(Right.CHANGE_EVENTS) else ([], 0)
    return render_template(
        "pets.html",
        cards=cards,
        asked=asked,
        asked_count=count,
        state_words=words.STATE_WORDS,
        form=ShownForm(problem, sent),
        names=words.camera_names(here),
        undo=request.args.get("undo"),
        undo_event=request.args.get("event", "") if request.args.get("event", "").isdigit() else "",
        is_said="said" in request.args,
    )


def _pet_page(pet: Pet, problem: Problem | None, sent: MultiDict[str, str] | None) -> str:
    here, visible = parts(), visible_cameras(asker())
    since_ms = here.now_ms() - words.USUAL_MS
    cameras = visible.member.cameras
    month = rows.list_sightings(here.store, pet.id, limit=2000, since_ms=since_ms, cameras=cameras)
    seen = [(one, event) for one in month[:MOST_SIGHTINGS] if (event := visible.find_event(one.event_id)) is not None]
    pictures = [visible.find_event(one.event_id) for one in rows.list_pictures(here.store, pet.id, MOST_PICTURES)]
    return render_template(
        "pet.html",
        card=make_card(here, visible, pet),
        state_words=words.STATE_WORDS,
        sightings=seen,
        pictures=[one for one in pictures if one is not None and one.still_id is not None],
        usual=words.usual_places(here, month),
        count=len(month),
        form=ShownForm(problem, sent),
        not_seen=words.dump_not_seen(pet.not_seen_ms),
        choices=_choices(pet),
        names=words.camera_names(here),
        is_saved="saved" in request.args,
    )


def _choices(pet: Pet) -> list[tuple[str, str]]:
    now = words.dump_not_seen(pet.not_seen_ms)
    known = list(words.NOT_SEEN_CHOICES)
    return known if now in dict(known) else [*known, (now, now)]


def _back(own: str) -> str:
    """Where the form was: the page of all pets, or of the event."""
    came = request.form.get("from", "")
    return "/pets" if came == "pets" else f"/events/{came}" if came.isascii() and came.isdigit() else own
