"""What is laid down beside the program: the units, each shut in as far as its figure says, and the recipes of the
image and the package, which bring what the installer brings."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from vigilar.config.models import DEFAULT_PORT

EXPOSURE = {"vigilar.service": 1.5, "vigilar-push@one.service": 1.1}
"""At most, by systemd-analyze(1). These are the figures of today, of version 252: what is left of the way out is the
internet, which it is there for, a socket to be started by, and points that no setting takes."""


# The units


@pytest.mark.parametrize("unit", sorted(EXPOSURE))
def test_unit_is_shut_in(unit: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here")
    file = tmp_path / unit
    shutil.copy(ROOT / "packaging" / unit.replace("@one", "@"), file)
    threshold = f"--threshold={EXPOSURE[unit] * 10:.0f}"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", threshold, str(file)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    last = (done.stdout.strip().splitlines() or [done.stderr])[-1]
    assert done.returncode == 0, last


def test_service_may_not_talk_to_the_internet() -> None:
    lines = (ROOT / "packaging" / "vigilar.service").read_text(encoding="utf-8").splitlines()
    allowed = {word for line in lines if line.startswith("IPAddressAllow=") for word in line.split("=")[1].split()}
    assert "IPAddressDeny=any" in lines
    assert allowed == {
        "localhost", "link-local", "multicast",
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "255.255.255.255/32",
        "fc00::/7", "fe80::/10",
    }  # fmt: skip


def test_every_unit_that_runs_something_is_judged() -> None:
    assert {one.name.replace("@", "@one") for one in (ROOT / "packaging").glob("*.service")} == set(EXPOSURE)


# The image and the package: what can be known of them without an engine that builds them


def listed(script: str, name: str) -> set[str]:
    """The packages of an array ``command=package`` of a script."""
    found = re.search(rf"^{name}=\(([^)]*)\)", (ROOT / "scripts" / script).read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return {one.partition("=")[2] for one in found[1].split()}


def words_of_image() -> tuple[str, str]:
    """The two stages of the recipe, a line each command."""
    text = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    made, image = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    return made, image


def test_image_and_package_bring_what_the_installer_brings() -> None:
    _, image = words_of_image()
    installed = re.search(r"apt-get install -y --no-install-recommends ([a-z0-9 -]+)", image)
    depends = re.search(r"^Depends: (.+)$", (ROOT / "scripts/make-deb.sh").read_text(encoding="utf-8"), re.MULTILINE)
    assert installed is not None
    assert depends is not None
    needed = listed("install.sh", "system")
    always_there = {"util-linux"}  # essential: no Debian is without it
    assert set(installed[1].split()) == (needed - always_there) | {"python3"}
    of_package = {one.split()[0] for one in depends[1].split(", ")}
    assert of_package == needed | {"python3", "systemd", "passwd"}


def test_image_runs_on_the_python_it_was_made_with() -> None:
    made, image = words_of_image()
    assert made.split()[0] == image.split()[0]


def test_image_has_the_user_and_the_folders_of_an_installation() -> None:
    _, image = words_of_image()
    packaging = ROOT / "packaging"
    rows = [line.split() for line in (packaging / "vigilar.tmpfiles").read_text(encoding="utf-8").splitlines()]
    wanted = {(path, mode, user, group) for kind, path, mode, user, group, _ in (one for one in rows if one[0] == "d")}
    made = re.findall(r"install -d -o (\S+) -g (\S+) -m (\S+) ((?:/\S+ ?)+)", image)
    assert {(path, mode, user, group) for user, group, mode, paths in made for path in paths.split()} == wanted
    _, name, _, *_, home, shell = (packaging / "vigilar.sysusers").read_text(encoding="utf-8").splitlines()[-1].split()
    assert f"useradd --system --uid {DEFAULT_PORT} --home-dir {home} --shell {shell} {name} " in image
    assert f"\nUSER {name}\n" in image


def test_what_outlives_a_container_lies_in_volumes_that_its_command_names() -> None:
    """A folder of an installation that is in no volume is lost with the container, at each upgrade."""
    _, image = words_of_image()
    rows = [line.split() for line in (ROOT / "packaging/vigilar.tmpfiles").read_text("utf-8").splitlines()]
    folders = {path for kind, path, *_ in (one for one in rows if one[0] == "d")}
    tops = {one for one in folders if not any(one.startswith(f"{other}/") for other in folders)}
    assert set(re.findall(r"^VOLUME (.+)$", image, re.MULTILINE)[0].split()) == tops
    for text in (ROOT / "Containerfile", ROOT / "docs/operator-guide.md", ROOT / "scripts/try-image.sh"):
        assert set(re.findall(r"-v \S+:(/[a-z/]+)", text.read_text("utf-8"))) == tops, text.name


def test_image_starts_as_the_service_does() -> None:
    _, image = words_of_image()
    entry, start = (json.loads(re.findall(rf"^{one} (.+)$", image, re.MULTILINE)[0]) for one in ("ENTRYPOINT", "CMD"))
    command = re.findall(r"^ExecStart=.+ -m vigilar (.+)$", unit_text("vigilar.service"), re.MULTILINE)
    assert (entry, start) == (["/usr/bin/vigilar"], command)
    assert f'put_file "$from/vigilar.sh" {entry[0]} 755' in (ROOT / "scripts/install_service.sh").read_text("utf-8")
    assert re.findall(r"^EXPOSE (.+)$", image, re.MULTILINE) == [str(DEFAULT_PORT)]


def unit_text(name: str) -> str:
    return (ROOT / "packaging" / name).read_text(encoding="utf-8")
