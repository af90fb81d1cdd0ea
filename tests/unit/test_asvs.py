"""The page on ASVS 5, level 1: it leaves nothing out, and what it points to is there."""

from __future__ import annotations

import re
from functools import cache

from tests.conftest import ROOT

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


@cache
def page() -> str:
    return (ROOT / "docs/ref/asvs.md").read_text(encoding="utf-8")


def rows() -> list[list[str]]:
    return [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in page().splitlines() if re.match(r"\| \d", line)
    ]


def test_each_requirement_is_on_the_page_once() -> None:
    assert len(LEVEL_1) == 70
    assert sorted(row[0] for row in rows()) == sorted(LEVEL_1)


def test_what_is_met_has_a_test_that_exists() -> None:
    known = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)\(", path.read_text(encoding="utf-8"))
    }
    for identity, _, met, how, test in rows():
        names = set(re.findall(r"`(test_\w+)`", test))
        assert names <= known, identity
        assert names or met != "yes", identity
        assert how or met != "no", f"{identity}: why not is said"


def test_sum_is_right() -> None:
    met = [row[2] for row in rows()]
    assert f"Of {len(met) - met.count('-')} that apply {met.count('yes')} are met" in page()


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
