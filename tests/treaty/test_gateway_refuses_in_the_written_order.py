"""A gateway checks halt, schema, source, signature, clock, deadline and tenant in that order, each with a status."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from treaty_orders import an_order

from aurora_sim.treaty.gateway import Gateway, TokenBucketSettings


def a_gateway(tenant: TokenBucketSettings | None = None, source: TokenBucketSettings | None = None) -> Gateway:
    return Gateway(["A100"], ["eu-west-1"], 30.0, 64, tenant, source)


def test_a_good_order_passes():
    assert a_gateway().check(an_order(), 1.0) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gpus", 0),
        ("gpus", 65),
        ("gpu_hours", 0.0),
        ("gpu_hours", -1.0),
        ("gpu_hours", math.inf),
        ("gpu_hours", math.nan),
        ("gpu_type", "B200"),
        ("region", "mars-1"),
        ("max_price_usd_per_hour", 0.0),
        ("max_price_usd_per_hour", math.nan),
        ("max_latency_ms", -1.0),
        ("max_latency_ms", math.nan),
        ("min_reputation", -0.1),
        ("min_reputation", 100.1),
        ("min_reputation", math.nan),
        ("issued_s", math.nan),
        ("issued_s", -math.inf),
        ("deadline_s", 0.0),
        ("deadline_s", math.nan),
    ],
)
def test_a_value_that_no_order_can_have_is_422_and_named(field, value):
    assert a_gateway().check(an_order(**{field: value}), 1.0) == (422, f"schema:{field}")


def test_no_limit_is_a_limit_of_infinity():
    assert a_gateway().check(an_order(max_price_usd_per_hour=math.inf, max_latency_ms=math.inf), 1.0) is None


def test_a_field_found_malformed_by_the_reader_is_named():
    assert a_gateway().check(an_order(malformed_field="nonce"), 1.0) == (422, "schema:nonce")


def test_a_sender_cannot_make_up_reasons():
    assert a_gateway().check(an_order(malformed_field="x" * 1000), 1.0) == (422, "schema:unknown_field")


@pytest.mark.parametrize(
    ("issued_s", "refusal"), [(130.0, None), (130.1, (401, "clock_skew")), (100.0 - 86_370.0, (401, "issued_too_old"))]
)
def test_the_clock_may_differ_by_the_skew(issued_s, refusal):
    assert a_gateway().check(an_order(issued_s=issued_s, deadline_s=1e6), 100.0) == refusal


def test_no_order_outlives_its_nonce():
    # Accepted as early as the skew allows, its nonce is forgotten 86,400 s later: from then on it must be too old.
    order = an_order(issued_s=30.0, deadline_s=1e6)
    assert a_gateway().check(order, 0.0) is None
    assert a_gateway().check(order, 86_399.0) is None
    assert a_gateway().check(order, 86_400.0) == (401, "issued_too_old")


def test_a_deadline_is_passed_when_it_is_reached():
    assert a_gateway().check(an_order(deadline_s=10.0), 9.9) is None
    assert a_gateway().check(an_order(deadline_s=10.0), 10.0) == (422, "deadline_passed")


def test_of_several_faults_the_first_in_order_is_named():
    # Each mend uncovers the next fault: the tenant's and the source's buckets are both empty from the start.
    empty = TokenBucketSettings(rate_per_s=0.001, burst=1)
    gateway = a_gateway(tenant=empty, source=empty)
    assert gateway.check(an_order(), 10.0) is None
    assert gateway.admit(an_order(), 10.0) is None
    gateway.halt("drill")
    faults = {"gpus": 0, "signature_valid": False, "issued_s": 99.0, "deadline_s": 99.0}

    def reason(**mends):
        order = an_order(**{**faults, **mends})
        refusal = gateway.check(order, 10.0) or gateway.admit(order, 10.0)
        return refusal and refusal.reason

    assert reason() == "treaty_halted"
    gateway.resume()
    assert reason() == "schema:gpus"
    mended = {"gpus": 1, "deadline_s": 199.0}
    assert reason(**mended) == "rate_limited"  # the source's bucket, before the signature
    mended["source"] = "a third"
    assert reason(**mended) == "signature_invalid"
    mended.update(source="a fourth", signature_valid=True)
    assert reason(**mended) == "clock_skew"
    mended.update(source="a fifth", issued_s=0.0, deadline_s=10.0)
    assert reason(**mended) == "deadline_passed"
    mended.update(source="a sixth", deadline_s=199.0)
    assert reason(**mended) == "rate_limited"  # the tenant's bucket, last
    mended.update(source="a seventh", tenant_id="a third")
    assert reason(**mended) is None


def test_a_halt_is_lifted_by_its_own_reason_only():
    gateway = a_gateway()
    gateway.halt("attestation-failure")
    gateway.halt("provenance_coverage")
    gateway.resume("provenance_coverage")
    assert gateway.halted
    assert gateway.halt_reasons == ("attestation-failure",)
    assert gateway.check(an_order(), 1.0) == (503, "treaty_halted")
    gateway.resume()
    assert not gateway.halted
    assert gateway.check(an_order(), 1.0) is None


def test_a_halt_stops_orders_like_those_that_passed_before():
    gateway = a_gateway()
    assert gateway.check(an_order(), 1.0) is None
    gateway.halt("drill")
    assert [gateway.check(an_order(), 1.0) for _ in range(2)] == [(503, "treaty_halted")] * 2
    gateway.resume("drill")
    assert gateway.check(an_order(), 1.0) is None


# The good value first; the others are at a limit or beyond it.
VALUES = {
    "gpus": [1, 64, 65, 0],
    "gpu_hours": [1.0, 0.0, math.inf, math.nan],
    "gpu_type": ["A100", "B200"],
    "region": ["eu-west-1", "mars-1"],
    "max_price_usd_per_hour": [3.0, math.inf, 0.0, math.nan],
    "max_latency_ms": [600.0, math.inf, 0.0, math.nan],
    "min_reputation": [50.0, 0.0, 100.0, -0.1, 100.1, math.nan],
    "issued_s": [100.0, 130.0, 131.0, 70.0, 100.0 - 86_370.0, -math.inf, math.nan],
    "deadline_s": [3_600.0, 100.0, 130.0, 71.0, math.inf, math.nan],
    "signature_valid": [True, False],
    "malformed_field": ["", "nonce"],
}
values = st.fixed_dictionaries({name: st.just(of[0]) | st.sampled_from(of) for name, of in VALUES.items()})


@given(st.lists(values, min_size=2, max_size=8))
def test_what_passed_before_changes_no_answer(many):
    gateway = a_gateway()
    for different in many:
        order = an_order(**different)
        wanted = a_gateway().check(order, 100.0)
        assert [gateway.check(order, 100.0) for _ in range(2)] == [wanted] * 2


def test_refusals_are_made_once():
    gateway = a_gateway()
    assert gateway.check(an_order(gpus=0), 1.0) is gateway.check(an_order(gpus=0), 2.0)


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="clock_skew_max_s"):
        Gateway([], [], -1.0, 8)
    with pytest.raises(ValueError, match="max_gpus_per_order"):
        Gateway([], [], 1.0, 0)
    with pytest.raises(ValueError, match="rate_per_s"):
        a_gateway(tenant=TokenBucketSettings(0.0, 1))
    with pytest.raises(ValueError, match="burst"):
        a_gateway(source=TokenBucketSettings(1.0, 0))
