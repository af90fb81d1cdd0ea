"""Lists every code that a page, the API or a command can show, with its sentence: ``docs/ref/codes.md``.

    python -m tools.list_codes > docs/ref/codes.md

Read out of the source: calls of ``Problem(status, "type", "sentence", next_step=...)`` and of errors that carry a code
``V-...``. Parts of a sentence that are filled in show as an ellipsis. A test keeps the page equal to the source.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

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


def problems(tree: ast.AST) -> Iterator[tuple[str, str, str, str]]:
    """Code, status, sentence and next step of each problem that the pages and the API answer with."""
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Problem"):
            continue
        arguments = [*call.args, None, None, None]
        status = arguments[0].value if isinstance(arguments[0], ast.Constant) else ""
        code = text_of(arguments[1])
        if code and "…" not in code:
            yield code, str(status), text_of(arguments[2]) or "…", text_of(keyword(call, "next_step"))


def errors(tree: ast.AST) -> Iterator[tuple[str, str, str]]:
    """Code, sentence and next step of each error with a code of its own, cameras' aside."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and (code := text_of(keyword(call, "code"))).startswith("V-"):
            sentence = text_of(call.args[0]) if call.args else ""
            if not code.startswith("V-CAM-"):
                yield code, sentence or "…", text_of(keyword(call, "next_step"))


def cell(*texts: str) -> str:
    return " ".join(" ".join(texts).split()).replace("|", "\\|")


def list_codes() -> str:
    of_pages: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    of_errors: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for path in sorted(CODE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for code, status, *words in problems(tree):
            of_pages[code].add((status, words[0], words[1]))
        for code, sentence, step in errors(tree):
            of_errors[code].add((sentence, step))
    lines = [HEAD, "## On pages and in the API", "", "| code | status | says |", "|---|---|---|"]
    for code in sorted(of_pages):
        told = sorted(of_pages[code])
        statuses = ", ".join(dict.fromkeys(status for status, _, _ in told if status))
        says = " / ".join(dict.fromkeys(cell(sentence, step) for _, sentence, step in told))
        lines.append(f"| `{code}` | {statuses} | {says} |")
    lines += ["", "## In the log and in commands", "", "| code | says |", "|---|---|"]
    for code in sorted(of_errors):
        says = " / ".join(cell(sentence, step) for sentence, step in sorted(of_errors[code]))
        lines.append(f"| `{code}` | {says} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(list_codes())
