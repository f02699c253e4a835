"""Ties: 1. the higher score; 2. the lower price; 3. the provider id; whatever the order of the view."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from treaty_orders import an_order

from aurora_sim.treaty.ranking import Preferences, ProviderView, explain, rank, score

B = ProviderView(
    provider_id="b",
    active=True,
    regions=frozenset({"global"}),
    price_usd_per_hour={"A100": 2.0},
    capacity_gpus={"A100": 8},
    free_gpus={"A100": 4},
    latency_ms=100.0,
    reputation=50.0,
)
A = replace(B, provider_id="a")
CHEAPER = replace(B, provider_id="z", price_usd_per_hour={"A100": 1.0})
REPUTED = replace(B, provider_id="y", reputation=90.0)
BY_REPUTATION = Preferences(price=0.0, latency=0.0, reputation=1.0, capacity=0.0)


@pytest.mark.parametrize("views", list(permutations([B, A, CHEAPER, REPUTED])))
def test_the_rules_in_their_order(views):
    assert rank(views, an_order(), BY_REPUTATION) == ["y", "z", "a", "b"]


def test_the_score_is_the_formula():
    # 2 x (1 x 1/2 + 2 x 80/100 + 3 x 50/100 + 4 x 4/8) / (1 + 2 + 3 + 4)
    preferences = Preferences(price=1.0, latency=2.0, reputation=3.0, capacity=4.0)
    assert score(replace(B, routing_weight=2.0), "A100", preferences, 1.0, 80.0) == pytest.approx(1.12)


def test_the_cheapest_counts_even_when_it_is_full_for_this_order():
    # A provider cut by its free GPUs still sets the scale: the scores do not depend on the order's own limits.
    full = replace(CHEAPER, free_gpus={"A100": 0})
    by_price = Preferences(price=1.0, latency=0.0, reputation=0.0, capacity=0.0)
    assert [verdict.score for verdict in explain([full, B], an_order(), by_price).verdicts] == [0.5, None]
