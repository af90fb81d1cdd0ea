"""``vigilar certificate``: what the house proves itself with, to compare with what a phone shows."""

from __future__ import annotations

import click

from vigilar.base.disk import disk_errors
from vigilar.base.errors import ExitCode, VigilarError
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import print_json
from vigilar.config.load import load_config
from vigilar.config.places import Places
from vigilar.door.authority import INTERMEDIATE, INTERMEDIATE_KEY, ROOT
from vigilar.door.certificates import CertificateWish, ensure_certificate, utc_now
from vigilar.door.keeper import hand_over
from vigilar.door.places import certificates_dir, serving_file
from vigilar.door.trust import find_root
from vigilar.processes.folder_check import require_folder

_COMMANDS = {
    "show": ("vigilar.cli.certificate:show", "The fingerprint to compare, and until when it holds."),
    "renew": ("vigilar.cli.certificate:renew", "Make a new certificate now."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def certificate() -> None:
    """With what the house proves itself to phones and computers."""


@click.command()
@with_places
@with_json
def show(places: Places, as_json: bool) -> int:
    """The fingerprint of the house's root, as the trust page shows it, and what the door shows."""
    require_folder(places)
    root = find_root(places.secrets_dir)
    if root is None:
        raise VigilarError(
            "This house has no certificate yet.",
            next_step="It is made when Vigilar starts.",
            exit_code=ExitCode.NOT_FOUND,
        )
    with disk_errors("read the certificate", places.secrets_dir):
        state, _ = ensure_certificate(_wish(places), utc_now())
    if as_json:
        facts = {"state": state.state, "sentence": state.sentence, "ends_ts": state.ends_ms, "names": list(state.names)}
        print_json({"fingerprint": root.fingerprint, **facts})
    else:
        print(root.fingerprint)
        print(state.sentence)
    return ExitCode.OK if state.state == "ok" else ExitCode.WARNINGS


@click.command()
@click.option("--all", "is_all", is_flag=True, help="The house's authority too: every device must trust it anew.")
@with_places
def renew(is_all: bool, places: Places) -> int:
    """Make a new certificate now. A running service shows it at once."""
    require_folder(places)
    folder = certificates_dir(places.secrets_dir)
    gone = [
        serving_file(places.secrets_dir),
        *(folder / name for name in (INTERMEDIATE_KEY, INTERMEDIATE, ROOT) if is_all),
    ]
    with disk_errors("renew the certificate", places.secrets_dir):
        for path in gone:
            path.unlink(missing_ok=True)
        state, _ = ensure_certificate(_wish(places), utc_now())
        hand_over(places.door_dir, serving_file(places.secrets_dir))
    print(state.sentence)
    if is_all:
        print("Every phone and computer must trust the house anew: open /trust on each.")
    return ExitCode.OK


def _wish(places: Places) -> CertificateWish:
    web = load_config(places).web
    return CertificateWish(
        secrets_dir=places.secrets_dir, names=web.names, certificate=web.certificate or "", key=web.key or ""
    )
