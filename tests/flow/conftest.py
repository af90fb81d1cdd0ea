"""A push service and a house that tells by it, for the tests of what is told. Others have a ``house`` of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.push_service import PushService, push_service
from tests.notify_kit import NotifyHouse, notify_house
from tests.ports import free_port


@pytest.fixture
def service(tmp_path: Path) -> Iterator[PushService]:
    with push_service(tmp_path, free_port()) as service:
        yield service
        assert service.bad == []


@pytest.fixture
def house(tmp_path: Path, service: PushService) -> Iterator[NotifyHouse]:
    with notify_house(tmp_path, service) as house:
        yield house
