"""The guides in the box: the Markdown files of the folder ``docs`` as pages, with their headings, and looked through.

The files are those of the version that runs, so what a page says and what the box does belong together. They are our
own text; raw HTML in them is shown as text all the same.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from posixpath import normpath
from typing import Any

import vigilar

_PLACES = (Path(vigilar.__file__).resolve().parents[1] / "docs", Path(sys.prefix).parent / "doc")
"""In the source's own folder, and beside the environment of an installed version (``scripts/install_program.sh``)."""

DOCS = next((place for place in _PLACES if (place / "home-user-guide.md").is_file()), _PLACES[0])

SHOWN_HITS = 20
_LINE = re.compile(r"\s+")
_MARKS = re.compile(r"[`*_|>#]|\[([^\]]*)\]\([^)]*\)")
_TABLE = '<div class="table-wrap" tabindex="0" role="region" aria-label="Table {}"><table class="table">'
_TAGS = re.compile(r"<[^>]+>")
_CODE = re.compile(r"(?:<code>)?(V(?:-[A-Z0-9]+)+|[a-z]+\.[a-z_-]+)(?:</code>)?")
_CODE_FILES = ("ref/codes.md", "glossary.md")
"""Each row of their tables that begins with a code can be led to by it."""


@dataclass(frozen=True, slots=True)
class GuideFile:
    """One guide: its address below ``/help/``, its file in ``docs``, and for whom it is."""

    slug: str
    file: str
    title: str
    about: str


GUIDES = (
    GuideFile(
        "home",
        "home-user-guide.md",
        "Home User Guide",
        "From the first picture to the first push, and every day after.",
    ),
    GuideFile(
        "operator",
        "operator-guide.md",
        "Operator Guide",
        "Install, settings, backup, upgrades, limits, and what each code means.",
    ),
    GuideFile(
        "cameras",
        "camera-hardware-guide.md",
        "Camera Hardware Guide",
        "Which to buy, how to set them, how many a machine takes.",
    ),
    GuideFile(
        "architecture",
        "architecture/overview.md",
        "Architecture Overview",
        "What runs, what is stored where, what leaves the house.",
    ),
    GuideFile("settings", "ref/configuration.md", "Settings", "Every key of the settings file."),
    GuideFile("http", "ref/http.md", "HTTP API", "Every call, for programs of your own."),
    GuideFile("codes", "ref/codes.md", "Codes", "Every code a page or a command can show."),
    GuideFile("words", "glossary.md", "Words", "What the words mean, and the codes of cameras."),
)


@dataclass(frozen=True, slots=True)
class Heading:
    """``level`` 2 or 3; ``anchor`` is its id on the page."""

    level: int
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Guide:
    """A guide, ready to show. ``html`` is safe as it is."""

    file: GuideFile
    html: str
    headings: tuple[Heading, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A paragraph in which all words were found, below the heading with this ``anchor`` (empty: above the first)."""

    guide: GuideFile
    heading: str
    anchor: str
    text: str


_made: dict[str, Guide] = {}
_lock = threading.Lock()


def find_guide(slug: str) -> GuideFile | None:
    return next((one for one in GUIDES if one.slug == slug), None)


def read_guide(file: GuideFile) -> Guide:
    """Made once a process: the files do not change under a running version. Raises OSError."""
    with _lock:
        if file.slug not in _made:
            _made[file.slug] = _make(file)
        return _made[file.slug]


def search_guides(words: str) -> list[Hit]:
    """The paragraphs in which all ``words`` are, headings counted, best guides first. Raises OSError."""
    wanted = words.casefold().split()
    if not wanted:
        return []
    hits = [
        hit
        for file in GUIDES
        for hit in _paragraphs(file)
        if all(word in f"{hit.heading} {hit.text}".casefold() for word in wanted)
    ]
    return hits[:SHOWN_HITS]


def _paragraphs(file: GuideFile) -> Iterator[Hit]:
    heading = anchor = ""
    anchors = _Anchors()
    text = (DOCS / file.file).read_text(encoding="utf-8")
    for block in re.split(r"\n\s*\n|\n(?=[|#-] ?)", re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)):
        plain = _LINE.sub(" ", _MARKS.sub(lambda found: found[1] or "", block)).strip()
        if match := re.match(r"(#{1,6}) (.+)", block):
            heading = plain
            anchor = anchors.of(plain) if len(match[1]) > 1 else ""
        elif plain.strip("- "):
            yield Hit(file, heading, anchor, plain[:300])


class _Anchors:
    """Ids of headings, as the places where Markdown is read make them: no two of a guide are alike."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def of(self, text: str) -> str:
        plain = re.sub(r"[^\w\- ]", "", _TAGS.sub("", text).casefold()).strip().replace(" ", "-")
        count = self._counts.get(plain, 0)
        self._counts[plain] = count + 1
        return f"{plain}-{count}" if count else plain


def _make(file: GuideFile) -> Guide:
    import mistune  # with the first guide that is read: most days nobody does

    headings: list[Heading] = []
    anchors = _Anchors()

    class Renderer(mistune.HTMLRenderer):
        def heading(self, text: str, level: int, **_attrs: Any) -> str:
            if level == 1:
                return ""  # the page has its own
            anchor = anchors.of(text)
            if level <= 3:
                headings.append(Heading(level, _TAGS.sub("", text), anchor))
            return f'<h{level} id="{anchor}">{text}</h{level}>\n'

        def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:  # noqa: ARG002 -- mistune's
            """In the place of its plugin's own: with the code as id."""
            tag = "th" if head else "td"
            code = _CODE.fullmatch(text) if file.file in _CODE_FILES else None
            known_as = f' id="{code[1]}"' if code else ""
            return f"  <{tag}{known_as}>{text}</{tag}>\n"

        def link(self, text: str, url: str, title: str | None = None) -> str:
            return super().link(text, _address(file, url), title)

        def image(self, text: str, url: str, title: str | None = None) -> str:
            return super().image(text, f"/help/pictures/{Path(url).name}", title)

        def block_code(self, code: str, info: str | None = None) -> str:
            return super().block_code(code, info).replace("<pre>", '<pre tabindex="0">', 1)

    to_html = mistune.create_markdown(escape=True, renderer=Renderer(), plugins=["table"])
    text = re.sub(r"<!--.*?-->", "", (DOCS / file.file).read_text(encoding="utf-8"), flags=re.DOTALL)
    html = str(to_html(text))
    numbers = count(1)
    html = re.sub("<table>", lambda _: _TABLE.format(next(numbers)), html).replace("</table>", "</table></div>")
    return Guide(file, html, tuple(headings))


def _address(file: GuideFile, url: str) -> str:
    """Where a link of a guide leads here: to another guide, to its own heading, or to a page of the house. What is no
    guide here stays as it is, a name of a file."""
    if "://" in url or url.startswith(("#", "/")):
        return url
    path, hash_mark, anchor = url.partition("#")
    target = normpath(f"{Path(file.file).parent.as_posix()}/{path}")
    known = next((one for one in GUIDES if one.file == target), None)
    return f"/help/{known.slug}{hash_mark}{anchor}" if known else url
