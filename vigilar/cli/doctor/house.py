"""Looks at what is Vigilar's own: settings, secrets, database, keys, cameras, and the parts of the house."""

from __future__ import annotations

import socket
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit

from vigilar.base.errors import RecordingError
from vigilar.base.folder_id import find_folder_id
from vigilar.base.house_file import HouseFile
from vigilar.base.models_folder import has_model
from vigilar.cli.doctor.check import Check, Finding, Patient
from vigilar.cli.stored_logins import missing_logins
from vigilar.config.addresses import is_network
from vigilar.config.cut import database_url
from vigilar.config.models import Camera
from vigilar.config.secrets import SecretStore
from vigilar.health.part import State
from vigilar.store.engine import Store
from vigilar.store.first_user import has_users
from vigilar.store.set_aside import count_set_aside
from vigilar.vge.keys import KeyRing, has_key_lock, load_sheet_id
from vigilar.vge.places import BESIDE, NO_SHEET, is_beside, lock_problem

CONNECT_S = 2.0
_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80}
_MODES_STEP = "As the user of the service: chmod -R u=rwX,go= {folder}"


def settings(patient: Patient) -> Check:
    say = Finding("settings")
    if patient.config_error:
        lines = patient.config_error.splitlines()
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        return say.bad(
            f"The settings are not valid: {lines[0]}{more}", "Correct that line, or take it back: vigilar config undo"
        )
    told = (patient.status or {}).get("config_error")
    if told:
        return say.warn("The running service does not use the newest settings yet.", "vigilar reload")
    return say.ok("The settings are valid.")


def secrets(patient: Patient) -> Check:
    """Nobody but the service may read what opens everything."""
    say, folder = Finding("secrets"), patient.places.secrets_dir
    if not folder.is_dir():
        return (
            say.ok("There are no secrets yet.")
            if patient.pid is None
            else say.bad(
                f"The folder of secrets {folder} is not there.", "Restore it from a backup or with the recovery sheet."
            )
        )
    wide = [one for one in (folder, *folder.rglob("*")) if _is_wide(one)]
    if wide:
        step = _MODES_STEP.format(folder=folder)
        return say.bad(f"Other users of this machine can read {wide[0]}{_more(wide)}.", step)
    owner, strange = (
        folder.stat().st_uid,
        [one for one in folder.rglob("*") if one.lstat().st_uid != folder.stat().st_uid],
    )
    if strange:
        return say.bad(
            f"{strange[0]} belongs to another user than its folder{_more(strange)}, so the service cannot read it.",
            f"sudo chown -R {owner} {folder}",
        )
    return say.ok("Only the service can read its secrets.")


def _is_wide(path: Path) -> bool:
    mode = path.lstat().st_mode
    return not stat.S_ISLNK(mode) and bool(mode & 0o077)


def _more(found: list[Path]) -> str:
    return f" and {len(found) - 1} more" if len(found) > 1 else ""


def data_folder(patient: Patient) -> Check:
    """The folder is this house's, on the drive it knows, and its user may write there."""
    say, folder = Finding("data-folder"), patient.places.data_dir
    if not folder.is_dir():
        return say.bad(f"The folder {folder} is not there.", "Mount the drive, or make the folder: vigilar start")
    found = find_folder_id(folder)
    known = HouseFile(patient.places.house_file).load().folder_id
    if known and found != known:
        return say.bad(
            f"What lies at {folder} is not this house's drive.", "Mount the right one, or take this: vigilar new-drive"
        )
    if found is None:
        return say.ok(f"{folder} is empty: this house was not started yet.")
    return say.ok(f"{folder} is this house's own.")


def database(patient: Patient) -> Check:
    """Each page of it, read-only. Seconds for a large one."""
    say, url = Finding("database"), database_url(patient.settings, patient.places)
    scheme, _, path = url.partition(":///")
    if not scheme.startswith("sqlite"):
        with closing(Store.open(url)):
            return say.ok("The database server answers.")
    if not Path(path).exists():
        return (
            say.ok("There is no database yet.")
            if patient.pid is None
            else say.bad("The database is not there.", "Start Vigilar again: it is made anew from the recordings.")
        )
    with closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=5.0)) as connection:
        try:
            found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
        except sqlite3.Error as error:
            found = [str(error)]
    if found != ["ok"]:
        step = "Start Vigilar again: a copy is kept, and rows are made anew from the recordings."
        return say.bad(f"The database is damaged: {found[0]}.", step)
    return say.ok("The database is whole.")


def database_version(patient: Patient) -> Check:
    say, url = Finding("database-version"), database_url(patient.settings, patient.places)
    _, _, path = url.partition(":///")
    if url.startswith("sqlite") and not Path(path).exists():
        return say.ok("There is no database yet.")
    with closing(Store.open(url)):
        return say.ok("The database is of this version.")


def owner(patient: Patient) -> Check:
    say, path = Finding("owner"), database_url(patient.settings, patient.places).partition(":///")[2]
    if path and not Path(path).exists():
        return say.ok("Nobody has signed in yet.")
    with closing(Store.open(database_url(patient.settings, patient.places))) as store:
        if has_users(store):
            return say.ok("There is a login for the owner.")
    return say.warn("Nobody can sign in yet.", "Open the page; the code for the first login: vigilar setup code")


def keys(patient: Patient) -> Check:
    say, folder = Finding("keys"), patient.places.secrets_dir
    if not folder.is_dir():
        return say.ok("There are no keys yet.")
    if words := lock_problem(folder):
        return say.warn(words, "")
    KeyRing.load(folder)
    return say.ok("The keys of the recordings are here.")


def recovery_sheet(patient: Patient) -> Check:
    say, folder = Finding("recovery-sheet"), patient.places.secrets_dir
    if not folder.is_dir():
        return say.ok("There are no keys yet.")
    try:
        if load_sheet_id(folder) is not None:
            return say.ok("There is a recovery sheet.")
    except RecordingError as error:
        return say.bad(f"The recovery sheet's key cannot be read: {error}.", "Make a new one: vigilar keys recovery")
    return say.warn(NO_SHEET.partition(" Print one:")[0], "vigilar keys recovery")


def keys_beside(patient: Patient) -> Check:
    say, places = Finding("keys-place"), patient.places
    if not has_key_lock(places.secrets_dir) and is_beside(places.secrets_dir, places.data_dir):
        sentence, _, step = BESIDE.partition(" To lock them up, on the box: ")
        return say.warn(sentence, step)
    return say.ok("The keys are locked up, or not on the disk of the recordings.")


def logins(patient: Patient) -> Check:
    """The logins that the settings name can be read."""
    say = Finding("logins")
    for wrong, command in missing_logins(patient.settings, SecretStore(patient.places.secrets_dir)):
        return say.bad(wrong, f"Store it again: {command}")
    return say.ok("All logins that the settings name are there.")


def cameras(patient: Patient) -> list[Check]:
    """Whether each camera's port answers. No login is tried: many cameras lock after a few."""
    found = [one for one in patient.settings.cameras if one.enabled]
    if not found:
        return [Finding("cameras").warn("There is no camera.", "vigilar camera add")]
    with ThreadPoolExecutor(min(16, len(found))) as pool:
        return list(pool.map(_camera, found))


def _camera(camera: Camera) -> Check:
    say = Finding(f"camera:{camera.id}")
    if not is_network(camera.address):
        return say.ok(f"{camera.name} is no camera of the network: it plays {camera.address.partition(':')[0]}.")
    parts = urlsplit(camera.address)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 554)
    try:
        with socket.create_connection((host, port), CONNECT_S):
            return say.ok(f"{camera.name} answers at {host}, port {port}.")
    except OSError:
        return say.bad(
            f"{camera.name}: nothing answers at {host}, port {port}.",
            f"Check its power and its network cable; then: vigilar camera test {camera.id}",
        )


def recording(patient: Patient) -> Check:
    """What the running house says of its cameras."""
    say = Finding("recording")
    if patient.gathered is None or patient.status is None:
        return say.unknown("Whether cameras are recorded is known only while Vigilar runs.")
    wrong = [one for one in patient.gathered.known.cameras if not (one.is_well or one.is_coming)]
    if wrong:
        names = ", ".join(one.name for one in wrong)
        return say.bad(f"Not recorded, or not known to be: {names}.", "vigilar status says why.")
    return say.ok("All cameras are recorded as their mode says.")


def models(patient: Patient) -> Check:
    say, detect = Finding("models"), patient.settings.detect
    if not (detect.enabled and detect.objects):
        return say.ok("Recognising is switched off.")
    if has_model(patient.places.data_dir):
        return say.ok("A model is installed.")
    return say.warn("No model is installed: people, vehicles and animals are not told.", "vigilar models install")


def set_aside(patient: Patient) -> Check:
    say, url = Finding("set-aside"), database_url(patient.settings, patient.places)
    path = url.partition(":///")[2]
    if path and not Path(path).exists():
        return say.ok("Nothing was set aside.")
    node_id = find_folder_id(patient.places.data_dir) or ""
    with closing(Store.open(url)) as store:
        count = sum(count_set_aside(store, node_id).values())
    if count:
        return say.warn(f"{count} messages or events could not be handled.", "vigilar events set-aside")
    return say.ok("Nothing was set aside.")


def retention(patient: Patient) -> Check:
    """Whether recordings wait for a person's word, and how long they last."""
    say, known = Finding("retention"), patient.gathered.known if patient.gathered else None
    if known is None or known.footage is None:
        return say.unknown("How long recordings last cannot be told without the database.")
    if patient.status is None:
        return say.ok(known.footage.sentence)
    waits = [one for one in known.told if "waits for your word" in one]
    return say.warn(waits[0], "vigilar storage show") if waits else say.ok(known.footage.sentence)


def parts(patient: Patient) -> list[Check]:
    """The parts of the house that this box has not looked at otherwise: as pages and ``vigilar status`` say them."""
    if patient.house is None:
        return []
    found = []
    for part_id in ("power", "backup", "notify", "sensors", "detector", "certificate", "programs", "jobs"):
        part = patient.house.part(part_id)
        if part.state is State.NOT_SET_UP:
            found.append(Check(part_id, State.OK, part.sentence.strip()))
        elif patient.pid is None and part.state is State.UNKNOWN:
            found.append(Check(part_id, State.UNKNOWN, "Known only while Vigilar runs."))
        else:
            step = next((one.next_step for one in part.todos), "")
            found.append(Check(part_id, part.state, part.sentence, step))
    return found


def coverage(patient: Patient) -> Check:
    say, known = Finding("coverage"), patient.gathered.known if patient.gathered else None
    if known is None or known.sensors is None:
        return say.unknown("Whether recordings have holes cannot be told without the database.")
    if known.low_coverage:
        return say.warn(f"Recorded with holes: {', '.join(known.low_coverage)}.", "See the page: System, Cameras")
    return say.ok("No camera records with holes.")


def recordings(patient: Patient) -> Check:
    say, known = Finding("recordings"), patient.gathered.known if patient.gathered else None
    if known is None or known.sensors is None:
        return say.unknown("Whether recordings are whole cannot be told without the database.")
    if known.history:
        return say.bad(known.history, "vigilar check")
    if known.damaged:
        return say.warn(f"{known.damaged} recordings are missing, changed or damaged.", "vigilar check")
    return say.ok("No recording is known to be missing, changed or damaged.")
