"""Where models of objects lie, and whether there is one; what is in them only ``detect.objects`` knows."""

from __future__ import annotations

from pathlib import Path

FOLDER = "models"
"""Below the data folder."""


def has_model(data_dir: Path) -> bool:
    """Whether a model is installed: a manifest with its network beside it. Cheap; False where nothing can be read."""
    try:
        return any(one.with_suffix(".onnx").exists() for one in (data_dir / FOLDER).glob("*.json"))
    except OSError:
        return False
