"""Refusals a person can read: problem+json for programs (RFC 9457), a page for people.

Problem           status, stable code, title, detail, field
  raised by views and checks; anything else that escapes a view is a bug and becomes a 500 without its text
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestedRangeNotSatisfiable
from werkzeug.routing import RequestRedirect

from vigilar.base.errors import ErrorKind, VigilarError
from vigilar.base.redact import redact

logger = logging.getLogger(__name__)

_WORDS = {
    400: ("request.bad", "This request could not be read."),
    401: ("session.invalid", "Please sign in."),
    403: ("request.refused", "This is not allowed."),
    404: ("page.unknown", "There is nothing here."),
    405: ("request.method", "This address does not take that kind of request."),
    408: ("request.slow", "The request took too long to arrive."),
    410: ("page.over", "This is not there any more."),
    413: ("body.too_large", "That is too much to send at once (1 MiB at most)."),
    415: ("body.type", "Send this as application/json."),
    421: ("request.host", "This box does not answer to that name."),
    429: ("login.wait", "Too many tries. Wait a minute and try again."),
    500: ("server.bug", "Something went wrong here. It was written to the log."),
    503: ("server.not_ready", "This is not ready yet. Try again in a moment."),
}

_STATUS_OF_KIND = {
    ErrorKind.TRANSIENT: 503,
    ErrorKind.FULL: 507,
    ErrorKind.DENIED: 403,
    ErrorKind.CORRUPT: 500,
    ErrorKind.PERMANENT: 422,
    ErrorKind.BUG: 500,
}


_GONE = frozenset({"recording.replaced", "recording.corrupt", "vge.damaged", "vge.header-damaged", "vge.header-short"})
"""Codes of recordings that were there and cannot be shown any more: 410, because nothing is wrong with the server."""


class Problem(Exception):
    """A request that cannot be served. ``code`` is short and stable, ``detail`` is one sentence for a person, and
    ``next_step`` says what that person can do, ``link`` is an address to go to."""

    def __init__(
        self,
        status: int,
        code: str = "",
        detail: str = "",
        *,
        next_step: str = "",
        field: str = "",
        headers: dict[str, str] | None = None,
        link: str = "",
        more: Mapping[str, Any] | None = None,
    ) -> None:
        default_code, default_detail = _WORDS.get(status, ("request.refused", "This request was refused."))
        self.status = status
        self.code = code or default_code
        self.detail = detail or default_detail
        self.next_step = next_step
        self.field = field
        self.headers = headers or {}
        self.link = link
        self.more = more or {}
        super().__init__(f"{self.code}: {self.detail}")


def install_problems(app: Flask) -> None:
    """Answer every error of ``app`` in the form the asker can read."""
    app.register_error_handler(Problem, _on_problem)
    app.register_error_handler(VigilarError, _on_vigilar_error)
    app.register_error_handler(HTTPException, _on_http)
    app.register_error_handler(Exception, _on_bug)


def wants_page() -> bool:
    """Whether a person in a browser asked, and not a program or a script of our own."""
    return "text/html" in request.headers.get("Accept", "") and not request.path.startswith("/api/")


def problem_response(problem: Problem) -> Response:
    g.problem = problem.code  # what was refused is written down, if it is of that kind (``deeds``)
    if wants_page():
        body = render_template("error.html", problem=problem)
        response = Response(body, problem.status, mimetype="text/html")
    else:
        members: dict[str, Any] = {"type": problem.code, "title": _title(problem.status), "status": problem.status}
        members["detail"] = f"{problem.detail} {problem.next_step}".strip()
        if problem.field:
            members["field"] = problem.field
        if problem.link:
            members["location"] = problem.link
        members |= problem.more
        response = Response(json.dumps(members), problem.status, mimetype="application/problem+json")
    response.headers.extend(problem.headers)
    return response


def _title(status: int) -> str:
    return _WORDS.get(status, ("", "This request was refused."))[1]


def _on_problem(problem: Problem) -> Response:
    return problem_response(problem)


def _on_vigilar_error(error: VigilarError) -> Response:
    status = 410 if error.code in _GONE else _STATUS_OF_KIND[error.kind]
    if status >= 500 and error.kind is not ErrorKind.TRANSIENT:  # a camera that is away is asked every few seconds
        logger.warning("request to %s failed: %s", request.path, error)
    code, detail = error.code or f"server.{error.kind.value}", as_sentence(redact(str(error)))
    return problem_response(Problem(status, code, detail, next_step=redact(error.next_step)))


def as_sentence(text: str) -> str:
    """An error as people read it: with a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def _on_http(error: HTTPException) -> Response:
    if isinstance(error, RequestRedirect):
        return Response(status=308, headers={"Location": error.new_url})
    problem = Problem(error.code or 500)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        problem.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    if isinstance(error, RequestedRangeNotSatisfiable):
        problem.headers["Content-Range"] = f"bytes */{error.length}"
    return problem_response(problem)


def _on_bug(_error: Exception) -> Response:
    logger.exception("bug while serving %s %s", request.method, request.path)
    return problem_response(Problem(500))
