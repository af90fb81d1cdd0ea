"""Lists every code that a page, the API or a command can show, with its sentence: ``docs/ref/codes.md``.

    python -m tools.list_codes > docs/ref/codes.md

Read out of the source: calls of ``Problem(status, "type", "sentence", next_step=...)``, the words for bare statuses,
and errors that carry a code. Parts of a sentence that are filled in show as an ellipsis. A test keeps the page equal to
the source.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

_CODE = re.compile(r"V(-[A-Z0-9]+)+|[a-z]+\.[a-z_-]+")
CODE = Path(__file__).resolve().parents[1] / "vigilar"

HEAD = """\
# Codes

<!-- Made by `python -m tools.list_codes`; a test keeps it true. Do not change it by hand. -->

What a page or a command says comes with a short code, which stays the same from version to version: for looking it up
here, and for programs. The codes of cameras, `V-CAM-..`, are explained in [Words](../glossary.md#camera-codes).
"""


def text_of(node: ast.AST | None) -> str:
    """The text of a literal; ``…`` where something is filled in; empty for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(one) or "…" for one in node.values)
    if isinstance(node, ast.FormattedValue):
        return "…"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (text_of(node.left) or "…") + (text_of(node.right) or "…")
    return ""


def keyword(call: ast.Call, name: str) -> ast.AST | None:
    return next((one.value for one in call.keywords if one.arg == name), None)


def problems(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, str, str, str]]:
    """Code, status, sentence and next step of each problem that the pages and the API answer with."""
    for call in nodes:
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Problem"):
            continue
        arguments = [*call.args, None, None, None]
        status = arguments[0].value if isinstance(arguments[0], ast.Constant) else ""
        code = text_of(arguments[1])
        if code and "…" not in code:
            yield code, str(status), text_of(arguments[2]) or "…", text_of(keyword(call, "next_step"))


def errors(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, str, str]]:
    """Code, sentence and next step of each error with a code of its own, cameras' aside. A code may be a name that the
    same file gives to a text."""
    names = {
        target.id: text_of(one.value)
        for one in nodes
        if isinstance(one, ast.Assign)
        for target in one.targets
        if isinstance(target, ast.Name)
    }
    for call in nodes:
        if not isinstance(call, ast.Call):
            continue
        given = keyword(call, "code")
        code = names.get(given.id, "") if isinstance(given, ast.Name) else text_of(given)
        if _CODE.fullmatch(code) and not code.startswith("V-CAM-"):
            sentence = next((text for one in call.args if " " in (text := text_of(one))), "")
            yield code, sentence or "…", text_of(keyword(call, "next_step"))


def makers(files: Iterable[Sequence[ast.AST]]) -> dict[str, tuple[str, int]]:
    """Functions that make an error whose code is ``f"prefix.{argument}"``: by name the prefix, and the place of that
    argument."""
    found = {}
    for function in (one for nodes in files for one in nodes if isinstance(one, ast.FunctionDef)):
        places = {argument.arg: number for number, argument in enumerate(function.args.args)}
        for call in (one for one in ast.walk(function) if isinstance(one, ast.Call)):
            given = keyword(call, "code")
            if (
                isinstance(given, ast.JoinedStr)
                and len(given.values) == 2
                and isinstance(given.values[1], ast.FormattedValue)
            ):
                name = getattr(given.values[1].value, "id", "")
                if name in places:
                    found[function.name] = (text_of(given.values[0]), places[name])
    return found


def made(nodes: Sequence[ast.AST], known: dict[str, tuple[str, int]]) -> Iterator[tuple[str, str, str]]:
    """Code, sentence and next step of each error that one of ``makers`` makes."""
    for call in nodes:
        name = call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else ""
        if isinstance(call, ast.Call) and name in known and len(call.args) > known[name][1]:
            prefix, place = known[name]
            texts = [text_of(one) for one in call.args]
            if texts[place] and "…" not in texts[place]:
                words = [text for text in texts if " " in text] or ["…"]
                yield prefix + texts[place], words[0], " ".join(words[1:]) or text_of(keyword(call, "next_step"))


def bare(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, str, str, str]]:
    """Code, status and sentence of what is said where a view says nothing itself: the table ``_WORDS`` of
    ``web/problems.py``, and ``server.<kind>`` for errors without a code."""
    for one in nodes:
        if isinstance(one, ast.Assign) and getattr(one.targets[0], "id", "") == "_WORDS":
            for status, (code, sentence) in ast.literal_eval(one.value).items():
                yield code, str(status), sentence, ""
        if isinstance(one, ast.Assign) and getattr(one.targets[0], "id", "") == "_STATUS_OF_KIND":
            pairs = zip(one.value.keys, one.value.values, strict=True) if isinstance(one.value, ast.Dict) else ()
            for kind, status in pairs:
                if isinstance(kind, ast.Attribute):
                    yield f"server.{kind.attr.lower()}", str(ast.literal_eval(status)), "…", ""


def cell(*texts: str) -> str:
    return " ".join(" ".join(texts).split()).replace("|", "\\|")


def list_codes() -> str:
    of_pages: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    of_errors: dict[str, set[tuple[str, str]]] = defaultdict(set)
    files = {path: [*ast.walk(ast.parse(path.read_text(encoding="utf-8")))] for path in sorted(CODE.rglob("*.py"))}
    known = makers(files.values())
    for path, nodes in files.items():
        of_words = bare(nodes) if path == CODE / "web/problems.py" else ()
        for code, status, *words in (*problems(nodes), *of_words):
            of_pages[code].add((status, words[0], words[1]))
        for code, sentence, step in (*errors(nodes), *made(nodes, known)):
            of_errors[code].add((sentence, step))
    for code in of_pages.keys() & of_errors.keys():
        of_pages[code] |= {("", *words) for words in of_errors.pop(code)}
    lines = [HEAD, "## On pages and in the API", "", "| code | status | says |", "|---|---|---|"]
    for code in sorted(of_pages):
        told = sorted(of_pages[code])
        statuses = ", ".join(dict.fromkeys(status for status, _, _ in told if status))
        says = " / ".join(dict.fromkeys(cell(sentence, step) for _, sentence, step in told))
        lines.append(f"| `{code}` | {statuses} | {says} |")
    lines += ["", "## In the log, in commands, and on pages", "", "| code | says |", "|---|---|"]
    for code in sorted(of_errors):
        says = " / ".join(cell(sentence, step) for sentence, step in sorted(of_errors[code]))
        lines.append(f"| `{code}` | {says} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(list_codes())
