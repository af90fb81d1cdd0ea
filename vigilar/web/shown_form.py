"""A form of a page as it is shown: with what the house has or, after it was refused, open, with what was typed, and
with the sentence at its field."""

from __future__ import annotations

from collections.abc import Callable, Collection

from werkzeug.datastructures import MultiDict

from vigilar.web.problems import Problem


def told_here(problem: Problem) -> Problem:
    """``problem`` for a page on which what was typed still stands."""
    if problem.code == "settings.changed":
        problem.next_step = "What you typed still stands here: see whether it fits, then save it again."
    return problem


class ShownForm:
    """For one answer. ``sent`` is what was typed, and ``problem`` why it was refused; both None for a form that nobody
    sent. Templates ask for each field by its name, in the order of the page, and last for what no field has said: a
    field that a template never asks for, such as a password, is in no page."""

    def __init__(self, problem: Problem | None = None, sent: MultiDict[str, str] | None = None) -> None:
        self._problem = problem
        self._sent = sent
        self._is_said = False

    @property
    def is_refused(self) -> bool:
        return self._problem is not None

    def text(self, name: str, known: object) -> object:
        """What a field holds."""
        return known if self._sent is None else self._sent.get(name, "")

    def ticked(self, name: str, known: Collection[str]) -> Collection[str]:
        """Which boxes of this name are ticked."""
        return known if self._sent is None else self._sent.getlist(name)

    def wrong(self, name: str) -> Problem | None:
        """What is to be said at this field."""
        if self._problem is None or self._problem.field != name:
            return None
        self._is_said = True
        return self._problem

    def rest(self) -> Problem | None:
        """What is to be said beside the buttons, because no field has said it."""
        return None if self._is_said else self._problem


def forms_of(problem: Problem | None, refused: str, sent: MultiDict[str, str] | None) -> Callable[[str], ShownForm]:
    """The forms of a page by their names, of which ``refused`` was sent; without a ``problem`` none was."""
    return lambda name: ShownForm(problem, sent) if problem and name == refused else ShownForm()
