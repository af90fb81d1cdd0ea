"""Exports with proof: whole they are exact; a byte flipped, a second cut out, a record moved are told, and where."""

from __future__ import annotations

import errno
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.browser.house import House, open_house
from tests.flow.test_export_movie import T0, record
from tests.recording_kit import Clip, make_clip
from vigilar.base.clock import SystemClock
from vigilar.base.errors import ExitCode, RecordingError
from vigilar.cli.program import run
from vigilar.playback.export.bundle import SignedCheckpoint, Signer
from vigilar.playback.export.check import BundleReport, check_bundle, is_bundle
from vigilar.playback.export.house_word import find_signed
from vigilar.playback.export.make import ExportPlan, ExportWish, export_files, make_export
from vigilar.playback.export.plan_file import load_plan, save_plan
from vigilar.playback.export.plan_place import list_plans, remove_plan
from vigilar.playback.export.zip_layout import ZipEntry, directory, local_header
from vigilar.playback.export.zip_places import find_entries
from vigilar.proof.checkpoint import make_checkpoint
from vigilar.store.checkpoints import StoredCheckpoint
from vigilar.store.files import find_files
from vigilar.vge.merkle import MerkleTree
from vigilar.vge.merkle_range import range_proof, root_by_range
from vigilar.vge.signing import BoxKey


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), has_sound=True)


@pytest.fixture
def house(tmp_path: Path, clip: Clip) -> Iterator[House]:
    with open_house(tmp_path) as house:
        for start in (0, 4, 8):
            record(house, clip, start, start + 4)
        yield house


def wish(from_s: float = 1.5, to_s: float = 10.5, *, proof: bool = True) -> ExportWish:
    return ExportWish(
        camera_id="front-door",
        camera_name="Front door",
        from_ms=T0 + round(from_s * 1000),
        to_ms=T0 + round(to_s * 1000),
        proof=proof,
        house="Maple St 4",
        zone_name="Europe/Berlin",
        made_by="sam",
        software="test",
    )


class Key:
    """A signing key as the house has one."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, message: bytes, /) -> bytes:
        return self._key.sign(message)


def sign_history(house: House, now_ms: int) -> tuple[BoxKey, StoredCheckpoint]:
    """A checkpoint as the house makes one an hour, and its key."""
    key = BoxKey.load_or_create(house.folder / "secrets")
    return key, make_checkpoint(house.store, house.node_id, key, house.folder, now_ms)


def make(
    house: House,
    wanted: ExportWish | None = None,
    checkpoint: SignedCheckpoint | None = None,
    signer: Signer | None = None,
) -> ExportPlan:
    library = house.parts.footage
    return make_export(library, wanted or wish(), lambda _step, _part: None, T0 + 60_000, checkpoint, signer)


def save(house: House, plan: ExportPlan, folder: Path) -> Path:
    file = export_files(house.parts.footage, plan)[0]
    path = folder / file.name
    path.write_bytes(b"".join(file.read(0, file.size_bytes)))
    assert path.stat().st_size == file.size_bytes
    return path


def manifest_of(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as bundle:
        found: dict[str, Any] = json.loads(bundle.read("proof/manifest.json"))
        return found


def rebuilt(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """The bundle with entries changed, put together by a library that nobody here wrote."""
    target = path.with_name("changed.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return target


def of_movie(change: Callable[[bytes], bytes]) -> Callable[[str, bytes], bytes]:
    return lambda name, data: change(data) if name.endswith(".mp4") else data


def told(report: BundleReport) -> list[tuple[str, tuple[int, int] | None, tuple[int, int] | None]]:
    return [(one.kind, one.numbers, one.at_ms) for one in report.findings]


class TestWhole:
    def test_bundle_is_exact(self, house: House, tmp_path: Path) -> None:
        path = save(house, make(house), tmp_path)
        report = check_bundle(path)
        assert report.findings == ()
        assert report.records == 21
        assert (is_bundle(path), report.signed_by) == (True, None)

    def test_zip_opens_elsewhere_and_holds_the_movie(self, house: House, tmp_path: Path) -> None:
        plan = make(house)
        path = save(house, plan, tmp_path)
        assert path.name == "Front door 2026-02-02 03.40.01 CET with proof.zip"
        with zipfile.ZipFile(path) as bundle:
            assert bundle.testzip() is None
            assert bundle.namelist() == [
                "README.txt",
                "verify.html",
                "proof/manifest.json",
                "proof/records.bin",
                "Front door 2026-02-02 03.40.01 CET.mp4",
            ]
            movie = export_files(house.parts.footage, plan)[1]
            assert bundle.read(movie.name) == b"".join(movie.read(0, movie.size_bytes))
            assert "Front door" in bundle.read("README.txt").decode()

    def test_any_range_is_the_slice_of_the_whole(self, house: House, tmp_path: Path) -> None:
        file = export_files(house.parts.footage, make(house))[0]
        whole = b"".join(file.read(0, file.size_bytes))
        for start, stop in ((0, 2), (30, 5000), (5000, 5001), (len(whole) - 40, len(whole)), (20_000, 60_000)):
            assert b"".join(file.read(start, stop)) == whole[start:stop]

    def test_roots_are_those_of_the_recordings(self, house: House, tmp_path: Path) -> None:
        manifest = manifest_of(save(house, make(house), tmp_path))
        rows = find_files(house.store, "front-door", "video", 0, T0 * 2)
        pieces = manifest["movies"][0]["pieces"]
        assert [one["link"] for one in pieces] == [row.link.hex() for row in rows if row.link]
        assert [one["count"] for one in pieces] == [row.record_count - 1 for row in rows]

    def test_recording_that_goes_on_is_told_as_such(self, house: House, clip: Clip, tmp_path: Path) -> None:
        record(house, clip, 12, 16, is_closed=False)
        report = check_bundle(save(house, make(house, wish(11, 15)), tmp_path))
        assert report.is_exact
        assert any("still being written" in note for note in report.notes)

    def test_signed_words_are_checked(self, house: House, tmp_path: Path) -> None:
        key = Key()
        rows = find_files(house.store, "front-door", "video", 0, T0 * 2)
        body = json.dumps({"links": [row.link.hex() for row in rows if row.link]})
        good = SignedCheckpoint(body, key.sign(body.encode()), key.public)
        report = check_bundle(save(house, make(house, None, good, key), tmp_path))
        assert report.is_exact
        assert report.signed_by == sha256(key.public).hexdigest()[:16]
        assert report.notes == ("The signed words of the house name 3 of 3 closed recordings.",)
        bad = SignedCheckpoint(body + " ", good.signature, key.public)
        report = check_bundle(save(house, make(house, None, bad, key), tmp_path))
        assert [one.kind for one in report.findings] == ["signature"]

    def test_signed_words_name_recordings_by_the_chain_to_the_newest_of_then(
        self, house: House, clip: Clip, tmp_path: Path
    ) -> None:
        """A checkpoint names one recording a camera; those of the export are older as soon as another was closed."""
        record(house, clip, 12, 16)
        key, made = sign_history(house, T0 + 20_000)
        record(house, clip, 16, 20)
        sign_history(house, T0 + 30_000)
        found = find_signed(house.store, house.node_id, key, "front-door", T0 + 10_500)
        assert found is not None
        assert found.body == made.body
        path = save(house, make(house, None, found, key), tmp_path)
        assert len(manifest_of(path)["chain"]) == 1
        report = check_bundle(path)
        assert report.is_exact
        assert report.notes == ("The signed words of the house name 3 of 3 closed recordings.",)

        def cut(name: str, data: bytes) -> bytes:
            """Another chain: that of a recording which nobody signed."""
            if name != "proof/manifest.json":
                return data
            manifest = json.loads(data)
            manifest["chain"][0]["close_tag"] = "00" * 32
            return json.dumps(manifest | {"signing_key": None}).encode()

        report = check_bundle(rebuilt(path, cut))
        assert report.notes[0] == "The signed words of the house name 0 of 3 closed recordings."

    def test_recording_that_is_gone_from_the_chain_is_no_reason_to_refuse(
        self, house: House, clip: Clip, tmp_path: Path
    ) -> None:
        record(house, clip, 12, 16)
        key, _ = sign_history(house, T0 + 20_000)
        (newest,) = find_files(house.store, "front-door", "video", T0 + 13_000, T0 + 14_000)
        (house.folder / newest.path).unlink()
        found = find_signed(house.store, house.node_id, key, "front-door", T0 + 10_500)
        report = check_bundle(save(house, make(house, None, found, key), tmp_path))
        assert report.is_exact
        assert report.notes == ("The signed words of the house name 0 of 3 closed recordings.",)

    def test_manifest_made_anew_is_told_by_its_signature(self, house: House, tmp_path: Path) -> None:
        path = save(house, make(house, signer=Key()), tmp_path)

        def lie(name: str, data: bytes) -> bytes:
            return data.replace(b"Maple St 4", b"Maple St 5") if name == "proof/manifest.json" else data

        report = check_bundle(rebuilt(path, lie))
        assert [one.sentence for one in report.findings] == ["The signature of this export is not right."]
        assert report.signed_by is None


class TestChanged:
    def test_flipped_byte_names_record_and_second(self, house: House, tmp_path: Path) -> None:
        path = save(house, make(house), tmp_path)
        row = manifest_of(path)["movies"][0]["pieces"][1]["records"][3]
        at = row[4] + row[5] // 2

        def flip(data: bytes) -> bytes:
            return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

        report = check_bundle(rebuilt(path, of_movie(flip)))
        assert told(report) == [("changed", (row[0], row[0]), (4000, 4500))]
        assert "03:40:05.5" in report.findings[0].sentence

    def test_byte_flipped_in_the_file_itself_is_told(self, house: House, tmp_path: Path) -> None:
        path = save(house, make(house), tmp_path)
        data = bytearray(path.read_bytes())
        row = manifest_of(path)["movies"][0]["pieces"][0]["records"][0]
        with zipfile.ZipFile(path) as bundle:
            info = bundle.infolist()[-1]
        start = info.header_offset + 30 + len(info.filename.encode())
        data[start + row[4] + 9] ^= 0x40
        path.write_bytes(data)
        assert told(check_bundle(path)) == [("changed", (row[0], row[0]), (0, 0 + row[2]))]

    @pytest.mark.parametrize("slip", [0, 37])
    def test_second_cut_out_is_told(self, house: House, tmp_path: Path, slip: int) -> None:
        path = save(house, make(house), tmp_path)
        rows = manifest_of(path)["movies"][0]["pieces"][1]["records"]
        start, stop = rows[2][4] + slip, rows[4][4] + slip
        report = check_bundle(rebuilt(path, of_movie(lambda data: data[:start] + data[stop:])))
        [finding] = report.findings
        assert finding.kind == ("missing" if not slip else "changed")
        assert finding.numbers == (rows[2][0], rows[3 if not slip else 4][0])

    def test_second_cut_out_of_the_zip_itself_is_told(self, house: House, tmp_path: Path) -> None:
        path = save(house, make(house), tmp_path)
        rows = manifest_of(path)["movies"][0]["pieces"][1]["records"]
        with zipfile.ZipFile(path) as bundle:
            info = bundle.infolist()[-1]
        begin = info.header_offset + 30 + len(info.filename.encode())
        data = path.read_bytes()
        path.write_bytes(data[: begin + rows[2][4]] + data[begin + rows[4][4] :])
        assert told(check_bundle(path)) == [("missing", (rows[2][0], rows[3][0]), (3500, 4500))]

    def test_moved_record_is_told(self, house: House, tmp_path: Path) -> None:
        path = save(house, make(house), tmp_path)
        rows = manifest_of(path)["movies"][0]["pieces"][0]["records"]
        one, after = rows[1], rows[2][4]
        to = manifest_of(path)["movies"][0]["pieces"][2]["records"][0][4]

        def move(data: bytes) -> bytes:
            return data[: one[4]] + data[after:to] + data[one[4] : after] + data[to:]

        report = check_bundle(rebuilt(path, of_movie(move)))
        assert [(kind, numbers) for kind, numbers, _ in told(report)] == [("moved", (one[0], one[0]))]

    def test_bytes_added_are_told(self, house: House, tmp_path: Path) -> None:
        path = save(house, make(house), tmp_path)
        report = check_bundle(rebuilt(path, of_movie(lambda data: data + bytes(100))))
        assert [one.sentence for one in report.findings] == [
            "100 bytes were added to Front door 2026-02-02 03.40.01 CET.mp4."
        ]

    def test_changed_table_is_told(self, house: House, tmp_path: Path) -> None:
        path = save(house, make(house), tmp_path)
        report = check_bundle(rebuilt(path, of_movie(lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:])))
        assert [one.kind for one in report.findings] == ["head"]

    def test_manifest_changed_to_fit_is_told_by_the_roots(self, house: House, tmp_path: Path) -> None:
        path = save(house, make(house), tmp_path)

        def lie(name: str, data: bytes) -> bytes:
            if name != "proof/manifest.json":
                return data
            manifest = json.loads(data)
            manifest["movies"][0]["pieces"][0]["records"][1][8] = "00" * 32
            return json.dumps(manifest).encode()

        assert "proof" in [one.kind for one in check_bundle(rebuilt(path, lie)).findings]

    def test_time_changed_in_the_manifest_is_told(self, house: House, tmp_path: Path) -> None:
        path = save(house, make(house), tmp_path)

        def lie(name: str, data: bytes) -> bytes:
            if name != "proof/manifest.json":
                return data
            manifest = json.loads(data)
            manifest["movies"][0]["pieces"][0]["records"][1][1] += 3_600_000
            return json.dumps(manifest).encode()

        assert [one.kind for one in check_bundle(rebuilt(path, lie)).findings] == ["proof"]

    def test_what_is_no_bundle_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as bundle:
            bundle.writestr("a.txt", "nothing")
        with pytest.raises(RecordingError, match="no export with proof"):
            check_bundle(path)
        path.write_bytes(b"PK\3\4" + struct.pack(">I", 1))
        with pytest.raises(RecordingError, match="no export with proof"):
            check_bundle(path)


class TestCommand:
    def test_verify_says_which_and_where(
        self, house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = save(house, make(house), tmp_path)
        assert run(["--data-dir", str(tmp_path / "none"), "verify", str(path)]) == ExitCode.OK
        assert "exactly what was exported" in capsys.readouterr().out
        row = manifest_of(path)["movies"][0]["pieces"][1]["records"][3]
        changed = rebuilt(path, of_movie(lambda data: data[: row[4]] + b"\1" + data[row[4] + 1 :]))
        assert run(["--data-dir", str(tmp_path / "none"), "verify", "--json", str(changed)]) == ExitCode.NOT_EXACT
        [facts] = json.loads(capsys.readouterr().out)["files"]
        assert facts["verdict"] == "changed"
        assert facts["findings"][0]["numbers"] == [row[0], row[0]]


class TestPlanFile:
    @pytest.mark.parametrize("proof", [False, True])
    def test_sealed_plan_comes_back_as_it_was(self, house: House, tmp_path: Path, *, proof: bool) -> None:
        plan = make(house, wish(proof=proof))
        for _ in range(2):  # the second replaces the first
            save_plan(tmp_path, 7, plan, house.ring, SystemClock())
        assert load_plan(tmp_path, 7, house.ring) == plan
        assert list_plans(tmp_path) == [7]
        sealed = (tmp_path / "exports" / "000007.vge").read_bytes()
        assert b"front-door" not in sealed
        remove_plan(tmp_path, 7)
        with pytest.raises(RecordingError, match="not ready any more"):
            load_plan(tmp_path, 7, house.ring)

    def test_full_disk_leaves_no_half_plan(self, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        plan = make(house)

        def full(*_arguments: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("vigilar.vge.writer.write_at", full)
        with pytest.raises(RecordingError, match=r"[Ff]ull|No space"):
            save_plan(tmp_path, 7, plan, house.ring, SystemClock())
        assert list_plans(tmp_path) == []


class TestRangeProof:
    @pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 100])
    def test_every_range_proves_the_root(self, count: int) -> None:
        leaves = [sha256(bytes([number])).digest() for number in range(count)]
        tree = MerkleTree()
        for leaf in leaves:
            tree.add(leaf)
        for first in range(count):
            for stop in range(first + 1, count + 1, max(1, count // 9)):
                proof = range_proof(leaves, first, stop)
                assert root_by_range(count, first, leaves[first:stop], proof) == tree.root()
                assert len(proof) <= 2 * count.bit_length()
                if proof:
                    assert root_by_range(count, first, leaves[first:stop], proof[:-1]) is None
                assert root_by_range(count, first, leaves[first:stop], [*proof, bytes(32)]) is None
                changed = [bytes(32), *leaves[first + 1 : stop]]
                assert root_by_range(count, first, changed, proof) != tree.root()


class TestLargeZip:
    def test_places_above_four_gigabytes_are_found_by_others(self, tmp_path: Path) -> None:
        """A sparse file of 5 GB between two small ones, read by Python's own ``zipfile``."""
        made, size = datetime(2026, 3, 8, 12, 57, 30, tzinfo=UTC), 5 * 10**9
        entries = [ZipEntry("a.txt", 1, zlib.crc32(b"a")), ZipEntry("big", size, 0), ZipEntry("b", 1, zlib.crc32(b"b"))]
        path = tmp_path / "large.zip"
        with path.open("wb") as file:
            places = []
            for entry in entries:
                places.append(file.tell())
                file.write(local_header(entry, made))
                if entry.size == 1:
                    file.write(entry.name[:1].encode())
                else:
                    file.seek(size, 1)
            file.write(directory(entries, places, file.tell(), made))
        with zipfile.ZipFile(path) as found:
            assert [(one.filename, one.file_size) for one in found.infolist()] == [
                (one.name, one.size) for one in entries
            ]
            assert found.read("b") == b"b"
        placed = find_entries(path)
        assert [(one.name, one.stop - one.start) for one in placed.values()] == [
            (one.name, one.size) for one in entries
        ]
