"""Promise: each refusal has its status, its reason and its place in the order, and leaves a trace only where it says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from books import check_books, rows
from deployments import NOON_S, Tenant, deploy, open_desk, statuses, submission, world

from aurora_sim.scenario.config import RateLimit
from aurora_sim.treaty.key_files import create_key
from aurora_sim.treaty.keys import editing
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.answers import Answer, Submission
from aurora_sim.treaty.store.deployment import Deployment
from aurora_sim.treaty.store.desk import Desk

NOW_S = NOON_S + 1.0


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return deploy(tmp_path)


@pytest.fixture
def desk(deployment: Deployment) -> Iterator[Desk]:
    desk = open_desk(deployment)
    yield desk
    desk.close()


@pytest.fixture
def tenant(deployment: Deployment) -> Tenant:
    return Tenant(deployment)


def one(desk: Desk, given: Submission, now_s: float = NOW_S) -> Answer:
    return desk.submit([given], now_s)[0]


def test_an_accepted_order_is_answered_with_its_ack_and_kept_with_all_that_belongs_to_it(
    desk: Desk, tenant: Tenant
) -> None:
    answer = one(desk, tenant.submission("n-1", gpus=2, gpu_hours=3.0))
    assert answer.status == 202
    assert answer.body["status"] == "accepted"
    ack = answer.body["ack"]
    assert isinstance(ack, dict)
    assert ack["order_id"] == answer.body["order_id"]
    kept = desk.order(str(answer.body["order_id"]))
    assert kept is not None
    assert kept["ack"] == ack
    assert kept["decision"] == {"code": 0, "reason": "allow"}
    assert kept["attempts"] == [{"provider_id": ack["provider_id"], "result": "accepted"}]
    assert kept["completes_s"] == NOW_S + 1.5 * 3600.0
    assert desk.order("o-unknown") is None


@pytest.mark.parametrize(
    ("changes", "status", "error", "field"),
    [
        ({"gpus": 65}, 422, "schema", "gpus"),
        ({"region": "mars"}, 422, "schema", "region"),
        ({"gpu_type": "Abacus"}, 422, "schema", "gpu_type"),
        ({"treaty_id": "ANOTHER"}, 422, "schema", "treaty_id"),
        ({"issued_s": NOON_S + 3600.0, "deadline_s": NOON_S + 7200.0}, 401, "clock_skew", None),
        ({"issued_s": NOON_S - 86_400.0}, 401, "key_not_yet_valid", None),
        ({"issued_s": NOON_S - 100.0, "deadline_s": NOON_S}, 422, "deadline_passed", None),
        ({"gpu_hours": 60_001.0}, 403, "tenant_daily_quota", None),
        ({"max_price_usd_per_hour": 0.01}, 503, "no_route:price", None),
    ],
)
def test_each_refusal_has_its_status_and_names_the_field(
    changes: dict[str, object], status: int, error: str, field: str | None, desk: Desk, tenant: Tenant
) -> None:
    answer = one(desk, tenant.submission("n-1", **changes))
    assert (answer.status, answer.body["error"], answer.body.get("field")) == (status, error, field)
    assert (answer.retry_after_s is not None) == (status == 503)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"gpus": 1}', b"\xff", b'{"nonce": "a", "nonce": "b"}'])
def test_what_is_no_order_is_422(body: bytes, desk: Desk) -> None:
    answer = one(desk, Submission(body, "127.0.0.1"))
    assert (answer.status, answer.body["error"]) == (422, "schema")


def test_any_changed_field_breaks_the_signature(desk: Desk, tenant: Tenant) -> None:
    order = tenant.order()
    for name, value in (("gpu_hours", 2.0), ("nonce", "other"), ("tenant_id", "tenant-dao"), ("region", "us-west-2")):
        changed = order.model_copy(update={name: value})
        answer = one(desk, submission(changed))
        assert (answer.status, answer.body["error"]) == (
            401,
            "key_owner" if name == "tenant_id" else "signature_invalid",
        )


def test_a_revoked_key_signs_nothing_from_the_next_batch_on(deployment: Deployment, desk: Desk, tenant: Tenant) -> None:
    assert one(desk, tenant.submission()).status == 202
    with editing(deployment.registry) as registry:
        registry.revoke(tenant.order().key_id, "stolen", NOW_S)
    answer = one(desk, tenant.submission())
    assert (answer.status, answer.body["error"]) == (401, "key_revoked")


def test_without_a_readable_registry_nothing_is_let_in(deployment: Deployment, desk: Desk, tenant: Tenant) -> None:
    deployment.registry.write_text("{")
    answer = one(desk, tenant.submission())
    assert (answer.status, answer.body["error"]) == (503, "keys_unavailable")


def test_a_tenant_that_the_configuration_does_not_know_is_nobody(deployment: Deployment, desk: Desk) -> None:
    with editing(deployment.registry) as registry:
        signer = create_key(deployment.keys, "tenant:tenant-new")
        registry.add("tenant:tenant-new", signer.public_key, NOON_S - 100.0)
    answer = one(desk, Tenant(deployment, "tenant-new").submission())
    assert (answer.status, answer.body["error"]) == (401, "tenant_unknown")


def test_a_replay_names_the_order_that_holds_the_nonce_and_is_counted(
    deployment: Deployment, desk: Desk, tenant: Tenant
) -> None:
    first = tenant.submission("n-1")
    other = tenant.submission("n-1", gpu_hours=2.0)
    answers = desk.submit([first, first, other], NOW_S)
    assert statuses(answers) == [202, 409, 409]
    assert {answer.body["order_id"] for answer in answers} == {answers[0].body["order_id"]}
    assert one(desk, other).status == 409
    replay = rows(deployment.db, tables.replays)[0]
    assert (replay["nonce"], replay["times"], replay["tenant_id"]) == ("n-1", 3, "tenant-research")
    assert one(desk, Tenant(deployment, "tenant-dao").submission("n-1")).status == 202  # another's nonce is another


def test_a_nonce_comes_free_after_its_time_but_the_same_order_does_not(desk: Desk, tenant: Tenant) -> None:
    assert one(desk, tenant.submission("n-1")).status == 202
    later_s = NOW_S + 86_400.0
    times = {"issued_s": later_s, "deadline_s": later_s + 600.0}
    assert one(desk, tenant.submission("n-1", **times), later_s - 0.001).status == 409
    assert one(desk, tenant.submission("n-1", **times), later_s).status == 202


def test_denied_orders_use_their_nonce_up_and_no_quota_and_unfilled_ones_neither(
    deployment: Deployment, desk: Desk, tenant: Tenant
) -> None:
    denied = tenant.submission("n-1", gpu_hours=60_001.0)
    unfilled = tenant.submission("n-2", max_price_usd_per_hour=0.01)
    assert statuses(desk.submit([denied, unfilled, unfilled], NOW_S)) == [403, 503, 503]
    assert statuses(desk.submit([denied, unfilled], NOW_S)) == [409, 503]
    assert {row["nonce"] for row in rows(deployment.db, tables.nonces)} == {"n-1"}
    assert sorted(row["outcome"] for row in rows(deployment.db, tables.orders)) == ["denied", "unroutable"]
    assert check_books(deployment.db) == []


def test_the_quota_is_reached_exactly_and_not_exceeded(tmp_path: Path) -> None:
    deployment = deploy(tmp_path, config=world(quota_gpu_hours_daily_per_tenant=1.0, quota_gpu_hours_total=1.5))
    desk, research, dao = open_desk(deployment), Tenant(deployment), Tenant(deployment, "tenant-dao")
    tenths = [research.submission(gpu_hours=0.1) for _ in range(11)]
    assert statuses(desk.submit(tenths, NOW_S)) == [202] * 10 + [403]
    assert one(desk, dao.submission(gpu_hours=0.6)).body["error"] == "treaty_total_quota"
    halves = [dao.submission(gpu_hours=0.25) for _ in range(3)]
    assert [answer.body.get("error") for answer in desk.submit(halves, NOW_S)] == [None, None, "treaty_total_quota"]
    assert len(check_books(deployment.db)) == 12
    desk.close()


def test_rates_are_429_and_leave_the_nonce_free(tmp_path: Path) -> None:
    config = world()
    rate = RateLimit(rate_per_s=0.5, burst=2)
    config = config.model_copy(update={"gateway": config.gateway.model_copy(update={"tenant_rate": rate})})
    deployment = deploy(tmp_path, config=config)
    desk, tenant = open_desk(deployment), Tenant(deployment)
    given = [tenant.submission() for _ in range(3)]
    answers = desk.submit(given, NOW_S)
    assert statuses(answers) == [202, 202, 429]
    assert answers[2].retry_after_s == 2.0
    assert one(desk, given[2], NOW_S + 2.0).status == 202
    assert len(rows(deployment.db, tables.orders)) == 3
    desk.close()


def test_the_sources_rate_is_before_the_signature(tmp_path: Path) -> None:
    config = world()
    rate = RateLimit(rate_per_s=1.0, burst=1)
    config = config.model_copy(update={"gateway": config.gateway.model_copy(update={"source_rate": rate})})
    deployment = deploy(tmp_path, config=config)
    desk, tenant = open_desk(deployment), Tenant(deployment)
    forged = submission(tenant.order().model_copy(update={"gpu_hours": 9.0}), "10.0.0.9")
    assert statuses(desk.submit([forged, forged, tenant.submission()], NOW_S)) == [401, 429, 202]
    desk.close()


def test_answers_are_json(desk: Desk, tenant: Tenant) -> None:
    for answer in desk.submit([tenant.submission(), Submission(b"?", "x")], NOW_S):
        assert json.loads(json.dumps(answer.body)) == answer.body
