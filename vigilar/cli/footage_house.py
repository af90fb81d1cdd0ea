"""What commands about recordings need of an installation: its database, its box, its keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass

from vigilar.base.errors import ErrorKind, ExitCode, VigilarError
from vigilar.base.folder_id import find_folder_id
from vigilar.config.cut import database_url
from vigilar.config.load import load_config
from vigilar.config.places import Places
from vigilar.proof.verdict import Outcome
from vigilar.store.engine import Store

WORDS = {
    Outcome.MISSING: "MISSING",
    Outcome.REPLACED: "REPLACED",
    Outcome.SHORTER: "SHORTER THAN ANCHORED",
    Outcome.DAMAGED: "DAMAGED",
    Outcome.UNCLEAN: "UNCLEAN",
    Outcome.UNREADABLE: "UNREADABLE",
}
"""Outcome -> how people read it; one that is well has none."""


@dataclass(frozen=True, slots=True)
class FootageHouse:
    """An open database and the id of the box whose data folder this is."""

    store: Store
    node_id: str


@contextmanager
def open_house(places: Places) -> Iterator[FootageHouse]:
    """Raises VigilarError: settings not valid, no database, no data folder."""
    node_id = find_folder_id(places.data_dir)
    if node_id is None:
        raise VigilarError(
            f"{places.data_dir} holds no data of Vigilar",
            kind=ErrorKind.PERMANENT,
            next_step="Name the folder with --data-dir.",
            exit_code=ExitCode.NOT_FOUND,
        )
    with closing(Store.open(database_url(load_config(places), places))) as store:
        yield FootageHouse(store, node_id)


@contextmanager
def find_house(places: Places) -> Iterator[FootageHouse | None]:
    """The same; None where there is no database of an installation, or it cannot be read."""
    with ExitStack() as stack:
        found = None
        with suppress(VigilarError, OSError):
            found = stack.enter_context(open_house(places))
        yield found
