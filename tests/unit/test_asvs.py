"""The pages on ASVS 5: they leave nothing out of what they say they hold, and what they point to is there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.browser.house import open_house
from tests.conftest import ROOT
from vigilar.base import setup_code
from vigilar.notify.push import vapid
from vigilar.store.account_tables import users
from vigilar.vge import keys, signing
from vigilar.web.new_login import check_new_password
from vigilar.web.rights import Open, declaration_of
from vigilar.web.weak_password import is_weak

CHAPTERS = {
    "1.2": 5, "1.3": 2, "2.2": 2, "3.2": 2, "3.5": 3, "6.2": 8, "7.2": 4, "7.4": 2, "9.1": 3, "10.4": 5, "11.3": 2,
    "12.2": 2, "5.2": 2, "5.3": 2, "6.3": 2, "6.4": 2, "8.2": 2, "3.4": 2,
}  # fmt: skip
"""Sections of the standard of which the first so many are of level 1."""

SINGLE = {
    "1.5.1", "2.1.1", "2.3.1", "3.3.1", "4.1.1", "4.4.1", "6.1.1", "8.1.1", "8.3.1", "9.2.1", "11.4.1", "12.1.1",
    "13.4.1", "14.2.1", "14.3.1", "15.1.1", "15.2.1", "15.3.1",
}  # fmt: skip

LEVEL_1 = SINGLE | {f"{section}.{number}" for section, count in CHAPTERS.items() for number in range(1, count + 1)}


LEVEL_2 = {
    f"{section}.{number}"
    for section, (first, last) in {
        "1.1": (1, 2), "1.2": (6, 9), "1.3": (3, 11), "1.4": (1, 3), "1.5": (2, 2), "2.1": (2, 3), "2.2": (3, 3),
        "2.3": (2, 4), "2.4": (1, 1), "4.1": (2, 3), "4.2": (1, 1), "4.3": (1, 2), "4.4": (2, 4), "5.1": (1, 1),
        "5.2": (3, 3), "5.4": (1, 3), "9.2": (2, 4), "10.1": (1, 2), "10.2": (1, 2), "10.3": (1, 4), "10.4": (6, 11),
        "10.5": (1, 5), "10.6": (1, 2), "10.7": (1, 3), "11.1": (1, 2), "11.2": (1, 3), "11.3": (3, 3),
        "11.4": (2, 4), "11.5": (1, 1), "11.6": (1, 1), "13.1": (1, 1), "13.2": (1, 5), "13.3": (1, 2),
        "13.4": (2, 5), "14.1": (1, 2), "14.2": (2, 4), "14.3": (2, 3), "15.1": (2, 3), "15.2": (2, 3),
        "15.3": (2, 7), "17.1": (1, 1), "17.2": (1, 4), "17.3": (1, 2),
        "3.3": (2, 4), "3.4": (3, 6), "3.5": (4, 5), "3.7": (1, 2),
        "6.1": (2, 3), "6.2": (9, 12), "6.3": (3, 4), "6.4": (3, 4), "6.5": (1, 5), "6.6": (1, 3), "6.8": (1, 4),
        "7.1": (1, 3), "7.3": (1, 2), "7.4": (3, 5), "7.5": (1, 2), "7.6": (1, 2),
        "8.1": (2, 2), "8.2": (3, 3), "8.4": (1, 1), "12.1": (2, 3), "12.3": (1, 4),
        "16.1": (1, 1), "16.2": (1, 5), "16.3": (1, 4), "16.4": (1, 3), "16.5": (1, 3),
    }.items()
    for number in range(first, last + 1)
}  # fmt: skip
"""Sections of the standard, from and to which number they are of level 2."""

PAGES = {"asvs.md": LEVEL_1, "asvs-2.md": LEVEL_2}


@cache
def page(name: str) -> str:
    return (ROOT / "docs/ref" / name).read_text(encoding="utf-8")


def rows(name: str) -> list[list[str]]:
    lines = page(name).splitlines()
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if re.match(r"\| \d", line)]


@pytest.mark.parametrize("name", PAGES)
def test_each_requirement_is_on_the_page_once(name: str) -> None:
    assert {one: len(held) for one, held in PAGES.items()} == {"asvs.md": 70, "asvs-2.md": 183}
    assert sorted(row[0] for row in rows(name)) == sorted(PAGES[name])


@pytest.mark.parametrize("name", PAGES)
def test_what_is_met_has_a_test_that_exists(name: str) -> None:
    known = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)\(", path.read_text(encoding="utf-8"))
    }
    for identity, _, met, how, test in rows(name):
        names = set(re.findall(r"`(test_\w+)`", test))
        assert names <= known, identity
        assert names or met != "yes", identity
        assert how or met != "no", f"{identity}: why not is said"


@pytest.mark.parametrize("name", PAGES)
def test_sum_is_right(name: str) -> None:
    met = [row[2] for row in rows(name)]
    assert f"Of {len(met) - met.count('-')} that apply {met.count('yes')} are met" in page(name)


def test_each_way_in_is_written_down(tmp_path: Path) -> None:
    """All that makes a login, or answers with what is the house's, without one."""
    with open_house(tmp_path) as house:
        views = house.app.view_functions
        found = {
            rule.rule
            for rule in house.app.url_map.iter_rules()
            if declaration_of(views[rule.endpoint]) is Open.PUBLIC and "POST" in (rule.methods or ())
        }
    beside = {"/api/v1/passkey/options", "/api/v1/push/shown"}  # a challenge to sign; a push was shown
    written = set(re.findall(r"`(/[^`]*)`", page("asvs-2.md").partition("## Ways in")[2]))
    assert found - beside == written - {"/s/<token>"}


def test_words_that_are_refused_are_written_down() -> None:
    told = page("asvs-2.md").partition("## Words no password is made of")[2]
    named = re.findall(r"`([a-z]+)`", told)
    assert len(named) == 3
    assert all(is_weak(f"{word}2026", "sam") for word in named)
    assert (ROOT / re.findall(r"`(vigilar/\S+\.py)`", told)[0]).exists()


def test_long_passwords_are_taken_and_stay() -> None:
    long = "".join(chr(ord("a") + (7 * at * at) % 26) for at in range(64))
    assert check_new_password(long, "sam") == long
    assert not any("password" in one.name and one.name.endswith("_ms") for one in users.columns)


def test_sign_out_is_in_the_head_of_all_pages() -> None:
    folder = ROOT / "vigilar/web/templates"
    assert 'action="/logout"' in (folder / "base.html").read_text(encoding="utf-8").partition("{% block main %}")[0]
    alone = {
        path.name
        for path in folder.glob("*.html")
        if "<body" in (text := path.read_text(encoding="utf-8")) and path.name != "base.html" and "extends" not in text
    }
    assert alone == set()


def test_nothing_reads_xml() -> None:
    reads = re.compile(r"^\s*(import|from) (xml|lxml|defusedxml|html\.parser)\b", re.MULTILINE)
    assert [path for path in (ROOT / "vigilar").rglob("*.py") if reads.search(path.read_text(encoding="utf-8"))] == []


def test_fields_for_secrets_are_masked_and_take_paste() -> None:
    """Of passwords, passphrases and PINs, on all pages; none asks a question whose answer others know."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "vigilar/web/templates").glob("*.html")}
    fields = [(name, tag) for name, text in texts.items() for tag in re.findall(r"<input\b[^>]*>", text)]
    secret = [
        (name, tag) for name, tag in fields if re.search(r'name="(\w*_)?(password|pin|passphrase|old|again)"', tag)
    ]
    assert len(secret) >= 8
    assert [(name, tag) for name, tag in secret if 'type="password"' not in tag] == []
    scripts = [path.read_text(encoding="utf-8") for path in (ROOT / "vigilar/web/static/js").glob("*.js")]
    assert not any(re.search(r'onpaste|"paste"|"copy"', text) for text in (*texts.values(), *scripts))


def test_each_library_is_pinned_by_its_hash() -> None:
    """One that is not would be whatever the registry hands out on the day of the installation."""
    for path in (ROOT / "requirements").glob("*.txt"):
        lines = path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
        wanted = [line for line in lines if line.strip() and not line.lstrip().startswith(("#", "-"))]
        assert wanted, path.name
        assert [line for line in wanted if "==" not in line or "--hash=sha256:" not in line] == [], path.name


def test_times_of_renewal_are_written_down() -> None:
    """By what is at stake (15.1.1): what somebody could use first, and all of it some day."""
    told = page("asvs.md").partition("## When libraries are renewed")[2]
    days = [int(found) for found in re.findall(r"\| (\d+) days \|", told)]
    assert len(days) == 3
    assert 0 < days[0] < days[1] < days[2]


def test_each_secret_is_on_the_page() -> None:
    """Each file that the code makes in the folder of secrets, by its name."""
    made = {
        name
        for path in (ROOT / "vigilar").rglob("*.py")
        for name in re.findall(r'secrets_dir / "([\w.-]+)"', path.read_text(encoding="utf-8"))
    }
    made |= {vapid.KEY_FILE, signing.FILE_NAME, keys.LOCK_FILE, keys.SHEET_FILE, setup_code.NAME, "pin-key"}
    made |= {"root.crt", "intermediate.crt", "intermediate.key", "serving.pem"}
    assert {"bus-users", "recording-key-0001"} <= made
    assert [name for name in made if not re.search(f"`{re.escape(name)}/?`", page("data.md"))] == []


def test_each_log_is_on_the_page() -> None:
    """Whatever writes a log writes to standard error, by one place, or into one of two tables."""
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in (ROOT / "vigilar").rglob("*.py")
    }
    handlers = re.compile(r"\b(\w*(?:Stream|File|Log|Socket|HTTP|SMTP|Journal)Handler|\w+Config|syslog)\(")
    found = {
        (name, word) for name, text in texts.items() if "import logging" in text for word in handlers.findall(text)
    }
    assert found == {("vigilar/base/logs.py", "StreamHandler")}
    assert "log stderr" in texts["vigilar/door/haproxy.py"]
    assert re.findall(r"log_dest (\w+)", texts["vigilar/bus/broker.py"]) == ["stderr"]
    assert "`vigilar/base/logs.py`" in page("data.md")


def test_what_must_fit_together_has_its_codes() -> None:
    told = page("data.md").partition("## What must fit together")[2].partition("\n## ")[0]
    codes = re.findall(r"`([a-z]+\.[a-z_]+)`", told)
    assert len(codes) >= 14
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "vigilar").rglob("*.py")]
    assert [code for code in codes if not any(f'"{code}"' in text for text in texts)] == []


def test_scripts_write_to_no_name_that_came() -> None:
    """``object[name] = value`` with a name like ``__proto__`` would change all objects: what is written so is a number
    or one of our own names."""
    own = {("passkey_wire.js", "response[name]"), ("zone_list.js", "point[axis]"), ("zone_list.js", "points[at]"),
           ("zones.js", "points[at]")}  # fmt: skip
    written = re.compile(r"(\w+\[[a-zA-Z_.]+\]) *(?:=|\+=|\?\?=)[^=>]")
    found = {
        (path.name, place)
        for path in (ROOT / "vigilar/web/static/js").glob("*.js")
        for place in written.findall(path.read_text(encoding="utf-8"))
        if not place.startswith("dataset[")
    }
    assert found == own
