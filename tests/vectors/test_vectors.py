"""Both readers agree on every known-answer file, and on what its maker says of it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.vectors import make, mutate, sample
from tools.vge_reader import judge_bytes
from vigilar.base.errors import RecordingError
from vigilar.vge.format import RecordType
from vigilar.vge.keys import EpochKey, KeyRing
from vigilar.vge.reader import VgeReader
from vigilar.vge.verify import verify_file
from vigilar.vge.writer import Checkpoint

EXPECTED: dict[str, Any] = json.loads((make.FOLDER / "expected.json").read_text(encoding="utf-8"))
KEYS: dict[str, Any] = json.loads((make.FOLDER / "keys.json").read_text(encoding="utf-8"))
DOCUMENT = make.FOLDER.parents[1] / "docs" / "format-vge.md"


@pytest.fixture(params=sorted(EXPECTED))
def vector(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """One vector as a file, and what is expected of it."""
    name: str = request.param
    kept = make.FOLDER / f"{name}.vge"
    if kept.exists():
        return kept, EXPECTED[name]
    large_name, case = make.large_case()
    assert name == large_name
    made = tmp_path / "large.vge"
    made.write_bytes(case.data)
    return made, EXPECTED[name]


def ring_of(names: list[str]) -> KeyRing:
    """A ring of the named keys."""
    held = {name: (bytes.fromhex(KEYS[name]["key_id"]), bytes.fromhex(KEYS[name]["key"])) for name in names}
    recovery = held.pop("recovery", None)
    epochs = [EpochKey(number, *pair) for number, pair in enumerate(held.values(), start=1)]
    return KeyRing(epochs, EpochKey(0, *recovery) if recovery else None)


def test_meta_is_read_without_its_salt() -> None:
    """The format has META; nothing of ours writes it yet, so the vector is what there is to read."""
    with VgeReader.open(
        make.FOLDER / "ok_index.vge", ring_of(EXPECTED["ok_index"]["keys"]), allow_test_files=True
    ) as reader:
        meta = [reader.read(entry) for entry in reader.entries if entry.type is RecordType.META]
    assert meta == [b'{"label":"person"}']


def test_first_reader_agrees(vector: tuple[Path, dict[str, Any]]) -> None:
    path, expected = vector
    told = expected["anchor"]
    anchor = told and Checkpoint(told["record_number"], bytes.fromhex(told["tag"]), 0, 0)
    allow = not expected["production"]
    report = verify_file(path, ring_of(expected["keys"]), anchor=anchor, allow_test_files=allow)
    assert (report.verdict.value, report.code) == (expected["verdict"], expected["code"])
    assert (report.records_verified, report.plaintext_bytes) == (expected["records"], expected["plaintext_bytes"])
    if expected["verdict"] != "rejected":
        assert report.plaintext_sha256 is not None
        assert report.plaintext_sha256.hex() == expected["plaintext_sha256"]
    assert report.sentence


def test_second_reader_agrees(vector: tuple[Path, dict[str, Any]]) -> None:
    path, expected = vector
    told = expected["anchor"]
    anchor = told and (told["record_number"], bytes.fromhex(told["tag"]))
    held = {bytes.fromhex(KEYS[name]["key_id"]): bytes.fromhex(KEYS[name]["key"]) for name in expected["keys"]}
    found = judge_bytes(path.read_bytes(), held, anchor=anchor, is_production=expected["production"])
    assert (found.verdict, found.code, found.records) == tuple(expected[key] for key in ("verdict", "code", "records"))
    assert len(found.plaintext) == expected["plaintext_bytes"]
    assert sha256(found.plaintext).hexdigest() == expected["plaintext_sha256"]


def test_playing_releases_only_expected_plaintext(vector: tuple[Path, dict[str, Any]]) -> None:
    path, expected = vector
    allow = not expected["production"]
    released = []
    if expected["verdict"] == "rejected":
        with pytest.raises(RecordingError) as caught:
            VgeReader.open(path, ring_of(expected["keys"]), allow_test_files=allow)
        assert caught.value.code == f"vge.{expected['code']}"
        return
    with VgeReader.open(path, ring_of(expected["keys"]), allow_test_files=allow) as reader:
        for entry in reader.entries:
            with suppress(RecordingError):
                released.append(reader.read(entry) if entry.type.is_plaintext else b"")
    assert sha256(b"".join(released)).hexdigest() == expected["plaintext_sha256"]


def test_kept_files_are_as_made() -> None:
    cases = make.all_cases()
    kept = {path.stem: path.read_bytes() for path in make.FOLDER.glob("*.vge")}
    assert kept == {name: case.data for name, case in cases.items()}
    assert json.loads(make.expected_text({**cases, **dict([make.large_case()])})) == EXPECTED
    assert json.loads(make.keys_text()) == KEYS


def test_document_lists_every_vector() -> None:
    assert make.table_text() in DOCUMENT.read_text(encoding="utf-8")


def test_both_readers_agree_on_changed_files(tmp_path: Path) -> None:
    """``python -m tests.vectors.mutate`` does so 100,000 times."""
    verdicts = mutate.run(1500, seed=7, folder=tmp_path)
    assert verdicts.total() == 1500
    assert set(verdicts) == {"rejected", "damaged", "unclean"}


def test_second_reader_imports_nothing_of_vigilar_and_is_short() -> None:
    text = (make.FOLDER.parents[1] / "tools" / "vge_reader.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 300
    modules = {node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in modules if name and name.split(".")[0] in ("vigilar", "tests", "tools")]


def test_second_reader_opens_and_extracts_with_a_key_file(tmp_path: Path) -> None:
    """As a program of its own, on a recording that is in use."""
    secrets = tmp_path / "secrets"
    file = tmp_path / "1.vge"
    writer = sample.new_writer(file, KeyRing.load_or_create(secrets))
    sample.write_records(writer)
    sample.close_writer(writer)
    program = make.FOLDER.parents[1] / "tools" / "vge_reader.py"
    command = [sys.executable, str(program), "--key", str(secrets / "recording-key-0001")]
    done = subprocess.run(
        [*command, "--extract", str(tmp_path / "out"), str(file)], capture_output=True, check=True, cwd=tmp_path
    )
    told = json.loads(done.stdout)
    assert (told["verdict"], told["plaintext_sha256"]) == ("closed", sha256(sample.PLAINTEXT).hexdigest())
    assert (tmp_path / "out").read_bytes() == sample.PLAINTEXT
    file.write_bytes(file.read_bytes()[:-1])
    assert subprocess.run([*command, str(file)], capture_output=True, check=False).returncode == 9
