"""The disk of a running house fills up, turns read-only or dies: real file systems of the test's own, real processes.

What must hold: the house stays reachable, says the truth, and goes on by itself when it can.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import struct
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import wait_until
from tests.flow.browser import Browser
from tests.flow.command_line import service, vigilar
from tests.small_disk import MIB, fill, mounted_small_disk, take_room
from vigilar.media.encode import ClipWriter


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted_small_disk(tmp_path / "small", size_mib=48) as folder:
        yield folder


def make_noise(path: Path) -> Path:
    """A clip that no encoder can shrink: about 1 MB a second."""
    rng = np.random.default_rng(5)
    with ClipWriter(path, 320, 240, 10, 10) as clip:
        for _ in range(20):
            clip.write(rng.integers(0, 256, (240, 320, 3), dtype=np.uint8))
    return path


def test_full_disk_stops_nothing_but_the_recording(small_disk: Path, tmp_path: Path) -> None:
    clip = make_noise(tmp_path / "noise.mp4")
    with service(small_disk / "data", {"good": f"file:{clip}"}, "[detect]\nenabled = false") as house:
        house.log_file = tmp_path / "log"
        house.start()
        wait_until(lambda: house.recorded_bytes("good") > MIB, 20.0)
        ballast, rest = small_disk / "ballast", small_disk / "rest"
        take_room(ballast, leave_bytes=4 * MIB)
        wait_until(lambda: house.events("disk_full") != [], 20.0)
        [event] = house.events("disk_full")
        assert event.payload["title"] == "Disk full, good is not recorded"
        assert event.severity == "CRITICAL"
        take_room(rest, leave_bytes=0)
        status = vigilar(house.folder, "status", "--json")
        assert status.json["running"] is True
        assert "cannot be read" not in str(status.json["warnings"])
        assert house.is_up()
        stopped = house.recordings("good")
        size = house.recorded_bytes("good")
        ballast.unlink()
        rest.unlink()
        wait_until(lambda: house.recorded_bytes("good") > size + MIB, 20.0)
        wait_until(lambda: house.events("recording_resumed") != [], 10.0)
        done = vigilar(house.folder, "verify", *map(str, stopped))
        assert done.code == 0 or "to keep the disk from filling up" in done.out, "whole, or gone by rule meanwhile"
        house.stop()
        assert len(house.events("disk_full")) == 1
        assert house.restarts() == []
        assert vigilar(house.folder, "verify", *map(str, house.recordings("good"))).code == 0


PAGES = ("/live", "/watch/good", "/events", "/system", "/api/v1/events", "/api/v1/cameras", "/api/v1/system")


def test_house_on_a_disk_full_to_the_last_byte_is_reached_restarted_and_told(small_disk: Path, tmp_path: Path) -> None:
    clip = make_noise(tmp_path / "noise.mp4")
    with service(small_disk / "data", {"good": f"file:{clip}"}, "[detect]\nenabled = false") as house:
        house.log_file = tmp_path / "log"
        house.start()
        sam, phone = Browser(house), Browser(house)
        assert sam.sign_in("/api/v1/setup") == 201
        wait_until(lambda: house.recorded_bytes("good") > MIB, 20.0)
        wait_until(lambda: sam.json("/api/v1/system")["problems"] in ([], ["The disk is nearly full."]), 10.0)
        with closing(sqlite3.connect(house.folder / "vigilar.db", timeout=10.0)) as database:
            database.execute("UPDATE sessions SET last_seen_ms = last_seen_ms - 600000")
            database.commit()
        fills = [fill(small_disk, "first")]
        wait_until(lambda: sam.json("/api/v1/system")["cameras"][0]["not_recording"] == "disk-full", 10.0)
        wait_until(lambda: sam.first_problem().startswith("The disk is full: nothing is recorded."), 10.0)
        assert_full_is_said(sam)
        for path in PAGES:  # each of them would note that the session is in use
            assert sam.page(path)[0] == 200, path
        assert phone.sign_in() == 200, "from the reserve"
        assert phone.page("/live")[0] == 200
        fills.append(fill(small_disk, "second"))
        for piece in (house.folder / "reserve").iterdir():
            piece.unlink(missing_ok=True)  # one of the house's processes may spend it meanwhile
        fills.append(fill(small_disk, "third"))
        assert phone.sign_in() == 200, "and without one, in memory"
        assert phone.page("/live")[0] == 200
        assert phone.ask("POST", "/api/v1/logout", {}).status == 204
        assert phone.ask("GET", "/api/v1/events").status == 401, "signed out is signed out, written or not"
        for one in (fills.pop(), fills.pop()):
            one.unlink()
        assert phone.sign_in() == 200, "which makes the reserve again"
        fills.append(fill(small_disk, "fourth"))
        house.stop()
        fills.append(fill(small_disk, "fifth"))
        house.start()
        assert phone.page("/live")[0] == 200, "that login is stored"
        assert sam.sign_in() == 200
        wait_until(lambda: sam.first_problem().startswith("The disk is full"), 10.0)
        size = house.recorded_bytes("good")
        for one in fills:
            one.unlink()
        wait_until(lambda: house.recorded_bytes("good") > size + MIB, 30.0)
        wait_until(lambda: {"disk_full", "recording_resumed"} <= kinds(sam), 20.0)
        house.stop()
        assert house.events("process_failing") == []
        assert house.restarts() == [], "nobody ends because of a full disk"


def assert_full_is_said(sam: Browser) -> None:
    system = sam.json("/api/v1/system")
    assert system["problems"][0].startswith("The disk is full: nothing is recorded.")
    assert "All well" not in system["sentence"]
    assert system["cameras"][0]["word"] == "Live, not recording"
    assert "Live, not recording" in sam.page("/watch/good")[1]
    status = vigilar(sam.house.folder, "status")
    assert status.code == 10
    assert "The disk is full" in status.out


def kinds(sam: Browser) -> set[str]:
    return {event["type"] for event in sam.json("/api/v1/events?limit=100")["events"]}


def test_first_start_on_a_full_disk_says_so_in_one_sentence(small_disk: Path) -> None:
    folder = small_disk / "data"
    folder.mkdir(mode=0o700)
    fill(small_disk, "ballast")
    done = vigilar(folder, "start")
    assert done.code == 12
    sentence, next_step = done.err.splitlines()[-2:]
    assert sentence.startswith("Cannot start: the disk of ")
    assert sentence.endswith(" is full.")
    assert next_step.startswith("Free space on that disk")


@pytest.fixture
def own_disk(tmp_path: Path) -> Iterator[Path]:
    """An ext4 of its own on a loop device, which can be made read-only and made to fail; skips where it cannot be."""
    image, folder = tmp_path / "disk.img", tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    with image.open("wb") as file:
        file.truncate(96 * MIB)
    for command in (["mkfs.ext4", "-q", str(image)], ["mount", "-o", "loop", str(image), str(folder)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"no file system of its own can be made here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


EXT4_IOC_SHUTDOWN = 0x8004587D
"""From here on every read and write of the file system fails with EIO, as with a disk that was pulled. Source:
linux/fs/ext4/ext4.h; 2 is "without writing the log"."""


def break_disk(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", 2))
    except OSError as error:
        pytest.skip(f"this kernel cannot make a file system fail: {error}")
    finally:
        os.close(fd)


def test_read_only_disk_is_named_told_at_once_and_an_event_later(own_disk: Path, tmp_path: Path) -> None:
    clip = make_noise(tmp_path / "noise.mp4")
    with service(own_disk / "data", {"good": f"file:{clip}"}, "[detect]\nenabled = false") as house:
        house.log_file = tmp_path / "log"
        house.start()
        sam = Browser(house)
        assert sam.sign_in("/api/v1/setup") == 201
        wait_until(lambda: house.recorded_bytes("good") > MIB, 20.0)
        # What the kernel does itself when it finds a fault; files that are open for writing do not keep it from that.
        command = ["mount", "-o", "remount,abort,errors=remount-ro", str(own_disk)]
        subprocess.run(command, capture_output=True, check=False)
        if not is_refused(own_disk):
            pytest.skip("the file system cannot be made read-only under open files here")
        # The disk may be noticed before its recorder has said that it does not record.
        wait_until(lambda: sam.first_problem().startswith("The disk is read-only: nothing is recorded."), 15.0)
        wait_until(lambda: sam.json("/api/v1/system")["cameras"][0]["word"] == "Live, not recording", 15.0)
        for path in PAGES:
            assert sam.page(path)[0] == 200, path
        assert sam.sign_in() == 200, "in memory"
        assert sam.page("/live")[0] == 200
        status = vigilar(house.folder, "status")
        assert (status.code, "The disk is read-only: nothing is recorded." in status.out) == (10, True)
        house.kill()


def is_refused(folder: Path) -> bool:
    try:
        (folder / "probe").touch()
    except OSError:
        return True
    return False


def test_dead_disk_is_not_called_a_damaged_database(own_disk: Path, tmp_path: Path) -> None:
    clip = make_noise(tmp_path / "noise.mp4")
    with service(own_disk / "data", {"good": f"file:{clip}"}, "[detect]\nenabled = false") as house:
        house.log_file = tmp_path / "log"
        house.start()
        sam = Browser(house)
        assert sam.sign_in("/api/v1/setup") == 201
        wait_until(lambda: house.recorded_bytes("good") > MIB, 20.0)
        assert sam.page("/live")[0] == 200
        break_disk(own_disk)
        wait_until(lambda: sam.first_problem().startswith("The disk does not answer or reports errors"), 15.0)
        wait_until(lambda: sam.json("/api/v1/system")["cameras"][0]["word"] == "Live, not recording", 15.0)
        for path in ("/live", "/watch/good", "/system", "/api/v1/system", "/api/v1/cameras"):
            assert sam.page(path)[0] == 200, path
        assert "Live, not recording" in sam.page("/watch/good")[1]
        assert sam.ask("GET", "/cameras/good/snapshot.jpg").status == 200, "live goes on"
        code, events = sam.page("/events")
        assert code == 503
        assert "the disk of the database reports an error" in events
        assert "damaged" not in events
        assert "Check the cable" in events
        status = vigilar(house.folder, "status")
        assert status.code == 10
        assert "The disk does not answer or reports errors" in status.out, status.out
        assert "damaged" not in status.out + house.log
        assert sam.ask("POST", "/api/v1/logout", {}).status == 204
        assert sam.ask("GET", "/live").status == 302, "signed out stays signed out"
        house.kill()
