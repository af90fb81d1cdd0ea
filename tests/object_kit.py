"""A network of the tests' own, made in a moment: a red patch is a person, a blue one a vehicle, a green one a cat."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.onnx_file import Node, Values, onnx_bytes
from vigilar.detect.objects.detection import ObjectKind
from vigilar.detect.objects.manifest import ModelManifest

SIDE, STRIDE = 64, 16
CELLS = SIDE // STRIDE
KINDS = {0: ObjectKind.PERSON, 1: ObjectKind.VEHICLE, 2: ObjectKind.CAT}
RED, BLUE, GREEN = (0, 0, 255), (255, 0, 0), (0, 255, 0)


def colour_network(outputs: int = 8) -> bytes:
    """An ONNX file: of each cell of 16 pixels whether it is of one colour, as a box of that cell.

    The mean of blue, green and red of a cell goes through one weight each; ``outputs`` other than 8 is a wrong file.
    """
    weights = np.zeros((8, 3, 1, 1), np.float32)
    shift = np.zeros(8, np.float32)
    shift[:2] = 0.5  # the middle of the cell; the logarithms of width and height are 0: one cell
    weights[4, :, 0, 0] = 0.1  # something is there when any colour is strong
    shift[4] = -15.0
    for row, channel in ((5, 2), (6, 0), (7, 1)):
        weights[row, :, 0, 0] = -0.1
        weights[row, channel, 0, 0] = 0.1
        shift[row] = -8.0
    constants: dict[str, Values] = {
        "w": weights[:outputs],
        "b": shift[:outputs],
        "rows": np.array([1, CELLS * CELLS, outputs], np.int64),
        "zero": np.array([0], np.int64),
        "four": np.array([4], np.int64),
        "end": np.array([outputs], np.int64),
        "axis": np.array([2], np.int64),
    }
    square = {"kernel_shape": (STRIDE, STRIDE), "strides": (STRIDE, STRIDE)}
    nodes = [
        Node("AveragePool", ["picture"], "cells", square),
        Node("Conv", ["cells", "w", "b"], "map", {"kernel_shape": (1, 1)}),
        Node("Transpose", ["map"], "turned", {"perm": (0, 2, 3, 1)}),
        Node("Reshape", ["turned", "rows"], "table"),
        Node("Slice", ["table", "zero", "four", "axis"], "boxes"),
        Node("Slice", ["table", "four", "end", "axis"], "raw"),
        Node("Sigmoid", ["raw"], "scores"),
        Node("Concat", ["boxes", "scores"], "found", {"axis": 2}),
    ]
    shape = (1, CELLS * CELLS, outputs)
    return onnx_bytes(nodes, constants, ("picture", (1, 3, SIDE, SIDE)), ("found", shape), "test")


def manifest_of(raw: bytes, name: str = "colours", source: str = "") -> ModelManifest:
    return ModelManifest(
        name=name,
        title="Colours",
        licence="GPL-3.0-only",
        file=f"{name}.onnx",
        size_bytes=len(raw),
        sha256=hashlib.sha256(raw).hexdigest(),
        source=source,
        width=SIDE,
        height=SIDE,
        kinds=KINDS,
        strides=(STRIDE,),
        fill=0,
        made_for="tests",
    )


def write_network(folder: Path, name: str = "colours", source: str = "") -> tuple[Path, ModelManifest]:
    """The network and its manifest as files beside each other: ``<name>.onnx``, ``<name>.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = colour_network()
    manifest = manifest_of(raw, name, source)
    file = folder / manifest.file
    file.write_bytes(raw)
    (folder / f"{name}.json").write_text(manifest.dump(), encoding="utf-8")
    return file, manifest


def patches(*found: tuple[tuple[int, int, int], int, int], side: int = SIDE) -> NDArray[np.uint8]:
    """A black picture with patches of one cell: colour, column, row."""
    picture = np.zeros((side, side, 3), np.uint8)
    step = side // CELLS
    for colour, column, row in found:
        picture[row * step : (row + 1) * step, column * step : (column + 1) * step] = colour
    return picture
