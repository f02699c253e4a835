"""The committed module decides as the rules say: singly, in a batch and by wasmtime's own call, to the last order."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_modules import COMMITTED_MODULE, GOOD_ORDER, TERMS

from aurora_sim.treaty.policy import DECISIONS, POLICY_ERROR, UNKNOWN_REGION, PolicyHost, TreatyTerms
from aurora_sim.treaty.policy.rules import decide_by_rules

NAN, INF = math.nan, math.inf
TREATIES = (
    TERMS,
    TreatyTerms(0, 1000.0, 100.0, 0),
    TreatyTerms((1 << 64) - 1, INF, INF, 0),
    TreatyTerms(1 << 63, 10.0, 1.0, 100),
    TreatyTerms(0b101, 1000.0, 100.0, 50, halted=True),
    TreatyTerms(0b101, NAN, 100.0, 50),
    TreatyTerms(0b101, 1000.0, NAN, 50),
    TreatyTerms(0b101, 0.0, 0.0, 0xFFFF_FFFF),
)
GPU_HOURS = (1.0, 0.5, 0.1, 99.9, 100.0, 100.00000000000001, 5e-324, 1e308, 0.0, -0.0, -1.0, NAN, INF, -INF)
USED_TODAY = (0.0, 99.0, 99.00000000000001, 0.9, 100.0, NAN, INF, -INF, 1e308)
USED_TOTAL = (0.0, 999.0, 999.0000000000001, 1000.0, 9.0, NAN, INF, 1e308)
REGION = (0, 1, 2, 3, 31, 32, 62, 63, 64, 65, 128, 0x8000_0000, UNKNOWN_REGION)
REPUTATION = (0, 49, 50, 51, 100, 0x8000_0000, 0xFFFF_FFFF)
NONCE_SEEN = (0, 1, 2, 0x8000_0000, 0xFFFF_FFFF)
ORDERS = 20_000


@pytest.fixture(scope="module")
def host():
    with PolicyHost.load(COMMITTED_MODULE, TERMS) as loaded:
        yield loaded


def random_orders(seed: int, count: int) -> list[tuple]:
    chance = random.Random(seed)

    def mostly(ordinary, edges):
        return ordinary if chance.random() < 0.85 else chance.choice(edges)

    return [
        (
            mostly(chance.uniform(0.01, 12.0), GPU_HOURS),
            mostly(chance.uniform(0.0, 105.0), USED_TODAY),
            mostly(chance.uniform(0.0, 1010.0), USED_TOTAL),
            mostly(chance.randrange(3), REGION),
            mostly(chance.randint(45, 100), REPUTATION),
            mostly(0, NONCE_SEEN),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("terms", TREATIES, ids=str)
def test_every_way_to_decide_agrees_on_random_and_edge_orders(host, terms):
    host.amend(terms)
    orders = random_orders(20260105, ORDERS)
    ruled = [decide_by_rules(terms, *order) for order in orders]
    assert [host.decide(*order) for order in orders] == ruled
    assert host.decide_batch(*(np.array(column) for column in zip(*orders, strict=True))).tolist() == ruled
    some = orders[::10]
    assert [host.decide_checked(*order) for order in some] == ruled[::10]


def test_the_random_orders_meet_every_decision(host):
    host.amend(TERMS)
    met = Counter(host.decide(*order) for order in random_orders(20260105, ORDERS))
    assert {DECISIONS[code] for code in met} == set(DECISIONS) - {"treaty_halted"}
    assert met[0] > 1000


def test_every_pair_of_edges_agrees(host):
    host.amend(TERMS)
    edges = (GPU_HOURS, USED_TODAY, USED_TOTAL, REGION, REPUTATION, NONCE_SEEN)
    for one, other in itertools.combinations(range(6), 2):
        for a, b in itertools.product(edges[one], edges[other]):
            order = list(GOOD_ORDER)
            order[one], order[other] = a, b
            assert host.decide(*order) == decide_by_rules(TERMS, *order), order


number = st.floats(allow_nan=True, allow_infinity=True)
unsigned = st.integers(0, 0xFFFF_FFFF)


@settings(max_examples=300, deadline=None)
@given(
    terms=st.builds(TreatyTerms, st.integers(0, (1 << 64) - 1), number, number, unsigned, st.booleans()),
    order=st.tuples(number, number, number, st.integers(0, 70) | unsigned, unsigned, st.integers(0, 2) | unsigned),
)
def test_any_order_under_any_treaty_agrees(host, terms, order):
    host.amend(terms)
    ruled = decide_by_rules(terms, *order)
    assert host.decide(*order) == host.decide_checked(*order) == ruled
    assert host.decide_batch(*([field] for field in order)).tolist() == [ruled]


def test_the_first_rule_that_an_order_breaks_names_the_reason(host):
    host.amend(TreatyTerms(0b1, 0.0, 0.0, 50, halted=True))
    breaks_all = [0.0, 1.0, 1.0, 9, 0, 1]
    assert DECISIONS[host.decide(*breaks_all)] == "malformed_order"
    mended = []
    for mend in (
        lambda order: order.__setitem__(0, 1.0),
        lambda order: host.amend(TreatyTerms(0b1, 0.0, 0.0, 50)),
        lambda order: order.__setitem__(3, 0),
        lambda order: order.__setitem__(5, 0),
        lambda order: order.__setitem__(4, 50),
        lambda order: host.amend(TreatyTerms(0b1, 0.0, 2.0, 50)),
        lambda order: host.amend(TreatyTerms(0b1, 2.0, 2.0, 50)),
    ):
        mend(breaks_all)
        mended.append(DECISIONS[host.decide(*breaks_all)])
    assert mended == [*DECISIONS[1:7], "allow"]


def test_a_quota_reached_exactly_is_allowed_and_a_hair_above_is_not(host):
    host.amend(TERMS)
    assert host.decide(1.0, 99.0, 999.0, 0, 50, 0) == 0
    assert DECISIONS[host.decide(1.0, math.nextafter(99.0, INF), 0.0, 0, 50, 0)] == "tenant_daily_quota"
    assert DECISIONS[host.decide(1.0, 0.0, math.nextafter(999.0, INF), 0, 50, 0)] == "treaty_total_quota"


@pytest.mark.parametrize(
    "order",
    [
        (1.0, 0.0, 0.0, -1, 78, 0),
        (1.0, 0.0, 0.0, 0, 1 << 32, 0),
        (1.0, 0.0, 0.0, 0, 78, -1),
        (1.0, 0.0, 0.0, 0.5, 78, 0),
        (10**400, 0.0, 0.0, 0, 78, 0),
        ("1.0", 0.0, 0.0, 0, 78, 0),
        (None, 0.0, 0.0, 0, 78, 0),
    ],
    ids=str,
)
def test_an_order_that_does_not_fit_its_slot_is_denied_and_harms_no_other(host, order):
    host.amend(TERMS)
    assert host.decide(*order) == host.decide_checked(*order) == POLICY_ERROR
    assert host.decide(*GOOD_ORDER) == 0


def test_a_batch_denies_the_rows_that_do_not_fit_as_single_decisions_do(host):
    host.amend(TERMS)
    regions = [0, -1, 1, 1 << 32, 2]
    rows = [(1.0, 0.0, 0.0, region, 78, 0) for region in regions]
    assert host.decide_batch(*zip(*rows, strict=True)).tolist() == [host.decide(*row) for row in rows]


def test_a_batch_of_any_length_is_cut_into_what_the_module_holds(host):
    host.amend(TERMS)
    for count in (0, 1, host.order_capacity - 1, host.order_capacity, host.order_capacity + 1, 1500):
        orders = random_orders(count, count)
        columns = list(zip(*orders, strict=True)) if orders else [np.zeros(0, dtype=int)] * 6
        assert host.decide_batch(*columns).tolist() == [host.decide(*order) for order in orders]


def test_columns_of_different_length_or_kind_are_a_mistake(host):
    with pytest.raises(ValueError, match="tenant_used_today has shape"):
        host.decide_batch([1.0, 2.0], [0.0], [0.0, 0.0], [0, 0], [78, 78], [0, 0])
    with pytest.raises(TypeError, match="region_index holds float64"):
        host.decide_batch([1.0], [0.0], [0.0], [0.5], [78], [0])
