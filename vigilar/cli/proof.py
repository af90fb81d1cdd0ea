"""``vigilar proof``: what this box has signed, to be kept elsewhere."""

from __future__ import annotations

from hashlib import sha256

import click

from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.cli.footage_house import open_house
from vigilar.cli.lazy import LazyGroup, Lines
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import print_json, tell
from vigilar.config.places import Places
from vigilar.proof.checkpoint import dump_signed
from vigilar.store.checkpoints import newest_checkpoint

_COMMANDS: Lines = {"show": ("vigilar.cli.proof:show", "Print the newest signed checkpoint, to keep it elsewhere.")}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def proof() -> None:
    """What this box has signed, to be kept elsewhere."""


@click.command()
@with_places
@with_json
def show(places: Places, as_json: bool) -> int:
    """Print the newest signed checkpoint, which states where all recordings, deletions and events stood.

    Keep it where nobody who comes to the box can reach it; later: vigilar check --against FILE
    """
    with open_house(places) as house:
        made = newest_checkpoint(house.store, house.node_id)
    if made is None:
        raise RecordingError(
            "This box has signed no checkpoint yet",
            kind=ErrorKind.TRANSIENT,
            code="proof.checkpoint",
            next_step="It makes the first some seconds after its start, then one each hour.",
            exit_code=ExitCode.NOT_FOUND,
        )
    if as_json:
        print_json({"ts": made.created_ms, "body": made.body, "signature": made.signature.hex()})
    else:
        print(dump_signed(made), end="")
        tell(f"Print of this checkpoint: {sha256(made.body.encode()).hexdigest()[:16]}")
    return ExitCode.OK
