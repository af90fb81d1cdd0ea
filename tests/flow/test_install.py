"""``scripts/install.sh`` into a folder; ``test_packaging`` has the units and the image.

The program in it is a small one made here, with one made-up package, so that the script's own work is what is tried;
``scripts/try-install.sh`` installs the real one into a bare system that runs.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

# The installer


class Source:
    """A clone with a small program, and a folder with its one wheel."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "clone"
        self.root = folder / "root"
        self.wheels = folder / "wheels"
        self.folder.mkdir()
        self.wheels.mkdir()
        shutil.copytree(ROOT / "scripts", self.folder / "scripts")
        shutil.copytree(ROOT / "packaging", self.folder / "packaging")
        shutil.copytree(ROOT / "assets", self.folder / "assets", ignore=shutil.ignore_patterns("__pycache__"))
        vendor = "vigilar/web/static/vendor"
        shutil.copytree(ROOT / vendor, self.folder / vendor)
        for name in ("LICENSE", "CHANGELOG.md"):
            shutil.copy(ROOT / name, self.folder / name)
        self.write("docs/operator-guide.md", "# Guide\n")
        self.write("vigilar/__init__.py", '__version__ = "9.8.7"\n')
        self.write("vigilar/__main__.py", "import made_up\nprint(made_up.WORD)\n")
        self.write("requirements/node.txt", "")
        self.write("requirements/runtime.txt", f"made-up==1.0 --hash=sha256:{self._make_wheel()}\n")

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def _make_wheel(self) -> str:
        """A wheel of one module (source: PEP 427); its SHA-256."""
        info = "made_up-1.0.dist-info"
        files = {
            "made_up.py": 'WORD = "works"\n',
            f"{info}/METADATA": "Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = ""
        wheel = self.wheels / "made_up-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
                digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
                record += f"{name},sha256={digest},{len(text)}\n"
            archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
        return hashlib.sha256(wheel.read_bytes()).hexdigest()

    def install(self, *options: str) -> subprocess.CompletedProcess[str]:
        command = ["./scripts/install.sh", "--root", str(self.root), "--wheels", str(self.wheels), *options]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHON": os.path.realpath(sys.executable)}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def tree(self) -> dict[str, tuple[int, int, int]]:
        """Each file and folder: mode, length, time of its last change."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            status = path.lstat()
            found[str(path.relative_to(self.root))] = (status.st_mode, status.st_size, status.st_mtime_ns)
        return found

    @property
    def current(self) -> Path:
        return self.root / "usr/lib/vigilar/current"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path)


@pytest.mark.long
def test_install_is_whole_and_a_second_run_changes_nothing(source: Source) -> None:
    asked = source.install("--check")
    assert asked.returncode == 10, asked.stderr
    assert "would write /usr/lib/systemd/system/vigilar.service\n" in asked.stderr
    assert not source.root.exists()

    first = source.install()
    assert first.returncode == 0, first.stderr
    python = source.current / "venv/bin/python"
    ran = subprocess.run([python, "-P", "-m", "vigilar"], env={}, capture_output=True, text=True, check=True)
    assert ran.stdout == "works\n"
    packages = next((source.current / "venv/lib").iterdir()) / "site-packages"
    assert sorted(path.name for path in (source.current / "venv/bin").iterdir() if "python" not in path.name) == []
    assert (packages / "vigilar/web/static/vendor/bootstrap.min.css").exists()
    assert list((packages / "vigilar/__pycache__").glob("__main__.*.pyc")), "the service may not write them later"
    for name in ("vigilar.service", "vigilar.slice", "vigilar-push.socket", "vigilar-push@.service"):
        laid = source.root / "usr/lib/systemd/system" / name
        assert laid.read_bytes() == (ROOT / "packaging" / name).read_bytes()
        assert laid.stat().st_mode & 0o777 == 0o644
    assert (source.root / "usr/bin/vigilar").stat().st_mode & 0o777 == 0o755
    assert (source.root / "usr/share/doc/vigilar/operator-guide.md").read_text(encoding="utf-8") == "# Guide\n"
    assert not [path for path in source.root.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o022]

    before = source.tree()
    second = source.install()
    assert (second.returncode, second.stderr) == (0, "Nothing changed: Vigilar 9.8.7 is installed as it should be.\n")
    assert source.tree() == before
    assert source.install("--check").returncode == 0

    _changed_program_is_a_version_beside_the_first(source)
    _uninstall_takes_all_away(source)


def _changed_program_is_a_version_beside_the_first(source: Source) -> None:
    first = source.current.resolve()
    (source.root / "usr/lib/vigilar/versions/.making/left").mkdir(parents=True)
    source.write("vigilar/__main__.py", 'print("newer")\n')
    done = source.install()
    assert done.returncode == 0, done.stderr
    assert source.current.resolve() != first
    assert os.readlink(source.current).startswith("versions/9.8.7-")
    assert first.is_dir()
    assert not (first.parent / ".making").exists()


def _uninstall_takes_all_away(source: Source) -> None:
    recording = source.root / "var/vigilar/footage/one.vge"
    recording.parent.mkdir(parents=True)
    recording.touch()
    done = source.install("--uninstall")
    assert done.returncode == 0, done.stderr
    assert recording.exists()
    assert "still in /etc/vigilar /var/lib/vigilar /var/vigilar" in done.stderr
    left = {path.name for path in source.root.rglob("*") if path.is_file()}
    assert left == {"one.vge", "vigilar-push.hosts"}
    refused = source.install("--uninstall", "--purge")
    assert refused.returncode == 14
    assert recording.exists()
    assert source.install("--uninstall", "--purge", "--yes").returncode == 0
    assert [path for path in source.root.rglob("*") if path.is_file()] == []
    assert source.install("--uninstall").stderr == "Nothing to do: Vigilar is not installed.\n"


def test_package_that_is_not_the_locked_one_is_refused(source: Source) -> None:
    source.write("requirements/runtime.txt", f"made-up==1.0 --hash=sha256:{'0' * 64}\n")
    done = source.install()
    assert done.returncode == 1
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert done.stderr.endswith("the lines above say why. Nothing was changed.\n")
    assert [path for path in source.root.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "options",
    [["--purge"], ["--wheels"], ["--sideways"], ["extra"], ["--root", ""]],
)
def test_wrong_use_ends_with_2(options: list[str]) -> None:
    done = subprocess.run([ROOT / "scripts/install.sh", *options], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage: ./scripts/install.sh" in done.stderr


def test_who_is_not_root_is_told_to_be() -> None:
    other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    script = (ROOT / "scripts/install.sh").read_text(encoding="utf-8")
    assert script.startswith("#!/usr/bin/env bash\n")
    done = subprocess.run(
        [*other, "bash", "-c", _sourced("need_root --back")], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.returncode == 5
    assert done.stderr == "This changes the system, so it has to be root: sudo ./scripts/install.sh --back\n"


# What it says where it cannot work


def _sourced(call: str) -> str:
    """The functions of the installer, without what it does when it is run, and then ``call``."""
    return f"""
        set -euo pipefail
        dest="" check=no wheels="" yes=no
        say() {{ printf '%s\\n' "$*" >&2; }}
        die() {{ say "$*"; exit 1; }}
        {_functions()}
        {call}
    """


def _functions() -> str:
    """Read here, since who is not root may not read the clone."""
    script = (ROOT / "scripts/install.sh").read_text(encoding="utf-8")
    begins = script.index("# What must be there ---")
    ends = script.index("# The ways in ---")
    return script[begins:ends]


@pytest.mark.parametrize(
    ("release", "fits"),
    [
        ('ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"', True),
        ('ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian 13"', True),
        ('ID=debian\nPRETTY_NAME="Debian testing"', True),
        ('ID=debian\nVERSION_ID="11"\nPRETTY_NAME="Debian 11"', False),
        ('ID=ubuntu\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04"', True),
        ('ID=ubuntu\nVERSION_ID="26.04"\nPRETTY_NAME="Ubuntu 26.04"', True),
        ('ID=ubuntu\nVERSION_ID="22.04"\nPRETTY_NAME="Ubuntu 22.04"', False),
        ('ID=raspbian\nID_LIKE=debian\nVERSION_ID="12"\nPRETTY_NAME="Raspbian 12"', True),
        ('ID=fedora\nVERSION_ID="44"\nPRETTY_NAME="Fedora 44"', False),
    ],
)
def test_systems_it_installs_on(tmp_path: Path, release: str, fits: bool) -> None:
    (tmp_path / "os-release").write_text(release + "\n", encoding="utf-8")
    script = _sourced(f'check_os "{tmp_path}/os-release"; echo fits')
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout == "fits\n") is fits, done.stderr
    assert (done.returncode == 0) is fits
    if not fits:
        name = release.split("PRETTY_NAME=")[1].strip('"')
        assert done.stderr == (
            f"Vigilar installs on Debian 12 or newer and Ubuntu 24.04 or newer, and this is {name}. "
            "Upgrade it, or use the image that Containerfile describes.\n"
        )


@pytest.mark.parametrize(
    ("machine", "bits", "said"),
    [
        ("x86_64", "64", ""),
        ("aarch64", "64", ""),
        ("armv7l", "32", "Vigilar needs a 64-bit processor (x86-64 or Arm64), and this is armv7l.\n"),
        (
            "aarch64",
            "32",
            (
                "This processor has 64 bits, but the system installed on it has 32. "
                "Install the 64-bit edition, then run this again.\n"
            ),
        ),
    ],
)
def test_machines_it_installs_on(machine: str, bits: str, said: str) -> None:
    script = _sourced(f"uname() {{ echo {machine}; }}; getconf() {{ echo {bits}; }}; check_machine")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1 if said else 0, said)


def test_no_room_is_said_with_amounts() -> None:
    script = _sourced("check_room /nowhere/at/all 99999999 'A version of the program'")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 12
    assert done.stderr.startswith("A version of the program needs 99999999 MB on the disk of /, and ")
    assert done.stderr.endswith(" MB are free. Free some space, then run this again.\n")


def test_scripts_pass_their_linter() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed here")
    scripts = [*sorted((ROOT / "scripts").glob("*.sh")), ROOT / "packaging/vigilar.sh"]
    done = subprocess.run(["shellcheck", "--severity=error", *scripts], capture_output=True, text=True, check=False)
    assert done.stdout == ""


# Drives and swap


class Drives:
    """The functions about drives, on a machine whose drives are made up. ``device`` is a block device to look at, which
    nobody opens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.device = folder / "sdb1"
        try:
            os.mknod(self.device, stat.S_IFBLK | 0o600, os.makedev(7, 4000))
        except PermissionError:
            pytest.skip("only root can make a device")
        self.fstab = folder / "fstab"
        self.fstab.write_text("# the system's\nUUID=aaaa / ext4 defaults 0 1\n", encoding="utf-8")
        self.about = {"FSTYPE": "ext4", "UUID": "1234-abcd", "PKNAME": "sdb", "SIZE": "2T", "TYPE": "part"}
        self.health = "SMART overall-health self-assessment test result: PASSED"
        self.mounted_at = ""

    def run(self, call: str, *, yes: bool = False, swaps: str = "") -> subprocess.CompletedProcess[str]:
        (self.folder / "swaps").write_text("Filename Type Size Used Priority\n" + swaps, encoding="utf-8")
        cases = " ".join(f"{name}) echo '{value}' ;;" for name, value in self.about.items())
        script = f"""
            set -euo pipefail
            DATA="{self.folder}/data" check=no yes={"yes" if yes else "no"} changes=0
            say() {{ printf '%s\\n' "$*" >&2; }}
            die() {{ say "$*"; exit 1; }}
            ask() {{ [ "$yes" = yes ]; }}
            act() {{ say "- $1"; shift; "$@"; }}
            lsblk() {{ case "$2" in {cases} esac; }}
            findmnt() {{ [ -n "{self.mounted_at}" ] && echo "{self.mounted_at}"; }}
            smartctl() {{ echo "{self.health}"; }}
            systemd_runs() {{ false; }}
            mount() {{ say "mounted $1"; }}
            source "{ROOT}/scripts/install_drives.sh"
            FSTAB="{self.fstab}" SWAPS="{self.folder}/swaps"
            {call}
        """
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)

    def use(self, *, yes: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run(f'use_storage "{self.device}"', yes=yes)

    @property
    def line(self) -> str:
        return f"UUID=1234-abcd {self.folder}/data ext4 defaults,noatime,nofail,x-systemd.device-timeout=10s 0 2"


@pytest.fixture
def drives(tmp_path: Path) -> Drives:
    return Drives(tmp_path)


def test_line_of_a_drive_is_shown_and_not_forced(drives: Drives) -> None:
    before = drives.fstab.read_text(encoding="utf-8")
    done = drives.use(yes=False)
    assert done.returncode == 14
    assert f"{drives.device}: 2T, ext4, healthy, by its own word\n" in done.stderr
    assert f"The line for /etc/fstab: {drives.line}\n" in done.stderr
    assert drives.fstab.read_text(encoding="utf-8") == before


def test_drive_is_mounted_by_its_uuid_once(drives: Drives) -> None:
    for _ in range(2):
        done = drives.use()
        assert done.returncode == 0, done.stderr
        assert f"mounted {drives.folder}/data\n" in done.stderr
    lines = drives.fstab.read_text(encoding="utf-8").splitlines()
    assert lines == ["# the system's", "UUID=aaaa / ext4 defaults 0 1", drives.line]


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"FSTYPE": ""}, "has no file system yet. To make one, which deletes all that is on it: sudo mkfs.ext4"),
        ({"FSTYPE": "exfat"}, "holds exfat, on which files cannot belong to the service alone."),
        ({"UUID": ""}, "has no UUID to be known by; nothing was changed."),
    ],
)
def test_drive_that_does_not_do_is_refused(drives: Drives, about: dict[str, str], said: str) -> None:
    drives.about |= about
    done = drives.use()
    assert done.returncode == 1
    assert said in done.stderr


def test_drive_in_use_elsewhere_is_refused(drives: Drives) -> None:
    drives.mounted_at = "/home"
    done = drives.use()
    assert done.returncode == 1
    assert "is in use at /home. Recordings need a partition of their own; nothing was changed." in done.stderr


def test_failing_drive_is_refused_unless_it_is_wanted(drives: Drives) -> None:
    drives.health = "SMART overall-health self-assessment test result: FAILED!"
    refused = drives.use(yes=False)
    assert refused.returncode == 1
    assert "That drive says of itself that it fails. Take another one, or say --yes.\n" in refused.stderr
    assert drives.use().returncode == 0


def test_house_that_has_begun_is_not_hidden_by_a_drive(drives: Drives) -> None:
    (drives.folder / "data").mkdir()
    (drives.folder / "data/vigilar-folder.json").touch()
    drives.run("true")
    done = drives.use()
    assert done.returncode == 1
    assert f"A house already lives at {drives.folder}/data" in done.stderr


def test_other_line_for_the_place_is_left_alone(drives: Drives) -> None:
    text = f"UUID=other {drives.folder}/data ext4 defaults 0 2\n"
    drives.fstab.write_text(text, encoding="utf-8")
    done = drives.use()
    assert done.returncode == 1
    assert done.stderr.endswith(f"Change that line yourself to: {drives.line}\n")
    assert drives.fstab.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("swaps", "kind", "is_said"),
    [
        ("", "part", False),
        ("/dev/zram0 partition 1 0 100\n", "disk", False),
        ("/dev/dm-1 partition 1 0 -2\n", "crypt", False),
        ("/dev/sda2 partition 1 0 -2\n", "part", True),
    ],
)
def test_swap_that_is_not_encrypted_is_said(drives: Drives, swaps: str, kind: str, is_said: bool) -> None:
    drives.about["TYPE"] = kind
    done = drives.run("warn_of_swap", swaps=swaps)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("The swap of this machine is not encrypted (/dev/sda2).") is is_said
