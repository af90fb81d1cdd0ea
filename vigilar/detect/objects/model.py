"""A model that is loaded: a picture in, what is on it out."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vigilar.base.errors import ErrorKind
from vigilar.detect.objects.detection import Detection
from vigilar.detect.objects.engine import Engine, Numbers
from vigilar.detect.objects.manifest import ModelError, ModelManifest
from vigilar.detect.objects.model_file import check_file
from vigilar.detect.objects.yolox import YoloxForm


class Network(Protocol):
    """What of ``engine.Engine`` is needed."""

    @property
    def provider(self) -> str: ...
    def run(self, numbers: Numbers) -> Numbers: ...


class ObjectModel:
    """Finds objects. One thread at a time."""

    def __init__(self, manifest: ModelManifest, network: Network) -> None:
        """Raises ModelError when ``network`` does not take and give what ``manifest`` says."""
        self.manifest = manifest
        self._network = network
        self._form = YoloxForm(manifest)
        self.find(np.zeros((64, 64), dtype=np.uint8))  # the first run is slow, and tells whether it fits

    @property
    def provider(self) -> str:
        return self._network.provider

    def find(self, picture: NDArray[np.uint8]) -> list[Detection]:
        """The objects on ``picture`` (HxWx3 BGR or HxW grey, uint8), the surest first; boxes in 0..1 of it."""
        numbers, scale = self._form.letterbox(picture)
        output = self._network.run(numbers)
        rows, columns = self.manifest.cells, 5 + self._form.classes
        if output.ndim != 3 or output.shape[0] != 1 or output.shape[1] != rows or output.shape[2] < columns:
            raise ModelError(
                f"the model {self.manifest.name} gives {output.shape}, not 1 x {rows} x {columns} numbers or more",
                kind=ErrorKind.CORRUPT,
            )
        height, width = picture.shape[:2]
        return self._form.read(output[0], scale, width, height)


def open_model(file: Path, manifest: ModelManifest, threads: int = 1) -> ObjectModel:
    """Load the model in ``file``. Raises ModelError when it is not there, not the one of ``manifest``, or unusable."""
    check_file(file, manifest)
    return ObjectModel(manifest, Engine(file, threads))
