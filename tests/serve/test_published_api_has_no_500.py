"""Requests made from the published OpenAPI document, good and bad, meet what it says, and never a server error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from memory_desk import Served, serving
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]
GOOD, BAD = GenerationMode.POSITIVE, GenerationMode.NEGATIVE


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as running:
        yield running


@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [
        ("POST", "/orders", GOOD),
        ("POST", "/orders", BAD),
        ("GET", "/orders/{order_id}", GOOD),
        ("GET", "/healthz", GOOD),
        ("GET", "/schema", GOOD),
        ("GET", "/openapi.json", GOOD),
    ],
    ids=str,
)
def test_every_answer_is_a_published_one(served: Served, method: str, path: str, mode: GenerationMode) -> None:
    published = schemathesis.openapi.from_url(f"http://127.0.0.1:{served.port}/openapi.json")
    operation = published[path][method]

    @given(operation.as_strategy(generation_mode=mode))
    @settings(max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS, timeout=10)

    ask()
