"""The API as its document describes it, asked with what a program makes of that: no bug, and refusals in their form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings

from tests.browser.house import House, open_house
from vigilar.web.openapi import openapi_document

ENDLESS = ("/events/stream", "/mjpeg")
PROGRAM = {"Accept": "application/json"}

HARMFUL = ("/logout", "/api/v1/cameras/test", "/retry")
"""Signing out would end the test; trying a camera starts a program; a retry needs the bus."""

_SCHEMA = schemathesis.openapi.from_dict(openapi_document())


def operations() -> list[Any]:
    """Each method of each address that ends."""
    results: Iterator[Any] = _SCHEMA.get_all_operations()
    found = [one.ok() for one in results]
    return [one for one in found if not any(mark in one.path for mark in (*ENDLESS, *HARMFUL))]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        house.event()
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


@pytest.mark.parametrize("operation", operations(), ids=lambda one: f"{one.method.upper()} {one.path}")
def test_whatever_the_document_allows_is_answered_properly(owner: FlaskClient, operation: Any) -> None:
    """No 500; a refusal is problem+json with a type and a sentence; a success is of the documented kind."""

    @settings(
        max_examples=15,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        sent = case.as_transport_kwargs()
        body = {"json": sent["json"]} if "json" in sent else {}
        query = {name: str(value) for name, value in (case.query or {}).items()}
        response = owner.open(
            case.formatted_path, method=case.method, query_string=query, headers=PROGRAM, buffered=True, **body
        )
        assert response.status_code < 500 or response.status_code == 503, response.text
        if response.status_code >= 400:
            assert response.mimetype == "application/problem+json"
            facts = response.get_json()
            assert facts["type"]
            assert facts["detail"].endswith((".", "?", "!")), facts["detail"]

    ask()
