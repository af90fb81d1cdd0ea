"""Routes that compile what builds their address when the first such address is built.

werkzeug compiles two functions for each route as it is added, by way of ``ast``. Of our 250 routes that is most
of the time in which the web process makes its app, and whoever looks at pages needs the addresses of some dozens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule


class QuickRule(Rule):
    """For ``Flask.url_rule_class``. Any thread: two that ask for the first address at once both compile, to no harm."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        """In the place of werkzeug's, which is called for each route as it is added; that one is called later."""
        compile_now = super()._compile_builder
        compiled: list[Callable[..., tuple[str, str]]] = []

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            if not compiled:
                compiled.append(compile_now(append_unknown))
            return compiled[0](rule, **values)

        return build
