"""Drawn scenes as real video, and the testbed where it is present."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.detect_kit import Scene
from vigilar.evaluate.truth import TRUTH_FILE
from vigilar.media.encode import ClipWriter


def _find_testbed() -> Path | None:
    """``VIGILAR_TESTBED``, else ``../shared/testbed`` beside the repository."""
    named = os.environ.get("VIGILAR_TESTBED")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "testbed"
    return folder if (folder / TRUTH_FILE).is_file() else None


TESTBED = _find_testbed()
needs_testbed = pytest.mark.skipif(TESTBED is None, reason="no testbed: neither VIGILAR_TESTBED nor ../shared/testbed")


def film(path: Path, scene: Scene, seconds: float, fps: int, gop: int, scale: int = 2) -> Path:
    """``scene`` as an MP4 of ``scale`` times the size of the analysed picture."""
    path.parent.mkdir(exist_ok=True)
    with ClipWriter(path, 320 * scale, 180 * scale, fps, gop) as writer:
        for n in range(round(seconds * fps)):
            large = np.kron(scene(n / fps), np.ones((scale, scale), np.uint8))
            writer.write(np.ascontiguousarray(np.repeat(large[:, :, None], 3, axis=2)))
    return path
