"""From a picture to the input of a YOLOX network, and from its output to boxes. Pure numbers.

Layout: Ge et al. 2021 (YOLOX) and the ONNX files of OpenCV's model collection; see ``ModelManifest``.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vigilar.detect.objects.detection import Box, Detection
from vigilar.detect.objects.engine import Numbers
from vigilar.detect.objects.manifest import ModelManifest

INSIDE = 0.9
"""One that lies within another by this share of the smaller of them is its upper half, or its legs."""

MAX_FOUND = 40
"""Of one picture, the surest: a crowd is a crowd."""

MAX_LOG_SIDE = 6.0
"""A box is no larger than exp(6) cells: what a broken network says must not overflow."""


class YoloxForm:
    """The layout of one manifest."""

    def __init__(self, manifest: ModelManifest) -> None:
        self._manifest = manifest
        kinds = {**manifest.kinds, **manifest.from_above}
        self._numbers = np.array(sorted(kinds), dtype=np.intp)
        self._kinds = tuple((kinds[number], number in manifest.from_above) for number in self._numbers.tolist())
        self._corners, self._strides = _cells(manifest)

    @property
    def classes(self) -> int:
        """Of so many at least the output must have scores."""
        return int(self._numbers.max()) + 1

    def letterbox(self, picture: NDArray[np.uint8]) -> tuple[Numbers, float]:
        """``picture``, HxW or HxWx3, as the network's input, and the factor by which it was made smaller or larger."""
        width, height = self._manifest.width, self._manifest.height
        scale = min(width / picture.shape[1], height / picture.shape[0])
        size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
        way = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
        shrunk = cv2.resize(picture, size, interpolation=way)
        whole = np.full((height, width, 3), self._manifest.fill, dtype=np.float32)
        whole[: size[1], : size[0]] = shrunk if shrunk.ndim == 3 else shrunk[..., None]
        return np.ascontiguousarray(whole.transpose(2, 0, 1)[None]), scale

    def read(self, output: Numbers, scale: float, width: int, height: int) -> list[Detection]:
        """The detections in an output of ``cells`` x (5 + classes), in a picture of ``width`` x ``height`` pixels that
        was scaled by ``scale``; the surest first."""
        scores = output[:, 4:5] * output[:, 5 + self._numbers]
        best = scores.max(axis=1)
        keep = np.flatnonzero(best >= self._manifest.least_score)
        if not keep.size:
            return []
        middles = (output[keep, :2] + self._corners[keep]) * self._strides[keep]
        halves = np.exp(np.minimum(output[keep, 2:4], MAX_LOG_SIDE)) * self._strides[keep] / 2
        size = np.array([width, height], dtype=np.float32)
        low = np.clip((middles - halves) / scale / size, 0.0, 1.0)
        high = np.clip((middles + halves) / scale / size, 0.0, 1.0)
        boxes = np.concatenate([low, high], axis=1)
        return self._pick(boxes, best[keep], scores[keep].argmax(axis=1))

    def _pick(self, boxes: NDArray[np.float32], best: Numbers, columns: NDArray[np.intp]) -> list[Detection]:
        found: list[Detection] = []
        for index in np.argsort(-best):
            left, top, right, bottom = (float(side) for side in boxes[index])
            kind, is_likeness = self._kinds[int(columns[index])]
            if right <= left or bottom <= top or not np.isfinite(boxes[index]).all():
                continue
            box = Box(left, top, right, bottom)
            new = Detection(kind, self._calibrated(float(best[index])), box, is_likeness)
            if not any(self._is_same(one, new) for one in found):
                found.append(new)
                if len(found) >= MAX_FOUND:
                    break
        return found

    def _is_same(self, surer: Detection, other: Detection) -> bool:
        """Whether a less sure one is the same object as a surer one: its box is much the same, or a part of it."""
        if (surer.kind, surer.is_likeness) != (other.kind, other.is_likeness):
            return False
        sure, box = surer.box, other.box
        return sure.overlap(box) >= self._manifest.overlap or sure.shared(box) >= INSIDE * min(sure.area, box.area)

    def _calibrated(self, score: float) -> float:
        given = min(max(score, 1e-6), 1.0 - 1e-6)
        logit = np.log(given / (1.0 - given))
        calibration = self._manifest.calibration
        return float(1.0 / (1.0 + np.exp(-(calibration.slope * logit + calibration.shift))))


def _cells(manifest: ModelManifest) -> tuple[Numbers, Numbers]:
    """The column and row of each cell, and its stride: strides in their order, row by row."""
    corners, strides = [], []
    for stride in manifest.strides:
        rows, columns = np.mgrid[: manifest.height // stride, : manifest.width // stride]
        corners.append(np.stack([columns, rows], axis=-1).reshape(-1, 2))
        strides.append(np.full((rows.size, 1), stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(strides).astype(np.float32)
