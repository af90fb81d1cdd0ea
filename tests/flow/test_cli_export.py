"""``vigilar export`` on a real data folder: range, event, proof, what it refuses."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from tests.browser.house import House, open_house
from tests.flow.command_line import vigilar
from tests.flow.test_export_movie import T0, record, shown_times
from tests.recording_kit import make_clip
from vigilar.base.errors import ExitCode
from vigilar.proof.checkpoint import make_checkpoint
from vigilar.vge.signing import BoxKey


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    folder = tmp_path / "data"
    folder.mkdir()
    with open_house(folder) as house:
        clip = make_clip(tmp_path, has_sound=True)
        record(house, clip, 0, 4)
        record(house, clip, 8, 12)
        (folder / "vigilar.toml").write_text('[house]\nname = "Maple"\ntime_zone = "Europe/Berlin"\n', encoding="utf-8")
        yield house


FROM, TO = "2026-02-02T03:40:01", "2026-02-02T03:40:11"


def test_range_becomes_a_file_with_its_name(house: House, tmp_path: Path) -> None:
    target = tmp_path / "stick"
    target.mkdir()
    done = vigilar(house.folder, "export", "front-door", "--from", FROM, "--to", TO, "-o", str(target))
    assert done.code == ExitCode.OK, done.err
    [path] = target.iterdir()
    assert done.out == f"{path}\n"
    assert path.name == "front-door 2026-02-02 03.40.01 CET, 1 gap.mp4"
    assert len(shown_times(path)) == 60
    assert "Left out: 03:40:04 to 03:40:08." in done.err
    again = vigilar(house.folder, "export", "front-door", "--from", FROM, "--to", TO, "-o", str(target))
    assert "is there already" in again.err


def test_what_lacks_at_both_ends_or_cannot_be_shown_is_told(house: House, tmp_path: Path) -> None:
    def left_out() -> list[str]:
        target = tmp_path / f"{len(list(tmp_path.iterdir()))}.mp4"
        times = ("--from", "2026-02-02T03:39:50", "--to", "2026-02-02T03:40:20")
        done = vigilar(house.folder, "export", "front-door", *times, "-o", str(target))
        assert done.code == ExitCode.OK, done.err
        return [line for line in done.err.splitlines() if line.startswith("Left out")]

    before, between, behind = left_out()
    assert before.startswith("Left out: 03:39:50 to 03:40:00.")
    assert between.startswith("Left out: 03:40:04 to 03:40:08.")
    assert behind.startswith("Left out: 03:40:12 to 03:40:20.")
    first, second = sorted((house.folder / "footage").rglob("*.vge"))
    second.write_bytes(first.read_bytes())
    words = "A recording of that time is there, but it is not as it was written, so it is not shown."
    assert left_out() == [before, between, f"Left out: 03:40:08 to 03:40:12. {words}", behind]


def test_event_with_proof_is_a_bundle_that_verifies(house: House, tmp_path: Path) -> None:
    event = house.event(ts_ms=T0 + 9_000, length_ms=500)
    done = vigilar(house.folder, "export", "--event", str(event.id), "--proof", "-o", str(tmp_path / "a.zip"), "--json")
    assert done.code == ExitCode.OK, done.err
    facts = json.loads(done.out)
    assert facts["files"] == [str(tmp_path / "a.zip")]
    assert (facts["start_ts"], facts["end_ts"]) == (T0 + 8_000, T0 + 11_500)  # as the page's clip: 1 s before, 2 behind
    checked = vigilar(tmp_path / "elsewhere", "verify", str(tmp_path / "a.zip"), "--json")
    assert checked.code == ExitCode.OK, checked.err
    assert checked.json["files"][0]["proof_code"] == facts["proof_code"]
    assert checked.json["files"][0]["signed_by"] is None  # the key that signs is not in this folder


def test_proof_is_signed_as_that_of_the_page(house: House, tmp_path: Path) -> None:
    key = BoxKey.load_or_create(house.folder / "secrets")
    made = make_checkpoint(house.store, house.node_id, key, house.folder, T0 + 20_000)
    target = tmp_path / "a.zip"
    done = vigilar(house.folder, "export", "front-door", "--from", FROM, "--to", TO, "--proof", "-o", str(target))
    assert done.code == ExitCode.OK, done.err
    with zipfile.ZipFile(target) as bundle:
        manifest = json.loads(bundle.read("proof/manifest.json"))
    assert manifest["checkpoint"]["body"] == made.body
    checked = vigilar(tmp_path / "elsewhere", "verify", str(target), "--json")
    assert checked.code == ExitCode.OK, checked.err
    assert checked.json["files"][0]["signed_by"] == sha256(key.public).hexdigest()[:16]


def test_videos_of_two_formats_are_numbered_under_the_name_that_was_given(house: House, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_clip(tmp_path / "other", size=(320, 192))
    later = [replace(p, utc_ns=p.utc_ns + 12 * 10**9, mono_ns=p.mono_ns + 12 * 10**9) for p in other.packets]
    house.record("front-door", later, other.run(2, 12.0))
    times = ("--from", "2026-02-02T03:40:09", "--to", "2026-02-02T03:40:15")
    done = vigilar(house.folder, "export", "front-door", *times, "-o", str(tmp_path / "a.mp4"))
    assert done.code == ExitCode.OK, done.err
    written = [tmp_path / "a.mp4", tmp_path / "a (2).mp4"]
    assert done.out == "".join(f"{path}\n" for path in written)
    assert [len(shown_times(path)) for path in written] == [30, 30]


@pytest.mark.parametrize(
    ("more", "name", "code", "words"),
    [
        ([], "no/such/a.mp4", ExitCode.NOT_FOUND, "choose another with -o"),
        ([], "a.zip", ExitCode.USAGE, "What is written is a .mp4"),
        (["--proof"], "a.mp4", ExitCode.USAGE, "What is written is a .zip"),
    ],
)
def test_place_or_name_that_cannot_be_is_refused(
    house: House, tmp_path: Path, more: list[str], name: str, code: ExitCode, words: str
) -> None:
    range_ = ("--from", FROM, "--to", TO)
    done = vigilar(house.folder, "export", "front-door", *range_, *more, "-o", str(tmp_path / name))
    assert (done.code, words in done.err) == (code, True), done.err
    assert not (tmp_path / name).exists()


def test_verify_of_what_is_no_recording_says_what_to_give(house: House, tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    vigilar(house.folder, "export", "front-door", "--from", FROM, "--to", TO, "-o", str(target))
    done = vigilar(house.folder, "verify", str(target), str(house.folder / "footage"))
    assert done.code == ExitCode.NOT_EXACT
    movie, folder = done.out.splitlines()
    assert "Not a Vigilar recording, but an MP4" in movie
    assert ".zip" in movie
    assert "but a folder" in folder


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["front-door"], ExitCode.USAGE, "--from and --to"),
        (["front-door", "--from", TO, "--to", FROM], ExitCode.USAGE, "behind the start"),
        (["nobody", "--from", FROM, "--to", TO], ExitCode.NOT_FOUND, "one of: front-door."),
        (["--event", "77"], ExitCode.NOT_FOUND, "no event"),
        (["front-door", "--from", "2026-01-01T00:00", "--to", "2026-01-01T01:00"], ExitCode.NOT_FOUND, "Nothing was"),
    ],
)
def test_what_cannot_be_is_said(house: House, arguments: list[str], code: ExitCode, words: str) -> None:
    done = vigilar(house.folder, "export", *arguments)
    assert (done.code, words in done.err) == (code, True), done.err
    assert list(house.folder.glob("*.mp4")) == []
