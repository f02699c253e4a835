"""The router's cached ranking is the pure ranking, for every view, order, weights and refresh in between."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from treaty_orders import an_order

from aurora_sim.treaty.ranking import BALANCED, FILTERS, Preferences, ProviderView, explain, no_route_reason, rank
from aurora_sim.treaty.router import Router, _Ranking

# Few and coarse values, so that ties, exact limits and empty rankings come up often.
TYPES = ["A100", "H100"]
weights = st.sampled_from([0.0, 0.5, 1.0, 3.0])
preferences = st.builds(Preferences, price=weights, latency=weights, reputation=weights, capacity=st.just(0.5))


@st.composite
def a_view(draw, provider_id):
    types = draw(st.sets(st.sampled_from(TYPES)))
    free = {gpu_type: draw(st.integers(0, 8)) for gpu_type in sorted(types)}
    return ProviderView(
        provider_id=provider_id,
        active=draw(st.sampled_from([True, True, True, False])),
        regions=draw(st.sampled_from([frozenset({"eu-west-1"}), frozenset({"us-west-2"}), frozenset({"global"})])),
        price_usd_per_hour={gpu_type: draw(st.sampled_from([1.0, 2.0, 2.5])) for gpu_type in sorted(types)},
        capacity_gpus=dict.fromkeys(sorted(types), 8),
        free_gpus=free,
        latency_ms=draw(st.sampled_from([100.0, 300.0])),
        reputation=draw(st.sampled_from([40.0, 60.0, 80.0])),
        routing_weight=draw(st.sampled_from([0.0, 1.0, 1.0, 2.0])),
    )


views = st.tuples(*(a_view(provider_id) for provider_id in "dbca"))
orders = st.builds(
    an_order,
    # Mostly the same key, so that orders meet the list that an order with other limits left behind.
    tenant_id=st.sampled_from(["tenant-research"] * 3 + ["tenant-dao", "tenant-without-preferences"]),
    gpu_type=st.sampled_from(["A100", "A100", "A100", "H100"]),
    region=st.sampled_from(["eu-west-1", "eu-west-1", "eu-west-1", "us-west-2"]),
    gpus=st.integers(1, 8),
    max_price_usd_per_hour=st.sampled_from([0.5, 1.0, 2.0, 9.0]),
    max_latency_ms=st.sampled_from([50.0, 100.0, 900.0]),
    min_reputation=st.sampled_from([0.0, 60.0, 90.0]),
)


@given(st.lists(views, min_size=1, max_size=3), st.lists(orders, min_size=2, max_size=12), preferences, preferences)
def test_cached_is_pure(healths, orders, research, dao):
    wanted = {"tenant-research": research, "tenant-dao": dao}
    router = Router(wanted)
    for views in healths:
        router.refresh(views)
        for order in orders:
            tenant = wanted.get(order.tenant_id, BALANCED)
            ranked = rank(views, order, tenant)
            assert [*router.rank(order)] == ranked
            assert [*router.rank(order)] == ranked
            assert router.explain(order).ranked == ranked
            assert (router.no_route_reason(order) == "") == bool(ranked)
            assert len(router.explain(order).verdicts) == len(views)


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "free_gpus": st.fixed_dictionaries({"A100": st.integers(0, 220)}),
        "active": st.booleans(),
        "regions": st.sampled_from([frozenset({"eu-west-1"}), frozenset({"global"}), frozenset()]),
        "price_usd_per_hour": st.fixed_dictionaries({"A100": st.sampled_from([0.9, 1.8, 3.6])}),
        "capacity_gpus": st.fixed_dictionaries({"A100": st.sampled_from([0, 220, 440])}),
        "latency_ms": st.sampled_from([30.0, 300.0, 1200.0]),
        "reputation": st.sampled_from([50.0, 78.0, 99.0]),
        "routing_weight": st.sampled_from([0.0, 1.0, 2.5]),
    },
)


@given(st.lists(st.tuples(st.sampled_from(["akash", "flux", "salad"]), CHANGES), max_size=8), preferences)
def test_whatever_a_health_check_finds_changed_changes_the_scores(changes, wanted):
    """Most of a score is kept from check to check: not a part of it may be older than what it was made of."""
    views = {name: replace(GOOD, provider_id=name) for name in ("akash", "flux", "salad")}
    router = Router({"tenant-research": wanted})
    order = an_order(
        tenant_id="tenant-research", gpus=0, max_price_usd_per_hour=9.0, max_latency_ms=2000.0, min_reputation=0.0
    )  # whose limits cut nobody
    for name, change in [("akash", {}), *changes]:
        views[name] = replace(views[name], **change)
        router.refresh([*views.values()])
        explained = explain([*views.values()], order, wanted)
        assert [*router.rank(order)] == explained.ranked
        kept = [verdict for verdict in explained.verdicts if not verdict.cut_by]
        rows = router._rankings["tenant-research", order.region, order.gpu_type].rows
        assert [-row.minus_score for row in rows] == [verdict.score for verdict in kept]


def test_a_ranking_is_scored_once_between_health_checks(monkeypatch):
    scored = []
    score = _Ranking.score
    monkeypatch.setattr(
        _Ranking, "score", lambda self, *view: scored.extend(row.provider_id for row in self.rows) or score(self, *view)
    )
    router = Router({})
    router.refresh([GOOD])
    for gpus in (1, 2, 8):
        router.rank(an_order(gpus=gpus))
    assert scored == ["akash"]
    router.refresh([GOOD])
    router.rank(an_order())
    assert scored == ["akash"] * 2


@given(views, st.dictionaries(st.sampled_from("abcd"), st.sampled_from([0.0, 0.5, 4.0])), orders)
def test_set_weights_is_the_view_with_those_weights(views, weights, order):
    router = Router({})
    router.refresh(views)
    router.rank(order)
    router.set_weights(weights)
    weighted = [replace(v, routing_weight=weights.get(v.provider_id, v.routing_weight)) for v in views]
    assert router.rank(order) == rank(weighted, order, BALANCED)
    router.refresh(views)
    assert router.rank(order) == rank(weighted, order, BALANCED)
    router.set_weights({})
    assert router.rank(order) == rank(views, order, BALANCED)


GOOD = ProviderView(
    provider_id="akash",
    active=True,
    regions=frozenset({"eu-west-1"}),
    price_usd_per_hour={"A100": 1.8},
    capacity_gpus={"A100": 220},
    free_gpus={"A100": 4},
    latency_ms=300.0,
    reputation=78.0,
)
# Each mends one filter more than the one before.
CUTS = [
    ("inactive", replace(GOOD, active=False, routing_weight=0.0)),
    ("drained", replace(GOOD, routing_weight=0.0, regions=frozenset())),
    ("region", replace(GOOD, regions=frozenset({"us-west-2"}), price_usd_per_hour={})),
    ("gpu_type", replace(GOOD, price_usd_per_hour={"H100": 9.0}, latency_ms=9e9)),
    ("price", replace(GOOD, price_usd_per_hour={"A100": 9.0}, latency_ms=9e9)),
    ("latency", replace(GOOD, latency_ms=9e9, reputation=1.0)),
    ("reputation", replace(GOOD, reputation=1.0, free_gpus={})),
    ("capacity", replace(GOOD, free_gpus={"A100": 0})),
]


def test_every_filter_has_its_case():
    assert [name for name, _ in CUTS] == list(FILTERS)


@pytest.mark.parametrize(("name", "view"), CUTS)
def test_the_first_filter_in_order_names_the_reason(name, view):
    assert rank([view], an_order(), BALANCED) == []
    assert no_route_reason([view], an_order()) == f"no_route:{name}"


def test_the_furthest_filter_of_all_providers_is_the_reason():
    assert no_route_reason([view for _, view in CUTS[:6]], an_order()) == "no_route:latency"
    assert no_route_reason([GOOD, *(view for _, view in CUTS)], an_order()) == ""
    assert no_route_reason([], an_order()) == "no_route:no_providers"


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "worse",
    [{"price_usd_per_hour": {"A100": 9.0}}, {"latency_ms": 9e3}, {"reputation": 1.0}, {"free_gpus": {"A100": 0}}],
)
def test_who_is_beyond_a_limit_is_cut_wherever_it_stands(worse, place):
    views = [replace(GOOD, provider_id=name) for name in "abc"]
    views[place] = replace(views[place], **worse)
    router = Router({})
    router.refresh(views)
    assert {*router.rank(an_order())} == {*"abc"} - {"abc"[place]}


def test_a_weight_for_an_unknown_provider_is_refused():
    router = Router({})
    router.refresh([GOOD])
    with pytest.raises(ValueError, match="akahs"):
        router.set_weights({"akahs": 2.0})


@pytest.mark.parametrize(
    "wrong",
    [
        {"latency_ms": 0.0},
        {"reputation": 101.0},
        {"routing_weight": -1.0},
        {"routing_weight": float("nan")},
        {"price_usd_per_hour": {"A100": 0.0}},
    ],
)
def test_an_impossible_view_is_refused(wrong):
    with pytest.raises(ValueError, match="akash"):
        replace(GOOD, **wrong)


@pytest.mark.parametrize("wrong", [{"price": -1.0}, {"price": float("nan")}, dict.fromkeys(BALANCED.__slots__, 0.0)])
def test_impossible_preferences_are_refused(wrong):
    with pytest.raises(ValueError, match="weights"):
        Preferences(**wrong)
