"""``vigilar verify`` on real files: each outcome has its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vigilar.base.errors import ExitCode
from vigilar.cli.program import run
from vigilar.vge.format import CloseReason, Content
from vigilar.vge.keys import KeyRing
from vigilar.vge.writer import FileSpec, VgeWriter


def write_recording(path: Path, secrets: Path, *, is_closed: bool = True) -> Path:
    ring = KeyRing.load_or_create(secrets)
    spec = FileSpec(
        camera_uuid=b"c" * 16,
        file_number=1,
        content=Content.FMP4,
        start_utc_ns=1_770_000_000_000_000_000,
        start_mono_ns=5_000_000_000,
        boot_id=b"b" * 16,
        previous_link=bytes(32),
        timescale=90_000,
    )
    writer = VgeWriter.create(path, spec, ring)
    writer.append_init(b"init", utc_ns=spec.start_utc_ns, mono_ns=spec.start_mono_ns)
    writer.append_media(
        b"m" * 1000, utc_ns=spec.start_utc_ns, mono_ns=spec.start_mono_ns, duration_ms=500, starts_with_keyframe=True
    )
    writer.sync()
    if is_closed:
        writer.close(CloseReason.ROLLOVER, utc_ns=spec.start_utc_ns, mono_ns=spec.start_mono_ns + 1)
    return path


def verify(folder: Path, *files: Path) -> int:
    return run(["verify", *map(str, files), "--data-dir", str(folder)])


def test_whole_file_is_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_recording(tmp_path / "1.vge", tmp_path / "secrets")
    assert verify(tmp_path, file) == 0
    assert capsys.readouterr().out.startswith(f"{file}: Whole and unchanged")
    assert run(["verify", str(file), "--data-dir", str(tmp_path), "--json"]) == 0
    [facts] = json.loads(capsys.readouterr().out)["files"]
    assert (facts["verdict"], facts["file"]) == ("closed", str(file))


def test_flipped_byte_is_not_exact(tmp_path: Path) -> None:
    file = write_recording(tmp_path / "1.vge", tmp_path / "secrets")
    data = bytearray(file.read_bytes())
    data[1000] ^= 1
    file.write_bytes(data)
    assert verify(tmp_path, file) == ExitCode.NOT_EXACT


@pytest.mark.parametrize("content", [b"", b"not a recording"])
def test_what_is_no_recording_is_not_exact(tmp_path: Path, content: bytes) -> None:
    whole = write_recording(tmp_path / "1.vge", tmp_path / "secrets")
    other = tmp_path / "2.vge"
    other.write_bytes(content)
    assert verify(tmp_path, whole, other) == ExitCode.NOT_EXACT


def test_unclosed_file_is_not_exact(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_recording(tmp_path / "1.vge", tmp_path / "secrets", is_closed=False)
    assert verify(tmp_path, file) == ExitCode.NOT_EXACT
    assert "Ends without its closing record" in capsys.readouterr().out


def test_file_of_another_box_needs_its_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recording(tmp_path / "1.vge", tmp_path / "secrets")
    other = write_recording(tmp_path / "2.vge", tmp_path / "other")
    assert verify(tmp_path, other) == ExitCode.LOCKED
    assert "not on this box" in capsys.readouterr().out


def test_box_without_keys_is_locked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_recording(tmp_path / "1.vge", tmp_path / "other")
    assert verify(tmp_path, file) == ExitCode.LOCKED
    assert "no recording key" in capsys.readouterr().err


def test_missing_file_is_named_and_the_others_are_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_recording(tmp_path / "1.vge", tmp_path / "secrets")
    assert verify(tmp_path, tmp_path / "none.vge", file) == ExitCode.NOT_FOUND
    out = capsys.readouterr().out
    assert "No such file" in out
    assert "Whole and unchanged" in out
