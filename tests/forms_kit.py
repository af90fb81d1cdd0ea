"""Forms as a browser without script shows, reads out and would send them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

from flask.testing import FlaskClient

HTML = {"Accept": "text/html"}
VOID = frozenset({"input", "meta", "link", "br", "img", "hr"})
Fields = dict[str, list[str]]


@dataclass
class ReadForm:
    """A form as it stands: where it goes, whether nothing around it is folded, what it would send."""

    action: str
    is_open: bool
    fields: Fields = field(default_factory=dict)
    has_focus: bool = False

    def add(self, name: str, value: str) -> None:
        self.fields.setdefault(name, []).append(value)


class ReadPage(HTMLParser):
    """Forms, the field that has the focus, and the words of what has an id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[ReadForm] = []
        self.focus: list[dict[str, str]] = []
        self.words: dict[str, str] = {}
        self._around: list[tuple[str, dict[str, str]]] = []
        self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        is_folded = any(one == "details" and "open" not in has for one, has in self._around)
        if tag == "form":
            self.forms.append(ReadForm(found.get("action", ""), not is_folded))
        if "autofocus" in found:
            self.focus.append(found)
            self.forms[-1].has_focus = True
            assert not is_folded
        if any(one == "form" for one, _ in self._around):
            self._note(tag, found)
        if tag not in VOID:
            self._around.append((tag, found))

    def _note(self, tag: str, found: dict[str, str]) -> None:
        form = self.forms[-1]
        if tag == "select":
            self._select = found["name"]
        elif tag == "option" and "selected" in found:
            form.add(self._select, found["value"])
        elif tag == "input" and (found.get("type") != "checkbox" or "checked" in found):
            form.add(found["name"], found.get("value", "on" if found.get("type") == "checkbox" else ""))

    def handle_endtag(self, tag: str) -> None:
        while self._around and self._around.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for _, found in self._around:
            if "id" in found:
                self.words[found["id"]] = self.words.get(found["id"], "") + data


def read(client: FlaskClient, path: str) -> ReadPage:
    return ReadPage(client.get(path, headers=HTML).text)


def form_with(page: ReadPage, **wanted: str) -> ReadForm:
    [found] = [one for one in page.forms if all(one.fields.get(name) == [value] for name, value in wanted.items())]
    return found


def press(client: FlaskClient, form: ReadForm, **typed: str | list[str]) -> tuple[int, ReadPage, Fields]:
    """Send the form with that in it: the status, the page that comes, and what was sent."""
    sent = {name: values for name, values in form.fields.items() if name not in typed}
    sent |= {name: [value] if isinstance(value, str) else value for name, value in typed.items() if value != []}
    answer = client.post(form.action, data=sent, headers=HTML)
    return answer.status_code, ReadPage(answer.text), sent


def typed_in(fields: Fields) -> Fields:
    """Without passwords, which no page gives back, and what says of which file and which row it is."""
    return {
        name: sorted(values)
        for name, values in fields.items()
        if name not in ("password", "version", "index", "number")
    }


def check_stands(page: ReadPage, sent: Fields, said: str) -> None:
    """One form has what was sent, open, and it has the focus, at the field that says ``said``."""
    [form] = [one for one in page.forms if typed_in(one.fields) == typed_in(sent)]
    assert (form.is_open, form.has_focus) == (True, True)
    [at] = page.focus
    named = [page.words[one] for one in at.get("aria-describedby", "").split()]
    assert any(said in one for one in named), (at, named)
