"""Writes the settings of a trial: a program of its own, told by JSON on standard input; see ``demo``."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import tomlkit

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.base.ids import slug
from vigilar.base.models_folder import FOLDER
from vigilar.base.redact import redact
from vigilar.cli.program import describe
from vigilar.config.addresses import DEMO_SCENES, address_problem, split_login, split_streams
from vigilar.config.cut import used_secrets
from vigilar.config.edit import replace_file, set_value
from vigilar.config.load import InvalidConfigError, load_config, parse_config
from vigilar.config.models import DEFAULT_PORT, Config
from vigilar.config.places import Places
from vigilar.config.secrets import SecretStore
from vigilar.detect.objects.catalogue import BUNDLED, DRAWN_NAME, find_by_name
from vigilar.detect.objects.model_folder import ModelFolder

MARK = "# Written by `vigilar demo`, and written again when it is given cameras."
"""The first line of a file that the demo may replace: never one that a person wrote."""


@dataclass(frozen=True, slots=True)
class DemoCamera:
    """A camera of the trial; ``user`` None means that it has no login. ``secret`` is the name under which it lies."""

    name: str
    address: str
    small: str | None = None
    user: str | None = None
    password: str = field(default="", repr=False)
    secret: str | None = None


def prepare(places: Places, given: list[str], port: int | None) -> Config:
    """Make the settings fit what was asked, and give those in force.

    Without addresses a file that is there stays, but for ``port``. Raises VigilarError: USAGE for a bad address,
    REFUSED when cameras are given and the file is a person's own.
    """
    if not given and places.config_file.exists():
        return set_value(places, "web", "port", port) if port else load_config(places)
    cameras = [read_camera(text, number) for number, text in enumerate(given, 1)] or demo_cameras()
    replaced: list[str] = []

    def may_replace(old: str) -> bool:
        replaced.append(old)
        return old.startswith(MARK)

    secrets = SecretStore(places.secrets_dir)
    cameras = _with_secrets(cameras, secrets, _logins_before(places))
    text = house_text(cameras, port or _port_before(places))
    config = replace_file(places, text, may_replace)
    if not given:
        _install_drawn_model(places)
    for camera in cameras:
        if camera.user is not None and camera.secret is not None:
            secrets.put_login(camera.secret, camera.user, camera.password)
    _forget_logins(secrets, replaced, config)
    return config


def _install_drawn_model(places: Places) -> None:
    """The drawn figures are recognised without any download, by a network made for them; a model that is there
    stays. In a folder where nothing can be written motion is found all the same."""
    folder = ModelFolder(places.data_dir / FOLDER)
    drawn = find_by_name(DRAWN_NAME)
    if drawn is not None and not folder.list_installed():
        folder.install_file(BUNDLED / drawn.file, drawn)


def _with_secrets(cameras: list[DemoCamera], secrets: SecretStore, ours: frozenset[str]) -> list[DemoCamera]:
    """The cameras with the name of a secret for each login: one of an earlier trial, else one that is free."""
    named: list[DemoCamera] = []
    for camera in cameras:
        if camera.user is None:
            named.append(camera)
            continue
        wanted = slug(camera.name)
        taken = [one.secret for one in named if one.secret is not None]
        again = [name for name in sorted(ours) if name.startswith(wanted) and name not in taken]
        name = again[0] if again else secrets.free_name(wanted, taken)
        named.append(replace(camera, secret=name))
    return named


def demo_cameras() -> list[DemoCamera]:
    """The four scenes of the made-up house."""
    return [DemoCamera(scene.title(), f"demo:{scene}") for scene in DEMO_SCENES]


def read_camera(text: str, number: int) -> DemoCamera:
    """One camera as given: ``main`` or ``main,small``, logins inside. A comma inside of an address is left alone."""
    main_text, *small_text = split_streams(text)
    main = split_login(main_text)
    small = split_login(small_text[0]) if small_text else None
    for which, found in (("address", main), ("address of the small stream", small)):
        problem = address_problem(found.address) if found else None
        if problem:
            raise _wrong(f"Camera {number}: the {which} {problem}.")
    logins = {(found.user, found.password) for found in (main, small) if found and found.user is not None}
    if len(logins) > 1:
        raise _wrong(f"Camera {number}: both streams must have the same login.")
    user, password = logins.pop() if logins else (None, None)
    name = main.address.removeprefix("demo:").title() if main.address.startswith("demo:") else f"Camera {number}"
    return DemoCamera(name, main.address, small.address if small else None, user, password or "")


def house_text(cameras: list[DemoCamera], port: int) -> str:
    """The settings file of the trial. The bus takes any free port, so that it never meets another broker."""
    tables = []
    for camera in cameras:
        table = {"name": camera.name, "address": camera.address}
        table |= {"small": camera.small} if camera.small else {}
        table |= {"login": f"secret:{camera.secret}"} if camera.secret is not None else {}
        tables.append(table)
    whole = {"house": {"name": "Demo house"}, "web": {"port": port}, "bus": {"port": 0}, "camera": tables}
    return f"{MARK}\n\n{tomlkit.dumps(whole)}"


def _port_before(places: Places) -> int:
    try:
        return load_config(places).web.port
    except VigilarError:
        return DEFAULT_PORT


def _logins_before(places: Places) -> frozenset[str]:
    """The secrets of the trial before this one; none where the file is a person's own or cannot be read."""
    try:
        text = places.config_file.read_bytes()
        return used_secrets(parse_config(text, "")) if text.startswith(MARK.encode()) else frozenset()
    except (OSError, InvalidConfigError):
        return frozenset()


def _forget_logins(secrets: SecretStore, replaced: list[str], config: Config) -> None:
    """Logins of cameras that are no longer there must not stay behind."""
    try:
        before = parse_config(replaced[0].encode(), "") if replaced else Config()
    except InvalidConfigError:
        return
    for name in used_secrets(before) - used_secrets(config):
        secrets.delete(name)


def _wrong(sentence: str) -> VigilarError:
    return VigilarError(
        sentence,
        next_step='Write it as rtsp://user@192.168.1.21/path; two streams of one camera as "main,small".',
        exit_code=ExitCode.USAGE,
    )


def main() -> int:
    task = json.load(sys.stdin)
    places = Places(Path(task["config_file"]), Path(task["data_dir"]), Path(task["secrets_dir"]), may_lack_config=True)
    try:
        config = prepare(places, task["given"], task["port"])
    except VigilarError as error:
        print(redact(describe(error)), file=sys.stderr)
        return error.exit_code
    print(json.dumps({"listen": config.web.listen, "port": config.web.port}))
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
