"""``vigilar notify``: telling people."""

from __future__ import annotations

import click

from vigilar.cli.lazy import LazyGroup

_COMMANDS = {
    "why": ("vigilar.cli.notify_why:why", "Why an event was told to whom, or not, step by step."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def notify() -> None:
    """Telling people what happened."""
