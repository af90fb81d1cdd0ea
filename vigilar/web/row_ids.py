"""Numbers in addresses: what no row can have is not found, as any other number without a row."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

MAX_ROW_ID = 2**63 - 1
"""What a database keeps. A larger number would be an error of its driver."""


class RowId(IntegerConverter):
    """``<int:event_id>``."""

    def __init__(self, url_map: Map, *args: Any, **kwargs: Any) -> None:
        super().__init__(url_map, *args, **{"max": MAX_ROW_ID, **kwargs})


def install_row_ids(app: Flask) -> None:
    """Before the first route."""
    app.url_map.converters["int"] = RowId
