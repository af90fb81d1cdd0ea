"""``vigilar support-bundle``: one file for who helps, with what is wrong and without what is private."""

from __future__ import annotations

import io
import json
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from vigilar import __version__
from vigilar.base.amounts import size_text
from vigilar.base.atomic import write_atomic
from vigilar.base.disk import disk_errors
from vigilar.base.errors import ExitCode, VigilarError
from vigilar.base.redact import redact
from vigilar.cli.doctor.command import examine
from vigilar.cli.known import fresh_status
from vigilar.cli.options import with_places
from vigilar.cli.output import tell
from vigilar.cli.status import gather_status
from vigilar.config.cut import database_url
from vigilar.config.load import load_config
from vigilar.config.places import Places
from vigilar.config.reference import effective
from vigilar.health.scrub import Scrubber, list_secrets
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, list_events
from vigilar.store.health import count_rows

LOG_LINES = 3000
LOG_TIMEOUT_S = 20.0
EVENTS = 300

README = """\
This file was made by `vigilar support-bundle` (Vigilar {version}).

It holds no password, key, PIN or token, no login of a camera, no picture and no recording. Names of cameras and zones
are in it, and addresses in your own network. Of each address only kind and host are left. Look through it before you
give it away.

{contents}
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the zip: its name, what it is, and how its text is made."""

    name: str
    about: str
    make: Callable[[], str]


@click.command("support-bundle")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--stdout", "to_stdout", is_flag=True, help="Write the zip to standard output.")
@with_places
def support_bundle(places: Places, file: Path | None, to_stdout: bool) -> int:
    """Write a zip for who helps you: versions, what is wrong, settings and log; nothing secret, no pictures.

    README.txt in it lists what is inside.
    """
    if (file is None) is not to_stdout:
        raise click.UsageError("Name a file such as support.zip, or give --stdout.")
    data = make_bundle(places)
    if file is None:
        sys.stdout.buffer.write(data)
        return ExitCode.OK
    if file.exists():
        raise VigilarError(f"{file} is there already.", next_step="Name another file.", exit_code=ExitCode.REFUSED)
    with disk_errors("write the file", file.parent):
        write_atomic(file.absolute(), data)
    tell(f"Wrote {file}, {size_text(len(data))}. Inside:")
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        print("\n".join(made.namelist()))
    return ExitCode.OK


def make_bundle(places: Places) -> bytes:
    """The zip. What cannot be read is said in its place and stops nothing."""
    scrubber = Scrubber(_secrets(places))
    texts = [(entry, scrubber.known(_text_of(entry))) for entry in _entries(places, scrubber)]
    contents = "\n".join(f"{entry.name:<16} {entry.about} ({len(text.encode())} bytes)" for entry, text in texts)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("README.txt", README.format(version=__version__, contents=contents))
        for entry, text in texts:
            made.writestr(entry.name, text)
    return held.getvalue()


def _secrets(places: Places) -> Iterator[str]:
    """What may stand nowhere: all secrets, and the passwords of the broker's accounts."""
    for folder in (places.secrets_dir, places.broker_dir):
        yield from list_secrets(folder)


def _entries(places: Places, scrubber: Scrubber) -> list[Entry]:
    def dump(value: Any) -> str:
        return json.dumps(scrubber.plain(value), ensure_ascii=False, indent=1, default=str)

    return [
        Entry("versions.txt", "versions of Vigilar, its libraries and the system", _versions),
        Entry("status.json", "what `vigilar status` says", lambda: dump(_status(places))),
        Entry("doctor.json", "what `vigilar doctor` finds", lambda: dump([asdict(one) for one in examine(places)])),
        Entry("settings.json", "the settings in force", lambda: dump(effective(load_config(places)))),
        Entry("processes.json", "the processes as the main program sees them", lambda: dump(fresh_status(places))),
        Entry("events.json", "the newest events of the house, without pictures", lambda: dump(_events(places))),
        Entry("rows.json", "how many rows each table has", lambda: dump(_rows(places))),
        Entry("files.txt", "folders and files, with their modes and sizes", lambda: scrubber.text(_files(places))),
        Entry("log.txt", "the newest lines of the service's log", lambda: scrubber.text(_log())),
    ]


def _text_of(entry: Entry) -> str:
    try:
        return entry.make()
    except (VigilarError, OSError) as error:
        return f"Could not be read: {redact(str(error))}\n"


def _versions() -> str:
    lines = [
        f"Vigilar {__version__}",
        f"Python {platform.python_version()}",
        f"{platform.system()} {platform.release()} {platform.machine()}",
    ]
    release = Path("/etc/os-release")
    if release.exists():
        lines += [one for one in release.read_text(encoding="utf-8").splitlines() if one.startswith("PRETTY_NAME=")]
    lines += sorted(f"{one.name} {one.version}" for one in metadata.distributions())
    return "\n".join(lines) + "\n"


def _status(places: Places) -> dict[str, Any]:
    found = gather_status(places)
    return {**found, "cameras": [asdict(one) for one in found["cameras"]]}


def _events(places: Places) -> list[dict[str, Any]]:
    """Of the house itself and of its cameras' health; who came by is nobody's business."""
    config = load_config(places)
    with closing(Store.open(database_url(config, places))) as store:
        rows, _ = list_events(store, EventFilter(kind="", limit=EVENTS))
    told = ("reason", "code", "missed_ms", "lost_ms", "restarts", "process_title")
    return [
        {
            "id": row.id,
            "ts": row.ts_ms,
            "end_ts": row.end_ms,
            "type": row.type,
            "source": row.source_id,
            **{name: row.payload[name] for name in told if name in row.payload},
        }
        for row in rows
    ]


def _rows(places: Places) -> dict[str, int]:
    with closing(Store.open(database_url(load_config(places), places))) as store:
        return count_rows(store)


def _files(places: Places) -> str:
    """Folders of data and secrets, two deep: modes, owners and sizes, no contents."""
    lines = []
    for folder in dict.fromkeys((places.data_dir, places.secrets_dir, places.config_file.parent)):
        for path in sorted({folder, *folder.glob("*"), *folder.glob("*/*")}):
            status = path.lstat()
            lines.append(f"{status.st_mode:06o} {status.st_uid:>6} {status.st_size:>14} {path}")
    free = shutil.disk_usage(places.data_dir)
    lines.append(f"disk: {free.free} of {free.total} bytes free")
    return "\n".join(lines) + "\n"


def _log() -> str:
    program = shutil.which("journalctl")
    if program is None:
        return "This machine has no journal.\n"
    command = [program, "-u", "vigilar", "-n", str(LOG_LINES), "--no-pager", "-o", "short-iso"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LOG_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return "The journal did not answer in time.\n"
    return done.stdout.decode("utf-8", "replace") or "The journal has nothing of this service, or may not be read.\n"
