"""What a start must do before there can be a plan: keys, the newest schema of the database.

Runs in a short-lived process of the supervisor, at the start only, while no other process uses the database.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack, closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from vigilar.base.database_note import find_note
from vigilar.base.disk import disk_errors
from vigilar.base.errors import RecordingError
from vigilar.base.reserve import Reserve
from vigilar.base.setup_code import forget_setup_code, make_setup_code
from vigilar.config.cut import own_database_url
from vigilar.config.last_good import load_in_force
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.door.certificates import CertificateWish, ensure_certificate, utc_now
from vigilar.processes.folder_check import require_folder_id
from vigilar.proof.homes import list_homes
from vigilar.store.as_left import open_as_left
from vigilar.store.cameras import list_cameras
from vigilar.store.files import find_files, storage_totals
from vigilar.store.first_user import has_users
from vigilar.store.nodes import claim_rows
from vigilar.store.sql import Database
from vigilar.store.sqlite_store import find_plain_file
from vigilar.vge.gate import file_errors
from vigilar.vge.key_store import prepare_keys
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import LOCKED_CODES, open_header
from vigilar.vge.places import LOCKED

if TYPE_CHECKING:
    from vigilar.processes.rescue import HouseDatabase

logger = logging.getLogger(__name__)

_SQLITE = "sqlite:"


def prepare_start(places: Places) -> None:
    """Make ready what outlives a start.

    On a full disk the reserve is spent on it, so that a house that was started once starts always. Raises
    VigilarError; a wrong configuration is found before anything is changed.
    """
    with disk_errors("start", places.data_dir):
        Reserve(places.data_dir).help(lambda: _prepare(places))


def _prepare(places: Places) -> None:
    node_id = require_folder_id(places.data_dir)
    _quieten_alembic()
    config, wrong = load_in_force(places)
    if wrong:
        logger.error("the settings are not valid, so this start is by the last good ones: %s", wrong)
    ring = prepare_keys(places.secrets_dir)
    if ring.is_locked:
        logger.warning("%s", LOCKED)
    with closing(_open_store(config, places, node_id, ring)) as store:
        if claimed := claim_rows(store, node_id):
            logger.info("%d rows from before boxes had ids are this box's now", claimed)
        _tell_locked_recordings(store, places, ring)
        _make_setup_code(store, places)
    _make_certificate(config, places)


def _make_certificate(config: Config, places: Places) -> None:
    """The door reads it at its start. A house without one starts all the same, on plain HTTP."""
    web = config.web
    wish = CertificateWish(
        secrets_dir=places.secrets_dir, names=web.names, certificate=web.certificate or "", key=web.key or ""
    )
    try:
        state, _ = ensure_certificate(wish, utc_now())
        if state.state != "ok":
            logger.warning("%s", state.sentence)
    except (OSError, ValueError) as error:
        logger.error("no certificate could be made, so there is no HTTPS: %s", error)


def _make_setup_code(store: Database, places: Places) -> None:
    """A house without an owner shows at its console what its first login asks for from another machine."""
    if has_users(store):
        forget_setup_code(places.secrets_dir)
        return
    code = make_setup_code(places.secrets_dir)
    logger.info("nobody can sign in yet; from another machine the first login asks for this code: %s", code)


def mend_database(places: Places) -> None:
    """Make a database anew that is damaged, while the house runs and records. Raises VigilarError."""
    with disk_errors("look after the database", places.data_dir):
        node_id = require_folder_id(places.data_dir)
        url = own_database_url(load_in_force(places)[0], places)
        if url.startswith(_SQLITE):
            ring = KeyRing.load(places.secrets_dir)
            Reserve(places.data_dir).help(lambda: _house_database(url, places, node_id, ring).mend())


def _open_store(config: Config, places: Places, node_id: str, ring: KeyRing) -> Database:
    url = own_database_url(config, places)
    if url.startswith(_SQLITE):
        return _open_as_left(url, places) or _house_database(url, places, node_id, ring).open()
    from vigilar.store.engine import Store  # loads SQLAlchemy, which few starts need

    return Store.open(url, migrate=True)


def _open_as_left(url: str, places: Places) -> Database | None:
    """None when there is anything to see to, be it that there are recordings of cameras that it does not know."""
    file = find_plain_file(url)
    store = open_as_left(file, find_note(places.data_dir)) if file else None
    if store is None:
        return None
    with ExitStack() as undoing:
        undoing.callback(store.close)
        known = {camera.id for camera in list_cameras(store, with_removed=True)}
        if not known.issuperset(list_homes(places.data_dir)):
            return None
        undoing.pop_all()
        return store


def _quieten_alembic() -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _house_database(url: str, places: Places, node_id: str, ring: KeyRing) -> HouseDatabase:
    # Here and not at the top: it loads Alembic, which tells of each of its plug-ins unless it was quietened before.
    _quieten_alembic()
    from vigilar.processes.rescue import HouseDatabase

    return HouseDatabase(url, places.data_dir, node_id, ring)


def _tell_locked_recordings(store: Database, places: Places, ring: KeyRing) -> None:
    """Say once when the newest recordings are under a key that is not here. A house without its old key must still
    be recorded, so this refuses nothing; and of one that is locked it has been said."""
    if ring.is_locked:
        return
    newest = [
        find_files(store, total.camera_id, "video", total.last_ms - 1, total.last_ms + 1)[-1:]
        for total in storage_totals(store)
        if total.content == "video"
    ]
    for row in chain.from_iterable(newest):
        if locked := _find_lock(places.data_dir / row.path, ring):
            logger.error(
                "%s: %s; new recordings are made under the key that is here. "
                "Put the key file back from your backup into %s, beside it, to open the old ones.",
                row.path,
                locked,
                places.secrets_dir,
            )
            return


def _find_lock(path: Path, ring: KeyRing) -> RecordingError | None:
    """Why no key of ``ring`` opens the file. None when one does, or when the file has another fault."""
    try:
        with file_errors("open", path), path.open("rb") as file:
            open_header(file.fileno(), ring)
    except RecordingError as error:
        return error if error.code in LOCKED_CODES else None
    return None
