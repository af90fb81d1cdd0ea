"""Changing the configuration file from a page, where it says what guards the house."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import request

from vigilar.base.errors import ConfigError, ErrorKind
from vigilar.base.redact import redact
from vigilar.config.explain import WrongValueError
from vigilar.config.guard_edit import read_version
from vigilar.config.load import read_config_file
from vigilar.config.places import Places
from vigilar.config.undo import find_last
from vigilar.store.arming import read_state
from vigilar.web.form_words import form_sentence
from vigilar.web.parts import Parts
from vigilar.web.problems import Problem, as_sentence, wants_page
from vigilar.web.proving import GUARDS_LESS, SPEAKS_FOR_HOUSE, check_proven, is_proven, prove_link
from vigilar.web.transport import is_secure

_STATUS_OF_CODE = {"settings.changed": 409, "settings.no_undo": 409}
_STATUS_OF_KIND = {ErrorKind.DENIED: 403, ErrorKind.TRANSIENT: 503}


def places_of(here: Parts) -> Places:
    """Where the file is."""
    cfg = here.cfg
    return Places(cfg.config_file, cfg.data_dir, cfg.secrets_dir, may_lack_config=True)


def edit_settings(
    here: Parts, change: Callable[[Places], Any], page: str, *, guards: bool = True, why: str = SPEAKS_FOR_HOUSE
) -> Any:
    """Make a change and have it used. Raises Problem: 422 for what is not right, 403 for who has not shown lately who
    it is and may then go on at ``page``, 409 when the file is another or, where the settings say what ``guards``, the
    house is armed: an open page needs a PIN to guard less. ``why`` is what is at stake with the others."""
    if guards:
        check_disarmed(here)
    check_proven(page, GUARDS_LESS if guards else why)
    try:
        here.cameras.check_drive()
        done = change(places_of(here))
    except ConfigError as error:
        raise config_problem(error) from error
    here.ask_reload()
    return done


def check_disarmed(here: Parts) -> None:
    """Raises Problem 409 while there is something to disarm."""
    if not read_state(here.store).is_quiet:
        raise Problem(
            409, "arm.armed", "What guards the house is not changed while it is armed.", next_step="Disarm it first."
        )


def config_problem(error: ConfigError, code: str = "settings.invalid") -> Problem:
    """What is wrong with the wish, for who asked: the one place that says so, for all pages that change the file.
    ``code`` is for an error that has none."""
    status = _STATUS_OF_CODE.get(error.code) or _STATUS_OF_KIND.get(error.kind, 422)
    detail, next_step = as_sentence(redact(str(error))), redact(error.next_step)
    if isinstance(error, WrongValueError) and wants_page() and (said := form_sentence(error.wrongs)):
        detail, next_step = said, ""
    return Problem(status, error.code or code, detail, next_step=next_step, field=error.field)


def page_values(here: Parts, problem: Problem | None, page: str) -> dict[str, Any]:
    """What every page of settings shows: the file's version, the change that can be taken back, what became of one, and
    the way to show who one is, before anything is filled in."""
    places = places_of(here)
    last = find_last(places.config_file, read_config_file(places, may_lack=True) or b"")
    return {
        "problem": problem,
        "version": read_version(places),
        "last": None if last is None else last.what,
        "saved": request.args.get("saved", "") if problem is None else "",
        "prove_link": "" if is_proven() or not is_secure() else prove_link(page),
    }
