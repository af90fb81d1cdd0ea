"""The guides: their commands exist, their settings exist, their links lead somewhere, and the box shows them whole."""

from __future__ import annotations

import html
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from tools.list_codes import list_codes
from vigilar.base.arm_rules import MODE_NAMES
from vigilar.base.errors import ExitCode
from vigilar.cli.program import program
from vigilar.config.explain import keys_of, table_at
from vigilar.web import guides
from vigilar.web.guides import DOCS, GUIDES, GuideFile, find_guide, read_guide, search_guides
from vigilar.web.help_places import place_of_code, place_of_problem
from vigilar.web.tabs import TABS

ROOT = DOCS.parent
BY_HAND = [one for one in GUIDES if one.slug in ("home", "operator", "cameras")]
MARKDOWN = sorted([*DOCS.rglob("*.md"), ROOT / "README.md"])

_LINK = re.compile(r"(?<!\!)\[[^\]]+\]\(([^)\s]+)\)")
_PICTURE = re.compile(r"!\[[^\]]+\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"^(?:sudo )?vigilar ([a-z][^|&]*)$")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture(scope="module")
def owner(house: House) -> FlaskClient:
    return house.client()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def commands_in(text: str) -> set[str]:
    """What is printed to be typed: in blocks, and between backticks."""
    blocks = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", text)
    lines += re.findall(r"^    (\S.*)$", text, re.MULTILINE)
    return {match[1].strip() for line in lines if (match := _COMMAND.match(line.strip()))}


@pytest.mark.parametrize("guide", BY_HAND, ids=lambda one: one.slug)
def test_commands_of_the_guides_exist(guide: GuideFile) -> None:
    found = commands_in(text_of(DOCS / guide.file))
    for line in found:
        command: click.Command = program
        context = click.Context(program)
        words = shlex.split(line)
        while words and isinstance(command, click.Group):
            name = words.pop(0)
            inner = command.get_command(context, name)
            assert inner is not None, f"vigilar {line}: there is no {name!r}"
            command = inner
        options = {option for one in command.params for option in one.opts} | {"--help"}
        assert {word for word in words if word.startswith("-")} <= options, f"vigilar {line}"


def test_places_that_sentences_name_are_on_pages() -> None:
    """``Settings, Notifications, Tell this device.``"""
    words, found = words_on_pages(), set()
    for path in sorted((ROOT / "vigilar").rglob("*.py")):
        for places in re.findall(r"[Ss]ettings, ([A-Z][\w' ]+(?:, [A-Z][\w' ]+)*)\.", text_of(path)):
            found |= {(path.name, one) for one in places.split(", ")}
    assert len(found) > 2
    assert [one for one in sorted(found) if one[1] not in words] == []


def test_operator_guide_names_each_exit_code() -> None:
    told = text_of(DOCS / "operator-guide.md").partition("Exit codes are the same for all: ")[2].partition(".")[0]
    assert [int(one) for one in re.findall(r"(\d+) [a-z]", told)] == sorted(one.value for one in ExitCode)


@pytest.mark.parametrize("guide", BY_HAND, ids=lambda one: one.slug)
def test_settings_of_the_guides_exist(guide: GuideFile) -> None:
    for table, key in re.findall(r"`\[(\w+)\] (\w+)", text_of(DOCS / guide.file)):
        assert key in known_keys(table), f"[{table}] {key}"


def known_keys(table: str) -> set[str]:
    found = table_at((table,))
    assert found is not None, f"[{table}]"
    return set(keys_of(found))


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda one: str(one.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for url in _LINK.findall(re.sub(r"`[^`\n]*`", "", text_of(path))):
        if "://" in url or url.startswith("/"):
            continue
        name, _, anchor = url.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), f"{path.name}: {url}"
        if anchor:
            assert anchor in anchors_of(target), f"{path.name}: {url}"


def anchors_of(path: Path) -> set[str]:
    found = re.findall(r"^#{2,6} (.+)$", text_of(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.casefold()).strip().replace(" ", "-") for one in found}


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda one: str(one.relative_to(ROOT)))
def test_pictures_are_there(path: Path) -> None:
    for url in _PICTURE.findall(text_of(path)):
        assert (path.parent / url).is_file(), f"{path.name}: {url}"


def words_on_pages() -> set[str]:
    """Each piece of text that pages show: between the tags of the templates, in quotes within their expressions, and
    the names of tabs and modes."""
    found = {one.words for tab in TABS for one in (tab, *tab.below)} | set(MODE_NAMES.values())
    for path in (ROOT / "vigilar/web/templates").glob("*.html"):
        text = re.sub(r"\{#.*?#\}", "", text_of(path), flags=re.DOTALL)
        for expression in re.findall(r"\{\{.*?\}\}", text, re.DOTALL):
            found |= set(re.findall(r'"([^"]+)"', expression))
        plain = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", "\0", text, flags=re.DOTALL)
        found |= {" ".join(one.split()) for one in plain.split("\0")}
    return found


def test_words_of_the_home_guide_stand_on_the_pages() -> None:
    text = text_of(DOCS / "home-user-guide.md")
    on_pages = words_on_pages()
    bold = set(re.findall(r"\*\*([^*]+)\*\*", text)) - {"bold"}
    assert len(bold) > 30
    assert sorted(bold - on_pages) == []
    said = set(re.findall(r'"([^"\n]+)"', text))
    source = "".join(
        text_of(path) for kind in ("html", "py", "js") for path in (ROOT / "vigilar/web").rglob(f"*.{kind}")
    )
    assert said
    assert [one for one in sorted(said) if one not in source] == []


_WAY = re.compile(r"\*\*(Live|Events|Reels|Exports|System|Settings)\*\*((?:, (?:press )?\*\*[^*]+\*\*)+)")


def test_ways_of_the_home_guide_lead_from_page_to_page(owner: FlaskClient) -> None:
    """ "Open **Settings**, **Members**": from each page the next name is a link, or stands on the page as a button or a
    heading."""
    text = " ".join(text_of(DOCS / "home-user-guide.md").split())
    tabs = {one.words: one.path for one in TABS}
    ways = [(found[1], re.findall(r"\*\*([^*]+)\*\*", found[2])) for found in _WAY.finditer(text)]
    assert len(ways) >= 9
    for first, names in ways:
        page = page_of(owner, tabs[first])
        for name in names:
            link = links_in(page).get(name)
            shown = {" ".join(one.split()) for one in re.split(r"<[^>]*>", page)}
            assert link or name in shown, f"{first}, {', '.join(names)}: there is no {name!r}"
            page = page_of(owner, link) if link else page


def page_of(owner: FlaskClient, path: str) -> str:
    answer = owner.get(path, headers={"Accept": "text/html"}, follow_redirects=True)
    assert answer.status_code == 200, path
    return html.unescape(answer.text)


def links_in(page: str) -> dict[str, str]:
    """Text of each link of the page itself and of the tabs -> where it leads."""
    found = re.findall(r'<a\b[^>]*\bhref="([^"]+)"[^>]*>(.*?)</a>', page, re.DOTALL)
    return {" ".join(re.sub(r"<[^>]*>", " ", inner).split()): url for url, inner in found}


def test_each_step_of_the_home_guide_has_a_picture() -> None:
    chapters = re.split(r"^## ", text_of(DOCS / "home-user-guide.md"), flags=re.MULTILINE)[1:]
    titles = [one.splitlines()[0] for one in chapters]
    on_pages = chapters[titles.index("Make your login") : titles.index("What leaves your house")]
    assert len(on_pages) == 11
    assert [one.splitlines()[0] for one in on_pages if not _PICTURE.search(one)] == []


def test_codes_lead_to_their_row(owner: FlaskClient) -> None:
    listed = re.findall(r"^\| `([^`]+)` \|", text_of(DOCS / "ref/codes.md"), re.MULTILINE)
    of_cameras = re.findall(r"^\| (V-CAM-\d\d) \|", text_of(DOCS / "glossary.md"), re.MULTILINE)
    pages = {path: owner.get(path).text for path in ("/help/codes", "/help/words")}
    for code in (*listed, *of_cameras):
        path, _, anchor = place_of_code(code).partition("#")
        assert pages[path].count(f' id="{anchor}"') == 1, code
    shown = owner.get("/watch/nope", headers={"Accept": "text/html"}).text
    assert 'href="/help/codes#camera.unknown"' in shown


def test_each_problem_of_the_house_leads_to_its_heading() -> None:
    source = "".join(text_of(ROOT / f"vigilar/health/{name}_parts.py") for name in ("camera", "house"))
    kinds = {one.partition(":")[0] for one in re.findall(r'Todo\(\s*id=f?"([a-z:]+)', source)}
    guide = find_guide("operator")
    assert guide is not None
    known = {one.anchor for one in read_guide(guide).headings}
    places = {kind: place_of_problem(f"{kind}:x").removeprefix("/help/operator#") for kind in kinds}
    assert {"power", "camera", "disk", "told", "sensor"} <= kinds
    assert set(places.values()) <= known
    assert [kind for kind, place in places.items() if place == places["told"]] == ["told"]


def test_codes_are_those_of_the_source() -> None:
    assert text_of(DOCS / "ref/codes.md") == list_codes(), "python -m tools.list_codes > docs/ref/codes.md"


def test_every_code_of_a_camera_is_explained() -> None:
    source = "".join(text_of(path) for path in (ROOT / "vigilar").rglob("*.py"))
    explained = set(re.findall(r"^\| (V-CAM-\d\d) \|", text_of(DOCS / "glossary.md"), re.MULTILINE))
    assert set(re.findall(r"V-CAM-\d\d", source)) == explained


@pytest.mark.parametrize("guide", GUIDES, ids=lambda one: one.slug)
def test_box_shows_the_guide(house: House, owner: FlaskClient, guide: GuideFile) -> None:
    page = owner.get(f"/help/{guide.slug}")
    assert page.status_code == 200
    made = read_guide(guide)
    for heading in made.headings:
        assert f'id="{heading.anchor}"' in page.text
    assert len({one.anchor for one in made.headings}) == len(made.headings)
    inner = re.findall(r'href="#([^"]+)"', page.text)
    assert all(f'id="{anchor}"' in page.text for anchor in inner)
    for path, anchor in re.findall(r'href="(/help/[a-z]+)(?:#([^"]+))?"', made.html):
        answer = owner.get(path)
        assert answer.status_code == 200, path
        assert not anchor or f'id="{anchor}"' in answer.text, f"{path}#{anchor}"


def test_guides_are_looked_through(owner: FlaskClient) -> None:
    hits = search_guides("recovery sheet steal")
    assert hits
    assert all("recovery" in f"{one.heading} {one.text}".casefold() for one in hits)
    page = owner.get("/help?q=private+neighbour").text
    assert "/help/home#less-noise-or-more" in page
    assert 'value="private neighbour"' in page
    assert "Nothing found for “zzzz”" in owner.get("/help?q=zzzz").text
    assert search_guides("") == []


def test_help_begins_with_the_guides_and_an_empty_field(owner: FlaskClient) -> None:
    page = owner.get("/help").text
    assert 'value=""' in page[page.index('id="q"') :][:60]
    assert "Nothing found" not in page


@pytest.mark.parametrize(
    "path", ["/help/../etc", "/help/nope", "/help/pictures/nope.png", "/help/pictures/..%2Fglossary.md"]
)
def test_nothing_but_guides_is_served(owner: FlaskClient, path: str) -> None:
    assert owner.get(path).status_code == 404


def test_guides_need_a_login(house: House, owner: FlaskClient) -> None:
    assert house.client(signed_in=False).get("/help").status_code == 401


def test_text_of_a_guide_is_no_markup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.md").write_text(
        "# X\n\n<script>alert(1)</script>\n\n## A `b`\n\n![p](pictures/a.jpg)\n", encoding="utf-8"
    )
    monkeypatch.setattr(guides, "DOCS", tmp_path)
    html = read_guide(GuideFile("x-test", "x.md", "X", "")).html
    assert "<script>" not in html
    assert 'src="/help/pictures/a.jpg"' in html
