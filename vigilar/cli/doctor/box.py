"""Looks at the machine: disk, memory, swap, kernel, clock, ports and programs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from vigilar.base.amounts import size_text
from vigilar.base.clock_sync import NOT_SET_UTC_S, read_clock
from vigilar.base.disk import DEVICE_STEP, READ_ONLY_STEP, device_fault, is_read_only
from vigilar.base.file_system import find_file_system
from vigilar.base.ports import is_port_free
from vigilar.base.systemd import is_machine_by_systemd, log_place
from vigilar.bus.broker import is_answering
from vigilar.cli.doctor.check import Check, Finding, Patient
from vigilar.cli.service import is_serving, local_host
from vigilar.door.haproxy import HOW_TO_INSTALL, find_haproxy, lack_of_haproxy
from vigilar.record.free_space import free_space_of

SLOW_KINDS = frozenset({"vfat", "exfat", "ntfs", "ntfs3", "fuseblk", "fuse", "msdos"})
"""File systems without what recordings lean on: durable renames, rights of users, large files, a journal."""

NETWORK_KINDS = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p"})

MEMORY_BASE = 450_000_000
MEMORY_CAMERA = 40_000_000
"""What the house takes without cameras, and each camera beside it; measured, with room."""

LOW_MEMORY_FRAC = 0.1
LOW_INODES_FRAC = 0.02
FILES_FEW = 1024
SMART_TIMEOUT_S = 10.0
_PROGRAM_PATHS = "/usr/sbin:/usr/local/sbin:/sbin"


def space(patient: Patient) -> Check:
    say, folder = Finding("disk-space"), patient.places.data_dir
    found = free_space_of(folder)
    reserve = patient.settings.storage.reserve
    words = f"{size_text(found.free_bytes)} free of {size_text(found.total_bytes)}"
    if found.is_full:
        return say.bad(f"The disk is full: {words}, and nothing is recorded.", "Free space: vigilar storage show")
    if reserve is not None and found.free_bytes < reserve // 2:
        return say.warn(f"{words}: half of the reserve of {size_text(reserve)} is used up.", "vigilar storage show")
    return say.ok(f"{words}.")


def inodes(patient: Patient) -> Check:
    say, status = Finding("disk-files"), os.statvfs(patient.places.data_dir)
    if status.f_files and status.f_favail < status.f_files * LOW_INODES_FRAC:
        return say.warn(
            f"The file system can hold only {status.f_favail} more files.", "Delete what lies on it beside recordings."
        )
    return say.ok("The file system has room for more files.")


def disk_answers(patient: Patient) -> Check:
    say, folder = Finding("disk-answers"), patient.places.data_dir
    if is_read_only(folder):
        return say.bad("The disk of the recordings is read-only: nothing is recorded.", READ_ONLY_STEP)
    fault = device_fault(folder / "vigilar.db")
    return say.bad(f"The disk reports an error: {fault}.", DEVICE_STEP) if fault else say.ok("The disk answers.")


def file_system(patient: Patient) -> Check:
    say, found = Finding("file-system"), find_file_system(patient.places.data_dir)
    if found.kind in SLOW_KINDS:
        return say.warn(
            f"The recordings lie on {found.kind}, which a power cut can damage.", "Format the drive with ext4 or xfs."
        )
    if found.kind in NETWORK_KINDS:
        return say.warn(
            f"The recordings lie on another machine ({found.kind}): recording stops when the network does.",
            "Record to a disk in this box, and use the other machine as a backup.",
        )
    return say.ok(f"The recordings lie on {found.kind}.")


def disk_smart(patient: Patient) -> Check:
    """What the drive says of itself. Needs smartmontools and the right to ask the device."""
    say = Finding("disk-smart")
    device = find_device(patient.places.data_dir, patient.sys)
    if device is None:
        return say.unknown("Which drive the recordings lie on cannot be told.")
    program = shutil.which("smartctl") or shutil.which("smartctl", path=_PROGRAM_PATHS)
    if program is None:
        return say.unknown("Whether the drive is well cannot be told.", "sudo apt-get install smartmontools")
    try:
        done = subprocess.run(
            [program, "-H", "-j", f"/dev/{device}"], capture_output=True, timeout=SMART_TIMEOUT_S, check=False
        )
        passed = json.loads(done.stdout).get("smart_status", {}).get("passed")
    except (OSError, ValueError, subprocess.TimeoutExpired):
        passed = None
    if passed is None:
        return say.unknown(f"The drive {device} does not say how it is, or may not be asked.", "Try it with sudo.")
    if not passed:
        return say.bad(f"The drive {device} says that it is failing.", "Replace it soon; make a backup first.")
    return say.ok(f"The drive {device} says that it is well.")


def find_device(folder: Path, sys: Path) -> str | None:
    """The whole drive below a folder (``sda``, ``nvme0n1``), through partitions, encryption and LVM; None when there is
    none. Source: sysfs(5), ``/sys/dev/block``."""
    number = folder.stat().st_dev
    at = (sys / "dev/block" / f"{os.major(number)}:{os.minor(number)}").resolve()
    for _ in range(8):  # dm over dm over a partition over a drive
        below = sorted((at / "slaves").iterdir()) if (at / "slaves").is_dir() else []
        if below:
            at = below[0].resolve()
        elif (at / "partition").exists():
            at = at.parent
        else:
            break
    return at.name if (at / "queue").is_dir() else None


def swap(patient: Patient) -> Check:
    """Keys and pictures are in memory; swap that is not encrypted writes them to a disk."""
    say = Finding("swap")
    lines = (patient.proc / "swaps").read_text(encoding="utf-8").splitlines()[1:]
    open_ones = [one.split()[0] for one in lines if one.strip() and not _is_sealed_swap(Path(one.split()[0]), patient)]
    if open_ones:
        return say.warn(
            f"Memory may be written unencrypted to {', '.join(open_ones)}, keys of recordings too.",
            "Switch it off (sudo swapoff -a), encrypt it, or use zram.",
        )
    return say.ok("Swap is encrypted or in memory." if lines else "There is no swap.")


def _is_sealed_swap(place: Path, patient: Patient) -> bool:
    if place.name.startswith("zram"):
        return True
    try:
        number = place.stat().st_rdev or place.stat().st_dev
    except OSError:
        return False
    uuid = patient.sys / "dev/block" / f"{os.major(number)}:{os.minor(number)}" / "dm" / "uuid"
    return uuid.exists() and uuid.read_text(encoding="ascii").startswith("CRYPT-")


def memory(patient: Patient) -> Check:
    say, known = Finding("memory"), {}
    for line in (patient.proc / "meminfo").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        known[name] = int(value.split()[0]) * 1024
    cameras = sum(one.enabled for one in patient.settings.cameras)
    total, free, wanted = known["MemTotal"], known["MemAvailable"], MEMORY_BASE + cameras * MEMORY_CAMERA
    if total < wanted:
        return say.warn(
            f"{size_text(total)} of memory are little for {cameras} cameras, which want {size_text(wanted)}.",
            "Use fewer cameras or a larger machine, or switch recognising off: [detect] objects = false.",
        )
    if free < total * LOW_MEMORY_FRAC:
        return say.warn(f"Only {size_text(free)} of memory are free.", "Look at what else runs on this machine.")
    return say.ok(f"{size_text(free)} of {size_text(total)} of memory are free.")


def processor(patient: Patient) -> Check:
    say, cores = Finding("processor"), os.cpu_count() or 1
    load = float((patient.proc / "loadavg").read_text(encoding="ascii").split()[1])
    if load > 2 * cores:
        return say.warn(
            f"The processor has had {load:.1f} times one core to do for 5 minutes, and has {cores}.",
            "Look at what else runs on this machine, or lower [detect] budget.",
        )
    return say.ok(f"The processor is {load / cores * 100:.0f} % busy.")


def kernel(patient: Patient) -> Check:  # noqa: ARG001 -- as every look
    say, release = Finding("kernel"), os.uname().release
    if not hasattr(os, "pidfd_open") or _version(release) < (5, 10):
        return say.bad(f"The kernel {release} is older than 5.10.", "Upgrade the operating system.")
    return say.ok(f"The kernel is {release}.")


def _version(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("-")[0].split(".")[:2] if part.isdigit())


def open_files(patient: Patient) -> Check:
    say, pid = Finding("open-files"), patient.pid or "self"
    for line in (patient.proc / str(pid) / "limits").read_text(encoding="ascii").splitlines():
        if line.startswith("Max open files"):
            soft = line.split()[3]
            if soft != "unlimited" and int(soft) < FILES_FEW:
                return say.warn(f"A process may open only {soft} files.", "Set LimitNOFILE=4096 in the unit.")
            return say.ok(f"A process may open {soft} files.")
    return say.unknown("How many files a process may open cannot be told.")


def libraries(patient: Patient) -> Check:
    say = Finding("libraries")
    wanted = {"av": "PyAV", "cv2": "OpenCV", "cryptography": "cryptography"}
    if patient.settings.detect.objects:
        wanted["onnxruntime"] = "ONNX Runtime"
    missing = [name for module, name in wanted.items() if find_spec(module) is None]
    if missing:
        return say.bad(f"Missing: {', '.join(missing)}.", "Install Vigilar again.")
    return say.ok("All libraries are there.")


def clock(patient: Patient) -> Check:
    say, found = Finding("clock"), read_clock()
    if patient.now_ms < NOT_SET_UTC_S * 1000:
        return say.bad("The clock was never set.", "sudo timedatectl set-ntp true")
    if found is None:
        return say.unknown("Whether the clock is in step cannot be told.", "timedatectl")
    if not found.is_in_step:
        return say.warn("The clock is not in step with a time server.", "sudo timedatectl set-ntp true")
    return say.ok(f"The clock is in step, about {found.off_ms:.0f} ms off.")


def clock_order(patient: Patient) -> Check:
    """A clock behind the newest recording is wrong, or was."""
    say, gathered = Finding("clock-order"), patient.gathered
    if gathered is None or gathered.totals is None:
        return say.unknown("Whether the clock ran back cannot be told without the database.")
    newest = max((one.last_ms for one in gathered.totals.values()), default=0)
    if newest > patient.now_ms + 60_000:
        return say.bad("The newest recording lies in the future: the clock is or was wrong.", "Look at: timedatectl")
    return say.ok("No recording lies in the future.")


def time_zone(patient: Patient) -> Check:
    say, name = Finding("time-zone"), patient.settings.house.zone_name
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return say.bad(f"This machine does not know the zone {name}: times are shown in UTC.", "apt-get install tzdata")
    if name == "UTC" and patient.settings.house.time_zone == "auto":
        return say.warn("This machine says no time zone, so times are shown in UTC.", "sudo timedatectl set-timezone …")
    return say.ok(f"Times are those of {name}.")


def page(patient: Patient) -> Check:
    say, web = Finding("page"), patient.settings.web
    if patient.pid is None:
        if is_port_free(web.listen, web.port):
            return say.ok(f"Port {web.port} is free for the page.")
        step = "Stop that program, or choose another port with [web] port."
        return say.bad(f"Port {web.port} of the page is taken by another program.", step)
    if is_serving(local_host(web.listen), web.port):
        return say.ok(f"The page answers on port {web.port}.")
    return say.bad(f"The page does not answer on port {web.port}.", f"Look at the log: {log_place()}")


def broker_program(patient: Patient) -> Check:
    say = Finding("broker-program")
    if patient.settings.bus.broker != "own":
        return say.ok("The owner's own broker is used.")
    if shutil.which("mosquitto") or shutil.which("mosquitto", path=_PROGRAM_PATHS):
        return say.ok("Mosquitto is installed.")
    return say.bad("Mosquitto is not installed, so the house cannot start.", "sudo apt-get install mosquitto")


def broker(patient: Patient) -> Check:
    say, bus = Finding("broker"), patient.settings.bus
    if bus.broker == "own" and patient.pid is None:
        if bus.port == 0 or is_port_free("127.0.0.1", bus.port):
            return say.ok("The port of the broker is free.")
        step = "Stop the other broker (sudo systemctl disable --now mosquitto), or set [bus] port."
        return say.bad(f"Port {bus.port} of the broker is taken by another program.", step)
    if bus.broker == "own" and bus.port == 0:
        return say.ok("The broker chooses its port by itself.")
    if bus.broker == "own" and not is_answering(bus.port, 2.0):
        return say.bad(f"The broker does not answer on port {bus.port}.", "It is started again by itself; see the log.")
    return say.ok("The broker answers." if bus.broker == "own" else f"The broker is at {bus.host}.")


def door(patient: Patient) -> Check:
    say = Finding("door")
    if find_haproxy():
        return say.ok("HAProxy is installed, so there is HTTPS.")
    return say.warn(lack_of_haproxy(https_only=patient.settings.web.https_only), HOW_TO_INSTALL)


def unit(patient: Patient) -> Check:  # noqa: ARG001 -- as every look
    say = Finding("unit")
    program = shutil.which("systemctl")
    if program is None or not is_machine_by_systemd():
        return say.unknown("This machine has no systemd: who starts Vigilar after a power cut cannot be told.")
    done = subprocess.run([program, "is-enabled", "vigilar"], capture_output=True, timeout=5.0, check=False, text=True)
    if done.stdout.strip() in ("enabled", "static", "linked"):
        return say.ok("Vigilar starts with the machine.")
    return say.warn("Vigilar does not start with the machine.", "sudo systemctl enable --now vigilar")


def service(patient: Patient) -> Check:
    say = Finding("service")
    if patient.pid is None:
        return say.bad("Vigilar does not run: nothing is recorded.", "sudo systemctl start vigilar, or vigilar start")
    if patient.status is None:
        return say.bad("The main program runs and does not answer.", f"Look at the log: {log_place()}")
    return say.ok(f"Vigilar runs, process {patient.pid}.")
