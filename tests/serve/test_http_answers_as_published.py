"""Over real HTTP each path answers what the OpenAPI document says, in JSON, and whatever is sent, never with a 500."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from memory_desk import MemoryDesk, Served, an_order, serving

from aurora_sim.treaty.store.answers import Answer


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as running:
        yield running


def test_an_order_is_accepted_once_and_can_be_asked_for(served: Served) -> None:
    first = served.post(an_order("once"))
    assert (first.status, first.json["status"]) == (202, "accepted")
    assert first.headers["content-type"] == "application/json"
    again = served.post(an_order("once"))
    assert (again.status, again.json["error"], again.json["order_id"]) == (
        409,
        "replayed_nonce",
        first.json["order_id"],
    )
    found = served.ask("GET", f"/orders/{first.json['order_id']}")
    assert (found.status, found.json) == (200, first.json)
    assert served.desk.sources[-1] == "127.0.0.1"


def test_what_breaks_the_schema_is_named(served: Served) -> None:
    wrong_gpus = served.post(json.dumps({**json.loads(an_order()), "gpus": 0}).encode())
    assert (wrong_gpus.status, wrong_gpus.json["error"], wrong_gpus.json["field"]) == (422, "schema", "gpus")
    unknown = served.post(json.dumps({**json.loads(an_order()), "gpu": 1}).encode())
    assert (unknown.status, unknown.json["field"]) == (422, "gpu")
    for body in (b"", b"{", b"[]", b"\xff\xfe", b'{"gpus": NaN}', b'{"a": 1, "a": 2}', b'"\\ud800"', b"[" * 60_000):
        broken = served.post(body)
        assert (broken.status, broken.json["error"], broken.json["field"]) == (422, "schema", ""), body[:20]


def test_a_field_that_utf8_cannot_hold_is_told_back(served: Served) -> None:
    served.desk.script.append(Answer(422, {"error": "schema", "field": "\ud800", "message": "unknown"}))
    assert served.post(b'{"\\ud800": 1}').json["field"] == "\ud800"


def test_only_json_is_taken(served: Served) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"):
        assert served.ask("POST", "/orders", an_order(), {"content-type": kind}).status == 415, kind
    assert served.post(an_order(), content_encoding="gzip").status == 415
    assert (
        served.ask("POST", "/orders", an_order("kind"), {"content-type": "Application/JSON; charset=utf-8"}).status
        == 202
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/orders", 405),
        ("HEAD", "/orders", 405),
        ("OPTIONS", "/orders", 405),
        ("TRACE", "/orders", 405),
        ("DELETE", "/orders/o-1", 405),
        ("POST", "/healthz", 405),
        ("HEAD", "/healthz", 200),
        ("GET", "/orders/", 404),
        ("GET", "/orders/o-1", 404),
        ("GET", "/orders/%00%ff%2f..%2f", 404),
        ("GET", "//", 404),
        ("GET", "/", 404),
        ("GET", "/metrics", 404),
        ("BREW", "/coffee", 404),
        ("POST", "/orders/", 404),
    ],
)
def test_other_methods_and_paths_are_refused_in_json(served: Served, method: str, path: str, status: int) -> None:
    answer = served.ask(method, path)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    if status == 405:
        assert answer.headers["allow"]
    if method != "HEAD":
        assert set(answer.json) == {"error", "message"}


def test_the_documents_are_served(served: Served) -> None:
    assert served.ask("GET", "/schema").json["properties"]["nonce"]
    document = served.ask("GET", "/openapi.json").json
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {"/orders", "/orders/{order_id}", "/healthz", "/schema", "/openapi.json"}


def test_health_says_whether_orders_can_be_decided(served: Served) -> None:
    healthy = served.ask("GET", "/healthz")
    assert (healthy.status, healthy.json["status"], healthy.json["halted"]) == (200, "ok", False)
    served.desk.unavailable = True
    try:
        ill = served.ask("GET", "/healthz")
        assert (ill.status, ill.json["error"], ill.headers["retry-after"]) == (503, "database_unavailable", "1")
        assert served.ask("GET", "/orders/o-1").status == 503
    finally:
        served.desk.unavailable = False


def test_retry_after_is_whole_seconds_and_never_0(served: Served) -> None:
    for seconds, header in ((0.001, "1"), (1.0, "1"), (1.2, "2"), (None, None)):
        served.desk.script.append(Answer(429, {"error": "rate_limited", "message": "Slow down"}, seconds))
        answer = served.post(an_order())
        assert (answer.status, answer.headers.get("retry-after")) == (429, header)


def test_a_desk_that_fails_accepts_nothing_and_goes_on() -> None:
    with serving(MemoryDesk(script=[RuntimeError("a bug")])) as served:
        failed = served.post(an_order())
        assert (failed.status, failed.json["error"], failed.headers["retry-after"]) == (503, "desk_failed", "1")
        assert b"bug" not in failed.body
        assert served.post(an_order()).status == 202
