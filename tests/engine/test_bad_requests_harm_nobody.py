"""Bad requests are refused at the door, never filled, and leave every honest order's row as it was, to the byte."""

from __future__ import annotations

from collections import Counter

import pytest
from engine_runs import a_config, simulate

EXPECTED = {
    "schema": {("rejected", "schema:gpu_type")},
    "signature": {("rejected", "signature_invalid")},
    "replay": {("denied", "replayed_nonce")},
    "clock-skew": {("rejected", "clock_skew")},
    "expired": {("rejected", "deadline_passed")},
}


def bad_requests(kind, rate=1.0, **different):
    return {"at": "2m", "for": "15m", "fault": "bad-requests", "kind": kind, "rate": rate, "id": "bad", **different}


@pytest.fixture(scope="module")
def calm():
    return simulate()


@pytest.fixture(scope="module", params=EXPECTED)
def struck(request):
    return request.param, simulate(bad_requests(request.param))


def test_honest_orders_have_the_same_rows(calm, struck):
    assert struck[1].honest() == calm.rows


def test_all_are_refused_for_what_is_wrong_with_them(struck):
    kind, seen = struck
    bad = seen.bad()
    assert len(bad) > 700
    outcomes = Counter((row["outcome"], row["reason"]) for row in bad)
    assert set(outcomes) == EXPECTED[kind]


def test_what_was_refused_never_reached_a_provider(struck):
    for row in struck[1].bad():
        assert (row["attempts"], row["provider_id"], row["bridge"], row["rtt_ms"]) == ("0", "", "", "")
        assert row["policy_code"] == ("3" if row["outcome"] == "denied" else "")


def test_the_fill_rate_does_not_see_them(calm, struck):
    for reading, undisturbed in zip(struck[1].readings, calm.readings, strict=True):
        assert reading.fill_rate == undisturbed.fill_rate
        assert reading.fill_rate_gpu_hours == undisturbed.fill_rate_gpu_hours
        assert reading.dropped_5m == undisturbed.dropped_5m


@pytest.mark.parametrize("kind", ["schema", "signature", "clock-skew"])
def test_a_flood_of_them_harms_nobody_either(calm, kind):
    seen = simulate(bad_requests(kind, 30.0))
    assert seen.honest() == calm.rows
    assert {row["outcome"] for row in seen.bad()} == {"rejected"}


def test_a_flood_of_replays_takes_no_tenant_s_budget(calm):
    assert simulate(bad_requests("replay", 30.0)).honest() == calm.rows


def test_a_flood_of_replays_is_never_filled():
    assert not [
        row for row in simulate(bad_requests("replay", 30.0)).bad() if row["outcome"] not in ("denied", "rejected")
    ]


def test_clock_skew_is_refused_where_none_is_allowed():
    seen = simulate(bad_requests("clock-skew"), world=a_config(gateway={"clock_skew_max": 0.0}))
    assert {row["outcome"] for row in seen.bad()} == {"rejected"}


def test_honest_orders_pass_where_no_skew_is_allowed(calm):
    assert simulate(world=a_config(gateway={"clock_skew_max": 0.0})).text == calm.text


def test_bad_requests_of_one_tenant_are_in_its_name_alone():
    seen = simulate(bad_requests("signature", tenant="tenant-dao"))
    assert {row["tenant_id"] for row in seen.bad()} == {"tenant-dao"}
