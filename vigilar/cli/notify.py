"""``vigilar notify``: telling people."""

from __future__ import annotations

import click

from vigilar.cli.lazy import LazyGroup

_COMMANDS = {
    "test": ("vigilar.cli.notify_test:test", "Does what happens reach people? Send a test by each way."),
    "login": ("vigilar.cli.notify_login:login", "Store what ntfy, a mail server or a webhook is entered with."),
    "why": ("vigilar.cli.notify_why:why", "Why an event was told to whom, or not, step by step."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def notify() -> None:
    """Telling people what happened."""
