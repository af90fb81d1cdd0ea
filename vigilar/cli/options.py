"""Options that many commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from vigilar.config.places import find_places

Command = Callable[..., int]


@dataclass(frozen=True, slots=True)
class Asked:
    """What was given before the name of the command."""

    config: Path | None = None
    data_dir: Path | None = None


def with_places(command: Command) -> Command:
    """Give ``command`` the options ``--config`` and ``--data-dir``, and what they mean as ``places``."""

    @click.option("--config", type=click.Path(path_type=Path), help="The settings file (also VIGILAR_CONFIG).")
    @click.option("--data-dir", type=click.Path(path_type=Path), help="The folder with all data.")
    @click.pass_context
    @functools.wraps(command)
    def with_options(ctx: click.Context, /, config: Path | None, data_dir: Path | None, **kwargs: Any) -> int:
        asked = ctx.find_object(Asked) or Asked()
        places = find_places(config or asked.config, data_dir or asked.data_dir)
        return command(places=places, **kwargs)

    return with_options


def with_json(command: Command) -> Command:
    """Give ``command`` the flag ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)
