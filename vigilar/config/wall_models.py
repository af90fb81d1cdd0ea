"""Settings of screens on the wall."""

from __future__ import annotations

from pydantic import Field

from vigilar.config.table import Table
from vigilar.config.values import FolderPath, takes


class Wall(Table):
    """Screens on the wall."""

    pictures: FolderPath = Field(
        default="",
        description="A folder with pictures of your own (JPEG, PNG, WebP, also in folders within) that a screen on the "
        "wall can show while nothing happens. The service must be able to read it; nothing is ever written there.",
        json_schema_extra=takes("absolute path of a folder"),
    )
