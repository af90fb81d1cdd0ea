"""Models of objects: what they find, what is refused, which one is in use. Real ONNX Runtime, real files."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.object_kit import BLUE, GREEN, RED, colour_network, manifest_of, patches, write_network
from vigilar.detect.objects.catalogue import CATALOGUE, all_models, find_by_name, find_by_sha256
from vigilar.detect.objects.detection import Box, ObjectKind
from vigilar.detect.objects.manifest import Calibration, ModelError, ModelManifest
from vigilar.detect.objects.model import open_model
from vigilar.detect.objects.model_folder import ModelFolder


def test_finds_kinds_and_places(tmp_path: Path) -> None:
    model = open_model(*write_network(tmp_path))
    found = model.find(patches((RED, 0, 0), (BLUE, 2, 1), (GREEN, 3, 3)))
    assert {(one.kind, one.box) for one in found} == {
        (ObjectKind.PERSON, Box(0.0, 0.0, 0.25, 0.25)),
        (ObjectKind.VEHICLE, Box(0.5, 0.25, 0.75, 0.5)),
        (ObjectKind.CAT, Box(0.75, 0.75, 1.0, 1.0)),
    }
    assert all(one.score > 0.9 for one in found)


def test_boxes_are_parts_of_a_wide_picture(tmp_path: Path) -> None:
    model = open_model(*write_network(tmp_path))
    picture = np.zeros((128, 256, 3), np.uint8)
    picture[:64, 192:] = RED  # the last cell of the upper row, once 256 pixels are 64
    assert [one.box for one in model.find(picture)] == [Box(0.75, 0.0, 1.0, 0.5)]


def test_grey_picture_is_taken(tmp_path: Path) -> None:
    assert open_model(*write_network(tmp_path)).find(np.zeros((90, 160), np.uint8)) == []


def test_calibration_changes_the_score(tmp_path: Path) -> None:
    file, manifest = write_network(tmp_path)
    modest = replace(manifest, calibration=Calibration(slope=1.0, shift=-3.0))
    sure, unsure = (open_model(file, one).find(patches((RED, 1, 1)))[0].score for one in (manifest, modest))
    assert np.log(unsure / (1 - unsure)) == pytest.approx(np.log(sure / (1 - sure)) - 3.0, abs=1e-3)


@pytest.mark.parametrize("change", ["shorter", "flipped", "missing"])
def test_other_file_is_refused(tmp_path: Path, change: str) -> None:
    file, manifest = write_network(tmp_path)
    raw = file.read_bytes()
    if change == "missing":
        file.unlink()
    else:
        file.write_bytes(raw[:-1] if change == "shorter" else raw[:99] + bytes([raw[99] ^ 1]) + raw[100:])
    with pytest.raises(ModelError):
        open_model(file, manifest)


def test_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    raw = b"not a network"
    file = tmp_path / "colours.onnx"
    file.write_bytes(raw)
    with pytest.raises(ModelError, match="cannot be used"):
        open_model(file, manifest_of(raw))


def test_network_of_another_form_is_refused(tmp_path: Path) -> None:
    raw = colour_network(outputs=7)
    file = tmp_path / "colours.onnx"
    file.write_bytes(raw)
    with pytest.raises(ModelError, match="not 1 x 16 x 8"):
        open_model(file, manifest_of(raw))


def test_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    _, manifest = write_network(tmp_path)
    assert ModelManifest.parse(manifest.dump()) == manifest
    assert all(ModelManifest.parse(one.dump()) == one for one in all_models())


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../up", "file": "../up.onnx"},
        {"file": "other.onnx"},
        {"sha256": "abc"},
        {"size_bytes": 0},
        {"size_bytes": 10**10},
        {"source": "http://example.org/model"},
        {"source": "file:///etc/passwd"},
        {"width": 100},
        {"width": 64.0},
        {"made_for": 3},
        {"height": 100_000},
        {"strides": ()},
        {"strides": (0,)},
        {"kinds": {}},
        {"kinds": {-1: ObjectKind.CAT}},
        {"from_above": {-1: ObjectKind.VEHICLE}},
        {"from_above": {0: ObjectKind.VEHICLE}},
        {"least_score": 0.0},
        {"calibration": Calibration(slope=-1.0)},
    ],
)
def test_manifest_beyond_reason_is_refused(change: dict[str, Any]) -> None:
    wrong = replace(manifest_of(colour_network()), **change)
    with pytest.raises(ModelError):
        ModelManifest.parse(wrong.dump())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": 1}', '{"kinds": {"a": "b"}}', "[" * 100_000])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(ModelError):
        ModelManifest.parse(text)


def test_catalogue_is_sound() -> None:
    assert len({one.name for one in all_models()}) == len(all_models())
    assert [one.name for one in all_models() if one.problem()] == []
    assert find_by_name("yolox-s") == CATALOGUE[0] == find_by_sha256(CATALOGUE[0].sha256)
    assert find_by_name("none") is None
    assert find_by_sha256("0" * 64) is None


def test_newest_installed_is_in_use_and_the_one_before_comes_back(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path / "models")
    assert folder.find_in_use() is None
    stamps = [folder.stamp()]
    for number, name in enumerate(("first", "second")):
        folder.install_file(*write_network(tmp_path / "given", name))
        os.utime(tmp_path / "models" / f"{name}.json", (number, number))
        stamps.append(folder.stamp())
    assert [one.manifest.name for one in folder.list_installed()] == ["second", "first"]
    folder.remove("second")
    stamps.append(folder.stamp())
    in_use = folder.find_in_use()
    assert in_use is not None
    assert in_use.manifest.name == "first"
    assert all(one != other for one, other in itertools.pairwise(stamps))
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["first.json", "first.onnx"]


def test_refused_file_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path / "models")
    file, manifest = write_network(tmp_path / "given")
    file.write_bytes(b"other")
    with pytest.raises(ModelError):
        folder.install_file(file, manifest)
    assert folder.list_installed() == []


def test_damaged_manifest_hides_only_its_model(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path / "models")
    folder.install_file(*write_network(tmp_path / "given"))
    (tmp_path / "models" / "broken.json").write_text("{")
    assert [one.manifest.name for one in folder.list_installed()] == ["colours"]


def test_removing_what_is_not_installed_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is installed"):
        ModelFolder(tmp_path).remove("colours")
